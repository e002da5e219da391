from __future__ import annotations

import email
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email import policy

import pytest
from campaigns.parts import Parts
from campaigns.services import deliver, post, refuse, self_audit
from mailer.transports import MemoryTransport
from sqlalchemy import text

from tests import world
from tests.conftest import NOW


def rows(parts: Parts, query: str) -> list[tuple[object, ...]]:
    with parts.engine.connect() as tx:
        return [tuple(row) for row in tx.execute(text(query))]


def test_a_due_batch_is_sent_once_and_settled(parts: Parts) -> None:
    made = world.build(parts, count=5)
    ids = world.planned(parts, made, send_at=NOW - timedelta(minutes=1))
    way = MemoryTransport()
    assert deliver.batch(parts, now=NOW, transport=way) == 5
    assert deliver.batch(parts, now=NOW, transport=way) == 0
    assert sorted(kept.id for kept in way.sent) == sorted(ids)
    assert world.states(parts) == {"sent": 5}
    assert rows(parts, "select count(*), count(distinct sent_at is not null) from deliveries where claim_token is null") == [(5, 1)]
    assert rows(parts, "select verdict from claims") == [("handed",)]
    assert list((parts.journal_folder).glob("*.journal")) == []
    assert self_audit.run(parts, now=NOW).is_sound


def test_what_is_not_due_stays(parts: Parts) -> None:
    made = world.build(parts, count=1)
    world.planned(parts, made, send_at=NOW + timedelta(minutes=1))
    assert deliver.batch(parts, now=NOW, transport=MemoryTransport()) == 0
    assert world.states(parts) == {"planned": 1}


def test_the_mail_has_one_unsubscribe_uri_and_the_five_legal_items_in_both_parts(parts: Parts) -> None:
    made = world.build(parts, count=1)
    world.planned(parts, made, send_at=NOW)
    way = MemoryTransport()
    deliver.batch(parts, now=NOW, transport=way)
    raw = way.sent[0].raw
    assert max(len(line) for line in raw.split(b"\r\n")) <= 998
    mail = email.message_from_bytes(raw, policy=policy.default)
    assert len(mail.get_all("List-Unsubscribe")) == 1
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert mail["List-Unsubscribe"].count("http") == 1
    for kind in ("plain", "html"):
        words = mail.get_body((kind,)).get_content()
        for item in ("株式会社みのり精機", "静岡県浜松市中央区1-2-3", "053-000-0000", "停止", "/u/"):
            assert item in words, (kind, item)


@pytest.mark.parametrize(
    ("code", "state", "slots"), [(451, "retry", 1), (550, "failed", 0), (250, "sent", 1)]
)
def test_an_answer_decides_the_state_and_the_slot(parts: Parts, code: int, state: str, slots: int) -> None:
    made = world.build(parts, count=1)
    world.planned(parts, made, send_at=NOW)
    deliver.batch(parts, now=NOW, transport=MemoryTransport(answer=code))
    assert world.states(parts) == {state: 1}
    assert rows(parts, "select count(*) from mail_slots") == [(slots,)]
    if state == "retry":
        assert rows(parts, "select send_at > now() - interval '100 years', attempts from deliveries") == [(True, 1)]


def test_six_temporary_refusals_end_in_failed_and_the_month_is_free_again(parts: Parts) -> None:
    made = world.build(parts, count=1)
    world.planned(parts, made, send_at=NOW)
    now = NOW
    for _ in range(7):
        deliver.batch(parts, now=now, transport=MemoryTransport(answer=451))
        now += timedelta(days=1)
        parts.clock.move_to(now)
    assert world.states(parts) == {"failed": 1}
    assert rows(parts, "select count(*) from mail_slots") == [(0,)]
    assert rows(parts, "select next_free_on from addresses") == [(None,)]


def test_a_refusal_while_the_batch_runs_stops_the_rest_within_a_second(parts: Parts) -> None:
    made = world.build(parts, count=6)
    ids = world.planned(parts, made, send_at=NOW)
    refused: list[float] = []
    bodies: list[float] = []

    class Slow(MemoryTransport):
        def send_batch(self, items, *, journal, before_body, on_result):  # type: ignore[no-untyped-def]
            def look(id: int) -> bool:
                if len(bodies) == 2 and not refused:
                    with parts.engine.connect() as tx:
                        delivery = tx.execute(text("select id from deliveries where id = :id"), {"id": ids[4]}).scalar_one()
                    refuse.record(
                        parts, delivery_id=delivery, scope="global", reason="user_link", evidence="", user_id=None, now=NOW
                    )
                    refused.append(time.monotonic())
                    time.sleep(0.25)
                may = bool(before_body(id))
                if may:
                    bodies.append(time.monotonic())
                return may

            super().send_batch(items, journal=journal, before_body=look, on_result=on_result)

    way = Slow()
    deliver.batch(parts, now=NOW, transport=way)
    assert ids[4] not in {kept.id for kept in way.sent}
    assert world.states(parts) == {"sent": 5, "suppressed": 1}
    assert self_audit.run(parts, now=NOW).is_sound


def test_stop_everything_leaves_the_rest_planned(parts: Parts) -> None:
    made = world.build(parts, count=3)
    world.planned(parts, made, send_at=NOW)
    with parts.engine.begin() as tx:
        tx.execute(text("update stops set paused = true, n = n + 1"))
    assert deliver.batch(parts, now=NOW, transport=MemoryTransport()) == 0
    assert world.states(parts) == {"planned": 3}


def test_a_mail_that_slips_into_the_next_month_takes_that_months_slot(parts: Parts) -> None:
    made = world.build(parts, count=1)
    world.planned(parts, made, send_at=datetime(2026, 11, 30, 7, 0, tzinfo=UTC))
    late = datetime(2026, 11, 30, 15, 0, tzinfo=UTC)  # midnight of 1 December in Tokyo
    parts.clock.move_to(late)
    deliver.batch(parts, now=late, transport=MemoryTransport())
    assert world.states(parts) == {"sent": 1}
    assert rows(parts, "select month from mail_slots") == [(2026 * 12 + 11,)]
    assert rows(parts, "select month from deliveries") == [(2026 * 12 + 11,)]


def test_a_transactional_mail_takes_no_slot_and_goes_once(parts: Parts) -> None:
    with parts.engine.begin() as tx:
        first = post.queue(tx, origin="tx:doc:1", to="a@hamana.example", subject="資料", text="どうぞ", now=NOW)
        again = post.queue(tx, origin="tx:doc:1", to="a@hamana.example", subject="資料", text="どうぞ", now=NOW)
    assert first is not None
    assert again is None
    way = MemoryTransport()
    deliver.batch(parts, now=NOW, transport=way)
    assert len(way.sent) == 1
    assert b"List-Unsubscribe" not in way.sent[0].raw
    assert rows(parts, "select count(*) from mail_slots") == [(0,)]


def test_nothing_leaves_for_the_outside_without_https(parts: Parts) -> None:
    made = world.build(parts, count=1)
    world.planned(parts, made, send_at=NOW)
    outside = replace(parts, settings=replace(parts.settings, smtp_url="smtp://127.0.0.1:1", base_url="http://x.example"))
    assert deliver.batch(outside, now=NOW, transport=MemoryTransport()) == 0
    assert world.states(parts) == {"planned": 1}


def test_an_incomplete_sender_profile_sends_nothing_and_says_why(parts: Parts) -> None:
    made = world.build(parts, count=1)
    world.planned(parts, made, send_at=NOW)
    with parts.engine.begin() as tx:
        tx.execute(text("update sender_profiles set postal_address = ''"))
    way = MemoryTransport()
    deliver.batch(parts, now=NOW, transport=way)
    assert way.sent == []
    assert rows(parts, "select state, reason from deliveries") == [("retry", "profile_incomplete")]
