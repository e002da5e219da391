"""A round: one claimed batch, from the claim to its settling.

The journal exists and is locked before the claim commits; H stands before a body's first byte, A after the
answer; a crash in between is read by the sweep. No network call happens inside a transaction. Source: design 3.
"""

from __future__ import annotations

import os
import secrets
import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

import structlog
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from campaigns.parts import Parts
from campaigns.rules import deliveries as rule
from campaigns.rules.deliveries import Decision, State
from campaigns.rules.schedule import month_of
from campaigns.services import admit, render, replan, settle
from campaigns.services.admit import Admitted
from campaigns.services.stops import Watch
from campaigns.storage import claims, outbox
from campaigns.storage.outbox import Due, Known, Lane, Stops
from campaigns.storage.settling import Settled
from mailer.errors import MailError
from mailer.journal import Journal, JournalDir
from mailer.receipts import Item, Outcome, Receipt, Stage, Transport
from mailer.tally import Tally
from mailer.transports import send_all

log = structlog.get_logger()

NEVER = datetime.min.replace(tzinfo=UTC)
LEASE = timedelta(minutes=15)  # another host settles a claim only after this
OFTEN_S = 0.05  # how often a round looks at the clock
# No body starts later than this in a round: it ends well before its job's limit and before its lease.
LONGEST_S = 300.0


@dataclass(slots=True)
class Round:
    """What may go, what has come back. until: told to stop, nothing more is begun."""

    parts: Parts
    watch: Watch
    now: datetime
    until: Callable[[], bool]
    token: str
    journal: Journal
    ids: list[int]
    known: dict[int, Known] = field(default_factory=dict)
    admitted: Admitted = field(default_factory=lambda: Admitted([], {}, {}, Tally({})))
    items: dict[int, Item] = field(default_factory=dict)
    refused: dict[int, Decision] = field(default_factory=dict)
    receipts: dict[int, Receipt] = field(default_factory=dict)
    answered_at: dict[int, datetime] = field(default_factory=dict)
    paused: bool = False
    began_at: float = field(default_factory=time.monotonic)
    _stops: Stops | None = None
    _time: datetime = NEVER
    _time_at: float = float("-inf")

    def load(self) -> None:
        """Facts and mails of the batch; the counter is read first, so a refusal in between shows."""
        with self.parts.engine.connect() as tx:
            self._stops = outbox.stops(tx)
            self.paused = self._stops.paused
            self.known = outbox.facts(tx, self.ids, zone=self.parts.settings.tz)
        self._decide(self.known)
        may_go = [id for id in self.ids if id not in self.refused]
        self.admitted = admit.ask(self.parts, may_go, self.known, now=self.now)
        with self.parts.engine.connect() as tx:
            self.items = render.items(tx, self.parts, self.admitted.go, now=self.now)
        for id in self.admitted.go:
            if id not in self.items:
                self.refused[id] = Decision(False, "nothing_to_send", State.FAILED)

    def hand_over(self, way: Callable[[str], Transport]) -> None:
        """Each mail that may go, with the stop check right before its body. way: an account's transport."""
        pace, begun = _pace(self.parts.settings.mail_rate), set[int]()

        def before_body(id: int) -> bool:
            if id not in begun:  # asked before each of its envelopes and before the body
                begun.add(id)
                pace()
            return self.admitted.seen.may_start(id) and self.may_still_go(id)

        groups: dict[str, list[Item]] = {}
        for id in self.admitted.go:
            if id in self.items and id not in self.refused:
                groups.setdefault(self.admitted.accounts[id], []).append(_guarded(self.items[id]))
        send_all(
            [(way(name), items) for name, items in groups.items()],
            journal=self.journal,
            before_body=before_body,
            on_result=self._note,
        )

    def may_still_go(self, id: int) -> bool:
        """The counter, at most 200 ms old; if it moved, the facts of the whole batch are loaded again.

        Once more where it moved while they were loaded: a slow answer must not be older than the counter.
        """
        self._look_at_clock()
        while (stops := self.watch.now()) != self._stops:
            self._look_again(stops)
            if self.paused:
                break
        return not self.paused and id not in self.refused

    def _look_again(self, stops: Stops | None) -> None:
        """Somebody refused, paused or went on; or the database is away, and nobody can know: then it waits."""
        self._stops = stops
        self.paused = stops is None or stops.paused or self._is_over()
        if self.paused:
            return
        waiting = [id for id in self.items if id not in self.receipts]
        try:
            with self.parts.engine.connect() as tx:
                self._decide(outbox.facts(tx, waiting, zone=self.parts.settings.tz))
        except SQLAlchemyError:
            self._stops, self.paused = None, True

    def _look_at_clock(self) -> None:
        """What time it is, and whether the round is over; read for each mail it would cost three signatures."""
        at = time.monotonic()
        if at - self._time_at > OFTEN_S:
            self._time, self._time_at = self.parts.clock.now(), at
            self.paused = self.paused or self._is_over()

    def _is_over(self) -> bool:
        """Told to stop; too long; or midnight: month and last day of a mail are those of its hand-over."""
        if self.until() or time.monotonic() - self.began_at > LONGEST_S:
            return True
        return self._time.astimezone(self.parts.settings.tz).date() != self._today()

    def settle(self) -> None:
        """Write the ends. The mails are gone, so the database is waited for; the journal lies ready meanwhile."""
        try:
            rows = [self._end(id) for id in self.ids]
            admit.report(self.parts, self.admitted, self.receipts, now=self.now)
            for wait_s in (0.1, 0.3, 1.0, 3.0, None):
                try:
                    settle.settle(self.parts, rows, token=self.token)
                    break
                except SQLAlchemyError:
                    if wait_s is None:
                        raise
                    time.sleep(wait_s)
        except BaseException:
            self.leave()
            raise
        self.journal.close_and_unlink()
        admit.give_back(self.parts, self.admitted, self.receipts, now=self.now)

    def leave(self) -> None:
        """Give up the lock and nothing else: the sweep settles from what stands written."""
        self.journal.close()

    def _decide(self, known: dict[int, Known]) -> None:
        for id, one in known.items():
            decision = rule.may_send(one.facts, now=self.now)
            if not decision.ok:
                self.refused[id] = decision

    def _note(self, receipt: Receipt) -> None:
        self.receipts[receipt.id] = receipt
        if receipt.stage is Stage.NONE:
            return  # no server was asked
        self._look_at_clock()
        self.answered_at[receipt.id] = self._time
        verdict = settle.verdict(receipt)
        self.admitted.seen.note(receipt.id, verdict, code=receipt.code, text=receipt.text)

    def _end(self, id: int) -> Settled:
        receipt = self.receipts.get(id)
        if receipt is not None and receipt.outcome is not Outcome.WITHHELD:
            at = self.answered_at.get(id, self.now)
            return settle.ended(
                receipt, self.known[id].attempts, at=at, account=self.admitted.accounts.get(id, "")
            )
        if id in self.admitted.wait:
            held = self.admitted.wait[id]
            return Settled(id, State.PLANNED, held.reason, send_at=held.until)
        if id in self.refused:
            return settle.unsent(id, self.refused[id], now=self.now, today=self._today())
        return settle.waits(id)  # withheld, or not reached

    def _today(self) -> date:
        return self.now.astimezone(self.parts.settings.tz).date()


def claim(
    parts: Parts,
    watch: Watch,
    *,
    now: datetime,
    lane: Lane = Lane.ALL,
    until: Callable[[], bool] = lambda: False,
) -> Round | None:
    """Take the next batch, with all that is known of it; None when nothing is due.

    Raises OSError without room for a journal: then nothing is claimed.
    """
    token, size = secrets.token_hex(12), parts.settings.batch
    directory = JournalDir(parts.journal_folder)
    journal = Journal.create(directory, token, size)
    try:
        tx = parts.engine.connect()
    except BaseException:
        journal.close_and_unlink()
        raise
    with tx:
        due = _commit(tx, parts, journal, directory, token=token, now=now, size=size, lane=lane)
    if not due:
        journal.close_and_unlink()
        return None
    made = Round(parts, watch, now, until, token, journal, [one.id for one in due])
    try:
        made.load()
    except BaseException:
        made.leave()
        raise
    return made


def _commit(
    tx: Connection,
    parts: Parts,
    journal: Journal,
    directory: JournalDir,
    *,
    token: str,
    now: datetime,
    size: int,
    lane: Lane,
) -> Sequence[Due]:
    """The claim's transaction; its journal stands and is locked before the commit."""
    try:
        since = replan.since(parts, now=now)
        due = outbox.claim(tx, token=token, now=now, limit=size, lane=lane, since=since)
        if due:
            claims.note_claim(
                tx,
                token=token,
                host=socket.gethostname(),
                journal_dir=directory.id,
                boot_id=directory.boot_id,
                worker=f"{socket.gethostname()}:{os.getpid()}",
                size=len(due),
                now=now,
                lease_until=datetime.now(UTC) + LEASE,
            )
            month = month_of(now, parts.settings.tz)
            late = [one.id for one in due if 0 < one.month < month]
            if late:
                outbox.rekey(tx, late, month=month)
    except BaseException:
        journal.close_and_unlink()  # nothing was committed
        raise
    try:
        tx.commit()
    except BaseException:
        # Not known to be committed: a claim that did commit is the sweep's, by this very journal.
        journal.close()
        raise
    return due


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

    return Item(item.id, item.mail_from, item.rcpt_to, made, item.is_clean)


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
