"""The forgotten: each is remembered once, and the list is empty afterwards."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from campaigns.parts import Parts
from campaigns.services import remember
from campaigns.services.remember import NoProduct
from tests import world
from tests.services.test_assign import member
from tests.services.world import World


def house(parts: Parts, now: datetime, count: int = 4) -> tuple[World, tuple[int, ...]]:
    """People with consent who came long ago, and of whom nobody has thought since."""
    made = World.build(parts, now)
    with parts.engine.begin() as tx:
        people = world.people(tx, parts, count, product=made.press_id)
    made.run("delete from product_leads")
    made.run("update people set created_at = :then", then=now - timedelta(days=90))
    return made, people


def forgotten(parts: Parts, now: datetime) -> list[int | None]:
    return sorted(
        line.person_id or 0 for line in remember.page(parts, product_id=0, now=now, limit=99, offset=0)[0]
    )


def test_a_review_remembers_the_chosen_and_gives_it_to_somebody(parts: Parts, now: datetime) -> None:
    made, people = house(parts, now)
    caller = member(parts, "inside_sales", "甲", now)
    assert forgotten(parts, now) == list(people)
    done = remember.review(parts, people[:2], user_id=made.owner_id, now=now)
    assert done.people == 2
    assert forgotten(parts, now) == list(people[2:])
    rows = made.rows("select kind, cause, assignee_id, created_by from tasks")
    assert {tuple(row) for row in rows} == {("review", "forgotten", caller, made.owner_id)}
    assert remember.review(parts, people[:2], user_id=made.owner_id, now=now).people == 0
    assert remember.review(parts, None, user_id=made.owner_id, now=now).people == 2
    assert forgotten(parts, now) == []


def test_who_is_not_forgotten_is_not_touched(parts: Parts, now: datetime) -> None:
    made, people = house(parts, now)
    made.touch(people[0], ("web_view", 3))
    made.run("update people set excluded_reason = 'left' where id = :id", id=people[1])
    assert remember.review(parts, people, user_id=made.owner_id, now=now).people == 2


def test_nurturing_makes_leads_of_a_known_product_only(parts: Parts, now: datetime) -> None:
    made, people = house(parts, now)
    with pytest.raises(NoProduct):
        remember.nurture(parts, people, product_id=99, user_id=made.owner_id, now=now)
    done = remember.nurture(parts, people, product_id=made.press_id, user_id=made.owner_id, now=now)
    assert done.people == 4
    assert len(made.rows("select 1 from product_leads")) == 4


def test_a_machine_a_standstill_and_a_task_that_lies_for_months_remember_nobody(
    parts: Parts, now: datetime
) -> None:
    made, people = house(parts, now)
    made.touch(people[0], ("mail_click", 3))
    made.run("update touchpoints set validity = 0")
    made.touch(people[1], ("mail_open", 3))
    made.run(
        "insert into tasks (kind, person_id, cause, due_at, created_at)"
        " values ('review', :p, 'forgotten', :then, :then)",
        p=people[2],
        then=now - timedelta(days=300),
    )
    made.run(
        "insert into scenarios (product_id, name, status, created_at)"
        " values (:q, '停止中', 'paused', :now)", q=made.press_id, now=now,
    )  # fmt: skip
    made.run(
        "insert into scenario_versions (scenario_id, no) select id, 1 from scenarios",
        now=now,
    )
    made.run(
        "insert into enrollments (person_id, product_id, scenario_id, version_id, created_at)"
        " select :p, :q, v.scenario_id, v.id, :now from scenario_versions v",
        p=people[3], q=made.press_id, now=now,
    )  # fmt: skip
    assert forgotten(parts, now) == list(people)
    made.run("update scenarios set status = 'active'")
    made.run("update tasks set due_at = :soon", soon=now + timedelta(days=3))
    made.run("update touchpoints set validity = 1 where kind = 'mail_click'")
    assert forgotten(parts, now) == [people[1]]
