"""Months lived for real: the clock goes from instant to instant, and at each the real jobs run in their order.

Mails leave over SMTP into the practice catcher, reactions come over HTTP to the real tracker and pages, replies
by mail. Nothing is asked of the simulation.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from werkzeug.serving import WSGIRequestHandler, make_server

from campaigns import jobs
from campaigns.parts import Parts
from campaigns.services import deliver
from campaigns.web import app as web
from mailer.catcher import Catcher
from tests.bench.recipients import Mailboxes
from tracking_pixel.app import Tracker

NIGHT, DAWN, MORNING = time(0, 1), time(6, 0), time(10, 0)
# Ends of the hours for mail; and ten, so that what is due before people react is with them.
HANDED = (time(9, 59), time(11, 31), time(16, 31))
A_MINUTE = timedelta(minutes=1)
VERDICT = timedelta(minutes=3)  # by then it is judged who reacted, a person or a machine
# What a minute of the scheduler asks for, as far as mail and ranks hang on it.
MINUTE = ("plan", "deliver", "observe", "rerank", "intake")


class _Quiet(WSGIRequestHandler):
    def log(self, *_: object) -> None:
        """A line a request says nothing."""


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


@contextmanager
def outside(parts: Parts) -> Iterator[Catcher]:
    """The tracker with the pages behind it on the port of the base URL, and a mail server that keeps all."""
    application = Tracker(
        signer=parts.signer,
        stream=parts.stream,
        now=parts.clock.now,
        fallback=web.create(parts),
        sites=parts.settings.origins(),
    )
    port = int(parts.settings.base_url.rpartition(":")[2])
    server = make_server("127.0.0.1", port, application, threaded=True, request_handler=_Quiet)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        with Catcher(parts.catcher_folder) as catcher:
            (parts.settings.folder / "catcher.url").write_text(catcher.url + "\n")
            jobs.use(parts)
            yield catcher
    finally:
        deliver.close()
        server.shutdown()
        thread.join()
        server.server_close()


@dataclass(slots=True)
class Life:
    """Real days of an installation and its recipients."""

    parts: Parts
    mailboxes: Mailboxes

    def until(self, end: datetime) -> None:
        """Live on from now to that instant."""
        now = self.parts.clock.now().astimezone(self.parts.settings.tz)
        self._minute()
        for at in self._instants(now.date(), end.astimezone(now.tzinfo).date()):
            if now < at <= end:
                self._at(at)
        self._move(end)

    def _instants(self, day: date, last: date) -> Iterator[datetime]:
        """When something may happen, in the order of time."""
        while day <= last:
            for hour in sorted((NIGHT, DAWN, MORNING, *HANDED)):
                yield datetime.combine(day, hour, tzinfo=self.parts.settings.tz)
            day += timedelta(days=1)

    def _at(self, at: datetime) -> None:
        hour = at.time()
        if hour == NIGHT:
            self._move(at)
            self._run("nightly", *MINUTE)
        elif hour == DAWN:
            self._move(at - A_MINUTE)
            self._run("rerank")
            self._move(at)
            self._minute()
        elif hour == MORNING:
            self._react(at)
        elif deliver.is_due(self.parts, now=at):
            self._move(at)
            self._run("deliver")

    def _react(self, at: datetime) -> None:
        day = at.date().toordinal()
        if not self.mailboxes.waits(day):
            return
        self._move(at)
        self.mailboxes.act(day)
        self._run("intake")
        self._move(at + VERDICT)
        self._run("observe", "intake", "rerank")
        self._minute()

    def _minute(self) -> None:
        self._run(*MINUTE)

    def _move(self, at: datetime) -> None:
        self.parts.clock.move_to(at)

    def _run(self, *names: str) -> None:
        for name in names:
            if name == "deliver":
                self._hand_over()
            else:
                jobs.JOBS[name](self.parts, self.parts.clock.now())

    def _hand_over(self) -> None:
        """All that is due, the answers of the express lane as well; then people look into their mailboxes."""
        now = self.parts.clock.now()
        jobs.JOBS["deliver"](self.parts, now)
        while deliver.is_due(self.parts, now=now):
            deliver.run(self.parts)
        self.mailboxes.look(now)
