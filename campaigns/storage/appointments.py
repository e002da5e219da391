"""Appointments: one row each, with ours and theirs who take part. Lists are asked for by time, index
ix_appointments_starts_at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, text, update

from campaigns.rules.appointments import LONGEST
from campaigns.storage import tables as t


@dataclass(frozen=True, slots=True)
class Appointment:
    """An appointment with the words its pages show. Instants aware UTC."""

    id: int
    version: int
    task_id: int | None
    person_id: int
    person: str
    honorific: str
    department: str
    title: str
    tel: str
    company_id: int | None
    company: str
    address: str
    product_id: int | None
    product: str
    colour_no: int
    lead_id: int | None
    lead_state: str
    rank: str
    owner_user_id: int | None
    owner: str
    starts_at: datetime
    ends_at: datetime
    place: str
    note: str
    state: str
    uid: str
    sequence: int
    result: str
    report: str
    reporter: str
    reported_at: datetime | None


ROWS = """
select a.id, a.version, a.task_id, a.person_id, p.full_name as person, p.honorific,
       coalesce(f.department, '') as department, coalesce(f.title, '') as title,
       coalesce(nullif(p.mobile, ''), nullif(p.tel_direct, ''), nullif(p.tel, ''), co.tel, '') as tel,
       a.company_id, coalesce(co.name, '') as company, coalesce(co.address, '') as address,
       a.product_id, coalesce(pr.name, '') as product, coalesce(pr.colour_no, 1) as colour_no,
       a.lead_id, coalesce(l.state, '') as lead_state, coalesce(l.rank, '') as rank, a.owner_user_id,
       coalesce(u.name, '') as owner, a.starts_at, a.ends_at, a.place, a.note, a.state, a.uid, a.sequence,
       a.result, a.report, coalesce(r.name, '') as reporter, a.reported_at
  from appointments a
  join people p on p.id = a.person_id
  left join affiliations f on f.person_id = p.id and f.is_current
  left join companies co on co.id = a.company_id
  left join products pr on pr.id = a.product_id
  left join product_leads l on l.id = a.lead_id
  left join users u on u.id = a.owner_user_id
  left join users r on r.id = a.reported_by
"""
MINE = """
   and (cast(:me as bigint) is null or a.owner_user_id = :me
        or exists (select 1 from appointment_staff s where s.appointment_id = a.id and s.user_id = :me))
"""


def _all(tx: Connection, rest: str, **values: object) -> list[Appointment]:
    return [Appointment(**row._mapping) for row in tx.execute(text(ROWS + rest), values)]


def get(tx: Connection, appointment_id: int) -> Appointment | None:
    return next(iter(_all(tx, " where a.id = :id", id=appointment_id)), None)


def by_uid(tx: Connection, uid: str) -> Appointment | None:
    return next(iter(_all(tx, " where a.uid = :uid", uid=uid)), None)


def of_task(tx: Connection, task_id: int) -> Appointment | None:
    """The planned one of a task; index uq_appointments_task."""
    return next(iter(_all(tx, " where a.task_id = :id and a.state = 'planned'", id=task_id)), None)


def ahead_of_lead(tx: Connection, lead_id: int, *, now: datetime) -> Appointment | None:
    """The next planned one of a lead; index ix_appointments_lead_id."""
    rest = " where a.lead_id = :id and a.state = 'planned' and a.starts_at > :now order by a.starts_at, a.id limit 1"
    return next(iter(_all(tx, rest, id=lead_id, now=now)), None)


def lock(tx: Connection, appointment_id: int) -> Appointment | None:
    tx.execute(text("select 1 from appointments where id = :id for update"), {"id": appointment_id})
    return get(tx, appointment_id)


def between(
    tx: Connection, first: datetime, last: datetime, *, user_id: int | None = None, limit: int = 500
) -> list[Appointment]:
    """Not called off, in their order. user_id: theirs alone, as owner or taking part."""
    return _all(
        tx,
        f" where a.starts_at >= :first and a.starts_at < :last and a.state <> 'cancelled' {MINE}"
        " order by a.starts_at, a.id limit :n",
        first=first,
        last=last,
        me=user_id,
        n=limit,
    )


def to_report(
    tx: Connection, *, now: datetime, user_id: int | None = None, limit: int = 200
) -> list[Appointment]:
    """Over, and nobody has said how it went; the oldest first. Index ix_appointments_planned."""
    return _all(
        tx,
        f" where a.state = 'planned' and a.ends_at <= :now {MINE} order by a.starts_at, a.id limit :n",
        now=now,
        me=user_id,
        n=limit,
    )


def counts(
    tx: Connection,
    *,
    now: datetime,
    today: datetime,
    tomorrow: datetime,
    week_end: datetime,
    user_id: int | None,
) -> dict[str, int]:
    """today, week (from today), report: how many lines each list has."""
    row = tx.execute(
        text(
            "select count(*) filter (where a.starts_at >= :today and a.starts_at < :tomorrow) as today,"  # noqa: S608 - of this module
            " count(*) filter (where a.starts_at >= :today and a.starts_at < :week_end) as week,"
            " count(*) filter (where a.state = 'planned' and a.ends_at <= :now) as report"
            " from appointments a where a.state <> 'cancelled'"
            " and (a.state = 'planned' or a.starts_at >= :today)" + MINE
        ),
        {"now": now, "today": today, "tomorrow": tomorrow, "week_end": week_end, "me": user_id},
    ).one()
    return {name: int(value) for name, value in row._mapping.items()}


def of_person(tx: Connection, person_id: int, *, limit: int = 5) -> list[Appointment]:
    """With the person, or where they take part: planned first, then the latest."""
    return _all(
        tx,
        " where a.state <> 'cancelled' and (a.person_id = :id or a.id in"
        " (select appointment_id from appointment_guests where person_id = :id))"
        " order by a.state <> 'planned', case when a.state = 'planned' then a.starts_at end, a.starts_at desc"
        " limit :n",
        id=person_id,
        n=limit,
    )


def of_company(tx: Connection, company_id: int, *, limit: int = 10) -> list[Appointment]:
    return _all(
        tx,
        " where a.state <> 'cancelled' and a.company_id = :id order by a.starts_at desc limit :n",
        id=company_id,
        n=limit,
    )


def overlapping(
    tx: Connection, user_ids: Sequence[int], starts_at: datetime, ends_at: datetime, *, but: int | None
) -> list[Appointment]:
    """Planned ones of these people that lie at the same time. Index ix_appointments_planned."""
    return _all(
        tx,
        " where a.state = 'planned' and a.starts_at < :ends and a.ends_at > :starts and a.starts_at > :earliest"
        " and a.id is distinct from cast(:but as bigint) and exists (select 1 from appointment_staff s"
        " where s.appointment_id = a.id and s.user_id = any(:users)) order by a.starts_at limit 5",
        starts=starts_at,
        ends=ends_at,
        earliest=starts_at - LONGEST,
        users=list(user_ids),
        but=but,
    )


def visits(tx: Connection, person_id: int, product_id: int | None) -> int:
    """How often somebody was with the person for the product. Index ix_touchpoints_person_id_at."""
    return int(
        tx.execute(
            text(
                "select count(*) from touchpoints where person_id = :person and kind = 'visit' and validity > 0"
                " and (cast(:product as bigint) is null or product_id is null or product_id = :product)"
            ),
            {"person": person_id, "product": product_id},
        ).scalar_one()
    )


def has_open_task(tx: Connection, person_id: int, *, but: int | None) -> bool:
    """Whether something else is to be done for the person."""
    return bool(
        tx.execute(
            text(
                "select exists (select 1 from tasks where person_id = :person and state in ('open', 'snoozed')"
                " and id is distinct from cast(:but as bigint))"
            ),
            {"person": person_id, "but": but},
        ).scalar_one()
    )


def open_visit(tx: Connection, lead_id: int) -> int | None:
    """The open visit of a lead, which a new date belongs to."""
    found = tx.execute(
        text(
            "select id from tasks where lead_id = :lead and kind = 'visit' and state in ('open', 'snoozed')"
            " order by id limit 1"
        ),
        {"lead": lead_id},
    ).scalar()
    return None if found is None else int(found)


def add(tx: Connection, values: Mapping[str, object]) -> int:
    done = tx.execute(insert(t.appointments).values(**values).returning(t.appointments.c.id))
    return int(done.scalar_one())


def change(tx: Connection, appointment_id: int, values: Mapping[str, Any]) -> None:
    tx.execute(
        update(t.appointments)
        .where(t.appointments.c.id == appointment_id)
        .values(version=t.appointments.c.version + 1, **values)
    )
