from __future__ import annotations

import pytest

from campaigns.rules.appointments import Known, Next, Result, proposals


@pytest.mark.parametrize(
    ("result", "known", "first"),
    [
        (Result.TALKED, Known(visits=1), Next.CALL),
        (Result.TALKED, Known(visits=2), Next.WAIT),  # S0-08: after two or three visits one waits
        (Result.TALKED, Known(visits=3), Next.WAIT),
        (Result.TALKED, Known(visits=2, has_open_task=True), Next.CALL),
        (Result.INTEREST, Known(visits=1), Next.HAND_OFF),
        (Result.INTEREST, Known(visits=1, is_with_sales=True), Next.VISIT),
        (Result.INTEREST, Known(visits=2, is_with_sales=True), Next.WAIT),
        (Result.QUOTE, Known(visits=3), Next.QUOTE),  # what was promised goes before waiting
        (Result.ABSENT, Known(visits=3), Next.CALL),
    ],
)
def test_what_is_proposed_first(result: Result, known: Known, first: Next) -> None:
    assert proposals(result, known)[0] is first


@pytest.mark.parametrize("result", list(Result))
@pytest.mark.parametrize("known", [Known(), Known(2), Known(2, True), Known(3, False, True)])
def test_nothing_is_proposed_twice_and_doing_nothing_is_always_possible(result: Result, known: Known) -> None:
    found = proposals(result, known)
    assert len(set(found)) == len(found)
    assert found[-1] is Next.NONE
