"""Scores and ranks of all leads at once, from their running sums: for the night's cut, and to find who has moved.

One pass over lead_sums, no touch is read. It says whose rank can be another one; `rules.ranks` decides and words the
reasons of those alone. Leads whose sums no longer hold (is_stale) are ranked on their own and are no part of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

from campaigns.rules.ranks import DEEP, DEPTH_MAX, WARM_FLOOR, Rank
from campaigns.rules.scores import TIE, decay
from campaigns.rules.touchpoints import CAPS
from campaigns.storage.ranks import CLOSED, Product

# Beyond this many caps a group is full to the last bit, and the database calls a smaller rest an error.
FULL = 700
FENCE = "offset bigint '0'"
# Scores are shown with one decimal place.
VISIBLE = 0.05
SCORE = " + ".join(
    f"{cap} * (1 - exp(-least(coalesce(s.{group}, 0) * r.remains / {cap}, {FULL})))"
    for group, cap in CAPS.items()
)
_DEPTHS = [f"s.depth{n}_at" for n in range(1, DEPTH_MAX + 1)]

RULES = """
unnest(cast(:r_product as bigint[]), cast(:r_remains as float[]), cast(:r_gate as float[]), cast(:r_edges as text[]),
       cast(:r_rates as text[]), cast(:r_cut as float[]), cast(:r_days as int[]))
  as q(product_id, remains, gate, edges, rates, cut, cycle_days)
"""
# Each fence (`offset`) keeps a value from being worked out anew wherever it is used: five exponentials a time. Its
# zero is a bigint, since a plan that must still convert it runs on one core alone, and a materialized CTE does too.
# Sums are bounded as the leads are: whoever looks at a range of leads reads no others.
# Triggers and refusals are left out: they come with a touch or an answer, and end at `next_change_at`. Whoever stands
# higher than this by a living trigger is looked at for nothing; a refusal holds whatever the score.
STANDING = f"""
with r as (
  select product_id, remains, gate, cast(edges as float[]) as edges, cast(rates as float[]) as rates, cut,
         cast(:now as timestamptz) - cycle_days * interval '86400 seconds' as began
    from {RULES} {FENCE}),
scored as (
  select l.id, l.person_id, l.product_id, l.rank, l.score as told, l.p_win as p_told, r.gate, r.cut, r.began, r.rates,
         s.lead_id is not null and not (l.is_stale or s.next_at <= :now) is true as holds, {SCORE} as score, r.edges,
         greatest({", ".join(_DEPTHS)}) as last_at, greatest({", ".join(_DEPTHS[DEEP - 1 :])}) as deep_at,
         coalesce(l.acquired_at, s.first_at) as first_at
    from product_leads l join r on r.product_id = l.product_id
    left join lead_sums s on s.lead_id = l.id and s.lead_id > :after and s.lead_id <= :until
   where l.id > :after and l.id <= :until {FENCE}),
standing as (
  select x.*, rates[greatest(width_bucket(x.score, x.edges), 1)] as p_win from scored x where holds {FENCE}),
ranked as (
  select *, case when p_win >= gate and deep_at > began then '{Rank.HOT}'
                 when last_at is null or last_at <= began then '{Rank.UNOBSERVED}'
                 when p_win >= gate then '{Rank.WARM}'
                 when score > cut + {TIE} and score >= {WARM_FLOOR} and last_at > first_at then '{Rank.WARM}'
                 else '{Rank.NURTURE}' end as new
    from standing)
"""  # noqa: S608 - constants of the rules


def _values(products: Mapping[int, Product], *, now: datetime) -> dict[str, Any]:
    """What the products say at that instant. Arrays within arrays go as text: theirs may differ in length."""
    rules = [product.rules for product in products.values()]
    return {
        "now": now,
        "r_product": [one.product_id for one in rules],
        "r_remains": [decay(now, cycle_days=one.cycle_days) for one in rules],
        "r_gate": [float(one.gate) for one in rules],
        "r_edges": [_array(one.edges) for one in rules],
        "r_rates": [_array(one.rates) for one in rules],
        "r_cut": [one.warm_cut for one in rules],
        "r_days": [one.cycle_days for one in rules],
    }


def _array(values: Sequence[float]) -> str:
    return "{" + ",".join(repr(float(value)) for value in values) + "}"


def moved(
    tx: Connection,
    products: Mapping[int, Product],
    *,
    busy: Sequence[int],
    after: int,
    until: int,
    now: datetime,
) -> list[int]:
    """People with a lead whose rank is another one now, or on whom somebody may act although it is the same.

    That is who is hot or warm and has no call open: the last one may have been long enough ago. after, until: ids of
    leads. busy: products that act on leads of the rank nurture. Reads both tables whole: 2.8 s of
    arithmetic for 1,000,000 leads, on all cores. Tasks are asked for by the few who may have none, since whatever asks
    for a row each runs on one core.
    """
    tx.execute(text("set local work_mem = '64MB'"))  # for the sums of all leads side by side
    rows = tx.execute(
        text(
            f"""{STANDING}
            select distinct person_id from (
              select id, person_id, new, new <> rank and rank <> 'declined' as has_moved,
                     :is_busy and score >= {WARM_FLOOR} and product_id = any(:busy) as is_busy
                from ranked where new <> rank or new in ('hot', 'warm') or :is_busy {FENCE}) x
             where has_moved or is_busy or new in ('hot', 'warm') and not exists (select 1 from tasks t
                     where t.lead_id = x.id and t.kind = 'call' and t.state in ('open', 'snoozed'))
             order by 1
            """  # noqa: S608 - constants of the rules
        ),
        {
            **_values(products, now=now),
            "busy": list(busy),
            "is_busy": bool(busy),
            "after": after,
            "until": until,
        },
    )
    return [row.person_id for row in rows]


def held(tx: Connection, *, limit: int) -> list[int]:
    """People held at the gate, those most likely to buy first."""
    rows = tx.execute(
        text(
            "select l.person_id from hand_offs h join product_leads l on l.id = h.lead_id where h.state = 'held'"
            " order by h.p_win desc, h.id limit :n"
        ),
        {"n": limit},
    )
    return [row.person_id for row in rows]


def rescore(tx: Connection, products: Mapping[int, Product], *, after: int, until: int, now: datetime) -> int:
    """Write scores and win rates that a reader would see differ; ranks are left alone. Returns how many.

    Leads are locked in the order of their ids, as ranks lock them.
    """
    return tx.execute(
        text(
            f"""{STANDING},
            due as (select l.id, x.score, x.p_win from ranked x join product_leads l on l.id = x.id
                     where abs(x.score - x.told) >= :visible or x.p_win <> x.p_told order by l.id for update of l)
            update product_leads l set score = due.score, p_win = due.p_win from due where l.id = due.id
            """  # noqa: S608 - constants of the rules
        ),
        {**_values(products, now=now), "visible": VISIBLE, "after": after, "until": until},
    ).rowcount


def scores(
    tx: Connection, products: Mapping[int, Product], *, after: int, until: int, now: datetime
) -> dict[int, float]:
    """The score of each lead at that instant, whatever is written of it."""
    rows = tx.execute(
        text(f"{STANDING} select id, score from standing"),  # noqa: S608 - constants of the rules
        {**_values(products, now=now), "after": after, "until": until},
    )
    return {row.id: row.score for row in rows}


def active(tx: Connection) -> dict[int, int]:
    """How many active leads each active product has."""
    rows = tx.execute(
        text(
            "select pr.id, count(l.id) as n from products pr left join product_leads l on l.product_id = pr.id"
            " and l.state <> all(:closed) where pr.is_active group by pr.id order by pr.id"
        ),
        {"closed": list(CLOSED)},
    )
    return {row.id: row.n for row in rows}


def score_at(tx: Connection, product: Product, *, place: int, now: datetime) -> float | None:
    """The score at that place of the product's active leads, highest first, from 0."""
    row = tx.execute(
        text(
            f"select {SCORE} as score from product_leads l left join lead_sums s on s.lead_id = l.id,"  # noqa: S608
            " (select cast(:remains as float) as remains) r"
            " where l.product_id = :id and l.state <> all(:closed) order by 1 desc offset :place limit 1"
        ),
        {
            "remains": decay(now, cycle_days=product.rules.cycle_days),
            "id": product.id,
            "closed": list(CLOSED),
            "place": place,
        },
    ).one_or_none()
    return None if row is None else float(row.score)


def last_id(tx: Connection) -> int:
    return int(tx.execute(text("select coalesce(max(id), 0) from product_leads")).scalar_one())


def products(tx: Connection, *, only_active: bool = False) -> list[int]:
    """Products with leads, whether active or not."""
    rows = tx.execute(
        text(
            "select id from products pr where (is_active or not :only_active)"
            " and exists (select 1 from product_leads l where l.product_id = pr.id) order by id"
        ),
        {"only_active": only_active},
    )
    return [row.id for row in rows]


def is_unsummed(tx: Connection, *, after: int, until: int) -> bool:
    """Whether a lead between these ids was never summed up."""
    return bool(
        tx.execute(
            text(
                "select exists (select 1 from product_leads l where l.id > :after and l.id <= :until"
                " and not exists (select 1 from lead_sums s where s.lead_id = l.id))"
            ),
            {"after": after, "until": until},
        ).scalar()
    )
