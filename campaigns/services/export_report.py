"""Export a report, or the rows behind one of its numbers, as CSV; each export is logged (LAW-22, LAW-23)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime

from campaigns.parts import Parts
from campaigns.rules.sheets import csv_of
from campaigns.services import export_lines, show_report
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
    rows = list(_below_each_other(tables))
    with parts.engine.begin() as tx:
        audit.note_export(
            tx,
            kind=f"report_{name}",
            wanted=wanted,
            rows=sum(1 for row in rows if row),
            person_ids=(),
            user_id=user_id,
            now=now,
        )
    return csv_of(rows)


def _below_each_other(tables: Iterable[Sequence[Sequence[object]]]) -> Iterator[Sequence[object]]:
    for place, one in enumerate(tables):
        if place:
            yield ()
        yield from one


def lines(
    parts: Parts,
    number: Number,
    *,
    head: Sequence[str],
    cells: Callable[[Line], Sequence[object]],
    user_id: int | None,
    now: datetime,
) -> bytes:
    """The rows behind a number, the newest MOST. head and cells word them."""
    with parts.engine.begin() as tx:
        return export_lines.run(
            tx,
            show_report.every(parts, tx, number, now=now, most=MOST),
            kind="report_rows",
            wanted={
                "report": number.report,
                "measure": number.measure,
                "period": number.asked.period.value,
                "product": number.asked.product_id,
                **number.dims,
            },
            head=head,
            cells=cells,
            user_id=user_id,
            now=now,
        )
