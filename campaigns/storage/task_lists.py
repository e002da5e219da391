"""Open tasks as people look through them: their own, their team's, nobody's; and what is changed by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text, update

from campaigns.rules.actions import caution
from campaigns.rules.classes import FIELD_CLASSES
from campaigns.storage import tables as t
from campaigns.storage.tasks import COLUMNS, Task

MANY = 1000  # beyond it nobody reads the number, and counting on would cost


@dataclass(frozen=True, slots=True)
class Filter:
    """whose: mine, free (nobody's), team (everybody's), or with user_id that person's. show: all, today, late.
    kind: "" for every kind."""

    whose: str = "mine"
    show: str = "all"
    kind: str = ""
    user_id: int | None = None


_WHOSE: Mapping[str, str] = {
    "mine": "k.assignee_id = :me",
    "free": "k.assignee_id is null",
    "team": "true",
    "user": "k.assignee_id = :user",
}
_SHOW: Mapping[str, str] = {
    "all": "true",
    "today": "k.due_at < :tomorrow and (k.not_before is null or k.not_before <= :now)",
    "late": "k.due_at < :today and (k.not_before is null or k.not_before <= :now)",
}
_ORDER = "k.promised_at nulls last, k.priority, k.due_at, k.id"


def _where(wanted: Filter) -> str:
    """Of texts of this module alone. ix_tasks_open_assignee_id, ix_tasks_open_due_at."""
    whose = "user" if wanted.user_id is not None else wanted.whose
    kind = " and k.kind = :kind" if wanted.kind else ""
    return f"k.state = 'open' and {_WHOSE[whose]} and {_SHOW[wanted.show]}{kind}"


def _binds(
    wanted: Filter, *, me: int, now: datetime, today: datetime, tomorrow: datetime
) -> dict[str, object]:
    return {
        "me": me, "user": wanted.user_id, "kind": wanted.kind, "now": now, "today": today, "tomorrow": tomorrow,
    }  # fmt: skip


def page(
    tx: Connection,
    wanted: Filter,
    *,
    me: int,
    now: datetime,
    today: datetime,
    tomorrow: datetime,
    limit: int,
    offset: int = 0,
) -> list[Task]:
    """Promises by their time, then by priority and day. today, tomorrow: where these days begin."""
    chosen = f"select k.id from tasks k where {_where(wanted)} order by {_ORDER} limit :limit offset :offset"  # noqa: S608 - texts of this module
    order = _ORDER.replace("k.", "t.")
    rows = tx.execute(
        text(f"{COLUMNS} where t.id in ({chosen}) order by {order}"),
        {**_binds(wanted, me=me, now=now, today=today, tomorrow=tomorrow), "limit": limit, "offset": offset},
    )
    return [Task(**{**row._mapping, "why": tuple(int(i) for i in row.why)}) for row in rows]


def count(
    tx: Connection, wanted: Filter, *, me: int, now: datetime, today: datetime, tomorrow: datetime
) -> int:
    """How many there are, up to MANY."""
    query = f"select count(*) from (select 1 from tasks k where {_where(wanted)} limit {MANY}) q"  # noqa: S608 - texts of this module
    values = _binds(wanted, me=me, now=now, today=today, tomorrow=tomorrow)
    return int(tx.execute(text(query), values).scalar_one())


# Field sales' companies are reviewed by them. Nobody has two reviews at once.
REVIEWS = """
insert into tasks (kind, person_id, origin_person_id, company_id, team, state, cause, priority, due_at, created_by,
       created_at)
select 'review', p.id, p.id, co.id, case when co.class = any(:field) then 'field' else 'inside' end, 'open',
       'forgotten', 4, :due_at, :by, :now
  from people p
  left join affiliations f on f.person_id = p.id and f.is_current
  left join companies co on co.id = f.company_id
 where p.id = any(:ids) and p.merged_into is null and p.excluded_reason = ''
   and not exists (select 1 from tasks t where t.person_id = p.id and t.state in ('open', 'snoozed'))
 order by p.id
returning id
"""


def add_reviews(
    tx: Connection, person_ids: Sequence[int], *, due_at: datetime, by: int, now: datetime
) -> list[int]:
    """Somebody shall think about each of these people for whom nothing is to be done yet."""
    values = {"ids": list(person_ids), "field": sorted(FIELD_CLASSES), "due_at": due_at, "by": by, "now": now}
    return list(tx.execute(text(REVIEWS), values).scalars())


def cautioned(tx: Connection, task_ids: Sequence[int]) -> int:
    """How many of these are calls and visits to people whom they may drive away (rules.actions.caution)."""
    rows = tx.execute(
        text(
            "select t.kind, l.rank, count(*) as n from tasks t join product_leads l on l.id = t.lead_id"
            " where t.id = any(:ids) group by 1, 2"
        ),
        {"ids": list(task_ids)},
    )
    return sum(int(row.n) for row in rows if caution(row.rank, row.kind))


def lock(tx: Connection, task_id: int) -> None:
    """Nobody else changes it until this transaction ends."""
    tx.execute(text("select 1 from tasks where id = :id for update"), {"id": task_id})


def change(tx: Connection, task_id: int, values: Mapping[str, object]) -> None:
    """Set columns of an open task; a new day begins its waiting anew."""
    fresh = {"reminded_at": None, "escalated_at": None} if "due_at" in values else {}
    tx.execute(
        update(t.tasks)
        .where(t.tasks.c.id == task_id)
        .values(**values, **fresh, version=t.tasks.c.version + 1)
    )
