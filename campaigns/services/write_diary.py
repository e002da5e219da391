"""Write the diary, which is the daily report: typed once, at once on the catalogue, in the day's report, and a touch
of everybody talked to. What is to be done next becomes a task.

Errors: rules.diary.DiaryError. Source: S0-13, S0-22, S0-28.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from sqlalchemy import Connection

from campaigns.parts import Parts
from campaigns.rules import diary as rule
from campaigns.rules.appointments import AppointmentError
from campaigns.rules.diary import TOUCHES, DiaryError
from campaigns.services import appoint, draft_catalogues, rerank, start_call
from campaigns.services.follow_rank import DUE_TIME
from campaigns.storage import audit, catalogues, committees, company_people, diary, entered, tasks, timeline
from campaigns.storage.diary import NewEntry
from campaigns.storage.tasks import NewTask
from campaigns.storage.touchpoints import NewTouch

VISIT_TAKES = timedelta(hours=1)
NEXT = ("call", "visit", "mail", "fax", "intro", "check")


@dataclass(frozen=True, slots=True)
class Next:
    """What is to be done next. at: an hour that was promised, None for the end of the day."""

    kind: str
    on: date
    at: time | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Told:
    """What somebody wrote. key: names the form, so that pressing twice is one entry. met: people of the company."""

    key: str
    kind: str
    text: str
    at: datetime
    company_id: int | None = None
    product_id: int | None = None
    met: tuple[int, ...] = ()
    next: Next | None = None


def run(parts: Parts, told: Told, *, user_id: int, now: datetime) -> int | None:
    """Write an entry in its own transaction; its id, None when this form was sent before."""
    with parts.engine.begin() as tx:
        return write(tx, parts, told, user_id=user_id, now=now)


def write(tx: Connection, parts: Parts, told: Told, *, user_id: int, now: datetime) -> int | None:
    """The same inside the caller's transaction."""
    kind = rule.check(text=told.text, kind=told.kind, at=told.at, met=told.met, now=now)
    _check(tx, told)
    at = min(told.at, now)
    entry_id = diary.add(
        tx,
        NewEntry(
            key=f"{user_id}:{told.key}",
            user_id=user_id,
            kind=kind.value,
            text=told.text.replace("\r\n", "\n").strip(),
            at=at,
            company_id=told.company_id,
            product_id=told.product_id,
            met=told.met,
        ),
        now=now,
    )
    if entry_id is None:
        return None
    if told.company_id is not None:
        draft_catalogues.for_companies(tx, [told.company_id], now=now)
        catalogues.touch(tx, [told.company_id], now=now)
    if kind in TOUCHES:
        _touch(tx, parts, told, entry_id, at=at, user_id=user_id, now=now)
    if told.next is not None:
        _plan(tx, parts, told, told.next, entry_id, user_id=user_id, now=now)
    audit.note(tx, noun="diary", noun_id=entry_id, action="write", user_id=user_id, now=now)
    return entry_id


def _check(tx: Connection, told: Told) -> None:
    if told.company_id is None:
        if told.met:
            raise DiaryError("company", "company_unknown")
    elif not company_people.is_company(tx, told.company_id):
        raise DiaryError("company", "company_unknown")
    elif any(not company_people.works_at(tx, person_id, told.company_id) for person_id in told.met):
        raise DiaryError("met", "met_unknown")
    if told.product_id is not None and not committees.products(tx, [told.product_id]):
        raise DiaryError("product", "product_unknown")


def _touch(
    tx: Connection, parts: Parts, told: Told, entry_id: int, *, at: datetime, user_id: int, now: datetime
) -> None:
    touches = [
        NewTouch(
            source_key=f"diary:{entry_id}:{person_id}",
            person_id=person_id,
            kind=TOUCHES[rule.EntryKind(told.kind)],
            at=at,
            product_id=told.product_id,
            note=told.text.strip(),
            actor_id=user_id,
        )
        for person_id in dict.fromkeys(told.met)
    ]
    entered.add(tx, touches, now=now)
    draft_catalogues.for_touches(tx, touches, now=now)
    rerank.for_people(
        tx,
        [touch.person_id for touch in touches],
        now=now,
        zone=parts.settings.tz,
        base_url=parts.settings.base_url,
        pairs={(one.person_id, told.product_id) for one in touches if told.product_id is not None},
    )


def _plan(
    tx: Connection, parts: Parts, told: Told, wanted: Next, entry_id: int, *, user_id: int, now: datetime
) -> None:
    if wanted.kind not in NEXT:
        raise DiaryError("next", "next_odd")
    if wanted.on < now.astimezone(parts.settings.tz).date():
        raise DiaryError("next", "next_past")
    person_id = next(iter(told.met), None) or somebody(tx, told.company_id)
    person = timeline.person(tx, person_id) if person_id is not None else None
    if person is None:
        raise DiaryError("next", "next_nobody")
    if wanted.kind == "call" and start_call.why_not(person):
        raise DiaryError("next", "next_barred")
    due_at = datetime.combine(wanted.on, wanted.at or DUE_TIME, tzinfo=parts.settings.tz)
    [task_id] = tasks.add(
        tx,
        [
            NewTask(
                kind=wanted.kind,
                cause="diary",
                due_at=due_at,
                promised_at=due_at if wanted.at else None,
                team="field" if wanted.kind == "visit" else "inside",
                note=wanted.note.strip(),
                assignee_id=user_id,
                created_by=user_id,
            )
        ],
        person_id=person.id,
        company_id=told.company_id,
        product_id=told.product_id,
        lead_id=None,
        why=(),
        now=now,
    )
    diary.set_task(tx, entry_id, task_id)
    if wanted.kind == "visit" and wanted.at is not None:
        _appoint(tx, parts, told, person.id, due_at, task_id, user_id=user_id, now=now)


def _appoint(
    tx: Connection,
    parts: Parts,
    told: Told,
    person_id: int,
    starts_at: datetime,
    task_id: int,
    *,
    user_id: int,
    now: datetime,
) -> None:
    """A visit at an hour stands in the calendar as well."""
    agreed = appoint.Wanted(
        person_id=person_id,
        starts_at=starts_at,
        ends_at=starts_at + VISIT_TAKES,
        product_id=told.product_id,
        staff=(user_id,),
        guests=tuple(id for id in told.met if id != person_id),
        note=told.next.note if told.next else "",
        task_id=task_id,
    )
    try:
        appoint.make(tx, parts, agreed, user_id=user_id, now=now)
    except AppointmentError:
        raise DiaryError("next", "next_past") from None


def somebody(tx: Connection, company_id: int | None, *, of: Sequence[int] = ()) -> int | None:
    """Whom a task about a company is with: of these the first, else its contact, its decider, anybody there."""
    if of:
        return of[0]
    if company_id is None:
        return None
    found = catalogues.of_company(tx, company_id)
    named = (found.contact_id or found.decider_id) if found else None
    return named or company_people.first(tx, company_id)
