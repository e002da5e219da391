"""What would reach more people, with how many: the nearest change of those that help most."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from campaigns.rules import remedies
from campaigns.rules.remedies import Waiting
from campaigns.rules.schedule import parse_month
from campaigns.rules.workdays import Calendar
from tests.rules.rows import row

TODAY = date(2026, 11, 24)
DEC, JAN = parse_month("2026-12"), parse_month("2027-01")


def told(waiting: list[Waiting], **changes: Any) -> list[tuple[str, dict[str, Any]]]:
    step = row(1, kind="invite", **changes)
    found = list(remedies.check(step, waiting, calendar=Calendar(), today=TODAY))
    assert not any(problem.is_error for problem in found)
    return [(problem.code, dict(problem.args)) for problem in found]


@pytest.mark.parametrize(
    ("waiting", "row", "found"),
    [
        # Everybody in time: nothing is said.
        ([Waiting(DEC, None, 40)], {"want_day": 8, "valid_until": date(2026, 12, 10)}, []),
        # Wanted on the 15th, valid until Thursday the 10th: the 10th is the nearest day that helps all.
        (
            [Waiting(DEC, None, 29), Waiting(DEC, date(2026, 12, 2), 11)],
            {"want_day": 15, "valid_until": date(2026, 12, 10)},
            [("invite_earlier", {"n": 40, "day": "2026-12-10", "want": 10, "gain": 40})],
        ),
        # The gap of 21 days ends on the 14th for eleven: an earlier day reaches the others only.
        (
            [Waiting(DEC, None, 29), Waiting(DEC, date(2026, 12, 14), 11)],
            {"want_day": 15, "valid_until": date(2026, 12, 10)},
            [("invite_earlier", {"n": 40, "day": "2026-12-10", "want": 10, "gain": 29})],
        ),
        # Nobody is helped by an earlier day: the deadline is what can give way, as far as the event allows.
        (
            [Waiting(DEC, date(2026, 12, 12), 7), Waiting(DEC, date(2026, 12, 17), 5)],
            {"want_day": 1, "valid_until": date(2026, 12, 10), "event_on": date(2026, 12, 15)},
            [("invite_longer", {"n": 12, "day": "2026-12-10", "until": "2026-12-14", "gain": 7})],
        ),
        # The event itself comes too early for them.
        (
            [Waiting(DEC, date(2026, 12, 17), 5)],
            {"want_day": 1, "event_on": date(2026, 12, 10)},
            [("invite_missed", {"n": 5, "day": "2026-12-10"})],
        ),
        # The month is another one, whatever the day.
        (
            [Waiting(JAN, None, 3)],
            {"want_day": 20, "event_on": date(2026, 12, 10)},
            [("invite_missed", {"n": 3, "day": "2026-12-10"})],
        ),
    ],
)
def test_who_cannot_get_an_invitation_in_time_and_what_helps(
    waiting: list[Waiting], row: dict[str, Any], found: list[tuple[str, dict[str, Any]]]
) -> None:
    assert told(waiting, **row) == found


@pytest.mark.parametrize(
    ("month", "want_day", "found"),
    [
        ("2026-12", 31, [("day_closed", {"day": "2026-12-31", "moved": "2026-12-28", "n": 12})]),
        ("2027-01", 1, [("day_closed", {"day": "2027-01-01", "moved": "2027-01-04", "n": 12})]),
        ("2026-12", 12, []),  # a Saturday: two days are no news
        ("2026-12", 10, []),
    ],
)
def test_a_day_among_holidays_is_told_with_the_day_it_moves_to(
    month: str, want_day: int, found: list[tuple[str, dict[str, Any]]]
) -> None:
    waiting = [Waiting(parse_month(month), None, 12)]
    assert told(waiting, want_day=want_day, valid_until=date(2027, 6, 1)) == found


def test_a_last_day_that_is_over_is_the_checks_own_affair() -> None:
    assert told([Waiting(DEC, None, 3)], want_day=10, valid_until=date(2026, 11, 1)) == []
    assert told([], want_day=15, valid_until=date(2026, 12, 10)) == []
