"""Moving planned mails by hand and by a closed day, against the real database."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import text

from campaigns.parts import Parts
from campaigns.rules.rescheduling import PAUSE_MAX_DAYS, Closed, ClosedTooLong
from campaigns.services import enrol, plan, reschedule, show_calendar
from campaigns.services.reschedule import Moved
from campaigns.storage import closed_days
from tests import world
from tests.world import World

FROM = date(2026, 11, 26)  # Thursday
AT = datetime(2026, 11, 26, 1, 30, tzinfo=UTC)


@pytest.fixture
def three(parts: Parts) -> tuple[World, list[int]]:
    """Three people with a mail planned for Thursday 26 November; the gap stands."""
    made = world.build(parts, count=3)
    ids = world.planned(parts, made, send_at=AT)
    with parts.engine.begin() as tx:
        tx.execute(text("update pace set next_free_on = '2026-12-17', plan_at = '2026-12-22'"))
        tx.execute(text("update addresses set next_free_on = '2026-12-17'"))
    return made, ids


def _days(parts: Parts) -> list[date]:
    with parts.engine.connect() as tx:
        query = "select (send_at at time zone 'Asia/Tokyo')::date as day from deliveries order by id"
        return list(tx.execute(text(query)).scalars())


def _free(parts: Parts) -> set[tuple[date, date]]:
    with parts.engine.connect() as tx:
        query = (
            "select pa.next_free_on, a.next_free_on from pace pa join people p on p.id = pa.person_id"
            " join addresses a on a.id = p.address_id"
        )
        return {(row[0], row[1]) for row in tx.execute(text(query))}


def test_a_whole_group_moves_within_the_month_and_its_gap_goes_along(
    parts: Parts, three: tuple[World, list[int]], now: datetime
) -> None:
    made, _ = three
    to = date(2026, 11, 30)
    done = reschedule.move(parts, FROM, to, scenario_id=made.scenario, step_key="K1", user_id=None, now=now)
    assert done == Moved(3, {}, {to: 3})
    assert _days(parts) == [to] * 3
    assert _free(parts) == {(date(2026, 12, 21), date(2026, 12, 21))}
    with parts.engine.connect() as tx:
        hours = set(tx.execute(text("select extract(hour from send_at at time zone 'Asia/Tokyo')"
                                    " from deliveries")).scalars())  # fmt: skip
    assert hours <= {9, 10, 11, 13, 14, 15, 16}


def test_one_mail_moves_alone(parts: Parts, three: tuple[World, list[int]], now: datetime) -> None:
    done = reschedule.move(parts, FROM, date(2026, 11, 27), ids=three[1][:1], user_id=None, now=now)
    assert isinstance(done, Moved)
    assert done.n == 1
    assert _days(parts) == [date(2026, 11, 27), FROM, FROM]


@pytest.mark.parametrize(
    ("to", "code", "instead"),
    [
        (date(2026, 11, 28), "closed", (date(2026, 11, 27), date(2026, 11, 30))),
        (date(2026, 11, 20), "past", (date(2026, 11, 24), date(2026, 11, 25))),
        (date(2026, 12, 1), "other_month", (date(2026, 11, 27), date(2026, 11, 30))),
    ],
)
def test_a_day_that_cannot_be_is_refused_with_days_that_can(
    parts: Parts,
    three: tuple[World, list[int]],
    now: datetime,
    to: date,
    code: str,
    instead: tuple[date, ...],
) -> None:
    done = reschedule.move(parts, FROM, to, ids=three[1], user_id=None, now=now)
    assert done == Closed(code, to, instead)
    assert _days(parts) == [FROM] * 3


def test_who_would_lose_the_gap_the_last_day_or_the_veto_stays(
    parts: Parts, three: tuple[World, list[int]], now: datetime
) -> None:
    made, ids = three
    with parts.engine.begin() as tx:
        # The first had a mail 21 days before Thursday; the second's mail is of use until Thursday.
        other = world.insert(
            tx, "deliveries", origin="test:before", person_id=made.people[0], product_id=made.product,
            month=2026 * 12 + 9, state="sent", sent_at=datetime(2026, 11, 4, 3, tzinfo=UTC), created_at=now,
        )  # fmt: skip
        address = tx.execute(
            text("select address_id from people where id = :p"), {"p": made.people[0]}
        ).scalar()
        tx.execute(
            text(
                "insert into mail_slots (person_id, address_id, product_id, month, slot_no, delivery_id)"
                " values (:person, :address, :product, :month, 2, :delivery)"
            ),
            {
                "person": made.people[0],
                "address": address,
                "product": made.product,
                "month": 2026 * 12 + 9,
                "delivery": other,
            },
        )
        tx.execute(text("update deliveries set valid_until = '2026-11-26' where id = :id"), {"id": ids[1]})
    done = reschedule.move(parts, FROM, date(2026, 11, 24), ids=ids, user_id=None, now=now)
    assert isinstance(done, Moved)
    assert (done.n, done.stayed) == (2, {"gap_before": 1})
    done = reschedule.move(parts, date(2026, 11, 24), date(2026, 11, 27), ids=ids, user_id=None, now=now)
    assert isinstance(done, Moved)
    assert (done.n, done.stayed) == (1, {"expired": 1})


def test_owner_of_a_field_customer_keeps_two_business_days(
    parts: Parts, three: tuple[World, list[int]], now: datetime
) -> None:
    with parts.engine.begin() as tx:
        tx.execute(text("update companies set class = 'A'"))
    done = reschedule.move(parts, FROM, date(2026, 11, 25), ids=three[1], user_id=None, now=now)
    assert isinstance(done, Moved)
    assert (done.n, done.stayed) == (0, {"notice": 3})
    done = reschedule.move(parts, FROM, date(2026, 11, 27), ids=three[1], user_id=None, now=now)
    assert isinstance(done, Moved)
    assert done.n == 3


def test_a_newly_closed_day_moves_its_mails_by_the_rule(
    parts: Parts, three: tuple[World, list[int]], now: datetime
) -> None:
    done = reschedule.close(parts, FROM, kind="closed", note="創立記念日", user_id=None, now=now)
    assert done == Moved(3, {}, {date(2026, 11, 27): 3})
    with parts.engine.connect() as tx:
        assert closed_days.load(tx).closed == {FROM}
    assert reschedule.reopen(parts, FROM, user_id=None, now=now)
    assert not reschedule.reopen(parts, FROM, user_id=None, now=now)
    assert _days(parts) == [date(2026, 11, 27)] * 3


def test_mails_of_the_last_open_day_go_back_when_it_closes(
    parts: Parts, three: tuple[World, list[int]], now: datetime
) -> None:
    last = date(2026, 11, 30)
    reschedule.move(parts, FROM, last, ids=three[1], user_id=None, now=now)
    done = reschedule.close(parts, last, kind="closed", note="", user_id=None, now=now)
    assert done == Moved(3, {}, {date(2026, 11, 27): 3})


def test_planner_keeps_clear_of_own_closed_days(parts: Parts, now: datetime) -> None:
    made = world.build(parts, count=1)
    from campaigns.services import enrol

    enrol.audience(parts, made.scenario, now=now)
    reschedule.close(parts, date(2026, 11, 25), kind="closed", note="", user_id=None, now=now)
    plan.run(parts, now=now)
    assert _days(parts) == [FROM]


def test_month_shows_what_is_planned_sent_expected_and_closed(
    parts: Parts, three: tuple[World, list[int]], now: datetime
) -> None:
    made, _ = three
    reschedule.close(parts, date(2026, 11, 27), kind="closed", note="棚卸", user_id=None, now=now)
    with parts.engine.begin() as tx:
        tx.execute(
            text(
                "insert into mail_days (day, product_id, scenario_id, sent) values ('2026-11-10', :p, :s, 7)"
            ),
            {"p": made.product, "s": made.scenario},
        )
        world.people(tx, parts, 2, product=made.product, first=50)
    enrol.audience(parts, made.scenario, now=now)
    month = show_calendar.month(parts, 2026 * 12 + 10, now=now)
    days = {day.day.day: day for day in month.days}
    assert (days[10].total("sent"), days[26].total("planned"), days[25].total("expected")) == (7, 3, 2)
    closed = {day.day.day: day.closed_by for day in month.days if day.closed_by and day.day.weekday() < 5}
    assert closed == {3: "holiday", 23: "holiday", 27: "own"}
    assert days[27].own is not None
    assert days[27].own.note == "棚卸"
    following = show_calendar.month(parts, 2026 * 12 + 11, now=now)
    assert following.total("expected") == 3  # the next mails of the three


def test_day_lists_the_mails_behind_its_figures(
    parts: Parts, three: tuple[World, list[int]], now: datetime
) -> None:
    made, _ = three
    found = show_calendar.day(
        parts, FROM, kind="", scenario_id=made.scenario, step_key="K1", offset=0, size=2, now=now
    )
    assert (found.kind, found.total, len(found.mails)) == ("planned", 3, 2)
    assert found.chosen is not None
    assert found.chosen.title == "便り1"
    assert found.instead == (date(2026, 11, 25), date(2026, 11, 27))


def test_kept_figures_say_the_same_as_counting(
    parts: Parts, three: tuple[World, list[int]], now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    live = show_calendar.month(parts, 2026 * 12 + 10, now=now)
    following = show_calendar.month(parts, 2026 * 12 + 11, now=now)
    assert not show_calendar.refresh(parts, now=now)
    monkeypatch.setattr("campaigns.storage.calendar.LIVE", 1)
    assert show_calendar.refresh(parts, now=now)
    assert not show_calendar.refresh(parts, now=now + timedelta(minutes=1))
    kept = show_calendar.month(parts, 2026 * 12 + 10, now=now)
    assert kept.days == live.days
    assert kept.counted_at == now
    assert show_calendar.month(parts, 2026 * 12 + 11, now=now).days == following.days


def test_days_are_closed_one_by_one_until_the_pause_would_be_too_long(parts: Parts, now: datetime) -> None:
    # Monday after the New Year's days, which are closed already: a pause from 29 December.
    first = date(2027, 1, 4)
    refused = None
    for n in range(90):
        try:
            reschedule.close(parts, first + timedelta(days=n), kind="closed", note="", user_id=None, now=now)
        except ClosedTooLong as error:
            refused = n, error.days
            break
    assert refused is not None
    with parts.engine.connect() as tx:
        calendar = closed_days.load(tx)
    last = first + timedelta(days=refused[0] - 1)
    assert calendar.pause_around(last) <= PAUSE_MAX_DAYS < refused[1]
    assert calendar.is_business_day(first + timedelta(days=refused[0]))
    # A day worked in the middle parts the pause, and closing may go on.
    reschedule.close(parts, date(2027, 1, 27), kind="open", note="", user_id=None, now=now)
    reschedule.close(parts, last + timedelta(days=1), kind="closed", note="", user_id=None, now=now)
