"""Import fax results: what a service tells of each number, looked at first, applied once.

The same list twice changes nothing. A number that is wrong, or answered by a voice, is faxed no more; what arrived
leaves the touch fax_sent and ends its task. Source: spec 6.4.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from campaigns.parts import Parts
from campaigns.rules.faxes import ENDS_NUMBER, Line, Result, csv_rows, read
from campaigns.rules.touchpoints import Kind
from campaigns.services import rerank
from campaigns.storage import audit, fax_results, faxes, tasks, touchpoints
from campaigns.storage.fax_results import Told
from campaigns.storage.touchpoints import NewTouch


@dataclass(frozen=True, slots=True)
class Row:
    """A line with the number it is about. error: that of the line, or unknown (we sent nothing there), known (told
    before), twice (another line of the list tells of it, the last counts)."""

    line: Line
    told: Told | None
    error: str


def preview(parts: Parts, text: str, *, now: datetime) -> list[Row]:
    """What the list would do. Raises faxes.ListError."""
    with parts.engine.connect() as tx:
        return _rows(tx, parts, text, now=now)


def _rows(tx: Connection, parts: Parts, text: str, *, now: datetime) -> list[Row]:
    lines = read(csv_rows(text), zone=parts.settings.tz, now=now)
    good = [line for line in lines if not line.error]
    by_id = fax_results.told_by_ids(tx, [line.id for line in good if line.id is not None])
    by_number = fax_results.told_by_numbers(tx, [line.number for line in good if line.number])
    last: dict[int, int] = {}
    found: list[tuple[Line, Told | None]] = []
    for line in lines:
        told = None
        if not line.error:
            told = by_id.get(line.id) if line.id is not None else by_number.get(line.number)
            if told is not None:
                last[told.id] = line.no
        found.append((line, told))
    return [Row(line, told, line.error or _error(line, told, last)) for line, told in found]


def _error(line: Line, told: Told | None, last: dict[int, int]) -> str:
    if told is None:
        return "unknown"
    if last[told.id] != line.no:
        return "twice"
    return "known" if line.result is not None and told.result == line.result.value else ""


def run(parts: Parts, text: str, *, user_id: int | None, now: datetime) -> list[Row]:
    """Apply the good lines; returns all of them as they were. Raises faxes.ListError."""
    with parts.engine.begin() as tx:
        faxes.lock(tx)
        rows = _rows(tx, parts, text, now=now)
        good = [row for row in rows if not row.error]
        people = sorted({id for row in good for id in _apply(tx, row, user_id=user_id, now=now)})
        if people:
            rerank.for_people(tx, people, now=now, zone=parts.settings.tz, base_url=parts.settings.base_url)
        audit.note(tx, noun="fax_results", noun_id=None, action="import", user_id=user_id, now=now,
                   changes={"lines": (None, len(good))})  # fmt: skip
    return rows


def _apply(tx: Connection, row: Row, *, user_id: int | None, now: datetime) -> Sequence[int]:
    told, result = row.told, row.line.result
    assert told is not None
    assert result is not None
    at = row.line.at or told.handed_at or now
    behind = fax_results.set_result(tx, told.id, result=result.value, at=at, pages=row.line.pages)
    people = [id for id, _task in behind]
    if result in ENDS_NUMBER:
        fax_results.number_is_wrong(tx, told.number, people)
    touchpoints.put(
        tx,
        [
            NewTouch(
                source_key=f"fax:{told.id}:{id}",
                person_id=id,
                kind=Kind.FAX_SENT,
                at=at,
                product_id=told.product_id,
                task_id=task_id,
                # What did not arrive never was; a later word of the service may say otherwise.
                validity=1.0 if result is Result.OK else 0.0,
                validity_reason="" if result is Result.OK else "not_arrived",
                actor_id=user_id,
            )
            for id, task_id in behind
            if result is Result.OK or told.result == Result.OK
        ],
        now=now,
    )
    outcome = {Result.OK: "sent"} | dict.fromkeys(ENDS_NUMBER, "wrong")
    for _person_id, task_id in behind:
        task = tasks.get(tx, task_id) if task_id is not None and result in outcome else None
        if task is not None and task.state in ("open", "snoozed"):
            tasks.finish(tx, task.id, state="done", outcome=outcome[result], user_id=user_id, now=now)
    return people
