"""Which day an event of every month falls on."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.rules import recurring
from campaigns.rules.recurring import Recurrence
from campaigns.rules.schedule import month_of_day
from campaigns.rules.workdays import Calendar

OURS = Calendar(closed=frozenset({date(2027, 2, 10)}))


@pytest.mark.parametrize(
    ("recurrence", "month", "day"),
    [
        (Recurrence("weekday", 2, 2), date(2027, 1, 1), date(2027, 1, 13)),
        (Recurrence("weekday", 2, 2), date(2027, 2, 1), date(2027, 2, 12)),  # closed, then a holiday
        (Recurrence("weekday", 5, 4), date(2027, 1, 1), date(2027, 1, 29)),  # the last Friday
        (Recurrence("weekday", 5, 4), date(2027, 2, 1), date(2027, 2, 26)),  # a month with four
        (
            Recurrence("day", day=31),
            date(2027, 2, 1),
            date(2027, 2, 26),
        ),  # a Sunday at the month's end goes back
        (Recurrence("day", day=9), date(2027, 1, 1), date(2027, 1, 12)),  # Saturday, Sunday, a holiday
    ],
)
def test_a_month_has_its_day_moved_off_closed_days(recurrence: Recurrence, month: date, day: date) -> None:
    assert recurring.day_of(recurrence, month_of_day(month), OURS) == day


@given(st.dates(date(2020, 1, 1), date(2060, 12, 31)), st.integers(0, 600))
def test_every_month_has_one_business_day_of_its_own(like: date, ahead: int) -> None:
    month = month_of_day(date(2026, 1, 1)) + ahead
    day = recurring.day_of(recurring.like(like), month, OURS)
    assert month_of_day(day) == month
    assert OURS.is_business_day(day)


@pytest.mark.parametrize(
    ("recurrence", "wrong"),
    [
        (Recurrence("moon"), {"rule"}),
        (Recurrence("weekday", 6, 2), {"nth"}),
        (Recurrence("weekday", 0, 7), {"nth", "weekday"}),
        (Recurrence("day", day=32), {"day"}),
        (Recurrence("day", nth=9, day=1), set()),
    ],
)
def test_what_is_no_rule_is_said_at_its_field(recurrence: Recurrence, wrong: set[str]) -> None:
    assert set(recurring.check(recurrence)) == wrong


def test_an_invitation_that_would_come_too_late_is_none() -> None:
    day = date(2026, 12, 9)  # a Wednesday
    assert recurring.invite_on(day, 21, earliest=date(2026, 11, 1), calendar=OURS) == date(2026, 11, 18)
    assert recurring.invite_on(day, 21, earliest=date(2026, 12, 5), calendar=OURS) == date(2026, 12, 7)
    assert recurring.invite_on(day, 21, earliest=day, calendar=OURS) is None
