from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.rules.visits import BEFORE, Tie, tie_at

T0 = datetime(2026, 11, 24, 1, 0, tzinfo=UTC)


def day(n: float) -> datetime:
    return T0 + timedelta(days=n)


FIRST, SECOND, NOBODY = Tie(day(0), 1), Tie(day(10), 2), Tie(day(20), None)


@pytest.mark.parametrize(
    ("ties", "at", "person"),
    [
        ((), day(0), "unknown"),
        ((FIRST,), day(0), 1),
        ((FIRST,), day(400), 1),
        ((FIRST,), day(-90), 1),
        ((FIRST,), day(-90.01), "unknown"),
        ((FIRST, SECOND), day(9.99), 1),
        ((FIRST, SECOND), day(10), 2),
        ((FIRST, SECOND), day(-1), 1),
        ((FIRST, SECOND, NOBODY), day(25), None),
        ((FIRST, SECOND, NOBODY), day(15), 2),
        ((Tie(day(0), None),), day(-1), "unknown"),
        ((Tie(day(0), None), SECOND), day(5), None),
        ((Tie(day(0), None), SECOND), day(-1), "unknown"),
    ],
)
def test_a_visit_belongs_to_the_last_who_made_themselves_known(
    ties: tuple[Tie, ...], at: datetime, person: object
) -> None:
    found = tie_at(ties, at)
    assert (found.person_id if found else "unknown") == person


@given(st.lists(st.tuples(st.integers(-300, 300), st.integers(1, 3)), max_size=6), st.integers(-400, 400))
def test_a_later_tie_never_moves_what_was_read_before_it(pairs: list[tuple[int, int]], at: int) -> None:
    ties = [Tie(day(n), person) for n, person in sorted(pairs)]
    later = [*ties, Tie(day(301), 9)]
    if ties and at < 301:
        assert tie_at(later, day(at)) == tie_at(ties, day(at))
    found = tie_at(ties, day(at))
    if found is not None:
        assert found in ties
        assert found.at <= day(at) or (found == ties[0] and found.at - day(at) <= BEFORE)
