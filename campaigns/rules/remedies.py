"""Remedies: what a designer could change so that more people get a mail, with how many.

Decided on counts of those who stand at a row by the month it is due for them and the first day free for a mail
to them (the 21 days, or another product's mail). Source: spec 3.1.3, 3.1.7, 3.1.8; shared wording of notices.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from campaigns.rules import schedule
from campaigns.rules.flow import MAILS
from campaigns.rules.scenarios import Problem, Step
from campaigns.rules.workdays import Calendar, clamp_day

LONGER_DAYS = 62  # an invitation is not proposed to stay open longer than two months more
MOVED_FAR = 3  # days


@dataclass(frozen=True, slots=True)
class Waiting:
    """People at a row: due in that month, reachable from that day on. free_on None: from now on."""

    month: int
    free_on: date | None
    n: int


def check(step: Step, waiting: Sequence[Waiting], *, calendar: Calendar, today: date) -> Iterator[Problem]:
    """What would reach more of those who stand at a row of mail; warnings all."""
    if step.kind not in MAILS or not waiting:
        return
    last = step.last_day
    if last is not None and last >= today:
        yield from _missed(step, waiting, last, calendar=calendar, today=today)
    yield from _closed(step, waiting, calendar=calendar, today=today)


def sending_day(want_day: int, waiting: Waiting, *, calendar: Calendar, today: date) -> date:
    """The earliest day a row can go to these people: the wanted one, or the first free business day after it."""
    month = max(waiting.month, schedule.month_of_day(today))
    wanted = schedule.wanted_day(month, want_day, calendar)
    free = max(today + timedelta(days=1), waiting.free_on or today)
    return wanted if wanted >= free else calendar.next_business_day(free)


def _missed(
    step: Step, waiting: Sequence[Waiting], last: date, *, calendar: Calendar, today: date
) -> Iterator[Problem]:
    """Who cannot get it before its last day; an earlier wanted day, or a later last day, that reaches most."""

    def late(want_day: int, until: date) -> int:
        return sum(
            one.n for one in waiting if sending_day(want_day, one, calendar=calendar, today=today) > until
        )

    missed = late(step.want_day, last)
    if not missed:
        return
    args: dict[str, str | int] = {"n": missed, "day": last.isoformat()}
    # The nearest change of those that help most: who looks at the page should not have to move more than needed.
    earlier = min(range(step.want_day - 1, 0, -1), key=lambda day: late(day, last), default=step.want_day)
    gain = missed - late(earlier, last)
    if gain:
        yield Problem("invite_earlier", step.position, args | {"want": earlier, "gain": gain}, is_error=False)
        return
    limit = min(day for day in (last + timedelta(days=LONGER_DAYS), step.event_on, step.apply_by) if day)
    days = [last + timedelta(days=n) for n in range(1, (limit - last).days + 1)]
    longer = min(days, key=lambda day: late(step.want_day, day), default=last)
    gain = missed - late(step.want_day, longer)
    if gain:
        args |= {"until": longer.isoformat(), "gain": gain}
        yield Problem("invite_longer", step.position, args, is_error=False)
    else:
        yield Problem("invite_missed", step.position, args, is_error=False)


def _closed(step: Step, waiting: Sequence[Waiting], *, calendar: Calendar, today: date) -> Iterator[Problem]:
    """The next wanted day with people at it that is a closed day, and when they get the mail instead."""
    this = schedule.month_of_day(today)
    for month in sorted({one.month for one in waiting if one.month >= this}):
        wanted = clamp_day(month // 12, month % 12 + 1, step.want_day)
        moved = calendar.modified_following(wanted)
        # A weekend moves a mail by a day or two, which the row's sentence says; a string of holidays by more.
        if wanted >= today and abs((moved - wanted).days) >= MOVED_FAR:
            n = sum(one.n for one in waiting if one.month == month)
            args: dict[str, str | int] = {"day": wanted.isoformat(), "moved": moved.isoformat(), "n": n}
            yield Problem("day_closed", step.position, args, is_error=False)
            return
