"""Settle calls: what a result does, once the minute in which it can be taken back has gone by.

Each attempt is claimed and settled in one transaction, so any number of workers may do it and twice is as good as
once. Source: spec 3.7, 6.5.
"""

from __future__ import annotations

from datetime import date, datetime, time

from sqlalchemy import Connection

from campaigns.parts import Parts
from campaigns.rules.outcomes import REACHED, UNANSWERED, CallResult, Effect
from campaigns.services import appoint, assign, await_reply, line_calls, rerank
from campaigns.services.follow_rank import DUE_TIME
from campaigns.services.record_call import effect_for
from campaigns.storage import attempts, calls, leads, tasks, touchpoints
from campaigns.storage.attempts import WaitingCall
from campaigns.storage.calls import Subject
from campaigns.storage.tasks import NewTask
from campaigns.storage.touchpoints import NewTouch

BANDS = {"morning": time(9, 30), "afternoon": time(13, 0)}
# Stages that sales own: a call by inside sales does not take the lead from them.
SALES = frozenset({"offered", "with_sales", "opportunity", "waiting", "won"})
# What was to be sent to somebody who has just said no.
SENDINGS = ("fax", "mail", "invite")
EVERY_KIND = ("call", "fax", "visit", "mail", "invite", "check")


def is_due(parts: Parts, *, now: datetime) -> bool:
    with parts.engine.connect() as tx:
        return bool(attempts.due(tx, now=now, limit=1))


def run(parts: Parts, *, now: datetime) -> int:
    """Settle everything that is due; returns how many calls were.

    One that fails holds up no other; it is tried again with the next run, and its error is raised when all are done.
    """
    total = 0
    failed: dict[int, Exception] = {}
    while True:
        with parts.engine.connect() as tx:
            due = attempts.due(tx, now=now, limit=200 + len(failed))
        found = [one for one in due if one.attempt_id not in failed]
        for one in found:
            try:
                total += _settle(parts, one, now=now)
            except Exception as error:
                failed[one.attempt_id] = error
        if not found:
            break
    if failed:
        raise ExceptionGroup("calls that could not be settled", list(failed.values()))
    return total


def _settle(parts: Parts, waiting: WaitingCall, *, now: datetime) -> bool:
    with parts.engine.begin() as tx:
        subject = calls.lock(tx, waiting.task_id)
        if subject is None or not attempts.claim(tx, waiting.attempt_id, now=now):
            return False
        result = CallResult(waiting.result)
        effect = effect_for(
            tx,
            parts,
            subject,
            result,
            at=waiting.at,
            next_at=waiting.next_at,
            named_month=waiting.named_month,
            now=now,
        )
        _touch(tx, subject, effect, waiting, now=now)
        if subject.state == "open":  # else it was ended meanwhile: by a rank, a colleague, an erasure
            _settle_task(tx, parts, waiting, effect, result)
        _settle_person(tx, parts, subject, waiting, effect, now=now)
        _follow_up(tx, parts, subject, waiting, effect, now=now)
        if waiting.is_hour_known:
            hour = waiting.at.astimezone(parts.settings.tz).hour
            attempts.count_hour(tx, hour, subject.company_class, is_connected=result in REACHED)
        rerank.for_people(
            tx, [subject.person_id], now=now, zone=parts.settings.tz, base_url=parts.settings.base_url
        )
        line_calls.for_people(tx, [subject.person_id], now=now)
    return True


def _touch(tx: Connection, subject: Subject, effect: Effect, waiting: WaitingCall, *, now: datetime) -> None:
    touch = NewTouch(
        source_key=f"call:{waiting.attempt_id}",
        person_id=subject.person_id,
        kind=effect.touch,
        at=waiting.at,
        product_id=subject.product_id,
        task_id=subject.task_id,
        note=waiting.note,
        actor_id=waiting.user_id,
    )
    touchpoints.put(tx, [touch], now=now)


def _settle_task(
    tx: Connection, parts: Parts, waiting: WaitingCall, effect: Effect, result: CallResult
) -> None:
    """The task ends, or comes again."""
    if effect.callback_at is not None:
        tasks.again(tx, waiting.task_id, due_at=effect.callback_at, promised_at=effect.callback_at)
    elif effect.retry_on is not None:
        start = _at(parts, effect.retry_on, effect.retry_from or BANDS.get(effect.retry_band, time()))
        due = _at(parts, effect.retry_on, DUE_TIME)
        tasks.again(tx, waiting.task_id, due_at=due, not_before=start, is_try=result in UNANSWERED)
    else:
        tasks.finish(
            tx,
            waiting.task_id,
            state="done",
            outcome=waiting.result,
            user_id=waiting.user_id,
            now=waiting.at,
        )


def _settle_person(
    tx: Connection, parts: Parts, subject: Subject, waiting: WaitingCall, effect: Effect, *, now: datetime
) -> None:
    calls.close_person(
        tx,
        subject.person_id,
        today=waiting.at.astimezone(parts.settings.tz).date(),
        phone_invalid=effect.phone_invalid,
        do_not_call=effect.do_not_call,
        has_left=effect.person_excluded,
    )
    if effect.phone_invalid or effect.do_not_call:
        tasks.cancel_others(tx, subject.person_id, kinds=["call"], outcome=waiting.result, now=now)
    if effect.person_excluded:
        tasks.cancel_others(tx, subject.person_id, kinds=EVERY_KIND, outcome=waiting.result, now=now)
    if subject.lead_id is None:
        return
    state = effect.lead_state
    if effect.declined_until:
        tasks.cancel_of_lead(tx, subject.lead_id, kinds=SENDINGS, outcome=waiting.result, now=now)
    if effect.person_excluded or effect.declined_until:
        # An offer that nobody has taken up yet is taken back: sales would call somebody who said no.
        if (
            leads.withdraw(tx, [subject.lead_id], reason=waiting.result, now=now)
            and subject.lead_state == "offered"
        ):
            state = state or "nurturing"
    elif state == "hot" and _is_ours(tx, subject.lead_id, subject.lead_state):
        leads.wake(tx, [subject.lead_id], outcome=waiting.result, now=now)
    elif subject.lead_state in (*SALES, "paused"):
        state = None
    leads.settle(
        tx,
        subject.lead_id,
        state=state,
        refused_until=_day(parts, effect.declined_until),
        no_call_before=_day(parts, effect.no_call_before),
        timeframe=effect.timeframe.strftime("%Y-%m") if effect.timeframe else None,
    )


def _is_ours(tx: Connection, lead_id: int, state: str) -> bool:
    """Whether a pause, or a wait of which sales know nothing, ends with the person's own interest."""
    return state == "paused" or (state == "waiting" and await_reply.stage_after(tx, lead_id) == "nurturing")


def _follow_up(
    tx: Connection, parts: Parts, subject: Subject, waiting: WaitingCall, effect: Effect, *, now: datetime
) -> None:
    """The next tasks; a further call is the caller's own, everything else whoever's the rule says."""
    today = now.astimezone(parts.settings.tz).date()
    made = tasks.add(
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
                assignee_id=waiting.user_id if follow.kind == "call" else None,
            )
            for follow in effect.follow_ups
        ],
        person_id=subject.person_id,
        company_id=subject.company_id,
        product_id=subject.product_id,
        lead_id=subject.lead_id,
        why=calls.causes(tx, subject.task_id),
        now=now,
        takes_over=True,
    )
    assign.new(tx, made, today=today)
    if waiting.result == CallResult.APPOINTMENT and waiting.next_at is not None:
        appoint.from_call(
            tx,
            parts,
            person_id=subject.person_id,
            product_id=subject.product_id,
            lead_id=subject.lead_id,
            starts_at=waiting.next_at,
            note=waiting.note,
            user_id=waiting.user_id,
            now=now,
        )


def _at(parts: Parts, day: date, at: time) -> datetime:
    return datetime.combine(day, at, tzinfo=parts.settings.tz)


def _day(parts: Parts, day: date | None) -> datetime | None:
    return None if day is None else _at(parts, day, time())
