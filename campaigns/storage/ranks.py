"""Ranks in the database: what they are computed from, and what is written when they move."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

from campaigns.rules import hot_rules, matrix
from campaigns.rules.actions import MATRIX, Row
from campaigns.rules.ranks import ProductRules, Refusal
from campaigns.rules.reasons import Reason

# Sales stages in which nobody nurtures any more: such leads do not count in a product's warm cut.
CLOSED = ("won", "lost", "excluded")


@dataclass(frozen=True, slots=True)
class Lead:
    """A person for a product, as a rank and its actions need it.

    is_excluded: the person has left or is none of ours. open_kinds: kinds of open tasks.
    """

    id: int
    person_id: int
    product_id: int
    company_id: int | None
    state: str
    is_excluded: bool
    rank: str
    reasons: tuple[Reason, ...]
    acquired_at: datetime | None
    refusal: Refusal | None
    no_call_before: datetime | None
    no_hand_off_before: datetime | None
    has_phone: bool
    has_fax: bool
    do_not_call: bool
    do_not_fax: bool
    company_class: str
    industry: str
    band: str
    open_kinds: frozenset[str]
    has_been_offered: bool
    last_fax_at: datetime | None
    last_call_at: datetime | None


@dataclass(frozen=True, slots=True)
class Ranking:
    """What is written for a lead."""

    lead_id: int
    state: str
    rank: str
    score: float
    p_win: float
    depth_max: int
    breakdown: dict[str, float]
    reasons: tuple[Reason, ...]
    last_touch_at: datetime | None
    next_change_at: datetime | None


def ensure(tx: Connection, person_ids: Sequence[int], *, now: datetime) -> None:
    """A lead for every product of which these people have a valid touch."""
    tx.execute(
        text(
            """
            insert into product_leads (person_id, origin_person_id, product_id, state, acquired_at, created_at)
            select t.person_id, t.person_id, t.product_id, 'nurturing', min(t.at), :now
              from touchpoints t join people p on p.id = t.person_id and p.merged_into is null
             where t.person_id = any(:ids) and t.product_id is not null and t.validity > 0 and t.depth > 0
             group by t.person_id, t.product_id
            on conflict (person_id, product_id) do nothing
            """
        ),
        {"ids": list(person_ids), "now": now},
    )


LEADS = """
select l.id, l.person_id, l.product_id, f.company_id,
       l.state, p.excluded_reason <> '' as is_excluded, l.rank, l.reasons, l.acquired_at, l.refused_until, l.no_call_before, l.no_hand_off_before,
       (select max(t.done_at) from tasks t
         where t.lead_id = l.id and t.outcome in ('refused', 'dnc')) as refused_at,
       pr.purchase_cycle_days,
       not p.phone_invalid and p.tel || p.tel_direct || p.mobile || coalesce(co.tel, '') <> '' as has_phone,
       not p.fax_invalid and p.fax || coalesce(co.fax, '') <> '' as has_fax,
       p.do_not_call, p.do_not_fax,
       coalesce(co.class, '-') as company_class, coalesce(co.industry, '') as industry,
       coalesce(co.employees_band, '') as band,
       array(select t.kind from tasks t where t.lead_id = l.id and t.state in ('open', 'snoozed')) as open_kinds,
       exists (select 1 from hand_offs h where h.lead_id = l.id
                and h.state in ('offered', 'accepted')) as has_been_offered,
       (select max(t.at) from touchpoints t where t.person_id = l.person_id and t.product_id = l.product_id
           and t.kind = 'fax_sent') as last_fax_at,
       (select max(t.at) from touchpoints t where t.person_id = l.person_id
           and t.kind in ('call_connected', 'call_interest')) as last_call_at
  from product_leads l
  join people p on p.id = l.person_id and p.merged_into is null
  join products pr on pr.id = l.product_id
  left join affiliations f on f.person_id = p.id and f.is_current
  left join companies co on co.id = f.company_id
 where l.person_id = any(:ids)
 order by l.id
   for update of l
"""


def leads(tx: Connection, person_ids: Sequence[int]) -> list[Lead]:
    """All leads of these people, locked in the order of their ids, so that two ranks never cross."""
    found = []
    for row in tx.execute(text(LEADS), {"ids": list(person_ids)}):
        found.append(
            Lead(
                id=row.id,
                person_id=row.person_id,
                product_id=row.product_id,
                company_id=row.company_id,
                state=row.state,
                is_excluded=row.is_excluded,
                rank=row.rank,
                reasons=tuple(Reason.from_json(stored) for stored in row.reasons),
                acquired_at=row.acquired_at,
                refusal=refusal(row.refused_until, row.refused_at, row.purchase_cycle_days),
                no_call_before=row.no_call_before,
                no_hand_off_before=row.no_hand_off_before,
                has_phone=row.has_phone,
                has_fax=row.has_fax,
                do_not_call=row.do_not_call,
                do_not_fax=row.do_not_fax,
                company_class=row.company_class,
                industry=row.industry,
                band=row.band,
                open_kinds=frozenset(row.open_kinds),
                has_been_offered=row.has_been_offered,
                last_fax_at=row.last_fax_at,
                last_call_at=row.last_call_at,
            )
        )
    return found


def refusal(until: datetime | None, at: datetime | None, cycle_days: int) -> Refusal | None:
    """The refusal in force. Its date is that of the call that ended with it; without one, a cycle earlier."""
    if until is None:
        return None
    start = at if at is not None and at < until else until - ProductRules(0, cycle_days=cycle_days).cycle
    return Refusal(at=start, until=until)


@dataclass(frozen=True, slots=True)
class Product:
    """A product's rules, and who is told about its hot leads. priors: win rates before any result.

    variants: rules of single industries, in their order.
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


def products(tx: Connection, product_ids: Sequence[int], *, now: datetime) -> dict[int, Product]:
    """Rules with the calibration known at that instant. Index ix_calibrations_product_id_at."""
    rows = tx.execute(
        text(
            """
            select pr.id, pr.name, pr.purchase_cycle_days, pr.gate, pr.band_edges, pr.prior_rates, c.rates,
                   c.warm_cut, pr.hot_rules, pr.action_matrix, coalesce(pr.owner_user_id, (select owner_user_id from house)) as owner_user_id
              from products pr
              left join lateral (select rates, warm_cut from calibrations c where c.product_id = pr.id
                                    and c.at <= :now order by c.at desc, c.id desc limit 1) c on true
             where pr.id = any(:ids)
            """
        ),
        {"ids": list(product_ids), "now": now},
    )
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
        matrix=matrix.rows(row.action_matrix),
        variants=tuple(
            (names, replace(rules, table=one.table, triggers=one.triggers))
            for names, one in hot_rules.variants(row.hot_rules)
        ),
    )


def save(tx: Connection, rankings: Sequence[Ranking], *, now: datetime) -> list[int]:
    """Write ranks; each change of rank leaves a row with its reasons. Returns the leads whose rank moved."""
    if not rankings:
        return []
    rows = tx.execute(
        text(
            """
            with q as (
              select * from unnest(cast(:id as bigint[]), cast(:state as text[]), cast(:rank as text[]),
                       cast(:score as float[]), cast(:p_win as float[]), cast(:depth_max as int[]),
                       cast(:breakdown as text[]), cast(:reasons as text[]),
                       cast(:last_touch_at as timestamptz[]), cast(:next_change_at as timestamptz[]))
                as q(id, state, rank, score, p_win, depth_max, breakdown, reasons, last_touch_at, next_change_at)),
            changed as (
              insert into rank_changes (lead_id, at, old, new, score, p_win, reasons)
              select q.id, :now, l.rank, q.rank, q.score, q.p_win, cast(q.reasons as jsonb)
                from q join product_leads l on l.id = q.id where l.rank <> q.rank
              returning lead_id),
            written as (
              update product_leads l
                 set state = q.state, rank = q.rank, score = q.score, p_win = q.p_win, depth_max = q.depth_max,
                     breakdown = cast(q.breakdown as jsonb), reasons = cast(q.reasons as jsonb),
                     last_touch_at = q.last_touch_at, next_change_at = q.next_change_at, ranked_at = :now
                from q where l.id = q.id)
            select lead_id from changed
            """
        ),
        {
            "id": [row.lead_id for row in rankings],
            "state": [row.state for row in rankings],
            "rank": [row.rank for row in rankings],
            "score": [float(row.score) for row in rankings],
            "p_win": [float(row.p_win) for row in rankings],
            "depth_max": [row.depth_max for row in rankings],
            "breakdown": [json.dumps(row.breakdown) for row in rankings],
            "reasons": [json.dumps([reason.as_json() for reason in row.reasons]) for row in rankings],
            "last_touch_at": [row.last_touch_at for row in rankings],
            "next_change_at": [row.next_change_at for row in rankings],
            "now": now,
        },
    )
    return [row.lead_id for row in rows]


def ask_again(tx: Connection, person_ids: Sequence[int], *, at: datetime) -> None:
    """These people's leads are ranked again at that instant at the latest."""
    if person_ids:
        ensure(tx, person_ids, now=at)
        tx.execute(
            text(
                "update product_leads set next_change_at = :at where person_id = any(:ids)"
                " and (next_change_at is null or next_change_at > :at)"
            ),
            {"ids": list(person_ids), "at": at},
        )


def ask_products_again(tx: Connection, product_ids: Sequence[int], *, at: datetime) -> None:
    """Rank the leads of these products again, since their rules changed. Who never showed anything stays."""
    tx.execute(
        text(
            "update product_leads set next_change_at = :at where product_id = any(:ids)"
            " and (next_change_at is null or next_change_at > :at)"
            " and (depth_max > 0 or score > 0 or last_touch_at is not null)"
        ),
        {"ids": list(product_ids), "at": at},
    )


def due(tx: Connection, *, now: datetime, limit: int) -> list[int]:
    """People of whom some lead's rank may change by now. Index ix_product_leads_next_change_at."""
    rows = tx.execute(
        text(
            "select person_id from product_leads where next_change_at <= :now order by next_change_at limit :n"
        ),
        {"now": now, "n": limit},
    )
    return sorted({row.person_id for row in rows})


def people_after(tx: Connection, person_id: int, *, limit: int) -> list[int]:
    """The next people with leads, by id: all of them in pages."""
    rows = tx.execute(
        text(
            "select distinct person_id from product_leads where person_id > :after and state <> all(:closed)"
            " order by person_id limit :n"
        ),
        {"after": person_id, "n": limit, "closed": list(CLOSED)},
    )
    return [row.person_id for row in rows]


def rescore(tx: Connection, scores: Sequence[tuple[int, float]]) -> None:
    """Write scores alone, decayed to now: the night's cut compares like with like."""
    if scores:
        tx.execute(
            text(
                "update product_leads l set score = q.score from unnest(cast(:id as bigint[]),"
                " cast(:score as float[])) as q(id, score) where l.id = q.id and l.score <> q.score"
            ),
            {"id": [id for id, _ in scores], "score": [float(score) for _, score in scores]},
        )


def scores(tx: Connection) -> dict[int, list[float]]:
    """Scores of the active leads of each active product."""
    rows = tx.execute(
        text(
            "select pr.id, coalesce(array_agg(l.score) filter (where l.id is not null), '{}') as scores"
            " from products pr left join product_leads l on l.product_id = pr.id and l.state <> all(:closed)"
            " where pr.is_active group by pr.id order by pr.id"
        ),
        {"closed": list(CLOSED)},
    )
    return {row.id: list(row.scores) for row in rows}


# Expects the alias l: a lead that a new cut can move, by score or by rank.
NEAR = "(l.score >= :floor or l.rank in ('hot', 'warm'))"


def near_the_cut(tx: Connection, person_id: int, *, floor: float, limit: int) -> list[int]:
    """People after that id whom a new cut or calibration can move: by score, by rank, or held at the gate."""
    rows = tx.execute(
        text(
            f"select distinct l.person_id from product_leads l where l.person_id > :after and ({NEAR}"  # noqa: S608
            " or exists (select 1 from hand_offs h where h.lead_id = l.id"
            " and h.state = 'held')) order by l.person_id limit :n"
        ),
        {"after": person_id, "floor": floor, "n": limit},
    )
    return [row.person_id for row in rows]
