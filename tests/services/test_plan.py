from __future__ import annotations

import threading
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from campaigns.parts import Parts
from campaigns.services import enrol, gather, plan, self_audit
from campaigns.storage import waiting
from tests import world

MORNING = datetime(2026, 11, 19, 21, 1, tzinfo=UTC)  # 06:01 of 20 November in Tokyo


def rows(parts: Parts, query: str, **values: object) -> list[tuple[object, ...]]:
    with parts.engine.connect() as tx:
        return [tuple(row) for row in tx.execute(text(query), values)]


def hurry(parts: Parts) -> None:
    with parts.engine.begin() as tx:
        tx.execute(text("update pace set plan_at = '2020-01-01'"))


def test_enrolled_people_get_one_planned_mail_with_slot_gap_and_step_moved(parts: Parts) -> None:
    made = world.build(parts, count=3)
    assert enrol.audience(parts, made.scenario, now=MORNING) == 3
    planned = plan.run(parts, now=MORNING)
    assert planned.people == 3
    assert world.states(parts) == {"planned": 3}
    assert rows(parts, "select distinct position, status, due_month from enrollments") == [
        (2, "active", 2026 * 12 + 11)
    ]
    found = rows(
        parts,
        "select s.month, s.slot_no, d.send_at from mail_slots s join deliveries d on d.id = s.delivery_id",
    )
    assert {row[:2] for row in found} == {(2026 * 12 + 10, 1)}
    assert {row[2].astimezone(parts.settings.tz).date() for row in found} == {date(2026, 11, 25)}  # type: ignore[attr-defined]
    assert rows(parts, "select distinct next_free_on from addresses") == [(date(2026, 12, 16),)]
    assert self_audit.run(parts, now=MORNING).is_sound


def test_planning_twice_changes_nothing(parts: Parts) -> None:
    made = world.build(parts, count=2)
    enrol.audience(parts, made.scenario, now=MORNING)
    plan.run(parts, now=MORNING)
    before = rows(parts, "select id, origin, state, send_at from deliveries order by id")
    hurry(parts)
    plan.run(parts, now=MORNING + timedelta(minutes=5))
    assert rows(parts, "select id, origin, state, send_at from deliveries order by id") == before


def test_the_decision_is_not_taken_before_its_day(parts: Parts) -> None:
    made = world.build(parts, count=1)
    early = datetime(2026, 11, 2, 0, 0, tzinfo=UTC)
    enrol.audience(parts, made.scenario, now=early)
    plan.run(parts, now=early)
    assert world.states(parts) == {}
    assert rows(parts, "select plan_at from pace") == [(date(2026, 11, 19),)]


def test_two_products_share_one_month_and_the_loser_says_who_won(parts: Parts) -> None:
    first = world.build(parts, count=1)
    with parts.engine.begin() as tx:
        other = world.product(tx, "5軸加工機 VX-500", list_key="vx500", priority=1)
        number, *_ = world.scenario(tx, other)
        world.insert(
            tx,
            "product_leads",
            person_id=first.people[0],
            product_id=other,
            state="nurturing",
            created_at=MORNING,
        )
    enrol.audience(parts, first.scenario, now=MORNING)
    enrol.audience(parts, number, now=MORNING)
    plan.run(parts, now=MORNING)
    assert rows(parts, "select product_id, state, reason from deliveries") == [(other, "planned", "priority")]
    with parts.engine.connect() as tx:
        (line,) = waiting.lines(tx)
        (count,) = waiting.counts(tx)
    assert (line.product_id, line.reason, line.by_product) == (first.product, "priority", "5軸加工機 VX-500")
    assert line.until == date(2026, 12, 22), "the promise is the next decision"
    assert (count.product_id, count.by_product_id, count.n) == (first.product, other, 1)
    assert len(rows(parts, "select 1 from mail_slots")) == 1
    assert self_audit.run(parts, now=MORNING).is_sound


def test_a_refused_product_is_suppressed_and_the_enrolment_ends(parts: Parts) -> None:
    made = world.build(parts, count=1)
    enrol.audience(parts, made.scenario, now=MORNING)
    with parts.engine.begin() as tx:
        tx.execute(
            text(
                "insert into suppressions (key_hash, address_id, scope, product_id, reason, at)"
                " select key_hash, id, 'product', :product, 'user_link', :at from addresses"
            ),
            {"product": made.product, "at": MORNING},
        )
    plan.run(parts, now=MORNING)
    assert rows(parts, "select state, reason from deliveries") == [("suppressed", "refused_product")]
    assert rows(parts, "select status, reason from enrollments") == [("stopped", "refused_product")]
    assert rows(parts, "select 1 from mail_slots") == []


def test_without_consent_nothing_is_planned_and_the_reason_shows(parts: Parts) -> None:
    with parts.engine.begin() as tx:
        made = world.product(tx)
        number, *_ = world.scenario(tx, made)
        world.people(tx, parts, 1, product=made, consent=False)
    enrol.audience(parts, number, now=MORNING)
    plan.run(parts, now=MORNING)
    assert rows(parts, "select state, reason from deliveries") == [("no_consent", "no_consent")]
    with parts.engine.begin() as tx:
        tx.execute(
            text(
                "insert into consents (address_id, basis, obtained_at, recorded_at)"
                " select id, 'opt_in', :at, :at from addresses"
            ),
            {"at": MORNING},
        )
    hurry(parts)
    plan.run(parts, now=MORNING)
    assert world.states(parts) == {"planned": 1}


def test_an_expired_step_gives_the_month_to_the_next_one(parts: Parts) -> None:
    made = world.build(parts, count=1, offsets=(0, 0, 1))
    with parts.engine.begin() as tx:
        tx.execute(text("update steps set valid_until = '2026-11-01' where position = 1"))
    enrol.audience(parts, made.scenario, now=MORNING)
    plan.run(parts, now=MORNING)
    plan.run(parts, now=MORNING + timedelta(minutes=1))
    found = rows(parts, "select step_key, state from deliveries order by id")
    assert found == [("K1", "expired"), ("K2", "planned")]


def test_two_people_at_one_mailbox_get_one_mail_a_month_between_them(parts: Parts) -> None:
    made = world.build(parts, count=2)
    with parts.engine.begin() as tx:
        tx.execute(text("update people set address_id = (select min(id) from addresses)"))
    enrol.audience(parts, made.scenario, now=MORNING)
    plan.run(parts, now=MORNING)
    assert rows(parts, "select person_id, state from deliveries") == [(made.people[0], "planned")]
    with parts.engine.connect() as tx:
        (line,) = waiting.lines(tx)
    assert (line.person_id, line.reason) == (made.people[1], "month_taken")
    assert self_audit.run(parts, now=MORNING).is_sound


def test_fifty_planners_racing_for_one_person_with_ten_due_steps_make_exactly_one_mail(parts: Parts) -> None:
    made = world.build(parts, count=1)
    with parts.engine.begin() as tx:
        numbers = [made.scenario]
        for n in range(9):
            other = world.product(tx, f"商材 {n}", list_key=f"p{n}")
            numbers.append(world.scenario(tx, other)[0])
            world.insert(
                tx,
                "product_leads",
                person_id=made.people[0],
                product_id=other,
                state="nurturing",
                created_at=MORNING,
            )
    for number in numbers:
        enrol.audience(parts, number, now=MORNING)
    assert rows(parts, "select count(*) from enrollments") == [(10,)]
    errors: list[BaseException] = []
    start = threading.Barrier(50)

    def race() -> None:
        try:
            start.wait(30)
            for _ in range(3):
                plan.run(parts, now=MORNING)
                hurry(parts)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=race) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    assert world.states(parts)["planned"] == 1
    assert rows(parts, "select count(*) from mail_slots") == [(1,)]
    assert self_audit.run(parts, now=MORNING).is_sound


def test_a_step_decided_for_two_months_on_one_day_ends_in_the_later_one(parts: Parts) -> None:
    """The gap forbids the rest of November; December's decision day has come: one row, not a failed batch."""
    made = world.build(parts, count=1, want_day=1)
    last_day = datetime(2026, 11, 30, 1, 0, tzinfo=UTC)
    enrol.audience(parts, made.scenario, now=last_day)
    with parts.engine.begin() as tx:
        tx.execute(text("update addresses set next_free_on = '2026-12-01'"))
    plan.run(parts, now=last_day)
    assert rows(parts, "select state, month from deliveries") == [("planned", 2026 * 12 + 11)]
    assert rows(parts, "select plan_at from pace") == [(date(2026, 12, 24),)]


def test_a_mail_decided_in_the_evening_does_not_go_at_night(parts: Parts) -> None:
    made = world.build(parts, count=1, want_day=10)
    evening = datetime(2026, 11, 24, 13, 0, tzinfo=UTC)  # 22:00 in Tokyo
    enrol.audience(parts, made.scenario, now=evening)
    plan.run(parts, now=evening)
    ((send_at,),) = rows(parts, "select send_at from deliveries")
    local = send_at.astimezone(parts.settings.tz)  # type: ignore[attr-defined]
    assert local.date() == date(2026, 11, 25)
    assert 9 <= local.hour <= 16


def second_product(parts: Parts, first: world.World, *, now: datetime = MORNING, **kind: object) -> int:
    """Another product's scenario for the same people, of lower priority; both are enrolled."""
    with parts.engine.begin() as tx:
        other = world.product(tx, "5軸加工機 VX-500", list_key="vx500", priority=9)
        number, *_ = world.scenario(tx, other, **kind)  # type: ignore[arg-type]
        for person in first.people:
            world.insert(
                tx, "product_leads", person_id=person, product_id=other, state="nurturing", created_at=MORNING
            )
    enrol.audience(parts, first.scenario, now=now)
    enrol.audience(parts, number, now=now)
    return other


def test_a_cap_of_two_lets_a_second_product_into_the_month_seven_days_later(parts: Parts) -> None:
    made = world.build(parts, count=1, want_day=10)
    start = datetime(2026, 11, 4, 21, 1, tzinfo=UTC)
    with parts.engine.begin() as tx:
        tx.execute(text("update house set cap_max = 2, cap_reason = '展示会の月'"))
    second_product(parts, made, now=start, want_day=10)
    plan.run(parts, now=start)
    plan.run(parts, now=start + timedelta(days=1))
    plan.run(parts, now=start + timedelta(days=2))
    days = [
        row[0].astimezone(parts.settings.tz).date()  # type: ignore[attr-defined]
        for row in rows(parts, "select send_at from deliveries where state = 'planned' order by send_at")
    ]
    assert len(days) == 2
    assert days[1] - days[0] >= timedelta(days=7)
    assert rows(parts, "select slot_no from mail_slots order by 1") == [(1,), (2,)]
    assert self_audit.run(parts, now=start).is_sound


def test_a_slot_given_back_is_taken_again_while_a_later_one_is_held(parts: Parts) -> None:
    made = world.build(parts, count=1, want_day=10)
    start = datetime(2026, 11, 4, 21, 1, tzinfo=UTC)
    with parts.engine.begin() as tx:
        tx.execute(text("update house set cap_max = 2, cap_reason = '展示会の月'"))
    second_product(parts, made, now=start, want_day=10)
    plan.run(parts, now=start)
    with parts.engine.begin() as tx:
        tx.execute(text("update mail_slots set slot_no = 2"))  # as if slot 1 had been held and given back
    plan.run(parts, now=start + timedelta(days=1))
    assert world.states(parts) == {"planned": 2}


def test_a_thank_you_mail_that_lost_the_month_goes_once_as_the_exception(parts: Parts) -> None:
    made = world.build(parts, count=1)
    other = second_product(parts, made, kinds=("thanks", "case_study", "case_study"))
    plan.run(parts, now=MORNING)
    plan.run(parts, now=MORNING + timedelta(days=1))
    assert rows(parts, "select slot_no, product_id from mail_slots order by 1") == [
        (0, other),
        (1, made.product),
    ]
    plan.run(parts, now=MORNING + timedelta(days=2))
    assert world.states(parts) == {"planned": 2}


def test_a_thank_you_mail_never_shortens_the_gap(parts: Parts) -> None:
    made = world.build(parts, count=1, kinds=("thanks", "case_study", "case_study"))
    enrol.audience(parts, made.scenario, now=MORNING)
    with parts.engine.begin() as tx:
        tx.execute(text("update addresses set next_free_on = '2026-12-28'"))
        tx.execute(text("update pace set next_free_on = '2026-12-28'"))
    plan.run(parts, now=MORNING)
    assert world.states(parts) == {"planned": 1}
    assert rows(parts, "select a.next_free_on, p.next_free_on from addresses a, pace p") == [
        (date(2026, 12, 28), date(2026, 12, 28))
    ]


def test_a_step_put_back_to_a_mail_that_failed_moves_on_instead_of_waiting_for_ever(parts: Parts) -> None:
    made = world.build(parts, count=1)
    enrol.audience(parts, made.scenario, now=MORNING)
    plan.run(parts, now=MORNING)
    with parts.engine.begin() as tx:
        tx.execute(text("update deliveries set state = 'failed'; delete from mail_slots"))
        tx.execute(text("update enrollments set position = 1, due_month = due_month - 1"))
        tx.execute(text("update addresses set next_free_on = null"))
        tx.execute(text("update pace set next_free_on = null, plan_at = '2020-01-01'"))
    plan.run(parts, now=MORNING)
    assert rows(parts, "select state from deliveries") == [("failed",)]
    assert rows(parts, "select position from enrollments") == [(2,)]
    assert rows(parts, "select count(*) from mail_slots") == [(0,)]


@pytest.mark.parametrize("taken", ["slot", "gap"])
def test_a_mailbox_taken_between_reading_and_writing_keeps_its_mail_and_the_others_get_theirs(
    parts: Parts, monkeypatch: pytest.MonkeyPatch, taken: str
) -> None:
    made = world.build(parts, count=3)
    enrol.audience(parts, made.scenario, now=MORNING)
    read = gather.cases

    def overtaken(*args: Any, **kwargs: Any) -> list[gather.Case]:
        found = read(*args, **kwargs)
        queries = {
            "slot": "insert into mail_slots (delivery_id, person_id, address_id, product_id, month, slot_no)"
            " select 999, 999, address_id, 999, :month, 1 from people where id = :id",
            "gap": "update addresses set next_free_on = '2026-12-01'"
            " where id = (select address_id from people where id = :id) and :month > 0",
        }
        with parts.engine.begin() as tx:
            tx.execute(text(queries[taken]), {"month": 2026 * 12 + 10, "id": made.people[1]})
        return found

    monkeypatch.setattr(gather, "cases", overtaken)
    planned = plan.run(parts, now=MORNING)
    assert planned.states == {"planned": 2, "carried_over": 1}
    assert rows(parts, "select person_id, state, reason from deliveries where state <> 'planned'") == [
        (made.people[1], "carried_over", "address_taken")
    ]
    assert rows(parts, "select person_id from mail_slots where person_id < 999 order by 1") == [
        (made.people[0],),
        (made.people[2],),
    ]
    assert rows(parts, "select position from enrollments order by person_id") == [(2,), (1,), (2,)]


def test_planners_who_share_mailboxes_crosswise_never_deadlock(parts: Parts) -> None:
    made = world.build(parts, count=400)
    with parts.engine.begin() as tx:
        # Person n of the first half writes to the mailbox of person 401 - n.
        tx.execute(
            text(
                "update people p set address_id = q.address_id from people q where p.id <= 200 and q.id = 401 - p.id"
            )
        )
    enrol.audience(parts, made.scenario, now=MORNING)
    errors: list[BaseException] = []
    start = threading.Barrier(4)

    def race() -> None:
        try:
            start.wait(30)
            plan.run(parts, now=MORNING)
        except BaseException as error:
            errors.append(error)

    before, plan.BATCH = plan.BATCH, 100
    try:
        threads = [threading.Thread(target=race) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        plan.BATCH = before
    assert not errors
    assert world.states(parts) == {"planned": 200}
    with parts.engine.connect() as tx:
        assert sum(one.n for one in waiting.counts(tx)) == 200
    # Whoever raced: of two at a mailbox the first one known gets it.
    assert rows(parts, "select count(*) from deliveries where person_id <= 200") == [(200,)]
    assert self_audit.run(parts, now=MORNING).is_sound
