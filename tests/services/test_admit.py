"""Who goes now and through which account, on the real path: claim, limiter, SMTP to loopback, settling."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest
import redis
from sqlalchemy import text

from campaigns.parts import Parts
from campaigns.services import admit, deliver, post, self_audit
from campaigns.storage import sender_days
from mailer.journal import Journal
from mailer.throttle import Breaker, Result, account_key
from tests import world
from tests.conftest import NOW
from tests.mailer.fault_smtp import CLOSE, Answer, FaultServer, Turn
from tests.world import World

TODAY, TOMORROW_9 = date(2026, 11, 24), datetime(2026, 11, 25, 0, 0, tzinfo=UTC)
SLOW, QUICK = "slow.example", "quick.example"


@pytest.fixture(autouse=True)
def hang_up() -> Iterator[None]:
    yield
    deliver.close()


def going_out(parts: Parts, *urls: str, **changed: object) -> Parts:
    """The same installation with real accounts. The clock still travels, and the limiter's with it."""
    settings = replace(
        parts.settings,
        smtp_url=" ".join(urls),
        base_url="https://links.minori.example",
        **changed,  # type: ignore[arg-type]
    )
    return replace(parts, settings=settings)


def due(parts: Parts, *domains: str) -> tuple[World, list[int]]:
    """A due mail for a person at each of these domains."""
    made = world.build(parts, count=len(domains))
    with parts.engine.begin() as tx:
        tx.execute(
            text(
                "update addresses a set email = 'p' || a.id || '@' || q.domain,"
                " email_key = 'p' || a.id || '@' || q.domain from people p,"
                " unnest(cast(:people as bigint[]), cast(:domains as text[])) as q(person, domain)"
                " where p.id = q.person and a.id = p.address_id"
            ),
            {"people": list(made.people), "domains": list(domains)},
        )
    return made, world.planned(parts, made, send_at=NOW - timedelta(minutes=1))


def found(parts: Parts) -> list[tuple[str, str, str, datetime]]:
    """(domain, state, reason, send_at) by delivery."""
    with parts.engine.connect() as tx:
        rows = tx.execute(
            text(
                "select a.domain, d.state, d.reason, d.send_at from deliveries d"
                " left join addresses a on a.id = d.address_id order by d.send_at, d.id"
            )
        )
        return [tuple(row) for row in rows]


def ends(parts: Parts) -> Counter[tuple[str, str, str]]:
    return Counter(row[:3] for row in found(parts))


def go(parts: Parts, at: datetime = NOW) -> int:
    parts.clock.move_to(at)
    return deliver.batch(parts, now=at)


def named(server: FaultServer, name: str, **more: object) -> str:
    return server.url + f"&name={name}" + "".join(f"&{key}={value}" for key, value in more.items())


def test_a_throttled_domains_mails_wait_one_after_the_other_and_all_others_go(parts: Parts) -> None:
    with FaultServer() as server:
        out = going_out(parts, server.url, domain_rates=f"{SLOW}=2/s")
        due(parts, *[SLOW] * 30, *[QUICK] * 20)
        assert go(out) == 50
        assert ends(parts) == {
            (SLOW, "sent", ""): 10,  # what its bucket holds
            (SLOW, "planned", "throttled"): 20,
            (QUICK, "sent", ""): 20,
        }
        waiting = [row[3] for row in found(parts) if row[2] == "throttled"]
        steps = {round((b - a).total_seconds(), 3) for a, b in pairwise(waiting)}
        assert steps == {0.5}, "each has a time of its own, at the domain's rate"
        assert NOW < waiting[0] <= NOW + timedelta(seconds=1)
        assert go(out, NOW) == 0, "nothing is asked again before its time"
        assert go(out, NOW + timedelta(seconds=5)) == 10
        assert ends(parts)[SLOW, "sent", ""] == 20
        assert self_audit.run(out, now=out.clock.now()).is_sound
    assert max(server.taken.values()) == 1


def test_an_answer_to_a_person_is_never_held(parts: Parts) -> None:
    with FaultServer() as server:
        out = going_out(
            parts, named(server, "a"), named(server, "b"), domain_rates=f"{SLOW}=1/h,hamana.example=1/h"
        )
        due(parts, *[SLOW] * 3)
        for name in ("a", "b"):
            rest(out, name)
        with parts.engine.begin() as tx:
            for n in range(8):
                post.queue(
                    tx,
                    origin=f"tx:doc:{n}",
                    to=f"a{n}@hamana.example",
                    subject="資料",
                    text="どうぞ",
                    now=NOW,
                )
        go(out)
    assert sorted(server.taken) == [f"a{n}@hamana.example" for n in range(8)]
    assert ends(parts) == {(None, "sent", ""): 8, (SLOW, "planned", "account_rests"): 3}


def warm(parts: Parts, *, start: date, first: int) -> None:
    with parts.engine.begin() as tx:
        tx.execute(
            text("update sender_profiles set warmup_from = :start, warmup_first = :first"),
            {"start": start, "first": first},
        )


def taken_today(parts: Parts) -> dict[int, int]:
    with parts.engine.connect() as tx:
        return sender_days.taken(tx, day=TODAY)


def test_a_new_domain_sends_its_first_days_number_and_the_rest_tomorrow_at_nine(parts: Parts) -> None:
    with FaultServer() as server:
        out = going_out(parts, server.url)
        due(parts, *[QUICK] * 14)
        warm(parts, start=TODAY, first=10)
        go(out)
        assert ends(parts) == {(QUICK, "sent", ""): 10, (QUICK, "planned", "warm_up"): 4}
        assert {row[3] for row in found(parts) if row[2] == "warm_up"} == {TOMORROW_9}
        assert go(out, TOMORROW_9 + timedelta(seconds=1)) == 4
        assert ends(parts) == {(QUICK, "sent", ""): 14}
    assert sum(server.taken.values()) == 14


def test_before_its_first_day_a_new_domain_sends_nothing(parts: Parts) -> None:
    with FaultServer() as server:
        due(parts, QUICK)
        warm(parts, start=TODAY + timedelta(days=2), first=10)
        go(going_out(parts, server.url))
        assert ends(parts) == {(QUICK, "planned", "warm_up"): 1}
    assert server.connections == 0


@pytest.mark.parametrize(
    ("answer", "left"),
    [
        (lambda turn: "554 5.7.1 no" if turn.verb == "CONNECT" else None, 0),  # nobody heard of them
        (lambda turn: "550 5.1.1 unknown" if turn.verb == "RCPT" else None, 6),  # asked, and refused
        (
            lambda turn: "451 4.7.1 slow down" if turn.verb == "RCPT" else None,
            1,
        ),  # one was told, the rest stayed
    ],
)
def test_the_warm_up_gets_back_what_no_receiver_heard_of(
    parts: Parts, answer: Callable[[Turn], Answer], left: int
) -> None:
    with FaultServer(answer, offers=()) as server:
        out = going_out(parts, server.url + "&lanes=1")
        due(parts, *[QUICK] * 6)
        warm(parts, start=TODAY, first=10)
        go(out)
    assert list(taken_today(parts).values()) == [left]


def test_two_accounts_share_by_weight_and_a_profile_gets_the_one_it_names(parts: Parts) -> None:
    with FaultServer() as one, FaultServer() as two:
        out = going_out(parts, named(one, "one", weight=3), named(two, "two", weight=1))
        due(parts, *[QUICK] * 80)
        go(out)
        first, second = sum(one.taken.values()), sum(two.taken.values())
        assert first + second == 80
        assert 45 <= first <= 74, "about three of four"
        with parts.engine.connect() as tx:
            counted = tx.execute(text("select account, count(*) from deliveries group by 1"))
            kept = {row[0]: row[1] for row in counted}
        assert kept == {"one": first, "two": second}


def test_a_named_account_carries_all_mails_of_its_sender(parts: Parts) -> None:
    with FaultServer() as one, FaultServer() as two:
        out = going_out(parts, named(one, "one", weight=3), named(two, "two", weight=0))
        due(parts, *[QUICK] * 10)
        with parts.engine.begin() as tx:
            tx.execute(text("update sender_profiles set smtp_account = 'two'"))
        go(out)
    assert (sum(one.taken.values()), sum(two.taken.values())) == (0, 10)


def rest(out: Parts, name: str, *, at: datetime = NOW) -> None:
    """The account is told to stop, as a refused login tells it: for half an hour."""
    out.rates.report(
        {account_key(name): Result(stopped=1, wait_s=1800, reason="login_failed", code=535, text="no")},
        now_s=at.timestamp(),
    )


def test_mails_of_an_account_at_rest_wait_for_it_and_the_others_go_through_the_other(parts: Parts) -> None:
    with FaultServer() as one, FaultServer() as two:
        out = going_out(parts, named(one, "one"), named(two, "two"))
        due(parts, *[QUICK] * 12)
        rest(out, "one")
        go(out)
        assert ends(parts) == {(QUICK, "sent", ""): 12}
        assert (sum(one.taken.values()), sum(two.taken.values())) == (0, 12)


def test_mails_whose_sender_asks_for_the_account_at_rest_wait_until_its_end(parts: Parts) -> None:
    with FaultServer() as one, FaultServer() as two:
        out = going_out(parts, named(one, "one"), named(two, "two"))
        due(parts, *[QUICK] * 3)
        with parts.engine.begin() as tx:
            tx.execute(text("update sender_profiles set smtp_account = 'one'"))
        rest(out, "one")
        go(out)
        assert ends(parts) == {(QUICK, "planned", "account_rests"): 3}
        assert {row[3] for row in found(parts)} == {NOW + timedelta(minutes=30)}
        assert go(out, NOW + timedelta(minutes=31)) == 3
        assert ends(parts)[QUICK, "sent", ""] == 1, "one goes ahead to see whether it is well"
        for minutes in (32, 33):
            go(out, NOW + timedelta(minutes=minutes))
        assert ends(parts) == {(QUICK, "sent", ""): 3}


def test_the_only_account_at_rest_says_so_too(parts: Parts) -> None:
    with FaultServer() as server:
        out = going_out(parts, named(server, "one"))
        due(parts, QUICK)
        rest(out, "one")
        go(out)
        assert ends(parts) == {(QUICK, "planned", "account_rests"): 1}
    assert server.connections == 0


def test_an_account_that_refuses_its_login_rests_and_the_next_batch_takes_the_other(parts: Parts) -> None:
    def refuse(turn: Turn) -> Answer:
        return "535 5.7.8 bad credentials" if turn.verb == "AUTH" else None

    with FaultServer(refuse, offers=("AUTH PLAIN",)) as one, FaultServer() as two:
        locked = named(one, "one").replace("smtp://", "smtp://user:secret@")
        out = going_out(parts, locked, named(two, "two"))
        due(parts, *[QUICK] * 20)
        go(out)
        counts = ends(parts)
        assert counts[QUICK, "retry", "smtp_away"] + counts[QUICK, "sent", ""] == 20
        assert counts[QUICK, "sent", ""] == sum(two.taken.values()) > 0, "one account's trouble is its own"
        assert one.connections <= 2, "a wrong password is not tried again and again"
        states = out.rates.take({account_key("one"): 0}, now_s=NOW.timestamp())
        assert states[account_key("one")].state is Breaker.OPEN
        go(out, NOW + timedelta(minutes=31))
    assert sum(two.taken.values()) == sum(ends(parts)[key] for key in ends(parts) if key[1] == "sent")
    with parts.engine.connect() as tx:
        assert tx.execute(
            text("select max(attempts) filter (where state = 'retry') from deliveries")
        ).scalar() in (0, None)


def test_without_redis_mails_still_go_and_keep_their_rates(parts: Parts) -> None:
    nobody = redis.Redis.from_url("redis://127.0.0.1:1", socket_connect_timeout=0.2)
    with FaultServer() as one, FaultServer() as two:
        out = replace(
            going_out(parts, named(one, "one"), named(two, "two"), domain_rates=f"{SLOW}=2/s"), redis=nobody
        )
        due(parts, *[SLOW] * 15, *[QUICK] * 15)
        rest(out, "one")
        go(out)
    assert out.rates.is_away
    assert ends(parts) == {
        (SLOW, "sent", ""): 10,
        (SLOW, "planned", "throttled"): 5,
        (QUICK, "sent", ""): 15,
    }
    assert sum(one.taken.values()) == 0, "a rest is remembered without Redis, too"


def test_a_full_disk_is_no_fault_of_the_account(parts: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: Journal, id: int) -> None:
        raise OSError(28, "No space left on device")

    with FaultServer() as server:
        out = going_out(parts, named(server, "one"))
        due(parts, *[QUICK] * 5)
        warm(parts, start=TODAY, first=10)
        with monkeypatch.context() as patch:
            patch.setattr(Journal, "handing", full)
            go(out)
        assert ends(parts) == {(QUICK, "retry", "no_journal"): 5}
        assert taken_today(parts) == {1: 0}
        assert go(out, NOW + timedelta(minutes=6)) == 5
        assert ends(parts) == {(QUICK, "sent", ""): 5}


def test_connections_broken_by_one_domain_rest_that_domain_alone(parts: Parts) -> None:
    def fault(turn: Turn) -> Answer:
        return CLOSE if turn.verb == "RCPT" and turn.domain == SLOW else None

    with FaultServer(fault) as server:
        out = going_out(parts, named(server, "one"))
        due(parts, *[SLOW] * 10, *[f"firm{n}.example" for n in range(40)])
        go(out)
        assert len(server.taken) == 40
        go(out, NOW + timedelta(seconds=5))
        state = out.rates.take({account_key("one"): 0, SLOW: 0}, now_s=NOW.timestamp() + 6)
    assert state[account_key("one")].state is Breaker.CLOSED
    assert state[SLOW].state is Breaker.OPEN
    rest_of = {key: n for key, n in ends(parts).items() if key[0] == SLOW}
    assert set(rest_of) == {(SLOW, "retry", "smtp_temporary"), (SLOW, "planned", "throttled")}


def test_a_sender_whose_account_is_no_longer_there_says_so(parts: Parts) -> None:
    with FaultServer() as one:
        out = going_out(parts, named(one, "new"))
        due(parts, *[QUICK] * 3)
        with parts.engine.begin() as tx:
            tx.execute(text("update sender_profiles set smtp_account = 'old'"))
            post.queue(tx, origin="tx:doc:1", to="a@hamana.example", subject="資料", text="どうぞ", now=NOW)
        go(out)
        assert ends(parts)[QUICK, "planned", "account_missing"] == 3
        assert sum(one.taken.values()) == 1, "an answer goes through another"
        assert {row[3] for row in found(parts) if row[2]} == {NOW + timedelta(minutes=10)}


@pytest.mark.parametrize("off", [timedelta(minutes=-7), timedelta(hours=3)])
def test_mails_wait_by_our_clock_whatever_the_limiters_clock_says(
    parts: Parts, monkeypatch: pytest.MonkeyPatch, off: timedelta
) -> None:
    with FaultServer() as server:
        out = going_out(parts, server.url, domain_rates=f"{SLOW}=2/s")
        due(parts, *[SLOW] * 15)
        monkeypatch.setattr(admit, "_now_s", lambda parts, now: (now + off).timestamp())
        go(out)
        waiting = [row[3] for row in found(parts) if row[2] == "throttled"]
    assert len(waiting) == 5
    assert NOW < waiting[0] <= NOW + timedelta(seconds=1)
