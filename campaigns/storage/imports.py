"""Import batches, their rows, and what they changed.

A list is read by set: a COPY for what is written, one question for all mailboxes of the list.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, text, update

from campaigns.rules.imports import BatchKind
from campaigns.rules.reasons import Reason
from campaigns.storage import tables as t
from campaigns.storage.bulk import copy, json_text

LOCK = 4_918_275_502  # one import writes at a time: matching must see what the one before has written


@dataclass(frozen=True, slots=True)
class Batch:
    """One list. state: read, previewed, imported, undone. settings, counts: as stored."""

    id: int
    kind: BatchKind
    state: str
    file_name: str
    file_hash: str
    settings: Mapping[str, Any]
    counts: Mapping[str, Any]
    created_by: int | None
    created_at: datetime
    imported_at: datetime | None
    undone_at: datetime | None


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a list with what becomes of it."""

    line_no: int
    cells: tuple[str, ...]
    result: str
    reasons: tuple[Reason, ...] = ()
    draft: Mapping[str, Any] | None = None
    person_id: int | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """A value that an import changed in a row that stood before."""

    noun: str
    noun_id: int
    field: str
    old: object
    new: object


_COLUMNS = [
    t.import_batches.c[name]
    for name in (
        "id", "kind", "state", "file_name", "file_hash", "settings", "counts", "created_by", "created_at",
        "imported_at", "undone_at",
    )
]  # fmt: skip


def add(
    tx: Connection,
    *,
    kind: str,
    data: bytes,
    file_name: str,
    file_hash: str,
    settings: Mapping[str, object],
    user_id: int | None,
    now: datetime,
) -> int:
    return int(
        tx.execute(
            insert(t.import_batches)
            .values(
                kind=kind,
                state="read",
                file=data,
                file_name=file_name,
                file_hash=file_hash,
                settings=dict(settings),
                created_by=user_id,
                created_at=now,
            )
            .returning(t.import_batches.c.id)
        ).scalar_one()
    )


def get(tx: Connection, batch_id: int, *, lock: bool = False) -> Batch | None:
    query = select(*_COLUMNS).where(t.import_batches.c.id == batch_id)
    row = tx.execute(query.with_for_update() if lock else query).one_or_none()
    return None if row is None else _batch(row)


def _batch(row: Any) -> Batch:
    values = dict(row._mapping)
    return Batch(**values | {"kind": BatchKind(values["kind"])})


def recent(tx: Connection, *, kinds: Sequence[BatchKind], limit: int = 20) -> list[Batch]:
    """The newest batches of these kinds first."""
    b = t.import_batches.c
    rows = tx.execute(select(*_COLUMNS).where(b.kind.in_(list(kinds))).order_by(b.id.desc()).limit(limit))
    return [_batch(row) for row in rows]


def file(tx: Connection, batch_id: int) -> bytes:
    """The bytes of the list; empty once it is imported."""
    return bytes(
        tx.execute(select(t.import_batches.c.file).where(t.import_batches.c.id == batch_id)).scalar() or b""
    )


def same_file(tx: Connection, batch_id: int) -> datetime | None:
    """When the same bytes were imported before, if they were."""
    mine = select(t.import_batches.c.file_hash).where(t.import_batches.c.id == batch_id).scalar_subquery()
    return tx.execute(
        select(func.max(t.import_batches.c.imported_at)).where(
            t.import_batches.c.file_hash == mine,
            t.import_batches.c.id != batch_id,
            t.import_batches.c.state == "imported",
        )
    ).scalar()


def save(tx: Connection, batch_id: int, **values: object) -> None:
    tx.execute(
        update(t.import_batches)
        .where(t.import_batches.c.id == batch_id)
        .values(**values, version=t.import_batches.c.version + 1)
    )


def lock(tx: Connection) -> None:
    tx.execute(text("select pg_advisory_xact_lock(:key)"), {"key": LOCK})


def put_rows(tx: Connection, batch_id: int, rows: Iterable[Row]) -> None:
    """Replace the batch's rows, by COPY."""
    tx.execute(delete(t.import_rows).where(t.import_rows.c.batch_id == batch_id))
    copy(
        tx,
        "import_rows",
        ("batch_id", "line_no", "cells", "result", "reasons", "draft", "person_id"),
        (
            (
                batch_id,
                row.line_no,
                json_text(list(row.cells)),
                row.result,
                json_text([reason.as_json() for reason in row.reasons]),
                None if row.draft is None else json_text(row.draft),
                row.person_id,
            )
            for row in rows
        ),
    )


def rows(
    tx: Connection,
    batch_id: int,
    *,
    results: Sequence[str] | None = None,
    after: int = 0,
    limit: int | None = None,
) -> list[Row]:
    """Rows in the order of the list, without those before `after`."""
    r = t.import_rows.c
    query = select(r.line_no, r.cells, r.result, r.reasons, r.draft, r.person_id).where(
        r.batch_id == batch_id, r.line_no > after
    )
    if results is not None:
        query = query.where(r.result.in_(list(results)))
    found = tx.execute(query.order_by(r.line_no).limit(limit))
    return [
        Row(
            row.line_no,
            tuple(row.cells),
            row.result,
            tuple(Reason.from_json(reason) for reason in row.reasons),
            row.draft,
            row.person_id,
        )
        for row in found
    ]


def remarked(tx: Connection, batch_id: int, *, limit: int = 200) -> list[Row]:
    """Rows that come in with a remark, in the order of the list."""
    r = t.import_rows.c
    found = tx.execute(
        select(r.line_no, r.cells, r.result, r.reasons, r.draft)
        .where(r.batch_id == batch_id, r.result != "error", r.reasons != text("'[]'::jsonb"))
        .order_by(r.line_no)
        .limit(limit)
    )
    return [
        Row(
            x.line_no,
            tuple(x.cells),
            x.result,
            tuple(Reason.from_json(reason) for reason in x.reasons),
            x.draft,
        )
        for x in found
    ]


def set_rows(tx: Connection, batch_id: int, found: Sequence[tuple[int, str, int | None]]) -> None:
    """Final result and person of lines: (line, result, person id)."""
    tx.execute(
        text(
            "update import_rows r set result = q.result, person_id = q.person_id"
            " from unnest(cast(:lines as int[]), cast(:results as text[]), cast(:people as bigint[]))"
            " as q(line_no, result, person_id) where r.batch_id = :batch and r.line_no = q.line_no"
        ),
        {
            "batch": batch_id,
            "lines": [line for line, _, _ in found],
            "results": [result for _, result, _ in found],
            "people": [person for _, _, person in found],
        },
    )


def put_changes(tx: Connection, batch_id: int, changes: Iterable[Change]) -> None:
    copy(
        tx,
        "import_changes",
        ("batch_id", "noun", "noun_id", "field", "old", "new"),
        ((batch_id, c.noun, c.noun_id, c.field, json_text(c.old), json_text(c.new)) for c in changes),
    )


def changes(tx: Connection, batch_id: int) -> list[Change]:
    """Newest first, the order in which they are taken back."""
    c = t.import_changes.c
    found = tx.execute(
        select(c.noun, c.noun_id, c.field, c.old, c.new).where(c.batch_id == batch_id).order_by(c.id.desc())
    )
    return [Change(row.noun, row.noun_id, row.field, row.old, row.new) for row in found]
