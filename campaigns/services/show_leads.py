"""Show leads: a page of a product's people with what their scores are made of, where they head, and who has stirred.

Scores are those of this minute, by the function that ranks, so that the parts add up. Source: S3-18, S3-23, S1-12.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from campaigns.parts import Parts
from campaigns.rules import surges as surge_rule
from campaigns.rules.ranks import ProductRules
from campaigns.rules.scores import engagement
from campaigns.rules.touchpoints import CAPS, Group, Touch
from campaigns.storage import leads, ranks, touchpoints
from campaigns.storage.leads import LeadLine

TREND = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Part:
    """A group's share of a score, with its cap."""

    group: Group
    score: float
    cap: float


@dataclass(frozen=True, slots=True)
class Shown:
    """A line. trend: points gained since TREND, None for a lead that is younger; stirred: it stands in a surge."""

    line: LeadLine
    parts: tuple[Part, ...]
    score: float
    trend: float | None


def page(
    parts: Parts,
    product_id: int,
    *,
    now: datetime,
    rank: str = "",
    stirred: bool = False,
    after: tuple[float, int] | None = None,
    limit: int,
) -> list[Shown]:
    """People of a product, highest score first; after: (stored score, lead id) of the last line seen."""
    with parts.engine.connect() as tx:
        lines = leads.page(
            tx,
            product_id,
            rank=rank,
            surges_since=now - surge_rule.TOLD_AGAIN_AFTER,
            only_surges=stirred,
            after=after,
            limit=limit,
        )
        product = ranks.products(tx, [product_id], now=now)[product_id]
        touches = touchpoints.of_people(tx, [line.person_id for line in lines])
    return [
        _shown(line, touches.get(line.person_id, []), product.rules_for(line.industry), now=now)
        for line in lines
    ]


def _shown(line: LeadLine, touches: Sequence[Touch], rules: ProductRules, *, now: datetime) -> Shown:
    today, before = (
        engagement(
            touches, product_id=rules.product_id, cycle_days=rules.cycle_days, now=at, table=rules.table
        )
        for at in (now, now - TREND)
    )
    is_young = line.created_at > now - TREND and not before.total
    return Shown(
        line=line,
        parts=tuple(Part(group, today.by_group.get(group, 0.0), cap) for group, cap in CAPS.items()),
        score=today.total,
        trend=None if is_young else today.total - before.total,
    )
