"""When a lead that did not buy is approached again. Cases of spec 3.7."""

from __future__ import annotations

from datetime import date

import pytest

from campaigns.rules.recycling import Recycle, again, months_earlier, wake_on

TODAY = date(2026, 11, 24)


@pytest.mark.parametrize(
    ("result", "more", "wake"),
    [
        ("lost", {}, date(2027, 5, 25)),  # half of 365 days, whole ones
        ("rival", {"contract_ends_on": date(2028, 3, 31)}, date(2027, 9, 30)),
        ("rival", {"contract_ends_on": date(2026, 12, 31)}, date(2027, 5, 25)),  # six months before is past
        ("lost", {"contract_ends_on": date(2027, 8, 31)}, date(2027, 2, 28)),
        ("no_deal", {}, date(2027, 1, 1)),
        ("no_deal", {"fiscal_month": 1}, date(2027, 10, 1)),  # 1 October 2026 has passed
        ("no_deal", {"fiscal_month": 10}, date(2027, 7, 1)),
        ("no_deal", {"fiscal_month": 3}, date(2026, 12, 1)),
        ("returned", {}, None),
        ("won", {}, None),
    ],
)
def test_a_lead_is_woken_in_time_for_the_next_chance(result: str, more: dict, wake: date | None) -> None:
    assert wake_on(result, today=TODAY, cycle_days=365, **more) == wake


def test_three_returns_no_deeper_than_before_end_in_the_pool() -> None:
    one = again(Recycle(), depth=3)
    two = again(one, depth=3)
    three = again(two, depth=2)
    assert [r.is_in_pool for r in (one, two, three)] == [False, False, True]


def test_a_deeper_touch_begins_the_count_anew() -> None:
    twice = again(again(Recycle(), depth=3), depth=3)
    assert again(twice, depth=4) == Recycle(1, 4)
    assert not again(again(twice, depth=4), depth=4).is_in_pool


@pytest.mark.parametrize(
    ("day", "n", "expected"),
    [
        (date(2027, 8, 31), 6, date(2027, 2, 28)),
        (date(2028, 8, 31), 6, date(2028, 2, 29)),
        (date(2027, 1, 15), 3, date(2026, 10, 15)),
        (date(2027, 3, 31), 4, date(2026, 11, 30)),
    ],
)
def test_months_earlier_end_with_the_month(day: date, n: int, expected: date) -> None:
    assert months_earlier(day, n) == expected
