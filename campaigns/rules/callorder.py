"""The order of the call list.

Source: spec 3.8. Promised call-backs first, then open inquiries, then by expected value; every fifth line of
the rest comes from the people nobody has observed for a whole cycle.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple
from zoneinfo import ZoneInfo

from campaigns.rules.schedule import TOKYO
from campaigns.rules.workdays import Calendar

HOURS: tuple[tuple[time, time], ...] = ((time(9, 30), time(11, 45)), (time(13, 0), time(17, 30)))
CALLBACK_LEAD = timedelta(minutes=15)
FRESH_HALF_LIFE_H = 48.0
FRESH_SHARE = 0.5
TRY_FACTOR = 0.85
VALUE_MIN, VALUE_MAX = 0.3, 3.0
REST_DAYS = 3
EVERY = 5
# How well a company of a class fits, for the order of the unobserved.
FIT: Mapping[str, float] = MappingProxyType(
    {"A": 1.0, "B": 0.9, "C1": 0.7, "C2": 0.7, "D": 0.5, "E": 0.4, "-": 0.2}
)
EPOCH = datetime(2020, 1, 1, tzinfo=UTC)
NEVER = float("-inf")


class Lane(StrEnum):
    """The groups of the order, and why a line stands where it does."""

    CALLBACK = "callback"
    INQUIRY = "inquiry"
    VALUE = "value"
    REMEASURE = "remeasure"


@dataclass(frozen=True, slots=True)
class CallLine:
    """An open call. Instants aware, UTC.

    value: expected amount / median of the product. signal_at: last valid sign. tries: unanswered so far.
    callback_at: promised. inquiry_at: an open inquiry waits since then. fit: 0..1, how well the person
    fits the product's target; it orders the unobserved. last_tried_at: the last try this call rests from; one that
    comes again on a day of its own (spec 3.7) rests from none of its own tries. is_company_called: a colleague called
    there today.
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


class Entry(NamedTuple):
    """What orders a line among others, and does not move with time; see weight and freshness."""

    task_id: int
    lane: Lane
    weight: float
    freshness: float


class Placed(NamedTuple):
    """A line in its place. score: see score; 0 where the lane is not ordered by it."""

    task_id: int
    reason: Lane
    score: float = 0.0


@dataclass(frozen=True, slots=True)
class Desk:
    """Where and when calls are made. hours_only: outside the hours the list is empty but for call-backs."""

    zone: ZoneInfo = TOKYO
    calendar: Calendar = field(default_factory=Calendar)
    hours: Sequence[tuple[time, time]] = HOURS
    hours_only: bool = True


def lane_of(line: CallLine) -> Lane:
    if line.callback_at is not None:
        return Lane.CALLBACK
    if line.inquiry_at is not None:
        return Lane.INQUIRY
    return Lane.REMEASURE if line.is_unobserved else Lane.VALUE


def clamp_value(amount: float, median: float) -> float:
    """Expected amount against the product's median, within .3 and 3; 1 where the median is unknown."""
    return min(VALUE_MAX, max(VALUE_MIN, amount / median)) if median > 0 else 1.0


def entry(line: CallLine) -> Entry:
    return Entry(line.task_id, lane_of(line), weight(line), freshness(line))


def weight(line: CallLine) -> float:
    """What orders a line among those of its lane, greatest first; in VALUE it is the score without the signal."""
    lane = lane_of(line)
    if lane is Lane.CALLBACK and line.callback_at is not None:
        return -_seconds(line.callback_at)
    if lane is Lane.INQUIRY and line.inquiry_at is not None:
        return -_seconds(line.inquiry_at)
    return line.fit if lane is Lane.REMEASURE else _worth(line)


def freshness(line: CallLine) -> float:
    """The signal's share of the score as a binary logarithm at EPOCH. It fades for all lines alike, so it orders them."""
    worth = _worth(line)
    if line.signal_at is None or worth <= 0.0:
        return NEVER
    return math.log2(FRESH_SHARE * worth) + _faded(line.signal_at)


def score(line: CallLine, *, now: datetime) -> float:
    """Expected value of calling now: a fresh signal adds half and fades, every try in vain costs 15 %."""
    return score_of(_worth(line), freshness(line), now=now)


def score_of(worth: float, freshness: float, *, now: datetime) -> float:
    """p_win * value * .85^tries * (1 + .5 * 2^(-hours since the signal / 48)), from its two parts that stand still.

    It grows with both, so whoever has less of each has no greater score. A signal from the future is one of now.
    """
    return worth + min(math.exp2(min(freshness - _faded(now), 2.0)), FRESH_SHARE * worth)


def _worth(line: CallLine) -> float:
    value = min(VALUE_MAX, max(VALUE_MIN, line.value))
    return line.p_win * value * TRY_FACTOR**line.tries


def _faded(at: datetime) -> float:
    """Half-lives since EPOCH."""
    return _seconds(at) / (FRESH_HALF_LIFE_H * 3600.0)


def _seconds(at: datetime) -> float:
    return (at - EPOCH).total_seconds()


def is_calling_time(now: datetime, desk: Desk) -> bool:
    local = now.astimezone(desk.zone)
    inside = any(start <= local.time() <= end for start, end in desk.hours)
    return inside and desk.calendar.is_business_day(local.date())


@dataclass(frozen=True, slots=True)
class Hour:
    """What an instant means for the call list, worked out once for all lines.

    is_open: calls may be made, or the list is shown regardless of the hour. rested: who was tried before may be tried.
    """

    now: datetime
    is_open: bool
    rested: datetime

    @classmethod
    def of(cls, now: datetime, desk: Desk) -> "Hour":
        return cls(now, not desk.hours_only or is_calling_time(now, desk), rested_before(now, desk))


def rested_before(now: datetime, desk: Desk) -> datetime:
    """Whoever was last tried before this instant may be tried again: REST_DAYS business days have gone by."""
    today = now.astimezone(desk.zone).date()
    day = today
    while desk.calendar.add_business_days(day, REST_DAYS) > today:
        day -= timedelta(days=1)
    return datetime.combine(day + timedelta(days=1), time(), tzinfo=desk.zone)


def hidden(line: CallLine, hour: Hour) -> str | None:
    """Why a line is not offered now, or None. A promise beats the rests, never a refusal."""
    if line.do_not_call:
        return "do_not_call"
    if line.state == "with_sales":
        return "with_sales"
    if line.callback_at is not None:
        return None if line.callback_at <= hour.now + CALLBACK_LEAD else "callback_later"
    if not hour.is_open:
        return "outside_hours"
    if line.is_company_called:
        return "company_called"
    if line.last_tried_at is not None and line.last_tried_at >= hour.rested:
        return "tried_lately"
    return None


def order(
    lines: Iterable[CallLine], *, now: datetime, desk: Desk | None = None, turn: int = 0
) -> list[Placed]:
    """The lines to call now, first one first. turn: calls made before, which count for every fifth."""
    hour = Hour.of(now, desk or Desk())
    return arrange((entry(line) for line in lines if hidden(line, hour) is None), now=now, turn=turn)


def arrange(entries: Iterable[Entry], *, now: datetime, turn: int = 0) -> list[Placed]:
    """Lines that are all offered, in their order."""
    lanes: dict[Lane, list[tuple[float, int]]] = {lane: [] for lane in Lane}
    for task_id, lane, weight, freshness in entries:
        greatest = score_of(weight, freshness, now=now) if lane is Lane.VALUE else weight
        lanes[lane].append((-greatest, task_id))
    for found in lanes.values():
        found.sort()
    return [
        *(Placed(task_id, Lane.CALLBACK) for _, task_id in lanes[Lane.CALLBACK]),
        *(Placed(task_id, Lane.INQUIRY) for _, task_id in lanes[Lane.INQUIRY]),
        *_weave(
            [Placed(task_id, Lane.VALUE, -score) for score, task_id in lanes[Lane.VALUE]],
            [Placed(task_id, Lane.REMEASURE) for _, task_id in lanes[Lane.REMEASURE]],
            turn,
        ),
    ]


def _weave(valued: Sequence[Placed], silent: Sequence[Placed], turn: int) -> list[Placed]:
    """Four by value, one by fit, and so on; when one side ends the other goes on."""
    woven: list[Placed] = []
    most, few = iter(valued), iter(silent)
    for place in range(turn + 1, turn + len(valued) + len(silent) + 1):
        sides = (few, most) if place % EVERY == 0 else (most, few)
        placed = next(sides[0], None) or next(sides[1], None)
        if placed is not None:
            woven.append(placed)
    return woven
