"""A recalibration that would move the gate far waits for a yes; until then the rates in force stay."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from campaigns.parts import Parts
from campaigns.services import calibrate, rerank
from campaigns.storage import calibrations
from tests.services.world import World

PRIORS = [0.02, 0.06, 0.12, 0.22, 0.35]


@pytest.fixture
def world(parts: Parts, now: datetime) -> World:
    made = World.build(parts, now)
    made.person(touches=[("badge_scan", 3)])
    rerank.people(parts, [1], now=now)
    return made


def results(world: World, *, won: int, lost: int, band: int) -> None:
    """Hand-offs of a band with their ends."""
    for n in range(won + lost):
        world.run(
            "insert into hand_offs (lead_id, product_id, state, p_win, bar, reasons, created_at)"
            " select id, product_id, :s, 0, 0, jsonb_build_array(jsonb_build_object('code', 'at_hand_off', 'args',"
            " jsonb_build_object('band', cast(:b as int)))), :n from product_leads limit 1",
            s="won" if n < won else "lost",
            b=band,
            n=world.now,
        )


def in_force(world: World) -> Any:
    return world.rows(
        "select * from calibrations where product_id = 1 and state = 'accepted' order by at desc, id desc limit 1"
    )[0]


def waiting(world: World) -> list[calibrations.Proposal]:
    with world.parts.engine.connect() as tx:
        return calibrations.waiting(tx)


def test_rates_that_move_the_gate_by_two_edges_wait_while_the_cut_moves_on(world: World) -> None:
    results(
        world, won=40, lost=20, band=1
    )  # .54 and, pooled, above: the gate would stand at band 1 instead of 3
    calibrate.run(world.parts, now=world.now)
    row = in_force(world)
    assert row.rates == pytest.approx(PRIORS)
    assert row.warm_cut is not None
    [one] = waiting(world)
    assert (one.moves, one.in_force, one.product) == (2, pytest.approx(PRIORS), "小型プレス")
    assert (one.won[1], one.resolved[1], one.rates[1] > 0.4) == (40, 60, True)


def test_one_edge_moves_by_itself(world: World) -> None:
    results(world, won=10, lost=10, band=2)
    calibrate.run(world.parts, now=world.now)
    assert in_force(world).rates[2] > 0.2
    assert waiting(world) == []


def test_a_step_a_night_is_stopped_at_the_second_edge(world: World) -> None:
    results(world, won=20, lost=20, band=2)
    calibrate.run(world.parts, now=world.now)
    results(world, won=40, lost=20, band=1)
    calibrate.run(world.parts, now=world.now + timedelta(days=1))
    assert in_force(world).rates[1] < 0.2
    assert len(waiting(world)) == 1
    # A month later the first step is history, and the second is one edge from what has been in force since.
    calibrate.run(world.parts, now=world.now + timedelta(days=32))
    assert in_force(world).rates[1] > 0.2
    assert waiting(world) == []


def test_each_night_replaces_what_nobody_has_answered(world: World) -> None:
    results(world, won=40, lost=20, band=1)
    for night in range(3):
        calibrate.run(world.parts, now=world.now + timedelta(days=night))
    assert len(waiting(world)) == 1


def test_a_yes_puts_the_rates_in_force_and_they_stay(world: World) -> None:
    results(world, won=40, lost=20, band=1)
    calibrate.run(world.parts, now=world.now)
    [one] = waiting(world)
    then = world.now + timedelta(hours=5)
    assert calibrate.accept(world.parts, one.id, user_id=world.owner_id, now=then)
    assert in_force(world).rates == pytest.approx(list(one.rates))
    calibrate.run(world.parts, now=world.now + timedelta(days=1))
    assert in_force(world).rates == pytest.approx(list(one.rates))
    assert waiting(world) == []
    assert not calibrate.accept(world.parts, one.id, user_id=world.owner_id, now=then), "answered already"
    [line] = world.rows("select * from audit_log where noun = 'product'")
    assert (line.action, line.user_id) == ("calibration_accepted", world.owner_id)


def test_a_no_is_not_asked_again_within_the_month(world: World) -> None:
    results(world, won=40, lost=20, band=1)
    calibrate.run(world.parts, now=world.now)
    [one] = waiting(world)
    assert calibrate.dismiss(world.parts, one.id, user_id=world.owner_id, now=world.now)
    calibrate.run(world.parts, now=world.now + timedelta(days=1))
    assert waiting(world) == []
    assert in_force(world).rates == pytest.approx(PRIORS)
    calibrate.run(world.parts, now=world.now + timedelta(days=40))
    assert len(waiting(world)) == 1


def test_a_calibration_keeps_the_products_rules_of_its_day(world: World) -> None:
    calibrate.run(world.parts, now=world.now)
    assert in_force(world).rules == {
        "cycle_days": 365, "gate": 0.2, "edges": [0, 8, 20, 35, 55], "hot_rules": {},
    }  # fmt: skip
