"""Export deliveries as CSV for Excel; every export is logged with the people in it (LAW-22, LAW-23)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from datetime import datetime

from sqlalchemy import Connection

from campaigns.parts import Parts
from campaigns.rules.schedule import month_of
from campaigns.services import export_lines
from campaigns.storage import deliveries
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
    """The CSV. head and cells word it in the reader's language."""
    with parts.engine.begin() as tx:
        return export_lines.run(
            tx,
            _every(tx, parts, wanted, now=now),
            kind="deliveries",
            wanted=asdict(wanted),
            head=head,
            cells=cells,
            user_id=user_id,
            now=now,
        )


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
