"""An SMTP sink that takes a mail, waits its turn, and only then answers: the worst moment to lose a client.

In a thread of this process, so that a test reads what it was given without asking anybody. It keeps no
body, only which mail came when on which connection.
"""

from __future__ import annotations

import asyncio
import re
import threading
import time
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from aiosmtpd.smtp import SMTP

ANSWER_READ_S = 0.5  # an answer given so shortly before its connection broke may never have been read
_MESSAGE_ID = re.compile(rb"^Message-ID: <(\d+)\.", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Arrival:
    """A whole mail. delivery: the id in its Message-ID. at: time.monotonic(). port: the client's."""

    delivery: int
    at: float
    port: int


class SlowSink:
    """rate: answers a second; may be changed at any time, 0 answers at once.

    Half of the mails count as taken when they are whole, the others only when they are answered: a client
    that is killed in between has delivered the one and not the other, and can never know which.
    """

    def __init__(self, rate: float = 0.0) -> None:
        self.rate = rate
        self.arrivals: list[Arrival] = []
        self.bodies = 0  # whole mails, counted or not
        self.begun: list[tuple[int, float]] = []  # delivery, when its body was here
        self._open: dict[int, float] = {}  # port -> when its last mail was answered; inf: a mail is open
        self._free_at = 0.0
        self._port: Future[int] = Future()
        self._ended = asyncio.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)

    def __enter__(self) -> SlowSink:
        self._thread.start()
        self.port = self._port.result(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._ended.set)
        self._thread.join(10)

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}?starttls=none"

    def has_mail_open(self, port: int) -> bool:
        """Whether that connection carries a mail whose answer its client may not have read."""
        return self._open.get(port, 0.0) > time.monotonic() - ANSWER_READ_S

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        server = await self._loop.create_server(
            lambda: SMTP(self, hostname="sink.example", loop=self._loop), "127.0.0.1", 0
        )
        self._port.set_result(server.sockets[0].getsockname()[1])
        await self._ended.wait()
        server.close()
        others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def handle_EHLO(
        self, server: Any, session: Any, envelope: Any, hostname: str, responses: list[str]
    ) -> list[str]:
        """Commands are read one by one from a stream, so PIPELINING is true and may be offered."""
        session.host_name = hostname
        return [*responses[:-1], "250-PIPELINING", responses[-1]]

    async def handle_MAIL(
        self, server: Any, session: Any, envelope: Any, address: str, options: list[str]
    ) -> str:
        """A mail is open on this connection."""
        envelope.mail_from = address
        self._open[session.peer[1]] = float("inf")
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        """The whole mail is here."""
        port, found = session.peer[1], _MESSAGE_ID.search(envelope.original_content)
        if found is None:
            return "554 5.6.0 no Message-ID of ours"
        delivery = int(found[1])
        self.bodies += 1
        self.begun.append((delivery, time.monotonic()))
        if delivery % 2:
            self.arrivals.append(Arrival(delivery, time.monotonic(), port))
        await self._turn()
        if not delivery % 2:
            self.arrivals.append(Arrival(delivery, time.monotonic(), port))
        self._open[port] = time.monotonic()
        return "250 2.0.0 taken"

    async def _turn(self) -> None:
        """Wait until it is this mail's turn; looked at again and again, since the rate may change."""
        waited = time.monotonic()
        while self.rate and time.monotonic() < max(self._free_at, waited):
            await asyncio.sleep(min(0.05, self._free_at - time.monotonic()))
        if self.rate:
            self._free_at = max(self._free_at, time.monotonic()) + 1 / self.rate
