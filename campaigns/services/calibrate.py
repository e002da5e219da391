"""Calibrate: each night, every product's warm cut and the win rates of its bands, dated.

The cut compares scores of one instant, so all of them are decayed to now, from their running sums. Rates that would
move the gate by more than one band edge within a month wait for a yes; the cut moves every night.
Source: spec 2.5.3, 2.5.5.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection

from campaigns.parts import Parts
from campaigns.rules.calibrating import MOVES_MAX, MOVES_WITHIN, calibrate, cut_place, gate_edge, moves
from campaigns.storage import audit, calibrations, gate, lead_sums, ranks, standings
from campaigns.storage.calibrations import Calibration
from campaigns.storage.ranks import Product

# Leads whose touches are read in one pass, and who wait for it: about 6 s. Each pass may read the whole table, and is
# all arithmetic on one core of the database, so two of them run side by side.
SUMS_CHUNK = 250_000
LANES = 2
CHUNK = 20_000  # leads of one transaction: their scores are locked for about 0.3 s


def run(parts: Parts, *, now: datetime) -> int:
    """Store tonight's calibration of each active product; returns how many there are."""
    sum_up(parts, now=now)
    with parts.engine.begin() as tx:
        leads = standings.active(tx)
        products = ranks.products(tx, sorted(leads), now=now)
        for product in products.values():
            _calibrate(tx, product, leads[product.id], now=now)
    return len(products)


def sum_up(parts: Parts, *, now: datetime, whole: bool = False) -> None:
    """Running sums from the touches, for ranges of leads in which one has none yet; whole: for all leads."""
    with parts.engine.connect() as tx:
        products = ranks.products(tx, standings.products(tx), now=now)
        last = standings.last_id(tx)

    def one(after: int) -> None:
        limits = {"after": after, "until": after + SUMS_CHUNK}
        with parts.engine.begin() as tx:
            if whole or standings.is_unsummed(tx, **limits):
                lead_sums.rebuild_range(tx, products.values(), **limits, now=now)

    with ThreadPoolExecutor(LANES, thread_name_prefix="sums") as lanes:
        list(lanes.map(one, range(0, last, SUMS_CHUNK)))  # an error of one is raised here


def _calibrate(tx: Connection, product: Product, leads: int, *, now: datetime) -> None:
    """A few queries a product: an installation has tens of them, not thousands."""
    rules = product.rules
    place = cut_place(leads, share=rules.top_share)
    results = gate.results(tx, product.id, bands=len(rules.edges))
    found = Calibration(
        rates=calibrate(results, product.priors),
        won=tuple(won for won, _ in results),
        resolved=tuple(resolved for _, resolved in results),
        warm_cut=standings.score_at(tx, product, place=place, now=now) if leads else None,
    )
    calibrations.withdraw(tx, product.id)
    before = calibrations.in_force(tx, product.id, since=now - MOVES_WITHIN, now=now)
    if moves(found.rates, before, gate=rules.gate) > MOVES_MAX:
        if not _is_declined(tx, product, found, now=now):
            calibrations.add(tx, product.id, found, state="proposed", now=now)
        found = replace(found, rates=before[0])
    calibrations.add(tx, product.id, found, now=now)


def _is_declined(tx: Connection, product: Product, found: Calibration, *, now: datetime) -> bool:
    """Somebody said no to the same move of the gate within the month: it is not asked again every night."""
    edge = gate_edge(found.rates, gate=product.rules.gate)
    declined = calibrations.dismissed(tx, product.id, since=now - MOVES_WITHIN)
    return any(gate_edge(rates, gate=product.rules.gate) == edge for rates in declined)


def rescore(parts: Parts, *, now: datetime) -> int:
    """Write every lead's score as it has decayed by now, so that lists compare like with like; how many differ."""
    with parts.engine.connect() as tx:
        products, last = _products(tx, now=now), standings.last_id(tx)
    done = 0
    for after in range(0, last, CHUNK):
        with parts.engine.begin() as tx:
            done += standings.rescore(tx, products, after=after, until=after + CHUNK, now=now)
    return done


def _products(tx: Connection, *, now: datetime) -> Mapping[int, Product]:
    return ranks.products(tx, standings.products(tx, only_active=True), now=now)


def accept(parts: Parts, id: int, *, user_id: int | None, now: datetime) -> bool:
    """Put a proposed calibration in force from now on; False when it is gone or answered.

    The next night ranks by it; `rerank.nightly` looks at every lead that it moves.
    """
    return _decide(parts, id, state="accepted", user_id=user_id, now=now)


def dismiss(parts: Parts, id: int, *, user_id: int | None, now: datetime) -> bool:
    """Keep the rates in force; the same move is not proposed again for a month."""
    return _decide(parts, id, state="dismissed", user_id=user_id, now=now)


def _decide(parts: Parts, id: int, *, state: str, user_id: int | None, now: datetime) -> bool:
    with parts.engine.begin() as tx:
        decided = calibrations.decide(tx, id, state=state, user_id=user_id, now=now)
        if decided is None:
            return False
        product_id, found = decided
        rates = " ".join(f"{rate:.3f}" for rate in found.rates)
        audit.note(
            tx,
            noun="product",
            noun_id=product_id,
            action=f"calibration_{state}",
            user_id=user_id,
            now=now,
            changes={"rates": (None, rates)},
        )
    return True
