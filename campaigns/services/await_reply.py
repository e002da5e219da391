"""Await a reply: after two or three visits one waits for them. The day to ask again stands in the diary.

The person is in nobody's call list meanwhile; information mails go on, and the others of the company are nurtured.
Source: S0-08, spec 3.7.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta

from sqlalchemy import Connection

from campaigns.parts import Parts
from campaigns.services.follow_rank import DUE_TIME
from campaigns.storage import audit, closed_days, hand_offs, leads, opportunities, tasks
from campaigns.storage.tasks import NewTask

WAIT_DAYS = 30
FAR = timedelta(days=366)


class WaitError(ValueError):
    """code: past, far (more than a year)."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def start(
    parts: Parts,
    lead_id: int,
    *,
    due_on: date | None = None,
    note: str = "",
    assignee_id: int | None = None,
    user_id: int | None,
    now: datetime,
) -> date:
    """Wait until a day, 30 days from now unless said otherwise; returns it. Raises WaitError, LookupError."""
    zone = parts.settings.tz
    today = now.astimezone(zone).date()
    wanted = due_on or today + timedelta(days=WAIT_DAYS)
    if wanted <= today:
        raise WaitError("past")
    if wanted - today > FAR:
        raise WaitError("far")
    with parts.engine.begin() as tx:
        buyer = opportunities.buyer(tx, lead_id)
        if buyer is None:
            raise LookupError(lead_id)
        day = closed_days.load(tx).next_business_day(wanted)
        tasks.cancel_of_lead(tx, lead_id, kinds=("reply", "call", "visit"), outcome="waiting", now=now)
        reminder = NewTask(
            kind="reply",
            cause="awaiting_reply",
            due_at=datetime.combine(day, DUE_TIME, tzinfo=zone),
            not_before=datetime.combine(day, time(), tzinfo=zone),
            team="field",
            note=note,
            assignee_id=assignee_id or user_id,
            created_by=user_id,
        )
        tasks.add(
            tx,
            [reminder],
            person_id=buyer.person_id,
            company_id=buyer.company_id,
            product_id=buyer.product_id,
            lead_id=lead_id,
            why=(),
            now=now,
        )
        leads.settle(tx, lead_id, state="waiting")
        changes: dict[str, tuple[object, object]] = {"state": (buyer.state, "waiting"), "due_on": (None, day)}
        audit.note(
            tx, noun="lead", noun_id=lead_id, action="await", user_id=user_id, now=now, changes=changes
        )
    return day


def stage_after(tx: Connection, lead_id: int) -> str:
    """The stage of a lead whose answer has come."""
    if opportunities.open_of_lead(tx, lead_id):
        return "opportunity"
    return "with_sales" if hand_offs.with_sales(tx, lead_id) is not None else "nurturing"


def end(parts: Parts, lead_id: int, *, user_id: int | None, now: datetime) -> str:
    """They have answered: sales have the lead as before, or it is nurtured; returns its stage."""
    with parts.engine.begin() as tx:
        buyer = opportunities.buyer(tx, lead_id)
        if buyer is None:
            raise LookupError(lead_id)
        if buyer.state != "waiting":
            return buyer.state
        state = stage_after(tx, lead_id)
        leads.settle(tx, lead_id, state=state)
        tasks.cancel_of_lead(tx, lead_id, kinds=("reply",), outcome="answered", now=now)
        audit.note(
            tx,
            noun="lead",
            noun_id=lead_id,
            action="answered",
            user_id=user_id,
            now=now,
            changes={"state": ("waiting", state)},
        )
    return state
