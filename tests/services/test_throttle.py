"""Rates that workers share: one Valkey, several workers, the same numbers as the arithmetic, and no Valkey."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import redis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from campaigns import embedded, rates
from campaigns.parts import Parts
from campaigns.rates import SharedRates
from mailer.buckets import BURST_S, FORGET_S, LocalBuckets
from mailer.throttle import Breaker, Limits, Result, account_key

NOW = 1_790_000_000.0
SLOW = Result(
    throttled=1, wait_s=60.0, reason="reputation", code=421, text="4.7.28 for taro@a.example: slow down"
)


def shared(parts: Parts, text: str = "a.example=2/s", **options: Any) -> SharedRates:
    return SharedRates(parts.redis, Limits.parse(text), **options)


_KEYS = st.sampled_from(["a.example", "b.example", "free.example", "account:main"])
_RESULTS = st.builds(
    Result,
    answered=st.integers(0, 5),
    throttled=st.integers(0, 1),
    stopped=st.integers(0, 1),
    broken=st.integers(0, 3),
    unused=st.integers(0, 4),
    wait_s=st.sampled_from([0.0, 30.0, 1e9]),
)
_STEPS = st.lists(
    st.tuples(
        st.floats(0, 200, allow_subnormal=False),
        st.one_of(
            st.dictionaries(_KEYS, st.integers(0, 30), min_size=1),
            st.dictionaries(_KEYS, _RESULTS, min_size=1),
        ),
    ),
    max_size=25,
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=_STEPS)
def test_the_script_gives_the_numbers_of_the_arithmetic(parts: Parts, steps: list[Any]) -> None:
    parts.redis.flushdb()
    limits = Limits.parse("a.example=2/s,b.example=6/min,*=0", accounts={"main": 3.0})
    here, there, at = LocalBuckets(limits), SharedRates(parts.redis, limits), NOW
    for pause, step in steps:
        at += pause
        if all(isinstance(value, int) for value in step.values()):
            assert there.take(step, now_s=at) == here.take(step, now_s=at)
        else:
            there.report(step, now_s=at)
            here.report(step, now_s=at)
    assert not there.is_away


def test_workers_that_share_a_server_together_never_exceed_a_limit(parts: Parts) -> None:
    """Four workers as threads, each with its own connection, asking as fast as they can by Valkey's clock."""
    began, ended = threading.Barrier(4), time.monotonic() + 1.5
    limit = 40.0

    def work(_: int) -> list[int]:
        own = SharedRates(parts.redis, Limits.parse(f"a.example={limit}/s"))
        began.wait()
        granted = []
        while time.monotonic() < ended:
            granted.append(own.take({"a.example": 7, "b.example": 1})["a.example"].granted)
        assert not own.is_away
        return granted

    started = time.monotonic()
    with ThreadPoolExecutor(4) as pool:
        counts = list(pool.map(work, range(4)))
    most = limit * (BURST_S + time.monotonic() - started)
    total = sum(sum(count) for count in counts)
    assert limit * (BURST_S + 1.0) <= total <= most
    assert sum(1 for count in counts if sum(count)) >= 2, "one worker alone got everything"


def test_one_throttled_domain_is_known_to_every_worker_and_the_others_keep_their_rate(parts: Parts) -> None:
    one, two = shared(parts), shared(parts)
    one.take({"a.example": 5, "b.example": 5}, now_s=NOW)
    one.report({"a.example": SLOW}, now_s=NOW)
    grants = two.take({"a.example": 5, "b.example": 500}, now_s=NOW + 1)
    assert (grants["a.example"].granted, grants["a.example"].state) == (0, Breaker.OPEN)
    assert grants["b.example"].granted == 500
    probes = [worker.take({"a.example": 5}, now_s=NOW + 61)["a.example"].granted for worker in (one, two)]
    assert sorted(probes) == [0, 1], "one probe for both workers"
    two.report({"a.example": Result(answered=1)}, now_s=NOW + 62)
    assert one.take({"a.example": 1}, now_s=NOW + 70)["a.example"].state is Breaker.CLOSED


def test_a_batch_is_one_round_trip_whatever_it_holds(parts: Parts) -> None:
    limiter = shared(parts)
    wanted = {f"{n}.example": 1 for n in range(500)}
    limiter.take(wanted)
    before = calls(parts.redis)
    limiter.take(wanted)
    limiter.report({key: Result(answered=1, broken=1) for key in wanted})
    assert calls(parts.redis) - before == 2


def calls(client: redis.Redis) -> int:
    stats: dict[str, Any] = client.info("commandstats")  # type: ignore[assignment]
    return sum(int(stats.get(f"cmdstat_{name}", {}).get("calls", 0)) for name in ("evalsha", "eval"))


def test_nothing_is_kept_of_ordinary_domains_and_nothing_for_ever(parts: Parts) -> None:
    limiter = shared(parts)
    limiter.take({"a.example": 1, "free.example": 9, "bad.example": 3})
    limiter.report({"free.example": Result(answered=9), "bad.example": SLOW})
    ttls = {key.decode(): parts.redis.pttl(key) / 1000 for key in parts.redis.keys("ikusei:*")}  # type: ignore[union-attr, operator]
    index = ttls.pop(rates.INDEX)
    assert set(ttls) == {rates.PREFIX + "a.example", rates.PREFIX + "bad.example"}
    assert 0 < ttls[rates.PREFIX + "a.example"] <= 60
    assert FORGET_S < ttls[rates.PREFIX + "bad.example"] <= FORGET_S + 60
    assert index == -0.001, "the index forgets by score"


def test_the_page_sees_state_rate_reason_and_words_without_addresses(parts: Parts) -> None:
    limiter = SharedRates(parts.redis, Limits.parse("a.example=2/s,b.example=4/s", accounts={"main": 9.0}))
    limiter.take({"a.example": 1, "b.example": 1, account_key("main"): 1}, now_s=NOW)
    limiter.report({"a.example": SLOW}, now_s=NOW)
    first, second = rates.states(parts.redis, now_s=NOW + 10)
    assert (first.domain, first.state, first.rate_per_s) == ("a.example", Breaker.OPEN, 1.0)
    assert first.until == datetime.fromtimestamp(NOW + 60, UTC)
    assert (first.reason, first.last_code) == ("reputation", 421)
    assert first.last_text == "4.7.28 for …@a.example: slow down"
    assert (second.domain, second.state, second.rate_per_s, second.until) == (
        "b.example",
        Breaker.CLOSED,
        4.0,
        None,
    )
    assert [state.domain for state in rates.account_states(parts.redis, now_s=NOW + 1)] == ["main"]
    assert rates.states(parts.redis, now_s=NOW + 61)[0].state is Breaker.HALF_OPEN
    assert rates.states(parts.redis, now_s=NOW + 2 * FORGET_S) == []


@pytest.fixture
def own_valkey(tmp_path: Path) -> Iterator[embedded.Server]:
    server = embedded.valkey(tmp_path)
    yield server
    server.stop()


def test_without_redis_each_worker_keeps_its_part_and_nothing_raises(own_valkey: embedded.Server) -> None:
    limiter = SharedRates(
        redis.Redis.from_url(own_valkey.url),
        Limits.parse("a.example=4/s,b.example=4/s,c.example=4/s"),
        workers=2,
    )
    limiter.take({"a.example": 100, "b.example": 1, "free.example": 3})
    limiter.report({"b.example": SLOW})
    limiter.take({"b.example": 1})
    own_valkey.process.kill()
    own_valkey.process.wait()

    began, now = time.monotonic(), time.time()
    spent = limiter.take({"a.example": 100, "b.example": 5, "c.example": 100, "free.example": 300})
    assert limiter.is_away
    assert spent["a.example"].granted <= 4, "what was spent by Redis' count stays spent"
    assert spent["b.example"].granted == 0, "a rest goes on"
    assert spent["b.example"].next_at_s > now + 50
    assert spent["c.example"].granted == 2 * BURST_S, "half of the limit: two workers"
    assert spent["free.example"].granted == 300
    limiter.report({"c.example": SLOW})
    assert limiter.take({"c.example": 1})["c.example"].granted == 0
    for n in range(200):
        limiter.take({"a.example": n})
    assert time.monotonic() - began < 3, "a dead server costs one question, not one a batch"
    assert rates.states(redis.Redis.from_url(own_valkey.url)) == []


def test_when_redis_is_back_it_counts_again(
    own_valkey: embedded.Server, tmp_path: Path, monkeypatch: Any
) -> None:
    monkeypatch.setattr(rates, "AWAY_S", 0.05)
    limiter = SharedRates(redis.Redis.from_url(own_valkey.url), Limits.parse("a.example=4/s"))
    limiter.report({"a.example": SLOW})
    own_valkey.process.kill()
    own_valkey.process.wait()
    limiter.take({"a.example": 1})
    assert limiter.is_away
    again = embedded.valkey(tmp_path)
    try:
        time.sleep(0.1)
        grant = limiter.take({"a.example": 1})["a.example"]
        assert not limiter.is_away
        assert grant.state is Breaker.OPEN, "the rest survived in the append-only file"
    finally:
        again.stop()
