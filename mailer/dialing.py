"""A connection on its way: made in a thread, so that a server slow to greet holds no other up.

Name look-up, greeting, TLS and login take milliseconds, or with a server that is away the whole timeout of
each step. The loop of the other connections hears through a pipe that it is done.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from contextlib import suppress

from mailer.errors import Temporary
from mailer.wire import Wire


class Dialing:
    """One attempt. `number` becomes readable when it has ended; then `take` it, or `forget` it at any time."""

    __slots__ = ("_error", "_forgotten", "_lock", "_near", "_wire")

    def __init__(self, open: Callable[[], Wire]) -> None:
        self._near, far = os.pipe()
        self._wire: Wire | None = None
        self._error: BaseException | None = None
        self._forgotten = False
        self._lock = threading.Lock()
        threading.Thread(target=self._work, args=(open, far), name="dial", daemon=True).start()

    @property
    def number(self) -> int:
        """The descriptor to poll; -1 when taken or forgotten."""
        return self._near

    def take(self) -> Wire:
        """The connection. Raises what the attempt raised: Temporary with the server's words."""
        self._close()
        with self._lock:
            if self._error is not None:
                raise self._error
            wire, self._wire = self._wire, None
        if wire is None:
            raise Temporary(0, "no connection")
        return wire

    def forget(self) -> None:
        """Nobody wants it any more: closed at once, or by its own thread when it comes after all."""
        self._close()
        with self._lock:
            self._forgotten = True
            wire, self._wire = self._wire, None
        if wire is not None:
            wire.close(politely=False)

    def _work(self, open: Callable[[], Wire], far: int) -> None:
        wire = None
        try:
            wire = open()
        except BaseException as error:
            self._error = error  # raised in `take`, in the thread that wants the connection
        with self._lock:
            late = self._forgotten
            if not late:
                self._wire = wire
        if late and wire is not None:
            wire.close(politely=False)
        # A byte, not the end alone: a poll that still lists this number from before holds the pipe open.
        with suppress(OSError):
            os.write(far, b".")
        os.close(far)

    def _close(self) -> None:
        if self._near >= 0:
            os.close(self._near)
            self._near = -1
