from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from campaigns.rules import events as rule
from campaigns.rules.events import Answer, Cost, Plan, check, is_over
from campaigns.rules.forms import Door
from campaigns.rules.touchpoints import KINDS

PLAN = Plan("ミライ工場展", starts_on=date(2027, 1, 28), ends_on=date(2027, 1, 29))


@pytest.mark.parametrize(
    ("changed", "wrong"),
    [
        ({}, {}),
        ({"ends_on": None}, {}),
        ({"starts_on": None, "ends_on": None}, {}),
        ({"ends_on": date(2027, 1, 28)}, {}),
        ({"apply_by": date(2027, 1, 29)}, {}),
        ({"starts_on": None, "ends_on": None, "apply_by": date(2027, 1, 1)}, {}),
        ({"capacity": 1}, {}),
        ({"capacity": 0}, {"capacity": "not_seats"}),
        ({"capacity": -5}, {"capacity": "not_seats"}),
        ({"name": ""}, {"name": "missing"}),
        ({"kind": ""}, {"kind": "unknown"}),
        ({"starts_on": None}, {"starts_on": "first_day_missing"}),
        ({"ends_on": date(2027, 1, 27)}, {"ends_on": "before_first_day"}),
        ({"apply_by": date(2027, 1, 30)}, {"apply_by": "after_last_day"}),
        ({"ends_on": None, "apply_by": date(2027, 1, 29)}, {"apply_by": "after_last_day"}),
    ],
)
def test_an_event_says_what_is_wrong_with_it(changed: dict[str, object], wrong: dict[str, str]) -> None:
    assert check(replace(PLAN, **changed)) == wrong  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("plan", "today", "expected"),
    [
        (PLAN, date(2027, 1, 29), False),
        (PLAN, date(2027, 1, 30), True),
        (replace(PLAN, ends_on=None), date(2027, 1, 29), True),
        (Plan("未定"), date(2099, 1, 1), False),
    ],
)
def test_an_event_is_over_after_its_last_day(plan: Plan, today: date, expected: bool) -> None:
    assert is_over(plan, today=today) is expected


def test_an_event_costs_the_sum_of_its_lines() -> None:
    assert PLAN.cost_yen == 0
    assert replace(PLAN, costs=(Cost("ブース", 900_000), Cost("", 1))).cost_yen == 900_001


@pytest.mark.parametrize(
    ("kind", "answer", "touch", "points"),
    [
        ("seminar", Answer.YES, "seminar_apply", 8),
        ("private_show", Answer.YES, "seminar_apply", 8),
        ("exhibition", Answer.YES, "rsvp_yes", 0),
        ("seminar", Answer.MAYBE, "rsvp_maybe", 0),
        ("exhibition", Answer.NO, "rsvp_no", 0),
    ],
)
def test_only_who_signs_up_gets_points_for_an_answer(
    kind: str, answer: Answer, touch: str, points: float
) -> None:
    found = rule.touch_of(kind, answer)
    assert (found.value, KINDS[found].points, KINDS[found].is_sign) == (touch, points, points > 0)


@pytest.mark.parametrize(
    ("changed", "taken", "today", "door"),
    [
        ({}, 10_000, date(2027, 1, 29), Door.OPEN),  # no seats are counted; the last day still counts
        ({}, 0, date(2027, 1, 30), Door.CLOSED),
        ({"apply_by": date(2027, 1, 20)}, 0, date(2027, 1, 20), Door.OPEN),
        ({"apply_by": date(2027, 1, 20)}, 0, date(2027, 1, 21), Door.CLOSED),
        ({"capacity": 2}, 1, date(2027, 1, 1), Door.OPEN),
        ({"capacity": 2}, 2, date(2027, 1, 1), Door.FULL),
        ({"capacity": 2, "has_waiting_list": True}, 3, date(2027, 1, 1), Door.WAITING),
        ({"starts_on": None, "ends_on": None}, 0, date(2099, 1, 1), Door.OPEN),
    ],
)
def test_answers_are_taken_until_the_last_day_and_while_there_are_seats(
    changed: dict[str, object], taken: int, today: date, door: Door
) -> None:
    plan = replace(PLAN, **changed)  # type: ignore[arg-type]
    assert rule.door(plan, is_closed=False, capacity=plan.capacity, taken=taken, today=today) is door
    assert rule.door(plan, is_closed=True, capacity=plan.capacity, taken=taken, today=today) is Door.CLOSED
