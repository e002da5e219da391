"""Audit: who changed what, when. Values live in a table of their own, which an erasure may empty."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection, insert, text

from campaigns.storage import tables as t

# One statement for both: nearly everything that anybody does leaves a line here.
NOTE = text(
    """
    with line as (insert into audit_log (at, user_id, noun, noun_id, action)
                  values (:now, :user_id, :noun, :noun_id, :action) returning id),
    said as (insert into audit_values (audit_id, field, old, new)
             select line.id, q.field, q.old, q.new
               from line, unnest(cast(:fields as text[]), cast(:olds as text[]), cast(:news as text[]))
                 as q(field, old, new))
    select id from line
    """
)


def note(
    tx: Connection,
    *,
    noun: str,
    noun_id: int | None,
    action: str,
    user_id: int | None,
    now: datetime,
    changes: Mapping[str, tuple[object, object]] | None = None,
) -> int:
    """One line in the log, with its values. changes: field -> (old, new); equal values are left out."""
    rows = [(field, _text(old), _text(new)) for field, (old, new) in (changes or {}).items() if old != new]
    values = {"now": now, "user_id": user_id, "noun": noun, "noun_id": noun_id, "action": action}
    columns = {name: [row[n] for row in rows] for n, name in enumerate(("fields", "olds", "news"))}
    return int(tx.execute(NOTE, {**values, **columns}).scalar_one())


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def note_export(
    tx: Connection,
    *,
    kind: str,
    wanted: Mapping[str, object],
    rows: int,
    person_ids: Sequence[int],
    user_id: int | None,
    now: datetime,
) -> None:
    """One export: what was asked for, how much, who was in it (LAW-23)."""
    tx.execute(
        insert(t.export_log).values(
            at=now, user_id=user_id, kind=kind, filter=dict(wanted), rows=rows, person_ids=list(person_ids)
        )
    )
