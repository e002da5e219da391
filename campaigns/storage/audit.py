"""Audit: who changed what, when. Values live in a table of their own, which an erasure may empty."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection, insert

from campaigns.storage import tables as t


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
    """One line in the log. changes: field -> (old, new); equal values are left out."""
    audit_id: int = tx.execute(
        insert(t.audit_log)
        .values(at=now, user_id=user_id, noun=noun, noun_id=noun_id, action=action)
        .returning(t.audit_log.c.id)
    ).scalar_one()
    rows = [
        {"audit_id": audit_id, "field": field, "old": _text(old), "new": _text(new)}
        for field, (old, new) in (changes or {}).items()
        if old != new
    ]
    if rows:
        tx.execute(insert(t.audit_values), rows)
    return audit_id


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
