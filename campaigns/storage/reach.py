"""Whom a scenario would reach, counted before it is published: every person in exactly one group."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, text

from campaigns.storage import permission


@dataclass(frozen=True, slots=True)
class Reach:
    """The audience by what would become of its mail. groups: reason code -> people; they add up to all."""

    everybody: int
    can_send: int
    groups: tuple[tuple[str, int], ...]

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
select block, count(*) as n from (
  select case
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
          select 1 from touchpoints t where t.person_id = p.id and t.event_id = :event))) q
 group by block order by n desc, block
"""  # noqa: S608 - the parts are constants


def count(
    tx: Connection, *, scenario_id: int, product_id: int, classes: Sequence[str], event_id: int | None
) -> Reach:
    """Everybody of a scenario's audience, by what stands against a mail."""
    rows = tx.execute(
        text(REACH),
        {"scenario": scenario_id, "product": product_id, "classes": list(classes), "event": event_id},
    ).all()
    groups = {row.block: int(row.n) for row in rows}
    can_send = groups.pop("can_send", 0)
    return Reach(can_send + sum(groups.values()), can_send, tuple(groups.items()))


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


# One pass over the product's leads (ix_product_leads_product_id_rank) or, without a product, over everybody.
GAPS = """
select count(*) as everybody,
       count(*) filter (where p.full_name = '') as name,
       count(*) filter (where p.full_name = '' and p.family = '') as family,
       count(*) filter (where coalesce(co.name, '') = '') as company,
       count(*) filter (where coalesce(f.department, '') = '') as department,
       count(*) filter (where coalesce(f.title, '') = '') as title
  from people p
  left join affiliations f on f.person_id = p.id and f.is_current
  left join companies co on co.id = f.company_id
 where p.merged_into is null and p.address_id is not null
   and (cast(:product as bigint) is null
        or exists (select 1 from product_leads l where l.person_id = p.id and l.product_id = :product))
"""
_FIELDS = {"name": "氏名", "family": "姓", "company": "会社名", "department": "部署名", "title": "役職"}


def gaps(tx: Connection, *, product_id: int | None) -> Gaps:
    """Which merge fields would be empty, for how many of the audience."""
    row = tx.execute(text(GAPS), {"product": product_id}).one()._mapping
    return Gaps(row["everybody"], {name: row[column] for column, name in _FIELDS.items()})
