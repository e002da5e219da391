"""Events that come every month: on the second Wednesday, or on a day of the month, moved off closed days (S0-26)."""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from campaigns.rules.schedule import first_day
from campaigns.rules.workdays import Calendar, clamp_day

LAST = 5  # the last of the month, whether it is the fourth or the fifth
AHEAD_MOST = 120  # days
# An event is made in the first night of the month before: of the first of March, February's 28 days ahead.
INVITE_MOST = 28


class Rule(StrEnum):
    """What a month's day is found by."""

    WEEKDAY = "weekday"
    DAY = "day"


@dataclass(frozen=True, slots=True)
class Recurrence:
    """nth: 1 to 4, 5 is the last; weekday: 0 is Monday; day: 1 to 31, clamped to the month's end."""

    rule: str = Rule.WEEKDAY.value
    nth: int = 2
    weekday: int = 2
    day: int = 1


USUAL = Recurrence()


def like(day: date) -> Recurrence:
    """The rule by which a month has its day in the same week: what falls into the fifth is the last."""
    return Recurrence(Rule.WEEKDAY.value, (day.day - 1) // 7 + 1, day.weekday(), day.day)


def check(recurrence: Recurrence) -> dict[str, str]:
    """What is wrong, by field: unknown, out_of_range."""
    if recurrence.rule not in list(Rule):
        return {"rule": "unknown"}
    if recurrence.rule == Rule.DAY:
        return {} if 1 <= recurrence.day <= 31 else {"day": "out_of_range"}
    wrong = {} if 1 <= recurrence.nth <= LAST else {"nth": "out_of_range"}
    return wrong if 0 <= recurrence.weekday <= 6 else {**wrong, "weekday": "out_of_range"}


def day_of(recurrence: Recurrence, month: int, calendar: Calendar) -> date:
    """The day in a month (year * 12 + month - 1): where it is closed, the next business day; the one before, if that
    would be in the next month."""
    return calendar.modified_following(_wanted(recurrence, first_day(month)))


def _wanted(recurrence: Recurrence, first: date) -> date:
    if recurrence.rule == Rule.DAY:
        return clamp_day(first.year, first.month, recurrence.day)
    day = first + timedelta(days=(recurrence.weekday - first.weekday()) % 7)
    weeks = (monthrange(first.year, first.month)[1] - day.day) // 7
    return day + timedelta(weeks=min(recurrence.nth - 1, weeks))


def invite_on(day: date, days: int, *, earliest: date, calendar: Calendar) -> date | None:
    """When the invitation to that day goes: so many days before, on a business day, not before the first day on which
    mail can go; None when that is not before the day itself."""
    wanted = calendar.previous_business_day(day - timedelta(days=days))
    found = wanted if wanted >= earliest else calendar.next_business_day(earliest)
    return found if found < day else None
