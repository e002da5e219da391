"""Business days in Japan: Monday to Friday without national holidays, 29 Dec to 3 Jan and own closed days.

Source: spec 3.1.8, 3.1.9. The planner asks a million times, so Calendar.table answers from arrays indexed by
date ordinals; no date object is made inside its loop.
"""

from calendar import monthrange
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import lru_cache

import holidays

YEAR_END = frozenset({(12, 29), (12, 30), (12, 31), (1, 1), (1, 2), (1, 3)})
# A calendar whose days are all closed is a mistake of its owner, not a reason to search for ever.
FAR_DAYS = 366


@lru_cache(maxsize=256)
def national_holidays(year: int) -> frozenset[date]:
    """Japan's national holidays of a year, substitutes included."""
    return frozenset(holidays.country_holidays("JP", years=[year]))


@dataclass(frozen=True, slots=True)
class Calendar:
    """The company's business calendar.

    closed: own holidays. extra_open: days worked although the rules close them (one-off law changes, a
    Saturday stocktaking); it wins over closed.
    """

    closed: frozenset[date] = frozenset()
    extra_open: frozenset[date] = frozenset()

    def is_business_day(self, day: date) -> bool:
        if day in self.extra_open:
            return True
        if day.weekday() >= 5 or (day.month, day.day) in YEAR_END or day in self.closed:
            return False
        return day not in national_holidays(day.year)

    def next_business_day(self, day: date) -> date:
        """The day itself if it is one, else the first one after it."""
        return self._walk(day, 1)

    def previous_business_day(self, day: date) -> date:
        """The day itself if it is one, else the last one before it."""
        return self._walk(day, -1)

    def _walk(self, day: date, step: int) -> date:
        for ahead in range(FAR_DAYS):
            if self.is_business_day(found := day + timedelta(days=step * ahead)):
                return found
        raise ValueError(f"no business day within {FAR_DAYS} days of {day}")

    def modified_following(self, day: date) -> date:
        """The next business day, but the previous one if the next leaves the month.

        A month closed altogether yields the next business day.
        """
        after = self.next_business_day(day)
        if after.month == day.month:
            return after
        before = self.previous_business_day(day)
        return before if before.month == day.month else after

    def add_business_days(self, day: date, n: int) -> date:
        """n business days after (n > 0) or before (n < 0) a day; n = 0 is the next business day or the day."""
        if n == 0:
            return self.next_business_day(day)
        step = 1 if n > 0 else -1
        found = day
        for _ in range(abs(n)):
            found = self._walk(found + timedelta(days=step), step)
        return found

    def pause_around(self, day: date) -> int:
        """How many days in a row are closed where this one lies, at most FAR_DAYS; 0 for a business day."""
        if self.is_business_day(day):
            return 0
        days = 1
        for step in (1, -1):
            found = day + timedelta(days=step)
            while days < FAR_DAYS and not self.is_business_day(found):
                days, found = days + 1, found + timedelta(days=step)
        return days

    def table(self, first: date, last: date) -> "BusinessTable":
        """The days first..last as arrays."""
        return BusinessTable.build(self, first, last)


@dataclass(frozen=True, slots=True)
class BusinessTable:
    """Business days between two dates, asked by ordinal (date.toordinal()) in constant time.

    next_open, previous_open: 0 where the answer lies outside the table. All methods raise IndexError or
    ValueError for days outside it.
    """

    first: int
    last: int
    open_days: tuple[int, ...]
    _next: tuple[int, ...] = field(repr=False)
    _previous: tuple[int, ...] = field(repr=False)
    _rank: tuple[int, ...] = field(repr=False)

    @classmethod
    def build(cls, calendar: Calendar, first: date, last: date) -> "BusinessTable":
        start, end = first.toordinal(), last.toordinal()
        if end < start:
            raise ValueError("a table's last day lies before its first")
        is_open = [calendar.is_business_day(date.fromordinal(o)) for o in range(start, end + 1)]
        ahead, after = [0] * len(is_open), 0
        for place in range(len(is_open) - 1, -1, -1):
            after = start + place if is_open[place] else after
            ahead[place] = after
        behind, ranks, before, count = [], [], 0, 0
        for place, opened in enumerate(is_open):
            ranks.append(count)
            before = start + place if opened else before
            behind.append(before)
            count += opened
        days = tuple(start + place for place, opened in enumerate(is_open) if opened)
        return cls(start, end, days, tuple(ahead), tuple(behind), tuple(ranks))

    def is_open(self, ordinal: int) -> bool:
        return self.next_open(ordinal) == ordinal

    def next_open(self, ordinal: int) -> int:
        """The day itself if open, else the next open one; 0 when there is none in the table."""
        return self._next[self._place(ordinal)]

    def previous_open(self, ordinal: int) -> int:
        """The day itself if open, else the last open one before; 0 when there is none in the table."""
        return self._previous[self._place(ordinal)]

    def add(self, ordinal: int, n: int) -> int:
        """n business days after or before a day, as Calendar.add_business_days."""
        rank = self._rank[self._place(ordinal)]  # number of open days strictly before the day
        if n > 0 and self.is_open(ordinal):
            rank += 1
        place = rank + (n - 1 if n > 0 else n)
        if not 0 <= place < len(self.open_days):
            raise ValueError("the day lies outside the table")
        return self.open_days[place]

    def _place(self, ordinal: int) -> int:
        if not self.first <= ordinal <= self.last:
            raise IndexError(f"{date.fromordinal(ordinal)} lies outside the calendar table")
        return ordinal - self.first


def clamp_day(year: int, month: int, day: int) -> date:
    """The wanted day of a month, clamped to the month's end."""
    return date(year, month, min(max(day, 1), monthrange(year, month)[1]))


@lru_cache(maxsize=64)
def _holiday_names(year: int, language: str) -> Mapping[date, str]:
    return dict(holidays.country_holidays("JP", years=[year], language=language))


def holiday_name(day: date, *, language: str = "ja") -> str:
    """Name of a national holiday, "" for any other day. language: ja or en_US."""
    return _holiday_names(day.year, language).get(day, "")
