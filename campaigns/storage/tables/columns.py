"""What the tables are made of: instants, metadata with its naming rules, and the usual columns."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Dialect,
    ForeignKey,
    Identity,
    Integer,
    MetaData,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB, TIMESTAMP
from sqlalchemy.types import TypeDecorator


class Instant(TypeDecorator[datetime]):
    """An instant: aware UTC in, aware UTC out. A naive datetime raises ValueError."""

    impl = TIMESTAMP(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("an instant needs a time zone")
        return value.astimezone(UTC)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        return None if value is None else value.astimezone(UTC)


metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def row_id() -> Column[int]:
    return Column("id", BigInteger, Identity(always=True), primary_key=True)


def ref(name: str, target: str, *, null: bool = False, index: bool = False) -> Column[int]:
    return Column(name, BigInteger, ForeignKey(f"{target}.id"), nullable=null, index=index)


def id_of(name: str, *, null: bool = False, index: bool = False) -> Column[int]:
    """An id without a foreign key: only in tables written by the thousand, which say why."""
    return Column(name, BigInteger, nullable=null, index=index)


def words(name: str, *, pii: str | None = None, null: bool = False, default: str | None = "") -> Column[str]:
    info = {"pii": pii} if pii else {}
    server = None if null or default is None else text(f"'{default}'")
    return Column(name, Text, nullable=null, server_default=server, info=info)


def at(name: str, *, null: bool = False) -> Column[datetime]:
    return Column(name, Instant, nullable=null)


def number(name: str, default: int | None = 0, *, null: bool = False) -> Column[int]:
    return Column(
        name, Integer, nullable=null, server_default=None if default is None else text(str(default))
    )


def flag(name: str, default: bool = False) -> Column[bool]:
    return Column(name, Boolean, nullable=False, server_default=text("true" if default else "false"))


def json(name: str, default: str | None = "{}") -> Column[Any]:
    if default is None:
        return Column(name, JSONB, nullable=True)
    return Column(name, JSONB, nullable=False, server_default=text(f"'{default}'::jsonb"))


def version() -> Column[int]:
    return number("version", 1)
