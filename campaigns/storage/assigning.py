"""Open tasks that are nobody's yet, the people who may take them, and whose they become."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

from sqlalchemy import Connection, text

from campaigns.rules.assigning import TEAMS, Member, Waiting

# Their open tasks are counted in ix_tasks_open_assignee_id alone.
MEMBERS = """
select u.id, u.role, u.territory, u.tasks_per_day as per_day, u.away_until,
       (select count(*) from tasks t where t.assignee_id = u.id and t.state = 'open') as open
  from users u
 where u.is_active and (u.role = any(:roles) or u.id = any(:owners))
 order by u.id
"""
# ix_tasks_open_assignee_id holds what is nobody's side by side.
WAITING = """
select t.id, t.team, co.owner_user_id as owner_id, coalesce(co.address, '') as address
  from (select id, team, company_id, person_id from tasks
         where assignee_id is null and state = 'open' and {which} order by id limit :limit for update skip locked) t
  left join affiliations f on f.person_id = t.person_id and f.is_current
  left join companies co on co.id = coalesce(t.company_id, f.company_id)
 order by t.id
"""


def has_team(tx: Connection) -> bool:
    """Whether anybody but owners can be given tasks, or any company has an owner."""
    query = text(
        "select exists (select 1 from users where is_active and role = any(:roles))"
        " or exists (select 1 from companies where owner_user_id is not null)"
    )
    return bool(tx.execute(query, {"roles": list(TEAMS.values())}).scalar_one())


def members(tx: Connection, owner_ids: Sequence[int]) -> list[Member]:
    """Both teams, and these owners."""
    rows = tx.execute(text(MEMBERS), {"roles": list(TEAMS.values()), "owners": list(owner_ids)})
    return [
        Member(row.id, row.role, frozenset(row.territory), row.per_day, row.open, row.away_until)
        for row in rows
    ]


def of(tx: Connection, task_ids: Sequence[int]) -> list[Waiting]:
    """Those of these tasks that are nobody's."""
    query = WAITING.format(which="id = any(:ids)")
    rows = tx.execute(text(query), {"ids": list(task_ids), "limit": len(task_ids)})
    return [Waiting(**row._mapping) for row in rows]


def after(tx: Connection, task_id: int, *, limit: int) -> list[Waiting]:
    """The next ones that are nobody's, by id."""
    rows = tx.execute(text(WAITING.format(which="id > :after")), {"after": task_id, "limit": limit})
    return [Waiting(**row._mapping) for row in rows]


def give(tx: Connection, users: Mapping[int, int]) -> int:
    """users: task -> who. What has become somebody's meanwhile stays theirs."""
    if not users:
        return 0
    done = tx.execute(
        text(
            "update tasks t set assignee_id = q.user_id"
            " from unnest(cast(:tasks as bigint[]), cast(:users as bigint[])) as q(task_id, user_id)"
            " where t.id = q.task_id and t.assignee_id is null"
        ),
        {"tasks": list(users), "users": list(users.values())},
    )
    return done.rowcount


def take_back(tx: Connection, user_id: int, *, before: date, zone: str) -> list[int]:
    """Open tasks of somebody who is away until that day become nobody's: those due before it; promises stay."""
    rows = tx.execute(
        text(
            "update tasks set assignee_id = null, version = version + 1"
            " where assignee_id = :user and state = 'open' and promised_at is null"
            " and (due_at at time zone :zone)::date < :before returning id"
        ),
        {"user": user_id, "before": before, "zone": zone},
    )
    return sorted(rows.scalars())
