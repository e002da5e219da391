"""Whom a scenario would reach, counted before it is published: every person in exactly one group."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as _field
from datetime import datetime

from sqlalchemy import Connection, text

from campaigns.rules import audience as audiences
from campaigns.rules.audience import Audience
from campaigns.rules.scenarios import FIELD_CLASSES, Scenario
from campaigns.storage import audience, permission, samples, shelf


@dataclass(frozen=True, slots=True)
class Reach:
    """The audience by what would become of its mail. groups: reason code -> people; they add up to all.

    roles: of those who can be sent to, people by buying role ('' where it is not known). joining: of them, who is
    not in the scenario yet; field: of them, at companies whose owner is asked first (3.1.14). read: content -> who had it from elsewhere, of those whom nothing else keeps from a
    mail. at: when it was counted, None for this moment. is_known: False while a big audience is still to be counted.
    """

    everybody: int
    can_send: int
    groups: tuple[tuple[str, int], ...]
    roles: Mapping[str, int] = _field(default_factory=dict)
    joining: int = 0
    field: int = 0
    read: Mapping[int, int] = _field(default_factory=dict)
    at: datetime | None = None
    is_known: bool = True

    @property
    def cannot_send(self) -> int:
        return self.everybody - self.can_send

    @property
    def readers(self) -> int:
        """Who would be sent to if nobody had read anything."""
        return self.can_send + dict(self.groups).get("had_all", 0)


@dataclass(frozen=True, slots=True)
class Fitting:
    """Whom conditions find, and how many of them a mail could reach. is_about: both are estimates."""

    people: int
    can_send: int
    is_about: bool


@dataclass(frozen=True, slots=True)
class Gaps:
    """How many of those with a mailbox lack the value of a merge field, by its Japanese name."""

    everybody: int
    by_field: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Somebody:
    """A person to look at a mail with. gaps: how many merge fields are empty."""

    id: int
    name: str
    company: str
    gaps: int


# What somebody had of the contents :contents. enrollments e: the one in this scenario, if there is one. Never by
# content: of five million mails only those of the audience are looked up, by uq_deliveries_person_content.
HAD = """
 cross join lateral (
       select count(*) as n,
              array_agg(d.content_id) filter (where d.enrollment_id = e.id is not true) as elsewhere,
              bool_or(d.enrollment_id = e.id and d.state in ('planned', 'handing', 'retry')) as is_coming
         from deliveries d
        where d.person_id = p.id and d.content_id = any(cast(:contents as bigint[]))
          and d.class <> 'transactional' and d.state in ('planned', 'handing', 'sent', 'retry', 'in_doubt')
       offset 0) had
"""
FIELD = ", ".join(f"'{one}'" for one in sorted(FIELD_CLASSES))
# Whoever can get one of the mails at least counts. :all_of: how many contents are all of them, 0 while rows are open.
_LAST = """case when had.is_coming then 'can_send'
                  when e.status = 'done' then 'scenario_done'
                  when e.status = 'stopped' then 'scenario_stopped'
                  when :all_of > 0 and had.n >= :all_of then 'had_all'
                  else 'can_send' end"""

# The same questions as may_send and the planner ask, in the same order; can_send is the last answer.
BLOCK = f"""case
           when p.excluded_reason <> '' then 'person_excluded'
           when a.id is null then 'no_address'
           when a.status in ('hard', 'complaint') then 'address_' || a.status
           when l.state in ('won', 'lost', 'excluded') then 'lead_closed'
           else coalesce(
             {permission.refusal(product="l.product_id", enrolled="coalesce(e.created_at, 'infinity')")},
             case when not {permission.consent(product="l.product_id")} then 'no_consent' end,
             case when l.state in ('hot', 'offered', 'with_sales', 'opportunity', 'paused')
                  then 'lead_' || l.state end,
             {_LAST})
         end"""
REACH = f"""
with q as materialized (
  select coalesce(f.buying_role, '') as role, e.id is null as is_new,
         coalesce(co.class, '-') in ({FIELD}) as is_field, had.elsewhere, {BLOCK} as block
    from product_leads l
    join people p on p.id = l.person_id and p.merged_into is null
    left join addresses a on a.id = p.address_id
    left join affiliations f on f.person_id = p.id and f.is_current
    left join companies co on co.id = f.company_id
    left join enrollments e on e.person_id = p.id and e.scenario_id = :scenario
    {HAD}
   where l.product_id = :product
     and coalesce(co.class, '-') = any(:classes)
     and (cast(:event as bigint) is null or exists (
          select 1 from touchpoints t where t.person_id = p.id and t.event_id = :event and t.validity > 0))
     and {audience.fits("cast(:audience as jsonb)")})
select block, role, is_new, is_field, null as content, count(*) as n from q group by block, role, is_new, is_field
union all
select 'read', '', false, false, c, count(*) from q, unnest(q.elsewhere) c where block in ('can_send', 'had_all') group by c
"""  # noqa: S608 - the parts are constants

# The newest version's rows; of a broadcast's test of subjects, mail B is mail A. A shelf tells what it holds.
CONTENTS = """
select sc.product_id, s.content_id, s.kind = 'shelf' as is_shelf, sc.kind = 'broadcast' and s.key = 'B' as is_copy
  from scenarios sc
  join scenario_versions v on v.scenario_id = sc.id
   and v.no = (select max(no) from scenario_versions where scenario_id = sc.id)
  join steps s on s.version_id = v.id and s.kind in ('mail', 'invite', 'shelf')
 where sc.id = :scenario
"""


@dataclass(frozen=True, slots=True)
class Contents:
    """What a scenario tells. ids: in order. is_whole: no row is still without a content."""

    ids: tuple[int, ...]
    is_whole: bool

    def values(self) -> dict[str, object]:
        return {"contents": list(self.ids), "all_of": len(self.ids) if self.is_whole else 0}


NOTHING = Contents((), False)


def contents(tx: Connection, scenario_id: int) -> Contents:
    """What the newest version of a scenario or a broadcast tells."""
    rows = tx.execute(text(CONTENTS), {"scenario": scenario_id}).all()
    ids = {row.content_id for row in rows if row.content_id}
    if any(row.is_shelf for row in rows):
        ids.update(shelf.held(tx, product_id=rows[0].product_id))
    is_open = any(not (row.content_id or row.is_shelf or row.is_copy) for row in rows)
    return Contents(tuple(sorted(ids)), not is_open)


def count(tx: Connection, scenario: Scenario) -> Reach:
    """Everybody of a scenario's audience, by what stands against a mail."""
    rows = tx.execute(text(REACH), {**_wanted(scenario), **contents(tx, scenario.id).values()}).all()
    groups: Counter[str] = Counter()
    roles: Counter[str] = Counter()
    for row in rows:
        if row.content is None:
            groups[row.block] += row.n
        if row.block == "can_send":
            roles[row.role] += row.n
    can_send = groups.pop("can_send", 0)
    return Reach(
        can_send + groups.total(),
        can_send,
        tuple(sorted(groups.items(), key=lambda group: (-group[1], group[0]))),
        dict(roles),
        sum(row.n for row in rows if row.block == "can_send" and row.is_new),
        sum(row.n for row in rows if row.block == "can_send" and row.is_field),
        {row.content: row.n for row in rows if row.content is not None},
    )


def _wanted(scenario: Scenario) -> dict[str, object]:
    return {
        "scenario": scenario.id,
        "product": scenario.product_id,
        "classes": list(scenario.classes),
        "event": scenario.event_id,
        "audience": json.dumps(audiences.to_json(scenario.audience)),
    }


# People looked at where there are many: a query for 1,000 takes 30 ms of the processor, as many people as there be.
FITTING_OF, GAPS_OF = 1_024, 1_024

# Whom conditions find, and whom of them a mail could reach.
FITTING = f"""
select count(*) as people, count(*) filter (where block = 'can_send') as can_send from (
  select {BLOCK} as block
    from {{leads}} l
    join people p on p.id = l.person_id and p.merged_into is null
    left join addresses a on a.id = p.address_id
    left join affiliations f on f.person_id = p.id and f.is_current
    left join companies co on co.id = f.company_id
    left join enrollments e on e.person_id = p.id and e.scenario_id = :scenario
    {HAD}
   where l.product_id = :product and coalesce(co.class, '-') = any(:classes)
     and (cast(:event as bigint) is null or exists (
          select 1 from touchpoints t where t.person_id = p.id and t.event_id = :event and t.validity > 0))
     and {audience.fits("cast(:audience as jsonb)")}) q
"""  # noqa: S608 - the parts are constants


def fitting(
    tx: Connection,
    *,
    product_id: int,
    classes: Sequence[str],
    event_id: int | None,
    wanted: Audience,
    told: Contents = NOTHING,
    scenario_id: int | None = None,
) -> Fitting:
    """How many leads fit conditions that are being typed. told: what they would get, as far as it is chosen."""
    values = {
        "scenario": scenario_id,
        "product": product_id,
        "classes": list(classes),
        "event": event_id,
        "audience": json.dumps(audiences.to_json(wanted)),
        **told.values(),
    }
    sample = samples.draw(tx, product_id=product_id, most=FITTING_OF)
    if sample is None:
        row = tx.execute(text(FITTING.format(leads="product_leads")), values).one()
        return Fitting(row.people, row.can_send, is_about=False)
    row = tx.execute(text(FITTING.format(leads=samples.LEADS)), {**values, "ids": list(sample.ids)}).one()
    return Fitting(sample.whole(row.people), sample.whole(row.can_send), is_about=True)


def has_leads(tx: Connection, product_id: int) -> bool:
    query = "select exists (select 1 from product_leads where product_id = :product)"
    return bool(tx.execute(text(query), {"product": product_id}).scalar_one())


EVERYBODY = f"""
select count(*) as n
  from product_leads l
  join people p on p.id = l.person_id and p.merged_into is null
  left join affiliations f on f.person_id = p.id and f.is_current
  left join companies co on co.id = f.company_id
 where l.product_id = :product and coalesce(co.class, '-') = any(:classes)
   and (cast(:event as bigint) is null or exists (
        select 1 from touchpoints t where t.person_id = p.id and t.event_id = :event and t.validity > 0))
   and {audience.fits("cast(:audience as jsonb)")}
"""  # noqa: S608 - the parts are constants


def everybody(tx: Connection, scenario: Scenario) -> int:
    """How many a scenario is for, to the man: one pass over the product's leads, for what depends on it."""
    return int(tx.execute(text(EVERYBODY), _wanted(scenario)).scalar_one())


FACES = """
select p.id, p.full_name as name, coalesce(co.name, '') as company,
       (p.full_name = '')::int + (p.family = '')::int + (coalesce(co.name, '') = '')::int
         + (coalesce(f.department, '') = '')::int + (coalesce(f.title, '') = '')::int as gaps
  from people p
  left join affiliations f on f.person_id = p.id and f.is_current
  left join companies co on co.id = f.company_id
 where p.merged_into is null and p.address_id is not null
   and (cast(:product as bigint) is null
        or exists (select 1 from product_leads l where l.person_id = p.id and l.product_id = :product))
 order by gaps {direction}, p.id limit :n
"""


def faces(tx: Connection, *, product_id: int | None, limit: int = 5) -> tuple[Somebody, ...]:
    """People to preview with: the fullest rows, then the worst ones, which break a mail first (spec 4.5)."""
    found: dict[int, Somebody] = {}
    for direction in ("asc", "desc"):
        rows = tx.execute(text(FACES.format(direction=direction)), {"product": product_id, "n": limit})
        found.update({row.id: Somebody(**row._mapping) for row in rows if row.id not in found})
    return tuple(found.values())


# Over a sample where there are many, the same one each time: what was read before publishing must be what is asked
# for after it.
GAPS = """
select count(*) as everybody,
       count(*) filter (where p.full_name = '') as name,
       count(*) filter (where p.full_name = '' and p.family = '') as family,
       count(*) filter (where coalesce(co.name, '') = '') as company,
       count(*) filter (where coalesce(f.department, '') = '') as department,
       count(*) filter (where coalesce(f.title, '') = '') as title
  from {people}
  left join affiliations f on f.person_id = p.id and f.is_current
  left join companies co on co.id = f.company_id
 where p.merged_into is null and p.address_id is not null
"""
_OF_SAMPLE = "unnest(cast(:ids as bigint[])) u(id) join people p on p.id = u.id"
_OF_PRODUCT = "product_leads l join people p on p.id = l.person_id and l.product_id = :product"
_OF_ALL = "people p"
_FIELDS = {"name": "氏名", "family": "姓", "company": "会社名", "department": "部署名", "title": "役職"}


def gaps(tx: Connection, *, product_id: int | None) -> Gaps:
    """Which merge fields would be empty, for how many of the audience (estimated where it is large)."""
    sample = samples.draw(tx, product_id=product_id, most=GAPS_OF)
    if sample is not None:
        row = tx.execute(text(GAPS.format(people=_OF_SAMPLE)), {"ids": list(sample.ids)}).one()._mapping
        return Gaps(
            sample.whole(row["everybody"]),
            {name: sample.whole(row[column]) for column, name in _FIELDS.items()},
        )
    query = GAPS.format(people=_OF_ALL if product_id is None else _OF_PRODUCT)
    row = tx.execute(text(query), {"product": product_id}).one()._mapping
    return Gaps(row["everybody"], {name: row[column] for column, name in _FIELDS.items()})
