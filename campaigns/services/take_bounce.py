"""Take in what came back: a bounce or a complaint about a mail that was sent, by whatever way it arrived.

The caller writes its own row first, in the same transaction, and goes on only if that row is new: so the same
thing told twice, or by mail and by webhook at once, counts once. Source: spec 45 B1 to B5, D3; LAW-14.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from campaigns.parts import Parts
from campaigns.rules import returns
from campaigns.rules.returns import Level, Week
from campaigns.services import refuse
from campaigns.services.arrival import clean
from campaigns.storage import audit, closed_days, holds, next_actions, outbox, returned
from campaigns.storage.inbound import Answered
from campaigns.storage.next_actions import Alert
from campaigns.storage.returned import Before, DailyAlert
from mailer.bounces import Recipient, Side

DUE_TIME = time(17, 30)
REASON_MAX = 300
# What a scenario that stopped itself says of why; the pages word it.
PAUSED_FOR = "complaints"


@dataclass(frozen=True, slots=True)
class Fact:
    """Why a mail came back. reason: a key of mailer.bounces.REASONS; words: the receiving server's."""

    side: Side
    reason: str
    status: str = ""
    words: str = ""

    @property
    def text(self) -> str:
        """`user_unknown: 5.1.1 550 No such user`: the code for the pages' words, the rest as it was said."""
        said = self.words if self.words.find(self.status) >= 0 else f"{self.status} {self.words}"
        return clean(f"{self.reason or 'unclear'}: {said.strip()}".strip())[:REASON_MAX]

    @property
    def result(self) -> str:
        return {Side.HARD: "hard_bounce", Side.SOFT: "soft_bounce", Side.SENDER: "policy"}[self.side]


_WORST = (Side.HARD, Side.SOFT, Side.SENDER)
# Told about an address, but no failure.
_NO_FAILURE = frozenset({"delayed", "delivered", "feedback"})


def fact_of(recipients: Iterable[Recipient], email: str) -> Fact:
    """What a returned mail says about our recipient: the line of his own address, else the worst one.

    A mail may have been passed on, so a strange address is no reason to doubt the token.
    """
    failed = [one for one in recipients if one.reason not in _NO_FAILURE]
    own = [one for one in failed if email and one.address.lower() == email.lower()]
    if not failed:
        return Fact(Side.SOFT, "unclear")
    one = min(own or failed, key=lambda one: _WORST.index(one.side))
    return Fact(one.side, one.reason, one.status, one.words)


def bounce(tx: Connection, parts: Parts, mail: Answered, fact: Fact, *, now: datetime) -> str:
    """Write a bounce and what follows from it; returns its result for the caller's row."""
    before = returned.before(tx, mail.delivery_id, zone=parts.settings.tz)
    if before is None:
        return fact.result
    hardness = "" if fact.side is Side.SENDER else fact.side.value
    returned.bounced(tx, mail.delivery_id, hardness=hardness, words=fact.text, now=now)
    if fact.side is Side.SENDER:
        _tell_sender(tx, parts, mail, fact, now=now)
        return fact.result
    if before.address_id is not None:
        _mark(tx, parts, mail, fact, before.address_id, now=now)
    if fact.side is Side.HARD and before.bounce != "hard":
        returned.count(tx, before, hard=1, soft=-1 if before.bounce == "soft" else 0)
    elif before.bounce == "":
        returned.count(tx, before, soft=1)
    return fact.result


def _mark(
    tx: Connection, parts: Parts, mail: Answered, fact: Fact, address_id: int, *, now: datetime
) -> None:
    returned.lock_address(tx, address_id)
    reason = fact.text
    if fact.side is Side.SOFT:
        mails = returned.history(tx, address_id, delivery_id=mail.delivery_id)
        soft = returns.soft_bounces(mails, now=now)
        returned.set_soft(tx, address_id, count=soft, reason=reason, now=now)
        if not returns.is_dead(soft):
            return
        reason = f"soft_repeated: {reason}"[:REASON_MAX]
    if returned.set_dead(tx, address_id, reason=reason, now=now):
        returned.add_dead_checks(
            tx, [mail.delivery_id], due_at=next_due(tx, parts.settings.tz, now=now), now=now
        )


def next_due(tx: Connection, zone: ZoneInfo, *, now: datetime) -> datetime:
    """The end of the next business day, for a task that follows from incoming mail."""
    tomorrow = now.astimezone(zone).date() + timedelta(days=1)
    return datetime.combine(closed_days.load(tx).next_business_day(tomorrow), DUE_TIME, tzinfo=zone)


def _tell_sender(tx: Connection, parts: Parts, mail: Answered, fact: Fact, *, now: datetime) -> None:
    """Our own fault (reputation, authentication, content): somebody has to mend it; the address is fine."""
    alert = DailyAlert(
        "sender_fault",
        mail.product_id,
        mail.owner_user_id,
        about="",
        args={"delivery": mail.delivery_id, "reason": fact.reason, "words": fact.text},
    )
    returned.add_daily_alert(tx, alert, since=_midnight(parts, now), now=now)


def _midnight(parts: Parts, now: datetime) -> datetime:
    day = now.astimezone(parts.settings.tz).date()
    return datetime.combine(day, time(0), tzinfo=parts.settings.tz).astimezone(UTC)


def refuse_all(parts: Parts, mail: Answered, *, reason: str, evidence: str, now: datetime) -> None:
    """Nothing more to this mailbox, of any product. Before the caller's own transaction: it binds at once.

    A mail without a mailbox of ours (a test send, a notice to staff) has nobody to refuse for.
    """
    if mail.address_id is not None:
        refuse.record(
            parts, delivery_id=mail.delivery_id, scope="global", reason=reason, evidence=evidence, now=now
        )


def complaint(tx: Connection, parts: Parts, mail: Answered, *, now: datetime) -> str:
    """Called spam: write it, tell somebody, and stop the scenario when there are too many.

    The refusal itself was recorded by `refuse_all`.
    """
    before = returned.before(tx, mail.delivery_id, zone=parts.settings.tz)
    if before is None:
        return "complaint"
    returned.complained(tx, mail.delivery_id, now=now)
    if before.was_complained:
        return "complaint"
    returned.count(tx, before, complaints=1)
    alert = Alert(
        "complaint",
        mail.person_id,
        mail.product_id,
        None,
        mail.owner_user_id,
        {"delivery": mail.delivery_id},
    )
    next_actions.add_alerts(tx, [alert], now=now)
    if before.scenario_id:
        _watch(tx, parts, mail, before, now=now)
    return "complaint"


def _watch(tx: Connection, parts: Parts, mail: Answered, before: Before, *, now: datetime) -> None:
    """The scenario's complaints of a week against the limits."""
    returned.lock_scenario(tx, before.scenario_id)
    today = now.astimezone(parts.settings.tz).date()
    worst = max(_weeks(tx, before, today=today), key=lambda week: (_order(week), week.rate))
    level = returns.complaint_level(worst)
    if level is Level.OK:
        return
    if level is Level.PAUSE and holds.set_status(tx, before.scenario_id, old="active", new="paused"):
        changes: dict[str, tuple[object, object]] = {
            "reason": (None, PAUSED_FOR),
            "complaints": (None, f"{worst.complaints}/{worst.sent}"),
        }
        audit.note(
            tx,
            noun="scenario",
            noun_id=before.scenario_id,
            action="pause",
            user_id=None,
            now=now,
            changes=changes,
        )
        _alarm(tx, parts, "scenario_paused", mail, before, worst, now=now)
        outbox.bump_stops(tx)
        return
    _alarm(tx, parts, "complaint_rate", mail, before, worst, now=now)


def _weeks(tx: Connection, before: Before, *, today: date) -> list[Week]:
    return [
        returned.week(tx, before.scenario_id, first=first, last=last)
        for first, last in returns.weeks(before.day, today=today)  # two at the most
    ]


def _order(week: Week) -> int:
    return list(Level).index(returns.complaint_level(week))


def _alarm(
    tx: Connection, parts: Parts, kind: str, mail: Answered, before: Before, week: Week, *, now: datetime
) -> None:
    alert = DailyAlert(
        kind,
        mail.product_id,
        mail.owner_user_id,
        about=f"scenario:{before.scenario_id}",
        args={"scenario": before.scenario_id, "sent": week.sent, "complaints": week.complaints},
    )
    returned.add_daily_alert(tx, alert, since=_midnight(parts, now), now=now)
