"""How much each of sales has, and where their work comes from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection, text

from campaigns.rules.assigning import TEAMS

ROLES = (*TEAMS.values(), "sales_manager")


@dataclass(frozen=True, slots=True)
class Workload:
    """One of sales. territory: prefectures; per_day: tasks they can do a day. open, late: of their tasks; done: since
    the given instant."""

    id: int
    name: str
    role: str
    version: int
    territory: tuple[str, ...]
    per_day: int
    away_until: date | None
    open: int
    late: int
    done: int


# ix_tasks_open_assignee_id, ix_tasks_done_at.
EVERY = """
select u.id, u.name, u.role, u.version, u.territory, u.tasks_per_day as per_day, u.away_until,
       coalesce(o.open, 0) as open, coalesce(o.late, 0) as late, coalesce(d.done, 0) as done
  from users u
  left join (select assignee_id, count(*) as open, count(*) filter (where due_at < :today) as late
               from tasks where state = 'open' and assignee_id is not null group by 1) o on o.assignee_id = u.id
  left join (select done_by, count(*) as done from tasks
              where done_at >= :since and (cast(:until as timestamptz) is null or done_at < :until)
                and state = 'done' group by 1) d on d.done_by = u.id
 where u.is_active and (u.role = any(:roles) or o.open > 0)
 order by array_position(:roles, u.role), u.name, u.id
"""


def every(
    tx: Connection, *, today: datetime, since: datetime, until: datetime | None = None
) -> list[Workload]:
    """All of sales, and who else has tasks. today: its first instant; until: None for now."""
    values = {"roles": list(ROLES), "today": today, "since": since, "until": until}
    rows = tx.execute(text(EVERY), values)
    return [Workload(**{**row._mapping, "territory": tuple(row.territory)}) for row in rows]


def calls(tx: Connection, *, since: datetime, until: datetime) -> tuple[dict[int, int], datetime | None]:
    """Calls that each made in that time, and when the first of them was. ix_call_attempts_at."""
    rows = tx.execute(
        text(
            "select user_id, count(*) as n, min(at) as first from call_attempts"
            " where at >= :since and at < :until and user_id is not null group by 1"
        ),
        {"since": since, "until": until},
    ).all()
    return {row.user_id: int(row.n) for row in rows}, min((row.first for row in rows), default=None)


def get(tx: Connection, user_id: int) -> tuple[tuple[str, ...], int, date | None] | None:
    """Territory, tasks a day, away until; None for nobody."""
    row = tx.execute(
        text("select territory, tasks_per_day, away_until from users where id = :id for update"),
        {"id": user_id},
    ).first()
    return (tuple(row.territory), row.tasks_per_day, row.away_until) if row else None


def save(
    tx: Connection,
    user_id: int,
    *,
    territory: Sequence[str],
    per_day: int,
    away_until: date | None,
    version: int,
) -> bool:
    """False when somebody saved since this version was read."""
    done = tx.execute(
        text(
            "update users set territory = :territory, tasks_per_day = :per_day, away_until = :away_until,"
            " version = version + 1 where id = :id and version = :version and is_active"
        ),
        {
            "id": user_id,
            "territory": list(territory),
            "per_day": per_day,
            "away_until": away_until,
            "version": version,
        },
    )
    return bool(done.rowcount)


def late_days(tx: Connection) -> int:
    """Business days that a task may be late before somebody is told."""
    return int(tx.execute(text("select escalate_after_days from house")).scalar_one())


def set_late_days(tx: Connection, days: int) -> None:
    tx.execute(text("update house set escalate_after_days = :days where id = 1"), {"days": days})
