"""Events on their way in: pushed by the tracker, read by a worker.

Pushing is group commit. One thread a process takes what has gathered and writes it with one round trip;
with `appendfsync always` on the server, one fsync then serves all clicks of the group (design 4: .05 of
the limit with a push a request, .16 to .20 so). A click waits for its group, an open or a beat does not.

Redis down: the group goes to the spool, and for some seconds nobody asks Redis again, so that a dead server
costs one timeout and not one a request. When Redis is back, the same thread drains the spool.
"""

from __future__ import annotations

import logging
import os
import queue
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from tracking_pixel import BadEvent
from tracking_pixel.events import Event
from tracking_pixel.spool import Spool

__all__ = ["Consumer", "Entry", "Spool", "Stream"]

log = logging.getLogger(__name__)

FIELD = b"e"
GROUP = "observe"
TIMEOUT_S = 0.25
BREAK_S = 5.0
GATHER_S = 0.05
WAIT_S = 1.5
DRAIN_EVERY_S = 15.0
GROUP_MAX = 500
# More than this in memory means that neither Redis nor the disk takes anything; then new opens are let go.
QUEUE_MAX = 50_000


@dataclass(slots=True)
class _Item:
    event: Event | None
    done: threading.Event | None


class Stream:
    """The writing end. Safe to share between threads; survives a fork (the thread starts where it is used)."""

    def __init__(self, client: redis.Redis, name: str, spool: Spool) -> None:
        self._client = _quick(client)
        self._name = name
        self._spool = spool
        self._lock = threading.Lock()
        self._reset(pid=0)
        self.lost = 0  # events that neither Redis nor the disk took

    @classmethod
    def connect(cls, url: str, name: str, spool: Spool) -> Stream:
        return cls(redis.Redis.from_url(url), name, spool)

    def push(self, event: Event, *, wait: bool = True) -> bool:
        """Hand the event over. wait: return only when Redis or the disk holds it (or after 1.5 s).

        False: not known to be stored yet. Never raises: a click is answered whatever happens.
        """
        items = self._started()
        done = threading.Event() if wait else None
        try:
            items.put_nowait(_Item(event, done))
        except queue.Full:
            self.lost += 1
            return False
        return done.wait(WAIT_S) if done else False

    def write(self, events: Sequence[Event]) -> None:
        """Straight to Redis, one round trip. Raises redis.RedisError; then any part may have arrived."""
        pipe = self._client.pipeline(transaction=False)
        for event in events:
            pipe.xadd(self._name, {FIELD: event.to_bytes()})
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
            self._items.put(_Item(None, None))
            thread.join(timeout=WAIT_S + TIMEOUT_S * 2)
            self._reset(pid=0)

    def _reset(self, *, pid: int) -> None:
        self._pid = pid
        self._items: queue.Queue[_Item] = queue.Queue(QUEUE_MAX)
        self._thread: threading.Thread | None = None
        self._broken_until = 0.0
        self._drain_at = 0.0

    def _started(self) -> queue.Queue[_Item]:
        if self._pid != os.getpid():
            with self._lock:
                if self._pid != os.getpid():
                    self._reset(pid=0)
                    self._thread = threading.Thread(
                        target=self._run, args=(self._items,), name="events", daemon=True
                    )
                    self._thread.start()
                    self._pid = os.getpid()
        return self._items

    def _run(self, items: queue.Queue[_Item]) -> None:
        is_open = True
        while is_open:
            try:
                first = items.get(timeout=DRAIN_EVERY_S)
            except queue.Empty:
                self._drain()
                continue
            group, is_open = _gather(items, first)
            self._store([item.event for item in group if item.event])
            for item in group:
                if item.done:
                    item.done.set()
            self._drain()

    def _store(self, events: list[Event]) -> None:
        if not events:
            return
        if time.monotonic() >= self._broken_until:
            try:
                return self.write(events)
            except (redis.RedisError, OSError) as error:
                self._broken_until = time.monotonic() + BREAK_S
                log.warning("event stream unreachable, spooling: %s", type(error).__name__)
        try:
            self._spool.append(events)
        except OSError as error:
            self.lost += len(events)
            log.error("spool refused %d events: %s", len(events), error)

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


def _gather(items: queue.Queue[_Item], first: _Item) -> tuple[list[_Item], bool]:
    """A group: all that is there, after 50 ms if nobody is waiting. False: the end was among it."""
    group = [first]
    if first.done is None and first.event is not None:
        time.sleep(GATHER_S)
    while len(group) < GROUP_MAX and group[-1].event is not None:
        try:
            group.append(items.get_nowait())
        except queue.Empty:
            break
    return group, group[-1].event is not None


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of the stream. event None: the bytes were rubbish; acknowledge and forget."""

    id: bytes
    event: Event | None


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
    entries: list[Entry] = []
    for entry_id, fields in rows or []:
        try:
            event = Event.from_bytes((fields or {}).get(FIELD, b""))
        except BadEvent:
            event = None
        entries.append(Entry(id=entry_id, event=event))
    return entries
