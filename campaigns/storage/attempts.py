"""Calls that were made: one by one, by hour, by user."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

# Results of a call in which somebody of that company spoke with us.
CONNECTED = (
    "gatekeeper",
    "talked",
    "interest",
    "appointment",
    "material",
    "callback",
    "not_now",
    "refused",
    "left",
)


@dataclass(frozen=True, slots=True)
class HourRate:
    """Calls of an hour of the day, in the installation's zone, and how many of them were answered."""

    hour: int
    calls: int
    connected: int


def hour_rates(tx: Connection, *, zone: str, company_id: int | None = None) -> list[HourRate]:
    """Connect rate by hour, over all calls or one company's. Source: S1-06."""
    rows = tx.execute(
        text(
            "select extract(hour from a.at at time zone :zone)::int as hour, count(*)::int as calls,"
            " (count(*) filter (where a.result = any(:connected)))::int as connected"
            " from call_attempts a where cast(:company as bigint) is null or exists (select 1 from affiliations f"
            " where f.person_id = a.person_id and f.is_current and f.company_id = :company)"
            " group by 1 order by 1"
        ),
        {"zone": zone, "connected": list(CONNECTED), "company": company_id},
    )
    return [HourRate(**row._mapping) for row in rows]


@dataclass(frozen=True, slots=True)
class Today:
    """What one user has done today. goal: calls a day that the house plans with."""

    calls: int
    connected: int
    appointments: int
    goal: int


def today(tx: Connection, *, user_id: int | None, day: datetime) -> Today:
    row = tx.execute(
        text(
            "select count(*)::int as calls, (count(*) filter (where result = any(:connected)))::int as connected,"
            " (count(*) filter (where result = 'appointment'))::int as appointments,"
            " coalesce((select call_capacity_per_day from house), 0) as goal"
            " from call_attempts where user_id is not distinct from :me and at >= :day"
        ),
        {"connected": list(CONNECTED), "me": user_id, "day": day},
    ).one()
    return Today(**row._mapping)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One call that was made. user: who made it."""

    id: int
    task_id: int
    at: datetime
    result: str
    note: str
    next_at: datetime | None
    user: str


def attempts(tx: Connection, person_id: int, *, limit: int = 20) -> list[Attempt]:
    """The last calls to a person, newest first."""
    rows = tx.execute(
        text(
            "select a.id, a.task_id, a.at, a.result, a.note, a.next_at, coalesce(u.name, '') as user"
            " from call_attempts a left join users u on u.id = a.user_id"
            " where a.person_id = :id order by a.at desc, a.id desc limit :n"
        ),
        {"id": person_id, "n": limit},
    )
    return [Attempt(**row._mapping) for row in rows]


def add_attempt(
    tx: Connection,
    *,
    task_id: int,
    person_id: int,
    result: str,
    note: str,
    next_at: datetime | None,
    user_id: int | None,
    now: datetime,
) -> int:
    """One call made; returns its id."""
    return int(
        tx.execute(
            text(
                "insert into call_attempts (task_id, person_id, at, result, note, next_at, user_id)"
                " values (:task, :person, :now, :result, :note, :next_at, :me) returning id"
            ),
            {
                "task": task_id,
                "person": person_id,
                "now": now,
                "result": result,
                "note": note,
                "next_at": next_at,
                "me": user_id,
            },
        ).scalar_one()
    )
