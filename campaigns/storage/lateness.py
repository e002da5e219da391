"""Tasks that are late: who is told of them, each once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text


@dataclass(frozen=True, slots=True)
class Late:
    """A task that somebody is told of now. assignee_id: None for nobody's."""

    id: int
    kind: str
    assignee_id: int | None
    person_id: int
    name: str


# The late ones are the beginning of ix_tasks_open_due_at. `usual` lies before `hot`, so it bounds both.
_TELL = """
update tasks k set {mark} = :now
  from (select t.id, p.full_name as name from tasks t
          join people p on p.id = t.person_id
          left join product_leads l on l.id = t.lead_id
         where t.state = 'open' and t.due_at < :hot and (l.rank = 'hot' or t.due_at < :usual)
           and (t.not_before is null or t.not_before <= :now) and {which}
         order by t.id for update of t skip locked) q
 where k.id = q.id
returning k.id, k.kind, k.assignee_id, k.person_id, q.name
"""


def remind(tx: Connection, *, usual: datetime, hot: datetime, now: datetime) -> list[Late]:
    """Mark tasks that were due before these instants as told to whoever has them."""
    query = _TELL.format(mark="reminded_at", which="t.reminded_at is null")
    return _rows(tx, query, usual, hot, now)


def escalate(tx: Connection, *, usual: datetime, hot: datetime, now: datetime) -> list[Late]:
    """The same, told to the manager after the assignee was."""
    query = _TELL.format(mark="escalated_at", which="t.escalated_at is null and t.reminded_at < :now")
    return _rows(tx, query, usual, hot, now)


def escalate_nobodys(tx: Connection, *, now: datetime) -> list[Late]:
    """Late tasks that nobody has are the manager's at once."""
    rows = tx.execute(
        text(
            "update tasks k set escalated_at = :now from people p"
            " where p.id = k.person_id and k.state = 'open' and k.assignee_id is null"
            " and k.reminded_at is not null and k.escalated_at is null"
            " returning k.id, k.kind, k.assignee_id, k.person_id, p.full_name as name"
        ),
        {"now": now},
    )
    return sorted((Late(**row._mapping) for row in rows), key=lambda one: one.id)


def _rows(tx: Connection, query: str, usual: datetime, hot: datetime, now: datetime) -> list[Late]:
    rows = tx.execute(text(query), {"usual": usual, "hot": hot, "now": now})
    return sorted((Late(**row._mapping) for row in rows), key=lambda one: one.id)


def managers(tx: Connection) -> Sequence[int]:
    """Who leads sales; where nobody does, the house's owner."""
    rows = tx.execute(
        text("select id from users where is_active and role = 'sales_manager' order by id")
    ).scalars()
    found = list(rows)
    if found:
        return found
    owner = tx.execute(text("select owner_user_id from house where owner_user_id is not null")).scalars()
    return list(owner)
