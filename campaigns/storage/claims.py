"""Claims: which worker holds which deliveries, and where its hand-over journal lies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text


def note_claim(
    tx: Connection,
    *,
    token: str,
    host: str,
    journal_dir: str,
    boot_id: str,
    worker: str,
    size: int,
    now: datetime,
    lease_until: datetime,
) -> None:
    """The claim's row, in the commit that takes the deliveries: where its journal lies."""
    tx.execute(
        text(
            "insert into claims (token, host, journal_dir, boot_id, worker, size, claimed_at, lease_until)"
            " values (:token, :host, :journal_dir, :boot_id, :worker, :size, :now, :lease_until)"
        ),
        {
            "token": token,
            "host": host,
            "journal_dir": journal_dir,
            "boot_id": boot_id,
            "worker": worker,
            "size": size,
            "now": now,
            "lease_until": lease_until,
        },
    )


def close_claim(tx: Connection, token: str, *, sent: int, verdict: str, now: datetime) -> None:
    """The claim is over. sent: mails of it that were taken."""
    tx.execute(
        text(
            "update claims set settled_at = :now, sent = :sent, verdict = :verdict"
            " where token = :token and settled_at is null"  # a commit whose answer was lost is tried again
        ),
        {"token": token, "sent": sent, "verdict": verdict, "now": now},
    )


@dataclass(frozen=True, slots=True)
class Claim:
    """An open claim: who holds which journal, until when at the least."""

    token: str
    host: str
    journal_dir: str
    boot_id: str
    lease_until: datetime


def open_claims(tx: Connection) -> list[Claim]:
    """Claims that nobody has settled. Index ix_claims_open."""
    rows = tx.execute(
        text(
            "select token, host, journal_dir, boot_id, lease_until from claims where settled_at is null"
            " order by claimed_at limit 200"
        )
    )
    return [Claim(**row._mapping) for row in rows]


def still_open(tx: Connection, tokens: Sequence[str]) -> set[str]:
    """Those of the tokens whose claim is open."""
    rows = tx.execute(
        text("select token from claims where token = any(:tokens) and settled_at is null"),
        {"tokens": list(tokens)},
    )
    return {row.token for row in rows}


def lock_claim(tx: Connection, token: str) -> bool:
    """Take the claim for settling; False if another sweep has it or it is settled."""
    row = tx.execute(
        text("select 1 from claims where token = :token and settled_at is null for update skip locked"),
        {"token": token},
    ).first()
    return row is not None


def held(tx: Connection, token: str) -> list[int]:
    """Deliveries in this claim's hands. Index ix_deliveries_handing."""
    rows = tx.execute(
        text("select id from deliveries where claim_token = :token and state = 'handing' order by id"),
        {"token": token},
    )
    return [row.id for row in rows]
