"""Export deliveries as CSV for Excel; every export is logged with the people in it (LAW-22, LAW-23)."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from datetime import datetime

from sqlalchemy import Connection

from campaigns.parts import Parts
from campaigns.rules.cells import inert
from campaigns.rules.schedule import month_of
from campaigns.storage import audit, deliveries
from campaigns.storage.deliveries import Filter, Line

PAGE = 10_000


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
        for line in _every(tx, parts, wanted, now=now):
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


def _every(tx: Connection, parts: Parts, wanted: Filter, *, now: datetime) -> Iterator[Line]:
    """The deliveries, and behind them those who wait without one: the rows of the page."""
    yield from deliveries.every(tx, wanted)
    asks = not wanted.groups or "held" in wanted.groups
    if not asks or not deliveries.shows_held(wanted, this=month_of(now, parts.settings.tz)):
        return
    skip = 0
    while page := deliveries.held_page(tx, wanted, offset=skip, limit=PAGE):
        yield from page
        skip += PAGE
