"""What came of each action, in a house small enough to know every answer by heart."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta

import pytest
from sqlalchemy import insert

from campaigns.parts import Parts
from campaigns.rules.appointments import Next, Result
from campaigns.rules.reports import Period
from campaigns.services import report_visit, show_report
from campaigns.services.show_report import Asked, Number
from campaigns.storage import tables as t
from tests.conftest import NOW
from tests.services.world import World


@pytest.fixture
def world(parts: Parts) -> World:
    return World.build(parts, NOW)


def day(ago: float) -> datetime:
    return NOW - timedelta(days=ago)


def put(world: World, table: object, **values: object) -> int:
    with world.parts.engine.begin() as tx:
        return int(tx.execute(insert(table).values(**values).returning(table.c.id)).scalar_one())  # type: ignore[attr-defined,arg-type]


def lead(world: World, person: int, product: int) -> int:
    return put(world, t.product_leads, person_id=person, product_id=product, rank="warm", created_at=day(200))


def task(world: World, kind: str, lead_id: int, *, ago: float | None = None, outcome: str = "sent") -> int:
    """ago: done so many days ago; None for one that is open."""
    [one] = world.rows("select person_id, product_id from product_leads where id = :l", l=lead_id)
    ended = {} if ago is None else {"state": "done", "outcome": outcome, "done_at": day(ago)}
    return put(
        world, t.tasks, kind=kind, person_id=one.person_id, product_id=one.product_id, lead_id=lead_id,
        due_at=day(ago or 0), created_at=day(100), **ended,
    )  # fmt: skip


def visit(
    world: World, lead_id: int, *, ago: float, made: float, result: Result, task_id: int | None = None
) -> int:
    """An appointment `made` so many days ago for `ago` days ago, reported the day after."""
    [one] = world.rows("select person_id, product_id from product_leads where id = :l", l=lead_id)
    id = put(
        world, t.appointments, person_id=one.person_id, product_id=one.product_id, lead_id=lead_id, task_id=task_id,
        starts_at=day(ago), ends_at=day(ago - 0.04), uid=f"u{world.count}-{ago}-{lead_id}", created_at=day(made),
    )  # fmt: skip
    report_visit.run(
        world.parts, id, version=1, result=result, note="", next=Next.NONE, user_id=world.owner_id, now=day(ago - 1)
    )  # fmt: skip
    return id


def order(world: World, lead_id: int, *, ago: float) -> None:
    [one] = world.rows("select product_id from product_leads where id = :l", l=lead_id)
    company = world.rows(
        "select f.company_id from affiliations f join product_leads l using (person_id) where l.id = :l",
        l=lead_id,
    )
    put(
        world, t.opportunities, company_id=company[0].company_id, product_id=one.product_id, lead_id=lead_id,
        result="won", stage="won", closed_at=day(ago), created_at=day(ago),
    )  # fmt: skip


def figures(world: World, product: int = 0) -> dict[str, dict[str, int]]:
    told = show_report.read(world.parts, "actions", Asked(Period.ALL, product), now=NOW)
    summed: dict[str, Counter[str]] = show_report.add_up(told.rows, lambda row: row.kind)
    return {kind: {name: n for name, n in one.items() if n} for kind, one in summed.items()}


def behind(world: World, measure: str, kind: str) -> int:
    number = Number("actions", measure, Asked(Period.ALL), {"kind": kind})
    return int(show_report.lines(world.parts, number, now=NOW, limit=10, offset=0)[1] or 0)


def test_a_visit_counts_once_and_met_somebody_unless_nobody_was_there(world: World) -> None:
    press = lead(world, world.person(), world.press_id)
    visit(world, press, ago=20, made=30, result=Result.TALKED, task_id=task(world, "visit", press))
    visit(world, lead(world, world.person(), world.press_id), ago=18, made=30, result=Result.ABSENT)
    task(world, "visit", lead(world, world.person(), world.press_id), ago=15, outcome="visited")
    assert figures(world) == {"visit": {"done": 3, "connected": 1}}
    assert (behind(world, "done", "visit"), behind(world, "connected", "visit")) == (3, 1)


def test_the_next_visit_is_a_result_of_this_one_but_itself_is_not(world: World) -> None:
    press = lead(world, world.person(), world.press_id)
    visit(world, press, ago=40, made=39, result=Result.INTEREST)  # entered afterwards
    assert figures(world)["visit"] == {"done": 1, "connected": 1}
    visit(world, press, ago=10, made=35, result=Result.QUOTE)
    assert figures(world)["visit"] == {"done": 2, "connected": 2, "met": 1}


def test_a_call_has_no_part_in_a_visit_about_another_product(world: World) -> None:
    person = world.person()
    press, pump = lead(world, person, world.press_id), lead(world, person, world.pump_id)
    put(
        world, t.call_attempts, task_id=task(world, "call", press, ago=30), person_id=person, at=day(30),
        result="talked",
    )  # fmt: skip
    visit(world, pump, ago=5, made=28, result=Result.TALKED)
    assert figures(world)["call"] == {"done": 1, "connected": 1}
    assert "call" not in figures(world, world.pump_id)
    visit(world, press, ago=4, made=28, result=Result.TALKED)
    assert figures(world)["call"] == {"done": 1, "connected": 1, "met": 1}


def test_a_fax_to_a_list_by_ranks_counts_for_everybody_it_reached(world: World) -> None:
    reached, called_back, lost = (world.person() for _ in range(3))
    leads = {person: lead(world, person, world.press_id) for person in (reached, called_back, lost)}
    for person in leads:
        put(
            world, t.touchpoints, source_key=f"fax:1:{person}", person_id=person, product_id=world.press_id,
            kind="fax_sent", channel="offline", depth=1, at=day(12), validity=0.0 if person == lost else 1.0,
            created_at=day(12),
        )  # fmt: skip
    world.touch(called_back, ("call_connected", 3))
    order(world, leads[called_back], ago=1)
    done = task(world, "fax", lead(world, world.person(), world.press_id), ago=9)
    [one] = world.rows("select person_id from tasks where id = :t", t=done)
    put(
        world, t.touchpoints, source_key=f"fax:2:{one.person_id}", person_id=one.person_id, kind="fax_sent",
        channel="offline", depth=1, at=day(9), task_id=done, created_at=day(9),
    )  # fmt: skip
    assert figures(world) == {"fax": {"done": 3, "connected": 1, "won": 1}}


def test_an_order_counts_for_what_was_done_before_it_alone(world: World) -> None:
    press = lead(world, world.person(), world.press_id)
    visit(world, press, ago=30, made=40, result=Result.TALKED)
    order(world, press, ago=20)
    task(world, "mail", press, ago=10)
    assert figures(world) == {"visit": {"done": 1, "connected": 1, "won": 1}, "mail": {"done": 1}}
