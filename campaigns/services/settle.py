"""Settle: what became of each claimed delivery, and writing it down in one transaction.

The worker settles from the receipts it has, the sweep from the journal of a dead worker; both say it here.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta

from sqlalchemy import Connection

from campaigns.parts import Parts
from campaigns.rules import deliveries as rule
from campaigns.rules.deliveries import Decision, State
from campaigns.rules.schedule import first_day
from campaigns.storage import outbox
from campaigns.storage.outbox import Settled
from mailer.journal import Answered, Begun, Verdict
from mailer.receipts import Outcome, Receipt, Stage, outcome_of

PROFILE_RETRY = timedelta(hours=1)
# Our own way out is down, or the disk is full: no fault of the mail, so it is not counted as a try.
AWAY_RETRY = timedelta(minutes=5)


def ended(receipt: Receipt, tries: int, *, at: datetime) -> Settled:
    """A delivery's end by the server's answer. tries: refusals before. at: when it was given."""
    id, code, text, outcome = receipt.id, receipt.code, receipt.text, receipt.outcome
    if outcome is Outcome.ACCEPTED:
        return Settled(id, State.SENT, "", code, text, sent_at=at, attempted=True)
    if outcome is Outcome.IN_DOUBT:
        return Settled(id, State.IN_DOUBT, "no_answer", code or None, text, sent_at=at, attempted=True)
    if outcome is Outcome.TEMPORARY and code // 100 != 4 and receipt.stage is not Stage.LOST:
        # No word of the server about this mail: it, our account or our disk is away. Nothing is lost.
        reason = "no_journal" if text.startswith("journal:") else "smtp_away"
        return Settled(id, State.RETRY, reason, code or None, text, send_at=at + AWAY_RETRY)
    if outcome is Outcome.TEMPORARY:
        again = rule.retry_at(tries + 1, now=at)
        if again is not None:
            return Settled(
                id, State.RETRY, "smtp_temporary", code or None, text, send_at=again, attempted=True
            )
        return Settled(id, State.FAILED, "smtp_gave_up", code or None, text, attempted=True)
    reason = "smtp_refused" if code else "not_made"
    return Settled(id, State.FAILED, reason, code or None, text, attempted=bool(code))


def by_journal(id: int, verdict: Verdict, tries: int, *, at: datetime) -> Settled:
    """A delivery's end as the journal of a dead worker tells it."""
    if isinstance(verdict, Answered):
        return ended(Receipt(id, outcome_of(verdict.code), verdict.code, verdict.text), tries, at=at)
    if isinstance(verdict, Begun):
        return Settled(id, State.IN_DOUBT, "cut_off", sent_at=at, attempted=True)
    return waits(id)


def waits(id: int) -> Settled:
    """Nothing of it left: it stays planned, due at once."""
    return Settled(id, State.PLANNED, "waits")


def unsent(id: int, decision: Decision, *, now: datetime, today: date) -> Settled:
    """The end of a mail that may not go. today: in the installation's zone."""
    state, reason = decision.state or State.FAILED, decision.reason or ""
    if state is State.RETRY:
        return Settled(id, state, reason, send_at=now + PROFILE_RETRY)
    until = None
    if state is State.CARRIED_OVER:
        until = first_day(today.year * 12 + today.month)  # the first of the next month
    return Settled(id, state, reason, until=until)


def settle(parts: Parts, rows: list[Settled], *, token: str, verdict: str = "handed") -> None:
    """One transaction: ends, freed slots, dead mailboxes, the claim."""
    with parts.engine.begin() as tx:
        write(tx, rows, token=token, verdict=verdict, now=parts.clock.now(), zone=parts.settings.zone)


def write(tx: Connection, rows: list[Settled], *, token: str, verdict: str, now: datetime, zone: str) -> None:
    """The same within a transaction: the worker's end of a claim, and the sweep's."""
    done = set(outbox.settle(tx, rows, token=token, now=now, zone=zone))
    gone = [row.id for row in rows if row.id in done and row.state == State.FAILED and _is_gone(row)]
    outbox.mark_addresses_hard(tx, gone, now=now)
    outbox.close_claim(tx, token, verdict=verdict, now=now)


# "No such mailbox" as servers say it; policy refusals (5.7.x) are the sender's matter, not the address's.
GONE = ("5.1.1", "5.1.2", "5.1.6", "5.1.10")


def _is_gone(row: Settled) -> bool:
    return any(row.text.startswith(status) for status in GONE)
