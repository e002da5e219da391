from __future__ import annotations

import email
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email import policy

import pytest
from sqlalchemy import text

from campaigns.parts import Parts
from campaigns.services import carry, deliver, plan, post, refuse, render, self_audit
from mailer.transports import MemoryTransport, transport_for
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
    assert rows(
        parts,
        "select count(*), count(distinct sent_at is not null) from deliveries where claim_token is null",
    ) == [(5, 1)]
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
        assert rows(parts, "select send_at > now() - interval '100 years', attempts from deliveries") == [
            (True, 1)
        ]


def test_six_temporary_refusals_end_in_failed_and_the_month_is_free_again(parts: Parts) -> None:
    made = world.build(parts, count=1)
    world.planned(parts, made, send_at=NOW)
    now = NOW
    for _ in range(7):
        deliver.batch(parts, now=now, transport=MemoryTransport(answer=451))
        now += timedelta(days=1, minutes=1)
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
                        delivery = tx.execute(
                            text("select id from deliveries where id = :id"), {"id": ids[4]}
                        ).scalar_one()
                    refuse.record(
                        parts,
                        delivery_id=delivery,
                        scope="global",
                        reason="user_link",
                        evidence="",
                        user_id=None,
                        now=NOW,
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
        first = post.queue(
            tx, origin="tx:doc:1", to="a@hamana.example", subject="資料", text="どうぞ", now=NOW
        )
        again = post.queue(
            tx, origin="tx:doc:1", to="a@hamana.example", subject="資料", text="どうぞ", now=NOW
        )
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
    outside = replace(
        parts, settings=replace(parts.settings, smtp_url="smtp://127.0.0.1:1", base_url="http://x.example")
    )
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


def test_a_mail_held_at_the_last_question_is_asked_again_by_the_planner(parts: Parts) -> None:
    """Its enrolment had moved on; a step that did not go is the next step again, not lost in silence."""
    made = world.build(parts, count=2)
    world.planned(parts, made, send_at=NOW)
    with parts.engine.begin() as tx:
        tx.execute(text("update scenarios set status = 'paused'"))
    deliver.batch(parts, now=NOW, transport=MemoryTransport())
    assert rows(parts, "select distinct state, reason from deliveries") == [
        ("carried_over", "scenario_paused")
    ]
    assert rows(parts, "select distinct position, due_month from enrollments") == [(1, 2026 * 12 + 10)]
    with parts.engine.begin() as tx:
        tx.execute(text("update scenarios set status = 'active'"))
    plan.run(parts, now=NOW)
    assert world.states(parts) == {"planned": 2}
    assert rows(parts, "select distinct position from enrollments") == [(2,)]
    assert self_audit.run(parts, now=NOW).is_sound


def test_a_held_mail_whose_next_step_has_a_month_already_is_cancelled(parts: Parts) -> None:
    made = world.build(parts, count=1)
    world.planned(parts, made, send_at=NOW)
    with parts.engine.begin() as tx:
        tx.execute(text("update enrollments set position = 3"))
        tx.execute(text("update scenarios set status = 'paused'"))
        tx.execute(
            text(
                "insert into deliveries (origin, person_id, address_id, product_id, enrollment_id, step_key, month,"
                " send_at, state, created_at) select 'enr:1/K2/round:1', person_id, address_id, product_id,"
                " enrollment_id, 'K2', month + 1, send_at + interval '30 days', 'planned', created_at from deliveries"
            )
        )
    deliver.batch(parts, now=NOW, transport=MemoryTransport())
    assert rows(parts, "select state, reason from deliveries where step_key = 'K1'") == [
        ("cancelled", "overtaken")
    ]
    assert rows(parts, "select position from enrollments") == [(3,)]


def test_a_mail_that_left_late_moves_the_gap_along(parts: Parts) -> None:
    made = world.build(parts, count=1)
    world.planned(parts, made, send_at=NOW - timedelta(days=15))
    with parts.engine.begin() as tx:
        tx.execute(text("update addresses set next_free_on = '2026-11-30'"))
        tx.execute(text("update pace set next_free_on = '2026-11-30'"))
    deliver.batch(parts, now=NOW, transport=MemoryTransport())
    late = (NOW.astimezone(parts.settings.tz) + timedelta(days=21)).date()
    assert rows(parts, "select a.next_free_on, p.next_free_on from addresses a, pace p") == [(late, late)]


def test_a_mail_planned_before_the_last_one_left_late_waits_for_the_gap(parts: Parts) -> None:
    made = world.build(parts, count=1)
    (first,) = world.planned(parts, made, send_at=NOW - timedelta(days=15))
    december = datetime(2026, 12, 1, 1, 0, tzinfo=UTC)
    with parts.engine.begin() as tx:
        tx.execute(
            text(
                "with d as (insert into deliveries (origin, person_id, address_id, product_id, enrollment_id, content_id,"
                " published_mail_id, step_key, month, send_at, state, created_at)"
                " select 'enr:1/K2/round:1', person_id, address_id, product_id, enrollment_id, :content,"
                " published_mail_id, 'K2', month + 1, :at, 'planned', :at from deliveries returning *)"
                " insert into mail_slots (person_id, address_id, product_id, month, slot_no, delivery_id)"
                " select person_id, address_id, product_id, month, 1, id from d"
            ),
            {"at": december, "content": made.contents[1]},
        )
        tx.execute(text("update enrollments set position = 3"))
    deliver.batch(parts, now=NOW, transport=MemoryTransport())
    parts.clock.move_to(december)
    deliver.batch(parts, now=december, transport=MemoryTransport())
    assert rows(parts, "select step_key, state, reason from deliveries order by id") == [
        ("K1", "sent", ""),
        ("K2", "carried_over", "gap"),
    ]
    assert rows(parts, "select delivery_id from mail_slots") == [(first,)]
    assert rows(parts, "select position from enrollments") == [(2,)]


def test_a_mail_that_cannot_be_made_fails_alone(parts: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    made = world.build(parts, count=3)
    ids = world.planned(parts, made, send_at=NOW)
    whole = render._bytes

    def broken(post, row, *rest):  # type: ignore[no-untyped-def]
        if row.delivery_id == ids[1]:
            raise KeyError("a row nobody thought of")
        return whole(post, row, *rest)

    monkeypatch.setattr(render, "_bytes", broken)
    deliver.batch(parts, now=NOW, transport=MemoryTransport())
    assert rows(parts, "select state, reason, count(*) from deliveries group by 1, 2 order by 1") == [
        ("failed", "not_made", 1),
        ("sent", "", 2),
    ]


def test_a_server_that_is_away_for_days_costs_no_mail_its_tries(parts: Parts) -> None:
    made = world.build(parts, count=2)
    world.planned(parts, made, send_at=NOW)
    now, nowhere = NOW, transport_for("smtp://127.0.0.1:1")
    for _ in range(9):
        deliver.batch(parts, now=now, transport=nowhere)
        assert rows(parts, "select distinct state, reason, attempts from deliveries") == [
            ("retry", "smtp_away", 0)
        ]
        now += timedelta(hours=12)
        parts.clock.move_to(now)
    deliver.batch(parts, now=now, transport=MemoryTransport())
    assert world.states(parts) == {"sent": 2}


def test_a_person_excluded_after_planning_gets_nothing(parts: Parts) -> None:
    made = world.build(parts, count=2)
    world.planned(parts, made, send_at=NOW)
    with parts.engine.begin() as tx:
        tx.execute(text("update people set excluded_reason = 'competitor' where id = 1"))
    way = MemoryTransport()
    deliver.batch(parts, now=NOW, transport=way)
    assert len(way.sent) == 1
    assert rows(parts, "select state, reason from deliveries where person_id = 1") == [
        ("cancelled", "person_excluded")
    ]


def test_a_batch_on_a_slow_server_ends_before_its_lease(
    parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = world.build(parts, count=2)
    world.planned(parts, made, send_at=NOW)
    monkeypatch.setattr(carry, "LONGEST_S", -1.0)
    monkeypatch.setattr(carry, "OFTEN_S", -1.0)
    way = MemoryTransport()
    deliver.batch(parts, now=NOW, transport=way)
    assert way.sent == []
    assert world.states(parts) == {"planned": 2}


@pytest.mark.parametrize("wrong", ["{% if 宛名 %}", "{{ link('a') }}", "{{ link() }}", "{{ link(99) }}"])
@pytest.mark.parametrize("place", ["subject", "html", "text"])
def test_a_published_mail_that_cannot_be_read_stops_no_other(parts: Parts, place: str, wrong: str) -> None:
    made = world.build(parts, count=3)
    ids = world.planned(parts, made, send_at=NOW)
    with parts.engine.begin() as tx:
        tx.execute(
            text(
                "insert into published_mails (content_id, version_id, step_key, subject, html, text, links,"
                " published_at) select content_id, version_id, 'evil', subject, html, text, links, published_at"
                " from published_mails limit 1"
            )
        )
        evil = tx.execute(text("select max(id) from published_mails")).scalar_one()
        tx.execute(
            text(f"update published_mails set {place} = :wrong where id = :id"), {"wrong": wrong, "id": evil}
        )
        tx.execute(
            text("update deliveries set published_mail_id = :evil where id = :id"),
            {"evil": evil, "id": ids[1]},
        )
    assert deliver.batch(parts, now=NOW, transport=MemoryTransport()) == 3
    assert rows(parts, "select id, state from deliveries order by id") == [
        (ids[0], "sent"),
        (ids[1], "failed"),
        (ids[2], "sent"),
    ]


def test_a_sender_whose_host_is_no_name_fails_alone(parts: Parts) -> None:
    made = world.build(parts, count=2)
    ids = world.planned(parts, made, send_at=NOW)
    with parts.engine.begin() as tx:
        wrong = world.product(tx, "別の製品", list_key="other")
        tx.execute(
            text(
                "update sender_profiles set from_address = :wrong where id ="
                " (select sender_profile_id from products where id = :id)"
            ),
            {"wrong": "a@" + "あ" * 80 + ".example", "id": wrong},
        )
        tx.execute(text("update deliveries set product_id = :p where id = :id"), {"p": wrong, "id": ids[0]})
    deliver.batch(parts, now=NOW, transport=MemoryTransport())
    assert rows(parts, "select id, state, reason from deliveries order by id") == [
        (ids[0], "failed", "not_made"),
        (ids[1], "sent", ""),
    ]


@pytest.mark.parametrize(("every", "state"), [(3, "sent"), (4, "carried_over")])
def test_the_last_question_asks_for_as_many_information_mails_as_the_product_wants(
    parts: Parts, every: int, state: str
) -> None:
    made = world.build(parts, count=1)
    world.planned(parts, made, send_at=NOW)
    with parts.engine.begin() as tx:
        tx.execute(text("update products set tone_every = :n"), {"n": every})
        tx.execute(text("update deliveries set tone = 'sales_light'"))
        for n in (2, 3):
            before = NOW - timedelta(days=31 * n)
            world.insert(
                tx, "deliveries", origin=f"past:{n}", person_id=made.people[0], product_id=made.product,
                state="sent", tone="info", sent_at=before, send_at=before, created_at=before,
            )  # fmt: skip
    deliver.batch(parts, now=NOW, transport=MemoryTransport())
    assert rows(parts, "select state from deliveries where step_key = 'K1'") == [(state,)]
