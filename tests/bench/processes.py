"""Worker processes of a benchmark, started as in real use, and what they cost. Linux only (/proc)."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import redis
from rq import Worker

from campaigns.children import environment
from campaigns.settings import Settings

_TICKS = os.sysconf("SC_CLK_TCK")


@contextmanager
def workers(settings: Settings, count: int) -> Iterator[list[int]]:
    """`ikusei worker`, count of them, ready to take jobs; their process ids."""
    log = (settings.folder / "worker.log").open("ab")
    command = [sys.executable, "-m", "campaigns.commands", "worker"]
    started = [
        subprocess.Popen(command, env=os.environ | environment(settings), stdout=log, stderr=log)
        for _ in range(count)
    ]
    try:
        _wait_until_ready(settings, {process.pid for process in started})
        yield [process.pid for process in started]
    finally:
        for process in started:
            process.terminate()
        for process in started:
            process.wait(20)
        log.close()


def cpu_s(pid: int) -> float:
    """User and system time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def peak_mb(pid: int) -> float:
    """The most memory it ever held."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def rss_mb(pid: int) -> float:
    """The memory it holds now."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) / 1024


def _wait_until_ready(settings: Settings, pids: set[int]) -> None:
    connection = redis.Redis.from_url(settings.redis_url)
    end = time.monotonic() + 30
    while time.monotonic() < end:
        if pids <= {worker.pid for worker in Worker.all(connection=connection)}:
            connection.close()
            time.sleep(0.2)  # registered, and about to listen
            return
        time.sleep(0.05)
    raise SystemExit("workers do not start")
