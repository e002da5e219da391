"""What time it is, for every process alike.

A practice installation may travel in time: one row holds the distance to the real clock, and every
process reads it. An installation that can send to the outside has no such row to read: `travels` is
False, and moving is refused.
"""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine, select, update
from sqlalchemy.exc import SQLAlchemyError

from campaigns.storage.tables import clock as row

REFRESH_S = 0.1


class ClockFixed(RuntimeError):
    """The clock of an installation that sends to the outside cannot be moved."""


class Clock:
    """Aware UTC now. With travels=True the offset is read from the database, at most 100 ms old."""

    def __init__(self, engine: Engine, *, travels: bool) -> None:
        self._engine = engine
        self._travels = travels
        self._offset_s = 0.0
        self._read_at = float("-inf")
        self._lock = threading.Lock()

    @property
    def travels(self) -> bool:
        return self._travels

    def now(self) -> datetime:
        if self._travels:
            self._refresh()
        return datetime.now(UTC) + timedelta(seconds=self._offset_s)

    def move_to(self, instant: datetime) -> None:
        """Let it be that instant now, for every process. Raises ClockFixed outside practice."""
        if not self._travels:
            raise ClockFixed("the clock moves only while the mail catcher is the transport")
        with self._engine.begin() as tx:
            real = datetime.now(UTC)
            offset_s = (instant.astimezone(UTC) - real).total_seconds()
            tx.execute(update(row).where(row.c.id == 1).values(offset_s=offset_s, moved_at=real))
        with self._lock:
            self._offset_s, self._read_at = offset_s, time.monotonic()

    def _refresh(self) -> None:
        if time.monotonic() - self._read_at < REFRESH_S or not self._lock.acquire(blocking=False):
            return
        try:
            with self._engine.connect() as connection:
                offset_s = connection.execute(select(row.c.offset_s).where(row.c.id == 1)).scalar()
            self._offset_s = float(offset_s or 0.0)
        except SQLAlchemyError:
            # The database is away: the last known distance is better than a jump back in time.
            pass
        finally:
            self._read_at = time.monotonic()
            self._lock.release()
