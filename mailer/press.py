"""The press: an author's mail checked and made ready, in a process of its own with limits on time and memory.

Everything that reads an author's source happens there: parsing, linting, MJML, inlining, a render with
long and with empty values. A source that takes too long, too much memory, or brings a library down ends
that process and nothing else; the answer is then the finding `too_slow`. What has passed is bounded for
every later render (see `sandbox`), so a worker cannot be held up by it.

The process is started at the first use and kept; it holds no secrets (its environment is empty), speaks
JSON over its standard input and output, and leaves after five idle minutes or with its parent.
"""

from __future__ import annotations

import atexit
import json
import os
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path

from mailer.findings import Level, Part, Problem, is_publishable
from mailer.inline import Published
from mailer.layout import Layout

CPU_S = 5  # of processor time for one mail; a starter takes 0.03
WALL_S = 30
MEMORY = 1_500_000_000  # octets of address space
IDLE_S = 300
AT_ONCE = 2  # processes of one installation's process


@dataclass(frozen=True, slots=True)
class Job:
    """One mail to be checked. format: html or mjml. samples: values to render with, one set a render; the
    first is an ordinary recipient's. own: our base URL. url_fields: fields that hold a whole address."""

    subject: str
    preheader: str
    html: str
    text: str
    samples: Sequence[Mapping[str, str]]
    format: str = "html"
    layout: Layout = field(default_factory=Layout)
    own: str = ""
    url_fields: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Pressed:
    """published None: there is an error among the problems. unguarded: fields printed as they are, empty or
    not -> first line in the body."""

    published: Published | None
    problems: tuple[Problem, ...]
    unguarded: Mapping[str, int] = field(default_factory=dict)


class Press:
    """Processes that check mails. Safe to use from several threads."""

    def __init__(self, *, cpu_s: float = CPU_S, wall_s: float = WALL_S) -> None:
        self._limits = (cpu_s, wall_s)
        self._idle: list[subprocess.Popen[bytes]] = []
        self._lock = threading.Lock()
        self._free = threading.BoundedSemaphore(AT_ONCE)

    def run(self, job: Job) -> Pressed:
        """The mail made ready, or what stands against it. Never raises for anything in the mail."""
        with self._free:
            line = json.dumps(asdict(job)).encode() + b"\n"
            answer = self._ask(line)
        if not answer:
            seconds = {"seconds": str(int(self._limits[0]))}
            return Pressed(None, (Problem(Part.HTML, 0, "too_slow", seconds),))
        return _read(json.loads(answer))

    def close(self) -> None:
        """End the processes."""
        with self._lock:
            idle, self._idle = self._idle, []
        for process in idle:
            _end(process)

    def _ask(self, line: bytes) -> bytes:
        """The answer, or nothing when the process went down with the job."""
        while True:
            process, is_fresh = self._take()
            answer = _exchange(process, line)
            if answer:
                with self._lock:
                    self._idle.append(process)
                return answer
            # One that had idled too long left on its own: no fault of this mail.
            left = _end(process) == 0
            if is_fresh or not left:
                return b""

    def _take(self) -> tuple[subprocess.Popen[bytes], bool]:
        with self._lock:
            idle, self._idle = self._idle, []
            living = [process for process in idle if process.poll() is None]
            self._idle = living[:-1]
        for process in set(idle) - set(living):
            _end(process)  # left, or ended by the system while nothing was asked of it
        if living:
            return living[-1], False
        root = str(Path(__file__).resolve().parents[1])
        cpu_s, wall_s = self._limits
        return subprocess.Popen(  # noqa: S603 - our own interpreter, our own module
            [sys.executable, "-m", "mailer.press_process", str(cpu_s), str(wall_s)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=root,
            env={"PYTHONPATH": root, "PATH": os.environ.get("PATH", ""), "PYTHONIOENCODING": "utf-8"},
        ), True


def _exchange(process: subprocess.Popen[bytes], line: bytes) -> bytes:
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        process.stdin.write(line)
        process.stdin.flush()
        answer = process.stdout.readline()
    except OSError:
        return b""
    return answer if answer.endswith(b"\n") else b""


def _end(process: subprocess.Popen[bytes]) -> int:
    for pipe in (process.stdin, process.stdout):
        if pipe:
            with suppress(OSError):
                pipe.close()
    try:
        return process.wait(timeout=1)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        return -9


def _read(data: dict) -> Pressed:  # type: ignore[type-arg]
    problems = tuple(
        Problem(Part(row["part"]), row["line"], row["message_code"], row["args"], Level(row["level"]))
        for row in data["problems"]
    )
    published = Published.from_json(data["published"]) if data["published"] else None
    if published is not None and not is_publishable(problems):
        published = None
    return Pressed(published, problems, data["unguarded"])


_shared: Press | None = None
_shared_pid = 0
_shared_lock = threading.Lock()
_left: list[Press | None] = []  # a parent's, kept: its processes are not ours to end


def run(job: Job) -> Pressed:
    """`Press.run` with the processes shared by this process."""
    global _shared, _shared_pid
    with _shared_lock:
        if _shared is None or _shared_pid != os.getpid():
            _left.append(_shared)
            _shared, _shared_pid = Press(), os.getpid()
            atexit.register(_shared.close)
    return _shared.run(job)
