"""The call desk: who is called next, and why. Results are recorded by record_call, offered here as well.

Source: spec 3.8.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from campaigns.parts import Parts
from campaigns.rules import callorder
from campaigns.rules.callorder import CallLine, Desk
from campaigns.services.record_call import (
    CannotUndo,
    NoSuchTask,
    Recorded,
    TaskTaken,
    record,
    undo,
    undoable,
)
from campaigns.storage import calls, closed_days
from campaigns.storage.calls import OpenCall, WhyTouch

__all__ = [
    "CannotUndo",
    "Line",
    "NoSuchTask",
    "Queue",
    "Recorded",
    "TaskTaken",
    "one",
    "queue",
    "record",
    "start_of_day",
    "undo",
    "undoable",
]
INQUIRY_FOR = timedelta(days=60)
FIT = {"A": 1.0, "B": 0.9, "C1": 0.7, "C2": 0.7, "D": 0.5, "E": 0.4, "-": 0.2}


@dataclass(frozen=True, slots=True)
class Line:
    """A call in its place. place_reason: callback, inquiry, value, remeasure. why: oldest first."""

    call: OpenCall
    place: int
    place_reason: str
    value: float
    why: tuple[WhyTouch, ...]


@dataclass(frozen=True, slots=True)
class Queue:
    """lines: to call now, in order. hidden: reason code -> how many open calls wait for it."""

    lines: tuple[Line, ...]
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
) -> Queue:
    """Open calls in the order of spec 3.8, with what stands against the others."""
    with parts.engine.connect() as tx:
        desk = Desk(zone=parts.settings.tz, calendar=closed_days.load(tx), hours_only=hours_only)
        found = _open_calls(tx, parts, now=now, user_id=user_id, product_id=product_id)
        found = [call for call in found if not rank or call.rank == rank]
        by_id = {call.task_id: call for call in found}
        hidden: dict[str, int] = {}
        lines = []
        for call in found:
            line = _line(call)
            reason = _waits(call, now) or callorder.hidden(line, now=now, desk=desk)
            if reason:
                hidden[reason] = hidden.get(reason, 0) + 1
            else:
                lines.append(line)
        placed = callorder.order(lines, now=now, desk=desk)
        why = calls.touches(tx, [id for p in placed for id in by_id[p.line.task_id].why])
    return Queue(
        lines=tuple(
            Line(call, place, p.reason, p.score, tuple(why[id] for id in call.why if id in why))
            for place, p in enumerate(placed, start=1)
            if (call := by_id[p.line.task_id])
        ),
        hidden=hidden,
        is_calling_time=callorder.is_calling_time(now, desk),
    )


def one(parts: Parts, task_id: int, *, now: datetime, user_id: int | None) -> Line | None:
    """One open call with its causes, wherever it stands in the order; None when it is not open."""
    with parts.engine.connect() as tx:
        found = _open_calls(tx, parts, now=now, user_id=user_id, task_id=task_id)
        if not found:
            return None
        why = calls.touches(tx, found[0].why)
    return Line(found[0], 0, "", 0.0, tuple(why[id] for id in found[0].why if id in why))


def _open_calls(
    tx: Connection,
    parts: Parts,
    *,
    now: datetime,
    user_id: int | None,
    product_id: int | None = None,
    task_id: int | None = None,
) -> list[OpenCall]:
    return calls.open_calls(
        tx,
        day=start_of_day(parts, now),
        inquiries_since=now - INQUIRY_FOR,
        user_id=user_id,
        product_id=product_id,
        task_id=task_id,
    )


def start_of_day(parts: Parts, now: datetime) -> datetime:
    """Midnight of today in the installation's zone."""
    return now.astimezone(parts.settings.tz).replace(hour=0, minute=0, second=0, microsecond=0)


def _waits(call: OpenCall, now: datetime) -> str | None:
    is_later = call.not_before is not None and call.not_before > now
    return "not_before" if is_later and call.promised_at is None else None


def _line(call: OpenCall) -> CallLine:
    # Amounts of single leads are not known yet, so every value is that of the product's median: 1.
    return CallLine(
        task_id=call.task_id,
        p_win=call.p_win,
        signal_at=call.signal_at,
        tries=call.tries,
        callback_at=call.promised_at,
        inquiry_at=call.inquiry_at,
        last_tried_at=call.last_at,
        is_unobserved=call.rank == "unobserved",
        fit=FIT.get(call.company_class, 0.0),
        do_not_call=call.do_not_call,
        state=call.lead_state,
        is_company_called=call.is_company_called,
    )
