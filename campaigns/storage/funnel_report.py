"""The funnel: everybody in the book, each in the furthest stage reached (S1-18).

潜在顧客: in the book. 見込顧客: somebody's lead for a product. 有望見込顧客: was 今すぐ客 once, or was handed to
sales. 新規顧客: a hand-off was won, or an opportunity that a rep brought. 優良顧客: that, at a company of class A or B.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

from campaigns.rules.reports import STAGES, Stage
from campaigns.storage.report_rows import Cell, Facts, binds, counted, month

_LEADS = """
select q.person_id, q.product_id, least(c.at, h.at) as hot_at, h.won_at,
       q.state = 'won' or coalesce(h.is_won, false) as is_won,
       q.rank = 'hot' or q.state = 'won' or c.lead_id is not null or h.lead_id is not null as is_hot
  from product_leads q
  {hot}
  {handed}
 where q.state <> 'excluded'
"""
_OFFS = """bool_or(h.state = 'won') as is_won, min(h.created_at) as at,
       min(h.resolved_at) filter (where h.state = 'won') as won_at"""
# What sales were given, and what they found themselves.
_WITH_SALES = """(select lead_id, state, created_at, resolved_at from hand_offs
         where state not in ('proposed', 'held', 'withdrawn')
        union all select lead_id, result, created_at, closed_at from opportunities
         where hand_off_id is null and lead_id is not null) h"""
# For a list each is looked up by its index; for counting all are put together once.
_LOOKED_UP = _LEADS.format(
    hot="left join lateral (select lead_id, min(at) as at from rank_changes"
    " where lead_id = q.id and new = 'hot' group by 1) c on true",
    handed=f"left join lateral (select h.lead_id, {_OFFS} from {_WITH_SALES}"  # noqa: S608 - constants
    " where h.lead_id = q.id group by 1) h on true",
)
_PUT_TOGETHER = _LEADS.format(
    hot="left join (select lead_id, min(at) as at from rank_changes where new = 'hot' group by 1) c on c.lead_id = q.id",
    handed=f"left join (select h.lead_id, {_OFFS} from {_WITH_SALES} group by 1) h on h.lead_id = q.id",  # noqa: S608
)
_STAGE = f"""case when l.is_won and co.class in ('A', 'B') then '{Stage.LOYAL}'
            when l.is_won then '{Stage.CUSTOMER}' when l.is_hot then '{Stage.QUALIFIED}'
            when l.person_id is not null then '{Stage.PROSPECT}' else '{Stage.POTENTIAL}' end"""
_PEOPLE = """
  left join affiliations a on a.person_id = p.id and a.is_current
  left join companies co on co.id = a.company_id
 where p.merged_into is null and p.excluded_reason = '' and p.created_at >= :since and p.created_at < :until
"""
_FACTS = f"""
select p.id as person_id, p.created_at as at, null::bigint as delivery_id, '' as what, :product as product_id,
       {month("p.created_at")} as month, {_STAGE} as stage, l.hot_at, l.won_at
  from people p {{leads}} {_PEOPLE} and {{near}}
"""  # noqa: S608 - constants
_TOGETHER = """select person_id, bool_or(is_hot) as is_hot, bool_or(is_won) as is_won, min(hot_at) as hot_at,
                     min(won_at) as won_at from ({0}) q
              where (:product = 0 or product_id = :product)"""
# Person by person for a list (ix_people_created_at), all at once for counting.
_EACH = f"left join lateral ({_TOGETHER.format(_LOOKED_UP)} and person_id = p.id group by 1) l on true"
_ALL = f"left join ({_TOGETHER.format(_PUT_TOGETHER)} group by 1) l on l.person_id = p.id"
MEASURES: Mapping[str, str] = {f"here_{stage}": f"f.stage = '{stage}'" for stage in STAGES} | {
    f"reached_{stage}": "f.stage in (" + ", ".join(f"'{later}'" for later in STAGES[place:]) + ")"
    for place, stage in enumerate(STAGES)
}
_WON = """p.id in (select q.person_id from product_leads q where q.state = 'won' union all
  select q.person_id from hand_offs h join product_leads q on q.id = h.lead_id where h.state = 'won' union all
  select q.person_id from opportunities o join product_leads q on q.id = o.lead_id where o.result = 'won')"""
_HOT = """p.id in (select q.person_id from product_leads q where q.state = 'won' or q.rank = 'hot' union all
  select q.person_id from rank_changes c join product_leads q on q.id = c.lead_id where c.new = 'hot' union all
  select q.person_id from hand_offs h join product_leads q on q.id = h.lead_id union all
  select q.person_id from opportunities o join product_leads q on q.id = o.lead_id)"""
NEAR: Mapping[str, str] = {
    f"{kind}_{stage}": _HOT if stage is Stage.QUALIFIED else _WON
    for kind in ("here", "reached")
    for stage in (Stage.QUALIFIED, Stage.CUSTOMER, Stage.LOYAL)
}
# When somebody came to the stage; into the first two they came with the list that named them.
WHEN: Mapping[str, str] = {
    f"{kind}_{stage}": "least(f.hot_at, f.won_at)" if stage is Stage.QUALIFIED else "f.won_at"
    for kind in ("here", "reached")
    for stage in (Stage.QUALIFIED, Stage.CUSTOMER, Stage.LOYAL)
}
ROWS = Facts(_FACTS.replace("{leads}", _EACH), MEASURES, {}, NEAR, when=WHEN)
_COUNTED_FACTS = _FACTS.replace("{leads}", _ALL).replace("{near}", "true")


@dataclass(frozen=True, slots=True)
class Reached:
    """People who came into the book in one month, by the furthest stage. product_id: 0 for all."""

    month: int
    product_id: int
    figures: Mapping[str, int]


_COUNTED = counted({str(stage): MEASURES[f"here_{stage}"] for stage in STAGES})
COUNT = f"select f.month, {_COUNTED} from ({_COUNTED_FACTS}) f group by 1"  # noqa: S608 - constants
# A person is one lead of a product, so nothing has to be put together; who is none of its leads is left to the total.
COUNT_PRODUCTS = f"""
select f.product_id, f.month, {_COUNTED}
  from (select l.product_id, {month("p.created_at")} as month, {_STAGE} as stage
          from ({_PUT_TOGETHER}) l join people p on p.id = l.person_id {_PEOPLE}) f
 group by 1, 2
"""  # noqa: S608 - constants


def count(tx: Connection, *, since: datetime, until: datetime, zone: str) -> list[Reached]:
    """Over all products."""
    values = binds(Cell("funnel", "here_potential", since, until), zone)
    return [
        Reached(row.month, 0, {str(stage): row._mapping[str(stage)] for stage in STAGES})
        for row in tx.execute(text(COUNT), values)
    ]


@dataclass(frozen=True, slots=True)
class Entered:
    """People who came to a stage in one month, however long they had been in the book. product_id: 0 for all."""

    month: int
    product_id: int
    figures: Mapping[str, int]


_ENTERED = f"""
select q.product_id, q.month, {{counted}} from (
  select 0 as product_id, {month("p.created_at")} as month, '{Stage.POTENTIAL}' as stage from people p
   where p.merged_into is null and p.excluded_reason = '' and p.created_at >= :since and p.created_at < :until
  union all
  select g.product_id, {month("e.at")}, e.stage from (
    select {{product}} as product_id, l.person_id, min(l.created_at) as lead_at, min(l.hot_at) as hot_at,
           min(l.won_at) as won_at
      from (select b.*, q.created_at from ({_PUT_TOGETHER}) b
              join product_leads q on q.person_id = b.person_id and q.product_id = b.product_id) l group by 1, 2) g
  left join affiliations a on a.person_id = g.person_id and a.is_current
  left join companies co on co.id = a.company_id
  cross join lateral (values ('{Stage.PROSPECT}', g.lead_at), ('{Stage.QUALIFIED}', least(g.hot_at, g.won_at)),
    ('{Stage.CUSTOMER}', g.won_at),
    ('{Stage.LOYAL}', case when co.class in ('A', 'B') then g.won_at end)) e(stage, at)
   where e.at >= :since and e.at < :until) q
 group by 1, 2
"""  # noqa: S608 - constants


def entered(tx: Connection, *, since: datetime, until: datetime, zone: str) -> list[Entered]:
    """Over all products (0), and of each; into 潜在顧客 nobody comes by a product."""
    values = {"since": since, "until": until, "zone": zone}
    columns = counted({str(stage): f"q.stage = '{stage}'" for stage in STAGES})
    found = []
    for product in ("0", "l.product_id"):
        query = _ENTERED.format(counted=columns, product=product)
        for row in tx.execute(text(query), values):
            if product == "0" or row.product_id:
                figures = {str(stage): int(row._mapping[str(stage)]) for stage in STAGES}
                found.append(Entered(row.month, row.product_id, figures))
    return found


def by_product(
    tx: Connection,
    every: Sequence[Reached],
    product_ids: Sequence[int],
    *,
    since: datetime,
    until: datetime,
    zone: str,
) -> list[Reached]:
    """The same of each product: whoever is no lead of it is 潜在顧客. every: over all products."""
    values = binds(Cell("funnel", "here_potential", since, until), zone)
    found: dict[tuple[int, int], Mapping[Any, Any]] = {
        (row.product_id, row.month): row._mapping for row in tx.execute(text(COUNT_PRODUCTS), values)
    }
    made = []
    for one in every:
        for product_id in product_ids:
            row = found.get((product_id, one.month), {})
            here = {str(stage): int(row.get(str(stage), 0)) for stage in STAGES}
            rest = sum(one.figures.values()) - sum(here.values())
            made.append(Reached(one.month, product_id, {**here, str(Stage.POTENTIAL): rest}))
    return made
