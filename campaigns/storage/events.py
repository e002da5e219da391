"""Events by name, for what is written down outside of the database."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection, select

from campaigns.storage import tables as t


def names(tx: Connection, event_ids: Iterable[int]) -> dict[int, str]:
    """Names of these events, by id."""
    e = t.events
    return {
        row.id: row.name for row in tx.execute(select(e.c.id, e.c.name).where(e.c.id.in_(set(event_ids))))
    }


def named(tx: Connection, names: Iterable[str]) -> dict[str, int]:
    """Events of these names; of two with one name the newer."""
    e = t.events
    rows = tx.execute(select(e.c.id, e.c.name).where(e.c.name.in_(set(names) - {""})).order_by(e.c.id))
    return {row.name: row.id for row in rows}
