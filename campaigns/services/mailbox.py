"""Where answers arrive: the catcher's folder in practice, an IMAP or POP3 mailbox in earnest.

All hand out raw mails with the recipients of their envelope, oldest first. A mail is marked as done, or
deleted, only after it was stored; seen twice it changes nothing, since the intake knows its Message-ID.
"""

from __future__ import annotations

import imaplib
import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from mailer import catcher, parsing

TIMEOUT_S = 20
MAX_BYTES = 10 * 1024 * 1024
A_TIME = 200
LOOPBACK = ("127.0.0.1", "::1", "localhost")


class MailboxError(RuntimeError):
    """The mailbox cannot be read now; the next tick tries again."""


@dataclass(frozen=True, slots=True)
class Arrived:
    """A raw mail. recipients: of the envelope where known, else of the headers.

    done: call when it was stored; True when it was ours, False when it is nobody's and should stay.
    """

    raw: bytes
    recipients: tuple[str, ...]
    done: Callable[[bool], None]


def unread(url: str, *, seen: Path) -> Iterator[Arrived]:
    """Mails that wait in `imaps://user:secret@host[:port]/FOLDER` or `pop3s://user:secret@host[:port]`.

    seen: a file for what POP3 cannot remember: which mails were looked at and left. Raises MailboxError.
    Without TLS (imap://, pop3://) only this machine is asked.
    """
    if urlsplit(url).scheme in ("pop3", "pop3s"):
        from campaigns.services import pop3

        return pop3.unread(url, seen=seen)
    return imap(url)


def caught(folder: Path, position: Path, *, wanted: Callable[[str], bool]) -> Iterator[Arrived]:
    """Mails in the catcher's folder for the recipients that are wanted. position: a file with the last key.

    The position is a short cut, not the truth: without it all is read again and recognised.
    """
    try:
        after = position.read_text().strip() or None
    except FileNotFoundError:
        after = None
    waiting = catcher.messages(folder, after=after, limit=1_000_000)
    for line in reversed(waiting):
        if any(wanted(to) for to in line.rcpt_to):
            mail = catcher.read(folder, line.key)
            if mail is not None:
                yield Arrived(mail.raw, mail.rcpt_to, lambda is_ours: None)
    if waiting:
        position.parent.mkdir(parents=True, exist_ok=True)
        position.write_text(waiting[0].key)


def imap(url: str) -> Iterator[Arrived]:
    """Unread mails of an IMAP folder. Raises MailboxError."""
    try:
        connection = _connect(url)
    except (OSError, imaplib.IMAP4.error) as error:
        raise MailboxError(str(error)) from error
    try:
        yield from _unread(connection, unquote(urlsplit(url).path.lstrip("/")) or "INBOX")
    except (OSError, imaplib.IMAP4.error) as error:
        raise MailboxError(str(error)) from error
    finally:
        try:
            connection.logout()
        except (OSError, imaplib.IMAP4.error):
            connection.shutdown()


def _connect(url: str) -> imaplib.IMAP4:
    parts = urlsplit(url)
    host = parts.hostname or ""
    connection: imaplib.IMAP4
    if parts.scheme == "imaps":
        connection = imaplib.IMAP4_SSL(
            host, parts.port or 993, ssl_context=ssl.create_default_context(), timeout=TIMEOUT_S
        )
    elif parts.scheme == "imap" and host in LOOPBACK:
        connection = imaplib.IMAP4(host, parts.port or 143, timeout=TIMEOUT_S)
    else:
        raise MailboxError("the mailbox's address must begin with imaps:// or pop3s://")
    connection.login(unquote(parts.username or ""), unquote(parts.password or ""))
    return connection


def _unread(connection: imaplib.IMAP4, folder: str) -> Iterator[Arrived]:
    _ok(connection.select('"' + folder.replace("\\", "\\\\").replace('"', '\\"') + '"'))
    found = _ok(connection.uid("SEARCH", "UNSEEN"))
    uids = (found[0] or b"").split()[:A_TIME]
    for uid in uids:
        number = uid.decode("ascii")
        # PEEK leaves it unread until it is stored; only the first 10 MB of a mail are looked at.
        data = _ok(connection.uid("FETCH", number, f"(BODY.PEEK[]<0.{MAX_BYTES}>)"))
        raw = next((part[1] for part in data if isinstance(part, tuple)), b"")
        yield Arrived(raw, recipients(raw), lambda is_ours, number=number: _mark(connection, number))  # type: ignore[misc]


def _mark(connection: imaplib.IMAP4, number: str) -> None:
    _ok(connection.uid("STORE", number, "+FLAGS.SILENT", r"(\Seen)"))


def _ok(answer: tuple[str, list[Any]]) -> list[Any]:
    status, data = answer
    if status != "OK":
        raise MailboxError(f"the mailbox answered {status}")
    return data


def recipients(raw: bytes) -> tuple[str, ...]:
    """Who the mail was for, by its headers: what the receiving server noted first, then To and Cc."""
    message = parsing.mail(raw)
    names = ("Delivered-To", "X-Original-To", "Envelope-To", "To", "Cc")
    words = (
        " ".join(parsing.header(message, name) for name in names).replace(",", " ").replace(";", " ").split()
    )
    return tuple(dict.fromkeys(word.strip("<>\"'") for word in words if "@" in word))
