"""Kill processes with SIGKILL in the middle of a run, and count at the sink what came of it.

Real worker and scheduler processes, a real Valkey and PostgreSQL of their own, a real SMTP sink that
answers slowly. Workers run their jobs in their own process, so there is no work-horse to kill beside them.
Used by the test at a small size and by the benchmark at the full one. Linux only (/proc).
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from itertools import pairwise
from pathlib import Path
from typing import Any

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from campaigns.children import environment
from campaigns.parts import Parts
from tests import world
from tests.bench.installation import House
from tests.e2e.crowd import crowd
from tests.e2e.slow_sink import SlowSink

GAP_S = (0.3, 1.7)  # from the flow to the next kill
UNDER_WAY = ("planned", "handing", "retry")


class Kind(StrEnum):
    """What is killed. postmaster: PostgreSQL as a whole. backend: one session, which restarts all others."""

    WORKER = "worker"
    SCHEDULER = "scheduler"
    VALKEY = "valkey"
    BACKEND = "backend"
    POSTMASTER = "postmaster"


# Shares of what is killed; a database that is not ours is left alone.
SHARES = {Kind.WORKER: 10, Kind.SCHEDULER: 3, Kind.VALKEY: 3, Kind.BACKEND: 2, Kind.POSTMASTER: 2}
OURS = frozenset({Kind.WORKER, Kind.SCHEDULER, Kind.VALKEY})


@dataclass(frozen=True, slots=True)
class Report:
    """What a run with kills came to.

    lost: mails said to be sent that the sink never saw, and mails that ended in no decision at all.
    connections: connections of killed workers with a mail under way. longest_pause_s: the longest time after
    the first kill in which the sink took no mail; pauses_s: the longest by what had been killed last.
    """

    mails: int
    kills: int
    by_kind: dict[str, int]
    duplicates: int
    lost: int
    in_doubt: int
    connections: int
    longest_pause_s: float
    pauses_s: dict[str, float]
    states: dict[str, int]
    seconds: float


@dataclass
class Crew:
    """The processes of a run."""

    parts: Parts
    workers: list[subprocess.Popen[bytes]] = field(default_factory=list)
    scheduler: subprocess.Popen[bytes] | None = None

    def start(self, workers: int) -> None:
        self.scheduler = start(self.parts, "scheduler")
        self.workers = [start(self.parts, "worker") for _ in range(workers)]

    def end(self) -> None:
        for process in (*self.workers, self.scheduler):
            if process is not None:
                process.kill()
                process.wait()


@contextmanager
def crew(parts: Parts, workers: int) -> Iterator[Crew]:
    made = Crew(parts)
    try:
        made.start(workers)
        yield made
    finally:
        made.end()


@contextmanager
def sink_for(house: House, rate: float) -> Iterator[SlowSink]:
    """A sink that the installation's mails go to."""
    with SlowSink(rate) as sink:
        (house.parts.settings.folder / "catcher.url").write_text(sink.url + "\n")
        yield sink


def due(parts: Parts, mails: int) -> None:
    """So many people, each with a mail that is due."""
    made = world.build(parts, count=0)
    with parts.engine.begin() as tx:
        people = crowd(tx, parts, mails, product=made.product)
    made = world.World(made.product, made.scenario, made.version, made.contents, people)
    world.planned(parts, made, send_at=parts.clock.now() - timedelta(minutes=5))
    with parts.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as tx:
        tx.execute(text("vacuum analyze"))


def run(
    house: House,
    *,
    mails: int,
    kills: int,
    workers: int = 2,
    kinds: Sequence[Kind] = tuple(Kind),
    seed: int = 1,
    say: Callable[[str], None] = lambda line: None,
) -> Report:
    """Send `mails` through a slow sink while `kills` processes are killed, each in the middle of the flow.

    The sink's rate follows from what is left, so that mails flow until the last kill.
    """
    due(house.parts, mails)
    began = time.monotonic()
    with sink_for(house, rate=20.0) as sink, crew(house.parts, workers) as made:
        hunt = Hunt(house, sink, made, random.Random(seed), mails=mails)
        wait_for(lambda: len(sink.arrivals) > 0, 60)
        for kind in _drawn(kinds, kills, hunt.dice):
            hunt.set_rate(kills - hunt.kills)
            hunt.wait_for_flow()
            hunt.kill(kind)
            if hunt.kills % 10 == 0:
                say(f"{hunt.kills} kills, {len(sink.arrivals)} mails, {time.monotonic() - began:.0f} s")
        sink.rate = 0.0
        wait_for(lambda: under_way(house.parts) == 0, 60 + mails / 100)
    return hunt.report(seconds=time.monotonic() - began)


def _drawn(kinds: Sequence[Kind], kills: int, dice: random.Random) -> list[Kind]:
    """Each kind at least once where there is room, the rest by their shares."""
    drawn = [*kinds][:kills]
    drawn += dice.choices([*kinds], [SHARES[kind] for kind in kinds], k=kills - len(drawn))
    dice.shuffle(drawn)
    return drawn


@dataclass
class Hunt:
    """A run with kills, as far as it has come."""

    house: House
    sink: SlowSink
    crew: Crew
    dice: random.Random
    mails: int
    kills: int = 0
    connections: int = 0
    killed: list[tuple[float, str]] = field(default_factory=list)  # when, what
    _cycle_s: float = 2.0
    _last_at: float = field(default_factory=time.monotonic)

    def set_rate(self, kills_left: int) -> None:
        """So slow that the mails last until the last kill, with a quarter to spare."""
        now = time.monotonic()
        if self.kills:
            self._cycle_s += 0.2 * (now - self._last_at - self._cycle_s)
        self._last_at = now
        left = self.mails - len(self.sink.arrivals)
        self.sink.rate = min(200.0, max(2.0, 0.75 * left / (kills_left * self._cycle_s)))

    def wait_for_flow(self) -> None:
        """Until two more mails came, and then a moment more: a kill shall hit a running machine."""
        for process in (*self.crew.workers, self.crew.scheduler):
            assert process is not None
            assert process.poll() is None, f"{process.args} ended by itself: see its log"
        before = len(self.sink.arrivals)
        if not wait_for(lambda: len(self.sink.arrivals) >= before + 2, 60):
            raise AssertionError(f"no mail for a minute: {world.states(self.house.parts)}")
        time.sleep(self.dice.uniform(*GAP_S))

    def kill(self, kind: Kind) -> None:
        """Kill one process of that kind, and start it again at once, as its supervisor would."""
        self.kills += 1
        self.killed.append((time.monotonic(), kind.value))
        match kind:
            case Kind.WORKER:
                self._kill_worker()
            case Kind.SCHEDULER:
                assert self.crew.scheduler is not None
                _kill(self.crew.scheduler)
                self.crew.scheduler = start(self.house.parts, "scheduler")
            case Kind.VALKEY:
                _kill(self.house.servers["valkey"].process)
                self.house.start("valkey")
            case Kind.POSTMASTER:
                _kill(self.house.servers["postgres"].process)
                self.house.start("postgres")
            case Kind.BACKEND:
                os.kill(self._backend(), signal.SIGKILL)

    def _kill_worker(self) -> None:
        """One that has mails under way: a worker that is only just starting would prove nothing."""
        places = [*range(len(self.crew.workers))]
        self.dice.shuffle(places)
        limit = time.monotonic() + 30
        while time.monotonic() < limit:
            for place in places:
                worker = self.crew.workers[place]
                ports = ports_of(worker.pid, self.sink.port)
                if any(self.sink.has_mail_open(port) for port in ports):
                    worker.send_signal(
                        signal.SIGSTOP
                    )  # so that no connection comes between looking and killing
                    ports = ports_of(worker.pid, self.sink.port)
                    _kill(worker)
                    self.connections += sum(self.sink.has_mail_open(port) for port in ports)
                    self.crew.workers[place] = start(self.house.parts, "worker")
                    return
            time.sleep(0.02)
        raise AssertionError("no worker had a mail under way for 30 s")

    def _backend(self) -> int:
        """The process of one of our sessions in the database."""
        rows = _rows(
            self.house.parts,
            "select pid from pg_stat_activity where datname = current_database()"
            " and backend_type = 'client backend' and pid <> pg_backend_pid()",
        )
        pids = [row.pid for row in rows]
        return int(self.dice.choice(pids)) if pids else int(self.house.servers["postgres"].process.pid)

    def pauses(self) -> dict[str, float]:
        """The longest time without a mail at the sink by what had been killed last before its end."""
        longest: dict[str, float] = {}
        times = sorted(arrival.at for arrival in self.sink.arrivals)
        for before, after in pairwise(times):
            kind = next((kind for at, kind in reversed(self.killed) if at < after), None)
            if kind is not None:
                longest[kind] = max(longest.get(kind, 0.0), after - before)
        return longest

    def report(self, *, seconds: float) -> Report:
        """Counted mail by mail, the database's word against the sink's."""
        at_sink = Counter(arrival.delivery for arrival in self.sink.arrivals)
        states = {row.id: row.state for row in _rows(self.house.parts, "select id, state from deliveries")}
        lost = [
            id
            for id, state in states.items()
            if state in UNDER_WAY or (state != "in_doubt" and id not in at_sink)
        ]
        pauses = self.pauses()
        return Report(
            mails=self.mails,
            kills=self.kills,
            by_kind=dict(sorted(Counter(kind for _, kind in self.killed).items())),
            duplicates=sum(count - 1 for count in at_sink.values()),
            lost=len(lost) + self.mails - len(states),
            in_doubt=sum(state == "in_doubt" for state in states.values()),
            connections=self.connections,
            longest_pause_s=round(max(pauses.values(), default=0.0), 2),
            pauses_s={kind: round(pause, 2) for kind, pause in sorted(pauses.items())},
            states=dict(Counter(states.values())),
            seconds=round(seconds, 1),
        )


def ports_of(pid: int, to_port: int) -> set[int]:
    """Local ports of the process's open connections to a port of this machine."""
    inodes = set()
    with suppress(FileNotFoundError):
        for entry in os.scandir(f"/proc/{pid}/fd"):
            with suppress(FileNotFoundError):
                inodes.add(os.readlink(entry.path).removeprefix("socket:[").removesuffix("]"))
    ports = set()
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        words = line.split()
        is_ours = words[9] in inodes and int(words[2].rpartition(":")[2], 16) == to_port
        if is_ours and words[3] == "01":  # established
            ports.add(int(words[1].rpartition(":")[2], 16))
    return ports


def _kill(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()


def start(parts: Parts, command: str) -> subprocess.Popen[bytes]:
    log = parts.settings.folder / f"{command}.log"
    with log.open("ab") as sink:
        return subprocess.Popen(
            [sys.executable, "-m", "campaigns.commands", command],
            env=os.environ | environment(parts.settings),
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=sink,
        )


def under_way(parts: Parts) -> int:
    """Deliveries still to be decided."""
    rows = _rows(parts, "select count(*) as n from deliveries where state in ('planned', 'handing', 'retry')")
    return int(rows[0].n)


def _rows(parts: Parts, query: str) -> list[Any]:
    """Rows, as soon as a database that has just been killed answers again."""
    limit = time.monotonic() + 30
    while True:
        try:
            with parts.engine.connect() as tx:
                return list(tx.execute(text(query)).all())
        except SQLAlchemyError:
            if time.monotonic() > limit:
                raise
            time.sleep(0.2)


def wait_for(done: Callable[[], bool], limit_s: float) -> bool:
    limit = time.monotonic() + limit_s
    while time.monotonic() < limit:
        if done():
            return True
        time.sleep(0.05)
    return False
