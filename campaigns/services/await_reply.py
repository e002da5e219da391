"""Await a reply: after two or three visits one waits for them. The day to ask again stands in the diary.

The person is in nobody's call list meanwhile; information mails go on, and the others of the company are nurtured.
Source: S0-08, spec 3.7.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from campaigns.parts import Parts
from campaigns.services import hand_over, rerank
from campaigns.services.follow_rank import DUE_TIME
from campaigns.storage import audit, closed_days, gate, hand_offs, leads, opportunities, tasks
from campaigns.storage.calls import Subject
from campaigns.storage.opportunities import Buyer
from campaigns.storage.tasks import NewTask

WAIT_DAYS = 30
FAR = timedelta(days=366)


# Stages in which somebody may be waited for: who has bought, or is none of ours, owes no answer.
WAITS_FROM = frozenset({"new", "nurturing", "hot", "offered", "with_sales", "opportunity", "waiting"})


class WaitError(ValueError):
    """code: past, far (more than a year), excluded, merged, declined, out_of_reach, or the stage that forbids it."""

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
        if buyer.state not in WAITS_FROM:
            raise WaitError(buyer.state)
        one = gate.candidate(tx, buyer.person_id, buyer.product_id)
        if one is not None and (code := hand_over.out_of_bounds(one, now=now)):
            raise WaitError(code)
        day = closed_days.load(tx).next_business_day(wanted)
        # A visit whose appointment stands is made all the same.
        tasks.cancel_of_lead(tx, lead_id, kinds=("reply", "call"), outcome="waiting", now=now)
        leads.cancel_unplanned_visits(tx, lead_id, outcome="waiting", now=now)
        reminder = _reminder(day, zone, note=note, assignee_id=assignee_id or user_id, user_id=user_id)
        _add(tx, reminder, buyer, now=now)
        leads.settle(tx, lead_id, state="waiting")
        changes: dict[str, tuple[object, object]] = {"state": (buyer.state, "waiting"), "due_on": (None, day)}
        audit.note(
            tx, noun="lead", noun_id=lead_id, action="await", user_id=user_id, now=now, changes=changes
        )
    return day


def _reminder(
    day: date, zone: ZoneInfo, *, note: str, assignee_id: int | None, user_id: int | None
) -> NewTask:
    return NewTask(
        kind="reply",
        cause="awaiting_reply",
        due_at=datetime.combine(day, DUE_TIME, tzinfo=zone),
        not_before=datetime.combine(day, time(), tzinfo=zone),
        team="field",
        note=note,
        assignee_id=assignee_id,
        created_by=user_id,
    )


def _add(tx: Connection, reminder: NewTask, buyer: Buyer | Subject, *, now: datetime) -> None:
    tasks.add(
        tx,
        [reminder],
        person_id=buyer.person_id,
        company_id=buyer.company_id,
        product_id=buyer.product_id,
        lead_id=buyer.lead_id,
        why=(),
        now=now,
    )


def stage_after(tx: Connection, lead_id: int) -> str:
    """The stage of a lead whose answer has come."""
    if opportunities.open_of_lead(tx, lead_id):
        return "opportunity"
    return {"accepted": "with_sales", "offered": "offered"}.get(hand_offs.standing(tx, lead_id), "nurturing")


def over(tx: Connection, reminder: Subject) -> None:
    """Its reminder is done with: the answer came, or nobody asks for it any more. The task is ended by who asks."""
    if reminder.lead_id is not None and reminder.lead_state == "waiting":
        leads.settle(tx, reminder.lead_id, state=stage_after(tx, reminder.lead_id))


def ask_again(
    tx: Connection, parts: Parts, reminder: Subject, *, note: str, user_id: int | None, now: datetime
) -> None:
    """They were asked and have not answered: a reminder after as long again, for whoever asked."""
    if reminder.lead_id is None or reminder.lead_state != "waiting":
        return
    zone = parts.settings.tz
    wanted = now.astimezone(zone).date() + timedelta(days=WAIT_DAYS)
    day = closed_days.load(tx).next_business_day(wanted)
    _add(tx, _reminder(day, zone, note=note, assignee_id=user_id, user_id=user_id), reminder, now=now)


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
        leads.wake(tx, [lead_id], outcome="answered", now=now)
        audit.note(
            tx,
            noun="lead",
            noun_id=lead_id,
            action="answered",
            user_id=user_id,
            now=now,
            changes={"state": ("waiting", state)},
        )
        rerank.for_people(
            tx, [buyer.person_id], now=now, zone=parts.settings.tz, base_url=parts.settings.base_url
        )
    return state
