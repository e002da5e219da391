"""What stood still comes back day by day: nothing overdue leaves in one burst, at night or on a holiday."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, time, timedelta

import pytest
from sqlalchemy import text

from campaigns.parts import Parts
from campaigns.rules.schedule import TOKYO, WINDOWS
from campaigns.rules.workdays import Calendar
from campaigns.services import deliver, enrol, hold, plan, replan, self_audit
from campaigns.services.hold import EVERYTHING, Kind, Target
from mailer.transports import MemoryTransport
from tests import world
from tests.world import World

NOW = datetime(2026, 11, 24, 1, 0, tzinfo=UTC)
CALENDAR = Calendar()


def rows(parts: Parts, query: str, **values: object) -> list[tuple[object, ...]]:
    with parts.engine.begin() as tx:
        found = tx.execute(text(query), values)
        return [tuple(row) for row in found] if found.returns_rows else []


def at(day: date, hour: int, minute: int = 0) -> datetime:
    return datetime.combine(day, time(hour, minute), tzinfo=TOKYO)


def planned_times(parts: Parts) -> list[datetime]:
    found = rows(parts, "select send_at from deliveries where state in ('planned', 'retry')")
    return [one[0].astimezone(TOKYO) for one in found]  # type: ignore[attr-defined]


def is_in_windows(when: datetime) -> bool:
    minutes = when.hour * 60 + when.minute
    return CALENDAR.is_business_day(when.date()) and any(a <= minutes <= b for a, b in WINDOWS)


def send_all(parts: Parts, now: datetime, way: MemoryTransport) -> None:
    for _ in range(20):
        if not deliver.batch(parts, now=now, transport=way):
            return
    raise AssertionError("the sender is asked for ever")


def live(parts: Parts, first: date, days: int) -> None:
    """Day after day: decisions at six, and each mail accepted at its time."""
    for n in range(days):
        day = first + timedelta(days=n)
        plan.run(parts, now=at(day, 6, 1))
        assert all(is_in_windows(when) for when in planned_times(parts))
        rows(
            parts,
            "update deliveries set state = 'sent', sent_at = send_at where state = 'planned' and send_at < :now",
            now=at(day, 23, 59),
        )


def target(made: World, kind: str) -> Target:
    return {
        "all": EVERYTHING,
        "product": Target(Kind.PRODUCT, made.product),
        "scenario": Target(Kind.SCENARIO, made.scenario),
    }[kind]


@pytest.mark.parametrize(("kind", "people"), [("scenario", 500), ("product", 40), ("all", 40)])
def test_people_paused_for_three_months_get_one_mail_a_month_on_business_days_after_it(
    parts: Parts, kind: str, people: int
) -> None:
    made = world.build(parts, count=people)
    enrol.audience(parts, made.scenario, now=NOW)
    plan.run(parts, now=NOW)
    assert world.states(parts) == {"planned": people}
    hold.pause(parts, target(made, kind), reason="確認", user_id=None, now=NOW)
    way = MemoryTransport()
    for n in range(0, 90, 5):  # three months in which the planner and the sender go on asking
        day = date(2026, 11, 25) + timedelta(days=n)
        plan.run(parts, now=at(day, 6, 1))
        send_all(parts, at(day, 16, 31), way)
    assert not way.sent
    back = at(date(2027, 2, 22), 10)  # the day before a holiday
    hold.resume(parts, target(made, kind), user_id=None, now=back)
    send_all(parts, back, way)
    assert not way.sent, "nothing leaves by its old date"
    plan.run(parts, now=back)
    times = planned_times(parts)
    assert len(times) == people
    assert all(is_in_windows(when) and when > back for when in times)
    assert len({when.replace(second=0) for when in times}) > min(people / 3, 60), "spread, not at once"
    live(parts, date(2027, 2, 22), 100)
    sent = rows(parts, "select person_id, month from deliveries where state = 'sent'")
    assert max(Counter(sent).values()) == 1
    assert Counter(person for person, _ in sent) == dict.fromkeys(made.people, 3), "nothing is lost either"
    assert self_audit.run(parts, now=at(date(2027, 6, 3), 10)).is_sound


@pytest.fixture
def real(parts: Parts, monkeypatch: pytest.MonkeyPatch) -> Parts:
    """An installation whose clock does not travel: days that pass unsent are days on which it was down."""
    monkeypatch.setattr(parts.clock, "_travels", False)
    return parts


def test_a_machine_that_was_down_for_two_weeks_does_not_send_its_old_mails_at_once(real: Parts) -> None:
    parts = real
    made = world.build(parts, count=30)
    enrol.audience(parts, made.scenario, now=NOW)
    plan.run(parts, now=NOW)
    up = at(date(2026, 12, 9), 3)  # at night, in another month
    way = MemoryTransport()
    send_all(parts, up, way)
    assert not way.sent, "a mail of another day is not claimed"
    assert replan.run(parts, now=up) == 30
    assert set(rows(parts, "select state, reason from deliveries")) == {("carried_over", "day_passed")}
    assert rows(parts, "select count(*) from mail_slots") == [(0,)]
    assert self_audit.run(parts, now=up).is_sound
    live(parts, date(2026, 12, 9), 30)
    sent = rows(parts, "select person_id, month from deliveries where state = 'sent'")
    assert Counter(sent) == {(person, 2026 * 12 + 11): 1 for person in made.people}


def test_two_mails_that_are_both_late_come_in_their_order_and_a_month_apart(real: Parts) -> None:
    """The sender alone was away for months: the planner went on, and a person has two overdue mails."""
    parts = real
    made = world.build(parts, count=1)
    enrol.audience(parts, made.scenario, now=NOW)
    for day in (date(2026, 11, 24), date(2026, 12, 22)):
        plan.run(parts, now=at(day, 10))
    assert world.states(parts) == {"planned": 2}
    up = at(date(2027, 1, 12), 9)
    assert replan.run(parts, now=up) == 2
    assert rows(parts, "select position, status from enrollments") == [(1, "active")]
    assert self_audit.run(parts, now=up + timedelta(days=5)).is_sound
    live(parts, date(2027, 1, 12), 90)
    sent = rows(parts, "select step_key, month from deliveries where state = 'sent' order by month")
    assert sent == [("K1", 2027 * 12), ("K2", 2027 * 12 + 1), ("K3", 2027 * 12 + 2)]


def test_an_answer_to_a_persons_own_act_leaves_however_late_it_is(real: Parts) -> None:
    parts = real
    made = world.build(parts, count=1)
    world.planned(parts, made, send_at=NOW)
    rows(parts, "update deliveries set class = 'transactional', month = 0")
    rows(parts, "delete from mail_slots")
    assert replan.run(parts, now=NOW + timedelta(days=14)) == 0
    assert deliver.batch(parts, now=NOW + timedelta(days=14), transport=MemoryTransport()) == 1


def test_what_a_worker_has_in_hand_is_left_to_it(real: Parts) -> None:
    parts = real
    made = world.build(parts, count=2)
    world.planned(parts, made, send_at=NOW)
    rows(
        parts,
        "update deliveries set state = 'handing', claim_token = 't' where person_id = :p",
        p=made.people[0],
    )
    assert replan.run(parts, now=NOW + timedelta(days=1)) == 1
    assert world.states(parts) == {"handing": 1, "carried_over": 1}


def test_a_mail_that_is_late_on_its_own_day_just_goes(real: Parts) -> None:
    parts = real
    made = world.build(parts, count=1)
    world.planned(parts, made, send_at=NOW)
    assert replan.run(parts, now=NOW + timedelta(hours=6)) == 0
    assert deliver.batch(parts, now=NOW + timedelta(hours=6), transport=MemoryTransport()) == 1
