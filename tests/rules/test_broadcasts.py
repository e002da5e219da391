from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.rules import broadcasts as rule
from campaigns.rules.broadcasts import Arm, Plan, Verdict
from campaigns.rules.schedule import TOKYO
from campaigns.rules.workdays import Calendar

CAL = Calendar()
PLAN = Plan(
    name="11月号",
    product_id=1,
    theme="検査のコツ",
    content_id=7,
    send_on=date(2026, 11, 26),
)
TEST = replace(PLAN, ab="subject", subject_b="別の件名", sample_n=100)


def codes(plan: Plan, people: int = 1000) -> list[str]:
    found = rule.check(plan, people=people, earliest=date(2026, 11, 24), calendar=CAL, zone=TOKYO)
    return [problem.code for problem in found]


@pytest.mark.parametrize(
    ("plan", "expected"),
    [
        (PLAN, []),
        (TEST, []),
        (replace(PLAN, product_id=None), ["product_id_missing"]),
        (replace(PLAN, theme=""), ["theme_missing"]),
        (replace(PLAN, name="", content_id=None), ["name_missing", "content_id_missing"]),
        (replace(PLAN, classes=()), ["classes_missing"]),
        (replace(PLAN, content_tone="sales_hard"), ["sales_hard_for_class"]),
        (replace(PLAN, content_tone="sales_hard", classes=("A", "B")), []),
        (replace(PLAN, content_tone="sales_light"), []),  # the planner keeps the ratio
        (replace(PLAN, send_on=None), ["send_on_missing"]),
        (replace(PLAN, send_on=date(2026, 11, 20)), ["send_on_past"]),
        (replace(PLAN, send_on=date(2026, 11, 28)), ["send_on_closed"]),
        (replace(PLAN, send_on=date(2027, 1, 1)), ["send_on_closed"]),
        (replace(PLAN, valid_until=date(2026, 11, 25)), ["valid_until_early"]),
        (replace(TEST, subject_b=" "), ["subject_b_missing"]),
        (replace(TEST, ab="content"), ["content_b_missing"]),
        (replace(TEST, ab="content", content_b_id=7), ["content_b_same"]),
        (replace(TEST, sample_n=19), ["sample_small"]),
        (replace(TEST, sample_n=500), ["sample_large"]),
        (replace(TEST, send_on=date(2026, 11, 30)), ["decided_too_late"]),
        (replace(TEST, send_on=date(2026, 11, 27)), []),  # decided on Sunday, the rest goes on Monday 30
    ],
)
def test_what_stands_against_a_broadcast_is_named(plan: Plan, expected: list[str]) -> None:
    assert codes(plan) == expected


def test_nobody_to_send_to_is_a_problem() -> None:
    assert codes(PLAN, people=0) == ["nobody"]


@pytest.mark.parametrize(
    ("people", "everybody", "needs"), [(50, 100, False), (51, 100, True), (0, 0, False), (1, 1, True)]
)
def test_more_than_half_of_all_people_needs_a_second_person(people: int, everybody: int, needs: bool) -> None:
    assert rule.needs_second(people, everybody) is needs


@pytest.mark.parametrize(
    ("day", "hours", "latest"),
    [
        (date(2026, 11, 26), 48, date(2026, 11, 27)),
        (date(2026, 11, 26), 24, date(2026, 11, 27)),
        (date(2026, 12, 3), 120, date(2026, 12, 22)),  # the last business day is Monday 28
    ],
)
def test_latest_day_of_a_test_leaves_a_business_day_for_the_rest(day: date, hours: int, latest: date) -> None:
    assert rule.latest_test_day(day, hours, calendar=CAL, zone=TOKYO) == latest


def test_test_is_decided_so_many_hours_after_the_last_hour_for_mail() -> None:
    assert rule.decide_at(date(2026, 11, 24), 48, zone=TOKYO) == datetime(2026, 11, 26, 7, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("rate", "lift", "n"),
    # Sizes as any table of the two-proportion test has them (5 % two-sided, power 80 %).
    [(0.03, 0.5, 2518), (0.10, 0.5, 686), (0.05, 1.0, 435), (0.20, 0.25, 1094)],
)
def test_sample_sizes_are_those_of_the_tables(rate: float, lift: float, n: int) -> None:
    assert rule.sample_size(rate, lift=lift) == n


@pytest.mark.parametrize(
    ("a", "b", "winner", "tie"),
    [
        (Arm(1000, 30), Arm(1000, 60), "b", False),
        (Arm(1000, 60), Arm(1000, 30), "a", False),
        (Arm(1000, 30), Arm(1000, 40), "a", True),
        (Arm(20, 0), Arm(20, 0), "a", True),
        (Arm(0, 0), Arm(20, 20), "a", True),
        (Arm(20, 20), Arm(20, 20), "a", True),
    ],
)
def test_winner_is_clear_or_it_is_a_tie_and_a_goes(a: Arm, b: Arm, winner: str, tie: bool) -> None:
    found = rule.decide(a, b)
    assert (found.winner, found.is_tie) == (winner, tie)


def test_p_is_that_of_the_two_proportion_test() -> None:
    # (30/1000, 60/1000): z = 3.2358, p = .0012
    assert rule.decide(Arm(1000, 30), Arm(1000, 60)).p == pytest.approx(0.0012, abs=5e-5)


@given(st.integers(0, 300), st.integers(0, 300), st.integers(300, 5000), st.integers(300, 5000))
def test_exchanging_the_arms_exchanges_the_winner(a: int, b: int, n: int, m: int) -> None:
    one, other = rule.decide(Arm(n, a), Arm(m, b)), rule.decide(Arm(m, b), Arm(n, a))
    assert one.p == pytest.approx(other.p)
    if one.is_tie:
        assert other == Verdict("a", True, other.p)
    else:
        assert {one.winner, other.winner} == {"a", "b"}


@pytest.mark.parametrize(
    ("refused", "sent", "usual", "alarm"),
    [
        (6, 1000, None, True),  # above .5 %
        (5, 1000, None, False),
        (4, 1000, 0.001, True),  # above three times .1 %
        (3, 1000, 0.001, False),
        (1, 10, None, False),  # one alone is no rate
        (0, 0, None, False),
    ],
)
def test_refusals_out_of_measure_alarm(refused: int, sent: int, usual: float | None, alarm: bool) -> None:
    assert rule.is_alarming(refused, sent, usual) is alarm


def test_usual_rate_is_the_median_of_mailings_with_enough_mails() -> None:
    assert rule.usual_rate([(1, 100), (2, 1000), (50, 99), (30, 1000)]) == pytest.approx(0.01)
    assert rule.usual_rate([(9, 99)]) is None
