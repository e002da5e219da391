"""Deliver: claim a batch, ask the last question of each, hand over, settle.

At most once, never silently lost (design 3): the journal exists and is locked before the claim commits;
H stands before a body's first byte, A after the answer; a crash in between is read by the sweep. No
network call happens inside a transaction.
"""

from __future__ import annotations

import os
import secrets
import socket
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta

import structlog
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from campaigns.parts import Parts
from campaigns.rules import deliveries as rule
from campaigns.rules.deliveries import Decision, State
from campaigns.rules.schedule import first_day, month_of
from campaigns.services import render
from campaigns.storage import outbox
from campaigns.storage.outbox import Settled
from mailer.errors import MailError
from mailer.journal import Answered, Begun, Journal, JournalDir, Verdict
from mailer.receipts import Item, Outcome, Receipt, Transport, outcome_of
from mailer.transports import transport_for

log = structlog.get_logger()

LEASE = timedelta(minutes=15)  # another host settles a claim only after this
STOPS_S = 0.2  # the stop counter is at most this old when a body starts
PROFILE_RETRY = timedelta(hours=1)
# Our own way out is down, or the disk is full: no fault of the mail, so it is not counted as a try.
AWAY_RETRY = timedelta(minutes=5)
# No body starts later than this in a batch: it ends well before its job's limit and before its lease.
LONGEST_S = 300.0

_transports: dict[str, Transport] = {}


def is_due(parts: Parts, *, now: datetime) -> bool:
    """Whether a delivery waits that may be handed over."""
    if not parts.settings.may_send:
        return False
    with parts.engine.connect() as tx:
        return outbox.is_due(tx, now=now)


def batch(parts: Parts, *, now: datetime, transport: Transport | None = None) -> int:
    """Claim and hand over one batch; returns how many deliveries were claimed.

    Without an https base URL nothing leaves for the outside: everything stays planned, and the page says so.
    """
    if not parts.settings.may_send:
        return 0
    token, size = secrets.token_hex(12), parts.settings.batch
    try:
        way = transport or _transport(parts)
        directory = JournalDir(parts.journal_folder)
        journal = Journal.create(directory, token, size)
    except OSError as error:
        # No catcher yet, or no room for a journal: nothing is claimed, everything stays as it is.
        log.error("nothing can be handed over", error=str(error))
        return 0
    ids = _claim(parts, journal, directory, token=token, now=now, size=size)
    if not ids:
        journal.close_and_unlink()
        return 0
    try:
        run = _Run(parts, token, now)
        run.load(ids)
        run.hand_over(ids, journal, way)
        _settle(parts, run.ends(ids), token=token)
    except BaseException:
        # The lock is given up with the process or here; the sweep settles from what stands written.
        journal.close()
        raise
    journal.close_and_unlink()
    return len(ids)


def _claim(
    parts: Parts, journal: Journal, directory: JournalDir, *, token: str, now: datetime, size: int
) -> list[int]:
    """Take the next batch; its journal stands and is locked before the commit."""
    with parts.engine.connect() as tx:
        try:
            ids = outbox.claim(tx, token=token, now=now, limit=size)
            if ids:
                outbox.note_claim(
                    tx,
                    token=token,
                    host=socket.gethostname(),
                    journal_dir=directory.id,
                    boot_id=directory.boot_id,
                    worker=f"{socket.gethostname()}:{os.getpid()}",
                    size=len(ids),
                    now=now,
                    lease_until=datetime.now(UTC) + LEASE,
                )
                outbox.rekey(tx, ids, month=month_of(now, parts.settings.tz))
        except BaseException:
            journal.close_and_unlink()  # nothing was committed
            raise
        try:
            tx.commit()
        except BaseException:
            # Not known to be committed: a claim that did commit is the sweep's, by this very journal.
            journal.close()
            raise
    return ids


def _transport(parts: Parts) -> Transport:
    """The kept way out of this process."""
    url = parts.settings.smtp_url or (parts.settings.folder / "catcher.url").read_text().strip()
    if url not in _transports:
        _transports[url] = transport_for(url, ehlo_name=parts.settings.host)
    return _transports[url]


@dataclass(slots=True)
class _Run:
    """One claimed batch on its way: what may go, what has come back."""

    parts: Parts
    token: str
    now: datetime
    items: dict[int, Item] = field(default_factory=dict)
    refused: dict[int, Decision] = field(default_factory=dict)
    receipts: dict[int, Receipt] = field(default_factory=dict)
    sent_at: dict[int, datetime] = field(default_factory=dict)
    paused: bool = False
    began_at: float = field(default_factory=time.monotonic)
    _stops: outbox.Stops = field(default_factory=lambda: outbox.Stops(-1, False))
    _stops_at: float = float("-inf")

    def load(self, ids: Sequence[int]) -> None:
        """Facts and mails of the batch; the counter is read first, so a refusal in between shows."""
        with self.parts.engine.connect() as tx:
            self._stops, self._stops_at = outbox.stops(tx), time.monotonic()
            self.paused = self._stops.paused
            self._decide(outbox.facts(tx, ids, zone=self.parts.settings.tz))
            may_go = [id for id in ids if id not in self.refused]
            self.items = render.items(tx, self.parts, may_go, now=self.now)
        for id in may_go:
            if id not in self.items:
                self.refused[id] = Decision(False, "nothing_to_send", State.FAILED)

    def hand_over(self, ids: Sequence[int], journal: Journal, transport: Transport) -> None:
        """Each mail that may go, with the stop check right before its body."""
        pace, begun = _pace(self.parts.settings.mail_rate), set[int]()

        def before_body(id: int) -> bool:
            if id not in begun:  # asked before the envelope and before the body
                begun.add(id)
                pace()
            return self.may_still_go(id)

        items = [_guarded(self.items[id]) for id in ids if id in self.items and id not in self.refused]
        transport.send_batch(items, journal=journal, before_body=before_body, on_result=self._note)

    def may_still_go(self, id: int) -> bool:
        """The counter, at most 200 ms old; if it moved, the facts of the whole batch are loaded again."""
        if time.monotonic() - self._stops_at > STOPS_S:
            try:
                with self.parts.engine.connect() as tx:
                    stops, at = outbox.stops(tx), time.monotonic()
                    if stops != self._stops:
                        waiting = [i for i in self.items if i not in self.receipts]
                        self._decide(outbox.facts(tx, waiting, zone=self.parts.settings.tz))
                    self._stops, self._stops_at, self.paused = stops, at, stops.paused
            except SQLAlchemyError:
                # Without the database nobody can know whether this is still allowed: it waits.
                self.paused, self._stops_at = True, time.monotonic()
        return not self.paused and not self._is_over() and id not in self.refused

    def _is_over(self) -> bool:
        """Too long, or midnight: month and last day of a mail are those of its hand-over, so it is asked again."""
        if time.monotonic() - self.began_at > LONGEST_S:
            return True
        return self.parts.clock.now().astimezone(self.parts.settings.tz).date() != self._today()

    def ends(self, ids: Sequence[int]) -> list[Settled]:
        """The end of every claimed delivery."""
        with self.parts.engine.connect() as tx:
            tries = outbox.attempts(tx, ids)
        return [self._end(id, tries.get(id, 0)) for id in ids]

    def _decide(self, facts: dict[int, rule.SendFacts]) -> None:
        for id, fact in facts.items():
            decision = rule.may_send(fact, now=self.now)
            if not decision.ok:
                self.refused[id] = decision

    def _note(self, receipt: Receipt) -> None:
        self.receipts[receipt.id] = receipt
        if receipt.outcome in (Outcome.ACCEPTED, Outcome.IN_DOUBT):
            self.sent_at[receipt.id] = self.parts.clock.now()

    def _end(self, id: int, tries: int) -> Settled:
        receipt = self.receipts.get(id)
        if receipt is not None and receipt.outcome is not Outcome.WITHHELD:
            return ended(
                id, receipt.code, receipt.text, receipt.outcome, tries, at=self.sent_at.get(id, self.now)
            )
        if id in self.refused:
            return _unsent(id, self.refused[id], now=self.now, zone_today=self._today())
        # Withheld by a pause, or not reached: it stays planned, due at once.
        return Settled(id, State.PLANNED, "waits")

    def _today(self) -> date:
        return self.now.astimezone(self.parts.settings.tz).date()


def _guarded(item: Item) -> Item:
    """A mail that cannot be made fails alone: raised in the middle of a hand-over, it would cut off others."""
    body = item.body
    if isinstance(body, bytes):
        return item

    def made() -> bytes:
        try:
            return body()
        except MailError:
            raise
        except Exception as error:
            log.error("mail cannot be made", delivery=item.id, error=repr(error))
            raise MailError(f"cannot be made: {type(error).__name__}") from error

    return replace(item, body=made)


def ended(id: int, code: int, text: str, outcome: Outcome, tries: int, *, at: datetime) -> Settled:
    """A delivery's end by the server's answer. at: when it was given."""
    if outcome is Outcome.ACCEPTED:
        return Settled(id, State.SENT, "", code, text, sent_at=at, attempted=True)
    if outcome is Outcome.IN_DOUBT:
        return Settled(id, State.IN_DOUBT, "no_answer", code or None, text, sent_at=at, attempted=True)
    if outcome is Outcome.TEMPORARY and code // 100 != 4:
        # No word of the server about this mail: it, our account or our disk is away. Nothing is lost.
        reason = "no_journal" if text.startswith("journal:") else "smtp_away"
        return Settled(id, State.RETRY, reason, code or None, text, send_at=at + AWAY_RETRY)
    if outcome is Outcome.TEMPORARY:
        again = rule.retry_at(tries + 1, now=at)
        if again is not None:
            return Settled(id, State.RETRY, "smtp_temporary", code, text, send_at=again, attempted=True)
        return Settled(id, State.FAILED, "smtp_gave_up", code, text, attempted=True)
    reason = "smtp_refused" if code else "not_made"
    return Settled(id, State.FAILED, reason, code or None, text, attempted=bool(code))


def by_journal(id: int, verdict: Verdict, tries: int, *, at: datetime) -> Settled:
    """A delivery's end as the journal of a dead worker tells it."""
    if isinstance(verdict, Answered):
        return ended(id, verdict.code, verdict.text, outcome_of(verdict.code), tries, at=at)
    if isinstance(verdict, Begun):
        return Settled(id, State.IN_DOUBT, "cut_off", sent_at=at, attempted=True)
    return Settled(id, State.PLANNED, "waits")


def _unsent(id: int, decision: Decision, *, now: datetime, zone_today: date) -> Settled:
    state, reason = decision.state or State.FAILED, decision.reason or ""
    if state is State.RETRY:
        return Settled(id, state, reason, send_at=now + PROFILE_RETRY)
    until = None
    if state is State.CARRIED_OVER:
        until = first_day(zone_today.year * 12 + zone_today.month)  # the first of the next month
    return Settled(id, state, reason, until=until)


def _settle(parts: Parts, rows: list[Settled], *, token: str) -> None:
    """Write the ends. The mails are gone, so the database is waited for; the journal lies ready meanwhile."""
    for wait_s in (0.1, 0.3, 1.0, 3.0, None):
        try:
            settle(parts, rows, token=token)
            return
        except SQLAlchemyError:
            if wait_s is None:
                raise
            time.sleep(wait_s)


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


def _pace(rate: int) -> Callable[[], None]:
    """Hold the batch to `rate` bodies a second; 0 does not hold."""
    if rate <= 0:
        return lambda: None
    start, count = time.monotonic(), 0

    def wait() -> None:
        nonlocal count
        ahead = count / rate - (time.monotonic() - start)
        count += 1
        if ahead > 0:
            time.sleep(ahead)

    return wait


def close() -> None:
    """End the kept connections of this process."""
    for transport in _transports.values():
        with suppress(OSError):
            transport.close()
    _transports.clear()
