"""Four planners at once, killed at random, come to the very result of one that nobody disturbs."""

from __future__ import annotations

import os
import random
import signal
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import count
from multiprocessing import get_context

from sqlalchemy import event, text

from campaigns import parts as composition
from campaigns.parts import Parts
from campaigns.services import enrol, plan, self_audit
from campaigns.settings import Settings
from campaigns.storage import tables
from tests import world

MORNING = datetime(2026, 11, 19, 21, 1, tzinfo=UTC)  # 06:01 of 20 November in Tokyo
PEOPLE = 400
PLANNERS = 4
ROUNDS = 2


def planner(settings: Settings, death: int | None) -> None:
    """A worker that plans in small batches until nobody is due, or is killed after so many statements."""
    plan.BATCH = 10
    parts = composition.build(settings)
    statements = count(1)

    @event.listens_for(parts.engine, "after_cursor_execute")
    def die(*_: object) -> None:
        if next(statements) == death:
            os.kill(os.getpid(), signal.SIGKILL)

    while plan.run(parts, now=MORNING).people:
        pass


def fill(parts: Parts) -> None:
    """Three products want everybody; every tenth mailbox belongs to two people, every ninth person refused one."""
    with parts.engine.begin() as tx:
        products = [world.product(tx, f"商材 {n}", list_key=f"p{n}", priority=n) for n in (1, 2, 3)]
        numbers = [world.scenario(tx, product)[0] for product in products]
        world.people(tx, parts, PEOPLE, product=products[0])
        for query in (
            "insert into product_leads (person_id, product_id, state, created_at)"
            " select p.id, r.id, 'nurturing', :now from people p, products r where r.id > :first",
            "update product_leads set rank = (array['warm', 'nurture', 'unobserved'])[1 + (person_id * 7 + product_id) % 3]",
            "update people set address_id = (select address_id from people o where o.id = people.id - 1)"
            " where id % 10 = 0",
            "insert into suppressions (key_hash, address_id, scope, product_id, reason, at)"
            " select key_hash, id, 'product', :first, 'user_link', :now from addresses where id % 9 = 0",
        ):
            names = {
                name: value
                for name, value in (("now", MORNING), ("first", products[0]))
                if f":{name}" in query
            }
            tx.execute(text(query), names)
    for number in numbers:
        enrol.audience(parts, number, now=MORNING)


def result(parts: Parts) -> dict[str, list[tuple[object, ...]]]:
    """All that planning wrote, without the ids that depend on the order."""
    queries = {
        "deliveries": "select origin, person_id, address_id, state, reason, month, send_at, published_mail_id"
        " from deliveries order by origin",
        "slots": "select s.person_id, s.address_id, s.month, s.slot_no, d.origin from mail_slots s"
        " join deliveries d on d.id = s.delivery_id order by d.origin",
        "pace": "select person_id, plan_at, next_free_on, held from pace order by person_id",
        "enrollments": "select id, position, due_month, entered_on, status from enrollments order by id",
        "addresses": "select id, next_free_on from addresses order by id",
    }
    with parts.engine.connect() as tx:
        return {name: [tuple(row) for row in tx.execute(text(query))] for name, query in queries.items()}


def empty(parts: Parts) -> None:
    names = ", ".join(f'"{table.name}"' for table in tables.metadata.sorted_tables if table.name not in KEPT)
    with parts.engine.begin() as tx:
        tx.execute(text(f"truncate {names} restart identity cascade"))


KEPT = ("clock", "stops", "house")  # a row each from the migration


def crew(parts: Parts, deaths: Sequence[int | None]) -> list[int | None]:
    """Planners at once, each killed after its number of statements; their exit codes."""
    context = get_context("spawn")
    planners = [
        context.Process(target=planner, args=(parts.settings, death), daemon=True) for death in deaths
    ]
    for one in planners:
        one.start()
    for one in planners:
        one.join(60)
    return [one.exitcode for one in planners]


def due(parts: Parts) -> int:
    with parts.engine.connect() as tx:
        return int(tx.execute(text("select count(*) from pace where plan_at <= '2026-11-20'")).scalar_one())


def test_killed_planners_forget_nobody_break_no_cap_and_come_to_one_planners_result(parts: Parts) -> None:
    dice = random.Random(7)
    fill(parts)
    for _ in range(ROUNDS):
        # After 18 statements of preparing come 13 a batch: reading, each of the writes, before the commit.
        assert crew(parts, [dice.randint(12, 60) for _ in range(PLANNERS)]) == [-signal.SIGKILL] * PLANNERS
    assert 0 < due(parts) < PEOPLE, "they were killed in the middle of the work"
    for _ in range(ROUNDS):
        if due(
            parts
        ):  # a planner that finds only people whom another has in hand leaves them to the next minute
            assert crew(parts, [None] * PLANNERS) == [0] * PLANNERS
    assert due(parts) == 0
    assert self_audit.run(parts, now=MORNING).is_sound
    found = result(parts)
    empty(parts)
    fill(parts)
    while plan.run(parts, now=MORNING).people:
        pass
    alone = result(parts)
    for name, lines in alone.items():
        assert found[name] == lines, name
    assert len(alone["deliveries"]) >= PEOPLE * 0.9, "of two at a mailbox one waits"
