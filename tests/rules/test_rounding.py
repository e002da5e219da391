"""Shown parts add up to the shown total."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.rules.rounding import shares


@pytest.mark.parametrize(
    ("values", "shown"),
    [
        ([28.26, 13.25, 3.36], (28.3, 13.2, 3.4)),
        ([28.3, 13.3, 3.3], (28.3, 13.3, 3.3)),
        ([1.04, 1.04, 1.04], (1.1, 1.0, 1.0)),
        ([0.0, 0.0], (0.0, 0.0)),
        ([], ()),
    ],
)
def test_parts_add_up_by_the_largest_remainder(values: list[float], shown: tuple[float, ...]) -> None:
    assert shares(values, places=1) == shown


@given(st.lists(st.floats(0, 60), min_size=1, max_size=8))
def test_shown_parts_always_add_up_to_the_shown_total_and_none_moves_by_a_whole_step(
    values: list[float],
) -> None:
    shown = shares(values, places=1)
    assert round(sum(shown), 1) == round(round(sum(value * 10 for value in values)) / 10, 1)
    assert all(abs(one - value) < 0.1 + 1e-9 for one, value in zip(shown, values, strict=True))
