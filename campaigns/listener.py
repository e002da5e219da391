"""The listener: replies, bounces and unsubscriptions straight from a mail server, by SMTP or LMTP.

Our domain's own mail server passes on to it what goes to reply+, bounce+ and unsubscribe+TOKEN@. Any other
recipient is refused (550 5.1.1), so nothing can be relayed or stored by strangers. A mail is answered with
250 only after its row is committed; while the database is away the answer is 451 and the mail stays with the
server that brought it. Connections, mails, lines, recipients and commands are bounded.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime
from typing import Any

import structlog
from aiosmtpd.lmtp import LMTP
from aiosmtpd.smtp import SMTP, Envelope, Session

from campaigns.parts import Parts
from campaigns.services import intake, mailbox
from campaigns.settings import listening

log = structlog.get_logger()

CONNECTIONS_MAX = 40
RECIPIENTS_MAX = 50
# Of each command in one connection; a server that has more to say connects again.
COMMANDS_MAX = 1_000
LINE_MAX = 64 * 1024
IDLE_S = 120.0
DATA_S = 60.0  # for a whole mail: it holds one of the few places below
# aiosmtpd keeps all pieces of a line that never ends; a connection that brings so much in one mail is closed.
DATA_MAX = 4 * mailbox.MAX_BYTES
# Looking at one mail is mostly waiting for the database.
THREADS = 4
# Mails that are being read or stored at the same time. One of 10 MB of empty lines takes 300 MB for a moment.
MAILS_MAX = 4
UNKNOWN = "550 5.1.1 no such mailbox here"
AWAY = "451 4.3.0 cannot be stored now, please try again"


class _Bounded:
    """Limits of aiosmtpd that are no arguments."""

    # Returned mails have lines longer than the standard's 998 octets.
    line_length_limit = LINE_MAX
    in_mail: int | None = None  # octets of the mail that is coming in

    def connection_made(self, transport: Any) -> None:
        handler: Handler = self.event_handler  # type: ignore[attr-defined]
        self.is_counted = handler.open_now < CONNECTIONS_MAX
        if not self.is_counted:
            transport.write(b"421 4.7.0 too many connections, please try again\r\n")
            transport.close()
            return
        handler.open_now += 1
        super().connection_made(transport)  # type: ignore[misc]

    def connection_lost(self, error: Exception | None) -> None:
        if self.is_counted:
            self.is_counted = False
            self.event_handler.open_now -= 1  # type: ignore[attr-defined]
            super().connection_lost(error)  # type: ignore[misc]

    def eof_received(self) -> bool | None:
        return super().eof_received() if self.is_counted else None  # type: ignore[misc]

    async def smtp_DATA(self, arg: str) -> None:
        async with self.event_handler.mails:  # type: ignore[attr-defined]
            self._reset_timeout(DATA_S)  # type: ignore[attr-defined]
            self.in_mail = 0
            try:
                await super().smtp_DATA(arg)  # type: ignore[misc]
            finally:
                self.in_mail = None

    def data_received(self, data: bytes) -> None:
        if not self.is_counted:
            return
        if self.in_mail is not None:
            self.in_mail += len(data)
            if self.in_mail > DATA_MAX:
                self.in_mail = None
                self.transport.abort()  # type: ignore[attr-defined]
                return
        super().data_received(data)  # type: ignore[misc]


class _Smtp(_Bounded, SMTP):
    pass


class _Lmtp(_Bounded, LMTP):
    async def push(self, status: Any) -> None:
        """After a mail LMTP wants an answer a recipient, also for a mail that was too large (RFC 2033)."""
        if str(status).startswith(("552 Error: Too much", "500 Line too long")) and self.envelope is not None:
            status = "\r\n".join([str(status)] * max(1, len(self.envelope.rcpt_tos)))
        await super().push(status)


class Handler:
    """What each command of a client does. now: the installation's clock."""

    def __init__(self, parts: Parts, *, is_lmtp: bool, now: Callable[[], datetime]) -> None:
        self.parts = parts
        self.is_lmtp = is_lmtp
        self.now = now
        self.pool = ThreadPoolExecutor(THREADS, thread_name_prefix="listener")
        self.mails = asyncio.Semaphore(MAILS_MAX)
        self.open_now = 0

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if not intake.is_ours(self.parts, address):
            return UNKNOWN
        if len(envelope.rcpt_tos) >= RECIPIENTS_MAX:
            return "452 4.5.3 too many recipients"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        raw = envelope.content if isinstance(envelope.content, bytes) else b""
        answers = [await self._store(raw, to) for to in envelope.rcpt_tos]
        if self.is_lmtp:
            return "\r\n".join(answers)  # one a recipient (RFC 2033)
        # SMTP has one answer for all: what is stored already is recognised when it comes again.
        return AWAY if AWAY in answers else answers[0]

    async def _store(self, raw: bytes, to: str) -> str:
        work = asyncio.get_running_loop().run_in_executor(self.pool, self._take, raw, to)
        return await work

    def _take(self, raw: bytes, to: str) -> str:
        try:
            intake.safely(self.parts, raw, (to,), now=self.now())
        except (*intake.AWAY, OSError) as error:
            log.warning("a mail could not be stored", error=type(error).__name__)
            return AWAY
        return "250 2.0.0 stored"

    async def handle_exception(self, error: Exception) -> str:
        log.warning("a client tripped over us", error=type(error).__name__)
        return "451 4.3.0 please try again"


class Listener:
    """A listener in the running event loop. address: as in IKUSEI_LISTENER; port 0 picks a free one."""

    def __init__(self, parts: Parts, address: str) -> None:
        self.parts = parts
        self.is_lmtp, self.host, self.port = listening(address)
        self._server: asyncio.Server | None = None
        self._handler: Handler | None = None

    async def start(self) -> None:
        """Listen. Raises OSError when the port is taken."""
        # Every line of every client is no news, and holds addresses.
        logging.getLogger("mail.log").setLevel(logging.ERROR)
        loop = asyncio.get_running_loop()
        self._handler = Handler(self.parts, is_lmtp=self.is_lmtp, now=self.parts.clock.now)
        make = _Lmtp if self.is_lmtp else _Smtp

        def protocol() -> SMTP:
            return make(
                self._handler,
                hostname=self.parts.settings.reply_domain or self.parts.settings.host,
                ident="Ikusei",
                data_size_limit=mailbox.MAX_BYTES,
                enable_SMTPUTF8=True,
                timeout=IDLE_S,
                command_call_limit=COMMANDS_MAX,
                auth_exclude_mechanism=["LOGIN", "PLAIN"],
                loop=loop,
            )

        self._server = await loop.create_server(protocol, self.host, self.port, backlog=100)
        self.port = self._server.sockets[0].getsockname()[1]
        log.info("listening", host=self.host, port=self.port, lmtp=self.is_lmtp)

    async def stop(self) -> None:
        """Take no new connections; what is being stored is finished."""
        if self._server is not None:
            self._server.close()
        if self._handler is not None:
            await asyncio.to_thread(self._handler.pool.shutdown, wait=True)


def run(parts: Parts, *, until: Callable[[], bool]) -> None:
    """Listen until told to stop. Raises OSError when the port is taken."""
    asyncio.run(_run(parts, until))


async def _run(parts: Parts, until: Callable[[], bool]) -> None:
    listener = Listener(parts, parts.settings.listener)
    await listener.start()
    scheme = "lmtp" if listener.is_lmtp else "smtp"
    file = parts.settings.folder / "listener.url"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"{scheme}://{listener.host}:{listener.port}\n")
    try:
        while not until():
            await asyncio.sleep(0.2)
    finally:
        with suppress(FileNotFoundError):
            file.unlink()
        await listener.stop()
