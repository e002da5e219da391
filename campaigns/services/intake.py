"""Intake: what comes in by mail is fetched, taken in one by one, and becomes touches, refusals and facts.

Mails come from a mailbox (IMAP or POP3), from the listener (`ikusei listener`), in practice from the
catcher's folder. A mail is marked as done, or deleted, only after its row is committed. One that cannot be
taken in, whatever it holds, is kept in a folder and passed over: nothing hostile stops the others.
Source: spec 3.4; spec 45, B1 to B6.
"""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime

import structlog
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from campaigns.parts import Parts
from campaigns.services import mailbox, take_mail, trace
from campaigns.services.mailbox import Arrived, MailboxError

log = structlog.get_logger()

ROUNDS = 25
# The database is away: what waits stays where it is until the next tick.
AWAY = (OperationalError, InterfaceError, PoolTimeout)


def run(parts: Parts, *, now: datetime) -> Mapping[str, int]:
    """Take in what has arrived; returns how often each result came up."""
    counts: Counter[str] = Counter()
    try:
        # After a big campaign more waits than one look brings.
        for _ in range(ROUNDS):
            if _round(parts, counts, now=now) < mailbox.A_TIME:
                break
    except MailboxError as error:
        log.warning("mailbox unreachable", error=str(error))
    return counts


def _round(parts: Parts, counts: Counter[str], *, now: datetime) -> int:
    """One look into the mailbox; returns how many mails were there."""
    looked = 0
    for mail in _arrived(parts):
        result = safely(parts, mail.raw, mail.recipients, now=now)
        mail.done(result not in take_mail.NOT_OURS)
        counts[result] += 1
        looked += 1
    return looked


def take(parts: Parts, raw: bytes, recipients: Iterable[str], *, now: datetime) -> str:
    """Take in one raw mail; returns the result: the code that its row carries, or `known`."""
    return take_mail.run(parts, raw, recipients, now=now)


def safely(parts: Parts, raw: bytes, recipients: Iterable[str], *, now: datetime) -> str:
    """The same; a mail that trips us over is kept as a file, with result `failed`.

    Raises the database's errors when it is away, and OSError when the disk does not take the file either:
    then the mail must stay where it is.
    """
    try:
        return take(parts, raw, recipients, now=now)
    except AWAY:
        raise
    except Exception as error:
        # A bug of ours that one mail has found must not hold up all the others; the mail is not lost.
        kept = _keep(parts, raw)
        log.error("a mail could not be taken in", error=type(error).__name__, kept=kept, exc_info=True)
        return "failed"


def is_ours(parts: Parts, address: str) -> bool:
    """Whether an address carries a token that we signed. Asks nothing of the database."""
    return trace.token(parts, address) is not None


def _arrived(parts: Parts) -> Iterable[Arrived]:
    settings = parts.settings
    if settings.mailbox_url:
        return mailbox.unread(settings.mailbox_url, seen=settings.folder / "intake.seen")
    if not settings.practice:
        return ()
    position = settings.folder / "intake.position"
    return mailbox.caught(parts.catcher_folder, position, wanted=trace.is_spelled)


def _keep(parts: Parts, raw: bytes) -> str:
    """The mail in a file of its own, fsynced; returns its name. The same mail twice is one file."""
    folder = parts.settings.folder / "unread"
    folder.mkdir(parents=True, exist_ok=True)
    name = f"{hashlib.blake2b(raw, digest_size=16).hexdigest()}.eml"
    with (folder / name).open("wb") as file:
        file.write(raw)
        file.flush()
        os.fsync(file.fileno())
    return name
