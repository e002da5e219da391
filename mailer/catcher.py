"""A local mail server that keeps what it is given, one file a mail, so that practice reaches nobody.

A file is the raw mail with the envelope on top (X-Envelope-From, X-Envelope-To), written aside and
renamed, so a reader never sees half of one. Its name is `<sequence>-<uuid>.eml`. One catcher a directory.
"""

from __future__ import annotations

import asyncio
import os
import re
import threading
import uuid
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP

from mailer import parsing

_NAME = re.compile(r"(\d{10})-[0-9a-f]{32}\.eml\Z")
_HEAD_MAX = 65536  # octets read for a listing
_MAIL_MAX = 32 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Caught:
    """One line of the catcher's list. from_, to: the headers, decoded; mail_from, rcpt_to: the envelope."""

    key: str
    at: datetime
    mail_from: str
    rcpt_to: tuple[str, ...]
    subject: str
    from_: str
    to: str
    size: int


@dataclass(frozen=True, slots=True)
class Parsed:
    """One caught mail, decoded. html, text: None when the mail has no such part. raw: as received."""

    headers: tuple[tuple[str, str], ...]
    html: str | None
    text: str | None
    raw: bytes
    mail_from: str
    rcpt_to: tuple[str, ...]


class Catcher:
    """A catcher in a thread of this process. port 0 picks a free one; read `port` after `start`.

    delay_s: pause before each answer, to play a slow server. max_rate: mails a second at most.
    """

    def __init__(
        self,
        directory: str | os.PathLike[str],
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        delay_s: float = 0.0,
        max_rate: float | None = None,
    ) -> None:
        self.directory = Path(directory)
        self.host = host
        self.port = port
        self._handler = _Keeper(self.directory, delay_s=delay_s, max_rate=max_rate)
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping: asyncio.Event | None = None

    @property
    def url(self) -> str:
        """For `transport_for`."""
        return f"smtp://{self.host}:{self.port}?starttls=none"

    def start(self) -> Catcher:
        """Listen; raises OSError when the port is taken."""
        ready: Future[int] = Future()
        self._thread = threading.Thread(target=self._run, args=(ready,), name="mail-catcher", daemon=True)
        self._thread.start()
        self.port = ready.result(timeout=10)
        return self

    def stop(self) -> None:
        """Stop listening; what was caught stays."""
        if self._loop is not None and self._stopping is not None and self._thread is not None:
            with suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._stopping.set)
            self._thread.join(timeout=10)
            self._thread = None

    def __enter__(self) -> Catcher:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _run(self, ready: Future[int]) -> None:
        async def main() -> None:
            self._loop = asyncio.get_running_loop()
            self._stopping = asyncio.Event()
            await _listen(self._handler, self.host, self.port, self._stopping, ready.set_result)

        try:
            asyncio.run(main())
        except OSError as error:
            if ready.done():
                raise
            ready.set_exception(error)


def messages(
    directory: str | os.PathLike[str],
    *,
    after: str | None = None,
    before: str | None = None,
    limit: int = 50,
) -> list[Caught]:
    """The newest first. after: only newer than this key; before: only older, for the next page."""
    names = [e.name for e in os.scandir(directory) if _NAME.match(e.name)] if os.path.isdir(directory) else []
    wanted = [n for n in names if (after is None or n > after) and (before is None or n < before)]
    found: list[Caught] = []
    for name in sorted(wanted, reverse=True)[:limit]:
        with suppress(FileNotFoundError):
            found.append(_caught(Path(directory) / name))
    return found


def read(directory: str | os.PathLike[str], key: str) -> Parsed | None:
    """One mail by its key; None when there is no such mail (a key from a URL is not trusted)."""
    if not _NAME.match(key):
        return None
    try:
        octets = (Path(directory) / key).read_bytes()
    except FileNotFoundError:
        return None
    mail_from, rcpt_to, raw = _envelope(octets)
    mail = parsing.mail(raw)
    return Parsed(
        headers=parsing.headers(mail),
        html=parsing.body(mail, "html"),
        text=parsing.body(mail, "plain"),
        raw=raw,
        mail_from=mail_from,
        rcpt_to=rcpt_to,
    )


def clear(directory: str | os.PathLike[str]) -> int:
    """Remove every caught mail; how many there were."""
    paths = [path for path in Path(directory).glob("*.eml") if _NAME.match(path.name)]
    for path in paths:
        path.unlink(missing_ok=True)
    return len(paths)


class _Keeper:
    """aiosmtpd's handler: one file a mail."""

    def __init__(self, directory: Path, *, delay_s: float = 0.0, max_rate: float | None = None) -> None:
        self._directory = directory
        self._delay_s = delay_s
        self._gap_s = 1.0 / max_rate if max_rate else 0.0
        self._free_at = 0.0
        self._sequence = -1

    async def handle_EHLO(
        self, server: Any, session: Any, envelope: Any, hostname: str, responses: list[str]
    ) -> list[str]:
        """Commands are read one by one from a stream, so PIPELINING is true and may be offered."""
        session.host_name = hostname
        return [*responses[:-1], "250-PIPELINING", responses[-1]]

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        """Keep the mail, then answer."""
        wait_s = self._delay_s + self._turn()
        if wait_s:
            await asyncio.sleep(wait_s)
        try:
            name = self._keep(envelope.mail_from or "", envelope.rcpt_tos, envelope.original_content)
        except OSError as error:
            return f"452 4.3.1 {error.strerror or 'cannot write'}"
        return f"250 2.0.0 kept as {name}"

    def _turn(self) -> float:
        if not self._gap_s:
            return 0.0
        now = asyncio.get_running_loop().time()
        self._free_at = max(now, self._free_at + self._gap_s)
        return self._free_at - now

    def _keep(self, mail_from: str, rcpt_to: list[str], raw: bytes) -> str:
        if self._sequence < 0:
            self._directory.mkdir(parents=True, exist_ok=True)
            numbers = [int(m[1]) for p in self._directory.iterdir() if (m := _NAME.match(p.name))]
            self._sequence = max(numbers, default=0)
        self._sequence += 1
        name = f"{self._sequence:010}-{uuid.uuid4().hex}"
        lines = [f"X-Envelope-From: {mail_from}", *(f"X-Envelope-To: {to}" for to in rcpt_to)]
        head = "\r\n".join(lines) + "\r\n"
        written = self._directory / f".{name}.tmp"
        written.write_bytes(head.encode("utf-8", "replace") + raw)
        written.rename(self._directory / f"{name}.eml")
        return f"{name}.eml"


async def _listen(
    handler: _Keeper, host: str, port: int, stopping: asyncio.Event, on_ready: Callable[[int], object]
) -> None:
    loop = asyncio.get_running_loop()

    def connection() -> Any:
        return SMTP(
            handler,
            hostname="catcher.localhost",
            ident="Ikusei mail catcher",
            loop=loop,
            data_size_limit=_MAIL_MAX,
        )

    server = await loop.create_server(connection, host, port)
    on_ready(server.sockets[0].getsockname()[1])
    try:
        await stopping.wait()
    finally:
        server.close()
        others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)


def _caught(path: Path) -> Caught:
    with path.open("rb") as file:
        octets = file.read(_HEAD_MAX)
    stat = path.stat()
    mail_from, rcpt_to, head = _envelope(octets)
    mail = parsing.mail(head)
    return Caught(
        key=path.name,
        at=_written_at(parsing.header(mail, "Date")) or datetime.fromtimestamp(stat.st_mtime, UTC),
        mail_from=mail_from,
        rcpt_to=rcpt_to,
        subject=parsing.header(mail, "Subject"),
        from_=parsing.header(mail, "From"),
        to=parsing.header(mail, "To"),
        size=stat.st_size,
    )


def _written_at(date: str) -> datetime | None:
    """Of the mail's own date, which follows the clock of whoever sends, as in a practice of months within minutes."""
    try:
        at = parsedate_to_datetime(date)
    except (ValueError, OverflowError):
        return None
    return None if at.tzinfo is None else at.astimezone(UTC)


def _envelope(octets: bytes) -> tuple[str, tuple[str, ...], bytes]:
    """The catcher's own lines on top, and the mail below them."""
    mail_from, rcpt_to = "", []
    while octets.startswith((b"X-Envelope-From: ", b"X-Envelope-To: ")):
        line, _, octets = octets.partition(b"\r\n")
        name, _, value = line.partition(b": ")
        if name == b"X-Envelope-From":
            mail_from = value.decode("utf-8", "replace")
        else:
            rcpt_to.append(value.decode("utf-8", "replace"))
    return mail_from, tuple(rcpt_to), octets
