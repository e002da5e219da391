"""`ikusei up`: every process of a one-machine installation, started, watched and stopped together.

Embedded servers first, then catcher (practice only), web, listener (if set), workers and scheduler, each a
process of its own that is started again when it ends. One installation a folder: a second start is refused by
a lock.
"""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import structlog

from campaigns import embedded
from campaigns.parts import build
from campaigns.settings import Settings
from campaigns.storage import schema

log = structlog.get_logger()

STEADY_S = 10.0  # a process that lived this long starts again at once
LONGEST_WAIT_S = 15.0


class AlreadyRunning(RuntimeError):
    """Another `ikusei up` holds this folder."""


@dataclass
class Child:
    """A process to keep alive."""

    name: str
    command: list[str]
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    start_at: float = 0.0
    wait_s: float = 0.2


@dataclass
class Supervisor:
    """Embedded servers and children of one installation folder."""

    settings: Settings
    quiet: bool = False
    servers: dict[str, embedded.Server] = field(default_factory=dict)
    children: list[Child] = field(default_factory=list)
    _lock: int | None = None
    _stopping: bool = False

    def start(self) -> None:
        """Servers, migrations, children. Raises AlreadyRunning or EmbeddedError."""
        self.take_lock()
        try:
            self._start_servers()
            parts = build(self.settings)
            schema.migrate(parts.engine)
            parts.engine.dispose()
        except BaseException:
            self.stop()
            raise
        self.children = [Child(name, command) for name, command in _commands(self.settings)]
        for child in self.children:
            self._spawn(child)

    def watch(self, *, until: Callable[[], bool]) -> None:
        """Keep everything alive until the given function says so."""
        while not until() and not self._stopping:
            self.look()
            time.sleep(0.1)

    def look(self) -> None:
        """One round: start again what has ended."""
        now = time.monotonic()
        for name, server in list(self.servers.items()):
            if server.process.poll() is not None:
                log.error("server ended, starting it again", server=name)
                try:
                    self.servers[name] = self._start_server(name)
                except embedded.EmbeddedError as error:
                    # Sessions of a killed PostgreSQL may hold its memory for a moment: the next round asks again.
                    log.error("server does not start", server=name, error=str(error))
        for child in self.children:
            if child.process is not None and child.process.poll() is not None:
                # One that lives briefly waits longer each time, so that a broken set-up does not spin.
                lived = now - child.started_at
                child.wait_s = 0.2 if lived > STEADY_S else min(child.wait_s * 2, LONGEST_WAIT_S)
                log.warning("process ended", name=child.name, code=child.process.returncode)
                child.process, child.start_at = None, now + (0.0 if lived > STEADY_S else child.wait_s)
            if child.process is None and now >= child.start_at:
                self._spawn(child)

    def stop(self) -> None:
        """End the children, newest first, then the servers."""
        self._stopping = True
        alive = [child for child in reversed(self.children) if child.process is not None]
        for child in alive:
            assert child.process is not None
            if child.process.poll() is None:
                child.process.terminate()
        limit = time.monotonic() + 10
        for child in alive:
            assert child.process is not None
            try:
                child.process.wait(max(0.1, limit - time.monotonic()))
            except subprocess.TimeoutExpired:
                child.process.kill()
                child.process.wait()
        for server in self.servers.values():
            server.stop()
        self.servers.clear()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def take_lock(self) -> None:
        """This folder is ours until `stop`. Raises AlreadyRunning."""
        if self._lock is not None:
            return
        folder = self.settings.folder
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(folder / "up.lock", os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            raise AlreadyRunning(f"another `ikusei up` runs on {folder}") from None
        self._lock = descriptor

    def _start_servers(self) -> None:
        if not self.settings.database_url:
            self.servers["postgres"] = self._start_server("postgres")
        if not self.settings.redis_url:
            self.servers["valkey"] = self._start_server("valkey")

    def _start_server(self, name: str) -> embedded.Server:
        folder = self.settings.folder
        server = embedded.postgres(folder) if name == "postgres" else embedded.valkey(folder)
        file = folder / ("database.url" if name == "postgres" else "redis.url")
        file.write_text(server.url + "\n")
        return server

    def _spawn(self, child: Child) -> None:
        output = (self.settings.folder / "log" / f"{child.name}.log").resolve()
        output.parent.mkdir(parents=True, exist_ok=True)
        with output.open("ab") as sink:
            child.process = subprocess.Popen(  # noqa: S603
                child.command,
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=subprocess.STDOUT,
                env=os.environ | environment(self.settings),
                start_new_session=True,
                preexec_fn=embedded.die_with_parent(signal.SIGTERM),
            )
        child.started_at = time.monotonic()


def environment(settings: Settings) -> dict[str, str]:
    """The settings as a child process reads them."""
    values = {
        f"IKUSEI_{name.upper()}": str(getattr(settings, name)) for name in Settings.__dataclass_fields__
    }
    return values | {"IKUSEI_VAR": str(settings.folder), "PYTHONUNBUFFERED": "1"}


def _commands(settings: Settings) -> list[tuple[str, list[str]]]:
    me = [sys.executable, "-m", "campaigns.commands"]
    host, _, port = settings.listen.rpartition(":")
    web = [sys.executable, "-m", "granian", "--interface", "wsgi", "--factory", "wsgi:create"]
    # One process: its threads wait for the database, the tracker's paths answer from memory.
    web += ["--host", host, "--port", port, "--workers", "1", "--blocking-threads", "16", "--no-ws"]
    web += ["--log-level", "warning", "--backpressure", "256"]
    rows = [("catcher", [*me, "catcher"])] if settings.practice else []
    rows += [("web", web)]
    rows += [("listener", [*me, "listener"])] if settings.listener else []
    rows += [(f"worker-{n}", [*me, "worker"]) for n in range(1, settings.workers + 1)]
    return [*rows, ("scheduler", [*me, "scheduler"])]
