"""Export a report, or the rows behind one of its numbers, as CSV; each export is logged (LAW-22, LAW-23)."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

from campaigns.parts import Parts
from campaigns.rules.cells import inert
from campaigns.services import show_report
from campaigns.services.show_report import Number
from campaigns.storage import audit
from campaigns.storage.report_rows import Line

MOST = 100_000


def table(
    parts: Parts,
    name: str,
    tables: Iterable[Sequence[Sequence[object]]],
    *,
    wanted: dict[str, object],
    user_id: int | None,
    now: datetime,
) -> bytes:
    """The tables of a report, one below the other with a blank line between; they name nobody."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    rows = 0
    for place, one in enumerate(tables):
        if place:
            writer.writerow([])
        for row in one:
            writer.writerow([inert(cell) for cell in row])
            rows += 1
    with parts.engine.begin() as tx:
        audit.note_export(
            tx, kind=f"report_{name}", wanted=wanted, rows=rows, person_ids=(), user_id=user_id, now=now
        )
    return out.getvalue().encode("utf-8-sig")


def lines(
    parts: Parts,
    number: Number,
    *,
    head: Sequence[str],
    cells: Callable[[Line], Sequence[object]],
    user_id: int | None,
    now: datetime,
) -> bytes:
    """The rows behind a number (UTF-8 with BOM, CRLF), the newest MOST. head and cells word them."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow([inert(name) for name in head])
    with parts.engine.begin() as tx:
        found = show_report.every(parts, tx, number, now=now, most=MOST)
        for line in found:
            writer.writerow([inert(cell) for cell in cells(line)])
        people = sorted({line.person_id for line in found if line.person_id is not None})
        # The log is written before a byte leaves.
        audit.note_export(
            tx,
            kind="report_rows",
            wanted={
                "report": number.report,
                "measure": number.measure,
                "period": number.asked.period.value,
                "product": number.asked.product_id,
                **number.dims,
            },
            rows=len(found),
            person_ids=people,
            user_id=user_id,
            now=now,
        )
    return out.getvalue().encode("utf-8-sig")
