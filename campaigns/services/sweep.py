"""Sweep: settle what dead workers left, from their hand-over journals.

A free lock on this host means that the worker is gone: its claim is settled at once. A claim of another
host, or of a journal that is missing or not to be trusted, is in doubt as a whole, and on another host
only after its lease. Source: design 3.
"""

from __future__ import annotations

import socket
from datetime import UTC, datetime

import structlog
from sqlalchemy import Connection

from campaigns.parts import Parts
from campaigns.services import deliver, refuse
from campaigns.storage import outbox
from campaigns.storage.outbox import Claim
from mailer import journal
from mailer.journal import JournalDir, Reading

log = structlog.get_logger()


def run(parts: Parts, *, now: datetime) -> int:
    """Settle every abandoned claim; returns how many deliveries were put in order."""
    refuse.drain(parts, now=now)
    with parts.engine.connect() as tx:
        claims = outbox.open_claims(tx)
    if not claims:
        return 0
    directory = JournalDir(parts.journal_folder)
    return sum(_claim(parts, claim, directory, now=now) for claim in claims)


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
            if not outbox.lock_claim(tx, claim.token):
                return 0
            count = _settle(tx, claim, reading, now=now, zone=parts.settings.zone)
        reading.unlink()
    log.warning("claim of a dead worker settled", deliveries=count, journal=reading.reason, host=socket.gethostname())
    return count


def _settle(tx: Connection, claim: Claim, reading: Reading, *, now: datetime, zone: str) -> int:
    ids = outbox.held(tx, claim.token)
    tries = outbox.attempts(tx, ids)
    verdicts = journal.verdict(reading, ids)
    rows = [deliver.by_journal(id, verdicts[id], tries.get(id, 0), at=now) for id in ids]
    outbox.settle(tx, rows, token=claim.token, now=now, zone=zone)
    outbox.close_claim(tx, claim.token, verdict=f"swept:{reading.reason}", now=now)
    return len(ids)
