"""Scores: what touches are worth at an instant, from the touches or from their running sums.

Source: spec 2.5.2. All touches of a person for a product decay by one factor, so a sum that is decayed to one fixed
instant (EPOCH) holds for ever: a later score is that sum, decayed from there. Nothing is read or stored here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import exp

from campaigns.rules.touchpoints import CAPS, KINDS, Group, Kind, KindRow, Touch, points, relevance

DAY_S = 86_400.0
# A float reaches about 1,000 half-lives to either side: 41 years at the shortest cycle of 30 days. What lies further
# away is taken to lie there (HALF_LIVES_MAX): its points are 0 long before, or endless.
EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
HALF_LIVES_MAX = 1_000.0
# Scores nearer to each other than this are the same score: the database sums in another order than Python.
TIE = 1e-9


@dataclass(frozen=True, slots=True)
class Engagement:
    """Score of a person for a product, 0..222. by_touch: (touch id, points left today), as given.

    sums: points left in each group, before it saturates.
    """

    total: float
    by_group: Mapping[Group, float]
    by_touch: tuple[tuple[int, float], ...]
    sums: Mapping[Group, float]


def half_life_s(cycle_days: int) -> float:
    """Decay follows the purchase cycle. Source: spec 2.5.2."""
    return cycle_days / 2 * DAY_S


def engagement(
    touches: Sequence[Touch],
    *,
    product_id: int,
    cycle_days: int,
    now: datetime,
    table: Mapping[Kind, KindRow] = KINDS,
) -> Engagement:
    """Score of one person for one product at an instant; touches later than now do not count yet.

    Each group saturates at its cap, so that mail and web together (32) never reach the band where hot begins (35).
    Source: spec 2.5.2, S0-02.
    """
    half_life = half_life_s(cycle_days)
    sums: dict[Group, float] = {}
    parts = []
    for touch in touches:
        age_s = (now - touch.at).total_seconds()
        if age_s < 0:
            continue
        weight = relevance(touch.product_id, product_id=product_id) * min(max(touch.validity, 0.0), 1.0)
        left = points(touch, table=table) * weight * 2.0 ** (-age_s / half_life) if weight else 0.0
        parts.append((touch.id, left))
        group = table[touch.kind].group
        sums[group] = sums.get(group, 0.0) + left
    by_group = saturated(sums)
    return Engagement(sum(by_group.values()), by_group, tuple(parts), sums)


def saturated(sums: Mapping[Group, float]) -> dict[Group, float]:
    """Each group's part of the score."""
    return {group: CAPS[group] * (1.0 - exp(-x / CAPS[group])) for group, x in sums.items()}


def decay(now: datetime, *, cycle_days: int) -> float:
    """What is left at an instant of a point that stands in a sum decayed to EPOCH."""
    half_lives = (now - EPOCH).total_seconds() / half_life_s(cycle_days)
    return float(2.0 ** -min(max(half_lives, -HALF_LIVES_MAX), HALF_LIVES_MAX))


def totals(
    touches: Sequence[Touch],
    *,
    product_id: int,
    cycle_days: int,
    moments: Sequence[datetime],
    table: Mapping[Kind, KindRow] = KINDS,
) -> list[float]:
    """`engagement(...).total` at many instants, the same to the last bit, in a third of the time."""
    half_life = half_life_s(cycle_days)
    worth = [
        (
            _microseconds(touch.at),
            points(touch, table=table)
            * (relevance(touch.product_id, product_id=product_id) * min(max(touch.validity, 0.0), 1.0)),
            table[touch.kind].group.value,  # a plain string: the hash of an enum's member costs a call
        )
        for touch in touches
    ]
    found = []
    for now in map(_microseconds, moments):
        sums: dict[str, float] = {}
        for at, full, group in worth:
            if at <= now:
                left = full * 2.0 ** (-((now - at) / 1e6) / half_life)
                sums[group] = sums.get(group, 0.0) + left
        found.append(sum([_CAPS[group] * (1.0 - exp(-x / _CAPS[group])) for group, x in sums.items()]))
    return found


_CAPS = {group.value: cap for group, cap in CAPS.items()}
_START = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def _microseconds(at: datetime) -> int:
    return (at - _START) // _MICROSECOND


def committee(found: Sequence[float], *, roles: int) -> float:
    """Score of a company from its people's scores and the number of distinct buying roles met.

    Source: spec 2.5.4. It does not raise a person's own rank.
    """
    ranked = sorted(found, reverse=True)
    return sum(e * 0.5**k for k, e in enumerate(ranked)) + 4.0 * max(0, min(roles, 4) - 1)
