"""Running sums: what a lead's touches come to, kept beside it so that a rank needs no touch.

Truth is in the touches. Whoever writes touches has the leads of these people rebuilt: in its own transaction
(services/rerank), or by leaving `is_stale` on the lead. A lead without a row was never ranked.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, TextClause, text

from campaigns.rules.ranks import DEPTH_MAX, Seen
from campaigns.rules.scores import EPOCH, HALF_LIVES_MAX, TIE, half_life_s
from campaigns.rules.touchpoints import DWELL_FULL_S, DWELL_POINTS, VIEWS, Group, Kind, relevance
from campaigns.storage import bulk
from campaigns.storage.ranks import Product

GROUPS = tuple(group.value for group in Group)
DEPTHS = tuple(f"depth{n}_at" for n in range(1, DEPTH_MAX + 1))
COLUMNS = (*GROUPS, *DEPTHS, "first_at", "next_at", "asked")
_NAMES = ", ".join(COLUMNS)


@dataclass(frozen=True, slots=True)
class Sums:
    """groups: in the order of Group, decayed to EPOCH."""

    groups: tuple[float, ...]
    seen: Seen

    def at(self, left: float) -> dict[Group, float]:
        """Points left in each group. left: `scores.decay` of the instant."""
        return {group: x * left for group, x in zip(Group, self.groups, strict=True) if x}


# What a touch is worth for a lead: the rules of its product (r), by the industry where they differ, and its kind (w).
SCALE = """
r as (select * from unnest(cast(:r_product as bigint[]), cast(:r_industry as text[]), cast(:r_table as int[]),
        cast(:r_half_life as float[])) as r(product_id, industry, table_no, half_life_s)),
w as (select * from unnest(cast(:w_table as int[]), cast(:w_kind as text[]), cast(:w_points as float[]),
        cast(:w_dwell as float[]), cast(:w_group as text[]), cast(:w_depth as int[]), cast(:w_asks as bool[]))
        as w(table_no, kind, points, dwell, grp, depth, asks))
"""
PLAIN = "join r on r.product_id = l.product_id"
BY_INDUSTRY = """
  left join affiliations f on f.person_id = l.person_id and f.is_current
  left join companies co on co.id = f.company_id
  join lateral (select * from r where r.product_id = l.product_id and (r.industry is null or r.industry = co.industry)
                 order by r.industry is null limit 1) r on true
"""
# What lies beyond the reach of floats is an error here and not 0 or infinity: a moment of reading too short to
# divide counts as none, and what lies too far away in time is taken to lie at the edge.
POINTS = """
(w.points + w.dwell * case when t.active_s > 1e-9 then least(t.active_s, :dwell_full_s) / :dwell_full_s else 0 end)
  * case when t.product_id is null then cast(:aside as float) else 1 end * least(t.validity, 1)
  * power(2, least(greatest((date_part('epoch', t.at) - :epoch_s) / r.half_life_s, - :half_lives), :half_lives))
"""


@lru_cache(maxsize=64)
def _select(whose: str, by_industry: bool, asking: tuple[str, ...]) -> str:
    """The sums of leads, from their touches. asking: kinds that make hot at once for some product."""
    sums = [
        f"coalesce(sum(x.points) filter (where t.at <= :now and w.grp = '{group}'), 0) as {group}"
        for group in GROUPS
    ]
    depths = [
        f"max(t.at) filter (where t.at <= :now and w.depth = {n}) as {name}"
        for n, name in enumerate(DEPTHS, 1)
    ]
    asked = [
        f"'{kind}', max(t.at) filter (where t.at <= :now and w.asks and w.kind = '{kind}')" for kind in asking
    ]
    return f"""
select l.id as lead_id, {", ".join([*sums, *depths])},
       min(t.at) filter (where t.at <= :now and w.depth > 0) as first_at,
       min(t.at) filter (where t.at > :now and w.depth > 0) as next_at,
       nullif(jsonb_strip_nulls(jsonb_build_object({", ".join(asked)})), '{{}}') as asked
  from product_leads l
  {BY_INDUSTRY if by_industry else PLAIN}
  left join touchpoints t on t.person_id = l.person_id and t.validity > 0
        and (t.product_id = l.product_id or t.product_id is null)
  left join w on w.table_no = r.table_no and w.kind = t.kind
  cross join lateral (select {POINTS} as points) x
 where {whose}
 group by l.id
"""  # noqa: S608 - names of this module and kinds of touches


_PUT = f"on conflict (lead_id) do update set {', '.join(f'{name} = excluded.{name}' for name in COLUMNS)}"


@lru_cache(maxsize=64)
def _few(by_industry: bool, asking: tuple[str, ...]) -> str:
    return f"""
    with {SCALE}
    insert into lead_sums (lead_id, {_NAMES})
    {_select("l.id = any(:ids)", by_industry, asking)}
    {_PUT} returning lead_id, {_NAMES}
    """


@lru_cache(maxsize=64)
def _range(by_industry: bool, asking: tuple[str, ...]) -> TextClause:
    """Writes rows that are new or differ: reading what stands costs a fifth of writing it anew."""
    stands, found = (", ".join(f"{of}.{name}" for name in COLUMNS) for of in "sf")
    return text(
        f"""
        with {SCALE},
        f as ({_select("l.id > :after and l.id <= :until", by_industry, asking)})
        insert into lead_sums (lead_id, {_NAMES})
        select f.lead_id, {found}
          from f left join lead_sums s on s.lead_id = f.lead_id and s.lead_id > :after and s.lead_id <= :until
         where s.lead_id is null or ({stands}) is distinct from ({found})
        {_PUT}
        """  # noqa: S608 - names of this module
    )


def rebuild(
    tx: Connection, lead_ids: Sequence[int], products: Iterable[Product], *, now: datetime
) -> dict[int, Sums]:
    """Sums of these leads from their touches, written and returned.

    The leads must be locked by now: a touch that another transaction is about to write is then either seen here, or
    its writer waits and rebuilds after us. Index ix_touchpoints_person_id_at.
    """
    if not lead_ids:
        return {}
    values, shape = _scale(products, now=now)
    return _found(bulk.rows(tx, _few(*shape), {**values, "ids": list(lead_ids)}))


def rebuild_range(
    tx: Connection, products: Iterable[Product], *, after: int, until: int, now: datetime
) -> None:
    """The same for all leads of these products between two ids, which stay locked: reads the touches in one pass."""
    values, shape = _scale(products, now=now)
    limits = {"after": after, "until": until}
    tx.execute(
        text(
            "select count(*) from (select 1 from product_leads where id > :after and id <= :until"
            " order by id for update) x"
        ),
        limits,
    )
    tx.execute(text("set local work_mem = '256MB'"))
    tx.execute(_range(*shape), {**values, **limits})


def wrong(tx: Connection, products: Iterable[Product], *, one_in: int, rest: int, now: datetime) -> list[int]:
    """People with a lead, of one in so many, whose sums are not what its touches come to."""
    values, shape = _scale(products, now=now)
    off = " or ".join(
        [f"abs(s.{name} - f.{name}) > :same * greatest(s.{name}, f.{name})" for name in GROUPS]
        + [f"s.{name} is distinct from f.{name}" for name in (*DEPTHS, "asked")]
    )
    rows = tx.execute(
        text(
            f"""
            with {SCALE},
            f as materialized ({_select("mod(l.id, :one_in) = :rest and not l.is_stale", *shape)})
            select distinct l.person_id from f join lead_sums s on s.lead_id = f.lead_id
              join product_leads l on l.id = f.lead_id where (s.next_at is null or s.next_at > :now) and ({off})
             order by 1
            """  # noqa: S608 - names of this module
        ),
        {**values, "one_in": one_in, "rest": rest, "same": TIE},
    )
    return [row.person_id for row in rows]


READ = f"""
select s.lead_id, {_NAMES} from lead_sums s join product_leads l on l.id = s.lead_id
 where s.lead_id = any(:ids) and not l.is_stale and (s.next_at is null or s.next_at > :now)
"""  # noqa: S608 - names of this module


def read(tx: Connection, lead_ids: Sequence[int], *, now: datetime) -> dict[int, Sums]:
    """Sums that hold at that instant; leads without are left out."""
    return _found(bulk.rows(tx, READ, {"ids": list(lead_ids), "now": now}))


def _found(rows: Iterable[tuple[Any, ...]]) -> dict[int, Sums]:
    """By lead."""
    ends, at = len(GROUPS) + 1, len(GROUPS) + len(DEPTHS) + 1
    return {
        row[0]: Sums(row[1:ends], Seen(row[ends:at], row[at], _asked(row[at + 2]), row[at + 1]))
        for row in rows
    }


def _asked(stored: Mapping[str, str] | None) -> dict[Kind, datetime]:
    if not stored:
        return {}
    return {Kind(kind): datetime.fromisoformat(at).astimezone(UTC) for kind, at in stored.items()}


def _scale(
    products: Iterable[Product], *, now: datetime
) -> tuple[dict[str, Any], tuple[bool, tuple[str, ...]]]:
    """The values of SCALE, and what the statement must ask: are there rules by industry, which kinds make hot."""
    tables: list[Any] = []
    r: list[tuple[int, str | None, int, float]] = []
    for product in products:
        seen: set[str | None] = set()
        for names, rules in (*product.variants, ((None,), product.rules)):
            if (table := (rules.table, rules.triggers)) not in tables:
                tables.append(table)
            for name in names:
                if name not in seen:  # the first variant that names an industry speaks for it
                    r.append((product.id, name, tables.index(table), half_life_s(rules.cycle_days)))
                seen.add(name)
    w = [
        (n, kind.value, row.points, _dwell(kind), row.group.value, row.depth, kind in triggers)
        for n, (table, triggers) in enumerate(tables)
        for kind, row in table.items()
        if row.points > 0
    ]
    values: dict[str, Any] = {
        "r_industry": [industry for _, industry, _, _ in r],
        **_arrays(("r_product", "", "r_table", "r_half_life"), r),
        **_arrays(("w_table", "w_kind", "w_points", "w_dwell", "w_group", "w_depth", "w_asks"), w),
        "aside": relevance(None, product_id=0),
        "dwell_full_s": DWELL_FULL_S,
        "epoch_s": EPOCH.timestamp(),
        "half_lives": HALF_LIVES_MAX,
        "now": now,
    }
    asking = sorted({kind.value for _, triggers in tables for kind in triggers})
    return values, (any(industry is not None for _, industry, _, _ in r), tuple(asking))


def _dwell(kind: Kind) -> float:
    return DWELL_POINTS if kind in VIEWS else 0.0


def _arrays(names: Sequence[str], rows: Sequence[Sequence[object]]) -> dict[str, str]:
    """Numbers and codes as literals: as lists, psycopg looks at each of them."""
    return {name: bulk.as_array(row[n] for row in rows) for n, name in enumerate(names) if name}
