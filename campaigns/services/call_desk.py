"""The call desk: who is called next, and why. Who gets the call is `hold_call`, what came of it `record_call`.

Source: spec 3.8.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection

from campaigns.parts import Parts
from campaigns.rules import callorder
from campaigns.rules.callorder import CALLBACK_LEAD, Desk, Entry, Hour, Lane, Placed
from campaigns.services import line_calls
from campaigns.storage import attempts, call_lines, calls, closed_days
from campaigns.storage.call_lines import Wanted
from campaigns.storage.calls import OpenCall, WhyTouch

# Lines of the lane of value that are looked at first; most often they suffice.
FIRST_LOOK = 64
LEFT_SHOWN = 1000


@dataclass(frozen=True, slots=True)
class Line:
    """A call in its place. value: its score. why: oldest first."""

    call: OpenCall
    place: int
    place_reason: str
    value: float
    why: tuple[WhyTouch, ...]


@dataclass(frozen=True, slots=True)
class Queue:
    """lines: those asked for, in order, of n. hidden: reason code -> how many open calls wait for it."""

    lines: tuple[Line, ...]
    n: int
    hidden: dict[str, int]
    is_calling_time: bool


def queue(
    parts: Parts,
    *,
    now: datetime,
    user_id: int | None,
    product_id: int | None = None,
    rank: str = "",
    hours_only: bool = True,
    first: int = 0,
    most: int | None = None,
) -> Queue:
    """Open calls in the order of spec 3.8, with what stands against the others. first, most: which part of it."""
    line_up(parts, now=now)
    with parts.engine.connect() as tx:
        desk = Desk(zone=parts.settings.tz, calendar=closed_days.load(tx), hours_only=hours_only)
        wanted = scope(tx, parts, desk, user_id=user_id, now=now)
        wanted = replace(wanted, product_id=product_id, rank=rank, user_id=None)
        counts = call_lines.counts(tx, wanted)
        n = counts.pop("", 0)
        last = n if most is None else min(n, first + most)
        placed = ordered(tx, wanted, n=last)[first:]
        lines = detailed(tx, placed, first=first)
    return Queue(lines, n, counts, callorder.is_calling_time(now, desk))


def line_up(parts: Parts, *, now: datetime) -> None:
    """Calls made since the last look get their lines."""
    with parts.engine.begin() as tx:
        line_calls.add_new(tx, now=now)


def scope(tx: Connection, parts: Parts, desk: Desk, *, user_id: int | None, now: datetime) -> Wanted:
    """What may be offered to this user now."""
    hour = Hour.of(now, desk)
    day = start_of_day(parts, now)
    busy = call_lines.busy(tx, user_id=user_id, now=now, day=day, today=day.date())
    return Wanted(
        now=now,
        callbacks_until=now + CALLBACK_LEAD,
        rested=hour.rested,
        is_open=hour.is_open,
        user_id=user_id,
        taken_companies=busy.taken_companies,
        taken_people=busy.taken_people,
        called=busy.called,
        waiting=busy.waiting,
        away=busy.away,
    )


def ordered(tx: Connection, wanted: Wanted, *, n: int, turn: int = 0) -> list[Placed]:
    """The first n lines, exactly as callorder.order has them, without reading all."""
    entries: list[Entry] = []
    for lane in (Lane.CALLBACK, Lane.INQUIRY, Lane.REMEASURE):
        entries += call_lines.top(tx, lane, wanted, n=n)
    entries += _valued(tx, wanted, n=n)
    return callorder.arrange(entries, now=wanted.now, turn=turn)[:n]


def _valued(tx: Connection, wanted: Wanted, *, n: int) -> Sequence[Entry]:
    """At least the n lines of the greatest scores.

    A score is made of two parts, each with an index. Once n lines have been seen that no line can beat which comes
    behind in both, none of the others matters.
    """
    look = max(n, FIRST_LOOK)
    while True:
        heavy = call_lines.top(tx, Lane.VALUE, wanted, n=look)
        if len(heavy) < look:
            return heavy
        fresh = call_lines.top(tx, Lane.VALUE, wanted, by="freshness", n=look)
        seen = {entry.task_id: entry for entry in (*heavy, *fresh)}
        scores = sorted(
            (callorder.score_of(e.weight, e.freshness, now=wanted.now) for e in seen.values()), reverse=True
        )
        if scores[n - 1] >= callorder.score_of(heavy[-1].weight, fresh[-1].freshness, now=wanted.now):
            return list(seen.values())
        look *= 4


def detailed(tx: Connection, placed: Sequence[Placed], *, first: int = 0) -> tuple[Line, ...]:
    """These lines with their people and causes; a call that has ended meanwhile is left out."""
    found = {call.task_id: call for call in calls.open_calls(tx, [one.task_id for one in placed])}
    why = calls.touches(tx, [id for call in found.values() for id in call.why])
    return tuple(
        Line(call, place, one.reason, one.score, tuple(why[id] for id in call.why if id in why))
        for place, one in enumerate(placed, start=first + 1)
        if (call := found.get(one.task_id))
    )


def one(parts: Parts, task_id: int) -> Line | None:
    """One open call with its causes, wherever it stands in the order; None when it is not open."""
    with parts.engine.connect() as tx:
        return next(iter(detailed(tx, [Placed(task_id, Lane.VALUE)])), None)


def turn(tx: Connection, parts: Parts, *, user_id: int | None, now: datetime) -> int:
    """How many calls this user has made today: every fifth goes to the unobserved."""
    return attempts.today(tx, user_id=user_id, day=start_of_day(parts, now)).calls


def start_of_day(parts: Parts, now: datetime) -> datetime:
    """Midnight of today in the installation's zone."""
    return now.astimezone(parts.settings.tz).replace(hour=0, minute=0, second=0, microsecond=0)


@dataclass(frozen=True, slots=True)
class Coming:
    """What comes after the call at hand. left: calls offered, counted up to LEFT_SHOWN."""

    lines: tuple[Line, ...]
    left: int


def coming(
    parts: Parts,
    *,
    user_id: int | None,
    now: datetime,
    n: int,
    skip: Sequence[int] = (),
    product_id: int | None = None,
    everybodys: bool = False,
) -> Coming:
    """The next lines of this user, whatever the hour."""
    with parts.engine.connect() as tx:
        desk = Desk(zone=parts.settings.tz, calendar=closed_days.load(tx), hours_only=False)
        wanted = scope(tx, parts, desk, user_id=user_id, now=now)
        wanted = replace(
            wanted, product_id=product_id, skip=skip, user_id=None if everybodys else wanted.user_id
        )
        placed = ordered(tx, wanted, n=n, turn=turn(tx, parts, user_id=user_id, now=now))
        return Coming(detailed(tx, placed), call_lines.left(tx, wanted, most=LEFT_SHOWN))
