"""Tokens of programs: their hashes, what they may, when they were used."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, insert, text

from campaigns.storage import tables as t

USED_EVERY = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Token:
    """hint: the last signs of it. made_by, revoked_by: names of users."""

    id: int
    name: str
    hint: str
    scopes: tuple[str, ...]
    made_by: str
    created_at: datetime
    used_at: datetime | None
    revoked_by: str
    revoked_at: datetime | None


SELECT = """
select a.id, a.name, a.hint, a.scopes, coalesce(u.name, '') as made_by, a.created_at, a.used_at,
       coalesce(r.name, '') as revoked_by, a.revoked_at
  from api_tokens a left join users u on u.id = a.created_by left join users r on r.id = a.revoked_by
"""


def every(tx: Connection) -> list[Token]:
    """Living ones first, the newest first."""
    rows = tx.execute(text(f"{SELECT} order by a.revoked_at is not null, a.id desc"))
    return [_token(row) for row in rows]


def by_hash(tx: Connection, token_hash: bytes) -> Token | None:
    """A living token. Index uq_api_tokens_token_hash."""
    row = tx.execute(
        text(f"{SELECT} where a.token_hash = :hash and a.revoked_at is null"),
        {"hash": token_hash},
    ).one_or_none()
    return None if row is None else _token(row)


def _token(row: object) -> Token:
    values = dict(row._mapping)  # type: ignore[attr-defined]
    return Token(**{**values, "scopes": tuple(values["scopes"])})


def add(
    tx: Connection,
    *,
    name: str,
    token_hash: bytes,
    hint: str,
    scopes: Sequence[str],
    user_id: int | None,
    now: datetime,
) -> int:
    values = {"name": name, "token_hash": token_hash, "hint": hint, "scopes": list(scopes)}
    query = insert(t.api_tokens).values(**values, created_by=user_id, created_at=now)
    return int(tx.execute(query.returning(t.api_tokens.c.id)).scalar_one())


def revoke(tx: Connection, token_id: int, *, user_id: int | None, now: datetime) -> bool:
    """False when it was revoked before, or never was."""
    done = tx.execute(
        text(
            "update api_tokens set revoked_at = :now, revoked_by = :user where id = :id and revoked_at is null"
        ),
        {"id": token_id, "user": user_id, "now": now},
    )
    return done.rowcount == 1


def used(tx: Connection, token_id: int, *, now: datetime) -> None:
    """At most one write a minute."""
    tx.execute(
        text(
            "update api_tokens set used_at = :now where id = :id and (used_at is null or used_at < :before)"
        ),
        {"id": token_id, "now": now, "before": now - USED_EVERY},
    )
