"""A recalibration moves the gate by one band edge a month at most, unless somebody says yes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.rules.calibrating import MOVES_MAX, cut_of, cut_place, gate_edge, moves

PRIOR = (0.02, 0.06, 0.12, 0.22, 0.35)  # passes a gate of .20 in band 3


@pytest.mark.parametrize(
    ("rates", "gate", "edge"),
    [
        (PRIOR, 0.20, 3),
        (PRIOR, 0.22, 3),
        (PRIOR, 0.23, 4),
        (PRIOR, 0.50, 5),
        (PRIOR, 0.01, 0),
    ],
)
def test_the_gate_stands_at_the_first_band_whose_rate_reaches_it(rates, gate, edge):
    assert gate_edge(rates, gate=gate) == edge


@pytest.mark.parametrize(
    ("rates", "before", "expected"),
    [
        ((0.02, 0.06, 0.21, 0.25, 0.35), [PRIOR], 1),
        ((0.02, 0.21, 0.22, 0.25, 0.35), [PRIOR], 2),
        ((0.02, 0.06, 0.10, 0.12, 0.15), [PRIOR], 2),
        # Yesterday's step counts as well: one more to the same side is the second within the month.
        ((0.02, 0.21, 0.22, 0.25, 0.35), [(0.02, 0.06, 0.21, 0.25, 0.35), PRIOR], 2),
        ((0.02, 0.07, 0.13, 0.24, 0.36), [PRIOR], 0),
        (PRIOR, [], 0),
    ],
)
def test_moves_are_counted_against_everything_in_force_within_the_month(rates, before, expected):
    assert moves(rates, before, gate=0.20) == expected


@given(
    st.lists(st.lists(st.floats(0, 1), min_size=5, max_size=5).map(sorted), min_size=1, max_size=30),
    st.floats(0.05, 0.6),
)
def test_whatever_the_nights_propose_no_two_rates_in_force_lie_further_apart_than_allowed(nights, gate):
    in_force = [PRIOR]
    for rates in nights:
        if moves(rates, in_force, gate=gate) <= MOVES_MAX:
            in_force.append(rates)
    edges = [gate_edge(rates, gate=gate) for rates in in_force]
    assert max(edges) - min(edges) <= MOVES_MAX


@given(st.lists(st.floats(0, 222), min_size=1), st.floats(0, 1))
def test_the_cut_leaves_at_most_its_share_above_it(scores, share):
    assert sum(score > cut_of(scores, share=share) for score in scores) <= cut_place(len(scores), share=share)
