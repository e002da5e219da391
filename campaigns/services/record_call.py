"""Record a call's result, and take it back.

A result moves everything in one transaction: the attempt, the task, the touchpoint, the lead, the person,
the next task and the rank. Source: spec 3.7, 6.5.

Errors: TaskTaken (somebody else was quicker), NoSuchTask, CannotUndo, and outcomes.OutcomeError.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from sqlalchemy import Connection

from campaigns.parts import Parts
from campaigns.rules.outcomes import UNANSWERED, Call, CallResult, Effect, effect_of
from campaigns.services import rerank
from campaigns.services.follow_rank import DUE_TIME
from campaigns.storage import attempts, audit, call_undo, calls, closed_days, leads, tasks, touchpoints
from campaigns.storage.call_undo import LastCall
from campaigns.storage.calls import Subject
from campaigns.storage.tasks import NewTask
from campaigns.storage.touchpoints import NewTouch

UNDO_FOR = timedelta(minutes=10)
BANDS = {"morning": time(9, 30), "afternoon": time(13, 0)}
# Stages that sales own: a call by inside sales does not take the lead from them.
SALES = frozenset({"offered", "with_sales", "opportunity", "won"})
EVERY_KIND = ("call", "fax", "visit", "mail", "check")


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
class Recorded:
    """What a result did. task_open: the same task comes again at next_at."""

    attempt_id: int
    person_id: int
    task_open: bool
    next_at: datetime | None
    effect: Effect


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
        effect = _effect(tx, parts, subject, result, next_at=next_at, named_month=named_month, now=now)
        before = call_undo.snapshot(tx, subject.person_id)
        attempt_id = attempts.add_attempt(
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
    tx: Connection,
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
    return effect_of(result, call, calendar=closed_days.load(tx))


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
        tasks.again(tx, subject.task_id, due_at=due, not_before=start, is_try=result in UNANSWERED)
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
        tasks.cancel_others(tx, subject.person_id, kinds=EVERY_KIND, outcome=result.value, now=now)
    if subject.lead_id is None:
        return
    state = effect.lead_state
    if effect.person_excluded or effect.declined_until:
        # An offer that nobody has taken up yet is taken back: sales would call somebody who said no.
        if (
            leads.withdraw(tx, [subject.lead_id], reason=result.value, now=now)
            and subject.lead_state == "offered"
        ):
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


def _follow_up(tx: Connection, parts: Parts, subject: Subject, effect: Effect, *, now: datetime) -> None:
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
        why=calls.causes(tx, subject.task_id),
        now=now,
    )


def _at(parts: Parts, day: date, at: time) -> datetime:
    return datetime.combine(day, at, tzinfo=parts.settings.tz)


def _day(parts: Parts, day: date | None) -> datetime | None:
    return None if day is None else _at(parts, day, time())


def undoable(parts: Parts, *, user_id: int | None, now: datetime) -> LastCall | None:
    """The call that undo would take back."""
    with parts.engine.connect() as tx:
        return call_undo.last_of(tx, user_id=user_id, since=now - UNDO_FOR)


def undo(parts: Parts, *, user_id: int | None, now: datetime) -> LastCall:
    """Take back the user's last result of the last ten minutes; the task is open again, the rank as before.

    Raises CannotUndo.
    """
    with parts.engine.begin() as tx:
        last = call_undo.last_of(tx, user_id=user_id, since=now - UNDO_FOR)
        if last is None:
            raise CannotUndo("nothing")
        subject = calls.lock(tx, last.task_id)
        if subject is None or subject.version != last.task_version:
            raise CannotUndo("moved")
        call_undo.forget(tx, last.attempt_id)
        call_undo.restore(tx, last.before, at=last.at, now=now)
        rerank.for_people(
            tx, [last.person_id], now=now, zone=parts.settings.tz, base_url=parts.settings.base_url
        )
        audit.note(tx, noun="call", noun_id=last.attempt_id, action="undo", user_id=user_id, now=now)
    return last
