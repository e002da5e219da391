"""List catalogues with the counts beside the filters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from campaigns.parts import Parts
from campaigns.rules import tracking
from campaigns.storage import catalogue_list, house, timeline
from campaigns.storage.catalogue_list import Filter, Line


@dataclass(frozen=True, slots=True)
class Found:
    """lines: one page. all, stale, unowned, risky: how many there are by the other choices. since: what was touched
    before is stale."""

    lines: Sequence[Line]
    total: int
    every: int
    stale: int
    unowned: int
    risky: int
    since: datetime
    stale_days: int
    products: Sequence[tuple[int, str]]
    months: Sequence[int]


def run(
    parts: Parts, wanted: Filter, *, only_stale: bool = False, limit: int, offset: int = 0, now: datetime
) -> Found:
    """only_stale: those without news alone."""
    with parts.engine.connect() as tx:
        days = house.get(tx).stale_days
        since = tracking.stale_since(now, days=days)
        asked = replace(wanted, stale_since=since if only_stale else None)
        products, _ = timeline.choices(tx)
        bare = replace(wanted, stale_since=None, unowned=False, risky=False)
        return Found(
            lines=catalogue_list.page(tx, asked, limit=limit, offset=offset),
            total=catalogue_list.count(tx, asked),
            every=catalogue_list.count(tx, bare),
            stale=catalogue_list.count(tx, replace(bare, stale_since=since)),
            unowned=0 if wanted.owner_id else catalogue_list.count(tx, replace(bare, unowned=True)),
            risky=catalogue_list.count(tx, replace(bare, risky=True)),
            since=since,
            stale_days=days,
            products=products,
            months=catalogue_list.months(tx),
        )
