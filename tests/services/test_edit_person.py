"""Editing a person: what a flag bars is nobody's task any more."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from campaigns.parts import Parts
from campaigns.services import edit_person
from tests.services.world import World


@pytest.fixture
def world(parts: Parts, now: datetime) -> World:
    return World.build(parts, now)


@pytest.mark.parametrize(
    ("changed", "ended"),
    [
        ({"excluded_reason": "competitor"}, {"call", "fax", "visit", "mail"}),
        ({"do_not_call": True}, {"call"}),
        ({"phone_invalid": True}, {"call"}),
        ({"do_not_fax": True}, {"fax"}),
        ({"fax_invalid": True}, {"fax"}),
        ({"note": "会議が多い"}, set()),
    ],
)
def test_a_field_that_bars_a_person_ends_the_tasks_it_bars(
    world: World, now: datetime, changed: dict[str, Any], ended: set[str]
) -> None:
    one = world.person()
    for kind in ("call", "fax", "visit", "mail", "review"):
        world.run(
            "insert into tasks (kind, person_id, state, due_at, created_at) values (:k, :p, 'open', :now, :now)",
            k=kind, p=one, now=now,
        )  # fmt: skip
    edit_person.save(world.parts, one, changed, version=1, user_id=world.owner_id, now=now)
    assert {task.kind for task in world.tasks(one) if task.state == "cancelled"} == ended
