"""Hits on real tracker processes while Redis, the trackers, the database and the observers die.

A hit is a link followed once or a pixel asked for once, never tried again, so each stands for itself: the clicks of
the deliveries' links differ by their number, the opens by their delivery. What is answered with a redirect is
acknowledged: the row must be there in the end, once. An open is acknowledged by the reply to the push of its group,
which no reader sees; so of opens it is said how many are missing, and only a killed tracker may have had them in its
hands. python -m tests.e2e.hits runs an observer.
"""

from __future__ import annotations

import asyncio
import mmap
import multiprocessing
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

import redis
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from campaigns import parts as composition
from campaigns import settings as environment
from campaigns import tracker
from campaigns.children import Children
from campaigns.parts import STREAM, Parts
from campaigns.services import observe
from tests import world
from tests.bench.installation import House
from tracking_pixel import counts
from tracking_pixel.links import Links
from tracking_pixel.spool import Spool
from tracking_pixel.tokens import Signer

CLIENTS = 2
CONNECTIONS = 24  # of each client
ANSWER_S = 20.0
SETTLE_S = 1800.0
HOST = "http://t"
TARGET = "https://www.example.co.jp/case/"
AGENT = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0 Safari/537.36"
START_S = 60.0


class Fate(IntEnum):
    """What became of a hit, as its client saw it."""

    NEVER = 0
    UNANSWERED = 1
    ANSWERED = 2
    OTHER = 3  # answered by anything but a redirect (a click) or the picture (an open)


@dataclass(frozen=True, slots=True)
class Plan:
    """What happens. away_s: for how long the database is gone (0: never); each kill is a SIGKILL."""

    hits: int
    redis_kills: int
    tracker_kills: int = 1
    observer_kills: int = 0
    redis_away_s: float = 1.0
    database_away_s: float = 0.0
    observers: int = 2
    opens_in: int = 10  # one hit of so many is an open


@dataclass(frozen=True, slots=True)
class Report:
    """acknowledged: clicks answered by a redirect. lost: those without a row; doubled: hits with two rows.

    stored: rows of clicks; unanswered: hits whose connection broke, which may have a row or none. late: redirects
    that trackers gave before anything was stored, told by themselves. spooled: events that took the way over the disk.
    """

    hits: int
    acknowledged: int
    stored: int
    lost: int
    doubled: int
    unanswered: int
    other: int
    opens_answered: int
    opens_missing: int
    redis_kills: int
    tracker_kills: int
    observer_kills: int
    database_away_s: float
    late: int
    spooled: int
    hits_s: float
    settled_s: float


def run(house: House, plan: Plan, *, say: Callable[[str], None] = lambda line: None) -> Report:
    """house: with a tracker's address. Deliveries are made, hit, and counted."""
    parts = house.parts
    deliveries = plan.hits // plan.opens_in + 1  # one for each open, which nothing else tells apart
    _deliver(parts, deliveries)
    settings = parts.settings
    children = Children(settings)
    observers = [(f"observer-{n}", [sys.executable, "-m", "tests.e2e.hits"]) for n in range(plan.observers)]
    commands = tracker.commands(settings)
    children.start([*commands, *observers])
    fates = _Fates(settings.folder / "fates", plan.hits, create=True)
    try:
        with _looked_after(children):
            _wait_for_tracker(settings.tracker)
            began = time.monotonic()
            with _clients(parts, fates, plan, deliveries) as are_alive:
                _disturb(house, children, plan, fates, are_alive, trackers=len(commands), say=say)
            hits_s = time.monotonic() - began
            say(f"{plan.hits} hits in {hits_s:.0f} s; waiting until all is stored")
            settled_s = _settle(parts)
    finally:
        children.stop()
    return _report(parts, plan, fates, deliveries, hits_s=hits_s, settled_s=settled_s)


# --- the hits ------------------------------------------------------------------------------------------------------


def _is_open(plan: Plan, number: int) -> bool:
    return number % plan.opens_in == 0


def _place(plan: Plan, number: int, deliveries: int) -> tuple[int, int]:
    """Delivery and link number of a hit; no other hit of its kind has the same."""
    turn = number // plan.opens_in if _is_open(plan, number) else number
    return 1 + turn % deliveries, 1 + turn // deliveries


class _Fates:
    """A byte a hit, in a file that clients and parent share."""

    def __init__(self, path: Path, hits: int, *, create: bool = False) -> None:
        if create:
            path.write_bytes(bytes(hits))
        self.path = path
        self._file = path.open("r+b")
        self.bytes = mmap.mmap(self._file.fileno(), hits)

    def done(self) -> int:
        return len(self.bytes) - self.bytes[:].count(Fate.NEVER)


@contextmanager
def _clients(parts: Parts, fates: _Fates, plan: Plan, deliveries: int) -> Iterator[Callable[[], bool]]:
    """Client processes; the body runs beside them, is told whether they live, and their end is waited for."""
    make = multiprocessing.get_context("spawn")
    keys, port = parts.settings.keys, int(parts.settings.tracker.rpartition(":")[2])
    started = [
        make.Process(target=_client, args=(n, port, keys, str(fates.path), plan, deliveries), daemon=True)
        for n in range(CLIENTS)
    ]
    for process in started:
        process.start()
    try:
        yield lambda: any(process.is_alive() for process in started)
        for process in started:
            process.join()
    finally:
        for process in started:
            process.kill()


def _client(n: int, port: int, keys: str, path: str, plan: Plan, deliveries: int) -> None:
    signing = composition.parse_keys(keys)
    links = Links(Signer(signing, current=next(iter(signing))), HOST)
    fates = _Fates(Path(path), plan.hits)
    numbers = iter(range(n, plan.hits, CLIENTS))

    async def hit_all() -> None:
        await asyncio.gather(
            *[_hit(numbers, port, links, fates, plan, deliveries) for _ in range(CONNECTIONS)]
        )

    asyncio.run(hit_all())


async def _hit(
    numbers: Iterator[int], port: int, links: Links, fates: _Fates, plan: Plan, deliveries: int
) -> None:
    """One connection, a hit after the other; broken, it is made anew."""
    streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
    for number in numbers:
        while streams is None:
            try:
                streams = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.05)
        delivery, link = _place(plan, number, deliveries)
        is_open = _is_open(plan, number)
        url = links.open_url(delivery) if is_open else links.click_url(delivery, link, TARGET)
        ask = f"GET {url.removeprefix(HOST)} HTTP/1.1\r\nHost: t\r\nUser-Agent: {AGENT}\r\n\r\n"
        try:
            async with asyncio.timeout(ANSWER_S):
                streams[1].write(ask.encode())
                head = await streams[0].readuntil(b"\r\n\r\n")
                if is_open:
                    await streams[0].readexactly(43)
        except (OSError, EOFError, TimeoutError):
            fates.bytes[number] = Fate.UNANSWERED
            streams[1].close()
            streams = None
        else:
            wanted = b"HTTP/1.1 200" if is_open else b"HTTP/1.1 302"
            fates.bytes[number] = Fate.ANSWERED if head.startswith(wanted) else Fate.OTHER


# --- what goes wrong -----------------------------------------------------------------------------------------------


def _disturb(
    house: House,
    children: Children,
    plan: Plan,
    fates: _Fates,
    are_alive: Callable[[], bool],
    *,
    trackers: int,
    say: Callable[[str], None],
) -> None:
    """Each at its share of the hits; the database is away beside the others."""

    def kill_redis() -> None:
        house.servers["valkey"].process.kill()
        house.servers["valkey"].process.wait()
        time.sleep(plan.redis_away_s)
        house.start("valkey")

    def kill_child(row: int) -> None:
        process = children.rows[row].process
        if process is not None:
            process.kill()

    back_at: list[float] = []

    def lose_database() -> None:
        house.servers["postgres"].process.kill()
        house.servers["postgres"].process.wait()
        back_at.append(time.monotonic() + plan.database_away_s)

    def bring_back() -> None:
        """By this thread, which goes on: a server ends with the thread that has started it."""
        if back_at and time.monotonic() > back_at[0]:
            back_at.clear()
            house.start("postgres")

    events: list[tuple[float, str, Callable[[], None]]] = []
    events += [((n + 0.5) / plan.redis_kills, "Redis killed", kill_redis) for n in range(plan.redis_kills)]
    for n in range(plan.tracker_kills):
        events.append(
            ((n + 0.7) / plan.tracker_kills, "a tracker killed", lambda n=n: kill_child(n % trackers))
        )
    for n in range(plan.observer_kills):
        events.append(
            (
                (n + 0.6) / plan.observer_kills,
                "an observer killed",
                lambda n=n: kill_child(trackers + n % plan.observers),
            )
        )
    if plan.database_away_s:
        events.append((0.2, f"the database away for {plan.database_away_s:.0f} s", lose_database))
    for share, what, act in sorted(events, key=lambda event: event[0]):
        while fates.done() < share * plan.hits and are_alive():
            bring_back()
            time.sleep(0.02)
        say(f"{fates.done()} hits: {what}")
        act()
    while back_at:
        bring_back()
        time.sleep(0.02)


@contextmanager
def _looked_after(children: Children) -> Iterator[None]:
    """What ends is started again, as `ikusei up` does."""
    over = threading.Event()

    def look() -> None:
        while not over.wait(0.1):
            children.look()

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _wait_for_tracker(address: str) -> None:
    import socket

    host, _, port = address.rpartition(":")
    limit = time.monotonic() + START_S
    while time.monotonic() < limit:
        try:
            socket.create_connection((host, int(port)), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError("the tracker does not answer")


# --- the count -----------------------------------------------------------------------------------------------------


def _deliver(parts: Parts, count: int) -> None:
    """People with a mail each, the delivery's id counted from 1."""
    now = parts.clock.now()
    with parts.engine.begin() as tx:
        product = world.product(tx)
        content = world.scenario(tx, product)[2][0]
        for statement in (
            "insert into addresses (email, email_key, key_hash, status, created_at)"
            " select 'p' || n || '@c.example', 'p' || n || '@c.example', decode(md5(n::text), 'hex'), 'ok', :now"
            "   from generate_series(1, :count) n",
            "insert into people (family, given, full_name, name_key, address_id, created_at)"
            " select '若林', 'G' || id, '若林 G' || id, 'FG' || id, id, :now from addresses order by id",
            "insert into product_leads (person_id, product_id, state, rank, created_at)"
            " select id, :product, 'nurturing', 'nurture', :now from people",
            "insert into deliveries (id, origin, person_id, address_id, product_id, content_id, step_key, state,"
            " send_at, sent_at, created_at) overriding system value"
            " select id, 'hits:' || id, id, id, :product, :content, 'K1', 'sent', :ago, :ago, :ago from people",
        ):
            values = {"now": now, "ago": now, "count": count, "product": product, "content": content}
            tx.execute(text(statement), {name: values[name] for name in values if f":{name}" in statement})


def _settle(parts: Parts) -> float:
    """Observe what the observers have left, until nothing is on its way any more."""
    began = time.monotonic()
    spool = Spool(parts.settings.folder / "spool")
    while time.monotonic() - began < SETTLE_S:
        with suppress(redis.RedisError):
            observe.run(parts, now=parts.clock.now())
            if spool.is_empty() and not parts.redis.xlen(STREAM):
                return time.monotonic() - began
        time.sleep(0.2)
    raise AssertionError("events are still on their way")


def _report(
    parts: Parts, plan: Plan, fates: _Fates, deliveries: int, *, hits_s: float, settled_s: float
) -> Report:
    with parts.engine.connect() as tx:
        rows = tx.execute(
            text(
                "select delivery_id, link_no, count(*) from tracking_events where kind in ('click', 'open')"
                " group by delivery_id, link_no"
            )
        ).all()
    stored = {(delivery, link): count for delivery, link, count in rows}
    seen: Counter[str] = Counter()
    for number, fate in enumerate(fates.bytes[:]):
        delivery, link = _place(plan, number, deliveries)
        is_open = _is_open(plan, number)
        count = stored.get((delivery, None if is_open else link), 0)
        seen["doubled"] += count > 1
        seen["unanswered"] += fate in (Fate.UNANSWERED, Fate.NEVER)
        seen["other"] += fate == Fate.OTHER
        kind = "open" if is_open else "click"
        seen[kind] += fate == Fate.ANSWERED
        seen[f"{kind} missing"] += fate == Fate.ANSWERED and not count
        seen[f"{kind} stored"] += count > 0
    told = parts.redis.hgetall(counts.key(STREAM))
    return Report(
        hits=plan.hits,
        acknowledged=seen["click"],
        stored=seen["click stored"],
        lost=seen["click missing"],
        doubled=seen["doubled"],
        unanswered=seen["unanswered"],
        other=seen["other"],
        opens_answered=seen["open"],
        opens_missing=seen["open missing"],
        redis_kills=plan.redis_kills,
        tracker_kills=plan.tracker_kills,
        observer_kills=plan.observer_kills,
        database_away_s=plan.database_away_s,
        late=int(told.get(counts.Count.LATE.value.encode(), 0)),  # type: ignore[union-attr]
        spooled=int(told.get(counts.Count.SPOOLED.value.encode(), 0)),  # type: ignore[union-attr]
        hits_s=round(hits_s, 1),
        settled_s=round(settled_s, 1),
    )


def _observe() -> None:
    """An observer, until it is killed: what its servers' absence breaks is tried again."""
    built = composition.build(environment.read())
    while True:
        with suppress(redis.RedisError, SQLAlchemyError):
            observe.run(built, now=built.clock.now())
        time.sleep(0.2)


if __name__ == "__main__":
    _observe()
