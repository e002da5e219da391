"""The history of leads' ranks: what was known when, and what was written of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, text

from campaigns.rules.ranks import Refusal
from campaigns.rules.replaying import Change, Dated, History, Known
from campaigns.rules.touchpoints import Kind, Touch
from campaigns.storage import calibrations, ranks
from campaigns.storage.bulk import as_array
from campaigns.storage.ranks import Product

LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
KINDS = {kind.value: kind for kind in Kind}


def some(tx: Connection, *, after: int, limit: int, one_in: int = 1) -> list[int]:
    """Ranked leads by id: all, or one in so many, always the same ones."""
    rows = tx.execute(
        text(
            "select l.id from product_leads l join people p on p.id = l.person_id and p.merged_into is null"
            " where l.id > :after and l.ranked_at is not null and mod(l.id, :one_in) = 0 order by l.id limit :n"
        ),
        {"after": after, "one_in": one_in, "n": limit},
    )
    return [row.id for row in rows]


def of_person(tx: Connection, person_id: int) -> list[int]:
    rows = tx.execute(
        text("select id from product_leads where person_id = :id and ranked_at is not null order by id"),
        {"id": person_id},
    )
    return [row.id for row in rows]


@dataclass(frozen=True, slots=True)
class _Lead:
    id: int
    person_id: int
    product_id: int
    acquired_at: datetime | None
    created_at: datetime
    refused_until: datetime | None
    industry: str


LEADS = """
select l.id, l.person_id, l.product_id, l.acquired_at, l.created_at, l.refused_until,
       coalesce((select co.industry from affiliations f join companies co on co.id = f.company_id
                  where f.person_id = l.person_id and f.is_current limit 1), '') as industry
  from product_leads l where l.id = any(cast(:ids as bigint[])) order by l.id
"""


def load(tx: Connection, lead_ids: Sequence[int], *, now: datetime) -> list[History]:
    """Everything of these leads; a handful of statements however many they are."""
    leads = [_Lead(**row._mapping) for row in tx.execute(text(LEADS), {"ids": as_array(lead_ids)})]
    product_ids = sorted({lead.product_id for lead in leads})
    products = ranks.products(tx, product_ids, now=now)
    dated = calibrations.of_products(tx, product_ids)
    touches = _touches(tx, sorted({lead.person_id for lead in leads}))
    changes, refused = _changes(tx, lead_ids), _refused(tx, lead_ids)
    found = []
    for lead in leads:
        known = touches.get(lead.person_id, [])
        product = products[lead.product_id]
        found.append(
            History(
                lead_id=lead.id,
                person_id=lead.person_id,
                product_id=lead.product_id,
                since=max([lead.created_at, *(judged for _, judged in known if judged is not None)]),
                acquired_at=lead.acquired_at,
                touches=[one for one, _ in known],
                rules=_rules(product, dated.get(lead.product_id, []), lead.industry),
                refusals=_refusals(refused.get(lead.id, []), lead.refused_until, product),
                changes=changes.get(lead.id, []),
            )
        )
    return found


def _touches(tx: Connection, person_ids: Sequence[int]) -> dict[int, list[tuple[Known, datetime | None]]]:
    """With the instant of the last verdict: what a touch counted before it is not kept."""
    rows = tx.execute(
        text(
            "select t.id, t.person_id, t.kind, t.at, t.product_id, t.validity, t.active_s, t.created_at,"
            " t.judged_at, r.at as taken_back_at"
            "  from touchpoints t left join touch_reversals r on r.touch_id = t.id"
            " where t.person_id = any(cast(:ids as bigint[]))"
            " and (t.validity > 0 or r.touch_id is not null or t.judged_at is not null) order by t.id"
        ),
        {"ids": as_array(person_ids)},
    )
    found: dict[int, list[tuple[Known, datetime | None]]] = defaultdict(list)
    for row in rows:
        if row.kind in KINDS:
            # A touch that somebody took back had counted in full.
            validity = row.validity if row.taken_back_at is None else 1.0
            touch = Touch(KINDS[row.kind], row.at, row.product_id, validity, row.active_s, row.id)
            known = Known(touch, row.created_at, row.taken_back_at)
            found[row.person_id].append((known, row.judged_at))
    return found


def _changes(tx: Connection, lead_ids: Sequence[int]) -> dict[int, list[Change]]:
    rows = tx.execute(
        text(
            "select lead_id, at, old, new, score, p_win from rank_changes"
            " where lead_id = any(cast(:ids as bigint[])) order by lead_id, at, id"
        ),
        {"ids": as_array(lead_ids)},
    )
    found: dict[int, list[Change]] = defaultdict(list)
    for row in rows:
        found[row.lead_id].append(Change(row.at, row.old, row.new, row.score, row.p_win))
    return found


def _refused(tx: Connection, lead_ids: Sequence[int]) -> dict[int, list[datetime]]:
    rows = tx.execute(
        text(
            "select lead_id, done_at from tasks where lead_id = any(cast(:ids as bigint[]))"
            " and outcome in ('refused', 'dnc') and done_at is not null order by lead_id, done_at"
        ),
        {"ids": as_array(lead_ids)},
    )
    found: dict[int, list[datetime]] = defaultdict(list)
    for row in rows:
        found[row.lead_id].append(row.done_at)
    return found


def _refusals(at: Sequence[datetime], until: datetime | None, product: Product) -> list[Refusal]:
    """Each refusal; only the last one's end is kept, those before it are taken to have lasted a cycle."""
    last = ranks.refusal(until, at[-1] if at else None, product.rules.cycle_days)
    if last is None:
        return []
    return [*(Refusal(one) for one in at if one < last.at), last]


def _rules(product: Product, stored: Sequence[Mapping[str, Any]], industry: str) -> list[Dated]:
    """The product's rules by their dates; before the first calibration its prior rates and no cut."""
    found = [Dated(row["at"], ranks.dated_rules(product, row).rules_for(industry)) for row in stored]
    first = {"rates": product.priors, "warm_cut": None, "rules": stored[0]["rules"] if stored else {}}
    return [Dated(LONG_AGO, ranks.dated_rules(product, first).rules_for(industry)), *found]
