"""Periods, intervals, cohorts and the funnel: what may be said, and what not yet."""

from __future__ import annotations

import itertools
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.rules import reports
from campaigns.rules.reports import CASES_MIN, STAGES, Hour, Months, Period, Rate, Stage, rate

THIS = 2026 * 12 + 10  # November 2026


@pytest.mark.parametrize(
    ("period", "since", "until"),
    [
        (Period.THIS, THIS, THIS + 1),
        (Period.LAST, THIS - 1, THIS),
        (Period.LAST_3, THIS - 2, THIS + 1),
        (Period.LAST_6, THIS - 5, THIS + 1),
        (Period.LAST_12, THIS - 11, THIS + 1),
    ],
)
def test_a_period_is_whole_months_that_end_with_this_one(period: Period, since: int, until: int) -> None:
    assert reports.months(period, this=THIS) == Months(since, until)


def test_all_of_time_holds_every_month_until_now() -> None:
    found = reports.months(Period.ALL, this=THIS)
    assert found.holds(2001 * 12)
    assert found.holds(THIS)
    assert not found.holds(THIS + 1)


@given(n=st.integers(1, 100_000), share=st.floats(0, 1), compared=st.integers(1, 168))
def test_a_rate_lies_within_its_interval_and_more_comparisons_widen_it(
    n: int, share: float, compared: int
) -> None:
    one, many = rate(round(n * share), n), rate(round(n * share), n, compared=compared)
    assert one.value is not None
    assert 0 <= many.low <= one.low + 1e-12
    assert one.low <= one.value + 1e-12
    assert one.value - 1e-12 <= one.high <= many.high + 1e-12
    assert many.high <= 1


def test_the_interval_is_the_one_of_the_textbook() -> None:
    # Wilson, 95 %: 10 of 100 (Brown, Cai, DasGupta 2001).
    found = rate(10, 100)
    assert (round(found.low, 4), round(found.high, 4)) == (0.0552, 0.1744)


def test_without_cases_anything_is_possible() -> None:
    assert rate(0, 0) == Rate(0, 0, 0.0, 1.0)
    assert rate(0, 0).value is None


@pytest.mark.parametrize(
    ("a", "b", "differ"),
    [
        ((30, 1000), (60, 1000), True),
        ((3, 100), (6, 100), False),
        ((0, 50), (0, 50), False),
        ((5, 5), (0, 0), False),
    ],
)
def test_rates_differ_when_chance_does_not_explain_it(
    a: tuple[int, int], b: tuple[int, int], differ: bool
) -> None:
    assert reports.differ(rate(*a), rate(*b)) is differ


def hours(sent: int, clicked: int, best: tuple[int, int] | None = None) -> list[Hour]:
    """Five days of eight hours alike; best: mails and clicks of Tuesday at 10."""
    made = [Hour(day, hour, sent, clicked) for day in range(5) for hour in range(9, 17)]
    if best:
        made[9] = Hour(1, 10, *best)
    return made


@pytest.mark.parametrize(
    ("found", "best"),
    [
        (hours(500, 25), None),  # all alike
        (hours(500, 25, (500, 75)), (1, 10)),  # three times as many of 500
        (hours(500, 25, (60, 9)), None),  # the same share of 60 may be chance
        (hours(500, 25, (19, 19)), None),  # too few to be compared
        (hours(500, 25, (500, 30)), None),
        ([Hour(1, 10, 5000, 400)], None),  # nothing to compare it with
        ([], None),
    ],
)
def test_an_hour_is_recommended_only_when_its_interval_says_so(
    found: list[Hour], best: tuple[int, int] | None
) -> None:
    one = reports.best_hour(found)
    assert (one and (one.weekday, one.hour)) == best


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 23), st.integers(0, 400)), max_size=60))
def test_hours_that_are_clicked_alike_recommend_nothing(rows: list[tuple[int, int, int]]) -> None:
    assert reports.best_hour([Hour(day, hour, n, round(n * 0.1)) for day, hour, n in rows]) is None


@pytest.mark.parametrize(
    ("day", "months", "after"),
    [
        (date(2026, 8, 31), 6, date(2027, 2, 28)),
        (date(2024, 2, 29), 12, date(2025, 2, 28)),
        (date(2026, 11, 24), 3, date(2027, 2, 24)),
        (date(2026, 12, 1), 24, date(2028, 12, 1)),
    ],
)
def test_months_after_a_day(day: date, months: int, after: date) -> None:
    assert reports.months_after(day, months) == after
    assert not reports.is_over(day, months, today=date.fromordinal(after.toordinal() - 1))
    assert reports.is_over(day, months, today=after)


@pytest.mark.parametrize(("cost", "n", "yen"), [(1_000_000, 300, 3333), (0, 300, None), (1_000_000, 0, None)])
def test_the_cost_of_one_needs_a_cost_and_somebody(cost: int, n: int, yen: int | None) -> None:
    assert reports.unit_cost(cost, n) == yen


@given(st.lists(st.integers(0, 1000), min_size=5, max_size=5))
def test_the_funnel_only_narrows_and_its_stages_add_up(counts: list[int]) -> None:
    steps = reports.funnel({str(stage): n for stage, n in zip(STAGES, counts, strict=True)})
    reached = [step.reached for step in steps]
    assert reached == sorted(reached, reverse=True)
    assert sum(step.here for step in steps) == reached[0]
    for before, step in itertools.pairwise(steps):
        assert step.passed is not None
        assert (step.passed.k, step.passed.n) == (step.reached, before.reached)


def test_the_weakest_step_is_the_one_that_fewest_pass() -> None:
    steps = reports.funnel({"potential": 500, "prospect": 440, "qualified": 30, "customer": 24, "loyal": 6})
    found = reports.weakest(steps)
    assert found is not None
    assert found.stage is Stage.QUALIFIED


def test_of_few_people_no_step_is_called_weak() -> None:
    assert reports.weakest(reports.funnel({"potential": CASES_MIN - 1})) is None
    assert reports.weakest(reports.funnel({})) is None


def months(**stages: list[int]) -> dict[int, dict[str, int]]:
    """Twelve months and the one after, 100 people coming into the book in each."""
    return {
        24300 + n: {
            "potential": 100,
            **{stage: values[min(n, len(values) - 1)] for stage, values in stages.items()},
        }
        for n in range(13)
    }


def test_the_stage_furthest_below_its_own_median_is_the_slow_one() -> None:
    entered = months(prospect=[80] * 12 + [60], qualified=[40] * 12 + [21], customer=[10] * 12 + [9])
    paces = {pace.stage: pace for pace in reports.paces(entered, last=24312)}
    assert paces[Stage.PROSPECT].median == 0.8
    assert paces[Stage.QUALIFIED].value == 0.35
    slow = reports.slowest(paces.values())
    assert slow is not None
    assert (slow.stage, round(slow.ratio or 0, 3)) == (Stage.QUALIFIED, 0.7)


def test_nothing_is_slow_without_a_past_without_people_or_when_it_is_as_ever() -> None:
    young = {24312: {"potential": 100, "prospect": 1}}
    assert reports.slowest(reports.paces(young, last=24312)) is None
    assert reports.slowest(reports.paces(months(prospect=[80]), last=24312)) is None
    few = {
        month: {name: n // 10 for name, n in one.items()}
        for month, one in months(prospect=[80] * 12 + [10]).items()
    }
    assert reports.slowest(reports.paces(few, last=24312)) is None
    assert reports.slowest(reports.paces({}, last=24312)) is None


def test_more_may_come_to_a_stage_than_came_to_the_one_before() -> None:
    busy = {24312: {"potential": 1, "prospect": 7}}
    assert [pace.value for pace in reports.paces(busy, last=24312)] == [7.0, 0.0, None, None]
