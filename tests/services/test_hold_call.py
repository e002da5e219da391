"""Twenty callers at one list: every record once, none lost, whoever closes the browser in the middle."""

from __future__ import annotations

import random
import threading
from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import create_engine, insert, text

from campaigns.parts import Parts
from campaigns.rules.outcomes import CallResult
from campaigns.services import hold_call, line_calls, record_call
from campaigns.storage import calls
from campaigns.storage import tables as t
from tests.conftest import NOW
from tests.services.world import World

RECORDS = 1000
CALLERS = 20


@pytest.fixture
def world(parts: Parts) -> World:
    return World.build(parts, NOW)


def users(world: World, n: int) -> list[int]:
    with world.parts.engine.begin() as tx:
        rows = [
            {"email": f"c{i}@maker.example", "name": f"架電 {i}", "role": "inside_sales", "created_at": NOW}
            for i in range(n)
        ]
        return list(tx.execute(insert(t.users).returning(t.users.c.id), rows).scalars())


def fill(world: World, n: int) -> None:
    """n companies, each with a person who is to be called."""
    for statement in (
        "insert into companies (name, core_key, class, created_at)"
        " select 'C' || n, 'C' || n, 'E', :now from generate_series(1, :n) n",
        "insert into people (full_name, tel, created_at) select '試験 ' || n, '03-0000-0000', :now"
        " from generate_series(1, :n) n",
        "insert into affiliations (person_id, company_id) select id, id from people where id <= :n",
        "insert into product_leads (person_id, product_id, state, rank, p_win, created_at)"
        " select id, 1, 'nurturing', 'warm', (id % 97) / 100.0, :now from people where id <= :n",
        "insert into tasks (kind, person_id, company_id, product_id, lead_id, state, cause, due_at, created_at)"
        " select 'call', person_id, person_id, 1, id, 'open', 'warm_deep', :now, :now from product_leads"
        " where id <= :n",
    ):
        with world.parts.engine.begin() as tx:
            values = {"n": n, "now": NOW}
            tx.execute(text(statement), {k: v for k, v in values.items() if f":{k}" in statement})


def test_twenty_callers_get_each_of_a_thousand_records_once_although_some_die(world: World) -> None:
    fill(world, RECORDS)
    line_calls.everything(world.parts, now=NOW)
    callers = users(world, CALLERS)
    # A connection for each: in real use they come through several processes.
    engine = create_engine(world.parts.settings.database_url, pool_size=CALLERS)
    parts = replace(world.parts, engine=engine)
    called: list[int] = []
    left_lying: list[int] = []
    errors: list[BaseException] = []

    def work(user_id: int, *, now_at: timedelta, dies: float) -> None:
        dice = random.Random(user_id)
        try:
            while True:
                now = NOW + now_at
                task = hold_call.next(parts, user_id=user_id, token=f"t{user_id}", now=now)
                if task is None:
                    return
                if dice.random() < dies:
                    left_lying.append(task)  # the browser is closed in the middle of this one
                    return
                with parts.engine.begin() as tx:
                    version = calls.lock(tx, task).version  # type: ignore[union-attr]
                record_call.record(
                    parts,
                    task_id=task,
                    version=version,
                    result=CallResult.TALKED,
                    user_id=user_id,
                    now=now,
                )
                called.append(task)
        except BaseException as error:  # a thread's error would be lost otherwise
            errors.append(error)

    def together(**how: object) -> None:
        threads = [threading.Thread(target=work, args=(user,), kwargs=how) for user in callers]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not errors

    together(now_at=timedelta(), dies=0.05)
    assert left_lying
    assert not set(left_lying) & set(called)
    # Whoever comes back after the lease gets what the dead have left lying.
    together(now_at=hold_call.LEASE_PAGE + timedelta(seconds=1), dies=0.0)
    engine.dispose()
    assert [n for n in Counter(called).values() if n > 1] == []
    assert len(called) == RECORDS
    assert set(left_lying) < set(called)


def test_nobody_gets_a_second_person_of_a_company_that_a_colleague_has_on_the_phone(world: World) -> None:
    fill(world, 4)
    world.run("update affiliations set company_id = 1")
    line_calls.everything(world.parts, now=NOW)
    one, two = users(world, 2)
    first = hold_call.next(world.parts, user_id=one, token="a", now=NOW)
    assert first is not None
    assert hold_call.next(world.parts, user_id=two, token="b", now=NOW) is None
    hold_call.leave(world.parts, first, user_id=one, token="a")
    assert hold_call.next(world.parts, user_id=two, token="b", now=NOW) == first


def test_beats_keep_a_call_and_without_them_it_is_free_again(world: World) -> None:
    fill(world, 1)
    one, two = users(world, 2)
    task = hold_call.next(world.parts, user_id=one, token="a", now=NOW)
    assert task is not None
    beat = NOW + timedelta(seconds=30)
    assert hold_call.beat(world.parts, task, token="a", now=beat)
    soon, late = beat + timedelta(seconds=119), beat + timedelta(seconds=121)
    assert hold_call.next(world.parts, user_id=two, token="b", now=soon) is None
    assert hold_call.next(world.parts, user_id=two, token="b", now=late) == task
    # The browser that slept hears of it at its next beat, and cannot take the call back from under the other.
    assert not hold_call.beat(world.parts, task, token="a", now=late)
    held = hold_call.open(world.parts, task, user_id=one, token="c", now=late)
    assert held is not None
    assert held.user_id == two


def test_a_person_of_no_company_is_held_alone(world: World) -> None:
    fill(world, 2)
    world.run("delete from affiliations")
    line_calls.everything(world.parts, now=NOW)
    one, two = users(world, 2)
    first = hold_call.next(world.parts, user_id=one, token="a", now=NOW)
    second = hold_call.next(world.parts, user_id=two, token="b", now=NOW)
    assert {first, second} == {1, 2}


def test_what_changed_since_the_lines_were_made_is_not_offered(world: World) -> None:
    fill(world, 4)
    line_calls.everything(world.parts, now=NOW)
    (caller,) = users(world, 1)
    world.run("update people set do_not_call = true where id = 4")
    world.run("update product_leads set state = 'with_sales' where id = 3")
    world.run("update tasks set state = 'done' where id = 2")
    assert hold_call.next(world.parts, user_id=caller, token="a", now=NOW) == 1
    assert world.rows("select count(*) as n from call_locks")[0].n == 1


def test_every_fifth_call_goes_to_somebody_nobody_has_observed(world: World) -> None:
    fill(world, 12)
    world.run("update product_leads set rank = 'unobserved' where id > 8")
    line_calls.everything(world.parts, now=NOW)
    (caller,) = users(world, 1)
    ranks = []
    for _ in range(10):
        task = hold_call.next(world.parts, user_id=caller, token="a", now=NOW)
        assert task is not None
        ranks.append(world.rows("select rank from product_leads where id = :t", t=task)[0].rank)
        record_call.record(
            world.parts, task_id=task, version=1, result=CallResult.TALKED, user_id=caller, now=NOW
        )
    assert [n for n, rank in enumerate(ranks, start=1) if rank == "unobserved"] == [5, 10]
