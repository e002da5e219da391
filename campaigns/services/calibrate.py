"""Calibrate: each night, every product's warm cut and the win rates of its bands, dated.

The cut compares scores of one instant, so all of them are decayed to now first; ranks are left alone.
Source: spec 2.5.3, 2.5.5.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection

from campaigns.parts import Parts
from campaigns.rules.ranks import calibrate, cut_of, engagement
from campaigns.storage import gate, ranks, touchpoints

CHUNK = 1000


def run(parts: Parts, *, now: datetime) -> int:
    """Store tonight's calibration of each active product; returns how many there are."""
    after = 0
    while True:
        with parts.engine.begin() as tx:
            ids = ranks.people_after(tx, after, limit=CHUNK)
            if not ids:
                break
            after = ids[-1]
            _rescore(tx, ids, now=now)
    with parts.engine.begin() as tx:
        return _calibrate(tx, now=now)


def _rescore(tx: Connection, ids: Sequence[int], *, now: datetime) -> None:
    all_leads = ranks.leads(tx, ids)
    products = ranks.products(tx, sorted({lead.product_id for lead in all_leads}), now=now)
    touches = touchpoints.of_people(tx, ids)
    fresh = []
    for lead in all_leads:
        rules = products[lead.product_id].rules_for(lead.industry)
        spent = engagement(
            touches.get(lead.person_id, []),
            product_id=lead.product_id,
            cycle_days=rules.cycle_days,
            now=now,
            table=rules.table,
        )
        fresh.append((lead.id, spent.total))
    ranks.rescore(tx, fresh)


def _calibrate(tx: Connection, *, now: datetime) -> int:
    """A query a product: an installation has tens of them, not thousands."""
    scores = ranks.scores(tx)
    found = ranks.products(tx, sorted(scores), now=now)
    for product in found.values():
        won_resolved = gate.results(tx, product.id, bands=len(product.rules.edges))
        gate.calibrate(
            tx,
            product.id,
            rates=calibrate(won_resolved, product.priors),
            won_resolved=won_resolved,
            warm_cut=cut_of(scores[product.id], share=product.rules.top_share),
            now=now,
        )
    return len(found)
