"""Tasks that are late: who is told of them, each once, and what the morning's mail has to say of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection, text


@dataclass(frozen=True, slots=True)
class Late:
    """A task that somebody is told of now. assignee_id: None for nobody's."""

    id: int
    kind: str
    assignee_id: int | None
    person_id: int
    name: str


# The late ones are the beginning of ix_tasks_open_due_at. `usual` lies before `hot`, so it bounds both. A call that the
# list offers to nobody is nobody's fault.
_TELL = """
update tasks k set {mark} = :now
  from (select t.id, p.full_name as name from tasks t
          join people p on p.id = t.person_id
          left join product_leads l on l.id = t.lead_id
         where t.state = 'open' and t.due_at < :hot and (l.rank = 'hot' or t.due_at < :usual)
           and (t.not_before is null or t.not_before <= :now) and {which}
           and not (t.kind = 'call' and (p.do_not_call or p.phone_invalid or p.excluded_reason <> ''
                                       or coalesce(l.state = 'with_sales', false)))
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


@dataclass(frozen=True, slots=True)
class Told:
    """A late task in the mail of whoever was told of it. is_team: told to the manager, who does not do it.

    n: how many there are in this part of the mail; assignee "" for nobody's.
    """

    reader_id: int
    email: str
    locale: str
    is_team: bool
    n: int
    kind: str
    due_at: datetime
    name: str
    company: str
    product: str
    assignee: str


def origin(user_id: int, day: date) -> str:
    """Why the mail exists: one a reader and day."""
    return f"tx:late:{user_id}:{day.isoformat()}"


# ix_tasks_open_due_at, uq_deliveries_origin. What was told after the mail of the business day before, by a rank that had
# turned hot or a clock that stood still, comes with this one.
TOLD = """
with readers as materialized (
  select u.id, u.email, u.locale, coalesce(b.created_at, '-infinity') as heard_at
    from users u left join deliveries b on b.origin = 'tx:late:' || u.id || ':' || :before
   where u.is_active and not exists (select 1 from deliveries d where d.origin = 'tx:late:' || u.id || ':' || :day)
), told as (
  select t.id, r.id as reader_id, r.email, r.locale, false as is_team, t.due_at
    from tasks t join readers r on r.id = t.assignee_id
   where t.state = 'open' and t.due_at < :today and t.reminded_at >= :since and t.reminded_at > r.heard_at
  union all
  select t.id, r.id, r.email, r.locale, true, t.due_at
    from tasks t join readers r on r.id = any(cast(:managers as bigint[]))
   where t.state = 'open' and t.due_at < :today and t.escalated_at >= :since and t.escalated_at > r.heard_at
), placed as (
  select q.*, count(*) over (partition by q.reader_id, q.is_team) as n,
         row_number() over (partition by q.reader_id, q.is_team order by q.due_at, q.id) as place
    from told q
)
select q.reader_id, q.email, q.locale, q.is_team, q.n, t.kind, t.due_at, p.full_name as name,
       coalesce(co.name, '') as company, coalesce(pr.name, '') as product, coalesce(a.name, '') as assignee
  from placed q
  join tasks t on t.id = q.id
  join people p on p.id = t.person_id
  left join affiliations f on f.person_id = p.id and f.is_current
  left join companies co on co.id = f.company_id
  left join products pr on pr.id = t.product_id
  left join users a on a.id = t.assignee_id
 where q.place <= :most
 order by q.reader_id, q.is_team, q.place
"""


def told(
    tx: Connection, *, since: datetime, today: datetime, before: date, day: date, most: int
) -> list[Told]:
    """What readers without a mail of this day were told since the one before: up to `most` tasks each, and each part.

    since, today: where the business day before, and this one, begin. before, day: the same as days.
    """
    values = {
        "since": since,
        "today": today,
        "before": before.isoformat(),
        "day": day.isoformat(),
        "managers": list(managers(tx)),
        "most": most,
    }
    return [Told(**row._mapping) for row in tx.execute(text(TOLD), values)]
