"""Sweep: settle what dead workers left, from their hand-over journals.

A free lock on this host means that the worker is gone: its claim is settled at once. A claim of another
host, or of a journal that is missing or not to be trusted, is in doubt as a whole, and on another host
only after its lease. Source: design 3.
"""

from __future__ import annotations

import socket
import time
from contextlib import suppress
from datetime import UTC, datetime

import structlog
from sqlalchemy import Connection
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from campaigns.parts import Parts
from campaigns.services import refuse, settle
from campaigns.storage import claims, settling
from campaigns.storage.claims import Claim
from mailer import journal
from mailer.journal import JournalDir, Reading

log = structlog.get_logger()

STRAY_S = 3600.0  # a journal without a claim is kept this long


def run(parts: Parts, *, now: datetime) -> int:
    """Settle every abandoned claim; returns how many deliveries were put in order."""
    refuse.drain(parts, now=now)
    directory = JournalDir(parts.journal_folder)
    strays = _old(directory)
    with parts.engine.connect() as tx:
        left = claims.open_claims(tx)
        known = claims.still_open(tx, strays) if strays else set()
    for token in strays:
        if token not in known:
            _drop(directory, token)
    return sum(_safely(parts, claim, directory, now=now) for claim in left)


def _old(directory: JournalDir) -> list[str]:
    """Journals so old that no commit of a claim can still be on its way."""
    limit = time.time() - STRAY_S
    found = []
    for token in directory.tokens():
        with suppress(FileNotFoundError):
            if directory.file(token).stat().st_mtime < limit:
                found.append(token)
    return found


def _drop(directory: JournalDir, token: str) -> None:
    """Remove a journal whose claim never came to be."""
    with journal.read(directory, token, directory_id=directory.id, boot_id=directory.boot_id) as reading:
        if not reading.locked:
            reading.unlink()


def _safely(parts: Parts, claim: Claim, directory: JournalDir, *, now: datetime) -> int:
    """One claim that nobody can settle must not keep all others, and what is due, waiting for ever."""
    try:
        return _claim(parts, claim, directory, now=now)
    except (OperationalError, InterfaceError, PoolTimeout):
        raise  # the database is away, for all of them
    except Exception as error:
        log.error("a claim cannot be settled", token=claim.token, error=type(error).__name__, exc_info=True)
        return 0


def _claim(parts: Parts, claim: Claim, directory: JournalDir, *, now: datetime) -> int:
    """Settle one claim if its worker is gone."""
    here = claim.journal_dir == directory.id
    if not here and claim.lease_until > datetime.now(UTC):
        return 0  # its own host will know better
    with journal.read(
        directory, claim.token, directory_id=claim.journal_dir, boot_id=claim.boot_id
    ) as reading:
        if reading.locked:
            return 0  # the worker lives
        with parts.engine.begin() as tx:
            if not claims.lock_claim(tx, claim.token):
                return 0
            count = _settle(tx, claim, reading, now=now, zone=parts.settings.zone)
        reading.unlink()
    log.warning(
        "claim of a dead worker settled", deliveries=count, journal=reading.reason, host=socket.gethostname()
    )
    return count


def _settle(tx: Connection, claim: Claim, reading: Reading, *, now: datetime, zone: str) -> int:
    ids = claims.held(tx, claim.token)
    tries = settling.attempts(tx, ids)
    verdicts = journal.verdict(reading, ids)
    rows = [settle.by_journal(id, verdicts[id], tries.get(id, 0), at=now) for id in ids]
    settle.write(tx, rows, token=claim.token, verdict=f"swept:{reading.reason}", now=now, zone=zone)
    return len(ids)
