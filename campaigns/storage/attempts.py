"""Calls that were made: one by one, by hour, by user."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection, text

from campaigns.rules.call_hours import HourRate
from campaigns.rules.outcomes import REACHED


def hours(tx: Connection) -> list[HourRate]:
    """Connect rate by hour over all calls that were settled. Source: S1-06."""
    return _hours(tx, "", {})


def hours_of_class(tx: Connection, company_class: str) -> list[HourRate]:
    """The same of companies of one class."""
    return _hours(tx, " where class = :class", {"class": company_class})


def _hours(tx: Connection, where: str, values: dict[str, str]) -> list[HourRate]:
    rows = tx.execute(
        text(
            "select hour, sum(calls)::int as calls, sum(connected)::int as connected from call_hours"  # noqa: S608
            f"{where} group by hour order by hour"
        ),
        values,
    )
    return [HourRate(**row._mapping) for row in rows]


def hours_of_company(tx: Connection, company_id: int, *, zone: str) -> list[HourRate]:
    """The same of one company's people."""
    rows = tx.execute(
        text(
            "select extract(hour from a.at at time zone :zone)::int as hour, count(*)::int as calls,"
            " (count(*) filter (where a.result = any(:connected)))::int as connected"
            " from affiliations f join call_attempts a on a.person_id = f.person_id"
            " where f.company_id = :company and f.is_current and a.is_hour_known group by 1 order by 1"
        ),
        {"zone": zone, "connected": sorted(REACHED), "company": company_id},
    )
    return [HourRate(**row._mapping) for row in rows]


def count_hour(tx: Connection, hour: int, company_class: str, *, is_connected: bool) -> None:
    """One more call of that hour."""
    tx.execute(
        text(
            "insert into call_hours as h (hour, class, calls, connected) values (:hour, :class, 1, :connected)"
            " on conflict (hour, class) do update set calls = h.calls + 1,"
            " connected = h.connected + excluded.connected"
        ),
        {"hour": hour, "class": company_class, "connected": int(is_connected)},
    )


@dataclass(frozen=True, slots=True)
class Today:
    """What one user has done today. goal: own target of calls, else what the house plans with."""

    calls: int
    connected: int
    appointments: int
    goal: int


def today(tx: Connection, *, user_id: int | None, day: datetime) -> Today:
    row = tx.execute(
        text(
            "select count(*)::int as calls, (count(*) filter (where result = any(:connected)))::int as connected,"
            " (count(*) filter (where result = 'appointment'))::int as appointments,"
            " coalesce((select calls_per_day from users where id = :me),"
            " (select call_capacity_per_day from house), 0) as goal"
            " from call_attempts where user_id is not distinct from :me and at >= :day"
        ),
        {"connected": sorted(REACHED), "me": user_id, "day": day},
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


@dataclass(frozen=True, slots=True)
class Called:
    """A call made today, for the list on the desk."""

    task_id: int
    name: str
    company: str
    rank: str
    result: str
    at: datetime


def called_today(tx: Connection, *, user_id: int | None, day: datetime, limit: int) -> list[Called]:
    """The last calls of this user since the start of the day, newest first. ix_call_attempts_at."""
    rows = tx.execute(
        text(
            "select a.task_id, p.full_name as name, coalesce(c.name, '') as company,"
            " coalesce(l.rank, 'unobserved') as rank, a.result, a.at from call_attempts a"
            " join people p on p.id = a.person_id join tasks t on t.id = a.task_id"
            " left join product_leads l on l.id = t.lead_id"
            " left join affiliations f on f.person_id = p.id and f.is_current"
            " left join companies c on c.id = f.company_id"
            " where a.at >= :day and a.user_id is not distinct from :me order by a.at desc, a.id desc limit :n"
        ),
        {"day": day, "me": user_id, "n": limit},
    )
    return [Called(**row._mapping) for row in rows]


def is_waiting(tx: Connection, task_id: int) -> bool:
    """Whether a result of this task waits for its effects. uq_call_attempts_waiting."""
    return bool(
        tx.execute(
            text(
                "select exists (select 1 from call_attempts where task_id = :id and settles_at is not null)"
            ),
            {"id": task_id},
        ).scalar()
    )


def add_attempt(
    tx: Connection,
    *,
    task_id: int,
    person_id: int,
    result: str,
    note: str,
    next_at: datetime | None,
    named_month: date | None,
    user_id: int | None,
    settles_at: datetime,
    source_key: str,
    at: datetime,
    is_hour_known: bool,
) -> int:
    """One call made, whose effects wait; returns its id. The task moves on by a version, so no second result fits it."""
    tx.execute(text("update tasks set version = version + 1, draft = null where id = :id"), {"id": task_id})
    return int(
        tx.execute(
            text(
                "insert into call_attempts (task_id, person_id, at, result, note, next_at, named_month, user_id,"
                " settles_at, source_key, is_hour_known) values (:task, :person, :at, :result, :note, :next_at,"
                " :named_month, :me, :settles_at, :source_key, :is_hour_known) returning id"
            ),
            {
                "task": task_id,
                "person": person_id,
                "at": at,
                "result": result,
                "note": note,
                "next_at": next_at,
                "named_month": named_month,
                "me": user_id,
                "settles_at": settles_at,
                "source_key": source_key,
                "is_hour_known": is_hour_known,
            },
        ).scalar_one()
    )


@dataclass(frozen=True, slots=True)
class WaitingCall:
    """A call whose effects wait until settles_at. is_hour_known: `at` is the minute of the call, not only its day."""

    attempt_id: int
    task_id: int
    person_id: int
    at: datetime
    result: str
    note: str
    next_at: datetime | None
    named_month: date | None
    user_id: int | None
    settles_at: datetime
    is_hour_known: bool


WAITING = """
select id as attempt_id, task_id, person_id, at, result, note, next_at, named_month, user_id, settles_at,
       is_hour_known
  from call_attempts
"""


def last_waiting(tx: Connection, *, user_id: int | None, now: datetime) -> WaitingCall | None:
    """The last call of this user that can still be taken back. ix_call_attempts_settles_at."""
    row = tx.execute(
        text(
            WAITING + " where settles_at > :now and source_key = '' and user_id is not distinct from :me"
            " order by at desc, id desc limit 1"
        ),
        {"me": user_id, "now": now},
    ).first()
    return WaitingCall(**row._mapping) if row else None


def due(tx: Connection, *, now: datetime, limit: int) -> list[WaitingCall]:
    """Calls whose effects may leave, the oldest first. ix_call_attempts_settles_at."""
    rows = tx.execute(
        text(WAITING + " where settles_at <= :now order by settles_at, id limit :n"), {"now": now, "n": limit}
    )
    return [WaitingCall(**row._mapping) for row in rows]


def claim(tx: Connection, attempt_id: int, *, now: datetime) -> bool:
    """Its effects leave in this transaction; False when they have left, or it was taken back."""
    done = tx.execute(
        text("update call_attempts set settles_at = null where id = :id and settles_at <= :now"),
        {"id": attempt_id, "now": now},
    )
    return int(done.rowcount) == 1


def take_back(tx: Connection, attempt_id: int, *, now: datetime) -> bool:
    """The call was recorded by a slip: it never happened. False when its effects have left."""
    row = tx.execute(
        text(TAKE_BACK),
        {"id": attempt_id, "now": now},
    ).first()
    return row is not None


# The result was the slip; the words were not. Nobody needs them where the task has ended meanwhile.
TAKE_BACK = """
with gone as (delete from call_attempts where id = :id and settles_at > :now
              returning task_id, jsonb_build_object('user_id', user_id, 'note', note, 'next_at', next_at,
                                                    'named_month', named_month) as draft)
update tasks t set version = version + 1, draft = case when t.state in ('open', 'snoozed') then gone.draft end
  from gone where t.id = gone.task_id returning t.id
"""


@dataclass(frozen=True, slots=True)
class Draft:
    """What was typed with a result that was taken back."""

    note: str
    next_at: datetime | None
    named_month: date | None


def draft(tx: Connection, task_id: int, *, user_id: int | None) -> Draft | None:
    """What this user typed; a colleague's is not theirs to send."""
    row = tx.execute(
        text(
            "select d.note, d.next_at, d.named_month from tasks t, jsonb_to_record(t.draft)"
            " as d(user_id bigint, note text, next_at timestamptz, named_month date)"
            " where t.id = :id and d.user_id is not distinct from cast(:me as bigint)"
        ),
        {"id": task_id, "me": user_id},
    ).first()
    return Draft(**row._mapping) if row else None


def waiting_of(tx: Connection, person_id: int) -> str:
    """The result of a call to this person that waits for its effects, or ''."""
    return str(
        tx.execute(
            text(
                "select result from call_attempts where person_id = :id and settles_at is not null"
                " order by id desc limit 1"
            ),
            {"id": person_id},
        ).scalar()
        or ""
    )
