"""Online and offline in the last cycle, by what the person showed."""

from __future__ import annotations

from datetime import timedelta

import pytest

from campaigns.rules import balance
from campaigns.rules.touchpoints import Kind, Touch
from tests.conftest import NOW


def touch(kind: str, days: float, validity: float = 1.0) -> Touch:
    return Touch(kind=Kind(kind), at=NOW - timedelta(days=days), validity=validity)


@pytest.mark.parametrize(
    ("touches", "online", "offline", "lacks"),
    [
        ([("mail_click", 10), ("visit", 20)], 1, 1, ""),
        ([("mail_click", 10), ("web_view", 20)], 2, 0, "offline"),
        ([("call_connected", 10), ("booth_talk", 20)], 0, 2, "online"),
        ([("visit", 366), ("visit", 10)], 0, 1, "online"),  # the cycle before does not count
        ([("mail_open", 1), ("fax_sent", 1), ("mail_by_rep", 1), ("call_tried", 1)], 0, 0, "both"),
        ([("mail_click", 10, 0.0), ("visit", 20)], 0, 1, "online"),  # a scanner's click
        ([("visit", -1)], 0, 0, "both"),  # not yet
        ([], 0, 0, "both"),
    ],
)
def test_the_balance_counts_signs_of_the_person_alone(
    touches: list[tuple[str, float]], online: int, offline: int, lacks: str
) -> None:
    found = balance.of([touch(*one) for one in touches], days=365, now=NOW)
    assert (found.online, found.offline, found.lacks) == (online, offline, lacks)


def test_visits_are_counted_among_what_is_face_to_face() -> None:
    found = balance.of([touch("visit", 1), touch("visit", 2), touch("call_connected", 3)], days=30, now=NOW)
    assert (found.visits, found.offline) == (2, 3)
