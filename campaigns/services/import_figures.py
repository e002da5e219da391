"""Import figures: what companies bought, from a list; all of it or nothing, and the classes follow.

Raises texts.ListError (the list cannot be read), figures.HeadError (its columns), FiguresWrong (its cells).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from campaigns.parts import Parts
from campaigns.rules import columns, figures, texts
from campaigns.rules.figures import Known, Row, Wrong
from campaigns.rules.texts import Line
from campaigns.services import classify, workbook
from campaigns.services.classify import Classified
from campaigns.storage import audit, classes


class FiguresWrong(ValueError):
    """found: every cell that cannot be, in the order of the lines."""

    def __init__(self, found: Sequence[Wrong]) -> None:
        super().__init__(f"{len(found)} cells")
        self.found = tuple(found)


@dataclass(frozen=True, slots=True)
class Imported:
    """rows: of the list; changed: companies with new figures; skipped: rows whose company is not known."""

    rows: int
    changed: int
    skipped: tuple[Wrong, ...]
    classified: Classified


def run(parts: Parts, data: bytes, *, skips_unknown: bool, user_id: int | None, now: datetime) -> Imported:
    """Write the figures of a list and class everybody anew, in one transaction."""
    rows, wrong = figures.read(_lines(data), today=now.astimezone(parts.settings.tz).date())
    with parts.engine.begin() as tx:
        classes.lock(tx)
        ids, unknown = _companies(tx, rows)
        hard = [one for one in unknown if one.code != "unknown" or not skips_unknown]
        if wrong or hard:
            raise FiguresWrong(sorted([*wrong, *hard], key=lambda one: one.line))
        changed = classes.put_figures(
            tx,
            [
                (ids[row.line], row.last_deal_on, row.profit_yen, row.sales_yen)
                for row in rows
                if row.line in ids
            ],
        )
        audit.note(
            tx,
            noun="companies",
            noun_id=None,
            action="figures",
            user_id=user_id,
            now=now,
            changes={"changed": (None, len(changed))},
        )
        done = classify.within(tx, parts, now=now, user_id=user_id)
    return Imported(len(rows), len(changed), tuple(unknown), done)


def _lines(data: bytes) -> list[Line]:
    texts.check_size(data)
    if texts.is_workbook(data):
        return workbook.lines(data, workbook.first_sheet(data))
    text = texts.decode(data, texts.guess_encoding(data))
    return list(texts.read(text, columns.guess_delimiter(text)))


def _companies(tx: Connection, rows: Sequence[Row]) -> tuple[dict[int, int], list[Wrong]]:
    """The company of each line, and the lines without one: unknown, several of that name, named twice."""
    of_number, named = classes.by_name(
        tx, [row.hojin_no for row in rows if row.hojin_no], [row.core_key for row in rows if row.core_key]
    )
    ids: dict[int, int] = {}
    wrong: list[Wrong] = []
    seen: dict[int, int] = {}
    for row in rows:
        found = _find(row, of_number, named)
        if isinstance(found, str):
            wrong.append(Wrong(row.line, "company", row.name or row.hojin_no, found))
        elif found in seen:
            wrong.append(Wrong(row.line, "company", row.name or row.hojin_no, "twice"))
        else:
            ids[row.line], seen[found] = found, row.line
    return ids, wrong


def _find(row: Row, of_number: Mapping[str, int], named: Mapping[str, Sequence[Known]]) -> int | str:
    """A corporate number alone decides; by name only who may be the same."""
    if row.hojin_no and row.hojin_no in of_number:
        return of_number[row.hojin_no]
    return figures.match(row, named.get(row.core_key, ()))
