"""Interests: which themes a person reads or asks about, from the tags of the touches.

A theme weighs what its touches are worth today: a request more than a click, this month more than last year. A
product does not matter here: who reads about two products for one purpose is interested in the purpose.
Source: S3-16, S1-08.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from campaigns.rules.scores import half_life_s
from campaigns.rules.touchpoints import Touch, points

TOP = 3
LEAST = 0.05  # less is forgotten: it would be shown as 0.0
USUAL_CYCLE_DAYS = 365  # of people without a product


@dataclass(frozen=True, slots=True)
class Interest:
    """A theme. weight: points left of its touches; share: of the strongest one, 0..1. touch_ids: the newest first."""

    tag: str
    weight: float
    share: float
    touch_ids: tuple[int, ...]
    person_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Read:
    """A touch with its themes."""

    touch: Touch
    tags: tuple[str, ...]
    person_id: int = 0


def profile(
    reads: Iterable[Read], *, now: datetime, cycle_days: int = USUAL_CYCLE_DAYS, top: int = TOP
) -> tuple[Interest, ...]:
    """The strongest themes; of equal ones the one read last. Touches of machines weigh nothing."""
    half_life = half_life_s(cycle_days)
    weights: dict[str, float] = {}
    behind: dict[str, list[Read]] = {}
    for read in reads:
        age_s = (now - read.touch.at).total_seconds()
        if age_s < 0 or read.touch.validity <= 0:
            continue
        worth = points(read.touch) * min(read.touch.validity, 1.0) * 2.0 ** (-age_s / half_life)
        for tag in set(read.tags):
            weights[tag] = weights.get(tag, 0.0) + worth
            behind.setdefault(tag, []).append(read)
    kept = [(tag, weight) for tag, weight in weights.items() if weight >= LEAST]
    kept.sort(key=lambda one: (-one[1], -max(r.touch.at.timestamp() for r in behind[one[0]]), one[0]))
    strongest = kept[0][1] if kept else 1.0
    return tuple(
        Interest(
            tag,
            weight,
            weight / strongest,
            tuple(
                r.touch.id for r in sorted(behind[tag], key=lambda r: (r.touch.at, r.touch.id), reverse=True)
            ),
            tuple(sorted({r.person_id for r in behind[tag]})),
        )
        for tag, weight in kept[:top]
    )
