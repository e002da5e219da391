"""Who hears of today's call list by mail."""

from __future__ import annotations

from datetime import date

from sqlalchemy import Connection, text

from campaigns.storage.next_actions import Reader


def origin(user_id: int, day: date) -> str:
    """Why the mail exists: one a caller and day."""
    return f"tx:calls:{user_id}:{day.isoformat()}"


def of_day(tx: Connection, day: date) -> list[Reader]:
    """Callers who want the mail, are at work, and have none of this day yet. uq_deliveries_origin."""
    rows = tx.execute(
        text(
            "select id as user_id, email, locale from users u where role = 'inside_sales' and is_active and call_mail"
            " and (away_until is null or away_until < :day)"
            " and not exists (select 1 from deliveries d where d.origin = 'tx:calls:' || u.id || ':' || :iso)"
            " order by id"
        ),
        {"day": day, "iso": day.isoformat()},
    )
    return [Reader(**row._mapping) for row in rows]
