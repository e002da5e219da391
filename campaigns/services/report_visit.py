"""Report a visit: what came of it, in words, and what follows. Four taps on a phone, all in one transaction.

The touch is what the company's diary and the daily report show. Source: S0-08, S0-28, S2-09.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time

from sqlalchemy import Connection

from campaigns.parts import Parts
from campaigns.rules.appointments import DAYS, NOTE_MAX, TOUCHES, Known, Next, Result, proposals
from campaigns.services import assign, draft_catalogues, line_calls, rerank
from campaigns.services.appoint import Stale
from campaigns.services.follow_rank import DUE_TIME
from campaigns.storage import (
    appointments,
    audit,
    closed_days,
    participants,
    ranks,
    tasks,
    timeline,
    touchpoints,
)
from campaigns.storage.appointments import Appointment
from campaigns.storage.tasks import NewTask
from campaigns.storage.timeline import Lead
from campaigns.storage.touchpoints import NewTouch

SALES = frozenset({"with_sales", "opportunity", "won"})
TASKS = {Next.CALL: "call", Next.VISIT: "visit", Next.QUOTE: "review"}


class ReportError(ValueError):
    """code: result_missing, next_unknown, too_early (the visit has not begun), day_past."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class Reported:
    """next: what was chosen; due_on: of the task that follows, None where there is none. lead_id: for what goes on
    elsewhere (hand-off, awaiting a reply)."""

    person_id: int
    next: Next
    due_on: date | None
    lead_id: int | None


def offered(parts: Parts, found: Appointment) -> dict[Result, tuple[Next, ...]]:
    """What each result proposes, the first of them chosen already."""
    with parts.engine.connect() as tx:
        known = _known(tx, found)
    return {result: tuple(one for one in proposals(result, known) if _fits(one, found)) for result in Result}


def _known(tx: Connection, found: Appointment) -> Known:
    return Known(
        visits=appointments.visits(tx, found.person_id, found.product_id) + 1,
        has_open_task=appointments.has_open_task(tx, found.person_id, but=found.task_id),
        is_with_sales=found.lead_state in SALES,
    )


def _fits(step: Next, found: Appointment) -> bool:
    """A hand-off and a wait are a lead's."""
    return found.lead_id is not None or step not in (Next.HAND_OFF, Next.WAIT)


def run(
    parts: Parts,
    appointment_id: int,
    *,
    version: int,
    result: Result,
    note: str,
    next: Next,
    next_on: date | None = None,
    user_id: int | None,
    now: datetime,
) -> Reported:
    """next_on: the day of the follow-up, by the rule when None. Raises ReportError, Stale, LookupError."""
    today = now.astimezone(parts.settings.tz).date()
    if next_on is not None and next_on < today:
        raise ReportError("day_past")
    with parts.engine.begin() as tx:
        found = appointments.lock(tx, appointment_id)
        if found is None:
            raise LookupError(appointment_id)
        if found.state != "planned" or found.version != version:
            raise Stale(found)
        if found.starts_at > now:
            raise ReportError("too_early")
        if not _fits(next, found):
            raise ReportError("next_unknown")
        note = note.strip()[:NOTE_MAX]
        appointments.change(
            tx,
            found.id,
            {
                "state": "held",
                "result": result.value,
                "report": note,
                "reported_by": user_id,
                "reported_at": now,
            },
        )
        _touch(tx, found, result, note, user_id=user_id, now=now)
        if found.task_id is not None:
            task = tasks.get(tx, found.task_id)
            if task is not None and task.state in ("open", "snoozed"):
                outcome = {Result.QUOTE: "quote", Result.ABSENT: "absent"}.get(result, "visited")
                tasks.finish(tx, task.id, state="done", outcome=outcome, user_id=user_id, now=now, note=note)
        ranks.ensure(tx, [found.person_id], now=now)  # the visit may be what makes a lead of them
        due_on = _follow_up(tx, parts, found, next, next_on, user_id=user_id, now=now)
        rerank.for_people(
            tx, [found.person_id], now=now, zone=parts.settings.tz, base_url=parts.settings.base_url
        )
        audit.note(tx, noun="appointment", noun_id=found.id, action="report", user_id=user_id, now=now,
                   changes={"result": ("", result.value), "next": ("", next.value)})  # fmt: skip
    return Reported(found.person_id, next, due_on, found.lead_id)


def _touch(
    tx: Connection, found: Appointment, result: Result, note: str, *, user_id: int | None, now: datetime
) -> None:
    """One a kind for everybody who was there; the words stand with the person it was made with."""
    met = dict.fromkeys([found.person_id, *(one.id for one in participants.guests(tx, found.id))])
    touches = [
        NewTouch(
            source_key=f"appointment:{found.id}:{kind.value}:{person_id}",
            person_id=person_id,
            kind=kind,
            at=found.starts_at,
            product_id=found.product_id,
            task_id=found.task_id,
            note=note if person_id == found.person_id else "",
            actor_id=user_id,
        )
        for kind in TOUCHES[result]
        for person_id in met
    ]
    if touches:
        touchpoints.put(tx, touches, now=now)
        draft_catalogues.for_touches(tx, touches, now=now)


def _follow_up(
    tx: Connection,
    parts: Parts,
    found: Appointment,
    next: Next,
    next_on: date | None,
    *,
    user_id: int | None,
    now: datetime,
) -> date | None:
    """The task that follows; the rep who was there keeps it."""
    kind = TASKS.get(next)
    if kind is None:
        return None
    today = now.astimezone(parts.settings.tz).date()
    lead = _lead(tx, found)
    due_on = next_on or closed_days.load(tx).add_business_days(today, DAYS[next])
    made = tasks.add(
        tx,
        [
            NewTask(
                kind=kind,
                cause="after_visit" if next is not Next.QUOTE else "quote_promised",
                due_at=datetime.combine(due_on, DUE_TIME, tzinfo=parts.settings.tz),
                not_before=datetime.combine(due_on, time(), tzinfo=parts.settings.tz)
                if kind == "call" and due_on > today
                else None,
                team="field",
                assignee_id=found.owner_user_id or user_id,
                created_by=user_id,
            )
        ],
        person_id=found.person_id,
        company_id=found.company_id,
        product_id=lead.product_id if lead else found.product_id,
        lead_id=lead.id if lead else None,
        why=(),
        now=now,
        takes_over=True,
    )
    assign.new(tx, made, today=today)
    line_calls.for_people(tx, [found.person_id], now=now)
    return due_on


def _lead(tx: Connection, found: Appointment) -> Lead | None:
    """Whose follow-up it is: the visit's lead, or the person's nearest where no product was named; so that the rank,
    which asks one call a lead, does not ask for a second."""
    leads = timeline.leads(tx, found.person_id)
    if found.product_id is None:
        return leads[0] if leads else None
    return next((one for one in leads if one.product_id == found.product_id), None)
