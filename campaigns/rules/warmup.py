"""Warm-up: how many mails a day a new sender domain may send at the most.

Receivers trust a domain by what they have seen of it; one that sends thousands on its first day is put
off or refused. The ceiling begins small and grows by half each day until nobody counts any more.
Source: PROP. Growth by half stays below the doubling a day that providers publish as the most.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

GROWTH_NUM, GROWTH_DEN = 3, 2  # a day's ceiling is 3/2 of the day's before
OPEN_FROM = 50_000  # from here there is no ceiling
FIRST = 50
FIRST_MAX = 50_000


def ceiling(day_no: int, first: int) -> int | None:
    """The most mails of the day_no-th day (from 1), None without a ceiling.

    Day 1 is `first` itself; from then on first x 1.5^(day_no - 1), rounded to tens, halves up, and never
    less than the day before. Before day 1 nothing goes out: mails wait for the first day.
    """
    if day_no < 1:
        return 0
    first = max(1, first)
    if first >= OPEN_FROM or day_no > 64:  # 1 x 1.5^63 is far beyond
        return None
    if day_no == 1:
        return first
    # In whole numbers, so that no machine rounds another way.
    scaled, whole = first * GROWTH_NUM ** (day_no - 1), 10 * GROWTH_DEN ** (day_no - 1)
    tens = (2 * scaled + whole) // (2 * whole)
    count = max(first, 10 * tens)
    return count if count < OPEN_FROM else None


def day_no(start: date | None, today: date) -> int | None:
    """Which day of the warm-up today is, 1 for the first; None without a warm-up."""
    return None if start is None else (today - start).days + 1


@dataclass(frozen=True, slots=True)
class Day:
    """A day of the plan. ceiling: None without one."""

    day: date
    ceiling: int | None


def plan(start: date, first: int, *, today: date, days: int = 7) -> Iterator[Day]:
    """The days from today on, or from the start where that lies ahead."""
    begin = max(start, today)
    for n in range(days):
        day = begin + timedelta(days=n)
        yield Day(day, ceiling((day - start).days + 1, first))


def open_from(start: date, first: int) -> date:
    """The first day without a ceiling."""
    number = next(n for n in range(1, 66) if ceiling(n, first) is None)
    return start + timedelta(days=number - 1)
