"""Reports: periods, what may be said of small numbers, event cohorts and the funnel.

A rate of few cases is no finding: each rate has its interval, and a sentence is said only when the intervals say
so. Source: S1-09, S1-13, S1-18, S3-16, S3-17, S4-23.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from itertools import pairwise
from math import sqrt
from statistics import NormalDist, median

ALPHA = 0.05
# Below this many cases a rate is shown, but nothing is said about it.
CASES_MIN = 20
# A mail has led to a conversation when one follows within so many days of the reaction to it.
TALK_DAYS = 90
TALKS = ("call_connected", "call_interest", "visit", "booth_talk", "booth_talk_prospect", "quote_request")


class Period(StrEnum):
    """Calendar months of the installation's zone; LAST_3 and the like end with the month that is under way."""

    THIS = "this"
    LAST = "last"
    LAST_3 = "3"
    LAST_6 = "6"
    LAST_12 = "12"
    ALL = "all"


@dataclass(frozen=True, slots=True)
class Months:
    """From the month `since` to before the month `until`. Months: year * 12 + month - 1."""

    since: int
    until: int

    def holds(self, month: int) -> bool:
        return self.since <= month < self.until


MONTH_FIRST = 1970 * 12  # nothing of ours is older, and a database knows the instant
MONTHS: Mapping[Period, tuple[int, int]] = {
    Period.THIS: (0, 1),
    Period.LAST: (-1, 0),
    Period.LAST_3: (-2, 1),
    Period.LAST_6: (-5, 1),
    Period.LAST_12: (-11, 1),
}


def months(period: Period, *, this: int) -> Months:
    """The months of a period, seen from this month."""
    if period is Period.ALL:
        return Months(MONTH_FIRST, this + 1)
    since, until = MONTHS[period]
    return Months(this + since, this + until)


# --- rates ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Rate:
    """k of n, with the interval in which the true rate lies (Wilson); low and high are 0 and 1 without cases."""

    k: int
    n: int
    low: float
    high: float

    @property
    def value(self) -> float | None:
        return self.k / self.n if self.n else None


def rate(k: int, n: int, *, compared: int = 1) -> Rate:
    """The interval holds with 95 %, for all at once when `compared` rates are looked at together (Bonferroni)."""
    if n <= 0:
        return Rate(k, 0, 0.0, 1.0)
    z = NormalDist().inv_cdf(1 - ALPHA / (2 * max(compared, 1)))
    p, zz = k / n, z * z
    middle = (p + zz / (2 * n)) / (1 + zz / n)
    spread = z * sqrt(p * (1 - p) / n + zz / (4 * n * n)) / (1 + zz / n)
    return Rate(k, n, max(0.0, middle - spread), min(1.0, middle + spread))


def differ(a: Rate, b: Rate) -> bool:
    """Whether two rates differ beyond chance: a two-proportion z-test at 5 %."""
    if not a.n or not b.n:
        return False
    pooled = (a.k + b.k) / (a.n + b.n)
    spread = sqrt(pooled * (1 - pooled) * (1 / a.n + 1 / b.n))
    return spread > 0 and abs(a.k / a.n - b.k / b.n) / spread > NormalDist().inv_cdf(1 - ALPHA / 2)


# --- the hour of the week -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Hour:
    """Mails of one hour of the week: weekday 0 (Monday) to 6, sent, and those a person clicked in."""

    weekday: int
    hour: int
    sent: int
    clicked: int


def best_hour(hours: Sequence[Hour]) -> Hour | None:
    """The hour that is better than all others together beyond chance; None when no interval says so.

    All hours with mails are looked at, so the interval is that of as many comparisons.
    """
    tried = [one for one in hours if one.sent >= CASES_MIN]
    sent, clicked = sum(one.sent for one in hours), sum(one.clicked for one in hours)
    clear = []
    for one in tried:
        own = rate(one.clicked, one.sent, compared=len(tried))
        rest = rate(clicked - one.clicked, sent - one.sent, compared=len(tried))
        if rest.n >= CASES_MIN and own.low > rest.high:
            clear.append((own.low, one))
    return max(clear, key=lambda pair: pair[0])[1] if clear else None


# --- cohorts of an event --------------------------------------------------------------------------------------------

HORIZONS = (3, 6, 12, 24)  # months after the event (S1-09)


def months_after(day: date, count: int) -> date:
    """The same day so many months later; the month's last day where it has none: 31 August + 6 is 28 February."""
    place = day.year * 12 + day.month - 1 + count
    year, month = place // 12, place % 12 + 1
    return date(year, month, min(day.day, monthrange(year, month)[1]))


def is_over(day: date, count: int, *, today: date) -> bool:
    """Whether so many months have passed since the day. Until then a figure is not yet one, not 0 (S1-09)."""
    return months_after(day, count) <= today


def unit_cost(cost_yen: int, n: int) -> int | None:
    """Yen for one; None when there was no cost to divide, or nothing to divide it by."""
    return round(cost_yen / n) if cost_yen and n else None


# --- the funnel -------------------------------------------------------------------------------------------------------


class Stage(StrEnum):
    """潜在顧客, 見込顧客, 有望見込顧客, 新規顧客, 優良顧客 (S1-18)."""

    POTENTIAL = "potential"
    PROSPECT = "prospect"
    QUALIFIED = "qualified"
    CUSTOMER = "customer"
    LOYAL = "loyal"


STAGES = tuple(Stage)


@dataclass(frozen=True, slots=True)
class Step:
    """One stage of the funnel. reached: people who came at least so far; here: those who came no further.

    passed: how many of the stage before came here, None for the first.
    """

    stage: Stage
    reached: int
    here: int
    passed: Rate | None


def funnel(here: Mapping[str, int]) -> tuple[Step, ...]:
    """The funnel of people, each in the furthest stage reached: stage -> people."""
    counts = [here.get(stage.value, 0) for stage in STAGES]
    steps: list[Step] = []
    for place, stage in enumerate(STAGES):
        reached = sum(counts[place:])
        passed = rate(reached, steps[-1].reached) if steps else None
        steps.append(Step(stage, reached, counts[place], passed))
    return tuple(steps)


def weakest(steps: Iterable[Step]) -> Step | None:
    """The step that the smallest share passes, of those with enough people before it."""
    known = [step for step in steps if step.passed is not None and step.passed.n >= CASES_MIN]
    return min(known, key=lambda step: (step.passed.value if step.passed else 0) or 0.0, default=None)


PACE_MONTHS = 12


@dataclass(frozen=True, slots=True)
class Pace:
    """How many (k) came to a stage in one month, for the n who came to the stage before in it, and the stage's own
    median of the months before. More may come than came before: they need not be the same people. median: None where
    too few months can be told."""

    stage: Stage
    k: int
    n: int
    median: float | None

    @property
    def value(self) -> float | None:
        return self.k / self.n if self.n else None

    @property
    def ratio(self) -> float | None:
        """1 for as ever; None where nothing can be compared."""
        return self.value / self.median if self.value is not None and self.median else None


MONTHS_MIN = 3  # a median of fewer months is none


def paces(entered: Mapping[int, Mapping[str, int]], *, last: int) -> tuple[Pace, ...]:
    """Each stage but the first in the month `last`, against its own twelve months before. entered: month -> stage ->
    people who came to it then. A month in which nobody came to the stage before says nothing."""
    found = []
    for before, stage in pairwise(STAGES):
        rates = [
            month.get(stage.value, 0) / month[before.value]
            for place in range(last - PACE_MONTHS, last)
            if (month := entered.get(place, {})).get(before.value, 0)
        ]
        this = entered.get(last, {})
        usual = median(rates) if len(rates) >= MONTHS_MIN else None
        found.append(Pace(stage, this.get(stage.value, 0), this.get(before.value, 0), usual))
    return tuple(found)


def slowest(found: Iterable[Pace]) -> Pace | None:
    """The stage that lies furthest below its own median, of those with enough people; None when none does."""
    known = [one for one in found if one.ratio is not None and one.ratio < 1 and one.n >= CASES_MIN]
    return min(known, key=lambda one: one.ratio or 0.0, default=None)
