"""Ranks: from a score and the signs behind it to a win rate and a rank that explains itself.

Source: spec 2.5.3, 2.5.5. Everything here is arithmetic; nothing is read or stored. A rank needs what the touches come
to (`Seen` and the sums of their points), not the touches: one path from touches and from what is stored of them.
"""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from math import exp, log2
from operator import itemgetter

from campaigns.rules.reasons import Reason
from campaigns.rules.scores import TIE, engagement, half_life_s, saturated
from campaigns.rules.touchpoints import CAPS, KINDS, Group, Kind, KindRow, Touch, relevance

EDGES: tuple[float, ...] = (0.0, 8.0, 20.0, 35.0, 55.0)
PRIORS: tuple[float, ...] = (0.02, 0.06, 0.12, 0.22, 0.35)
GATE = 0.20
WARM_FLOOR = 8.0
TOP_SHARE = 0.10
DEEP = 3
DEPTH_MAX = 5
REASONS_MAX = 3  # the strongest; more is no reason any more
LEAST = 0.05  # of a score; less is shown as 0.0
TRIGGERS: Mapping[Kind, timedelta] = {
    Kind.INQUIRY: timedelta(days=30),
    Kind.QUOTE_REQUEST: timedelta(days=60),
    Kind.CALL_INTEREST: timedelta(days=60),
}


class Rank(StrEnum):
    HOT = "hot"
    WARM = "warm"
    NURTURE = "nurture"
    UNOBSERVED = "unobserved"
    DECLINED = "declined"


# Ranks that the score speaks for: of the others it is no reason.
SCORED = frozenset({Rank.HOT, Rank.WARM, Rank.NURTURE})
# The order in which ranks take a month's slot, and the order of lists.
ORDER: Mapping[str, int] = {rank: place for place, rank in enumerate(Rank)}


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
class Seen:
    """When a person showed what, for one product: valid signs alone. None: never.

    depths: the last instant of each depth, 1 first. first_at: of the first sign. asked: the last instant of each
    kind that makes hot at once. next_at: the first touch that still lies ahead.
    """

    depths: tuple[datetime | None, ...] = (None,) * DEPTH_MAX
    first_at: datetime | None = None
    asked: Mapping[Kind, datetime] = field(default_factory=dict)
    next_at: datetime | None = None

    @property
    def last_at(self) -> datetime | None:
        return max([at for at in self.depths if at is not None], default=None)


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
    """A rank with its reasons, strongest first. next_change_at: the first instant at which time alone may change it.

    by_group: each group's part of the score.
    """

    rank: Rank
    score: float
    p_win: float
    depth_max: int
    reasons: tuple[Reason, ...]
    trigger_until: datetime | None = None
    next_change_at: datetime | None = None
    by_group: Mapping[Group, float] = field(default_factory=dict)
    last_touch_at: datetime | None = None


def band_of(score: float, edges: Sequence[float] = EDGES) -> int:
    """Index of the score's band; an edge belongs to the band above it."""
    return max(0, bisect_right(edges, score) - 1)


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
    spent = engagement(
        touches, product_id=rules.product_id, cycle_days=rules.cycle_days, now=now, table=rules.table
    )
    seen = see(touches, rules, now=now)
    return rank_seen(seen, spent.sums, rules, now=now, refusal=refusal, acquired_at=acquired_at)


def see(touches: Sequence[Touch], rules: ProductRules, *, now: datetime) -> Seen:
    """What these touches show by now."""
    depths: list[datetime | None] = [None] * DEPTH_MAX
    asked: dict[Kind, datetime] = {}
    first_at = next_at = None
    for touch in touches:
        row, at = rules.table[touch.kind], touch.at
        if touch.validity <= 0 or not row.is_sign:
            continue
        if not relevance(touch.product_id, product_id=rules.product_id):
            continue
        if at > now:
            next_at = at if next_at is None or at < next_at else next_at
            continue
        first_at = at if first_at is None or at < first_at else first_at
        last = depths[row.depth - 1]
        depths[row.depth - 1] = at if last is None or at > last else last
        if touch.kind in rules.triggers:
            asked[touch.kind] = max(at, asked.get(touch.kind, at))
    return Seen(tuple(depths), first_at, asked, next_at)


def rank_seen(
    seen: Seen,
    sums: Mapping[Group, float],
    rules: ProductRules,
    *,
    now: datetime,
    refusal: Refusal | None = None,
    acquired_at: datetime | None = None,
) -> Ranked:
    """The same from what the touches come to. sums: points left in each group at that instant."""
    by_group = saturated(sums)
    score = sum(by_group.values())
    signs = read_signs(seen, rules, score, now=now, refusal=refusal, acquired_at=acquired_at)
    word, reasons = decide(signs, rules, now=now)
    if word in SCORED and len(reasons) < REASONS_MAX:
        reasons += _weights(by_group)[: REASONS_MAX - len(reasons)]
    return Ranked(
        rank=word,
        score=score,
        p_win=rules.rates[band_of(score, rules.edges)],
        depth_max=signs.depth_max,
        reasons=reasons,
        trigger_until=signs.trigger_until,
        next_change_at=_next_change(seen, signs, sums, rules, now=now),
        by_group=by_group,
        last_touch_at=signs.last_touch_at,
    )


def _weights(by_group: Mapping[Group, float]) -> tuple[Reason, ...]:
    """The parts of the score as reasons, strongest first; what rounds to 0.0 carries nothing."""
    parts = sorted([(x, group) for group, x in by_group.items() if x >= LEAST], reverse=True)
    return tuple([Reason("group_weighs", {"group": str(group), "points": round(x, 3)}) for x, group in parts])


def read_signs(
    seen: Seen,
    rules: ProductRules,
    score: float,
    *,
    now: datetime,
    refusal: Refusal | None,
    acquired_at: datetime | None,
) -> Signs:
    """The facts of the rank from what was seen so far."""
    # A refusal answers every trigger before it; a trigger after it ends it for good.
    after = [
        (kind, at + rules.triggers[kind])
        for kind, at in seen.asked.items()
        if kind in rules.triggers and (refusal is None or at > refusal.at)
    ]
    refused_until = None
    if refusal is not None and not after and refusal.at <= now:
        end = refusal.until or refusal.at + rules.cycle
        refused_until = end if now < end else None
    last, first = seen.last_at, acquired_at or seen.first_at
    began, depth = now - rules.cycle, DEPTH_MAX
    while depth and ((at := seen.depths[depth - 1]) is None or at <= began):
        depth -= 1
    return Signs(
        score=score,
        depth_max=depth,
        last_touch_at=last,
        human_after_acquisition=last is not None and first is not None and last > first,
        triggers=tuple(sorted([one for one in after if now < one[1]], key=itemgetter(1), reverse=True)),
        refused_until=refused_until,
    )


def decide(signs: Signs, rules: ProductRules, *, now: datetime) -> tuple[Rank, tuple[Reason, ...]]:
    """The rank and its reasons, strongest first. Source: spec 2.5.5."""
    if signs.refused_until is not None:
        return Rank.DECLINED, (Reason("refused", {"until": signs.refused_until.isoformat()}),)
    p_win = rules.rates[band_of(signs.score, rules.edges)]
    is_over, depth = p_win >= rules.gate, signs.depth_max
    if signs.triggers:
        asked = tuple(Reason(f"trigger_{kind}", {"until": end.isoformat()}) for kind, end in signs.triggers)
        return Rank.HOT, (*asked, _over(p_win, signs, rules)) if is_over else asked
    if is_over and depth >= DEEP:
        deep = Reason("depth_reached", {"depth": depth, "needed": DEEP})
        return Rank.HOT, (_over(p_win, signs, rules), deep)
    if signs.last_touch_at is None or now >= signs.last_touch_at + rules.cycle:
        last = {"last": signs.last_touch_at.isoformat()} if signs.last_touch_at else {}
        return Rank.UNOBSERVED, (Reason("silent", {"cycle_days": rules.cycle_days, **last}),)
    if is_over:
        shallow = Reason("depth_missing", {"depth": depth, "needed": DEEP})
        return Rank.WARM, (_over(p_win, signs, rules), shallow)
    in_top = rules.warm_cut is not None and signs.score > rules.warm_cut + TIE
    if in_top and signs.score >= WARM_FLOOR and signs.human_after_acquisition:
        top = Reason("top_share", {"share": rules.top_share, "score": round(signs.score, 3)})
        return Rank.WARM, (top, Reason("human_touch"))
    return Rank.NURTURE, (Reason("any_touch", {"last": signs.last_touch_at.isoformat()}),)


def _over(p_win: float, signs: Signs, rules: ProductRules) -> Reason:
    return Reason("p_win_over_gate", {"p_win": p_win, "gate": rules.gate, "score": round(signs.score, 3)})


def _next_change(
    seen: Seen, signs: Signs, sums: Mapping[Group, float], rules: ProductRules, *, now: datetime
) -> datetime | None:
    """The first instant at which time may change rank, band or depth; never later than the true change."""
    moments = [end for _, end in signs.triggers]
    if seen.next_at is not None:
        moments.append(seen.next_at)
    if signs.refused_until is not None:
        moments.append(signs.refused_until)
    if signs.depth_max and (last := seen.depths[signs.depth_max - 1]) is not None:
        # The deepest touches leave the cycle first of all that matter: a shallower one cannot matter sooner.
        moments.append(last + rules.cycle)
    floors = [e for e in (*rules.edges, WARM_FLOOR) if 0 < e <= signs.score]
    if rules.warm_cut is not None and 0 < rules.warm_cut + TIE < signs.score:
        floors.append(rules.warm_cut + TIE)
    if floors:
        floor, half_life = max(floors), half_life_s(rules.cycle_days)
        # A concave score falls no quicker than its points: before this instant it cannot reach the floor.
        soonest = now + timedelta(seconds=log2(signs.score / floor) * half_life * (1 - 1e-9))
        if not moments or min(moments) > soonest:
            moments.append(now + _time_above(sums, floor, half_life=half_life))
    return min(moments, default=None)


def _time_above(sums: Mapping[Group, float], floor: float, *, half_life: float) -> timedelta:
    """How long the score stays at or above a floor that it reaches now; rounded down.

    All touches decay by one factor f, so the score is a rising, concave function of f alone. From below, where the
    points alone would just make the floor, Newton's steps never pass the answer and double their digits each time.
    The result can be early, never late.
    """
    parts = [(CAPS[group], x) for group, x in sums.items() if x > 0.0]
    f = floor / sum([x for _, x in parts])
    for _ in range(60):
        score = slope = 0.0
        for cap, x in parts:
            rest = exp(-x * f / cap)
            score += cap * (1.0 - rest)
            slope += x * rest
        if slope <= 0.0:
            return timedelta()
        step = (floor - score) / slope
        f += step
        if step <= 1e-10 * f:
            break
    # A thousand-millionth of the way back covers the rounding of the sums: 22 ms at a cycle of a year.
    f = min(1.0, f * (1.0 + 1e-9))
    return timedelta(microseconds=int(-log2(f) * half_life * 1e6))
