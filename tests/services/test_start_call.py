"""A call by hand: about the product that was asked for, and of whoever asked."""

from __future__ import annotations

from datetime import timedelta

import pytest

from campaigns.parts import Parts
from campaigns.services import assign, rerank, start_call
from tests.conftest import NOW
from tests.services.test_assign import member
from tests.services.world import World


@pytest.fixture
def world(parts: Parts) -> World:
    return World.build(parts, NOW)


def start(world: World, person: int, product: int | None, *, user: int | None = None) -> int:
    return start_call.run(world.parts, person, product_id=product, user_id=user or world.owner_id, now=NOW)


def test_a_call_about_one_product_is_none_about_another(world: World) -> None:
    person = world.person(touches=[("badge_scan", 40), ("badge_scan", 40, world.pump_id)])
    rerank.people(world.parts, [person], now=NOW)
    pump, press = start(world, person, world.pump_id), start(world, person, world.press_id)
    assert [(t.id, t.product_id) for t in world.tasks(person) if t.kind == "call"] == [
        (pump, world.pump_id),
        (press, world.press_id),
    ]
    assert (start(world, person, world.pump_id), start(world, person, world.press_id)) == (pump, press)
    assert start(world, person, None) in (pump, press)


def test_who_asks_for_a_call_makes_it_however_much_room_a_colleague_has(world: World) -> None:
    caller, _colleague = (member(world.parts, "inside_sales", name, NOW) for name in ("甲", "乙"))
    for _ in range(3):
        start(world, world.person(), None, user=caller)
    assign.run(world.parts, now=NOW)
    rows = world.rows("select assignee_id, created_by from tasks where kind = 'call'")
    assert [(row.assignee_id, row.created_by) for row in rows] == [(caller, caller)] * 3


def test_a_product_of_which_the_person_is_no_lead_stands_for_the_nearest(world: World) -> None:
    person = world.person(touches=[("badge_scan", 40)])
    rerank.people(world.parts, [person], now=NOW)
    task = start(world, person, 999)
    assert [(t.id, t.product_id) for t in world.tasks(person)] == [(task, world.press_id)]
    assert start(world, person, 999) == task


def test_a_call_about_a_lead_at_rest_is_made_only_by_whoever_was_told_of_it(world: World) -> None:
    person = world.person(touches=[("badge_scan", 40)])
    rerank.people(world.parts, [person], now=NOW)
    world.run(
        "update product_leads set state = 'paused', paused_until = :until", until=NOW + timedelta(days=30)
    )
    with pytest.raises(start_call.MayNotCall, match="paused"):
        start(world, person, world.press_id)
    assert world.tasks(person) == []
    task = start_call.run(
        world.parts, person, product_id=world.press_id, user_id=None, now=NOW, despite_pause=True
    )
    assert [t.id for t in world.tasks(person)] == [task]


def test_a_number_that_must_not_be_called_is_called_by_nobody(world: World) -> None:
    person = world.person()
    world.run("update people set do_not_call = true where id = :p", p=person)
    with pytest.raises(start_call.MayNotCall, match="do_not_call"):
        start(world, person, None)
    assert world.tasks(person) == []
