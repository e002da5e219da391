"""A POP3 mailbox: read, stored, and only then deleted.

POP3 has no flags. Mails of ours are deleted once their row is committed (at QUIT, so a broken connection
deletes nothing); mails of nobody we know stay for whoever reads that mailbox, and a file remembers their
unique ids, so that they are not fetched again.
"""

from __future__ import annotations

import poplib
import ssl
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import unquote, urlsplit

from campaigns.services.mailbox import (
    A_TIME,
    LOOPBACK,
    MAX_BYTES,
    TIMEOUT_S,
    Arrived,
    MailboxError,
    recipients,
)

# What is looked at of a mail that is too large to be one of the mails we wait for.
LINES_OF_LARGE = 2_000
BROKEN = (OSError, poplib.error_proto, EOFError)


class _Lines:
    """poplib gives up a mailbox for one line above 2,048 octets; returned mails have longer ones."""

    def _getline(self) -> tuple[bytes, int]:
        line: bytes = self.file.readline(MAX_BYTES + 1)  # type: ignore[attr-defined]
        if not line or len(line) > MAX_BYTES:
            raise poplib.error_proto("-ERR line too long or connection closed")
        return line.rstrip(b"\r\n"), len(line)


class _Plain(_Lines, poplib.POP3):
    pass


class _Secure(_Lines, poplib.POP3_SSL):
    pass


def unread(url: str, *, seen: Path) -> Iterator[Arrived]:
    """Mails that were not looked at before, oldest first. Raises MailboxError."""
    try:
        connection = _connect(url)
    except BROKEN as error:
        raise MailboxError(str(error)) from error
    try:
        yield from _unread(connection, seen)
        connection.quit()  # deletes what was marked
    except BROKEN as error:
        raise MailboxError(str(error)) from error
    finally:
        with suppress(*BROKEN):
            connection.close()


def _connect(url: str) -> poplib.POP3:
    parts = urlsplit(url)
    host = parts.hostname or ""
    connection: poplib.POP3
    if parts.scheme == "pop3s":
        connection = _Secure(host, parts.port or 995, timeout=TIMEOUT_S, context=ssl.create_default_context())
    elif parts.scheme == "pop3" and host in LOOPBACK:
        connection = _Plain(host, parts.port or 110, timeout=TIMEOUT_S)
    else:
        raise MailboxError("the mailbox's address must begin with imaps:// or pop3s://")
    try:
        connection.user(unquote(parts.username or ""))
        connection.pass_(unquote(parts.password or ""))
    except BROKEN:
        connection.close()
        raise
    return connection


def _unread(connection: poplib.POP3, seen: Path) -> Iterator[Arrived]:
    ids = dict(_pair(line) for line in connection.uidl()[1])
    sizes = dict(_pair(line) for line in connection.list()[1])
    left = _read(seen) & set(ids.values())
    waiting = [(number, id) for number, id in ids.items() if id not in left]
    for number, id in sorted(waiting, key=lambda pair: int(pair[0]))[:A_TIME]:
        raw = _fetch(connection, int(number), int(sizes.get(number, "0")))
        told: list[bool] = []
        yield Arrived(raw, recipients(raw), told.append)
        # Asked for the next one: this one is stored.
        if told and told[0]:
            connection.dele(int(number))
        elif told:
            left.add(id)
            _write(seen, left)


def _pair(line: bytes) -> tuple[str, str]:
    number, _, rest = line.decode("ascii", "replace").partition(" ")
    if not number.isdigit():
        raise poplib.error_proto("-ERR strange listing")
    return number, rest.strip()


def _fetch(connection: poplib.POP3, number: int, size: int) -> bytes:
    if size > MAX_BYTES:
        return b"\r\n".join(connection.top(number, LINES_OF_LARGE)[1])
    return b"\r\n".join(connection.retr(number)[1]) + b"\r\n"


def _read(seen: Path) -> set[str]:
    try:
        return set(seen.read_text("utf-8").split())
    except FileNotFoundError:
        return set()


def _write(seen: Path, ids: set[str]) -> None:
    """Written aside and renamed. Losing it costs one more look at each mail, nothing else."""
    seen.parent.mkdir(parents=True, exist_ok=True)
    aside = seen.with_suffix(".new")
    aside.write_text("\n".join(sorted(ids)) + "\n", "utf-8")
    aside.replace(seen)
