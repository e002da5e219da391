"""Buckets and breakers under a clock that the tests move."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailer import buckets, replies, tally, throttle
from mailer.buckets import BURST_S, Bucket, LocalBuckets
from mailer.operators import OPERATORS
from mailer.replies import Stage
from mailer.throttle import Breaker, Grant, Limits, Result, account_key, domain_key

NOW = 1_790_000_000.0
OK = Result(answered=1)
SLOW = Result(throttled=1, reason="throttled", code=421, text="4.7.0 slow down")


def limiter(text: str = "slow.example=2/s,*=0", **accounts: float) -> LocalBuckets:
    return LocalBuckets(Limits.parse(text, accounts=accounts))


def take(buckets: LocalBuckets, key: str, n: int = 1, *, at: float = 0.0) -> Grant:
    return buckets.take({key: n}, now_s=NOW + at)[key]


def test_a_421_stops_its_domain_and_no_other() -> None:
    local = limiter("slow.example=2/s,fine.example=2/s,*=0")
    for at in range(0, 3600, 5):
        grants = local.take({"slow.example": 10, "fine.example": 10, "free.example": 500}, now_s=NOW + at)
        assert grants["fine.example"].granted == 10
        assert grants["free.example"].granted == 500
        if at == 0:
            local.report({"slow.example": SLOW, "fine.example": Result(answered=10)}, now_s=NOW)
        elif at < 60:
            assert grants["slow.example"].granted == 0
            assert grants["slow.example"].next_at_s >= NOW + 60


def test_rests_grow_from_one_minute_to_an_hour_and_one_answer_resets_them() -> None:
    local, at, rests = limiter(), 0.0, []
    for _ in range(9):
        assert take(local, "a.example", 5, at=at).granted >= 1
        local.report({"a.example": SLOW}, now_s=NOW + at)
        waits = take(local, "a.example", at=at)
        assert (waits.granted, waits.state) == (0, Breaker.OPEN)
        rests.append(waits.next_at_s - (NOW + at))
        at += rests[-1]
    assert rests == [60, 120, 240, 480, 960, 1920, 3600, 3600, 3600]
    assert take(local, "a.example", at=at).state is Breaker.HALF_OPEN
    local.report({"a.example": OK}, now_s=NOW + at)
    assert take(local, "a.example", at=at + 60).state is Breaker.CLOSED
    local.report({"a.example": SLOW}, now_s=NOW + at + 60)
    assert take(local, "a.example", at=at + 60).next_at_s == NOW + at + 120


def test_after_a_rest_one_mail_goes_ahead_and_the_others_wait_for_its_answer() -> None:
    local = limiter()
    local.report({"a.example": SLOW}, now_s=NOW)
    assert take(local, "a.example", 100, at=59.9).granted == 0
    probe = take(local, "a.example", 100, at=60)
    assert (probe.granted, probe.state) == (1, Breaker.HALF_OPEN)
    assert take(local, "a.example", 100, at=61).granted == 0
    # Nobody reported (the worker died): another probe after a while.
    assert take(local, "a.example", 100, at=60 + buckets.PROBE_S).granted == 1
    # The probe never left: the next may go at once.
    local.report({"a.example": Result(unused=1)}, now_s=NOW + 181)
    assert take(local, "a.example", 100, at=182).granted == 1


def test_a_refusal_of_the_mail_itself_shows_that_the_domain_takes_mail_again() -> None:
    local = limiter()
    keys = {1: ("a.example",)}
    local.report({"a.example": SLOW}, now_s=NOW)
    grants = local.take(tally.wanted(keys), now_s=NOW + 60)
    seen = tally.Tally(keys)
    seen.note(
        1, replies.read(550, "5.1.1 User unknown", stage=Stage.RCPT), code=550, text="5.1.1 User unknown"
    )
    local.report(seen.results(grants), now_s=NOW + 61)
    assert take(local, "a.example", at=62).state is Breaker.CLOSED


def test_answers_to_mails_that_left_before_a_rest_do_not_end_it() -> None:
    local = limiter()
    local.report({"a.example": SLOW}, now_s=NOW)
    local.report({"a.example": Result(answered=20)}, now_s=NOW + 1)
    assert take(local, "a.example", at=2).state is Breaker.OPEN
    # Nor does the same throttling, reported by a second worker, double the rest.
    local.report({"a.example": SLOW}, now_s=NOW + 3)
    assert take(local, "a.example", at=4).next_at_s < NOW + 61


def test_a_throttled_rate_is_halved_and_grows_back_by_the_minute() -> None:
    local, key = limiter("a.example=10/s"), "a.example"
    local.report({key: SLOW}, now_s=NOW)
    take(local, key, at=60)
    local.report({key: OK}, now_s=NOW + 60)
    rates = []
    for minute in range(1, 14):
        at = 60.0 + 60 * minute
        rates.append(1 / take(local, key, 10, at=at).interval_s)
        local.report({key: OK}, now_s=NOW + at)
    assert rates[0] == pytest.approx(5.0)
    assert rates[1] == pytest.approx(5.5)
    assert rates == sorted(rates)
    assert rates[-1] == pytest.approx(10.0)


def test_a_domain_without_a_limit_gets_one_while_it_recovers_and_loses_it_again() -> None:
    local, key = limiter(), "a.example"
    assert take(local, key, 500).is_free
    local.report({key: SLOW}, now_s=NOW)
    take(local, key, at=60)
    local.report({key: OK}, now_s=NOW + 60)
    slow = take(local, key, 500, at=70)
    assert 0 < slow.granted < 500
    assert not slow.is_free
    for minute in range(2, 14):
        local.report({key: OK}, now_s=NOW + 60 * minute)
    assert take(local, key, 500, at=900).is_free


def test_three_connections_broken_in_a_row_make_a_domain_rest_without_slowing_it() -> None:
    local, key = limiter(), "a.example"
    lost = Result(broken=1, reason="no_answer")
    local.report({key: lost}, now_s=NOW)
    local.report({key: Result(broken=1, answered=1)}, now_s=NOW)  # lost after an answered mail
    local.report({key: lost}, now_s=NOW + 1)
    assert take(local, key, 5, at=2).granted == 5
    local.report({key: lost}, now_s=NOW + 2)
    assert take(local, key, 5, at=3).state is Breaker.OPEN
    take(local, key, at=62)
    local.report({key: OK}, now_s=NOW + 62)
    assert take(local, key, 500, at=63).granted == 500


def test_the_longer_rest_that_a_server_asks_for_is_kept_up_to_a_day() -> None:
    local = limiter()
    local.report({"a.example": Result(throttled=1, wait_s=900)}, now_s=NOW)
    local.report({"b.example": Result(throttled=1, wait_s=1e12)}, now_s=NOW)
    assert take(local, "a.example").next_at_s == NOW + 900
    assert take(local, "b.example").next_at_s == NOW + 86_400


@given(st.lists(st.tuples(st.floats(0, 20), st.integers(1, 50)), min_size=1, max_size=40))
def test_whatever_is_asked_when_no_more_goes_than_the_rate_gives(asked: list[tuple[float, int]]) -> None:
    local, at, granted = limiter("a.example=2/s"), 0.0, 0
    for pause, n in asked:
        at += pause
        grant = take(local, "a.example", n, at=at)
        assert 0 <= grant.granted <= n
        granted += grant.granted
    assert granted <= 2 * BURST_S + 2 * at + 1e-6


def test_mails_that_wait_are_spread_and_each_comes_back_once() -> None:
    """1,000 mails, claims of 100, a limit of 2/s: every mail is claimed twice, and the rate is reached."""
    local = limiter("a.example=2/s")
    due, claims, sent, at = [(0.0, id) for id in range(1000)], 0, [], 0.0
    while due and at < 2000:
        due.sort()
        claim = [id for when, id in due if when <= at][:100]
        if not claim:
            at += 1.0  # the scheduler looks once a second
            continue
        claims += len(claim)
        keys = dict.fromkeys(claim, ("a.example",))
        grants = local.take(tally.wanted(keys), now_s=NOW + at)
        admitted = tally.admit(claim, keys, grants)
        sent += [(at, id) for id in admitted.go]
        local.report({"a.example": Result(answered=len(admitted.go))}, now_s=NOW + at)
        due = [(when, id) for when, id in due if id not in keys]
        due += [(when - NOW, id) for id, when in admitted.wait.items()]
    assert len({id for _, id in sent}) == len(sent) == 1000
    assert claims < 2200
    assert 480 <= at <= 520


def test_a_batch_is_parted_by_every_key_of_a_mail() -> None:
    keys: Mapping[int, tuple[str, ...]] = {
        1: ("a.example", "account:main"),
        2: ("a.example", "account:main"),
        3: ("b.example", "account:main"),
        4: ("b.example", "account:main"),
        5: (),
    }
    assert tally.wanted(keys) == {"a.example": 2, "account:main": 4, "b.example": 2}
    grants = {
        "a.example": Grant(1, 100.0, 10.0),
        "b.example": Grant(2, 100.0, 1.0),
        "account:main": Grant(2, 200.0, 5.0),
    }
    admitted = tally.admit([1, 2, 3, 4, 5], keys, grants)
    assert admitted.go == [1, 3, 5]
    assert admitted.wait == {2: 100.0, 4: 200.0}
    assert admitted.unused == {"b.example": 1}


def test_a_throttle_in_a_batch_stops_the_rest_of_its_domain_alone() -> None:
    keys = {id: (f"{'ab'[id % 2]}.example", "account:main") for id in range(10)}
    grants = LocalBuckets(Limits({})).take(tally.wanted(keys), now_s=NOW)
    seen = tally.Tally(keys)
    seen.note(1, replies.read(250, "ok", stage=Stage.BODY), code=250)
    text = "4.7.28 unusual rate, see taro@maker.example"
    seen.note(0, replies.read(421, text, stage=Stage.RCPT), code=421, text=text)
    assert [id for id in range(2, 10) if seen.may_start(id)] == [3, 5, 7, 9]
    results = seen.results(grants)
    assert set(results) == {"a.example"}
    assert (results["a.example"].throttled, results["a.example"].reason) == (1, "reputation")
    local = LocalBuckets(Limits({}))
    local.report(results, now_s=NOW)
    assert not local.take({"a.example": 1}, now_s=NOW)["a.example"].granted


def test_a_word_about_the_account_stops_the_account_and_leaves_the_domain_unjudged() -> None:
    keys = {id: (f"{id}.example", "account:main") for id in (1, 2)}
    seen = tally.Tally(keys)
    text = "Throttling failure: Daily message quota exceeded"
    seen.note(1, replies.read(454, text, stage=Stage.BODY), code=454, text=text)
    assert not seen.may_start(2)
    results = seen.results({})
    assert (results["account:main"].throttled, results["account:main"].wait_s) == (1, 600.0)
    assert results["1.example"] == Result(unused=1)


def test_connections_lost_in_one_domain_are_counted_in_a_row_and_not_in_sum() -> None:
    keys = dict.fromkeys(range(20), ("a.example",))
    lost, took = replies.read(0, "closed", stage=Stage.DATA), replies.read(250, "ok", stage=Stage.BODY)
    seen = tally.Tally(keys)
    for id in range(0, 10, 2):
        seen.note(id, lost)
        seen.note(id + 1, took, code=250)
    assert seen.may_start(19)
    for id in range(10, 13):
        seen.note(id, lost)
    assert not seen.may_start(19)
    assert seen.results({})["a.example"].broken == 3


def test_a_mail_that_could_not_be_made_gives_its_place_back() -> None:
    seen = tally.Tally({1: ("a.example",)})
    seen.note(1, replies.Verdict(replies.outcome_of(550), replies.Scope.MAIL, "", replies.Reason.REFUSED))
    assert seen.results({})["a.example"] == Result(unused=1)


@pytest.mark.parametrize(
    ("text", "per_s"),
    [
        ("2/s", 2.0),
        ("600/min", 10.0),
        ("0.5 / s", 0.5),
        ("3600/h", 1.0),
        ("86400/d", 1.0),
        ("0", 0.0),
        ("7", 7.0),
    ],
)
def test_rates_are_read_in_every_unit(text: str, per_s: float) -> None:
    assert throttle.rate(text) == pytest.approx(per_s)


def test_named_limits_stand_over_the_cautious_ones_and_a_star_for_all_others() -> None:
    limits = Limits.parse("GoogleMail.com=600/min,\nmaker.example = 1/s , *=3/s", accounts={"main": 20.0})
    assert limits.of("gmail.com").per_s == 10.0
    assert limits.of("maker.example").per_s == 1.0
    assert limits.of("docomo.ne.jp").per_s == 2.0
    assert limits.of("other.example").per_s == 3.0
    assert limits.of(account_key("main")).per_s == 20.0
    assert limits.of(account_key("second")).per_s == 0.0
    assert limits.shared_by(4).of("gmail.com").per_s == 2.5


@pytest.mark.parametrize(
    "text", ["gmail.com", "gmail.com=fast", "gmail.com=-1/s", "gm ail.com=1/s", "=1/s", "*=1/week", "x=1/s"]
)
def test_a_limit_that_cannot_be_read_is_named(text: str) -> None:
    with pytest.raises(ValueError, match="write"):
        Limits.parse(text)


def test_domains_of_one_operator_share_a_bucket() -> None:
    assert domain_key("GoogleMail.com.") == "gmail.com"
    assert domain_key("t.vodafone.ne.jp") == domain_key("i.softbank.jp") == "softbank.ne.jp"
    assert domain_key("au.com") == "ezweb.ne.jp"
    assert domain_key("maker.example") == "maker.example"
    assert domain_key("gmail.com.example") == "gmail.com.example"
    for operator, domains in OPERATORS.items():
        assert operator in domains
        assert operator in throttle.CAUTIOUS


def test_a_page_shows_no_address_out_of_a_servers_words() -> None:
    text = "4.7.1 Messages to taro.yamada@icloud.example deferred\r\nfor <a@b.example>" + "x" * 400
    shown = buckets.masked(text)
    assert "taro" not in shown
    assert "…@icloud.example" in shown
    assert len(shown) <= 200
    assert "\n" not in shown


def test_a_process_forgets_domains_that_a_fresh_bucket_would_answer_for() -> None:
    """Where every domain has a limit, a big list must not fill the memory of its worker."""
    local = LocalBuckets(Limits({}, other=5.0))
    for n in range(30_000):
        local.put(f"firm{n}.example", Bucket(tokens=25.0, at_s=float(n)))
    assert len(local._buckets) < 12_000
    local.put("slow.example", Bucket(at_s=0.0, slowed=1.0, rests=1, rest_until=60.0))
    local.take({"firm1.example": 1}, now_s=40_000.0)
    for n in range(30_000, 60_000):
        local.put(f"firm{n}.example", Bucket(tokens=25.0, at_s=float(n)))
    assert "slow.example" not in local._buckets, "its trouble is hours ago"
    local = LocalBuckets(Limits({}, other=5.0))
    local.put("slow.example", Bucket(at_s=0.0, slowed=1.0, rests=1, rest_until=60.0))
    for n in range(10_000):
        local.put(f"firm{n}.example", Bucket(tokens=25.0, at_s=n / 10))
    assert "slow.example" in local._buckets
    assert len(local._buckets) < 10_001
