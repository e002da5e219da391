"""Settle: what became of each claimed delivery, and writing it down in one transaction.

The worker settles from the receipts it has, the sweep from the journal of a dead worker; both say it here.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from campaigns.parts import Parts
from campaigns.rules import deliveries as rule
from campaigns.rules.deliveries import Decision, State
from campaigns.rules.schedule import first_day
from campaigns.services.take_bounce import next_due
from campaigns.storage import claims, returned, settling
from campaigns.storage.settling import Settled
from mailer import journal, replies
from mailer.journal import Answered, Begun
from mailer.receipts import Outcome, Receipt, Stage, outcome_of
from mailer.verdicts import Reason, Scope, Verdict

PROFILE_RETRY = timedelta(hours=1)
# Our own way out is down, or the disk is full: no fault of the mail, so it is not counted as a try.
AWAY_RETRY = timedelta(minutes=5)


def verdict(receipt: Receipt) -> Verdict:
    """What the answer means; of one that could not be made, that it is final."""
    if receipt.outcome is Outcome.PERMANENT and not receipt.code:
        return _NOT_MADE
    if receipt.outcome is Outcome.ACCEPTED:
        return _TAKEN
    return replies.read(receipt.code, receipt.text, stage=receipt.stage)


_NOT_MADE = Verdict(Outcome.PERMANENT, Scope.MAIL, "", Reason.BAD_CONTENT)
_TAKEN = Verdict(Outcome.ACCEPTED, Scope.MAIL, "", Reason.ACCEPTED)


def ended(receipt: Receipt, tries: int, *, at: datetime, account: str = "") -> Settled:
    """A delivery's end by the server's answer. tries: refusals before. at: when it was given."""
    id, code, text = receipt.id, receipt.code or None, receipt.text
    means = verdict(receipt)
    if receipt.outcome is Outcome.ACCEPTED:
        return Settled(id, State.SENT, "", code, text, sent_at=at, attempted=True, account=account)
    if receipt.outcome is Outcome.IN_DOUBT:
        return Settled(
            id, State.IN_DOUBT, "no_answer", code, text, sent_at=at, attempted=True, account=account
        )
    if receipt.stage is Stage.NONE and receipt.outcome is Outcome.TEMPORARY:
        return Settled(id, State.RETRY, "no_journal", text=text, send_at=at + AWAY_RETRY)
    if means.outcome is Outcome.PERMANENT:
        reason = "smtp_refused" if code else "not_made"
        # At MAIL the server has heard of no recipient yet: what sounds like a dead mailbox is ours.
        is_gone = means.is_gone and receipt.stage is not Stage.MAIL
        return Settled(
            id, State.FAILED, reason, code, text, attempted=bool(code), account=account, is_gone=is_gone
        )
    wait = timedelta(seconds=means.wait_s or 0.0)
    if means.scope is Scope.ACCOUNT:
        # Our own way out asks for a rest: no fault of the mail, so it is not counted as a try.
        return Settled(id, State.RETRY, "smtp_away", code, text, send_at=at + max(wait, AWAY_RETRY))
    again = rule.retry_at(tries + 1, now=at)
    if again is None:
        return Settled(id, State.FAILED, "smtp_gave_up", code, text, attempted=True, account=account)
    # A domain that asks for a rest is told by few mails, the others wait unasked; each counts its own tries,
    # so that one which is always put off ends some day.
    reason = "throttled" if means.scope is Scope.DOMAIN else "smtp_temporary"
    return Settled(id, State.RETRY, reason, code, text, send_at=max(again, at + wait), attempted=True)


def by_journal(id: int, found: journal.Verdict, tries: int, *, at: datetime) -> Settled:
    """A delivery's end as the journal of a dead worker tells it."""
    if isinstance(found, Answered):
        receipt = Receipt(id, outcome_of(found.code), found.code, found.text, Stage.BODY)
        return ended(receipt, tries, at=at)
    if isinstance(found, Begun):
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
    owners = settling.settle(tx, rows, token=token, now=now, zone=zone)
    gone = {row.id: f"user_unknown: {row.text}" for row in rows if row.id in owners and row.is_gone}
    settling.mark_addresses_hard(tx, gone, now=now)
    if gone:
        returned.add_dead_checks(tx, list(gone), due_at=next_due(tx, ZoneInfo(zone), now=now), now=now)
    sent = sum(row.id in owners and row.state == State.SENT for row in rows)
    claims.close_claim(tx, token, sent=sent, verdict=verdict, now=now)
    settling.count_day(tx, rows, owners, today=now.astimezone(ZoneInfo(zone)).date())
