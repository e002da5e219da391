from __future__ import annotations

from datetime import date, datetime
from zoneinfo import ZoneInfo

import pytest

from campaigns.rules.lateness import is_told_today, late_before
from campaigns.rules.workdays import Calendar

ZONE = ZoneInfo("Asia/Tokyo")


@pytest.mark.parametrize(
    ("why", "today", "days", "last"),
    [
        ("the day before", date(2026, 11, 26), 1, date(2026, 11, 25)),
        ("over a weekend and a holiday", date(2026, 11, 24), 1, date(2026, 11, 20)),
        ("two days", date(2026, 11, 26), 2, date(2026, 11, 24)),
        ("over the year's end", date(2027, 1, 4), 1, date(2026, 12, 28)),
    ],
)
def test_what_was_due_so_many_business_days_ago_is_late(why: str, today: date, days: int, last: date) -> None:
    before = late_before(today, Calendar(), days, ZONE)
    assert datetime(last.year, last.month, last.day, 23, 59, tzinfo=ZONE) < before, why
    assert before == datetime(last.year, last.month, last.day, 0, 0, tzinfo=ZONE).replace(day=last.day + 1)


def test_nobody_is_told_on_a_closed_day() -> None:
    assert not is_told_today(date(2026, 11, 23), Calendar())
    assert is_told_today(date(2026, 11, 24), Calendar())
