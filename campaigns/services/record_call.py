"""Record a call's result, and take it back for a minute.

The attempt is written at once, so the desk moves on; the task, the lead, the person, mails, hand-offs and the rank move
when `settle_calls` settles it, UNDO_FOR later. Taking it back before that deletes the attempt, and nothing else has
happened. Source: spec 3.7, 6.5.

Errors: TaskTaken (somebody else was quicker), NoSuchTask, CannotUndo, and outcomes.OutcomeError.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import Connection

from campaigns.parts import Parts
from campaigns.rules.appointments import FAR
from campaigns.rules.call_hours import HourRate
from campaigns.rules.outcomes import Call, CallResult, Effect, OutcomeError, effect_of
from campaigns.services import line_calls
from campaigns.storage import attempts, audit, call_locks, calls, closed_days
from campaigns.storage.attempts import WaitingCall
from campaigns.storage.calls import Subject

UNDO_FOR = timedelta(seconds=60)
# Nobody names a month beyond the longest purchase cycle; a year such as 2206 is a slip.
MONTH_FAR = timedelta(days=3650)


class TaskTaken(RuntimeError):
    """The task has moved since the page was opened. by, at, outcome: who ended or changed it, and how."""

    def __init__(self, subject: Subject) -> None:
        super().__init__(f"task {subject.task_id} has moved")
        self.by, self.at, self.outcome = subject.taken_by, subject.taken_at, subject.outcome


class NoSuchTask(LookupError):
    """There is no such call."""


class CannotUndo(RuntimeError):
    """There is no call of yours whose effects have not left yet."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """What was noted, and what it will do. settles_at: until then it can be taken back."""

    attempt_id: int
    person_id: int
    settles_at: datetime
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
    """Note a result; all that follows from it waits for UNDO_FOR.

    version: that of the task as the page showed it. next_at: the promised call-back or the appointment.
    named_month: when the person means to buy (not_now). Raises TaskTaken, NoSuchTask, OutcomeError.
    """
    with parts.engine.begin() as tx:
        subject = calls.lock(tx, task_id)
        if subject is None or subject.kind != "call":
            raise NoSuchTask(task_id)
        if subject.version != version or subject.state != "open" or subject.is_waiting:
            raise TaskTaken(subject)
        return note_result(
            tx,
            parts,
            subject,
            result,
            note=note,
            next_at=next_at,
            named_month=named_month,
            user_id=user_id,
            settles_at=now + UNDO_FOR,
            now=now,
        )


def note_result(
    tx: Connection,
    parts: Parts,
    subject: Subject,
    result: CallResult,
    *,
    note: str,
    next_at: datetime | None,
    named_month: date | None,
    user_id: int | None,
    settles_at: datetime,
    now: datetime,
    at: datetime | None = None,
    is_hour_known: bool = True,
    source_key: str = "",
) -> Recorded:
    """Note a result of a task that is locked and open. at: when the call was made, None for now. Raises OutcomeError."""
    at = at or now
    check_time(result, next_at, named_month, today=now.astimezone(parts.settings.tz).date(), now=now)
    effect = effect_for(tx, parts, subject, result, at=at, next_at=next_at, named_month=named_month, now=now)
    attempt_id = attempts.add_attempt(
        tx,
        task_id=subject.task_id,
        person_id=subject.person_id,
        result=result.value,
        note=note,
        next_at=next_at,
        named_month=named_month,
        user_id=user_id,
        settles_at=settles_at,
        source_key=source_key,
        at=at,
        is_hour_known=is_hour_known,
    )
    if user_id is not None:
        call_locks.free(tx, subject.task_id, user_id=user_id)
    line_calls.for_people(tx, [subject.person_id], now=now)
    audit.note(tx, noun="call", noun_id=attempt_id, action="record", user_id=user_id, now=now)
    return Recorded(attempt_id, subject.person_id, settles_at, effect)


def check_time(
    result: CallResult, next_at: datetime | None, named_month: date | None, *, today: date, now: datetime
) -> None:
    """A promise or a month lies ahead, and not in another decade by a slip. Raises OutcomeError: in_the_past, too_far.

    today: in the installation's zone.
    """
    if result is CallResult.NOT_NOW and named_month is not None:
        if named_month < today.replace(day=1):
            raise OutcomeError("in_the_past")
        if named_month > today + MONTH_FAR:
            raise OutcomeError("too_far")
    if result not in (CallResult.CALLBACK, CallResult.APPOINTMENT) or next_at is None:
        return
    if next_at <= now:
        raise OutcomeError("in_the_past")
    if next_at > now + FAR:
        raise OutcomeError("too_far")


def effect_for(
    tx: Connection,
    parts: Parts,
    subject: Subject,
    result: CallResult,
    *,
    at: datetime,
    next_at: datetime | None,
    named_month: date | None,
    now: datetime,
) -> Effect:
    """What a result does. at: when the call was made."""
    local = at.astimezone(parts.settings.tz)
    call = Call(
        on=local.date(),
        heard_on=now.astimezone(parts.settings.tz).date(),
        hour=local.hour,
        tries=subject.tries,
        named_at=next_at,
        named_month=named_month,
        has_fax=subject.has_fax,
        cycle_days=subject.cycle_days,
        zone=parts.settings.tz,
        rates=_rates(tx, subject),
    )
    return effect_of(result, call, calendar=closed_days.load(tx))


def _rates(tx: Connection, subject: Subject) -> tuple[HourRate, ...]:
    return tuple(attempts.hours_of_class(tx, subject.company_class))


def undoable(parts: Parts, *, user_id: int | None, now: datetime) -> WaitingCall | None:
    """The call that undo would take back."""
    with parts.engine.connect() as tx:
        return attempts.last_waiting(tx, user_id=user_id, now=now)


def undo(parts: Parts, *, user_id: int | None, now: datetime) -> WaitingCall:
    """Take back the user's last result while its effects wait. Raises CannotUndo."""
    with parts.engine.begin() as tx:
        last = attempts.last_waiting(tx, user_id=user_id, now=now)
        if last is None:
            raise CannotUndo
        # The locks in the order of record and settle, so that none of them crosses another.
        calls.lock(tx, last.task_id)
        if not attempts.take_back(tx, last.attempt_id, now=now):
            raise CannotUndo
        line_calls.for_people(tx, [last.person_id], now=now)
        audit.note(tx, noun="call", noun_id=last.attempt_id, action="undo", user_id=user_id, now=now)
    return last
