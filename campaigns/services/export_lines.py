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
M = TypeVar("M")


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
    return of_several(
        tx,
        lines,
        people=lambda line: () if line.person_id is None else (line.person_id,),
        kind=kind,
        wanted=wanted,
        head=head,
        cells=cells,
        user_id=user_id,
        now=now,
    )


def of_several(
    tx: Connection,
    lines: Iterable[M],
    *,
    people: Callable[[M], Iterable[int]],
    kind: str,
    wanted: Mapping[str, object],
    head: Sequence[str],
    cells: Callable[[M], Sequence[object]],
    user_id: int | None,
    now: datetime,
) -> bytes:
    """The same where a line may be about several people, all of whom the log names."""
    named: set[int] = set()
    count = 0

    def rows() -> Iterator[Sequence[object]]:
        nonlocal count
        yield head
        for line in lines:
            count += 1
            named.update(people(line))
            yield cells(line)

    sheet = csv_of(rows())
    audit.note_export(
        tx, kind=kind, wanted=wanted, rows=count, person_ids=sorted(named), user_id=user_id, now=now
    )
    return sheet
