"""The order of the call list.

Source: spec 3.8. Promised call-backs first, then open inquiries, then by expected value; every fifth line of
the rest comes from the people nobody has observed for a whole cycle.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from campaigns.rules.schedule import TOKYO
from campaigns.rules.workdays import Calendar

HOURS: tuple[tuple[time, time], ...] = ((time(9, 30), time(11, 45)), (time(13, 0), time(17, 30)))
CALLBACK_LEAD = timedelta(minutes=15)
FRESH_HALF_LIFE_H = 48.0
TRY_FACTOR = 0.85
VALUE_MIN, VALUE_MAX = 0.3, 3.0
REST_DAYS = 3
EVERY = 5


@dataclass(frozen=True, slots=True)
class CallLine:
    """An open call. Instants aware, UTC.

    value: expected amount / median of the product. signal_at: last valid sign. tries: unanswered so far.
    callback_at: promised. inquiry_at: an open inquiry waits since then. fit: 0..1, how well the person
    fits the product's target; it orders the unobserved. is_company_called: a colleague called there today.
    """

    task_id: int
    p_win: float = 0.0
    value: float = 1.0
    signal_at: datetime | None = None
    tries: int = 0
    callback_at: datetime | None = None
    inquiry_at: datetime | None = None
    last_tried_at: datetime | None = None
    is_unobserved: bool = False
    fit: float = 0.0
    do_not_call: bool = False
    state: str = "nurturing"
    is_company_called: bool = False


@dataclass(frozen=True, slots=True)
class Placed:
    """A line in its place. reason: callback, inquiry, value, remeasure."""

    line: CallLine
    reason: str
    score: float = 0.0


@dataclass(frozen=True, slots=True)
class Desk:
    """Where and when calls are made. hours_only: outside the hours the list is empty but for call-backs."""

    zone: ZoneInfo = TOKYO
    calendar: Calendar = field(default_factory=Calendar)
    hours: Sequence[tuple[time, time]] = HOURS
    hours_only: bool = True


def clamp_value(amount: float, median: float) -> float:
    """Expected amount against the product's median, within .3 and 3; 1 where the median is unknown."""
    return min(VALUE_MAX, max(VALUE_MIN, amount / median)) if median > 0 else 1.0


def score(line: CallLine, *, now: datetime) -> float:
    """Expected value of calling now: a fresh signal adds half and fades, every try in vain costs 15 %."""
    fresh = 0.0
    if line.signal_at is not None:
        hours = max((now - line.signal_at).total_seconds() / 3600.0, 0.0)
        fresh = 0.5 * 2.0 ** (-hours / FRESH_HALF_LIFE_H)
    value = min(VALUE_MAX, max(VALUE_MIN, line.value))
    return line.p_win * value * (1.0 + fresh) * TRY_FACTOR**line.tries


def is_calling_time(now: datetime, desk: Desk) -> bool:
    local = now.astimezone(desk.zone)
    inside = any(start <= local.time() <= end for start, end in desk.hours)
    return inside and desk.calendar.is_business_day(local.date())


def hidden(line: CallLine, *, now: datetime, desk: Desk) -> str | None:
    """Why a line is not offered now, or None. A promise beats the rests, never a refusal."""
    if line.do_not_call:
        return "do_not_call"
    if line.state == "with_sales":
        return "with_sales"
    if line.callback_at is not None:
        return None if line.callback_at <= now + CALLBACK_LEAD else "callback_later"
    if desk.hours_only and not is_calling_time(now, desk):
        return "outside_hours"
    if line.is_company_called:
        return "company_called"
    if line.last_tried_at is not None and _rests(line.last_tried_at, now, desk):
        return "tried_lately"
    return None


def _rests(tried_at: datetime, now: datetime, desk: Desk) -> bool:
    def local(at: datetime) -> date:
        return at.astimezone(desk.zone).date()

    return local(now) < desk.calendar.add_business_days(local(tried_at), REST_DAYS)


def order(lines: Iterable[CallLine], *, now: datetime, desk: Desk | None = None) -> list[Placed]:
    """The lines to call now, first one first."""
    desk = desk or Desk()
    offered = [line for line in lines if hidden(line, now=now, desk=desk) is None]
    callbacks = [(line.callback_at, line.task_id, line) for line in offered if line.callback_at is not None]
    asked = [
        (line.inquiry_at, line.task_id, line)
        for line in offered
        if line.callback_at is None and line.inquiry_at is not None
    ]
    rest = [line for line in offered if line.callback_at is None and line.inquiry_at is None]
    scored = [(score(line, now=now), line) for line in rest if not line.is_unobserved]
    valued = [
        Placed(line, "value", s) for s, line in sorted(scored, key=lambda pair: (-pair[0], pair[1].task_id))
    ]
    silent = sorted((line for line in rest if line.is_unobserved), key=lambda line: (-line.fit, line.task_id))
    return [
        *(Placed(line, "callback") for _, _, line in sorted(callbacks, key=lambda row: row[:2])),
        *(Placed(line, "inquiry") for _, _, line in sorted(asked, key=lambda row: row[:2])),
        *_weave(valued, [Placed(line, "remeasure", score(line, now=now)) for line in silent]),
    ]


def _weave(valued: Sequence[Placed], silent: Sequence[Placed]) -> list[Placed]:
    """Four by value, one by fit, and so on; when one side ends the other goes on."""
    woven: list[Placed] = []
    most, few = iter(valued), iter(silent)
    for place in range(1, len(valued) + len(silent) + 1):
        sides = (few, most) if place % EVERY == 0 else (most, few)
        placed = next(sides[0], None) or next(sides[1], None)
        if placed is not None:
            woven.append(placed)
    return woven
