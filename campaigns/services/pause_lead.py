"""Pause a lead (停止): they ask for peace, or sales say so. Until a day, nobody acts on it and no mail about it goes out.

A request by the customer ends it at once (`follow_rank`). Source: spec 2.2.

Errors: PauseError (what is wrong, by field), LookupError.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta

from campaigns.parts import Parts
from campaigns.services import rerank
from campaigns.storage import audit, leads, opportunities, tasks

FAR = timedelta(days=731)
REASON_MAX = 300
# What sales have in hand is theirs to answer, and who has bought is no lead any more.
PAUSES_FROM = frozenset({"new", "nurturing", "hot", "offered"})
KINDS = ("call", "fax", "mail", "invite", "check")
AT_ONCE = 500


class PauseError(ValueError):
    """errors: reason missing; until missing, past, far; state: the stage that forbids it."""

    def __init__(self, errors: Mapping[str, str]) -> None:
        super().__init__(", ".join(f"{field}: {code}" for field, code in errors.items()))
        self.errors = dict(errors)


def run(
    parts: Parts, lead_id: int, *, until: date | None, reason: str, user_id: int | None, now: datetime
) -> None:
    """Nobody calls, faxes, writes or offers the lead to sales until that day."""
    errors = _wrong(until, reason, today=now.astimezone(parts.settings.tz).date())
    with parts.engine.begin() as tx:
        buyer = opportunities.buyer(tx, lead_id)
        if buyer is None:
            raise LookupError(lead_id)
        if buyer.state not in PAUSES_FROM:
            errors["state"] = buyer.state
        if errors or until is None:
            raise PauseError(errors)
        words = reason.strip()[:REASON_MAX]
        end = datetime.combine(until, time(), tzinfo=parts.settings.tz)
        leads.pause(tx, lead_id, until=end, reason=words)
        leads.withdraw(tx, [lead_id], reason="paused", now=now)
        tasks.cancel_of_lead(tx, lead_id, kinds=KINDS, outcome="paused", now=now)
        leads.cancel_unplanned_visits(tx, lead_id, outcome="paused", now=now)
        changes: dict[str, tuple[object, object]] = {
            "state": (buyer.state, "paused"),
            "until": (None, until),
            "reason": ("", words),
        }
        audit.note(
            tx, noun="lead", noun_id=lead_id, action="pause", user_id=user_id, now=now, changes=changes
        )


def _wrong(until: date | None, reason: str, *, today: date) -> dict[str, str]:
    errors = {} if reason.strip() else {"reason": "missing"}
    if until is None:
        errors["until"] = "missing"
    elif until <= today:
        errors["until"] = "past"
    elif until - today > FAR:
        errors["until"] = "far"
    return errors


def resume(parts: Parts, lead_id: int, *, user_id: int | None, now: datetime) -> None:
    """It is nurtured again, and its rank says what is to be done. Twice is harmless."""
    with parts.engine.begin() as tx:
        buyer = opportunities.buyer(tx, lead_id)
        if buyer is None:
            raise LookupError(lead_id)
        if buyer.state != "paused":
            return
        leads.wake(tx, [lead_id], outcome="resumed", now=now)
        leads.settle(tx, lead_id, state="nurturing")
        changes: dict[str, tuple[object, object]] = {"state": ("paused", "nurturing")}
        audit.note(
            tx, noun="lead", noun_id=lead_id, action="resume", user_id=user_id, now=now, changes=changes
        )
        rerank.for_people(
            tx, [buyer.person_id], now=now, zone=parts.settings.tz, base_url=parts.settings.base_url
        )


def due(parts: Parts, *, now: datetime) -> int:
    """Pauses whose day has come are over; returns how many. One that fails holds up no other."""
    with parts.engine.connect() as tx:
        ids = leads.paused_until(tx, now=now, limit=AT_ONCE)
    failed = []
    for lead_id in ids:
        try:
            resume(parts, lead_id, user_id=None, now=now)
        except Exception as error:
            failed.append(error)
    if failed:
        raise ExceptionGroup("pauses that could not be ended", failed)
    return len(ids)
