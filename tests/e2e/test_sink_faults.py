"""Servers that fail, on the whole path from the outbox to the settled row: 300 sound mails and 100 bad ones.

Each fault ends in its right state, and the mails to other domains go in the same run. Times are compared
with what the fault itself must cost, never tightly.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import text

from campaigns.parts import Parts
from campaigns.services import deliver, self_audit
from tests import world
from tests.bench.sink import sink
from tests.conftest import NOW
from tests.mailer.fault_smtp import CLOSE, HALF, OFFERS, TAKEN_CLOSE, Answer, FaultServer, Late, Turn

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]

GOOD, BAD = 300, 100
BAD_DOMAIN = "bad.example"
SLACK_S = 20.0  # for 400 mails on a machine that has other things to do
MINUTES_5 = timedelta(minutes=5)


@pytest.fixture(autouse=True)
def hang_up() -> Iterator[None]:
    yield
    deliver.close()


def going_out(parts: Parts, url: str) -> Parts:
    settings = replace(parts.settings, smtp_url=url, base_url="https://links.minori.example")
    return replace(parts, settings=settings)


def due(parts: Parts, *, good: int = GOOD, bad: int = BAD, front: bool = True) -> None:
    """Due mails, one batch. front: the bad ones first, in a row; else among the others."""
    made = world.build(parts, count=1)
    with parts.engine.begin() as tx:
        tx.execute(
            text(
                """
                with who as (
                  select n, case when (:front and n <= :bad) or (not :front and n % (:all / greatest(:bad, 1)) = 0)
                                 then 'p' || n || '@' || :bad_domain
                                 else 'p' || n || '@firm' || n % 60 || '.example' end as email
                    from generate_series(1, :all) n),
                a as (insert into addresses (email, email_key, key_hash, status, created_at)
                      select email, email, sha256(email::bytea), 'ok', :at from who order by n returning id, email),
                p as (insert into people (family, given, full_name, name_key, address_id, created_at)
                      select '若林', '拓也', '若林 拓也', '若林拓也', a.id, :at
                        from a join who using (email) order by who.n returning id, address_id),
                c as (insert into consents (address_id, person_id, basis, obtained_at, recorded_at)
                      select address_id, id, 'card_written', :at, :at from p)
                insert into product_leads (person_id, product_id, state, created_at)
                select id, :product, 'nurturing', :at from p
                """
            ),
            {
                "front": front,
                "bad": bad,
                "all": good + bad,
                "bad_domain": BAD_DOMAIN,
                "product": made.product,
                "at": NOW - timedelta(days=30),
            },
        )
        ids = [
            row.id
            for row in tx.execute(
                text("select id from people where id <> :one order by id"), {"one": made.people[0]}
            )
        ]
    world.planned(parts, replace(made, people=tuple(ids)), send_at=NOW - timedelta(minutes=1))


@dataclass(frozen=True, slots=True)
class Row:
    domain: str
    state: str
    reason: str
    code: int | None
    attempts: int
    send_at: datetime


def rows(parts: Parts, *, bad: bool) -> list[Row]:
    with parts.engine.connect() as tx:
        found = tx.execute(
            text(
                "select a.domain, d.state, d.reason, d.smtp_code, d.attempts, d.send_at from deliveries d"
                " join addresses a on a.id = d.address_id where (a.domain = :bad_domain) = :bad order by d.id"
            ),
            {"bad": bad, "bad_domain": BAD_DOMAIN},
        )
        return [Row(*row) for row in found]


def run(parts: Parts, server: FaultServer, *, costs_s: float = 0.0) -> None:
    """One run of a worker. costs_s: what the fault alone must take."""
    out, began = going_out(parts, server.url), time.monotonic()
    deliver.run(out, longest_s=60.0)
    assert time.monotonic() - began < SLACK_S + costs_s
    assert self_audit.run(out, now=parts.clock.now()).is_sound
    with parts.engine.connect() as tx:
        assert tx.execute(text("select count(*) from claims where settled_at is null")).scalar() == 0
    assert list(parts.journal_folder.glob("*.journal")) == []


def others_went(parts: Parts, server: FaultServer, *, good: int = GOOD) -> None:
    """Every mail to another domain is sent, in this run, once."""
    assert Counter((row.state, row.attempts) for row in rows(parts, bad=False)) == {("sent", 1): good}
    assert max(server.taken.values()) == max(server.whole.values()) == 1


def at(verb: str, answer: Answer) -> Callable[[Turn], Answer]:
    return lambda turn: answer if turn.verb == verb and turn.domain == BAD_DOMAIN else None


def states(parts: Parts) -> Counter[tuple[str, str]]:
    return Counter((row.state, row.reason) for row in rows(parts, bad=True))


def waits_since(row: Row) -> timedelta:
    return row.send_at - NOW


@pytest.mark.parametrize("front", [True, False])
@pytest.mark.parametrize(
    ("verb", "answer"),
    [
        ("RCPT", CLOSE),
        ("DATA", CLOSE),
        ("RCPT", "what is this?"),
        ("DATA", "%$&!\r\n\r\n"),
        ("DATA", "354-go\r\n250 on"),
    ],
)
def test_a_connection_dropped_before_the_body_is_tried_once_more_and_then_the_domain_rests(
    parts: Parts, verb: str, answer: str, front: bool
) -> None:
    with FaultServer(at(verb, answer)) as server:
        due(parts, front=front)
        run(parts, server)
        others_went(parts, server)
    found = states(parts)
    assert set(found) == {("retry", "smtp_temporary"), ("planned", "throttled")}
    # Three lost mails stop a domain; those then on their way are lost, too: two on each connection.
    assert 3 <= found["retry", "smtp_temporary"] <= 7
    for row in rows(parts, bad=True):
        if row.state == "retry":
            assert (row.attempts, row.code) == (1, None)
            assert MINUTES_5 <= waits_since(row) < MINUTES_5 + timedelta(seconds=60)
        else:
            assert row.attempts == 0
            assert waits_since(row) >= timedelta(seconds=60)
    assert max(n for rcpt, n in server.seen.items() if rcpt.endswith(BAD_DOMAIN)) <= 2
    assert server.connections <= 2 + 2 * 7


@pytest.mark.parametrize("front", [True, False])
@pytest.mark.parametrize(("verb", "answer"), [(HALF, CLOSE), ("BODY", CLOSE), ("BODY", TAKEN_CLOSE)])
def test_a_connection_dropped_after_the_bodys_first_byte_is_in_doubt_and_never_sent_again(
    parts: Parts, verb: str, answer: str, front: bool
) -> None:
    begun: Counter[str] = Counter()
    with FaultServer(at(verb, answer), before_body=lambda rcpt, line: begun.update([rcpt])) as server:
        due(parts, front=front)
        run(parts, server)
        others_went(parts, server)
        parts.clock.move_to(NOW + timedelta(hours=20))
        before = {rcpt for rcpt in begun if rcpt.endswith(BAD_DOMAIN)}
        deliver.run(going_out(parts, server.url), longest_s=20.0)
    found = states(parts)
    assert set(found) == {("in_doubt", "no_answer"), ("planned", "throttled")}
    assert 3 <= found["in_doubt", "no_answer"] <= 9, (
        "three and those on their way; one more as the later probe"
    )
    assert before
    assert max(begun.values()) == 1, "nobody is sent twice"


@pytest.mark.parametrize("front", [True, False])
@pytest.mark.parametrize("verb", ["RCPT", "DATA", "BODY"])
@pytest.mark.parametrize("answer", ["421 4.7.0 try again later", "451 4.7.1 too many messages, slow down"])
def test_a_domain_that_says_less_please_rests_after_its_first_word(
    parts: Parts, verb: str, answer: str, front: bool
) -> None:
    def fault(turn: Turn) -> Answer:
        return answer if turn.verb == verb and turn.domain == BAD_DOMAIN else None

    with FaultServer(fault) as server:
        due(parts, front=front)
        run(parts, server)
        others_went(parts, server)
    found = states(parts)
    assert set(found) == {("retry", "throttled"), ("planned", "throttled")}
    assert 1 <= found["retry", "throttled"] <= 4, "the first, and those on their way"
    for row in rows(parts, bad=True):
        assert row.attempts == (row.state == "retry")
        assert waits_since(row) >= (MINUTES_5 if row.state == "retry" else timedelta(seconds=60))
    assert sum(n for rcpt, n in server.seen.items() if rcpt.endswith(BAD_DOMAIN)) <= 4, (
        "two connections, an envelope ahead on each; none of them is asked again"
    )


@pytest.mark.parametrize(
    ("verb", "answer", "state", "reason", "code"),
    [
        ("RCPT", "451 4.3.0 local error in processing", "retry", "smtp_temporary", 451),
        ("BODY", "451 4.3.0 local error in processing", "retry", "smtp_temporary", 451),
        ("RCPT", "550 5.1.1 no such user", "failed", "smtp_refused", 550),
        ("DATA", "550 5.7.1 not you", "failed", "smtp_refused", 550),
        ("BODY", "550 5.7.1 message content rejected", "failed", "smtp_refused", 550),
        ("BODY", "552 5.2.3 message exceeds the size limit", "failed", "smtp_refused", 552),
    ],
)
def test_an_answer_to_one_mail_is_that_mails_alone(
    parts: Parts, verb: str, answer: str, state: str, reason: str, code: int
) -> None:
    with FaultServer(at(verb, answer)) as server:
        due(parts)
        run(parts, server)
        others_went(parts, server)
    found = rows(parts, bad=True)
    assert Counter((row.state, row.reason, row.code, row.attempts) for row in found) == {
        (state, reason, code, 1): BAD
    }
    assert server.connections <= 2
    if state == "retry":
        assert all(MINUTES_5 <= waits_since(row) < 2 * MINUTES_5 for row in found)
    with parts.engine.connect() as tx:
        dead = tx.execute(text("select count(*) from addresses where status = 'hard'")).scalar()
    assert dead == (BAD if "5.1.1" in answer else 0), "an address dies of nothing else"


def test_a_server_that_ends_connections_at_mail_after_twenty_mails_gets_them_all(parts: Parts) -> None:
    def fault(turn: Turn) -> Answer:
        return (
            "421 4.7.0 too many messages in this session" if turn.verb == "MAIL" and turn.mail > 20 else None
        )

    with FaultServer(fault) as server:
        due(parts)
        run(parts, server)
        assert Counter(row.state for bad in (True, False) for row in rows(parts, bad=bad)) == {
            "sent": GOOD + BAD
        }
    assert max(server.whole.values()) == 1
    assert server.connections >= (GOOD + BAD) / 20


def test_421_at_every_mail_is_our_accounts_and_no_mail_is_counted(parts: Parts) -> None:
    with FaultServer(lambda turn: "421 4.3.2 not now" if turn.verb == "MAIL" else None) as server:
        due(parts)
        run(parts, server)
    found = rows(parts, bad=True) + rows(parts, bad=False)
    assert {(row.state, row.reason) for row in found} <= {
        ("retry", "smtp_away"),
        ("planned", "account_rests"),
    }
    assert {row.attempts for row in found} == {0}
    assert all(waits_since(row) >= timedelta(seconds=59) for row in found)
    assert server.connections <= 4


def test_a_last_answer_two_seconds_late_costs_its_own_time_and_no_more(parts: Parts) -> None:
    bad = 4
    with FaultServer(at("BODY", Late(2.0, "250 2.0.0 kept"))) as server:
        due(parts, bad=bad)
        run(parts, server, costs_s=2.0 * bad)
        others_went(parts, server)
    assert states(parts) == {("sent", ""): bad}
    assert server.connections == 2


@pytest.mark.parametrize(
    "offers",
    [(), ("PIPELINING",), ("8BITMIME",), ("SIZE 10000000",), OFFERS],
    ids=lambda offers: "+".join(offers) or "none",
)
def test_a_server_that_offers_less_gets_the_same_mails(parts: Parts, offers: tuple[str, ...]) -> None:
    with FaultServer(offers=offers) as server:
        due(parts)
        run(parts, server)
        assert Counter(row.state for bad in (True, False) for row in rows(parts, bad=bad)) == {
            "sent": GOOD + BAD
        }
    assert len(server.taken) == GOOD + BAD
    assert all(body.isascii() for body in server.bodies.values())


@pytest.mark.parametrize(
    ("fault", "offers", "login", "wait"),
    [
        (lambda turn: "554 5.7.1 blocked" if turn.verb == "CONNECT" else None, (), "", timedelta(minutes=15)),
        (lambda turn: "421 busy" if turn.verb == "CONNECT" else None, (), "", MINUTES_5),
        (lambda turn: CLOSE if turn.verb == "CONNECT" else None, (), "", MINUTES_5),
        (lambda turn: "hello there" if turn.verb == "CONNECT" else None, (), "", MINUTES_5),
        (
            lambda turn: "535 5.7.8 bad credentials" if turn.verb == "AUTH" else None,
            ("AUTH PLAIN",),
            "user:secret@",
            timedelta(minutes=30),
        ),
        (
            lambda turn: "454 4.7.0 temporary authentication failure" if turn.verb == "AUTH" else None,
            ("AUTH PLAIN",),
            "user:secret@",
            MINUTES_5,
        ),
        (
            lambda turn: "250 welcome" if turn.verb == "AUTH" else None,
            ("AUTH LOGIN",),
            "user:secret@",
            MINUTES_5,
        ),
        (lambda turn: None, (), "tls", MINUTES_5),
    ],
    ids=[
        "greeting 554",
        "greeting 421",
        "greeting drop",
        "greeting rubbish",
        "AUTH 535",
        "AUTH 454",
        "AUTH odd",
        "no STARTTLS",
    ],
)
def test_a_server_that_lets_nobody_in_costs_no_mail_a_try(
    parts: Parts, fault: Callable[[Turn], Answer], offers: tuple[str, ...], login: str, wait: timedelta
) -> None:
    with FaultServer(fault, offers=offers) as server:
        due(parts, good=30, bad=10)
        if login == "tls":
            url = server.url.replace("starttls=none", "starttls=require")
        else:
            url = server.url.replace("smtp://", f"smtp://{login}")
        deliver.run(going_out(parts, url), longest_s=30.0)
    found = rows(parts, bad=True) + rows(parts, bad=False)
    assert {(row.state, row.reason, row.attempts) for row in found} == {("retry", "smtp_away", 0)}
    assert all(wait <= waits_since(row) < wait + timedelta(seconds=60) for row in found)
    assert not server.seen
    assert server.connections <= 4


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (("-p",), {("sent", "")}),
        (("-8",), {("sent", "")}),
        (("-e", "-p"), {("sent", "")}),
        (("-w", "1"), {("sent", "")}),
        (("-r", "RCPT"), {("retry", "smtp_temporary"), ("retry", "throttled"), ("planned", "throttled")}),
        (("-b", "421 4.7.0 try later", "-r", "RCPT"), {("retry", "throttled"), ("planned", "throttled")}),
        (("-f", "RCPT"), {("failed", "smtp_refused")}),
        (("-f", "."), {("failed", "smtp_refused")}),
        (("-r", "."), {("retry", "smtp_temporary"), ("retry", "throttled"), ("planned", "throttled")}),
        (
            ("-q", "DATA"),
            {("retry", "smtp_temporary"), ("planned", "throttled"), ("planned", "account_rests")},
        ),
        (("-q", "."), {("in_doubt", "no_answer"), ("planned", "throttled"), ("planned", "account_rests")}),
        (("-q", "MAIL"), {("retry", "smtp_away"), ("retry", "smtp_temporary"), ("planned", "account_rests")}),
        (("-q", "CONNECT"), {("retry", "smtp_away")}),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_postfixs_own_faulty_sink_ends_each_mail_as_it_says(
    parts: Parts, options: tuple[str, ...], expected: set[tuple[str, str]]
) -> None:
    """Every domain is as bad as the other here: what counts is the state each mail ends in."""
    with sink(options=options) as server:
        due(parts, good=0, bad=8)
        out = going_out(parts, f"smtp://127.0.0.1:{server.port}?starttls=none")
        deliver.run(out, longest_s=30.0)
    assert set(states(parts)) <= expected
    assert states(parts)
    assert self_audit.run(out, now=parts.clock.now()).is_sound
