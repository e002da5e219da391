"""What people are interested in: themes of what they read or asked for, a person counted once a theme (S3-16, S3-17).

Only what a person did counts; a theme is that of the touch when it happened.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

from campaigns.storage.report_rows import Cell, Facts, binds

_FACTS = """
select tp.person_id, max(tp.at) as at, null::bigint as delivery_id, g.tag as what, g.tag, :product as product_id,
       coalesce(co.class, '-') as class
  from touchpoints tp cross join lateral unnest(tp.tags) as g(tag)
  left join affiliations a on a.person_id = tp.person_id and a.is_current
  left join companies co on co.id = a.company_id
 where tp.validity > 0 and tp.depth > 0 and tp.tags <> '{}' and tp.at >= :since and tp.at < :until
   and (:product = 0 or tp.product_id = :product) and {near}
 group by tp.person_id, g.tag, co.class
"""
ROWS = Facts(
    _FACTS,
    {"people": "true"},
    {"tag": "f.tag = :tag", "class": "f.class = :class"},
    {"tag": "tp.tags @> array[cast(:tag as text)]"},
)


@dataclass(frozen=True, slots=True)
class Interest:
    """People with a touch of a theme in a period. product_id: 0 for all. cls: class of their company."""

    period: str
    product_id: int
    tag: str
    cls: str
    figures: Mapping[str, int]


# Each period is its own count: a person with touches in two months is one person. One pass over the touches for all.
COUNT = """
with g as (
  select x.tag, tp.person_id, tp.product_id, {flags}
    from touchpoints tp cross join lateral unnest(tp.tags) as x(tag)
   where tp.validity > 0 and tp.depth > 0 and tp.tags <> '{{}}' group by 1, 2, 3),
every as (
  select tag, person_id, product_id, {names} from g where product_id is not null
   union all select tag, person_id, 0, {merged} from g group by 1, 2)
select e.product_id, e.tag, coalesce(co.class, '-') as class, {counts}
  from every e left join affiliations a on a.person_id = e.person_id and a.is_current
  left join companies co on co.id = a.company_id
 group by 1, 2, 3
"""


def count(tx: Connection, periods: Sequence[tuple[str, datetime, datetime]], *, zone: str) -> list[Interest]:
    """periods: name, from, before."""
    values = binds(Cell("interest", "people", periods[0][1], periods[0][2]), zone)
    flags, names = [], []
    for place, (_name, since, until) in enumerate(periods):
        values |= {f"since_{place}": since, f"until_{place}": until}
        flags.append(f"bool_or(tp.at >= :since_{place} and tp.at < :until_{place}) as in_{place}")
        names.append(f"in_{place}")
    query = COUNT.format(
        flags=", ".join(flags),
        names=", ".join(names),
        merged=", ".join(f"bool_or({name})" for name in names),
        counts=", ".join(f"count(*) filter (where e.{name}) as n_{name}" for name in names),
    )
    found = []
    for row in tx.execute(text(query), values):
        for (name, _since, _until), n in zip(periods, row[3:], strict=True):
            if n:
                found.append(Interest(name, row.product_id, row.tag, row[2], {"people": n}))
    return found
