"""Export lines about people as CSV for Excel; every export is logged with the people in it (LAW-22, LAW-23)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Protocol, TypeVar

from sqlalchemy import Connection

from campaigns.rules.sheets import csv_of
from campaigns.storage import audit


class Line(Protocol):
    """Whatever is exported. person_id: whom it is about, None for nobody."""

    @property
    def person_id(self) -> int | None: ...


L = TypeVar("L", bound=Line)


def run(
    tx: Connection,
    lines: Iterable[L],
    *,
    kind: str,
    wanted: Mapping[str, object],
    head: Sequence[str],
    cells: Callable[[L], Sequence[object]],
    user_id: int | None,
    now: datetime,
) -> bytes:
    """The CSV; the log is written before a byte leaves. head and cells word it in the reader's language.

    kind, wanted: what was asked for, as the log keeps it.
    """
    people: set[int] = set()
    count = 0

    def rows() -> Iterator[Sequence[object]]:
        nonlocal count
        yield head
        for line in lines:
            count += 1
            if line.person_id is not None:
                people.add(line.person_id)
            yield cells(line)

    sheet = csv_of(rows())
    audit.note_export(
        tx, kind=kind, wanted=wanted, rows=count, person_ids=sorted(people), user_id=user_id, now=now
    )
    return sheet
