from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from campaigns.parts import Parts
from campaigns.services import escalate
from tests.services.test_assign import member
from tests.services.world import World

NOW = datetime(2026, 11, 26, 1, 0, tzinfo=UTC)  # Thursday in Tokyo; Monday was a holiday


def task(world: World, person: int, due: datetime, **more: Any) -> None:
    lead = world.lead(person)
    values = {"assignee_id": None, "lead_id": lead.id if lead else None, **more}
    world.run(
        "insert into tasks (kind, person_id, team, assignee_id, lead_id, state, cause, due_at, created_at)"
        " values ('check', :p, 'inside', :assignee_id, :lead_id, 'open', 'reply', :due, :due)",
        p=person, due=due, **values,
    )  # fmt: skip


def told(world: World) -> list[tuple[str, int, int]]:
    rows = world.rows("select kind, user_id, (args->>'n')::int as n from alerts order by id")
    return [(row.kind, row.user_id, row.n) for row in rows]


def test_a_late_task_is_told_to_who_has_it_and_a_business_day_later_to_the_manager_each_once(
    parts: Parts, now: datetime
) -> None:
    world = World.build(parts, now)
    caller, manager = member(parts, "inside_sales", "甲", now), member(parts, "sales_manager", "課長", now)
    task(world, world.person(), NOW - timedelta(days=2), assignee_id=caller)  # due on Tuesday, the 24th
    assert escalate.run(parts, now=NOW - timedelta(days=1)) == 0
    assert escalate.run(parts, now=NOW) == 1
    assert escalate.run(parts, now=NOW + timedelta(minutes=1)) == 0
    assert told(world) == [("task_late", caller, 1)]
    tomorrow = NOW + timedelta(days=1)
    assert escalate.run(parts, now=tomorrow) == 1
    assert escalate.run(parts, now=tomorrow + timedelta(days=3)) == 0
    assert told(world)[1:] == [("task_escalated", manager, 1)]
    [row] = world.rows("select reminded_at, escalated_at from tasks")
    assert (row.reminded_at, row.escalated_at) == (NOW, tomorrow)


def test_a_hot_lead_waits_one_business_day_only(parts: Parts, now: datetime) -> None:
    world = World.build(parts, now)
    caller = member(parts, "inside_sales", "甲", now)
    person = world.person()
    world.run(
        "insert into product_leads (person_id, product_id, rank, created_at) values (:p, :q, 'hot', :now)",
        p=person, q=world.press_id, now=now,
    )  # fmt: skip
    task(world, person, NOW - timedelta(days=1), assignee_id=caller)
    task(world, world.person(), NOW - timedelta(days=1), assignee_id=caller)
    assert escalate.run(parts, now=NOW) == 1
    assert told(world) == [("task_late", caller, 1)]


def test_what_nobody_has_is_the_managers_at_once(parts: Parts, now: datetime) -> None:
    world = World.build(parts, now)
    manager = member(parts, "sales_manager", "課長", now)
    for _n in range(3):
        task(world, world.person(), NOW - timedelta(days=9))
    assert escalate.run(parts, now=NOW) == 1
    assert told(world) == [("task_escalated", manager, 3)]


def test_a_task_that_may_not_be_done_yet_is_not_late_and_a_closed_day_tells_nobody(
    parts: Parts, now: datetime
) -> None:
    world = World.build(parts, now)
    task(world, world.person(), NOW - timedelta(days=9))
    assert escalate.run(parts, now=datetime(2026, 11, 23, 1, 0, tzinfo=UTC)) == 0
    world.run("update tasks set not_before = :later", later=NOW + timedelta(days=1))
    assert escalate.run(parts, now=NOW) == 0
    assert not told(world)


def test_a_call_that_the_list_offers_to_nobody_is_nobodys_fault(parts: Parts, now: datetime) -> None:
    world = World.build(parts, now)
    caller = member(parts, "inside_sales", "甲", now)
    person = world.person()
    task(world, person, NOW - timedelta(days=9), assignee_id=caller)
    world.run("update tasks set kind = 'call'")
    world.run("update people set do_not_call = true")
    assert escalate.run(parts, now=NOW) == 0
    world.run("update people set do_not_call = false")
    assert escalate.run(parts, now=NOW) == 1


def test_a_call_to_whom_sales_look_after_is_nobodys_fault(parts: Parts, now: datetime) -> None:
    world = World.build(parts, now)
    caller = member(parts, "inside_sales", "甲", now)
    people = [world.person(), world.person()]
    for person, state in zip(people, ("with_sales", "nurturing"), strict=True):
        world.run(
            "insert into product_leads (person_id, product_id, state, created_at) values (:p, :q, :s, :now)",
            p=person, q=world.press_id, s=state, now=now,
        )  # fmt: skip
        task(world, person, NOW - timedelta(days=2), assignee_id=caller)
    world.run("update tasks set kind = 'call'")
    assert escalate.run(parts, now=NOW) == 1
    assert [
        row.person_id for row in world.rows("select person_id from tasks where reminded_at is not null")
    ] == [people[1]]
