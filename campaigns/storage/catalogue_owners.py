"""Who follows a company, by whose word, and who did before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text


@dataclass(frozen=True, slots=True)
class Nomination:
    """mode: self, peer, manager. state: stands, asked, declined, ended, withdrawn."""

    id: int
    catalogue_id: int
    user_id: int
    user: str
    mode: str
    state: str
    by_user_id: int | None
    by: str
    at: datetime
    answered_at: datetime | None


ALL = """
select n.id, n.catalogue_id, n.user_id, u.name as user, n.mode, n.state, n.by_user_id, coalesce(b.name, '') as by, n.at,
       n.answered_at
  from catalogue_owners n join users u on u.id = n.user_id left join users b on b.id = n.by_user_id
"""


def history(tx: Connection, catalogue_id: int) -> list[Nomination]:
    """Newest first."""
    rows = tx.execute(
        text(ALL + " where n.catalogue_id = :id order by n.at desc, n.id desc"), {"id": catalogue_id}
    )
    return [Nomination(**row._mapping) for row in rows]


def asked(tx: Connection, catalogue_id: int) -> Nomination | None:
    """Whose answer is waited for. Index uq_catalogue_owners_asked."""
    row = tx.execute(
        text(ALL + " where n.catalogue_id = :id and n.state = 'asked'"), {"id": catalogue_id}
    ).one_or_none()
    return None if row is None else Nomination(**row._mapping)


def add(
    tx: Connection,
    catalogue_id: int,
    *,
    user_id: int,
    mode: str,
    state: str,
    by: int | None,
    now: datetime,
) -> int | None:
    """One more line; None when somebody is asked already."""
    row = tx.execute(
        text(
            "insert into catalogue_owners (catalogue_id, user_id, mode, state, by_user_id, at)"
            " values (:id, :user, :mode, :state, :by, :now)"
            " on conflict (catalogue_id) where state = 'asked' do nothing returning id"
        ),
        {"id": catalogue_id, "user": user_id, "mode": mode, "state": state, "by": by, "now": now},
    ).one_or_none()
    return None if row is None else int(row.id)


def close(tx: Connection, catalogue_id: int, *, states: Sequence[str], to: str, now: datetime) -> None:
    """Lines in these states end: the owner before, or a question that is asked no more."""
    tx.execute(
        text(
            "update catalogue_owners set state = :to, answered_at = :now"
            " where catalogue_id = :id and state = any(:states)"
        ),
        {"id": catalogue_id, "states": list(states), "to": to, "now": now},
    )


def settle(tx: Connection, nomination_id: int, *, state: str, now: datetime) -> bool:
    """The answer; False when it was given before."""
    done = tx.execute(
        text(
            "update catalogue_owners set state = :state, answered_at = :now where id = :id and state = 'asked'"
        ),
        {"id": nomination_id, "state": state, "now": now},
    )
    return done.rowcount == 1


def set_owner(tx: Connection, catalogue_id: int, *, user_id: int, mode: str, now: datetime) -> None:
    tx.execute(
        text(
            "update catalogues set owner_user_id = :user, owner_mode = :mode, is_draft = false, touched_at = :now"
            " where id = :id"
        ),
        {"id": catalogue_id, "user": user_id, "mode": mode, "now": now},
    )


def followers(tx: Connection, roles: Sequence[str]) -> list[tuple[int, str]]:
    """Who may be named, of these roles: (id, name)."""
    rows = tx.execute(
        text("select id, name from users where is_active and role = any(:roles) order by name, id"),
        {"roles": list(roles)},
    )
    return [(row.id, row.name) for row in rows]


def managers(tx: Connection) -> list[int]:
    """Who leads sales: their managers, else the admins."""
    rows = tx.execute(
        text("select id, role from users where is_active and role in ('sales_manager', 'admin') order by id")
    ).all()
    leads = [row.id for row in rows if row.role == "sales_manager"]
    return leads or [row.id for row in rows]
