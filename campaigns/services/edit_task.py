"""Tasks by hand: what somebody asks for, changes, gives to another, or calls off.

TaskError carries {field: code}: kind unknown; on missing, past, far; at past; assignee unknown;
product unknown, open (an open one of this kind stands); kind do_not_call, phone_invalid, no_phone, excluded,
do_not_fax, no_fax; reason missing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from sqlalchemy import Connection

from campaigns.parts import Parts
from campaigns.rules import actions
from campaigns.rules.classes import FIELD_CLASSES
from campaigns.services import assign, await_reply, refuse_fax, rerank, start_call
from campaigns.services.follow_rank import DUE_TIME
from campaigns.storage import audit, calls, task_lists, tasks, timeline, users
from campaigns.storage.tasks import NewTask, Task
from campaigns.storage.timeline import Person
from campaigns.storage.users import User

KINDS = ("call", "fax", "visit", "mail", "invite", "check", "intro", "reply", "review")
FAR = timedelta(days=730)
NOTE_MAX = 4000
LEADERS = frozenset({"admin", "sales_manager"})


class TaskError(ValueError):
    """What is wrong, by field."""

    def __init__(self, errors: Mapping[str, str]) -> None:
        super().__init__(", ".join(f"{field}: {code}" for field, code in errors.items()))
        self.errors = dict(errors)


class Stale(RuntimeError):
    """Somebody changed or ended it first. task: as it is now."""

    def __init__(self, task: Task) -> None:
        super().__init__(task.id)
        self.task = task


class NotYours(RuntimeError):
    """Only who has it, who asked for it and who leads may change it."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What was typed. at: an hour that was promised, None for the end of the day. assignee_id: None for the rule's
    choice."""

    kind: str
    on: date | None
    at: time | None = None
    product_id: int | None = None
    assignee_id: int | None = None
    note: str = ""


def may_edit(task: Task, user: User) -> bool:
    return user.role in LEADERS or task.assignee_id in (None, user.id) or task.created_by == user.id


def about(parts: Parts, person_id: int) -> tuple[Person, list[timeline.Lead]] | None:
    """Whom a task would be about; None for nobody we have."""
    with parts.engine.connect() as tx:
        person = timeline.person(tx, person_id)
        return None if person is None else (person, timeline.leads(tx, person_id))


def caution(leads: list[timeline.Lead], *, kind: str, product_id: int | None) -> str:
    """What speaks against the task for the lead it is about: "", paused, nurture, declined. Said, never forbidden (S1-19)."""
    lead = next((one for one in leads if one.product_id == product_id), leads[0] if leads else None)
    return actions.caution(lead.rank, kind, is_paused=lead.paused_until is not None) if lead else ""


def add(parts: Parts, person_id: int, wanted: Wanted, *, user_id: int, now: datetime) -> tuple[int, str]:
    """A new task: its id, and what speaks against it (see `caution`). Raises TaskError, LookupError."""
    today = now.astimezone(parts.settings.tz).date()
    with parts.engine.begin() as tx:
        person = timeline.person(tx, person_id)
        if person is None or person.merged_into is not None:
            raise LookupError(person_id)
        leads = timeline.leads(tx, person_id)
        errors = _wrong(parts, tx, wanted, now=now) | _barred(tx, person, wanted.kind)
        lead = next((one for one in leads if one.product_id == wanted.product_id), None)
        if wanted.product_id is not None and lead is None:
            errors["product"] = "unknown"
        if errors:
            raise TaskError(errors)
        ids = tasks.add(
            tx,
            [_new(parts, wanted, person, user_id=user_id)],
            person_id=person_id,
            company_id=person.company_id,
            product_id=wanted.product_id,
            lead_id=lead.id if lead else None,
            why=(),
            now=now,
        )
        if not ids:
            raise TaskError({"product": "open"})
        assign.new(tx, ids, today=today)
        audit.note(tx, noun="task", noun_id=ids[0], action="add", user_id=user_id, now=now,
                   changes={"kind": ("", wanted.kind), "due": ("", wanted.on)})  # fmt: skip
    return ids[0], caution(leads, kind=wanted.kind, product_id=wanted.product_id)


def change(parts: Parts, task_id: int, wanted: Wanted, *, version: int, user: User, now: datetime) -> None:
    """When, whose and what for; kind and person stay. Raises TaskError, Stale, NotYours, LookupError."""
    with parts.engine.begin() as tx:
        task = _open(tx, task_id, version=version, user=user)
        today = now.astimezone(parts.settings.tz).date()
        due_at, promised_at = _when(parts, wanted)
        # A day that is over may stay as it is; only a new one must lie ahead.
        errors = _wrong(parts, tx, wanted, now=now, is_kept=due_at == task.due_at)
        if errors:
            raise TaskError(errors)
        assert due_at is not None
        new = {
            "due_at": due_at,
            "promised_at": promised_at,
            "assignee_id": wanted.assignee_id,
            "note": wanted.note[:NOTE_MAX],
        }
        task_lists.change(tx, task_id, new)
        if wanted.assignee_id is None:
            assign.new(tx, [task_id], today=today)
        audit.note(
            tx,
            noun="task",
            noun_id=task_id,
            action="change",
            user_id=user.id,
            now=now,
            changes={name: (getattr(task, name), value) for name, value in new.items()},
        )


def take(parts: Parts, task_id: int, *, version: int, user: User, now: datetime) -> None:
    """Make it one's own: anybody may who sees it lying there. Raises Stale, LookupError."""
    with parts.engine.begin() as tx:
        task = _open(tx, task_id, version=version, user=None)
        task_lists.change(tx, task_id, {"assignee_id": user.id})
        audit.note(tx, noun="task", noun_id=task_id, action="take", user_id=user.id, now=now,
                   changes={"assignee_id": (task.assignee_id, user.id)})  # fmt: skip


def cancel(parts: Parts, task_id: int, *, version: int, reason: str, user: User, now: datetime) -> None:
    """Call it off, with the reason. Raises TaskError, Stale, NotYours, LookupError."""
    if not reason.strip():
        raise TaskError({"reason": "missing"})
    with parts.engine.begin() as tx:
        reminder = calls.lock(tx, task_id)  # the person's leads first, as ranks do
        task = _open(tx, task_id, version=version, user=user)
        if task.kind == "reply" and reminder:
            await_reply.over(tx, reminder)
        note = "\n".join(part for part in (task.note, reason.strip()[:NOTE_MAX]) if part)
        tasks.finish(
            tx,
            task_id,
            state="cancelled",
            outcome="called_off",
            user_id=user.id,
            now=now,
            note=note[:NOTE_MAX],
        )
        audit.note(tx, noun="task", noun_id=task_id, action="cancel", user_id=user.id, now=now,
                   changes={"reason": ("", reason.strip()[:NOTE_MAX])})  # fmt: skip
        if task.kind == "reply" and reminder:
            rerank.for_people(
                tx, [reminder.person_id], now=now, zone=parts.settings.tz, base_url=parts.settings.base_url
            )


def _open(tx: Connection, task_id: int, *, version: int, user: User | None) -> Task:
    task_lists.lock(tx, task_id)
    task = tasks.get(tx, task_id)
    if task is None:
        raise LookupError(task_id)
    if task.version != version or task.state not in ("open", "snoozed"):
        raise Stale(task)
    if user is not None and not may_edit(task, user):
        raise NotYours(task_id)
    return task


def _new(parts: Parts, wanted: Wanted, person: Person, *, user_id: int) -> NewTask:
    due_at, promised_at = _when(parts, wanted)
    assert due_at is not None
    by_field = wanted.kind == "visit" or person.company_class in FIELD_CLASSES
    return NewTask(
        kind=wanted.kind,
        cause="by_hand",
        due_at=due_at,
        promised_at=promised_at,
        team="field" if by_field else "inside",
        priority=2 if promised_at else 3,
        note=wanted.note[:NOTE_MAX],
        assignee_id=wanted.assignee_id,
        created_by=user_id,
    )


def _when(parts: Parts, wanted: Wanted) -> tuple[datetime | None, datetime | None]:
    """Until when, and what was promised."""
    if wanted.on is None:
        return None, None
    due_at = datetime.combine(wanted.on, wanted.at or DUE_TIME, tzinfo=parts.settings.tz)
    return due_at, due_at if wanted.at else None


def _wrong(
    parts: Parts, tx: Connection, wanted: Wanted, *, now: datetime, is_kept: bool = False
) -> dict[str, str]:
    """is_kept: the day stays as it was."""
    today, errors = now.astimezone(parts.settings.tz).date(), dict[str, str]()
    _due_at, promised_at = _when(parts, wanted)
    if wanted.kind not in KINDS:
        errors["kind"] = "unknown"
    if wanted.on is None:
        errors["on"] = "missing"
    elif not is_kept and wanted.on < today:
        errors["on"] = "past"
    elif wanted.on > today + FAR:
        errors["on"] = "far"
    elif not is_kept and promised_at is not None and promised_at <= now:
        errors["at"] = "past"
    if wanted.assignee_id is not None:
        found = users.find(tx, wanted.assignee_id)
        if found is None or not found.is_active:
            errors["assignee"] = "unknown"
    return errors


def _barred(tx: Connection, person: Person, kind: str) -> dict[str, str]:
    """What the person has forbidden or we cannot do; a visit and a word by mail need nothing."""
    if person.excluded_reason:
        return {"kind": "excluded"}
    if kind == "call" and (code := start_call.why_not(person)):
        return {"kind": code}
    if kind == "fax":
        if person.do_not_fax or refuse_fax.is_refused(tx, person.fax or person.company_fax):
            return {"kind": "do_not_fax"}
        if person.fax_invalid or not (person.fax or person.company_fax):
            return {"kind": "no_fax"}
    return {}
