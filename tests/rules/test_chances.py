"""Rates from the past, and draws that hang on the person alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.rules import chances
from campaigns.rules.chances import NOTHING, PRIORS, Drawn, Rates


@pytest.mark.parametrize(
    ("mails", "counts", "name", "share"),
    [
        (0, {}, "open", 0.2),
        (0, {}, "click", 0.03),
        (0, {}, "unsubscribe", 0.002),
        (950, {"open": 190}, "open", 0.2),
        (9_950, {"click": 98}, "click", 0.00995),
        (450, {"unsubscribe": 0}, "unsubscribe", 0.0002),
        (10, {"open": 25}, "open", 20 / 60),  # more openings than mails are no more than all of them
    ],
)
def test_a_rate_is_the_past_leaning_on_a_prior_of_fifty_mails(
    mails: int, counts: dict[str, int], name: str, share: float
) -> None:
    found = chances.rates(mails, counts)
    assert getattr(found, name) == pytest.approx(share)
    assert found.mails == mails


@given(st.integers(0, 10**6), st.dictionaries(st.sampled_from(sorted(PRIORS)), st.integers(0, 10**6)))
def test_a_rate_is_never_nothing_and_never_certain(mails: int, counts: dict[str, int]) -> None:
    found = chances.rates(mails, counts)
    assert all(0 < getattr(found, name) < 1 for name in PRIORS)


def test_draws_are_those_of_every_host_and_release() -> None:
    """Written down: a changed draw would silently change every simulation that somebody has kept."""
    lively = Rates(open=0.5, click=0.3, reply=0.2, unsubscribe=0.1)
    drawn = [chances.draw(lively, seed=7, person=n, product=1, month=24322) for n in range(1, 7)]
    assert ["".join("ocru"[i] for i in range(4) if one[i]) for one in drawn] == ["or", "", "o", "oc", "", "o"]
    assert chances.mix((7, 1, 1, 24322)) == 3361869332501707844


@given(st.integers(1, 2**31), st.integers(1, 2**40), st.integers(1, 1000), st.integers(24000, 25000))
def test_whoever_clicks_or_answers_has_opened(seed: int, person: int, product: int, month: int) -> None:
    rates = Rates(open=0, click=0.5, reply=0.5, unsubscribe=0.5)
    drawn = chances.draw(rates, seed=seed, person=person, product=product, month=month)
    assert drawn.opens == (drawn.clicks or drawn.replies)


@pytest.mark.parametrize(("rate", "expected"), [(0.0, NOTHING), (1.0, Drawn(True, True, True, True))])
def test_rates_of_nothing_and_of_all_leave_nothing_to_chance(rate: float, expected: Drawn) -> None:
    rates = Rates(rate, rate, rate, rate)
    drawn = {chances.draw(rates, seed=1, person=n, product=2, month=24322) for n in range(500)}
    assert drawn == {expected}


def test_many_draws_come_as_often_as_their_rates_and_independently() -> None:
    rates = Rates(open=0.2, click=0.1, reply=0.05, unsubscribe=0.02)
    n = 40_000
    drawn = [chances.draw(rates, seed=3, person=p, product=1, month=24322) for p in range(n)]
    assert sum(one.clicks for one in drawn) / n == pytest.approx(0.1, abs=0.006)
    assert sum(one.replies for one in drawn) / n == pytest.approx(0.05, abs=0.005)
    assert sum(one.unsubscribes for one in drawn) / n == pytest.approx(0.02, abs=0.003)
    assert sum(one.opens for one in drawn) / n == pytest.approx(1 - 0.8 * 0.9 * 0.95, abs=0.009)
    both = sum(one.clicks and one.unsubscribes for one in drawn) / n
    assert both == pytest.approx(0.1 * 0.02, abs=0.0012)


@pytest.mark.parametrize("changed", [{"seed": 4}, {"person": 9}, {"product": 5}, {"month": 24323}])
def test_another_seed_person_product_or_month_draws_anew(changed: dict[str, int]) -> None:
    half = Rates(0.5, 0.5, 0.5, 0.5)
    differing = 0
    for n in range(64):
        first = {"seed": 3, "person": 8 + 10 * n, "product": 2, "month": 24322}
        differing += chances.draw(half, **first) != chances.draw(half, **(first | changed))
    assert differing > 40  # of 64, each of 16 outcomes
