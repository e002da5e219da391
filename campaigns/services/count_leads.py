"""Count the people of each product by rank: a big installation shows them as they were counted last."""

from __future__ import annotations

from datetime import datetime, timedelta

from campaigns.parts import Parts
from campaigns.services import kept
from campaigns.storage import products, sizes
from campaigns.storage.products import Leads

NAME = "leads_by_rank"
EVERY = timedelta(minutes=5)


def read(parts: Parts) -> list[Leads] | None:
    """What a job counted in a big installation; None where they are to be counted now."""
    with parts.engine.connect() as tx:
        if not sizes.is_big(tx):
            return None
    found = kept.read(parts, NAME)
    return [Leads(*one) for one in found.told] if found else None


def run(parts: Parts, *, now: datetime) -> bool:
    """Count anew when a big installation's figures are old; for a job. Whether it counted."""
    with parts.engine.connect() as tx:
        if not sizes.is_big(tx):
            return False
        return kept.renew(parts, NAME, lambda: products.leads(tx), now=now, every=EVERY)
