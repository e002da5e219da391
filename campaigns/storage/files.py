"""Files that mails link to: bytes kept once by their hash, served for ever."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, select
from sqlalchemy.dialects.postgresql import insert

from campaigns.storage import tables as t


@dataclass(frozen=True, slots=True)
class File:
    """A file without its bytes. size: octets."""

    id: int
    name: str
    mime: str
    sha256: str
    size: int


_COLUMNS = (
    t.files.c.id,
    t.files.c.name,
    t.files.c.mime,
    t.files.c.sha256,
    func.octet_length(t.files.c.bytes).label("size"),
)


def add(
    tx: Connection, *, name: str, mime: str, sha256: str, data: bytes, user_id: int | None, now: datetime
) -> File:
    """Keep a file. The same bytes twice are one file, which keeps its first name: links to it stand in mails."""
    tx.execute(
        insert(t.files)
        .values(name=name, mime=mime, sha256=sha256, bytes=data, created_by=user_id, created_at=now)
        .on_conflict_do_nothing()
    )
    return File(*tx.execute(select(*_COLUMNS).where(t.files.c.sha256 == sha256)).one())


def recent(tx: Connection, *, limit: int = 24) -> tuple[File, ...]:
    rows = tx.execute(select(*_COLUMNS).order_by(t.files.c.id.desc()).limit(limit))
    return tuple(File(*row) for row in rows)


def read(tx: Connection, file_id: int) -> tuple[File, bytes] | None:
    """A file with its bytes."""
    row = tx.execute(select(*_COLUMNS, t.files.c.bytes).where(t.files.c.id == file_id)).one_or_none()
    return None if row is None else (File(*row[:-1]), bytes(row[-1]))
