"""Rescheduling: a planned mail goes on another day of its month, within the law it was planned by.

The month stays, since the month's slot is taken; the day is a business day; the gap to the mails before and
after is kept; an invitation does not outlive its last day; whoever may veto keeps two business days for it.
Source: spec 3.1.2, 3.1.3, 3.1.8, 3.1.12, 3.1.14.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, timedelta

from campaigns.rules.planning import VETO_DAYS
from campaigns.rules.scenarios import FIELD_CLASSES
from campaigns.rules.workdays import Calendar

REMEDIES = 2


# Nobody mails, calls or decides while everything is closed: a pause beyond this is a slip, and the planner, which looks
# for the next business day, must find one.
PAUSE_MAX_DAYS = 60


class ClosedTooLong(ValueError):
    """Closing this day would leave no business day for longer than PAUSE_MAX_DAYS. days: the pause."""

    def __init__(self, days: int) -> None:
        super().__init__(days)
        self.days = days


@dataclass(frozen=True, slots=True)
class Mail:
    """A planned mail. before, after: days of the nearest other mails to the person or the mailbox."""

    id: int
    day: date
    company_class: str = "-"
    is_courtesy: bool = False
    valid_until: date | None = None
    before: date | None = None
    after: date | None = None


@dataclass(frozen=True, slots=True)
class Closed:
    """A day on which nothing can go. code: past, other_month, closed; instead: business days nearby."""

    code: str
    day: date
    instead: tuple[date, ...] = ()


def day_refused(from_: date, to: date, *, earliest: date, calendar: Calendar) -> Closed | None:
    """Why no mail of `from_` can go on `to`, with the days nearby that would do; None if the day is fine.

    earliest: the first day on which mail can still go.
    """
    code = ""
    if to < earliest:
        code = "past"
    elif (to.year, to.month) != (from_.year, from_.month):
        code = "other_month"
    elif not calendar.is_business_day(to):
        code = "closed"
    if not code:
        return None
    return Closed(code, to, nearby(from_, to, earliest=earliest, calendar=calendar, besides=from_))


def nearby(
    month_of: date, to: date, *, earliest: date, calendar: Calendar, besides: date | None = None
) -> tuple[date, ...]:
    """The business days of a day's month around `to`, in their order. besides: where the mail is now."""
    first = month_of.replace(day=1)
    month = [day for n in range(31) if (day := first + timedelta(days=n)).month == first.month]
    fit = [day for day in month if day >= earliest and day != besides and calendar.is_business_day(day)]
    before, after = [day for day in fit if day < to], [day for day in fit if day >= to]
    # One on either side where there is one, else the two nearest.
    from_before = max(1, REMEDIES - len(after))
    return (*before[-from_before:], *after[: REMEDIES - len(before[-from_before:])])


def refused(mail: Mail, to: date, *, today: date, calendar: Calendar, gap_days: int) -> str | None:
    """Why this mail cannot go on a day that is fine as such; None if it can.

    notice, expired, gap_before, gap_after.
    """
    if mail.company_class in FIELD_CLASSES and to < calendar.add_business_days(today, VETO_DAYS):
        return "notice"
    if mail.valid_until is not None and to > mail.valid_until:
        return "expired"
    gap = timedelta(days=gap_days)
    if mail.before is not None and not mail.is_courtesy and to < mail.before + gap:
        return "gap_before"
    if mail.after is not None and to + gap > mail.after:
        return "gap_after"
    return None


def first_fit(
    mail: Mail, days: Collection[date], *, today: date, calendar: Calendar, gap_days: int
) -> date | None:
    """The first of these days on which the mail can go."""
    fit = (d for d in days if refused(mail, d, today=today, calendar=calendar, gap_days=gap_days) is None)
    return next(fit, None)
