"""The demo's stage: a whole installation of its own, a clock to move, and a way to know when all is quiet.

The story moves the practice clock to the next instant at which something is due, then waits until every
process has done what there was to do: no job, no event, no due mail, no recipient's act is left.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from datetime import time as clock_time
from pathlib import Path
from types import TracebackType
from typing import cast

from rq import Queue
from rq.registry import StartedJobRegistry
from sqlalchemy import text

from campaigns import embedded, parts, supervisor
from campaigns.parts import Parts
from campaigns.scheduler import TICKED
from campaigns.settings import Settings

QUIET_LIMIT_S = 60.0
LAST_SEND = clock_time(16, 31)
NOON_SEND = clock_time(11, 31)


class NeverQuiet(RuntimeError):
    """Something is still going on long after it should be done: the message says what."""


class Stage:
    """Use it in a `with`: everything that was started ends with it."""

    def __init__(
        self, *, var: Path, port: int, say: Callable[[str], object], stopped: Callable[[], bool]
    ) -> None:
        base = f"http://127.0.0.1:{port}"
        self.settings = Settings(
            var=str(var), base_url=base, listen=f"127.0.0.1:{port}", sites=base, log_level="WARNING"
        )
        self.say = say
        self._stopped = stopped
        self._supervisor = supervisor.Supervisor(self.settings)
        self._watcher: threading.Thread | None = None
        self._crowd: subprocess.Popen[bytes] | None = None
        self._leaving = False
        self.parts: Parts

    def __enter__(self) -> Stage:
        folder = self.settings.folder
        if folder.exists() and any(folder.iterdir()) and not (folder / "demo").exists():
            raise supervisor.AlreadyRunning(f"{folder} holds something that is no demo: choose another --var")
        _refuse_taken_port(self.settings)
        self._supervisor.take_lock()  # before anything is removed: another demo may run here
        for path in folder.iterdir():
            if path.name != "up.lock":
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        embedded.forget(folder)
        (folder / "demo").touch()
        self._supervisor.start()
        self.parts = parts.build(self.settings)
        self._watcher = threading.Thread(
            target=lambda: self._supervisor.watch(until=lambda: self._leaving), daemon=True
        )
        self._watcher.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._leaving = True
        if self._crowd is not None:
            self._crowd.terminate()
            self._crowd.wait(10)
        if self._watcher is not None:
            self._watcher.join(5)
        if hasattr(self, "parts"):
            self.parts.engine.dispose()
        self._supervisor.stop()

    @property
    def base(self) -> str:
        return self.settings.base_url

    def invite_recipients(self, *, seed: int = 1) -> None:
        """Start the recipients' process: it gets the folder of raw mails and the way to answer."""
        folder = self.settings.folder
        command = [sys.executable, "-m", "campaigns.commands", "recipients", "--seed", str(seed)]
        command += ["--folder", str(folder / "caught"), "--state", str(folder / "recipients.json")]
        command += ["--smtp", (folder / "catcher.url").read_text().strip()]
        log = (folder / "log" / "recipients.log").open("ab")
        with log:
            self._crowd = subprocess.Popen(  # noqa: S603
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                # Not the engine's settings: this process is somebody else.
                env={"PATH": os.environ.get("PATH", ""), "PYTHONUNBUFFERED": "1"},
                start_new_session=True,
                preexec_fn=embedded.die_with_parent(signal.SIGTERM),
            )

    def until_web_answers(self) -> None:
        """Wait for the first answer of the web server."""
        import urllib.error
        import urllib.request

        limit = time.monotonic() + 60
        while time.monotonic() < limit:
            self._end_if_told()
            try:
                urllib.request.urlopen(self.base + "/practice/clock", timeout=2).close()  # noqa: S310
                if (self.settings.folder / "catcher.url").exists():
                    return
            except (urllib.error.URLError, OSError):
                time.sleep(0.1)
        raise NeverQuiet(f"the web server does not answer: see {self.settings.folder / 'log'}")

    def now(self) -> datetime:
        return self.parts.clock.now()

    def today(self) -> date:
        return self.now().astimezone(self.settings.tz).date()

    def move(self, to: datetime) -> None:
        """Let it be that instant, and wait until all is done."""
        self.parts.clock.move_to(to)
        self.quiet()

    def next_instant(self) -> datetime | None:
        """When the next thing is due: a decision at six, a send window's end, a recipient's act."""
        now, zone = self.now(), self.settings.tz
        with self.parts.engine.connect() as tx:
            plan_at = tx.execute(text("select min(plan_at) from pace where plan_at < '9999-01-01'")).scalar()
            send_at = tx.execute(
                text("select min(send_at) from deliveries where state in ('planned', 'retry')")
            ).scalar()
        found = []
        if plan_at is not None:
            found.append(datetime.combine(plan_at, clock_time(6, 1), tzinfo=zone))
        if send_at is not None:
            local = send_at.astimezone(zone)
            end = NOON_SEND if local.time() < NOON_SEND else LAST_SEND
            found.append(max(local, datetime.combine(local.date(), end, tzinfo=zone)))
        act = self._recipients().get("next")
        if act:
            # Recipients' acts are gathered by four hours, so that the story is told in minutes.
            at = datetime.fromisoformat(str(act))
            found.append(at + timedelta(hours=4))
        coming = [max(at.astimezone(UTC), now + timedelta(minutes=1)) for at in found]
        return min(coming) if coming else None

    def quiet(self) -> None:
        """Wait until nothing is left to do at this instant. Raises NeverQuiet after a minute."""
        limit, calm, doing = time.monotonic() + QUIET_LIMIT_S, 0, ""
        minute = self.now().replace(second=0, microsecond=0)
        while time.monotonic() < limit:
            self._end_if_told()
            doing = self._doing(minute)
            calm = 0 if doing else calm + 1
            if calm >= 2:
                return
            time.sleep(0.05)
        raise NeverQuiet(f"still {doing} after {QUIET_LIMIT_S:.0f} s: see {self.settings.folder / 'log'}")

    def keep_running(self, *, until: Callable[[], bool]) -> None:
        while not until():
            time.sleep(0.2)

    def invite(self) -> None:
        """Say how to look at it."""
        from campaigns.demo.story import EMAIL, PASSWORD

        self.say("")
        self.say(f"  Open   {self.base}")
        self.say(f"  Login  {EMAIL} / {PASSWORD}")
        self.say("  Ctrl+C stops it. Practice mode: nothing left this machine.")

    def _doing(self, minute: datetime) -> str:
        """What is still going on, in a word; empty when all is quiet."""
        redis = self.parts.redis
        ticked = cast("bytes | None", redis.get(TICKED))
        if ticked is None or datetime.fromisoformat(ticked.decode()) < minute:
            return "waiting for the tick"
        queue = Queue(parts.QUEUE, connection=redis)
        if queue.count or StartedJobRegistry(queue=queue).count:
            return "running jobs"
        if self.parts.stream.waiting():
            return "observing events"
        with self.parts.engine.connect() as tx:
            due = tx.execute(
                text(
                    "select count(*) from deliveries where state = 'handing'"
                    " or (state in ('planned', 'retry') and send_at <= :now)"
                ),
                {"now": self.now()},
            ).scalar()
        if due:
            return f"handing over {due} mails"
        state = self._recipients()
        caught = sum(1 for _ in (self.settings.folder / "caught").glob("*.eml"))
        if self._crowd is None:
            return ""
        if self._crowd.poll() is not None:
            raise NeverQuiet(
                f"the recipients' process ended: see {self.settings.folder / 'log' / 'recipients.log'}"
            )
        if state.get("seen", 0) != caught:
            return "reading mail"
        act = state.get("next")
        return "acting" if act and datetime.fromisoformat(str(act)) <= self.now() else ""

    def _recipients(self) -> dict[str, object]:
        try:
            state: dict[str, object] = json.loads((self.settings.folder / "recipients.json").read_text())
        except FileNotFoundError:
            return {}
        return state

    def _end_if_told(self) -> None:
        if self._stopped():
            raise SystemExit(130)


def _refuse_taken_port(settings: Settings) -> None:
    import socket

    host, _, port = settings.listen.rpartition(":")
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind((host, int(port)))
        except OSError:
            raise supervisor.AlreadyRunning(
                f"port {port} is taken: stop what listens there, or choose another with --port"
            ) from None
