"""Every way out behind one `send_batch`, chosen by URL. The test double ships.

smtp://, smtps://   a server
file:///dir         a Maildir one can open with any mail program
memory:             a list; `memory:?answer=450` makes it refuse
"""

from __future__ import annotations

import os
import socket
import ssl
import time
import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from mailer import addresses, smtp
from mailer.errors import MailError
from mailer.receipts import Handover, Item, Outcome, Receipt, Stage, Transport, outcome_of
from mailer.smtp import SmtpTransport


@dataclass(frozen=True, slots=True)
class Kept:
    """One mail a memory transport was given."""

    id: int
    mail_from: str
    rcpt_to: str
    raw: bytes


class MemoryTransport:
    """Keeps what it is given. answer: the reply code to everything, or a function of the item."""

    def __init__(self, answer: int | Callable[[Item], int] = 250) -> None:
        self.sent: list[Kept] = []
        self._answer = answer

    def send_batch(
        self,
        items: Iterable[Item],
        *,
        journal: Handover,
        before_body: Callable[[int], bool],
        on_result: Callable[[Receipt], None],
    ) -> None:
        """See `receipts.Transport`. A reply code of 0 plays a connection lost after the body."""
        for item in items:
            _hand_over(item, self._store, journal, before_body, on_result)

    def close(self) -> None:
        """Nothing is open."""

    def _store(self, item: Item, raw: bytes) -> tuple[int, str]:
        code = self._answer(item) if callable(self._answer) else self._answer
        if code // 100 == 2:
            self.sent.append(Kept(item.id, item.mail_from, item.rcpt_to, raw))
        return code, "kept" if code // 100 == 2 else "refused on request"


class MaildirTransport:
    """Writes each mail to `new/` of a Maildir, complete or not at all."""

    def __init__(self, directory: str | os.PathLike[str]) -> None:
        self.directory = Path(directory)

    def send_batch(
        self,
        items: Iterable[Item],
        *,
        journal: Handover,
        before_body: Callable[[int], bool],
        on_result: Callable[[Receipt], None],
    ) -> None:
        """See `receipts.Transport`."""
        for name in ("tmp", "new", "cur"):
            (self.directory / name).mkdir(parents=True, exist_ok=True)
        for item in items:
            _hand_over(item, self._store, journal, before_body, on_result)

    def close(self) -> None:
        """Nothing is open."""

    def _store(self, item: Item, raw: bytes) -> tuple[int, str]:
        host = socket.gethostname().replace("/", "_").replace(":", "_")
        name = f"{time.time():.6f}.{uuid.uuid4().hex}.{host}"
        envelope = f"Return-Path: <{item.mail_from}>\r\nDelivered-To: {item.rcpt_to}\r\n"
        try:
            written = self.directory / "tmp" / name
            written.write_bytes(envelope.encode("utf-8") + raw)
            written.rename(self.directory / "new" / name)
        except OSError as error:
            return 452, error.strerror or "cannot write"
        return 250, name


def send_all(
    groups: Sequence[tuple[Transport, Sequence[Item]]],
    *,
    journal: Handover,
    before_body: Callable[[int], bool],
    on_result: Callable[[Receipt], None],
) -> None:
    """Hand over to several transports; SMTP accounts side by side, so that a slow one holds nobody up."""
    by_smtp: dict[SmtpTransport, list[Item]] = {}
    for way, items in groups:  # a transport has its connections once, whatever asks for it
        if isinstance(way, SmtpTransport):
            by_smtp.setdefault(way, []).extend(items)
    if by_smtp:
        smtp.send_all(list(by_smtp.items()), journal=journal, before_body=before_body, on_result=on_result)
    for way, items in groups:
        if not isinstance(way, SmtpTransport):
            way.send_batch(items, journal=journal, before_body=before_body, on_result=on_result)


def transport_for(
    url: str,
    *,
    ehlo_name: str = "localhost",
    timeout_s: float = 30.0,
    final_timeout_s: float = 120.0,
    lanes: int = 2,
    max_per_connection: int | None = None,
    context: ssl.SSLContext | None = None,
) -> Transport:
    """The transport a URL names; the options are for SMTP only. Raises ValueError for another scheme."""
    parts = urlsplit(url)
    if parts.scheme in ("smtp", "smtps"):
        return SmtpTransport(
            url,
            ehlo_name=ehlo_name,
            timeout_s=timeout_s,
            final_timeout_s=final_timeout_s,
            lanes=lanes,
            max_per_connection=max_per_connection,
            context=context,
        )
    if parts.scheme == "memory":
        return MemoryTransport(int(parse_qs(parts.query).get("answer", ["250"])[0]))
    if parts.scheme == "file" and parts.path not in ("", "/"):
        return MaildirTransport(unquote(parts.path))
    raise ValueError("a transport is smtp://, smtps://, file:///directory or memory:")


def _hand_over(
    item: Item,
    store: Callable[[Item, bytes], tuple[int, str]],
    journal: Handover,
    before_body: Callable[[int], bool],
    on_result: Callable[[Receipt], None],
) -> None:
    """The same order as over SMTP: body made, stop check, record, store, record, receipt."""
    try:
        addresses.wire(item.rcpt_to)
        raw = item.body if isinstance(item.body, bytes) else item.body()
    except MailError as error:
        on_result(Receipt(item.id, Outcome.PERMANENT, 0, str(error)[:200]))
        return
    if not before_body(item.id):
        on_result(Receipt(item.id, Outcome.WITHHELD, 0, "stopped"))
        return
    try:
        journal.handing(item.id)
    except (OSError, MailError) as error:
        on_result(Receipt(item.id, Outcome.TEMPORARY, 0, f"journal: {error}"[:200]))
        return
    code, text = store(item, raw)
    outcome = outcome_of(code)
    if outcome is not Outcome.IN_DOUBT:
        journal.answered(item.id, code, text)
    on_result(Receipt(item.id, outcome, code, text[:200], Stage.BODY))
