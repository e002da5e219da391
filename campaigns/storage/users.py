"""Users: who works here, and with which rights. A password's hash leaves this file only to be compared."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, func, select, text, update
from sqlalchemy.dialects.postgresql import insert

from campaigns.storage import tables as t

LOCK = 6_301_771  # the first account is made once, however many browsers ask at the same moment


@dataclass(frozen=True, slots=True)
class User:
    """One person of the staff. role: admin, marketer, inside_sales, field_sales, sales_manager.

    calls_per_day: own target, None for the house's. call_mail: the morning's call list by mail.
    """

    id: int
    email: str
    name: str
    role: str
    locale: str
    is_active: bool
    single_keys: bool
    calls_per_day: int | None
    call_mail: bool
    session_no: int
    version: int
    seen_at: datetime | None


# Whether whoever a column names still works here; a row that names nobody has no owner either.
WORKS_HERE = "({column} in (select id from users where is_active)) is true"
NO_OWNER = "({column} in (select id from users where is_active)) is not true"
_u = t.users.c
_COLUMNS = (
    _u.id, _u.email, _u.name, _u.role, _u.locale, _u.is_active, _u.single_keys, _u.calls_per_day, _u.call_mail,
    _u.session_no, _u.version, _u.seen_at,
)  # fmt: skip


def _user(row: Row[*tuple[Any, ...]] | None) -> User | None:
    return None if row is None else User(**row._mapping)


def count(tx: Connection) -> int:
    return int(tx.execute(select(func.count()).select_from(t.users)).scalar_one())


def find(tx: Connection, user_id: int) -> User | None:
    return _user(tx.execute(select(*_COLUMNS).where(_u.id == user_id)).first())


def came_at(tx: Connection, user_id: int) -> datetime | None:
    """When the account was made."""
    return tx.execute(select(_u.created_at).where(_u.id == user_id)).scalar_one_or_none()


def with_hash(tx: Connection, email: str) -> tuple[User, str] | None:
    """The user of an address and the hash of the password."""
    row = tx.execute(select(*_COLUMNS, _u.password_hash).where(_u.email == email)).first()
    if row is None:
        return None
    values = dict(row._mapping)
    kept = values.pop("password_hash")
    return User(**values), str(kept)


def every(tx: Connection) -> list[User]:
    rows = tx.execute(select(*_COLUMNS).order_by(_u.is_active.desc(), _u.name, _u.id))
    return [User(**row._mapping) for row in rows]


def lock_first(tx: Connection) -> None:
    """Until this transaction ends nobody else makes the first account."""
    tx.execute(text("select pg_advisory_xact_lock(:key)"), {"key": LOCK})


def add(
    tx: Connection, *, email: str, name: str, role: str, locale: str, password_hash: str, now: datetime
) -> int | None:
    """The new user's id; None when the address is taken. Names and roles are checked by the caller."""
    statement = (
        insert(t.users)
        .values(email=email, name=name, role=role, locale=locale, password_hash=password_hash, created_at=now)
        .on_conflict_do_nothing(index_elements=[_u.email])
        .returning(_u.id)
    )
    return tx.execute(statement).scalar()


def change(tx: Connection, user_id: int, *, version: int | None = None, **values: object) -> bool:
    """Set columns of a user; False when the row has moved on since `version` was read."""
    statement = update(t.users).where(_u.id == user_id).values(version=_u.version + 1, **values)
    if version is not None:
        statement = statement.where(_u.version == version)
    return tx.execute(statement).rowcount == 1


def set_password(tx: Connection, user_id: int, password_hash: str) -> None:
    """A new password ends every other session."""
    tx.execute(
        update(t.users)
        .where(_u.id == user_id)
        .values(password_hash=password_hash, session_no=_u.session_no + 1, version=_u.version + 1)
    )


def seen(tx: Connection, user_id: int, *, now: datetime) -> None:
    tx.execute(update(t.users).where(_u.id == user_id).values(seen_at=now))


def other_admins(tx: Connection, user_id: int) -> int:
    """Active admins besides this one; the rows are locked, so that two cannot leave at the same time."""
    rows = tx.execute(
        select(_u.id).where(_u.role == "admin", _u.is_active).order_by(_u.id).with_for_update()
    ).scalars()
    return sum(1 for found in rows if found != user_id)


def name_owner(tx: Connection, user_id: int) -> None:
    """The house's owner: who is told when nobody else is. Set once, by the first account."""
    tx.execute(
        update(t.house)
        .where(t.house.c.id == 1, t.house.c.owner_user_id.is_(None))
        .values(owner_user_id=user_id)
    )


LEFT_BEHIND = """
select u.id, coalesce(c.n, 0) as companies, coalesce(k.n, 0) as catalogues
  from users u
  left join (select owner_user_id, count(*) as n from companies
              where owner_user_id in (select id from users where not is_active) group by 1) c on c.owner_user_id = u.id
  left join (select owner_user_id, count(*) as n from catalogues
              where owner_user_id in (select id from users where not is_active) group by 1) k on k.owner_user_id = u.id
 where not u.is_active and (c.n > 0 or k.n > 0)
"""


def left_behind(tx: Connection) -> dict[int, tuple[int, int]]:
    """(companies, catalogues) that still name somebody who has left, by user."""
    return {row.id: (row.companies, row.catalogues) for row in tx.execute(text(LEFT_BEHIND))}
