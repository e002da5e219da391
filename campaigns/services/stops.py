"""Stops: what forbids mail right now, read all the time while a batch is on its way.

The counter moves with every refusal, pause and erasure. A thread of its own reads it every tenth of a second
on a kept connection, so that the thread on the wire never waits for the database. Source: design 3.
"""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from types import TracebackType

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from campaigns.parts import Parts
from campaigns.storage import outbox
from campaigns.storage.outbox import Stops

EVERY_S = 0.1
FRESH_S = 0.2  # a counter at most this old stands behind every body that starts
PATIENCE_S = 5.0


class Watch:
    """The counter as it was at most `FRESH_S` ago; None while the database is away. Use it in a `with`."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._read_at = float("-inf")
        self._waited_for: float | None = None
        self._stops: Stops | None = None
        self._is_over = False
        self._wanted = threading.Event()
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="stops", daemon=True)

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._is_over = True
        self._wanted.set()
        self._thread.join()

    def now(self) -> Stops | None:
        """The counter; waits for a reading where the last one is too old."""
        if time.monotonic() - self._read_at <= FRESH_S:
            return self._stops
        if self._waited_for == self._read_at:
            return None  # waited for in vain, and nothing has come since: not again for each mail of a batch
        self._wanted.set()
        with self._changed:
            is_fresh = self._changed.wait_for(
                lambda: time.monotonic() - self._read_at <= FRESH_S, timeout=PATIENCE_S
            )
            self._waited_for = None if is_fresh else self._read_at
        return self._stops if is_fresh else None

    def _run(self) -> None:
        connection: Connection | None = None
        while not self._is_over:
            at = (
                time.monotonic()
            )  # before the question: what is committed from now on may not be in the answer
            try:
                if connection is None:
                    # Without a transaction around it each reading is one message there and one back.
                    connection = self._parts.engine.connect().execution_options(isolation_level="AUTOCOMMIT")
                found: Stops | None = outbox.stops(connection)
            except SQLAlchemyError:
                found = None  # nobody can know whether a mail is still allowed: it waits
                if connection is not None:
                    with suppress(SQLAlchemyError):
                        connection.close()
                    connection = None
            with self._changed:
                self._stops, self._read_at = found, at
                self._changed.notify_all()
            self._wanted.wait(EVERY_S)
            self._wanted.clear()
        if connection is not None:
            connection.close()
