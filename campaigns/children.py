"""Children: the processes of an installation, kept alive.

Whatever ends is started again, at once if it had lived for a while, else after a wait that grows.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import structlog

from campaigns import embedded
from campaigns.settings import Settings

log = structlog.get_logger()

STEADY_S = 10.0  # a process that lived this long starts again at once
LONGEST_WAIT_S = 15.0
STOP_S = 10.0


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
class Children:
    """Processes that read these settings; each writes var/log/NAME.log."""

    settings: Settings
    rows: list[Child] = field(default_factory=list)

    def start(self, commands: Sequence[tuple[str, list[str]]]) -> None:
        self.rows = [Child(name, command) for name, command in commands]
        for child in self.rows:
            self._spawn(child)

    def look(self) -> None:
        """One round: start again what has ended."""
        now = time.monotonic()
        for child in self.rows:
            if child.process is not None and child.process.poll() is not None:
                # One that lives briefly waits longer each time, so that a broken set-up does not spin.
                lived = now - child.started_at
                child.wait_s = 0.2 if lived > STEADY_S else min(child.wait_s * 2, LONGEST_WAIT_S)
                log.warning("process ended", name=child.name, code=child.process.returncode)
                child.process, child.start_at = None, now + (0.0 if lived > STEADY_S else child.wait_s)
            if child.process is None and now >= child.start_at:
                self._spawn(child)

    def stop(self) -> None:
        """End them, newest first."""
        alive = [child.process for child in reversed(self.rows) if child.process is not None]
        for process in alive:
            if process.poll() is None:
                process.terminate()
        limit = time.monotonic() + STOP_S
        for process in alive:
            try:
                process.wait(max(0.1, limit - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

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
