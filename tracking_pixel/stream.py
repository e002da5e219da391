"""Events on their way in: pushed by the tracker, read by a worker.

Pushing is group commit. Whoever pushes puts the event into the group that gathers; one thread a process
writes each group as one entry of the stream, with one round trip, and with `appendfsync always` on the server
one fsync serves all clicks of the group (design 4). A click waits for its group, an open or a beat does not.

Redis down: the group goes to the spool, and for some seconds nobody asks Redis again, so that a dead server
costs one timeout and not one a request. When Redis is back, the same thread drains the spool.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from tracking_pixel import BadEvent
from tracking_pixel.events import Event
from tracking_pixel.spool import Spool

__all__ = ["Consumer", "Entry", "Spool", "Stream"]

log = logging.getLogger(__name__)

GROUP = "observe"
TIMEOUT_S = 0.25
BREAK_S = 5.0
GATHER_S = 0.05  # how long opens wait for company
TICK_S = 0.002  # how long a click does
WAIT_S = 1.5
DRAIN_EVERY_S = 15.0
ENTRY_MAX = 100  # events of one entry
# More than this in memory means that neither Redis nor the disk takes anything; then new events are let go.
GROUP_MAX = 50_000
# A stream's fields are named, and a client may fold those of one name: each event stands under its number.
_FIELDS = tuple(str(n).encode() for n in range(ENTRY_MAX))


@dataclass(slots=True)
class _Group:
    """Events that are written together. done: they are stored; all who wait share it."""

    raws: list[bytes] = field(default_factory=list)
    done: threading.Event = field(default_factory=threading.Event)


class Stream:
    """The writing end. Safe to share between threads; survives a fork (the thread starts where it is used)."""

    def __init__(self, client: redis.Redis, name: str, spool: Spool) -> None:
        self._client = _quick(client)
        self._name = name
        self._spool = spool
        self._lock = threading.Lock()
        self._pid = 0
        self._reset(pid=0)
        self.lost = 0  # events that neither Redis nor the disk took

    @classmethod
    def connect(cls, url: str, name: str, spool: Spool) -> Stream:
        return cls(redis.Redis.from_url(url), name, spool)

    def push(self, event: Event, *, wait: bool = True) -> bool:
        """Hand the event over. wait: return only when Redis or the disk holds it (or after 1.5 s).

        False: not known to be stored yet. Never raises: a click is answered whatever happens.
        """
        raw = event.to_bytes()
        if self._pid != os.getpid():
            self._start()
        with self._lock:
            group = self._group
            if len(group.raws) >= GROUP_MAX:
                self.lost += 1
                return False
            group.raws.append(raw)
        if not self._wake.is_set():
            self._wake.set()
        if not wait:
            return False
        if not self._urgent.is_set():
            self._urgent.set()
        return group.done.wait(WAIT_S)

    def write(self, raws: Sequence[bytes]) -> None:
        """Straight to Redis, one round trip. Raises redis.RedisError; then any part may have arrived."""
        if len(raws) <= ENTRY_MAX:
            self._client.execute_command(  # type: ignore[no-untyped-call]
                "XADD", self._name, b"*", *_numbered(raws)
            )
            return
        pipe = self._client.pipeline(transaction=False)
        for start in range(0, len(raws), ENTRY_MAX):
            pipe.execute_command(  # type: ignore[no-untyped-call]
                "XADD", self._name, b"*", *_numbered(raws[start : start + ENTRY_MAX])
            )
        pipe.execute()

    def drain(self) -> int:
        """Give the spool back to Redis now. Returns the events moved, 0 when Redis is away."""
        try:
            return self._spool.drain(self.write)
        except (redis.RedisError, OSError):
            return 0

    def waiting(self, group: str = GROUP) -> bool:
        """Is there anything that no reader has taken yet? Raises redis.RedisError."""
        try:
            newest = cast(Any, self._client.xinfo_stream(self._name))["last-generated-id"]
            groups = cast(Any, self._client.xinfo_groups(self._name))
        except redis.ResponseError:  # no such stream yet
            return False
        taken = [row["last-delivered-id"] for row in groups if row["name"] == group.encode()]
        return bool(newest != b"0-0" and newest not in taken)

    def close(self) -> None:
        """Write what has gathered and end the thread."""
        thread = self._thread
        if thread is not None and self._pid == os.getpid():
            self._is_open = False
            self._urgent.set()
            self._wake.set()
            thread.join(timeout=WAIT_S + TIMEOUT_S * 2)
            self._reset(pid=0)

    def _reset(self, *, pid: int) -> None:
        self._group = _Group()
        self._wake = threading.Event()  # something has gathered
        self._urgent = threading.Event()  # and somebody waits for it
        self._thread: threading.Thread | None = None
        self._is_open = True
        self._broken_until = 0.0
        self._drain_at = 0.0
        self._pid = pid

    def _start(self) -> None:
        with self._lock:
            if self._pid == os.getpid():
                return
            self._reset(pid=os.getpid())
            self._thread = threading.Thread(target=self._run, name="events", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        while self._is_open:
            if self._wake.wait(DRAIN_EVERY_S):
                if self._urgent.wait(GATHER_S):
                    time.sleep(TICK_S)
                self._store(self._taken())
            self._drain()
        self._store(self._taken())

    def _taken(self) -> _Group:
        """The group so far; what is pushed from now on gathers in the next one."""
        self._wake.clear()
        self._urgent.clear()
        with self._lock:
            group, self._group = self._group, _Group()
        return group

    def _store(self, group: _Group) -> None:
        if group.raws and not self._written(group.raws):
            try:
                self._spool.append(group.raws)
            except OSError as error:
                self.lost += len(group.raws)
                log.error("spool refused %d events: %s", len(group.raws), error)
        group.done.set()

    def _written(self, raws: Sequence[bytes]) -> bool:
        if time.monotonic() < self._broken_until:
            return False
        try:
            self.write(raws)
        except (redis.RedisError, OSError) as error:
            self._broken_until = time.monotonic() + BREAK_S
            log.warning("event stream unreachable, spooling: %s", type(error).__name__)
            return False
        return True

    def _drain(self) -> None:
        """Give the spool back to Redis, at most every 15 s and never while Redis is away."""
        if time.monotonic() < max(self._drain_at, self._broken_until):
            return
        self._drain_at = time.monotonic() + DRAIN_EVERY_S
        try:
            if not self._spool.is_empty():
                self._spool.drain(self.write)
        except (redis.RedisError, OSError):
            self._broken_until = time.monotonic() + BREAK_S


def _quick(client: redis.Redis, *, timeout_s: float = TIMEOUT_S) -> redis.Redis:
    """The same server, with short timeouts and no retries: the spool is our retry.

    redis-py retries three times with growing pauses by itself, which would cost each group seconds.
    """
    pool = client.connection_pool
    more: dict[str, Any] = {"socket_timeout": timeout_s, "retry": Retry(NoBackoff(), 0)}
    if not issubclass(pool.connection_class, redis.UnixDomainSocketConnection):
        more["socket_connect_timeout"] = timeout_s
    return redis.Redis(
        connection_pool=redis.ConnectionPool(pool.connection_class, **(pool.connection_kwargs | more))
    )


def _numbered(raws: Sequence[bytes]) -> list[bytes]:
    """Fields and values of an entry, in turn."""
    pairs = [b""] * (2 * len(raws))
    pairs[::2] = _FIELDS[: len(raws)]
    pairs[1::2] = raws
    return pairs


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of the stream, as many events as were written together. rubbish: values that are no events."""

    id: bytes
    events: tuple[Event, ...]
    rubbish: tuple[bytes, ...] = ()


class Consumer:
    """The reading end, one group. Raises redis.RedisError when Redis is away."""

    def __init__(self, client: redis.Redis, name: str, *, group: str = GROUP, me: str = "worker") -> None:
        self._client = client
        self._name = name
        self._group = group
        self._me = me

    @classmethod
    def connect(cls, url: str, name: str, *, group: str = GROUP, timeout_s: float = 2.0) -> Consumer:
        return cls(_quick(redis.Redis.from_url(url), timeout_s=timeout_s), name, group=group)

    def read(self, count: int) -> list[Entry]:
        """New entries, oldest first; each is delivered to one reader until it is acknowledged."""
        try:
            answer = self._read(count)
        except redis.ResponseError as error:
            if "NOGROUP" not in str(error):
                raise
            # First start, or Redis has forgotten everything: begin at the oldest entry it holds.
            self._make_group()
            answer = self._read(count)
        return [entry for _, entries in answer or [] for entry in _entries(entries)]

    def claim_stale(self, count: int, *, idle_s: float = 60.0) -> list[Entry]:
        """Entries that a reader took and never acknowledged: its transaction was lost with it."""
        try:
            answer = self._client.xautoclaim(
                self._name, self._group, self._me, min_idle_time=int(idle_s * 1000), count=count
            )
        except redis.ResponseError as error:
            if "NOGROUP" not in str(error):
                raise
            return []
        return _entries(cast(Any, answer)[1])

    def ack(self, ids: Sequence[bytes]) -> None:
        """Done with these: acknowledged and deleted, so the stream holds only what is not yet stored."""
        if ids:
            pipe = self._client.pipeline(transaction=False)
            pipe.xack(self._name, self._group, *ids)
            pipe.xdel(self._name, *ids)
            pipe.execute()

    def _read(self, count: int) -> Any:
        return self._client.xreadgroup(self._group, self._me, {self._name: ">"}, count=count)

    def _make_group(self) -> None:
        try:
            self._client.xgroup_create(self._name, self._group, id="0", mkstream=True)
        except redis.ResponseError as error:
            if "BUSYGROUP" not in str(error):
                raise


def _entries(rows: Any) -> list[Entry]:
    return [_entry(id, fields or {}) for id, fields in rows or []]


def _entry(id: bytes, fields: dict[bytes, bytes]) -> Entry:
    events, rubbish = [], []
    for raw in fields.values():
        try:
            events.append(Event.from_bytes(raw))
        except BadEvent:
            rubbish.append(raw)
    return Entry(id, tuple(events), tuple(rubbish))
