"""Rank health: whether ranking still tells people apart, or drives them all to one end.

Lowest is `declined`: an explicit refusal, with its evidence. Silence is `unobserved`, shown apart and never counted as
low, since nobody who says nothing has refused. Source: S0-31, spec 2.5.5 "anti-convergence set".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from campaigns.rules.ranks import Rank

MONTHS = 24
FLOW_DAYS = 30
LOWEST = Rank.DECLINED
PROMISING = (Rank.HOT, Rank.WARM)
LOWEST_SHARE = 0.80
PROMISING_SHARE = 0.02
IN_A_ROW = 3
# Of fewer people, 2 % is not one person: a share says nothing yet.
LEADS_MIN = 50
NEW_RANK = Rank.UNOBSERVED.value  # what a lead is before its first ranking


@dataclass(frozen=True, slots=True)
class Spread:
    """The people of each rank of a product when a day ended."""

    day: date
    counts: Mapping[str, int]

    @property
    def total(self) -> int:
        return sum(self.counts.values())

    def share(self, *ranks: str) -> float:
        """0..1 of the people; 0 where there are none."""
        return sum(self.counts.get(rank, 0) for rank in ranks) / self.total if self.total else 0.0


@dataclass(frozen=True, slots=True)
class Move:
    """People who came to a rank on a day. old "": they were new."""

    product_id: int
    day: date
    old: str
    new: str
    leads: int


def month_ends(today: date, *, months: int = MONTHS) -> tuple[date, ...]:
    """The last days of the months that are over, oldest first."""
    found, day = [], today.replace(day=1)
    for _ in range(months):
        day -= timedelta(days=1)
        found.append(day)
        day = day.replace(day=1)
    return tuple(reversed(found))


def alarms(ends: Sequence[Spread | None]) -> tuple[str, ...]:
    """lowest_share, few_promising: what holds at each of the last three month-ends. A missing one breaks the row."""
    last = [one for one in ends[-IN_A_ROW:] if one is not None and one.total >= LEADS_MIN]
    if len(last) < IN_A_ROW:
        return ()
    found = []
    if all(one.share(LOWEST) > LOWEST_SHARE for one in last):
        found.append("lowest_share")
    if all(one.share(*PROMISING) < PROMISING_SHARE for one in last):
        found.append("few_promising")
    return tuple(found)


def stocks(
    now: Mapping[tuple[int, str], int], moves: Iterable[Move], days: Sequence[date]
) -> dict[date, dict[tuple[int, str], int]]:
    """The people of each (product, rank) at the ends of past days, from those of now and every move since.

    moves: all after the first of the days, those of today included. A number below zero is a lead that was written
    with a rank and not ranked: it counts as nobody.
    """
    by_day: dict[date, list[Move]] = {}
    for move in moves:
        by_day.setdefault(move.day, []).append(move)
    found: dict[date, dict[tuple[int, str], int]] = {}
    count = dict(now)
    later = sorted(by_day, reverse=True)
    for day in sorted(days, reverse=True):
        while later and later[0] > day:
            for move in by_day[later.pop(0)]:
                _take_back(count, move)
        found[day] = {key: max(n, 0) for key, n in count.items()}
    return found


def _take_back(count: dict[tuple[int, str], int], move: Move) -> None:
    came, left = (move.product_id, move.new), (move.product_id, move.old)
    count[came] = count.get(came, 0) - move.leads
    if move.old:
        count[left] = count.get(left, 0) + move.leads
