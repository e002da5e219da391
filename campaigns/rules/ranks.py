"""Ranks: from touchpoints to a score, a win rate and a rank that explains itself.

Source: spec 2.5.2 to 2.5.5. Everything here is arithmetic over touches; nothing is read or stored.
"""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from math import exp, log2

from campaigns.rules.reasons import Reason
from campaigns.rules.touchpoints import CAPS, KINDS, Group, Kind, KindRow, Touch, points, relevance

EDGES: tuple[float, ...] = (0.0, 8.0, 20.0, 35.0, 55.0)
PRIORS: tuple[float, ...] = (0.02, 0.06, 0.12, 0.22, 0.35)
PRIOR_STRENGTH = 10
GATE = 0.20
WARM_FLOOR = 8.0
TOP_SHARE = 0.10
DEEP = 3
TRIGGERS: Mapping[Kind, timedelta] = {
    Kind.INQUIRY: timedelta(days=30),
    Kind.QUOTE_REQUEST: timedelta(days=60),
    Kind.CALL_INTEREST: timedelta(days=60),
}
DAY_S = 86_400.0


class Rank(StrEnum):
    HOT = "hot"
    WARM = "warm"
    NURTURE = "nurture"
    UNOBSERVED = "unobserved"
    DECLINED = "declined"


# The order in which ranks take a month's slot, and the order of lists.
ORDER: Mapping[str, int] = {rank: place for place, rank in enumerate(Rank)}


@dataclass(frozen=True, slots=True)
class Engagement:
    """Score of a person for a product, 0..222. by_touch: (touch id, points left today), as given."""

    total: float
    by_group: Mapping[Group, float]
    by_touch: tuple[tuple[int, float], ...]
    sums: Mapping[Group, float]


@dataclass(frozen=True, slots=True)
class ProductRules:
    """What a product says about ranks.

    rates: win rate of each band, calibrated. warm_cut: the score at the edge of the product's top_share,
    stored nightly; None before the first night, and then nobody is warm by share alone. table, triggers: what
    a touch is worth here, and which touches make hot at once for how long (S2-19).
    """

    product_id: int
    cycle_days: int = 365
    gate: float = GATE
    edges: tuple[float, ...] = EDGES
    rates: tuple[float, ...] = PRIORS
    warm_cut: float | None = None
    top_share: float = TOP_SHARE
    table: Mapping[Kind, KindRow] = field(default_factory=lambda: KINDS)
    triggers: Mapping[Kind, timedelta] = field(default_factory=lambda: TRIGGERS)

    @property
    def cycle(self) -> timedelta:
        return timedelta(days=self.cycle_days)


@dataclass(frozen=True, slots=True)
class Refusal:
    """An explicit refusal of the product, with its date. until: the date the person named, else None."""

    at: datetime
    until: datetime | None = None
    evidence: str = ""


@dataclass(frozen=True, slots=True)
class Signs:
    """What the rank is decided from. last_touch_at: last valid touch of depth 1 or more, whenever it was.

    triggers: the living explicit triggers with their ends, the one that lasts longest first, one a kind.
    refused_until: None when no refusal is in force.
    """

    score: float
    depth_max: int
    last_touch_at: datetime | None = None
    human_after_acquisition: bool = False
    triggers: tuple[tuple[Kind, datetime], ...] = ()
    refused_until: datetime | None = None

    @property
    def trigger_until(self) -> datetime | None:
        return self.triggers[0][1] if self.triggers else None


@dataclass(frozen=True, slots=True)
class Ranked:
    """A rank with its reasons. next_change_at: the first instant at which time alone may change it."""

    rank: Rank
    score: float
    p_win: float
    depth_max: int
    reasons: tuple[Reason, ...]
    trigger_until: datetime | None = None
    next_change_at: datetime | None = None
    engagement: Engagement | None = None


def engagement(
    touches: Sequence[Touch],
    *,
    product_id: int,
    cycle_days: int,
    now: datetime,
    table: Mapping[Kind, KindRow] = KINDS,
) -> Engagement:
    """Score of one person for one product at an instant; touches later than now do not count yet.

    Decay follows the purchase cycle (half-life = cycle / 2); each group saturates at its cap, so that mail
    and web together (32) never reach the band where hot begins (35). Source: spec 2.5.2, S0-02.
    """
    half_life_s = cycle_days / 2 * DAY_S
    sums: dict[Group, float] = {}
    parts = []
    for touch in touches:
        age_s = (now - touch.at).total_seconds()
        if age_s < 0:
            continue
        weight = relevance(touch.product_id, product_id=product_id) * min(max(touch.validity, 0.0), 1.0)
        left = points(touch, table=table) * weight * 2.0 ** (-age_s / half_life_s) if weight else 0.0
        parts.append((touch.id, left))
        group = table[touch.kind].group
        sums[group] = sums.get(group, 0.0) + left
    by_group = {group: _saturate(group, x) for group, x in sums.items()}
    return Engagement(sum(by_group.values()), by_group, tuple(parts), sums)


def totals(
    touches: Sequence[Touch],
    *,
    product_id: int,
    cycle_days: int,
    moments: Sequence[datetime],
    table: Mapping[Kind, KindRow] = KINDS,
) -> list[float]:
    """`engagement(...).total` at many instants, the same to the last bit, in a third of the time."""
    half_life_s = cycle_days / 2 * DAY_S
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
                left = full * 2.0 ** (-((now - at) / 1e6) / half_life_s)
                sums[group] = sums.get(group, 0.0) + left
        found.append(sum([_CAPS[group] * (1.0 - exp(-x / _CAPS[group])) for group, x in sums.items()]))
    return found


_CAPS = {group.value: cap for group, cap in CAPS.items()}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def _microseconds(at: datetime) -> int:
    return (at - _EPOCH) // _MICROSECOND


def _saturate(group: Group, x: float) -> float:
    return CAPS[group] * (1.0 - exp(-x / CAPS[group]))


def committee(scores: Sequence[float], *, roles: int) -> float:
    """Score of a company from its people's scores and the number of distinct buying roles met.

    Source: spec 2.5.4. It does not raise a person's own rank.
    """
    ranked = sorted(scores, reverse=True)
    return sum(e * 0.5**k for k, e in enumerate(ranked)) + 4.0 * max(0, min(roles, 4) - 1)


def calibrate(won_resolved: Sequence[tuple[int, int]], priors: Sequence[float] = PRIORS) -> tuple[float, ...]:
    """Win rate of each band from (won, resolved) counts; a higher band is never worse.

    The prior counts as ten leads; pooling of adjacent violators is weighted by resolved + 10.
    Source: spec 2.5.3.
    """
    pools: list[tuple[float, int, int]] = []  # (rate, weight, bands)
    for (won, resolved), prior in zip(won_resolved, priors, strict=True):
        weight = resolved + PRIOR_STRENGTH
        rate, bands = (won + PRIOR_STRENGTH * prior) / weight, 1
        while pools and pools[-1][0] > rate:
            below, below_weight, below_bands = pools.pop()
            rate = (rate * weight + below * below_weight) / (weight + below_weight)
            weight, bands = weight + below_weight, bands + below_bands
        pools.append((rate, weight, bands))
    return tuple(rate for rate, _, bands in pools for _ in range(bands))


def band_of(score: float, edges: Sequence[float] = EDGES) -> int:
    """Index of the score's band; an edge belongs to the band above it."""
    return max(0, bisect_right(edges, score) - 1)


def cut_of(scores: Sequence[float], *, share: float = TOP_SHARE) -> float | None:
    """The score that a lead must exceed to stand in the top share; ties at the cut stay below it."""
    if not scores:
        return None
    ranked = sorted(scores, reverse=True)
    return ranked[min(int(len(ranked) * share), len(ranked) - 1)]


def rank(
    touches: Sequence[Touch],
    rules: ProductRules,
    *,
    now: datetime,
    refusal: Refusal | None = None,
    acquired_at: datetime | None = None,
) -> Ranked:
    """Rank of one person for one product, with reasons and the next instant at which time may change it.

    touches: all of the person, any order. refusal: the latest one of this product. acquired_at: when the
    person came to us, by default the first valid touch.
    """
    mine = [t for t in touches if t.validity > 0 and relevance(t.product_id, product_id=rules.product_id)]
    seen = [t for t in mine if t.at <= now and rules.table[t.kind].is_sign]
    spent = engagement(
        touches, product_id=rules.product_id, cycle_days=rules.cycle_days, now=now, table=rules.table
    )
    signs = read_signs(seen, rules, spent.total, now=now, refusal=refusal, acquired_at=acquired_at)
    word, reasons = decide(signs, rules, now=now)
    return Ranked(
        rank=word,
        score=spent.total,
        p_win=rules.rates[band_of(spent.total, rules.edges)],
        depth_max=signs.depth_max,
        reasons=reasons,
        trigger_until=signs.trigger_until,
        next_change_at=_next_change(mine, seen, signs, spent, rules, now=now),
        engagement=spent,
    )


def read_signs(
    seen: Sequence[Touch],
    rules: ProductRules,
    score: float,
    *,
    now: datetime,
    refusal: Refusal | None,
    acquired_at: datetime | None,
) -> Signs:
    """The facts of the rank from the valid signs seen so far."""
    # A refusal answers every trigger before it; a trigger after it ends it for good.
    after = [t for t in seen if t.kind in rules.triggers and (refusal is None or t.at > refusal.at)]
    alive: dict[Kind, datetime] = {}
    for touch in after:
        if now < (end := touch.at + rules.triggers[touch.kind]):
            alive[touch.kind] = max(end, alive.get(touch.kind, end))
    refused_until = None
    if refusal is not None and not after and refusal.at <= now:
        end = refusal.until or refusal.at + rules.cycle
        refused_until = end if now < end else None
    first = acquired_at or min((t.at for t in seen), default=now)
    return Signs(
        score=score,
        depth_max=max((rules.table[t.kind].depth for t in seen if now < t.at + rules.cycle), default=0),
        last_touch_at=max((t.at for t in seen), default=None),
        human_after_acquisition=any(t.at > first for t in seen),
        triggers=tuple(sorted(alive.items(), key=lambda item: item[1], reverse=True)),
        refused_until=refused_until,
    )


def decide(signs: Signs, rules: ProductRules, *, now: datetime) -> tuple[Rank, tuple[Reason, ...]]:
    """The rank and its reasons, strongest first. Source: spec 2.5.5."""
    if signs.refused_until is not None:
        return Rank.DECLINED, (Reason("refused", {"until": signs.refused_until.isoformat()}),)
    p_win = rules.rates[band_of(signs.score, rules.edges)]
    over = Reason("p_win_over_gate", {"p_win": p_win, "gate": rules.gate, "score": round(signs.score, 3)})
    deep = Reason("depth_reached", {"depth": signs.depth_max, "needed": DEEP})
    if signs.triggers:
        asked = tuple(Reason(f"trigger_{kind}", {"until": end.isoformat()}) for kind, end in signs.triggers)
        return Rank.HOT, (*asked, over) if p_win >= rules.gate else asked
    if p_win >= rules.gate and signs.depth_max >= DEEP:
        return Rank.HOT, (over, deep)
    if signs.last_touch_at is None or now >= signs.last_touch_at + rules.cycle:
        last = {"last": signs.last_touch_at.isoformat()} if signs.last_touch_at else {}
        return Rank.UNOBSERVED, (Reason("silent", {"cycle_days": rules.cycle_days, **last}),)
    if p_win >= rules.gate:
        return Rank.WARM, (over, Reason("depth_missing", {"depth": signs.depth_max, "needed": DEEP}))
    in_top = rules.warm_cut is not None and signs.score > rules.warm_cut
    if in_top and signs.score >= WARM_FLOOR and signs.human_after_acquisition:
        top = Reason("top_share", {"share": rules.top_share, "score": round(signs.score, 3)})
        return Rank.WARM, (top, Reason("human_touch"))
    return Rank.NURTURE, (Reason("any_touch", {"last": signs.last_touch_at.isoformat()}),)


def _next_change(
    mine: Sequence[Touch],
    seen: Sequence[Touch],
    signs: Signs,
    spent: Engagement,
    rules: ProductRules,
    *,
    now: datetime,
) -> datetime | None:
    """The first instant at which time may change rank, band or depth; never later than the true change."""
    moments = [t.at for t in mine if t.at > now]
    ends = [t.at + rules.triggers[t.kind] for t in seen if t.kind in rules.triggers]
    moments += [end for end in ends if now < end]
    if signs.refused_until is not None:
        moments.append(signs.refused_until)
    if signs.depth_max:
        # The deepest touches leave the cycle first of all that matter: a shallower one cannot matter sooner.
        moments.append(max(t.at for t in seen if rules.table[t.kind].depth == signs.depth_max) + rules.cycle)
    floors = [e for e in (*rules.edges, WARM_FLOOR) if 0 < e <= signs.score]
    if rules.warm_cut is not None and 0 < rules.warm_cut < signs.score:
        floors.append(rules.warm_cut)
    if floors:
        moments.append(now + _time_above(spent.sums, max(floors), half_life_s=rules.cycle_days / 2 * DAY_S))
    return min(moments, default=None)


def _time_above(sums: Mapping[Group, float], floor: float, *, half_life_s: float) -> timedelta:
    """How long the score stays at or above a floor that it reaches now; rounded down.

    All touches decay by one factor f, so the score is a rising, concave function of f alone. A chord meets
    the floor where the score still holds, a tangent where it does not: the two close in on the answer from
    both sides in a few steps, and bisection takes the rare flat cases. The answer can be early, never late.
    """
    parts = [(CAPS[group], x) for group, x in sums.items() if x > 0.0]

    def excess(f: float) -> float:
        return sum([cap * (1.0 - exp(-x * f / cap)) for cap, x in parts]) - floor

    low, below, high, above = 0.0, -floor, 1.0, excess(1.0)
    for _ in range(60):
        if above <= 0.0 or high - low <= 1e-10 * high:
            break
        slope = sum([x * exp(-x * high / cap) for cap, x in parts])
        chord = low - below * (high - low) / (above - below)
        tangent = high - above / slope if slope > 0.0 else low
        for guess in (chord, max(tangent, (low + high) / 2)):
            if low < guess < high:
                if (value := excess(guess)) >= 0.0:
                    high, above = guess, value
                else:
                    low, below = guess, value
    # A thousand-millionth of the way back covers the rounding of the sums: 22 ms at a cycle of a year.
    high = min(1.0, high * (1.0 + 1e-9))
    return timedelta(microseconds=int(-log2(high) * half_life_s * 1e6))
