"""Tasks and touches of a company's people, for its page and its catalogue."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection, text


@dataclass(frozen=True, slots=True)
class NextTask:
    """An open task with somebody there. promised: at an hour."""

    id: int
    kind: str
    cause: str
    note: str
    due_at: datetime
    promised: bool
    assignee: str
    person_id: int
    name: str
    product: str
    colour_no: int


# By the people who work there (ix_affiliations_company_id, ix_tasks_person_id): a task's own company has no index.
TASKS = """
select t.id, t.kind, t.cause, t.note, t.due_at, t.promised_at is not null as promised, coalesce(u.name, '') as assignee,
       t.person_id, p.full_name as name, coalesce(pr.name, '') as product, coalesce(pr.colour_no, 1) as colour_no
  from affiliations f
  join people p on p.id = f.person_id and p.merged_into is null
  join tasks t on t.person_id = p.id and t.state in ('open', 'snoozed')
  left join users u on u.id = t.assignee_id
  left join products pr on pr.id = t.product_id
 where f.company_id = :id and f.is_current
 order by t.due_at, t.id limit :n
"""


def open_of(tx: Connection, company_id: int, *, limit: int = 20) -> list[NextTask]:
    """The next first."""
    return [NextTask(**row._mapping) for row in tx.execute(text(TASKS), {"id": company_id, "n": limit})]


@dataclass(frozen=True, slots=True)
class CompanyTouch:
    """A touch of somebody who worked there at the time."""

    id: int
    at: datetime
    kind: str
    channel: str
    depth: int
    validity: float
    person_id: int
    name: str
    product: str
    colour_no: int
    event: str
    title: str
    note: str
    actor: str


TOUCHES = """
select t.id, t.at, t.kind, t.channel, t.depth, t.validity, t.person_id, p.full_name as name,
       coalesce(pr.name, '') as product, coalesce(pr.colour_no, 1) as colour_no, coalesce(e.name, '') as event,
       t.title, t.note, coalesce(u.name, '') as actor
  from (select * from touchpoints where company_id = :id and {more}
         order by at desc, id desc limit :n) t
  join people p on p.id = t.person_id
  left join products pr on pr.id = t.product_id
  left join events e on e.id = t.event_id
  left join users u on u.id = t.actor_id
 order by t.at desc, t.id desc
"""


def touches(
    tx: Connection, company_id: int, *, before: tuple[datetime, int] | None = None, limit: int = 30
) -> list[CompanyTouch]:
    """Newest first; before: instant and id of the last one seen. Index ix_touchpoints_company_id."""
    more = "true" if before is None else "(at, id) < (:at, :before)"
    values = {
        "id": company_id,
        "n": limit,
        "at": before[0] if before else None,
        "before": before[1] if before else 0,
    }
    return [CompanyTouch(**row._mapping) for row in tx.execute(text(TOUCHES.format(more=more)), values)]


@dataclass(frozen=True, slots=True)
class Stay:
    """Somebody's time at the company, over or not."""

    person_id: int
    name: str
    site: str
    department: str
    title: str
    buying_role: str
    started_on: date | None
    ended_on: date | None
    card_on: date | None
    now_at_id: int | None
    now_at: str


STAYS = """
select f.person_id, p.full_name as name, f.site, f.department, f.title, f.buying_role, f.started_on, f.ended_on,
       f.card_on, n.company_id as now_at_id, coalesce(nc.name, '') as now_at
  from affiliations f
  join people p on p.id = f.person_id and p.merged_into is null
  left join affiliations n on n.person_id = p.id and n.is_current and n.company_id <> f.company_id
  left join companies nc on nc.id = n.company_id
 where f.company_id = :id and not f.is_current
 order by coalesce(f.ended_on, f.card_on) desc nulls last, f.id desc limit :n
"""


def former(tx: Connection, company_id: int, *, limit: int = 50) -> list[Stay]:
    """Who worked there before, and where they are now."""
    return [Stay(**row._mapping) for row in tx.execute(text(STAYS), {"id": company_id, "n": limit})]


@dataclass(frozen=True, slots=True)
class Shown:
    """An event at which somebody of the company was met. people: how many; last_at: when last."""

    id: int
    name: str
    kind: str
    starts_on: date | None
    people: int
    last_at: datetime


EVENTS = """
select e.id, e.name, e.kind, e.starts_on, count(distinct t.person_id)::int as people, max(t.at) as last_at
  from touchpoints t join events e on e.id = t.event_id
 where t.company_id = :id and t.event_id is not null and t.validity > 0
 group by e.id order by max(t.at) desc limit :n
"""


def events(tx: Connection, company_id: int, *, limit: int = 20) -> list[Shown]:
    """Newest first. Index ix_touchpoints_company_id."""
    return [Shown(**row._mapping) for row in tx.execute(text(EVENTS), {"id": company_id, "n": limit})]


@dataclass(frozen=True, slots=True)
class Named:
    """A person on a catalogue, with the highest of their ranks."""

    person_id: int
    name: str
    department: str
    title: str
    rank: str


NAMED = """
select p.id as person_id, p.full_name as name, coalesce(f.department, '') as department, coalesce(f.title, '') as title,
       coalesce((select l.rank from product_leads l where l.person_id = p.id order by l.score desc, l.id limit 1), '')
         as rank
  from people p left join affiliations f on f.person_id = p.id and f.is_current
 where p.id = any(:ids)
"""


def named(tx: Connection, person_ids: list[int]) -> dict[int, Named]:
    rows = tx.execute(text(NAMED), {"ids": person_ids})
    return {row.person_id: Named(**row._mapping) for row in rows}
