"""What a company's owner is asked: who may join a scenario, and which planned mails may go.

Companies of class A, B and C2 are led by a field rep, their owner. owner_id None stands for everybody's, as a
marketer sees them. Source: spec 3.1.12, 3.1.14.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

# Few beside all people, and found by their own indexes: ix_companies_field, ix_enrollments_asked.
_OWN = "c.class in ('A', 'B', 'C2') and (cast(:owner as bigint) is null or c.owner_user_id = :owner)"


@dataclass(frozen=True, slots=True)
class Counts:
    """people: who wait for a yes; mails: planned ones that may still be stopped."""

    people: int
    mails: int


@dataclass(frozen=True, slots=True)
class Group:
    """A scenario with people who wait for their owner's yes."""

    scenario_id: int
    scenario: str
    product: str
    colour_no: int
    purpose: str
    n: int


@dataclass(frozen=True, slots=True)
class Asked:
    """Somebody who waits. owner: the name of the company's owner, '' without one."""

    enrollment_id: int
    scenario_id: int
    person_id: int
    name: str
    title: str
    company: str
    company_class: str
    owner: str
    rank: str
    since: datetime


@dataclass(frozen=True, slots=True)
class Mail:
    """A planned mail to somebody at a company of class A, B or C2."""

    id: int
    send_at: datetime
    title: str
    subject: str
    tone: str
    content_id: int | None
    person_id: int
    name: str
    company: str
    company_class: str
    owner: str
    product: str
    colour_no: int
    scenario: str


_PEOPLE = """
  from enrollments e
  join people p on p.id = e.person_id
  join affiliations f on f.person_id = p.id and f.is_current
  join companies c on c.id = f.company_id
"""
COUNTS = f"""
select (select count(*) {_PEOPLE} where e.status = 'asked'
           and (cast(:owner as bigint) is null or c.owner_user_id = :owner)) as people,
       (select count(*) from companies c
          join affiliations f on f.company_id = c.id and f.is_current
          join deliveries d on d.person_id = f.person_id and d.state = 'planned' and d.class <> 'transactional'
               and d.send_at < :before
         where {_OWN}) as mails
"""  # noqa: S608 - constants of this module


def counts(tx: Connection, *, owner_id: int | None, before: datetime) -> Counts:
    """What waits for the owner. before: up to when mails are shown."""
    return Counts(*tx.execute(text(COUNTS), {"owner": owner_id, "before": before}).one())


GROUPS = f"""
select s.id as scenario_id, s.name as scenario, pr.name as product, pr.colour_no, s.purpose, q.n
  from (select e.scenario_id, count(*) as n {_PEOPLE}
         where e.status = 'asked' and (cast(:owner as bigint) is null or c.owner_user_id = :owner)
         group by e.scenario_id) q
  join scenarios s on s.id = q.scenario_id
  join products pr on pr.id = s.product_id
 order by pr.priority, s.id
"""  # noqa: S608 - constants of this module


def groups(tx: Connection, *, owner_id: int | None) -> tuple[Group, ...]:
    """Scenarios for which people wait."""
    return tuple(Group(**row._mapping) for row in tx.execute(text(GROUPS), {"owner": owner_id}))


ASKED = f"""
select e.id as enrollment_id, e.scenario_id, p.id as person_id, p.full_name as name,
       concat_ws(' ', nullif(f.department, ''), nullif(f.title, '')) as title, c.name as company,
       c.class as company_class, coalesce(u.name, '') as owner, coalesce(l.rank, 'unobserved') as rank,
       e.created_at as since
{_PEOPLE}
  left join users u on u.id = c.owner_user_id
  left join product_leads l on l.person_id = p.id and l.product_id = e.product_id
 where e.status = 'asked' and (cast(:owner as bigint) is null or c.owner_user_id = :owner)
 order by e.scenario_id, c.class, c.name, e.id limit :n offset :offset
"""


def asked(tx: Connection, *, owner_id: int | None, limit: int, offset: int = 0) -> tuple[Asked, ...]:
    """Who waits, by scenario and company. Index ix_enrollments_asked."""
    values = {"owner": owner_id, "n": limit, "offset": offset}
    return tuple(Asked(**row._mapping) for row in tx.execute(text(ASKED), values))


OWN_ASKED = f"""
select e.id {_PEOPLE}
 where e.status = 'asked' and (cast(:owner as bigint) is null or c.owner_user_id = :owner)
   and (cast(:scenario as bigint) is null or e.scenario_id = :scenario)
   and (cast(:ids as bigint[]) is null or e.id = any(:ids))
 order by e.id
"""


def own_asked(
    tx: Connection, *, owner_id: int | None, ids: Sequence[int] | None = None, scenario_id: int | None = None
) -> list[int]:
    """Of these enrolments, or of a scenario's, those that wait and that this reader may answer for."""
    values = {"owner": owner_id, "scenario": scenario_id, "ids": None if ids is None else list(ids)}
    return list(tx.execute(text(OWN_ASKED), values).scalars())


# The next mails of all are found along ix_deliveries_due: about every third is such a company's, so a page's worth is
# found at once. Those of one owner are found from the owner's companies, which are few (ix_companies_field).
_NEXT_OF_ALL = """
select d.id from deliveries d
 where d.state = 'planned' and d.class <> 'transactional' and d.send_at < :before
   and exists (select 1 from affiliations f join companies c on c.id = f.company_id
                where f.person_id = d.person_id and f.is_current and c.class in ('A', 'B', 'C2'))
 order by d.send_at, d.id limit :n offset :offset
"""
_NEXT_OF_OWNER = f"""
select d.id from companies c
  join affiliations f on f.company_id = c.id and f.is_current
  join deliveries d on d.person_id = f.person_id and d.state = 'planned' and d.class <> 'transactional'
       and d.send_at < :before
 where {_OWN} and (cast(:id as bigint) is null or d.id = :id)
 order by d.send_at, d.id limit :n offset :offset
"""  # noqa: S608 - constants of this module
MAILS = """
select d.id, d.send_at, coalesce(o.title, '') as title, coalesce(m.subject, '') as subject, d.tone, d.content_id,
       p.id as person_id, p.full_name as name, c.name as company, c.class as company_class,
       coalesce(u.name, '') as owner, pr.name as product, pr.colour_no, coalesce(s.name, '') as scenario
  from ({}) q
  join deliveries d on d.id = q.id
  join people p on p.id = d.person_id
  join affiliations f on f.person_id = p.id and f.is_current
  join companies c on c.id = f.company_id
  join products pr on pr.id = d.product_id
  left join users u on u.id = c.owner_user_id
  left join contents o on o.id = d.content_id
  left join published_mails m on m.id = d.published_mail_id
  left join enrollments e on e.id = d.enrollment_id
  left join scenarios s on s.id = e.scenario_id
 order by d.send_at, d.id
"""


def mails(
    tx: Connection,
    *,
    owner_id: int | None,
    before: datetime,
    limit: int,
    offset: int = 0,
    id: int | None = None,
) -> tuple[Mail, ...]:
    """Planned mails that leave before an instant, the next one first. id: this one alone."""
    values: dict[str, object] = {"before": before, "n": limit, "offset": offset}
    if owner_id is None and id is None:
        query = MAILS.format(_NEXT_OF_ALL)
    else:
        query = MAILS.format(_NEXT_OF_OWNER)
        values |= {"owner": owner_id, "id": id}
    return tuple(Mail(**row._mapping) for row in tx.execute(text(query), values))


def veto(tx: Connection, delivery_id: int, *, now: datetime) -> bool:
    """End a planned mail; False when it has left, or ended, meanwhile."""
    done = tx.execute(
        text(
            "update deliveries set state = 'cancelled', reason = 'vetoed', send_at = null, settled_at = :now"
            " where id = :id and state = 'planned'"
        ),
        {"id": delivery_id, "now": now},
    )
    return done.rowcount == 1
