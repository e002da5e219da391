"""Import fax results: what a service tells of each number, looked at first, applied once.

The same list twice changes nothing. A number that is wrong, or answered by a voice, is faxed no more; what arrived
leaves the touch fax_sent and ends its task; what did not opens it again. Source: spec 6.4.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from campaigns.parts import Parts
from campaigns.rules.faxes import ENDS_NUMBER, Line, Result, csv_rows, read
from campaigns.services import mark_faxes
from campaigns.storage import audit, fax_results, faxes
from campaigns.storage.fax_results import Behind, Told

CHUNK = 500  # lines of a transaction


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
    """Apply the good lines, so many at a time that a gateway in its work waits no longer; returns all of them as they
    were. Raises faxes.ListError."""
    rows = preview(parts, text, now=now)
    good = [row for row in rows if not row.error]
    for start in range(0, len(good), CHUNK):
        part = good[start : start + CHUNK]
        with parts.engine.begin() as tx:
            faxes.lock(tx)
            _apply(tx, parts, part, user_id=user_id, now=now)
            audit.note(tx, noun="fax_results", noun_id=None, action="import", user_id=user_id, now=now,
                       changes={"lines": (None, len(part))})  # fmt: skip
    return rows


def _apply(tx: Connection, parts: Parts, rows: Sequence[Row], *, user_id: int | None, now: datetime) -> None:
    told: dict[int, tuple[Told, Line, Result]] = {
        row.told.id: (row.told, row.line, row.line.result)
        for row in rows
        if row.told is not None and row.line.result is not None
    }
    behind = fax_results.set_results(
        tx,
        [
            (id, result.value, line.at or one.handed_at or now, line.pages)
            for id, (one, line, result) in told.items()
        ],
    )
    by_result = {
        result: [one for one in behind if told[one.item_id][2] is result] for result in Result
    }  # fmt: skip
    people = [one.person_id for one in behind]
    fax_results.lock_leads(tx, people)
    wrong = [one for result in ENDS_NUMBER for one in by_result[result]]
    missed = [one for one in behind if told[one.item_id][2] is not Result.OK]
    fax_results.number_is_wrong(tx, [one.person_id for one in wrong])
    mark_faxes.arrived(tx, by_result[Result.OK], user_id=user_id, now=now)
    fax_results.end_tasks(tx, _tasks(wrong), outcome="wrong", user_id=user_id, now=now)
    fax_results.reopen_tasks(tx, _tasks(missed), now=now)
    # What did not arrive never was; a later word of the service may say otherwise.
    gone = [one for one in missed if one.was_sent or one.before == Result.OK]
    mark_faxes.touch(tx, gone, has_arrived=False, user_id=user_id, now=now)
    mark_faxes.rank(tx, parts, people, now=now)


def _tasks(behind: Sequence[Behind]) -> list[int]:
    return [one.task_id for one in behind if one.task_id is not None]
