"""Hosted images: bytes kept once by their hash, served for ever."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select
from sqlalchemy.dialects.postgresql import insert

from campaigns.storage import tables as t

EXTENSIONS = {"image/png": "png", "image/jpeg": "jpg", "image/gif": "gif", "image/webp": "webp"}


@dataclass(frozen=True, slots=True)
class Image:
    """An image without its bytes."""

    id: int
    name: str
    mime: str
    sha256: str
    width: int
    height: int

    @property
    def path(self) -> str:
        """Where it is served: id and hash, so the address never means other bytes."""
        return f"/image/{self.id}-{self.sha256[:8]}.{EXTENSIONS[self.mime]}"


_COLUMNS = tuple(t.images.c[name] for name in Image.__dataclass_fields__)


def add(
    tx: Connection,
    *,
    name: str,
    mime: str,
    sha256: str,
    data: bytes,
    width: int,
    height: int,
    user_id: int | None,
    now: datetime,
) -> Image:
    """Keep an image; the same bytes twice are one image."""
    tx.execute(
        insert(t.images)
        .values(
            name=name,
            mime=mime,
            sha256=sha256,
            bytes=data,
            width=width,
            height=height,
            created_by=user_id,
            created_at=now,
        )
        .on_conflict_do_nothing()
    )
    return Image(*tx.execute(select(*_COLUMNS).where(t.images.c.sha256 == sha256)).one())


def recent(tx: Connection, *, limit: int = 24) -> tuple[Image, ...]:
    rows = tx.execute(select(*_COLUMNS).order_by(t.images.c.id.desc()).limit(limit))
    return tuple(Image(*row) for row in rows)


def read(tx: Connection, image_id: int) -> tuple[Image, bytes] | None:
    """An image with its bytes."""
    row = tx.execute(select(*_COLUMNS, t.images.c.bytes).where(t.images.c.id == image_id)).one_or_none()
    return None if row is None else (Image(*row[:-1]), bytes(row[-1]))
