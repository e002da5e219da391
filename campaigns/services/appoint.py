"""Appoint: agree on a visit, move it, call it off; everybody who takes part gets it for their calendar by mail.

The mails stand in the outbox within the same transaction, each named by appointment, change and reader, so the same
change is told once. Raises rules.appointments.AppointmentError, and Stale for a change of what somebody else changed.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection

from campaigns.parts import Parts
from campaigns.rules.appointments import LENGTH, NOTE_MAX, PLACE_MAX, AppointmentError, wrong_times
from campaigns.services import tell_appointment
from campaigns.storage import appointments, audit, participants, tasks, timeline
from campaigns.storage.appointments import Appointment


class Stale(RuntimeError):
    """Somebody else changed it first, or it is over. now: as it stands."""

    def __init__(self, found: Appointment) -> None:
        super().__init__(found.id)
        self.found = found


@dataclass(frozen=True, slots=True)
class Wanted:
    """What was agreed. staff: ours, the owner among them or not; guests: theirs besides the person; invited: those of
    them, the person included, who get the .ics."""

    person_id: int
    starts_at: datetime
    ends_at: datetime
    place: str = ""
    product_id: int | None = None
    owner_user_id: int | None = None
    staff: tuple[int, ...] = ()
    guests: tuple[int, ...] = ()
    invited: tuple[int, ...] = ()
    note: str = ""
    task_id: int | None = None


def make(tx: Connection, parts: Parts, wanted: Wanted, *, user_id: int | None, now: datetime) -> int:
    """A new appointment; returns its id. Its task is promised for then: the one it is for, else the lead's open visit
    that has no date yet."""
    errors = wrong_times(wanted.starts_at, wanted.ends_at, now=now)
    meant = participants.meant(tx, wanted.person_id, wanted.product_id)
    if meant is None:
        raise AppointmentError({"person": "unknown"})
    staff, guests = _people(tx, wanted, errors)
    if errors:
        raise AppointmentError(errors)
    owner_id = wanted.owner_user_id or staff[0]
    task_id = wanted.task_id or _without_date(tx, meant.lead_id)
    id = appointments.add(
        tx,
        {
            "task_id": task_id,
            "person_id": wanted.person_id,
            "origin_person_id": wanted.person_id,
            "company_id": meant.company_id,
            "product_id": wanted.product_id,
            "lead_id": meant.lead_id,
            "owner_user_id": owner_id,
            "starts_at": wanted.starts_at,
            "ends_at": wanted.ends_at,
            "place": wanted.place[:PLACE_MAX],
            "note": wanted.note[:NOTE_MAX],
            # In calendars for ever; nobody can guess it, so nobody can forge a change.
            "uid": f"{secrets.token_hex(12)}@{parts.settings.host or 'ikusei'}",
            "created_by": user_id,
            "created_at": now,
        },
    )
    participants.set_people(tx, id, staff=staff, guests=guests)
    if task_id is not None:
        tasks.again(tx, task_id, due_at=wanted.starts_at, promised_at=wanted.starts_at)
    tell_appointment.run(tx, parts, id, "new", now=now)
    audit.note(tx, noun="appointment", noun_id=id, action="add", user_id=user_id, now=now,
               changes={"starts_at": ("", wanted.starts_at.isoformat())})  # fmt: skip
    return id


def _without_date(tx: Connection, lead_id: int | None) -> int | None:
    task_id = appointments.open_visit(tx, lead_id) if lead_id is not None else None
    return task_id if task_id is not None and appointments.of_task(tx, task_id) is None else None


def run(parts: Parts, wanted: Wanted, *, user_id: int | None, now: datetime) -> int:
    """The same in a transaction of its own."""
    with parts.engine.begin() as tx:
        return make(tx, parts, wanted, user_id=user_id, now=now)


def from_call(
    tx: Connection,
    parts: Parts,
    *,
    person_id: int,
    product_id: int | None,
    lead_id: int | None,
    starts_at: datetime,
    note: str,
    user_id: int | None,
    now: datetime,
) -> int | None:
    """The date that was agreed on the phone, for the lead's open visit; a date agreed before is moved to it.

    Who goes is whoever has the visit, else who called; who has left us meanwhile goes no more. None where the time
    has gone by meanwhile, or nobody can go: the call is settled all the same.
    """
    if starts_at <= now:
        return None
    task_id = appointments.open_visit(tx, lead_id) if lead_id is not None else None
    task = tasks.get(tx, task_id) if task_id is not None else None
    before = appointments.of_task(tx, task.id) if task is not None else None
    if before is None and lead_id is not None:
        before = appointments.ahead_of_lead(tx, lead_id, now=now)
    active = {id for id, _name in timeline.users(tx)}
    may_go = [id for id in (task.assignee_id if task is not None else None, user_id) if id in active]
    owner_id = may_go[0] if may_go else None
    if before is not None:
        agreed = wanted_of(tx, before)
        staff = tuple(id for id in agreed.staff if id in active) or tuple(may_go[:1])
        wanted = replace(
            agreed,
            starts_at=starts_at,
            ends_at=starts_at + (before.ends_at - before.starts_at),
            staff=staff,
            owner_user_id=before.owner_user_id if before.owner_user_id in staff else None,
            task_id=before.task_id or task_id,
        )
        if not staff:
            return None
        _move(tx, parts, before, wanted, user_id=user_id, now=now)
        return before.id
    meant = participants.meant(tx, person_id, product_id)
    if owner_id is None or meant is None:
        return None
    wanted = Wanted(
        person_id=person_id,
        starts_at=starts_at,
        ends_at=starts_at + LENGTH,
        place=meant.address,
        product_id=product_id,
        owner_user_id=owner_id,
        staff=(owner_id,),
        note=note,
        task_id=task_id,
    )
    return make(tx, parts, wanted, user_id=user_id, now=now)


def change(
    parts: Parts, appointment_id: int, wanted: Wanted, *, version: int, user_id: int | None, now: datetime
) -> None:
    """Another time, place or people. Raises AppointmentError, Stale, LookupError."""
    with parts.engine.begin() as tx:
        before = _planned(tx, appointment_id, version)
        _move(tx, parts, before, wanted, user_id=user_id, now=now)


def cancel(parts: Parts, appointment_id: int, *, version: int, user_id: int | None, now: datetime) -> None:
    """Call it off: it leaves everybody's calendar, and its task waits for another date. Raises Stale, LookupError."""
    with parts.engine.begin() as tx:
        before = _planned(tx, appointment_id, version)
        appointments.change(tx, before.id, {"state": "cancelled", "sequence": before.sequence + 1})
        if before.task_id is not None:
            tasks.again(tx, before.task_id, due_at=before.starts_at)
        tell_appointment.run(tx, parts, before.id, "off", now=now)
        audit.note(tx, noun="appointment", noun_id=before.id, action="cancel", user_id=user_id, now=now,
                   changes={"state": ("planned", "cancelled")})  # fmt: skip


def wanted_of(tx: Connection, found: Appointment) -> Wanted:
    """An appointment as it stands, as what would be asked for."""
    guests = participants.guests(tx, found.id)
    return Wanted(
        person_id=found.person_id,
        starts_at=found.starts_at,
        ends_at=found.ends_at,
        place=found.place,
        product_id=found.product_id,
        owner_user_id=found.owner_user_id,
        staff=tuple(one.id for one in participants.staff(tx, found.id)),
        guests=tuple(one.id for one in guests if one.id != found.person_id),
        invited=tuple(one.id for one in guests if one.is_invited),
        note=found.note,
        task_id=found.task_id,
    )


def _planned(tx: Connection, appointment_id: int, version: int) -> Appointment:
    found = appointments.lock(tx, appointment_id)
    if found is None:
        raise LookupError(appointment_id)
    if found.version != version or found.state != "planned":
        raise Stale(found)
    return found


def _move(
    tx: Connection, parts: Parts, before: Appointment, wanted: Wanted, *, user_id: int | None, now: datetime
) -> None:
    errors = wrong_times(wanted.starts_at, wanted.ends_at, now=now)
    staff, guests = _people(tx, wanted, errors)
    if errors:
        raise AppointmentError(errors)
    gone = tell_appointment.readers(tx, before.id)
    meant = participants.meant(tx, before.person_id, wanted.product_id)
    task_id = before.task_id or wanted.task_id
    appointments.change(
        tx,
        before.id,
        {
            "starts_at": wanted.starts_at,
            "ends_at": wanted.ends_at,
            "place": wanted.place[:PLACE_MAX],
            "note": wanted.note[:NOTE_MAX],
            "product_id": wanted.product_id,
            "lead_id": meant.lead_id if meant else before.lead_id,
            "owner_user_id": wanted.owner_user_id or staff[0],
            "task_id": task_id,
            "sequence": before.sequence + 1,
        },
    )
    participants.set_people(tx, before.id, staff=staff, guests=guests)
    if task_id is not None and (task_id, wanted.starts_at) != (before.task_id, before.starts_at):
        tasks.again(tx, task_id, due_at=wanted.starts_at, promised_at=wanted.starts_at)
    # Whoever takes part no more is told that it is off for them.
    left_out = gone - tell_appointment.readers(tx, before.id)
    tell_appointment.run(tx, parts, before.id, "moved", now=now)
    if left_out:
        tell_appointment.run(tx, parts, before.id, "off", only=left_out, before=before, now=now)
    audit.note(tx, noun="appointment", noun_id=before.id, action="change", user_id=user_id, now=now,
               changes={"starts_at": (before.starts_at.isoformat(), wanted.starts_at.isoformat())})  # fmt: skip


def _people(tx: Connection, wanted: Wanted, errors: dict[str, str]) -> tuple[list[int], dict[int, bool]]:
    """Ours in their order, theirs with whether they get the .ics; what is wrong goes into errors."""
    active = {id for id, _name in timeline.users(tx)}
    asked = dict.fromkeys(([wanted.owner_user_id] if wanted.owner_user_id else []) + list(wanted.staff))
    staff = [id for id in asked if id in active]
    if len(staff) < len(asked):
        errors["staff"] = "unknown"
    elif not staff:
        errors["staff"] = "none"
    ids = list(dict.fromkeys([wanted.person_id, *wanted.guests]))
    if len(participants.known_of(tx, ids)) < len(ids):
        errors["guests"] = "unknown"
    return staff, {id: id in wanted.invited for id in ids}
