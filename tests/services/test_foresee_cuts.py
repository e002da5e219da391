"""The cut above which a lead is warm, foreseen: a sample's scores week by week."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

import pytest

from campaigns.parts import Parts
from campaigns.rules.chances import Rates
from campaigns.rules.schedule import TOKYO
from campaigns.services import calibrate, foresee_cuts, simulate
from campaigns.services.members import Cut
from campaigns.storage import ranks
from tests import world

NOW = datetime(2026, 11, 24, 1, 0, tzinfo=UTC)
QUIET = Rates(open=0, click=0, reply=0, unsubscribe=0)


@pytest.mark.parametrize(
    ("day", "value"),
    [(99, 10.0), (100, 10.0), (102, 14.0), (105, 20.0), (110, 18.0), (115, 16.0), (400, 16.0)],
)
def test_the_cut_of_a_day_lies_between_two_values(day: int, value: float) -> None:
    assert Cut(100, 5, (10.0, 20.0, 18.0, 16.0)).on(day) == pytest.approx(value)


def met(parts: Parts, people: tuple[int, ...], product: int) -> None:
    """A fifth of them talked to us at length some time ago."""
    with parts.engine.begin() as tx:
        for place, person in enumerate(people[: len(people) // 5]):
            world.insert(
                tx,
                "touchpoints",
                source_key=f"t{person}",
                person_id=person,
                product_id=product,
                kind="booth_talk",
                channel="offline",
                depth=3,
                at=NOW - timedelta(days=30 * place),
                created_at=NOW,
            )


def test_without_reactions_the_cuts_foreseen_are_those_that_the_nights_make(parts: Parts) -> None:
    made = world.build(parts, count=40)
    met(parts, made.people, made.product)
    with parts.engine.connect() as tx:
        wanted = simulate.setting(tx, made.scenario, seed=1)
    assert wanted is not None
    found = foresee_cuts.add(parts, wanted, now=NOW, rates={made.product: QUIET}).cuts[made.product]
    for days in (1, 8, 36, 200):
        night = datetime.combine(NOW.date() + timedelta(days=days), time(0, 1), tzinfo=TOKYO)
        calibrate.run(parts, now=night)
        with parts.engine.connect() as tx:
            real = ranks.products(tx, [made.product], now=night)[made.product].rules.warm_cut
        assert real is not None
        assert real > 0
        assert found.on(night.date().toordinal()) == pytest.approx(real, rel=2e-3), days


def test_a_simulation_ranks_by_the_cut_of_the_day(parts: Parts) -> None:
    made = world.build(parts, count=40)
    met(parts, made.people, made.product)
    with parts.engine.begin() as tx:
        wanted = simulate.setting(tx, made.scenario, seed=1)
        assert wanted is not None
        given = foresee_cuts.add(parts, wanted, now=NOW, rates={made.product: QUIET})
        shared = simulate.world(tx, parts, given, now=NOW, rates={}, crowds=frozenset())
    first, cut = shared.base.clock.day, given.cuts[made.product]
    assert shared.rules_on(first, made.product, "").warm_cut is None, "no night has made one yet"
    assert shared.rules_on(first + 1, made.product, "").warm_cut == cut.values[0]
    assert cut.values[0] > cut.values[-1] > 0, "scores fade"
