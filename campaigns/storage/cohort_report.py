"""Cohorts of an event: what became of the people met there, 3, 6, 12 and 24 months later (S1-09, S1-13).

An opportunity is one that was written down, or a hand-off that sales took; an order is an opportunity that was won,
with its amount, or a hand-off that was won without one, with the amount its product is expected to bring.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, text

from campaigns.rules.reports import HORIZONS
from campaigns.storage.report_rows import Cell, Facts, binds, counted

# Months count from the event's first day, or from the first touch of an event without a day.
MEMBERS = """
select m.event_id, m.person_id, m.at, m.name,
       coalesce(cast(m.starts_on as timestamp) at time zone :zone, m.at) as base
  from (select tp.event_id, tp.person_id, min(tp.at) as at, e.name, e.starts_on
          from touchpoints tp join events e on e.id = tp.event_id
         where tp.validity > 0 and {which} group by tp.event_id, tp.person_id, e.name, e.starts_on) m
"""
# What happened to them afterwards, row by row: event, person, base, product and when.
_LATER: Mapping[str, str] = {
    "touched": """select m.event_id, m.person_id, m.base, tp.product_id, tp.at
                    from m join touchpoints tp on tp.person_id = m.person_id
                   where tp.validity > 0 and tp.depth > 0 and tp.at > m.at
                     and tp.event_id is distinct from m.event_id""",
    "hot": """select m.event_id, m.person_id, m.base, l.product_id, c.at
                from m join product_leads l on l.person_id = m.person_id
                join rank_changes c on c.lead_id = l.id and c.new = 'hot' and c.at >= m.base""",
    "handed": "select x.*, x.created_at as at from ({offs}) x",
    "taken": """select x.event_id, x.person_id, x.base, x.product_id, x.created_at as at from ({offs}) x
                 where x.state in ('accepted', 'won', 'lost', 'no_deal')
                union all select x.event_id, x.person_id, x.base, x.product_id, x.created_at from ({deals}) x""",
    "won": """select x.event_id, x.person_id, x.base, x.product_id, x.resolved_at as at, x.yen from ({offs}) x
               where x.state = 'won' and not x.has_deal
              union all select x.event_id, x.person_id, x.base, x.product_id, x.closed_at, x.amount_yen
                          from ({deals}) x where x.result = 'won'""",
}
_OFFS = """select m.event_id, m.person_id, m.base, l.product_id, h.state, h.created_at, h.resolved_at,
                  pr.expected_amount_yen as yen,
                  exists (select 1 from opportunities o where o.hand_off_id = h.id) as has_deal
             from m join product_leads l on l.person_id = m.person_id
             join hand_offs h on h.lead_id = l.id and h.state not in ('proposed', 'held', 'withdrawn') and h.created_at >= m.base
             join products pr on pr.id = h.product_id"""
_DEALS = """select m.event_id, m.person_id, m.base, o.product_id, o.created_at, o.closed_at, o.result, o.amount_yen
              from m join product_leads l on l.person_id = m.person_id
              join opportunities o on o.lead_id = l.id and o.created_at >= m.base"""
_SIGNS = {name: sql.replace("{offs}", _OFFS).replace("{deals}", _DEALS) for name, sql in _LATER.items()}
_YEN = ", ".join(
    f"sum(x.yen) filter (where x.at < x.base + interval '{n} months') as yen_{n}" for n in HORIZONS
)
_JOINS = "\n".join(
    f"left join (select x.event_id, x.person_id, min(x.at) as at{', ' + _YEN if name == 'won' else ''}"  # noqa: S608 - constants
    f" from ({sql}) x where :product = 0 or x.product_id = :product group by 1, 2) {name} using (event_id, person_id)"
    for name, sql in _SIGNS.items()
)
# Since when somebody can no longer be reached; nothing while they can.
_LOST = """
       select m.at where a.id is null or p.excluded_reason <> '' or p.merged_into is not null
       union all select a.status_at where a.status in ('hard', 'complaint')
       union all select s.at from suppressions s
                  where s.key_hash = a.key_hash and s.scope = 'global' and s.lifted_at is null
"""
_FACTS = f"""
with m as materialized ({MEMBERS})
select m.event_id, m.person_id, m.at, null::bigint as delivery_id, m.name as what, :product as product_id, m.base,
       lost.at as lost_at, {", ".join(f"{name}.at as {name}_at" for name in _SIGNS)},
       {", ".join(f"coalesce(won.yen_{n}, 0)::bigint as yen_{n}" for n in HORIZONS)}
  from m
  left join (
    select m.event_id, m.person_id, min(x.at) as at from m join people p on p.id = m.person_id
      left join addresses a on a.id = p.address_id
     cross join lateral ({_LOST}) x
     group by 1, 2) lost using (event_id, person_id)
  {_JOINS}
"""  # noqa: S608 - constants
# What is counted, with the instant until which it has happened.
HAPPENED: Mapping[str, str] = {
    "reachable": "f.lost_at is null or f.lost_at >= {end}",
    "touched": "f.touched_at < {end}",
    "hot": "f.hot_at < {end}",
    "handed": "f.handed_at < {end}",
    "taken": "f.taken_at < {end}",
    "won": "f.won_at < {end}",
}
MEASURES: Mapping[str, str] = {"people": "true"} | {
    f"{name}_{n}": sql.replace("{end}", f"f.base + interval '{n} months'")
    for name, sql in HAPPENED.items()
    for n in HORIZONS
}
# A list is of one event, and joins what its number is about.
_OWN = {
    f"{name}_{n}": f"with m as materialized ({MEMBERS.replace('{which}', 'tp.event_id = :event')}) "  # noqa: S608 - constants
    "select m.event_id, m.person_id, m.at, null::bigint as delivery_id, m.name as what, :product as product_id,"
    f" m.base, x.at as {name}_at from m join (select x.event_id, x.person_id, min(x.at) as at from ({sql}) x"
    " where :product = 0 or x.product_id = :product group by 1, 2) x using (event_id, person_id)"
    for name, sql in _SIGNS.items()
    for n in HORIZONS
}
_OWN["people"] = (
    "select m.event_id, m.person_id, m.at, null::bigint as delivery_id, m.name as what, :product as product_id"  # noqa: S608 - constants
    f" from ({MEMBERS.replace('{which}', 'tp.event_id = :event')}) m"
)
_REACHABLE = (
    "select m.event_id, m.person_id, m.at, null::bigint as delivery_id, m.name as what, :product as product_id, m.base,"  # noqa: S608 - constants
    f" (select min(x.at) from ({_LOST}) x) as lost_at from ({MEMBERS.replace('{which}', 'tp.event_id = :event')}) m"
    " join people p on p.id = m.person_id left join addresses a on a.id = p.address_id"
)
_OWN |= {f"reachable_{n}": _REACHABLE for n in HORIZONS}
ROWS = Facts(
    _FACTS.replace("{which}", "tp.event_id = :event"),
    MEASURES,
    {"event": "f.event_id = :event"},
    own=_OWN,
    needed="event",
    when={f"{name}_{n}": f"f.{name}_at" for name in _SIGNS for n in HORIZONS},
)
_EVERY = _FACTS.replace("{which}", "true")


@dataclass(frozen=True, slots=True)
class Cohort:
    """The people of one event. product_id: 0 for all. figures: the measures, and yen_<months>: what the orders of
    that time bring."""

    product_id: int
    event_id: int
    figures: Mapping[str, int]


YEN = tuple(f"yen_{n}" for n in HORIZONS)
COUNT = f"""
select f.event_id, {", ".join(f"sum(f.{name})::bigint as {name}" for name in YEN)}, {counted(MEASURES)}
  from ({_EVERY}) f group by 1
"""  # noqa: S608 - constants
# Each product's part, from what happened alone: that is little, while all people of all products are many.
_PARTS = " union all ".join(
    f"select '{name}' as name, x.event_id, x.person_id, x.base, x.product_id, min(x.at) as at, 0 as yen"  # noqa: S608 - constants
    f" from ({sql}) x where x.product_id is not null group by 2, 3, 4, 5"
    for name, sql in _SIGNS.items()
)
COUNT_PRODUCTS = f"""
with m as materialized ({MEMBERS.replace("{which}", "true")})
select f.event_id, f.product_id, {
    ", ".join(
        f"count(*) filter (where f.name = '{name}' and f.at < f.base + interval '{n} months') as {name}_{n}"
        for name in _SIGNS
        for n in HORIZONS
    )
}, {
    ", ".join(
        f"coalesce(sum(f.yen) filter (where f.at < f.base + interval '{n} months'), 0)::bigint as yen_{n}"
        for n in HORIZONS
    )
}
  from ({_PARTS} union all
        select 'yen', x.event_id, x.person_id, x.base, x.product_id, x.at, x.yen from ({_SIGNS["won"]}) x) f
 group by 1, 2
"""  # noqa: S608 - constants


def count(tx: Connection, *, since: datetime, until: datetime, zone: str) -> list[Cohort]:
    """Every event that has people, over all products."""
    values = binds(Cell("events", "people", since, until), zone)
    return [
        Cohort(0, row.event_id, {name: row._mapping[name] for name in (*MEASURES, *YEN)})
        for row in tx.execute(text(COUNT), values)
    ]


def by_product(
    tx: Connection,
    every: Sequence[Cohort],
    product_ids: Sequence[int],
    *,
    since: datetime,
    until: datetime,
    zone: str,
) -> list[Cohort]:
    """The same of each product. every: over all products, since who was met and can be reached is no product's."""
    values = binds(Cell("events", "people", since, until), zone)
    found: dict[tuple[int, int], Mapping[Any, Any]] = {
        (row.event_id, row.product_id): row._mapping for row in tx.execute(text(COUNT_PRODUCTS), values)
    }
    return [
        Cohort(
            product_id,
            one.event_id,
            {
                name: n
                if name.startswith(("people", "reachable"))
                else found.get((one.event_id, product_id), {}).get(name, 0)
                for name, n in one.figures.items()
            },
        )
        for one in every
        for product_id in product_ids
    ]


@dataclass(frozen=True, slots=True)
class Event:
    """What was held, when, and what it cost in yen; 0 where nobody noted it."""

    id: int
    name: str
    kind: str
    starts_on: date | None
    cost_yen: int


def events(tx: Connection) -> list[Event]:
    """The latest first."""
    rows = tx.execute(
        text(
            "select id, name, kind, starts_on, cost_yen from events order by starts_on desc nulls first, id desc"
        )
    )
    return [Event(*row) for row in rows]
