"""Ranks in the database: what they are computed from, and what is written when they move."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

from campaigns.rules import hot_rules, matrix
from campaigns.rules.actions import MATRIX, Row
from campaigns.rules.ranks import ProductRules, Refusal
from campaigns.rules.reasons import Reason
from campaigns.storage import bulk, calibrations

# Sales stages in which nobody nurtures any more: such leads do not count in a product's warm cut.
CLOSED = ("won", "lost", "excluded")


@dataclass(frozen=True, slots=True)
class Lead:
    """A person for a product, as a rank needs it. has_tasks: something is open for it."""

    id: int
    person_id: int
    product_id: int
    state: str
    rank: str
    acquired_at: datetime | None
    refused_until: datetime | None
    has_tasks: bool


@dataclass(frozen=True, slots=True)
class Ranking:
    """What is written for a lead. why: touchpoints that weigh most, asked for only where the rank moves."""

    lead_id: int
    state: str
    rank: str
    score: float
    p_win: float
    depth_max: int
    breakdown: dict[str, float]
    reasons: tuple[Reason, ...]
    why: tuple[int, ...]
    last_touch_at: datetime | None
    next_change_at: datetime | None


# Statements are read once: text() takes 50 us of a long one, and a touch of one person runs a dozen.
ENSURE = text(
    """
    insert into product_leads (person_id, origin_person_id, product_id, state, acquired_at, created_at)
    select t.person_id, t.person_id, t.product_id, 'nurturing', min(t.at), :now
      from touchpoints t join people p on p.id = t.person_id and p.merged_into is null
     where t.person_id = any(:ids) and t.product_id is not null and t.validity > 0 and t.depth > 0
       and not exists (select 1 from product_leads l where l.person_id = t.person_id and l.product_id = t.product_id)
     group by t.person_id, t.product_id
    on conflict (person_id, product_id) do nothing
    """
)


def ensure(tx: Connection, person_ids: Sequence[int], *, now: datetime) -> None:
    """A lead for every product of which these people have a valid touch."""
    tx.execute(ENSURE, {"ids": list(person_ids), "now": now})


def plan_once(tx: Connection) -> None:
    """Until the transaction ends, each statement keeps one plan, made for a few people whoever they are.

    Else each is planned for its very values, every time: 2 of the 6 ms that the database had with one touch; and for a
    thousand people some read whole tables instead of indexes: .99 s for the facts of 1,000 leads among 1,000,000.
    """
    tx.execute(PLAN_ONCE)


PLAN_ONCE = text("set local plan_cache_mode = force_generic_plan")

# In the order of the fields of Lead.
LEADS = """
select l.id, l.person_id, l.product_id, l.state, l.rank, l.acquired_at, l.refused_until,
       exists (select 1 from tasks t where t.lead_id = l.id and t.state in ('open', 'snoozed')) as has_tasks
  from product_leads l join people p on p.id = l.person_id and p.merged_into is null
 where l.person_id = any(:ids)
 order by l.id
   for update of l
"""


def leads(tx: Connection, person_ids: Sequence[int]) -> list[Lead]:
    """All leads of these people, locked in the order of their ids, so that two ranks never cross."""
    return [Lead(*row) for row in bulk.rows(tx, LEADS, {"ids": list(person_ids)})]


REFUSED = text(
    "select lead_id, max(done_at) as at from tasks where lead_id = any(:ids) and outcome in ('refused', 'dnc')"
    " group by lead_id"
)


def refused(tx: Connection, lead_ids: Sequence[int]) -> dict[int, datetime]:
    """When these leads last said no. Index ix_tasks_lead_id."""
    return {row.lead_id: row.at for row in tx.execute(REFUSED, {"ids": list(lead_ids)}) if row.at is not None}


def industries(tx: Connection, person_ids: Sequence[int]) -> dict[int, str]:
    """The industry of each of these people's company."""
    rows = tx.execute(
        text(
            "select f.person_id, co.industry from affiliations f join companies co on co.id = f.company_id"
            " where f.person_id = any(:ids) and f.is_current"
        ),
        {"ids": list(person_ids)},
    )
    return {row.person_id: row.industry for row in rows}


def refusal(until: datetime | None, at: datetime | None, cycle_days: int) -> Refusal | None:
    """The refusal in force. Its date is that of the call that ended with it; without one, a cycle earlier."""
    if until is None:
        return None
    start = at if at is not None and at < until else until - ProductRules(0, cycle_days=cycle_days).cycle
    return Refusal(at=start, until=until)


@dataclass(frozen=True, slots=True)
class Product:
    """A product's rules, and who is told about its hot leads. priors: win rates before any result.

    matrix: none for a product that is no longer sold. variants: rules of single industries, in their order.
    """

    id: int
    name: str
    rules: ProductRules
    priors: tuple[float, ...]
    owner_user_id: int | None
    matrix: tuple[Row, ...] = MATRIX
    variants: tuple[tuple[frozenset[str], ProductRules], ...] = ()

    def rules_for(self, industry: str) -> ProductRules:
        return next((rules for names, rules in self.variants if industry in names), self.rules)


PRODUCTS = text(
    """
    select pr.id, pr.name, pr.purchase_cycle_days, pr.gate, pr.band_edges, pr.prior_rates, c.rates,
           c.warm_cut, pr.hot_rules, pr.action_matrix, pr.is_active,
           coalesce(pr.owner_user_id, (select owner_user_id from house)) as owner_user_id
      from products pr
      left join lateral (select rates, warm_cut from calibrations c where c.product_id = pr.id
                            and c.state = 'accepted' and c.at <= :now order by c.at desc, c.id desc limit 1) c on true
     where pr.id = any(:ids)
    """
)


def products(tx: Connection, product_ids: Sequence[int], *, now: datetime) -> dict[int, Product]:
    """Rules with the calibration known at that instant. Index ix_calibrations_product_id_at."""
    rows = tx.execute(PRODUCTS, {"ids": list(product_ids), "now": now})
    return {row.id: _product(row) for row in rows}


def _product(row: Any) -> Product:
    shared = hot_rules.criteria(row.hot_rules)
    rules = ProductRules(
        product_id=row.id,
        cycle_days=row.purchase_cycle_days,
        gate=row.gate,
        edges=tuple(row.band_edges),
        rates=tuple(row.rates or row.prior_rates),
        warm_cut=row.warm_cut,
        table=shared.table,
        triggers=shared.triggers,
    )
    return Product(
        id=row.id,
        name=row.name,
        owner_user_id=row.owner_user_id,
        priors=tuple(row.prior_rates),
        rules=rules,
        matrix=matrix.rows(row.action_matrix) if row.is_active else (),
        variants=_variants(rules, row.hot_rules),
    )


def _variants(
    rules: ProductRules, stored: Mapping[str, Any]
) -> tuple[tuple[frozenset[str], ProductRules], ...]:
    return tuple(
        (names, replace(rules, table=one.table, triggers=one.triggers))
        for names, one in hot_rules.variants(stored)
    )


def dated_rules(product: Product, calibration: Mapping[str, Any]) -> Product:
    """The product as it was with that calibration: rates, warm_cut, rules. Rules that were not kept are today's."""
    known = calibration["rules"]
    rules = replace(product.rules, rates=tuple(calibration["rates"]), warm_cut=calibration["warm_cut"])
    if not known:
        return replace(
            product,
            rules=rules,
            variants=tuple(
                (names, replace(one, rates=rules.rates, warm_cut=rules.warm_cut))
                for names, one in product.variants
            ),
        )
    shared = hot_rules.criteria(known["hot_rules"])
    rules = replace(
        rules,
        cycle_days=known["cycle_days"],
        gate=known["gate"],
        edges=tuple(known["edges"]),
        table=shared.table,
        triggers=shared.triggers,
    )
    return replace(product, rules=rules, variants=_variants(rules, known["hot_rules"]))


# One JSON text for all: as arrays, psycopg would escape every quote of every reason (500 us a lead against 30).
SAVE = """
with q as (
  select * from json_to_recordset(cast(:rows as json))
    as q(id bigint, state text, rank text, score float, p_win float, depth_max int, breakdown jsonb, reasons jsonb,
         why jsonb, last_touch_at timestamptz, next_change_at timestamptz)),
changed as (
  insert into rank_changes (lead_id, at, old, new, score, p_win, reasons, why)
  select q.id, :now, l.rank, q.rank, q.score, q.p_win, q.reasons, q.why
    from q join product_leads l on l.id = q.id where l.rank <> q.rank
  returning lead_id),
written as (
  update product_leads l
     set state = q.state, rank = q.rank, score = q.score, p_win = q.p_win, depth_max = q.depth_max,
         breakdown = q.breakdown, reasons = q.reasons,
         last_touch_at = q.last_touch_at, ranked_at = :now, is_stale = false,
         -- Early is harmless: an earlier date stays, so that a touch rewrites no index.
         next_change_at = case when l.next_change_at > :now
           and (q.next_change_at is null or l.next_change_at <= q.next_change_at) then l.next_change_at
           else q.next_change_at end
    from q where l.id = q.id)
select lead_id from changed
"""


def save(tx: Connection, rankings: Sequence[Ranking], *, now: datetime) -> list[int]:
    """Write ranks; each change of rank leaves a row with its reasons. Returns the leads whose rank moved."""
    if not rankings:
        return []
    given = json.dumps([_given(row) for row in rankings])
    return [lead_id for (lead_id,) in bulk.rows(tx, SAVE, {"rows": given, "now": now})]


def _given(row: Ranking) -> dict[str, object]:
    last, later = row.last_touch_at, row.next_change_at
    return {
        "id": row.lead_id,
        "state": row.state,
        "rank": row.rank,
        "score": row.score,
        "p_win": row.p_win,
        "depth_max": row.depth_max,
        "breakdown": row.breakdown,
        "reasons": [reason.as_json() for reason in row.reasons],
        "why": row.why,
        "last_touch_at": last and last.isoformat(),
        "next_change_at": later and later.isoformat(),
    }


def ask_again(tx: Connection, person_ids: Sequence[int], *, at: datetime) -> None:
    """Touches of these people have changed: their leads are ranked again at that instant at the latest."""
    if person_ids:
        ensure(tx, person_ids, now=at)
        tx.execute(
            text(
                "update product_leads set is_stale = true, next_change_at = least(next_change_at, :at)"
                " where person_id = any(:ids)"
                " and (not is_stale or next_change_at is null or next_change_at > :at)"
            ),
            {"ids": list(person_ids), "at": at},
        )


def ask_products_again(tx: Connection, product_ids: Sequence[int], *, at: datetime) -> None:
    """Rank the leads of these products again, since their rules changed. Who never showed anything stays."""
    calibrations.note_rules(tx, product_ids, now=at)
    tx.execute(
        text(
            "update product_leads set is_stale = true, next_change_at = least(next_change_at, :at)"
            " where product_id = any(:ids)"
            " and (depth_max > 0 or score > 0 or last_touch_at is not null)"
        ),
        {"ids": list(product_ids), "at": at},
    )


def due(tx: Connection, *, now: datetime, limit: int) -> list[int]:
    """People of whom some lead's rank may change by now. Index ix_product_leads_next_change_at."""
    rows = tx.execute(
        text(
            "select l.person_id from product_leads l join people p on p.id = l.person_id and p.merged_into is null"
            " where l.next_change_at <= :now order by l.next_change_at limit :n"
        ),
        {"now": now, "n": limit},
    )
    return sorted({row.person_id for row in rows})


# Expects the alias l: a lead that a new cut can move, by score or by rank.
NEAR = "(l.score >= :floor or l.rank in ('hot', 'warm'))"
