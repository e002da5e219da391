"""The call desk: who is called next, what a result does, and taking the last one back.

A result moves everything in one transaction: the attempt, the task, the touchpoint, the lead, the person,
the next task and the rank. Source: spec 3.7, 3.8, 6.5.

Errors: TaskTaken (somebody else was quicker), NoSuchTask, CannotUndo, and outcomes.OutcomeError.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from sqlalchemy import Connection

from campaigns.parts import Parts
from campaigns.rules import callorder
from campaigns.rules.callorder import CallLine, Desk
from campaigns.rules.outcomes import UNANSWERED, Call, CallResult, Effect, effect_of
from campaigns.services import rerank
from campaigns.services.rerank import CALENDAR, DUE_TIME
from campaigns.storage import audit, calls, leads, tasks, touchpoints
from campaigns.storage.calls import LastCall, OpenCall, Subject, WhyTouch
from campaigns.storage.tasks import NewTask
from campaigns.storage.touchpoints import NewTouch

UNDO_FOR = timedelta(minutes=10)
INQUIRY_FOR = timedelta(days=60)
FIT = {"A": 1.0, "B": 0.9, "C1": 0.7, "C2": 0.7, "D": 0.5, "E": 0.4, "-": 0.2}
BANDS = {"morning": time(9, 30), "afternoon": time(13, 0)}
# Stages that sales own: a call by inside sales does not take the lead from them.
SALES = frozenset({"offered", "with_sales", "opportunity", "won"})


class TaskTaken(RuntimeError):
    """The task has moved since the page was opened. by, at, outcome: who ended or changed it, and how."""

    def __init__(self, subject: Subject) -> None:
        super().__init__(f"task {subject.task_id} has moved")
        self.by, self.at, self.outcome = subject.taken_by, subject.taken_at, subject.outcome


class NoSuchTask(LookupError):
    """There is no such call."""


class CannotUndo(RuntimeError):
    """code: nothing (no call of yours in the last ten minutes) or moved (somebody has worked on it since)."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class Line:
    """A call in its place. place_reason: callback, inquiry, value, remeasure. why: oldest first."""

    call: OpenCall
    place: int
    place_reason: str
    value: float
    why: tuple[WhyTouch, ...]


@dataclass(frozen=True, slots=True)
class Queue:
    """lines: to call now, in order. hidden: reason code -> how many open calls wait for it."""

    lines: tuple[Line, ...]
    hidden: dict[str, int]
    is_calling_time: bool


@dataclass(frozen=True, slots=True)
class Recorded:
    """What a result did. task_open: the same task comes again at next_at."""

    attempt_id: int
    person_id: int
    task_open: bool
    next_at: datetime | None
    effect: Effect


def queue(
    parts: Parts,
    *,
    now: datetime,
    user_id: int | None,
    product_id: int | None = None,
    rank: str = "",
    hours_only: bool = True,
) -> Queue:
    """Open calls in the order of spec 3.8, with what stands against the others."""
    desk = Desk(zone=parts.settings.tz, calendar=CALENDAR, hours_only=hours_only)
    with parts.engine.connect() as tx:
        found = _open_calls(tx, parts, now=now, user_id=user_id, product_id=product_id)
        found = [call for call in found if not rank or call.rank == rank]
        by_id = {call.task_id: call for call in found}
        hidden: dict[str, int] = {}
        lines = []
        for call in found:
            line = _line(call)
            reason = _waits(call, now) or callorder.hidden(line, now=now, desk=desk)
            if reason:
                hidden[reason] = hidden.get(reason, 0) + 1
            else:
                lines.append(line)
        placed = callorder.order(lines, now=now, desk=desk)
        why = calls.touches(tx, [id for p in placed for id in by_id[p.line.task_id].why])
    return Queue(
        lines=tuple(
            Line(call, place, p.reason, p.score, tuple(why[id] for id in call.why if id in why))
            for place, p in enumerate(placed, start=1)
            if (call := by_id[p.line.task_id])
        ),
        hidden=hidden,
        is_calling_time=callorder.is_calling_time(now, desk),
    )


def one(parts: Parts, task_id: int, *, now: datetime, user_id: int | None) -> Line | None:
    """One open call with its causes, wherever it stands in the order; None when it is not open."""
    with parts.engine.connect() as tx:
        found = _open_calls(tx, parts, now=now, user_id=user_id, task_id=task_id)
        if not found:
            return None
        why = calls.touches(tx, found[0].why)
    return Line(found[0], 0, "", 0.0, tuple(why[id] for id in found[0].why if id in why))


def _open_calls(
    tx: Connection,
    parts: Parts,
    *,
    now: datetime,
    user_id: int | None,
    product_id: int | None = None,
    task_id: int | None = None,
) -> list[OpenCall]:
    return calls.open_calls(
        tx,
        day=start_of_day(parts, now),
        inquiries_since=now - INQUIRY_FOR,
        user_id=user_id,
        product_id=product_id,
        task_id=task_id,
    )


def start_of_day(parts: Parts, now: datetime) -> datetime:
    """Midnight of today in the installation's zone."""
    return now.astimezone(parts.settings.tz).replace(hour=0, minute=0, second=0, microsecond=0)


def _waits(call: OpenCall, now: datetime) -> str | None:
    is_later = call.not_before is not None and call.not_before > now
    return "not_before" if is_later and call.promised_at is None else None


def _line(call: OpenCall) -> CallLine:
    # Amounts of single leads are not known yet, so every value is that of the product's median: 1.
    return CallLine(
        task_id=call.task_id,
        p_win=call.p_win,
        signal_at=call.signal_at,
        tries=call.tries,
        callback_at=call.promised_at,
        inquiry_at=call.inquiry_at,
        last_tried_at=call.last_at,
        is_unobserved=call.rank == "unobserved",
        fit=FIT.get(call.company_class, 0.0),
        do_not_call=call.do_not_call,
        state=call.lead_state,
        is_company_called=call.is_company_called,
    )


def record(
    parts: Parts,
    *,
    task_id: int,
    version: int,
    result: CallResult,
    note: str = "",
    next_at: datetime | None = None,
    named_month: date | None = None,
    user_id: int | None,
    now: datetime,
) -> Recorded:
    """Record a result and all that follows from it.

    version: that of the task as the page showed it. next_at: the promised call-back or the appointment.
    named_month: when the person means to buy (not_now). Raises TaskTaken, NoSuchTask, OutcomeError.
    """
    with parts.engine.begin() as tx:
        subject = calls.lock(tx, task_id)
        if subject is None or subject.kind != "call":
            raise NoSuchTask(task_id)
        if subject.version != version or subject.state != "open":
            raise TaskTaken(subject)
        effect = _effect(parts, subject, result, next_at=next_at, named_month=named_month, now=now)
        before = calls.snapshot(tx, subject.person_id)
        attempt_id = calls.add_attempt(
            tx,
            task_id=task_id,
            person_id=subject.person_id,
            result=result.value,
            note=note,
            next_at=next_at,
            user_id=user_id,
            now=now,
        )
        _touch(tx, subject, effect, attempt_id, note=note, user_id=user_id, now=now)
        again_at = _settle_task(tx, parts, subject, result, effect, user_id=user_id, now=now)
        _settle_person(tx, parts, subject, result, effect, now=now)
        _follow_up(tx, parts, subject, effect, now=now)
        rerank.for_people(
            tx, [subject.person_id], now=now, zone=parts.settings.tz, base_url=parts.settings.base_url
        )
        audit.note(
            tx,
            noun="call",
            noun_id=attempt_id,
            action="record",
            user_id=user_id,
            now=now,
            # Ten minutes long this is what undo needs; it is erased with the person's other values.
            changes={"before": (json.dumps(before), version + 1)},
        )
    return Recorded(attempt_id, subject.person_id, effect.keeps_task_open, again_at, effect)


def _effect(
    parts: Parts,
    subject: Subject,
    result: CallResult,
    *,
    next_at: datetime | None,
    named_month: date | None,
    now: datetime,
) -> Effect:
    local = now.astimezone(parts.settings.tz)
    call = Call(
        on=local.date(),
        hour=local.hour,
        tries=subject.tries,
        named_at=next_at,
        named_month=named_month,
        has_fax=subject.has_fax,
        cycle_days=subject.cycle_days,
        zone=parts.settings.tz,
    )
    return effect_of(result, call, calendar=CALENDAR)


def _touch(
    tx: Connection,
    subject: Subject,
    effect: Effect,
    attempt_id: int,
    *,
    note: str,
    user_id: int | None,
    now: datetime,
) -> None:
    touch = NewTouch(
        source_key=f"call:{attempt_id}",
        person_id=subject.person_id,
        kind=effect.touch,
        at=now,
        product_id=subject.product_id,
        task_id=subject.task_id,
        note=note,
        actor_id=user_id,
    )
    touchpoints.put(tx, [touch], now=now)


def _settle_task(
    tx: Connection,
    parts: Parts,
    subject: Subject,
    result: CallResult,
    effect: Effect,
    *,
    user_id: int | None,
    now: datetime,
) -> datetime | None:
    """The task ends, or comes again; returns when."""
    if effect.callback_at is not None:
        tasks.again(tx, subject.task_id, due_at=effect.callback_at, promised_at=effect.callback_at)
        return effect.callback_at
    if effect.retry_on is not None:
        start = _at(parts, effect.retry_on, BANDS.get(effect.retry_band, time()))
        due = _at(parts, effect.retry_on, DUE_TIME)
        tasks.again(
            tx, subject.task_id, due_at=due, not_before=start, is_try=result in UNANSWERED
        )
        return start
    tasks.finish(tx, subject.task_id, state="done", outcome=result.value, user_id=user_id, now=now)
    return None


def _settle_person(
    tx: Connection, parts: Parts, subject: Subject, result: CallResult, effect: Effect, *, now: datetime
) -> None:
    today = now.astimezone(parts.settings.tz).date()
    calls.close_person(
        tx,
        subject.person_id,
        today=today,
        phone_invalid=effect.phone_invalid,
        do_not_call=effect.do_not_call,
        has_left=effect.person_excluded,
    )
    if effect.phone_invalid or effect.do_not_call:
        tasks.cancel_others(tx, subject.person_id, kinds=["call"], outcome=result.value, now=now)
    if effect.person_excluded:
        every = ["call", "fax", "visit", "mail", "check"]
        tasks.cancel_others(tx, subject.person_id, kinds=every, outcome=result.value, now=now)
    if subject.lead_id is None:
        return
    state = effect.lead_state
    if effect.person_excluded or effect.declined_until:
        # An offer that nobody has taken up yet is taken back: sales would call somebody who said no.
        if leads.withdraw(tx, [subject.lead_id], reason=result.value) and subject.lead_state == "offered":
            state = state or "nurturing"
    elif subject.lead_state in SALES:
        state = None
    leads.settle(
        tx,
        subject.lead_id,
        state=state,
        refused_until=_day(parts, effect.declined_until),
        no_call_before=_day(parts, effect.no_call_before),
        timeframe=effect.timeframe.strftime("%Y-%m") if effect.timeframe else None,
    )


def _follow_up(
    tx: Connection, parts: Parts, subject: Subject, effect: Effect, *, now: datetime
) -> None:
    today = now.astimezone(parts.settings.tz).date()
    tasks.add(
        tx,
        [
            NewTask(
                kind=follow.kind,
                cause=follow.reason,
                due_at=follow.at or _at(parts, follow.due_on, DUE_TIME),
                not_before=_at(parts, follow.due_on, time())
                if follow.kind == "call" and follow.due_on > today
                else None,
                promised_at=follow.at,
                team="field" if follow.kind == "visit" else "inside",
            )
            for follow in effect.follow_ups
        ],
        person_id=subject.person_id,
        company_id=subject.company_id,
        product_id=subject.product_id,
        lead_id=subject.lead_id,
        why=_why(tx, subject),
        now=now,
    )


def _why(tx: Connection, subject: Subject) -> Sequence[int]:
    """The causes of the call, and the call itself: the next task tells the whole story."""
    return calls.causes(tx, subject.task_id)


def _at(parts: Parts, day: date, at: time) -> datetime:
    return datetime.combine(day, at, tzinfo=parts.settings.tz)


def _day(parts: Parts, day: date | None) -> datetime | None:
    return None if day is None else _at(parts, day, time())


def undoable(parts: Parts, *, user_id: int | None, now: datetime) -> LastCall | None:
    """The call that undo would take back."""
    with parts.engine.connect() as tx:
        return calls.last_of(tx, user_id=user_id, since=now - UNDO_FOR)


def undo(parts: Parts, *, user_id: int | None, now: datetime) -> LastCall:
    """Take back the user's last result of the last ten minutes; the task is open again, the rank as before.

    Raises CannotUndo.
    """
    with parts.engine.begin() as tx:
        last = calls.last_of(tx, user_id=user_id, since=now - UNDO_FOR)
        if last is None:
            raise CannotUndo("nothing")
        subject = calls.lock(tx, last.task_id)
        if subject is None or subject.version != last.task_version:
            raise CannotUndo("moved")
        calls.forget(tx, last.attempt_id)
        calls.restore(tx, last.before, at=last.at, now=now)
        rerank.for_people(
            tx, [last.person_id], now=now, zone=parts.settings.tz, base_url=parts.settings.base_url
        )
        audit.note(tx, noun="call", noun_id=last.attempt_id, action="undo", user_id=user_id, now=now)
    return last
