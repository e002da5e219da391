"""Count the deliveries for their page: of a small installation while it waits, of a big one by a job."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from campaigns.parts import Parts
from campaigns.services import kept
from campaigns.storage import deliveries, sizes, tallies
from campaigns.storage.deliveries import Filter

NAME = "deliveries"
EVERY = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Told:
    """groups: deliveries by group; held: who gave way without a row of it, besides. at: when they were counted,
    None for this moment. is_known: False while a big installation has not counted yet."""

    groups: Mapping[str, int]
    held: int
    at: datetime | None = None
    is_known: bool = True


def read(parts: Parts, wanted: Filter, *, this: int) -> Told:
    """What the filter lets through, whatever its groups. this: the current month."""
    shows_held = deliveries.shows_held(wanted, this=this)
    with parts.engine.connect() as tx:
        if not sizes.is_big(tx):
            return Told(deliveries.counts(tx, wanted), deliveries.held(tx, wanted) if shows_held else 0)
    found = kept.read(parts, NAME)
    if found is None:
        return Told(deliveries.grouped({}), 0, is_known=False)
    states: Counter[str] = Counter()
    for one in map(tallies.Mails._make, found.told["mails"]):
        if tallies.is_of(one, wanted):
            states[one.state] += one.n
    waits = [one.n for one in map(tallies.Held._make, found.told["held"]) if tallies.is_of(one, wanted)]
    return Told(deliveries.grouped(states), sum(waits) if shows_held else 0, found.at)


def run(parts: Parts, *, now: datetime) -> bool:
    """Count anew when a big installation's figures are old; for a job. Whether it counted."""
    with parts.engine.connect() as tx:
        if not sizes.is_big(tx):
            return False
    return kept.renew(parts, NAME, lambda: _count(parts), now=now, every=EVERY)


def _count(parts: Parts) -> dict[str, Any]:
    with parts.engine.connect() as tx:
        return {"mails": tallies.mails(tx), "held": tallies.held(tx)}
