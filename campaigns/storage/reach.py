"""Whom a scenario would reach, counted before it is published: every person in exactly one group."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection, text

from campaigns.rules import audience as audiences
from campaigns.rules.audience import Audience
from campaigns.rules.scenarios import Scenario
from campaigns.storage import audience, permission


@dataclass(frozen=True, slots=True)
class Reach:
    """The audience by what would become of its mail. groups: reason code -> people; they add up to all.

    roles: of those who can be sent to, people by buying role ('' where it is not known). at: when it was
    counted, None for this moment. is_known: False while a big audience is still to be counted.
    """

    everybody: int
    can_send: int
    groups: tuple[tuple[str, int], ...]
    roles: Mapping[str, int] = field(default_factory=dict)
    at: datetime | None = None
    is_known: bool = True

    @property
    def cannot_send(self) -> int:
        return self.everybody - self.can_send


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


# The same questions as may_send and the planner ask, in the same order; can_send is the last answer.
REACH = f"""
select block, role, count(*) as n from (
  select coalesce(f.buying_role, '') as role,
         case
           when p.excluded_reason <> '' then 'person_excluded'
           when a.id is null then 'no_address'
           when a.status in ('hard', 'complaint') then 'address_' || a.status
           when l.state in ('won', 'lost', 'excluded') then 'lead_closed'
           else coalesce(
             {permission.refusal(product="l.product_id", enrolled="coalesce(e.created_at, l.created_at)")},
             case when not {permission.consent(product="l.product_id")} then 'no_consent' end,
             case when l.state in ('hot', 'offered', 'with_sales', 'opportunity', 'paused')
                  then 'lead_' || l.state end,
             'can_send')
         end as block
    from product_leads l
    join people p on p.id = l.person_id and p.merged_into is null
    left join addresses a on a.id = p.address_id
    left join affiliations f on f.person_id = p.id and f.is_current
    left join companies co on co.id = f.company_id
    left join enrollments e on e.person_id = p.id and e.scenario_id = :scenario
   where l.product_id = :product
     and coalesce(co.class, '-') = any(:classes)
     and (cast(:event as bigint) is null or exists (
          select 1 from touchpoints t where t.person_id = p.id and t.event_id = :event))
     and {audience.fits("cast(:audience as jsonb)")}) q
 group by block, role
"""  # noqa: S608 - the parts are constants


def count(tx: Connection, scenario: Scenario) -> Reach:
    """Everybody of a scenario's audience, by what stands against a mail."""
    rows = tx.execute(
        text(REACH),
        {
            "scenario": scenario.id,
            "product": scenario.product_id,
            "classes": list(scenario.classes),
            "event": scenario.event_id,
            "audience": json.dumps(audiences.to_json(scenario.audience)),
        },
    ).all()
    groups: Counter[str] = Counter()
    roles: Counter[str] = Counter()
    for row in rows:
        groups[row.block] += row.n
        if row.block == "can_send":
            roles[row.role] += row.n
    can_send = groups.pop("can_send", 0)
    most_first = sorted(groups.items(), key=lambda group: (-group[1], group[0]))
    return Reach(can_send + groups.total(), can_send, tuple(most_first), dict(roles))


# Whom typed conditions would find. A sample where there are many: 2 % of 1,000,000 leads is off by about 1 %.
FITTING = f"""
select count(*) as n
  from product_leads l {{sample}}
  join people p on p.id = l.person_id and p.merged_into is null
  left join affiliations f on f.person_id = p.id and f.is_current
  left join companies co on co.id = f.company_id
 where l.product_id = :product and coalesce(co.class, '-') = any(:classes)
   and (cast(:event as bigint) is null or exists (
        select 1 from touchpoints t where t.person_id = p.id and t.event_id = :event))
   and {audience.fits("cast(:audience as jsonb)")}
"""  # noqa: S608 - the parts are constants
SAMPLED = 50_000
SAMPLE_PERCENT = 2


def fitting(
    tx: Connection, *, product_id: int, classes: Sequence[str], event_id: int | None, wanted: Audience
) -> tuple[int, bool]:
    """How many leads fit conditions that are being typed, and whether the number is an estimate."""
    many = _many(tx, product_id)
    sample = f"tablesample system ({SAMPLE_PERCENT})" if many else ""
    found = tx.execute(
        text(FITTING.format(sample=sample)),
        {
            "product": product_id,
            "classes": list(classes),
            "event": event_id,
            "audience": json.dumps(audiences.to_json(wanted)),
        },
    ).scalar_one()
    return (int(found) * 100 // SAMPLE_PERCENT, True) if many else (int(found), False)


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


# One pass over the product's leads or, without a product, over everybody; over a sample where there are many,
# the same one each time: what was read before publishing must be what is asked for after it.
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
 where p.merged_into is null and p.address_id is not null and {product}
"""
_OF_PRODUCT = ("product_leads l {sample} join people p on p.id = l.person_id", "l.product_id = :product")
_OF_ALL = ("people p {sample}", "cast(:product as bigint) is null")
_FIELDS = {"name": "氏名", "family": "姓", "company": "会社名", "department": "部署名", "title": "役職"}


def gaps(tx: Connection, *, product_id: int | None) -> Gaps:
    """Which merge fields would be empty, for how many of the audience (estimated where it is large)."""
    people, product = _OF_ALL if product_id is None else _OF_PRODUCT
    many = _many(tx, product_id)
    sample = f"tablesample system ({SAMPLE_PERCENT}) repeatable (1)" if many else ""
    query = GAPS.format(people=people.format(sample=sample), product=product)
    row = tx.execute(text(query), {"product": product_id}).one()._mapping
    times = 100 // SAMPLE_PERCENT if many else 1
    return Gaps(row["everybody"] * times, {name: row[column] * times for column, name in _FIELDS.items()})


def _many(tx: Connection, product_id: int | None) -> bool:
    """Whether counting all would take longer than a page may."""
    table = "people" if product_id is None else "product_leads where product_id = :product"
    probe = f"select count(*) from (select 1 from {table} limit :n) q"  # noqa: S608 - constants
    return bool(tx.execute(text(probe), {"product": product_id, "n": SAMPLED}).scalar_one() == SAMPLED)
