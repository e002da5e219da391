"""A touch entered by hand, and what it means for the mails of scenarios."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from sqlalchemy import text

from campaigns.parts import Parts
from campaigns.rules.touchpoints import Kind
from campaigns.services import enrol, plan, record_touch
from tests import world
from tests.services.world import World

NOW = datetime(2026, 11, 24, 1, 0, tzinfo=UTC)  # 10:00 of Tuesday, 24 November, in Tokyo


def planned(parts: Parts) -> list[tuple[int, str, date]]:
    with parts.engine.connect() as tx:
        rows = tx.execute(
            text(
                "select person_id, state, cast(send_at at time zone 'Asia/Tokyo' as date) as day from deliveries"
                " where state = 'planned' order by 1"
            )
        )
        return [(row.person_id, row.state, row.day) for row in rows]


def touch(parts: Parts, person: int, kind: Kind, *, at: datetime = NOW, key: str = "k") -> None:
    record_touch.run(parts, person_id=person, kind=kind, at=at, key=key, user_id=None, now=NOW)


def test_a_mail_written_by_a_rep_puts_the_next_one_off_by_a_week(parts: Parts) -> None:
    made = world.build(parts, count=2, offsets=(0, 1))
    enrol.audience(parts, made.scenario, now=NOW)
    plan.run(parts, now=NOW)
    first, other = made.people
    before = {person: day for person, _, day in planned(parts)}
    assert before[first] < date(2026, 12, 1)
    touch(parts, first, Kind.MAIL_BY_REP)
    with parts.engine.connect() as tx:
        assert (
            tx.execute(text("select count(*) from mail_slots where person_id = :p"), {"p": first}).scalar()
            == 0
        )
    for n in range(30):  # the wanted day is the 25th
        plan.run(parts, now=NOW + timedelta(days=n))
    after = {person: day for person, _, day in planned(parts)}
    assert after[first] >= date(2026, 12, 1)
    assert after[other] > before[other]


def test_a_mail_planned_for_later_than_a_week_stays(parts: Parts) -> None:
    made = world.build(parts, count=1, offsets=(0,))
    enrol.audience(parts, made.scenario, now=NOW)
    plan.run(parts, now=NOW)
    before = planned(parts)
    touch(parts, made.people[0], Kind.MAIL_BY_REP, at=NOW - timedelta(days=8))
    assert planned(parts) == before


def test_another_touch_leaves_the_mails_alone(parts: Parts) -> None:
    made = world.build(parts, count=1, offsets=(0,))
    enrol.audience(parts, made.scenario, now=NOW)
    plan.run(parts, now=NOW)
    before = planned(parts)
    touch(parts, made.people[0], Kind.FAX_SENT)
    assert before
    assert planned(parts) == before


def test_a_touch_taken_back_stays_with_its_reason_and_counts_for_nothing(parts: Parts) -> None:
    made = World.build(parts, NOW)
    person = made.person(touches=[("badge_scan", 30)])
    done = record_touch.run(
        parts,
        person_id=person,
        kind=Kind.INQUIRY,
        at=NOW,
        key="k",
        product_id=made.press_id,
        user_id=1,
        now=NOW,
    )
    assert made.lead(person).rank == "hot"
    later = NOW + timedelta(minutes=3)
    assert record_touch.withdraw(parts, done.id, reason="人を間違えた", user_id=1, now=later) is not None
    assert made.lead(person).rank == "nurture"
    found = record_touch.look(parts, done.id)
    assert found is not None
    assert (found.reason, found.withdrawn_at, found.may_be_withdrawn) == ("人を間違えた", later, False)
    actions = [
        row.action for row in made.rows("select action from audit_log where noun = 'person' order by id")
    ]
    assert actions == ["touch", "touch_withdrawn"]


def test_a_second_reversal_and_the_same_form_again_change_nothing(parts: Parts) -> None:
    made = World.build(parts, NOW)
    person = made.person(touches=[("badge_scan", 30)])
    form = {"person_id": person, "kind": Kind.VISIT, "at": NOW, "key": "k", "user_id": 1, "now": NOW}
    done = record_touch.run(parts, **form)  # type: ignore[arg-type]
    record_touch.withdraw(parts, done.id, reason="一", user_id=1, now=NOW)
    record_touch.withdraw(parts, done.id, reason="二", user_id=1, now=NOW)
    again = record_touch.run(parts, **form)  # type: ignore[arg-type]
    assert (again.id, again.is_new) == (done.id, False)
    rows = made.rows(
        "select t.validity, r.reason from touchpoints t join touch_reversals r on r.touch_id = t.id where t.id = :t",
        t=done.id,
    )
    assert [tuple(row) for row in rows] == [(0.0, "一")]


def test_what_a_machine_measured_is_not_taken_back_by_hand(parts: Parts) -> None:
    made = World.build(parts, NOW)
    made.person(touches=[("mail_click", 3)])
    record_touch.withdraw(parts, 1, reason="x", user_id=1, now=NOW)
    assert made.rows("select validity from touchpoints")[0].validity == 1
    assert record_touch.withdraw(parts, 99, reason="x", user_id=1, now=NOW) is None
