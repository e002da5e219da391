"""Replaying: the same touchpoints, calibrations and refusals, in the order in which they became known, give the same
ranks.

Looked at: every stored change at its own instant (rank, score, win rate); and every instant at which something became
known or time alone should have moved the rank, where one of the ranks that stood then or soon after must be the
replayed one, since a tick comes within minutes and a calibration is followed by the night's round.
Source: spec 2.5.5. Nothing is read or stored here.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from campaigns.rules.ranks import ProductRules, Rank, Ranked, Refusal, rank
from campaigns.rules.touchpoints import Touch

SAME = 1e-9
SOON = timedelta(hours=1)
# A calibration that somebody accepts by day, or a changed rule, moves those it concerns by the next night.
BY_NEXT_NIGHT = timedelta(hours=36)
TICK = timedelta(minutes=1)
STEPS_MAX = 50


@dataclass(frozen=True, slots=True)
class Known:
    """A touch that counted from one instant to another. until: somebody took it back."""

    touch: Touch
    since: datetime
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Dated:
    """What the product said from an instant on."""

    at: datetime
    rules: ProductRules


@dataclass(frozen=True, slots=True)
class Change:
    """A change of rank as it was stored."""

    at: datetime
    old: str
    new: str
    score: float
    p_win: float


@dataclass(frozen=True, slots=True)
class History:
    """What is known of a lead. since: what lies before it cannot be replayed. rules, changes: oldest first."""

    lead_id: int
    person_id: int
    product_id: int
    since: datetime
    acquired_at: datetime | None
    touches: Sequence[Known]
    rules: Sequence[Dated]
    refusals: Sequence[Refusal]
    changes: Sequence[Change]


@dataclass(frozen=True, slots=True)
class Difference:
    """code: rank, score, p_win (of a stored change), chain (a change does not begin where the last ended), missing."""

    lead_id: int
    at: datetime
    code: str
    stored: str
    replayed: str


@dataclass(frozen=True, slots=True)
class Replayed:
    """instants: looked at beside the stored changes."""

    changes: int
    instants: int
    differences: tuple[Difference, ...]


def replay(one: History, *, until: datetime) -> Replayed:
    """Compare a lead's history with what the rules say of it."""
    found: list[Difference] = []
    changes = [change for change in one.changes if change.at >= one.since]
    for change in changes:
        found += _of_change(one, change)
    for before, after in zip(one.changes, one.changes[1:], strict=False):
        if before.new != after.old and after.at >= one.since:
            found.append(Difference(one.lead_id, after.at, "chain", before.new, after.old))
    count = 0
    for at, soon in _instants(one, until=until):
        ranked = rank_at(one, at)
        stood = _stood(one, at, at + soon)
        count += 1
        if ranked.rank not in stood and at + soon <= until:
            found.append(Difference(one.lead_id, at, "missing", " ".join(sorted(stood)), ranked.rank.value))
    return Replayed(len(changes), count, tuple(found))


def rank_at(one: History, at: datetime) -> Ranked:
    """The rank by what was known at an instant."""
    touches = [k.touch for k in one.touches if k.since <= at and (k.until is None or at < k.until)]
    refusal = max((r for r in one.refusals if r.at <= at), key=lambda r: r.at, default=None)
    rules = next((dated.rules for dated in reversed(one.rules) if dated.at <= at), one.rules[0].rules)
    return rank(touches, rules, now=at, refusal=refusal, acquired_at=one.acquired_at)


def _of_change(one: History, change: Change) -> list[Difference]:
    ranked = rank_at(one, change.at)
    pairs = []
    if ranked.rank != change.new:
        pairs.append(("rank", change.new, ranked.rank.value))
    if abs(ranked.score - change.score) > SAME:
        pairs.append(("score", f"{change.score:.12g}", f"{ranked.score:.12g}"))
    if abs(ranked.p_win - change.p_win) > SAME:
        pairs.append(("p_win", f"{change.p_win:.6g}", f"{ranked.p_win:.6g}"))
    return [Difference(one.lead_id, change.at, *pair) for pair in pairs]


def _instants(one: History, *, until: datetime) -> Iterator[tuple[datetime, timedelta]]:
    """When the rank could become another one, and how soon it must have: at news, and by time alone between them."""
    news = {known.since: SOON for known in one.touches} | {
        known.until: SOON for known in one.touches if known.until is not None
    }
    news |= {refusal.at: SOON for refusal in one.refusals}
    news |= {dated.at: BY_NEXT_NIGHT for dated in one.rules if dated.at not in news}
    # Where the past is cut off, what stood at the cut is looked at first.
    order = sorted({one.since} | {at for at in news if one.since <= at <= until})
    for at, later in zip(order, [*order[1:], until], strict=True):
        yield at, news.get(at, SOON)
        for _ in range(STEPS_MAX):
            change = rank_at(one, at).next_change_at
            if change is None or max(change, at + TICK) >= later:
                break
            at = max(change, at + TICK)
            yield at, SOON


def _stood(one: History, at: datetime, until: datetime) -> set[str]:
    """The stored ranks at an instant and until another."""
    before = [change.new for change in one.changes if change.at <= at]
    first = one.changes[0].old if one.changes else Rank.UNOBSERVED.value
    return {before[-1] if before else first} | {c.new for c in one.changes if at < c.at <= until}
