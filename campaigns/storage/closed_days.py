"""Own closed days, and days worked although the rules close them: the house's part of the business calendar."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection, delete, func, select
from sqlalchemy.dialects.postgresql import insert

from campaigns.rules.workdays import Calendar
from campaigns.storage.tables import closed_days, users


@dataclass(frozen=True, slots=True)
class OwnDay:
    """kind: closed, or open (worked although the rules close it). by: who wrote it, if anybody."""

    day: date
    kind: str
    note: str
    by: str


def load(tx: Connection) -> Calendar:
    """The business calendar in force. A few dozen rows: read anew for each use, so no process has an old one."""
    rows = tx.execute(select(closed_days.c.day, closed_days.c.kind)).all()
    return Calendar(
        closed=frozenset(row.day for row in rows if row.kind == "closed"),
        extra_open=frozenset(row.day for row in rows if row.kind == "open"),
    )


def listed(tx: Connection, *, first: date, last: date) -> list[OwnDay]:
    """The own days between two dates, in their order."""
    rows = tx.execute(
        select(closed_days.c.day, closed_days.c.kind, closed_days.c.note, func.coalesce(users.c.name, ""))
        .outerjoin(users, users.c.id == closed_days.c.created_by)
        .where(closed_days.c.day.between(first, last))
        .order_by(closed_days.c.day)
    )
    return [OwnDay(*row) for row in rows]


def put(tx: Connection, day: date, *, kind: str, note: str, user_id: int | None, now: datetime) -> None:
    """Write a day, over what stood there."""
    values = {"kind": kind, "note": note, "created_by": user_id, "created_at": now}
    tx.execute(
        insert(closed_days)
        .values(day=day, **values)
        .on_conflict_do_update(index_elements=["day"], set_=values)
    )


def remove(tx: Connection, day: date) -> OwnDay | None:
    """Take a day back; what stood there, None if nothing did."""
    row = tx.execute(
        delete(closed_days)
        .where(closed_days.c.day == day)
        .returning(closed_days.c.day, closed_days.c.kind, closed_days.c.note)
    ).first()
    return OwnDay(row.day, row.kind, row.note, "") if row else None
