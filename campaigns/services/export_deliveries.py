"""Export deliveries as CSV for Excel; every export is logged with the people in it (LAW-22, LAW-23)."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import datetime

from campaigns.parts import Parts
from campaigns.rules.cells import inert
from campaigns.storage import audit, deliveries
from campaigns.storage.deliveries import Filter, Line


def run(
    parts: Parts,
    wanted: Filter,
    *,
    head: Sequence[str],
    cells: Callable[[Line], Sequence[object]],
    user_id: int | None,
    now: datetime,
) -> bytes:
    """The CSV as bytes (UTF-8 with BOM, CRLF). head and cells word it in the reader's language."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow([inert(name) for name in head])
    people: set[int] = set()
    rows = 0
    with parts.engine.begin() as tx:
        for line in deliveries.every(tx, wanted):
            writer.writerow([inert(cell) for cell in cells(line)])
            rows += 1
            if line.person_id is not None:
                people.add(line.person_id)
        # The log is written before a byte leaves.
        audit.note_export(
            tx,
            kind="deliveries",
            wanted=asdict(wanted),
            rows=rows,
            person_ids=sorted(people),
            user_id=user_id,
            now=now,
        )
    return out.getvalue().encode("utf-8-sig")
