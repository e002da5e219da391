from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from campaigns.rules.events import Plan, check, is_over

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
