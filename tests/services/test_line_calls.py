"""The stored lines choose exactly as the rule does, however they are read."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, text

from campaigns.parts import Parts
from campaigns.rules import callorder
from campaigns.rules.callorder import CallLine, Desk, Hour
from campaigns.services import call_desk, line_calls, rerank
from campaigns.storage import call_lines
from campaigns.storage.call_lines import Facts, Wanted
from tests.conftest import NOW
from tests.services.world import World

HOUR = Hour.of(NOW, Desk())
WANTED = Wanted(now=NOW, callbacks_until=NOW + callorder.CALLBACK_LEAD, rested=HOUR.rested, is_open=True)


def instant(*, ahead: int = 0) -> st.SearchStrategy[datetime | None]:
    """Whole minutes around now, so that ties come up."""
    return st.none() | st.integers(-30_000, ahead).map(lambda m: NOW + timedelta(minutes=m))


@st.composite
def facts(draw: st.DrawFn, task_id: int) -> Facts:
    return Facts(
        task_id=task_id,
        person_id=task_id,
        company_id=task_id,
        product_id=1,
        assignee_id=None,
        company_class=draw(st.sampled_from(["A", "B", "E", "-"])),
        rank=draw(st.sampled_from(["hot", "warm", "nurture", "unobserved"])),
        p_win=draw(st.sampled_from([0.0, 0.05, 0.2, 0.2, 0.45])),
        amount=draw(st.sampled_from([None, 100, 1_000, 90_000])),
        median=1_000.0,
        tries=draw(st.integers(0, 3)),
        signal_at=draw(instant(ahead=30)),
        last_at=draw(st.none() | instant()),
        not_before=None,
        promised_at=draw(st.none() | st.none() | instant(ahead=120)),
        inquiry_at=draw(st.none() | st.none() | instant()),
        is_with_sales=draw(st.integers(0, 9)) == 0,
        is_barred=draw(st.integers(0, 9)) == 0,
    )


@st.composite
def lists(draw: st.DrawFn) -> list[Facts]:
    return [draw(facts(task_id)) for task_id in range(1, draw(st.integers(1, 60)) + 1)]


@pytest.fixture
def open_tasks(tx: Connection) -> Connection:
    """A connection with sixty open tasks to which lines may belong."""
    tx.execute(text("truncate people, tasks, call_lines restart identity cascade"))
    tx.execute(
        text(
            "insert into people (full_name, created_at) select 'P' || n, :now from generate_series(1, 60) n"
        ),
        {"now": NOW},
    )
    tx.execute(
        text(
            "insert into tasks (kind, person_id, state, due_at, created_at)"
            " select 'call', id, 'open', :now, :now from people order by id"
        ),
        {"now": NOW},
    )
    return tx


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(found=lists(), n=st.integers(1, 12), turn=st.integers(0, 9))
def test_the_first_lines_by_sql_are_the_first_lines_by_the_rule(
    open_tasks: Connection, monkeypatch: pytest.MonkeyPatch, found: list[Facts], n: int, turn: int
) -> None:
    # A first look at three lines makes even short lists need several.
    monkeypatch.setattr(call_desk, "FIRST_LOOK", 3)
    open_tasks.execute(text("delete from call_lines"))
    line_calls._put(open_tasks, found)
    lines: list[CallLine] = [line_calls.line_of(one) for one in found]
    assert (
        call_desk.ordered(open_tasks, WANTED, n=n, turn=turn)
        == callorder.order(lines, now=NOW, turn=turn)[:n]
    )
    shown = sum(1 for line in lines if callorder.hidden(line, HOUR) is None)
    counts = call_lines.counts(open_tasks, WANTED)
    assert counts.get("", 0) == shown == call_lines.left(open_tasks, WANTED, most=100)
    for reason in ("do_not_call", "with_sales", "callback_later", "tried_lately"):
        assert counts.get(reason, 0) == sum(1 for line in lines if callorder.hidden(line, HOUR) == reason)


@pytest.fixture
def world(parts: Parts) -> World:
    return World.build(parts, NOW)


def line(world: World, person: int) -> object:
    rows = world.rows("select * from call_lines where person_id = :p", p=person)
    return rows[0] if rows else None


def test_a_new_rank_moves_the_line_in_the_same_transaction(world: World) -> None:
    person = world.person(touches=[("booth_talk_prospect", 5), ("doc_request", 3)])
    rerank.people(world.parts, [person], now=NOW)
    before = line(world, person)
    assert before is not None
    world.touch(person, ("inquiry", 0))
    rerank.people(world.parts, [person], now=NOW)
    after = line(world, person)
    assert (before.lane, after.lane) == ("value", "inquiry")  # type: ignore[attr-defined]
    assert after.inquiry_at == NOW  # type: ignore[attr-defined]


def test_amounts_of_deals_and_budgets_weigh_against_the_median(world: World) -> None:
    people = [world.person(touches=[("booth_talk_prospect", 5), ("doc_request", 3)]) for _ in range(3)]
    rerank.people(world.parts, people, now=NOW)
    for person, amount in zip(people, (4_000_000, 1_000_000, 1_000_000), strict=True):
        world.run(
            "insert into opportunities (product_id, lead_id, company_id, name, amount_yen, created_at)"
            " select product_id, id, null, '案件', :amount, :now from product_leads where person_id = :p"
            " and :amount > 1000000",
            p=person,
            amount=amount,
            now=NOW,
        )
    world.run("update products set expected_amount_yen = 0")
    world.run(
        "insert into catalogues (company_id, budget_min_yen, budget_max_yen, touched_at, created_at)"
        " select company_id, 1000000, 3000000, :now, :now from affiliations where person_id = :p"
        " on conflict (company_id) do update set budget_min_yen = 1000000, budget_max_yen = 3000000",
        p=people[1],
        now=NOW,
    )
    line_calls.everything(world.parts, now=NOW)
    found = [line(world, person).value for person in people]  # type: ignore[attr-defined]
    assert found == [1.0, 0.5, 1.0]


def test_the_minutes_look_drops_what_has_ended_and_hears_of_new_owners(world: World) -> None:
    one, two = (world.person(touches=[("booth_talk_prospect", 5), ("doc_request", 3)]) for _ in range(2))
    rerank.people(world.parts, [one, two], now=NOW)
    world.run("update tasks set state = 'cancelled' where person_id = :p", p=one)
    world.run("update tasks set assignee_id = :u where person_id = :p", p=two, u=world.owner_id)
    line_calls.tidy(world.parts, now=NOW)
    assert line(world, one) is None
    assert line(world, two).assignee_id == world.owner_id  # type: ignore[attr-defined]
