"""The secret address of a user's calendar: it counts up, and every number but the last is nobody's."""

from __future__ import annotations

from sqlalchemy import Connection, text


def user(tx: Connection, user_id: int) -> tuple[int, str, str] | None:
    """calendar_no, name and language of an active user."""
    row = tx.execute(
        text("select calendar_no, name, locale from users where id = :id and is_active"), {"id": user_id}
    ).one_or_none()
    return None if row is None else (int(row.calendar_no), str(row.name), str(row.locale))


def renew(tx: Connection, user_id: int) -> int:
    """A new address: the one before is nobody's from now on."""
    return int(
        tx.execute(
            text("update users set calendar_no = calendar_no + 1 where id = :id returning calendar_no"),
            {"id": user_id},
        ).scalar_one()
    )
