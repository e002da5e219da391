from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.rules import warmup
from campaigns.rules.warmup import OPEN_FROM, ceiling

START = date(2026, 11, 24)


def test_a_new_domain_grows_by_half_a_day_until_nobody_counts() -> None:
    assert [ceiling(day, 50) for day in range(1, 9)] == [50, 80, 110, 170, 250, 380, 570, 850]
    assert [ceiling(day, 50) for day in (17, 18, 19)] == [32_840, 49_260, None]


def test_before_the_first_day_nothing_goes_out() -> None:
    assert ceiling(0, 50) == ceiling(-400, 50) == 0


@given(st.integers(1, 10_000), st.integers(-5, 60_000))
def test_a_ceiling_never_falls_and_ends_for_good(day: int, first: int) -> None:
    today, tomorrow = ceiling(day, first), ceiling(day + 1, first)
    if today is None:
        assert tomorrow is None
    else:
        assert 1 <= today < OPEN_FROM or day == 1
        assert tomorrow is None or tomorrow >= today
        assert day <= 64


@pytest.mark.parametrize(("first", "day"), [(50, 19), (1, 28), (49_999, 2), (50_000, 1)])
def test_the_first_day_without_a_ceiling_is_known_in_advance(first: int, day: int) -> None:
    assert warmup.open_from(START, first) == date.fromordinal(START.toordinal() + day - 1)


def test_the_week_ahead_begins_today_or_at_the_start() -> None:
    week = list(warmup.plan(START, 50, today=date(2026, 11, 26)))
    assert [(day.day.day, day.ceiling) for day in week[:3]] == [(26, 110), (27, 170), (28, 250)]
    assert len(week) == 7
    ahead = list(warmup.plan(START, 50, today=date(2026, 11, 1)))
    assert (ahead[0].day, ahead[0].ceiling) == (START, 50)


def test_days_are_counted_from_one() -> None:
    assert warmup.day_no(START, START) == 1
    assert warmup.day_no(START, date(2026, 11, 23)) == 0
    assert warmup.day_no(None, START) is None
