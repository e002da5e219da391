"""What came where events are expected and is none: kept with its reason for who looks for the cause."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

from campaigns.storage import bulk

RAW_MAX = 4000  # characters


@dataclass(frozen=True, slots=True)
class SetAside:
    """at: when it was read. raw: as text; octets that are none are written as escapes."""

    at: datetime
    reason: str
    raw: str


def add(tx: Connection, rows: Sequence[tuple[bytes, str]], *, now: datetime) -> None:
    """Keep these octets with the code of what is wrong with them."""
    if rows:
        values = [(now, reason, _readable(raw)) for raw, reason in rows]
        bulk.copy(tx, "set_aside_events", ("at", "reason", "raw"), values)


def _readable(raw: bytes) -> str:
    return raw[:RAW_MAX].decode("utf-8", "backslashreplace").replace("\0", "\\x00")


def count(tx: Connection) -> int:
    return int(tx.execute(text("select count(*) from set_aside_events")).scalar_one())


def latest(tx: Connection, *, limit: int = 100) -> list[SetAside]:
    """The newest first."""
    rows = tx.execute(
        text("select at, reason, raw from set_aside_events order by at desc, id desc limit :n"), {"n": limit}
    )
    return [SetAside(*row) for row in rows]


def forget(tx: Connection, *, before: datetime) -> int:
    """Index ix_set_aside_events_at."""
    done = tx.execute(text("delete from set_aside_events where at < :edge"), {"edge": before})
    return done.rowcount
