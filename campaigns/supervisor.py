"""`ikusei up`: every process of a one-machine installation, started, watched and stopped together.

Embedded servers first, then catcher (practice only), web, listener (if set), workers and scheduler, each a
process of its own that is started again when it ends. One installation a folder: a second start is refused by
a lock.
"""

from __future__ import annotations

import fcntl
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import structlog

from campaigns import embedded, tracker
from campaigns.children import Children
from campaigns.parts import build
from campaigns.settings import Settings
from campaigns.storage import schema

log = structlog.get_logger()


class AlreadyRunning(RuntimeError):
    """Another `ikusei up` holds this folder."""


@dataclass
class Supervisor:
    """Embedded servers and children of one installation folder."""

    settings: Settings
    quiet: bool = False
    servers: dict[str, embedded.Server] = field(default_factory=dict)
    children: Children = field(init=False)
    _lock: int | None = None
    _stopping: bool = False

    def __post_init__(self) -> None:
        self.children = Children(self.settings)

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
        self.children.start(_commands(self.settings))

    def watch(self, *, until: Callable[[], bool]) -> None:
        """Keep everything alive until the given function says so."""
        while not until() and not self._stopping:
            self.look()
            time.sleep(0.1)

    def look(self) -> None:
        """One round: start again what has ended."""
        for name, server in list(self.servers.items()):
            if server.process.poll() is not None:
                log.error("server ended, starting it again", server=name)
                try:
                    self.servers[name] = self._start_server(name)
                except embedded.EmbeddedError as error:
                    # Sessions of a killed PostgreSQL may hold its memory for a moment: the next round asks again.
                    log.error("server does not start", server=name, error=str(error))
        self.children.look()

    def stop(self) -> None:
        """End the children, newest first, then the servers."""
        self._stopping = True
        self.children.stop()
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


def _commands(settings: Settings) -> list[tuple[str, list[str]]]:
    me = [sys.executable, "-m", "campaigns.commands"]
    host, _, port = settings.listen.rpartition(":")
    web = [sys.executable, "-m", "granian", "--interface", "wsgi", "--factory", "wsgi:create"]
    # One process: its threads wait for the database, the tracker's paths answer from memory.
    web += ["--host", host, "--port", port, "--workers", "1", "--blocking-threads", "16", "--no-ws"]
    web += ["--log-level", "warning", "--backpressure", "256"]
    rows = [("catcher", [*me, "catcher"])] if settings.practice else []
    rows += [("web", web), *tracker.commands(settings)]
    rows += [("listener", [*me, "listener"])] if settings.listener else []
    rows += [(f"worker-{n}", [*me, "worker"]) for n in range(1, settings.workers + 1)]
    return [*rows, ("scheduler", [*me, "scheduler"])]
