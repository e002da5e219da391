"""Events on their way in: pushed by the tracker, read by a worker.

`Stream` is the writing end for programs of threads, such as the application behind Flask: what threads push is
handed over, in groups, to a `Writer` in a loop of its own. The tracker of its own processes has a loop already
and hands over to a `Writer` there. `Consumer` is the reading end.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import redis
from redis import asyncio as loops
from redis.asyncio.retry import Retry as LoopRetry
from redis.backoff import NoBackoff
from redis.retry import Retry

from tracking_pixel import BadEvent
from tracking_pixel.counts import Count, Counts
from tracking_pixel.events import MAX_BYTES, Event
from tracking_pixel.spool import Spool
from tracking_pixel.writer import GROUP_MAX, WAIT_S, Writer, entries

__all__ = ["Consumer", "Entry", "Spool", "Stream"]

GROUP = "observe"
TIMEOUT_S = 0.5


@dataclass(slots=True)
class _Inbox:
    """What threads have pushed and the loop has not yet taken. done: it is stored; all who wait share it."""

    raws: list[bytes] = field(default_factory=list)
    is_urgent: bool = False
    done: threading.Event = field(default_factory=threading.Event)


class Stream:
    """The writing end. Safe to share between threads; survives a fork (the loop starts where it is used)."""

    def __init__(self, client: redis.Redis, name: str, spool: Spool) -> None:
        self._client = _quick(client)
        self._name = name
        self._spool = spool
        self._lock = threading.Lock()
        self.counts = Counts()
        self._reset(pid=0)

    @classmethod
    def connect(cls, url: str, name: str, spool: Spool) -> Stream:
        return cls(redis.Redis.from_url(url), name, spool)

    def writer(self) -> Writer:
        """A writer to the same stream, spool and counts for a loop of the caller's."""
        return Writer(_for_loop(self._client), self._name, self._spool, counts=self.counts, drain=self.drain)

    def push(self, event: Event, *, wait: bool = True) -> bool:
        """Hand the event over. wait: return only when Redis or the disk holds it (or after 1.5 s).

        False: not known to be stored yet. Never raises: a click is answered whatever happens.
        """
        raw = event.to_bytes()
        if self._pid != os.getpid():
            self._start()
        with self._lock:
            inbox = self._inbox
            if len(inbox.raws) >= GROUP_MAX:
                self.counts.add(Count.LOST)
                return False
            is_first = not inbox.raws
            inbox.raws.append(raw)
            inbox.is_urgent |= wait
            # Under the lock, since `close` ends the loop.
            if is_first and self._loop is not None:
                self._loop.call_soon_threadsafe(self._hand_over)
        if not wait:
            return False
        if inbox.done.wait(WAIT_S):
            return True
        self.counts.add(Count.LATE)
        return False

    def write(self, raws: Sequence[bytes]) -> None:
        """Straight to Redis, one round trip. Raises redis.RedisError; then any part may have arrived."""
        pipe = self._client.pipeline(transaction=False)
        for pairs in entries(raws):
            pipe.execute_command("XADD", self._name, b"*", *pairs)  # type: ignore[no-untyped-call]
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
        thread, loop = self._thread, self._loop
        if thread is not None and loop is not None and self._pid == os.getpid():
            loop.call_soon_threadsafe(self._closing.set)
            thread.join(timeout=WAIT_S + TIMEOUT_S * 2)
            self._reset(pid=0)

    def _reset(self, *, pid: int) -> None:
        self._inbox = _Inbox()
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closing = asyncio.Event()
        self._pid = pid

    def _start(self) -> None:
        with self._lock:
            if self._pid == os.getpid():
                return
            self._reset(pid=os.getpid())
            begun = threading.Event()
            self._thread = threading.Thread(
                target=lambda: asyncio.run(self._run(begun)), name="events", daemon=True
            )
            self._thread.start()
            begun.wait()

    async def _run(self, begun: threading.Event) -> None:
        loop = asyncio.get_running_loop()
        self._writer = self.writer()
        self._writer.start(loop)
        self._loop = loop
        begun.set()
        await self._closing.wait()
        self._loop = None
        self._hand_over()
        await self._writer.close()

    def _hand_over(self) -> None:
        """In the loop: what threads have pushed goes to the writer."""
        with self._lock:
            inbox, self._inbox = self._inbox, _Inbox()
        *others, last = inbox.raws or [b""]
        for raw in others:
            self._writer.add(raw)
        if inbox.is_urgent:
            # The writer gathers one group at a time, so what is stored with the last holds the others.
            stored = self._writer.stored(last)
            stored.add_done_callback(lambda done: inbox.done.set() if done.result() else None)
        elif last:
            self._writer.add(last)


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


def _for_loop(client: redis.Redis) -> loops.Redis:
    """The same server and timeouts, for an event loop."""
    pool = client.connection_pool
    # Besides the server's address, redis-py keeps objects of the pool among these, which belong to threads.
    known = {
        name: value
        for name, value in pool.connection_kwargs.items()
        if name in _OF_SERVER or name.startswith("ssl_")
    }
    kind: type[loops.Connection] | type[loops.UnixDomainSocketConnection] = loops.Connection
    if issubclass(pool.connection_class, redis.SSLConnection):
        kind = loops.SSLConnection
    elif issubclass(pool.connection_class, redis.UnixDomainSocketConnection):
        kind = loops.UnixDomainSocketConnection
    made = loops.ConnectionPool(connection_class=kind, retry=LoopRetry(NoBackoff(), 0), **known)
    return loops.Redis(connection_pool=made)


_OF_SERVER = frozenset(
    {"host", "port", "path", "db", "username", "password"}
    | {"client_name", "protocol", "socket_timeout", "socket_connect_timeout"}
)


@dataclass(frozen=True, slots=True)
class Rubbish:
    """A value in the stream that is no event of ours, with the reason: no_event, too_long, foreign_key."""

    raw: bytes
    reason: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of the stream, as many events as were written together. rubbish: what is none of ours."""

    id: bytes
    events: tuple[Event, ...]
    rubbish: tuple[Rubbish, ...] = ()


class Consumer:
    """The reading end, one group. Raises redis.RedisError when Redis is away.

    What another program left under the stream's name comes as rubbish, once, and stops nobody: an entry is
    acknowledged like any other, and a key that is no stream is set aside under a name of its own.
    """

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
            if "WRONGTYPE" in str(error):
                return self._set_key_aside()
            if "NOGROUP" not in str(error):
                raise
            # First start, or Redis has forgotten everything: begin at the oldest entry it holds.
            self._make_group()
            answer = self._read(count)
        return [entry for _, rows in answer or [] for entry in _entries(rows)]

    def claim_stale(self, count: int, *, idle_s: float = 60.0) -> list[Entry]:
        """Entries that a reader took and never acknowledged: its transaction was lost with it."""
        try:
            answer = self._client.xautoclaim(
                self._name, self._group, self._me, min_idle_time=int(idle_s * 1000), count=count
            )
        except redis.ResponseError as error:
            if "WRONGTYPE" in str(error):
                return self._set_key_aside()
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

    def _set_key_aside(self) -> list[Entry]:
        """A key of another kind stands in the stream's place: it keeps what it holds, under another name."""
        aside = f"{self._name}:foreign:{os.urandom(6).hex()}"
        try:
            self._client.rename(self._name, aside)
        except redis.ResponseError:  # another reader was quicker
            return []
        return [Entry(b"0-0", (), (Rubbish(aside.encode(), "foreign_key"),))]


def _entries(rows: Any) -> list[Entry]:
    return [_entry(id, fields or {}) for id, fields in rows or []]


def _entry(id: bytes, fields: dict[bytes, bytes]) -> Entry:
    events, rubbish = [], []
    for raw in fields.values():
        try:
            events.append(Event.from_bytes(raw))
        except BadEvent:
            rubbish.append(Rubbish(raw, "too_long" if len(raw) > MAX_BYTES else "no_event"))
    return Entry(id, tuple(events), tuple(rubbish))
