"""Line up calls: keep the lines of the call list as their tasks, leads, people and touches stand.

Whoever ranks people or records a call lines theirs up in the same transaction; calls made otherwise are lined up when
the next one is asked for, and all of them every night.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection

from campaigns.parts import Parts
from campaigns.rules import callorder
from campaigns.rules.callorder import FIT, CallLine
from campaigns.storage import call_lines, call_locks
from campaigns.storage.call_lines import Facts

INQUIRY_FOR = timedelta(days=60)
CHUNK = 5_000


def for_people(tx: Connection, person_ids: Sequence[int], *, now: datetime) -> None:
    """Their lines, as everything stands now."""
    call_lines.drop_closed_of(tx, person_ids)
    _put(tx, call_lines.of_people(tx, person_ids, inquiries_since=now - INQUIRY_FOR))


def add_new(tx: Connection, *, now: datetime) -> None:
    """Lines of calls that nobody has lined up yet; the rest of a great many waits for the next look."""
    ids = call_lines.after(tx, call_lines.newest(tx), limit=CHUNK)
    if ids:
        _put(tx, call_lines.of_tasks(tx, ids, inquiries_since=now - INQUIRY_FOR))


def tidy(parts: Parts, *, now: datetime) -> None:
    """The minute's work: new calls, those that have ended, those that were given to somebody else."""
    with parts.engine.begin() as tx:
        call_lines.drop_closed(tx)
        add_new(tx, now=now)
        call_lines.reassign(tx)


def everything(parts: Parts, *, now: datetime) -> int:
    """Every line anew, a transaction for each few thousand; returns how many calls are open."""
    with parts.engine.begin() as tx:
        call_lines.drop_closed(tx)
        call_locks.forget(tx, now=now)
    last, total = 0, 0
    while True:
        with parts.engine.begin() as tx:
            ids = call_lines.after(tx, last, limit=CHUNK)
            _put(tx, call_lines.of_tasks(tx, ids, inquiries_since=now - INQUIRY_FOR))
        if not ids:
            return total
        last, total = ids[-1], total + len(ids)


def _put(tx: Connection, found: Iterable[Facts]) -> None:
    call_lines.put(tx, [_row(one) for one in found])


def line_of(one: Facts) -> CallLine:
    """The line as the rules want it."""
    return CallLine(
        task_id=one.task_id,
        p_win=one.p_win,
        value=1.0 if one.amount is None else callorder.clamp_value(one.amount, one.median),
        signal_at=one.signal_at,
        tries=one.tries,
        callback_at=one.promised_at,
        inquiry_at=one.inquiry_at,
        last_tried_at=one.last_at,
        is_unobserved=one.rank == "unobserved",
        fit=FIT.get(one.company_class, 0.0),
        do_not_call=one.is_barred,
        state="with_sales" if one.is_with_sales else "nurturing",
    )


def _row(one: Facts) -> dict[str, object]:
    line = line_of(one)
    entry = callorder.entry(line)
    return {
        "task_id": one.task_id,
        "person_id": one.person_id,
        "company_id": one.company_id,
        "product_id": one.product_id,
        "assignee_id": one.assignee_id,
        "rank": one.rank,
        "lane": entry.lane.value,
        "p_win": one.p_win,
        "value": line.value,
        "fit": line.fit,
        "tries": one.tries,
        "signal_at": one.signal_at,
        "last_at": one.last_at,
        "not_before": one.not_before,
        "promised_at": one.promised_at,
        "inquiry_at": one.inquiry_at,
        "is_with_sales": one.is_with_sales,
        "is_barred": one.is_barred,
        "weight": entry.weight,
        "freshness": entry.freshness,
    }
