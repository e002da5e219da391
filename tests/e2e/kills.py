"""Kill workers with SIGKILL in the middle of a run, and count at the sink what came of it.

Real worker and scheduler processes, real Valkey and PostgreSQL, a real SMTP sink that answers slowly.
Used by the test at a small size and by the benchmark at the full one.
"""

from __future__ import annotations

import email
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from campaigns.parts import Parts
from campaigns.supervisor import environment
from mailer.catcher import Catcher
from tests import world

DUE = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Report:
    """What a run with kills came to. longest_pause_s: from a kill to the next mail at the sink."""

    mails: int
    kills: int
    at_sink: int
    duplicates: int
    lost: int
    in_doubt: int
    states: dict[str, int]
    longest_pause_s: float
    seconds: float


def run(parts: Parts, *, mails: int, kills: int, rate: float, workers: int = 1, seed: int = 1) -> Report:
    """Send `mails` at `rate` a second while `kills` workers are killed at random moments."""
    dice = random.Random(seed)
    made = world.build(parts, count=0)
    with parts.engine.begin() as tx:
        people = world.people(tx, parts, mails, product=made.product)
    made = world.World(made.product, made.scenario, made.version, made.contents, people)
    world.planned(parts, made, send_at=parts.clock.now() - DUE)
    sink = Catcher(parts.settings.folder / "caught", max_rate=rate)
    sink.start()
    (parts.settings.folder / "catcher.url").write_text(sink.url + "\n")
    scheduler = _start(parts, "scheduler")
    crew = [_start(parts, "worker") for _ in range(workers)]
    began = time.monotonic()
    pauses, killed = [], 0
    try:
        _wait_for(lambda: _arrived(parts) > 0, 30)
        gap_s = mails / rate / (kills + 1)
        while killed < kills and _open(parts):
            time.sleep(gap_s * dice.uniform(0.6, 1.1))
            place = dice.randrange(workers)
            before = _arrived(parts)
            if not _open(parts):
                break
            os.kill(crew[place].pid, signal.SIGKILL)
            crew[place].wait()
            at, killed = time.monotonic(), killed + 1
            crew[place] = _start(parts, "worker")
            if _wait_for(lambda: _arrived(parts) > before + 4 or not _open(parts), 30):  # noqa: B023
                pauses.append(time.monotonic() - at)
        _wait_for(lambda: not _open(parts), 60 + 3 * mails / rate)
    finally:
        for process in (*crew, scheduler):
            process.kill()
            process.wait()
        sink.stop()
    ids = Counter(_message_id(path) for path in (parts.settings.folder / "caught").glob("*.eml"))
    states = world.states(parts)
    return Report(
        mails=mails,
        kills=killed,
        at_sink=sum(ids.values()),
        duplicates=sum(n - 1 for n in ids.values()),
        # Whatever is neither at the sink nor visibly in doubt is lost.
        lost=max(0, mails - len(ids) - states.get("in_doubt", 0)),
        in_doubt=states.get("in_doubt", 0),
        states=states,
        longest_pause_s=max(pauses, default=0.0),
        seconds=time.monotonic() - began,
    )


def _start(parts: Parts, command: str) -> subprocess.Popen[bytes]:
    log = Path(parts.settings.var) / f"{command}.log"
    with log.open("ab") as sink:
        return subprocess.Popen(
            [sys.executable, "-m", "campaigns.commands", command],
            env=os.environ | environment(parts.settings),
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=sink,
        )


def _open(parts: Parts) -> int:
    """Deliveries still to be decided."""
    states = world.states(parts)
    return sum(states.get(state, 0) for state in ("planned", "handing", "retry"))


def _arrived(parts: Parts) -> int:
    return sum(1 for _ in (parts.settings.folder / "caught").glob("*.eml"))


def _message_id(path: Path) -> str:
    with path.open("rb") as file:
        return str(email.message_from_binary_file(file)["Message-ID"])


def _wait_for(done, limit_s: float) -> bool:  # type: ignore[no-untyped-def]
    limit = time.monotonic() + limit_s
    while time.monotonic() < limit:
        if done():
            return True
        time.sleep(0.05)
    return False
