"""What somebody ticked on a sheet and sent back: a touch, a task a box, and the number that wants no more."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime

import pytest
from sqlalchemy import Connection

from campaigns.parts import Parts
from campaigns.services import mark_faxes, refuse_fax, reply_fax, rerank
from campaigns.services.reply_fax import ReplyError
from campaigns.storage import fax_results
from tests.services.test_assign import member
from tests.services.test_faxes import items, person, start, states
from tests.services.world import World


@pytest.fixture
def world(parts: Parts, now: datetime) -> World:
    return World.build(parts, now)


def reply(world: World, item: int, who: int, *wishes: str, stops: bool = False) -> reply_fax.Replied:
    return reply_fax.run(
        world.parts,
        item,
        person_id=who,
        wishes=wishes,
        stops=stops,
        user_id=world.owner_id,
        now=world.now,
    )


def follow_ups(world: World, who: int) -> dict[str, tuple[str, date]]:
    zone = world.parts.settings.tz
    return {
        task.kind: (task.cause, task.due_at.astimezone(zone).date())
        for task in world.tasks(who)
        if task.state == "open"
    }


def test_a_reply_is_a_request_and_each_box_an_action(world: World) -> None:
    one = person(world, "03-1111-1111")
    (item,) = items(world, start(world))
    assert reply(world, item.id, one, "material", "call", "visit", "mail").kinds == ("mail", "call", "visit")
    assert follow_ups(world, one) == {
        "mail": ("material_asked", date(2026, 11, 24)),
        "call": ("fax_reply", date(2026, 11, 25)),
        "visit": ("fax_reply", date(2026, 11, 25)),
    }
    kinds = [row.kind for row in world.rows("select kind from touchpoints order by kind")]
    assert kinds == ["doc_request", "fax_sent"], "whoever replies has got it"
    assert states(world, one)[1] == ("done", "sent")
    assert world.rows("select company_id is not null as known from tasks where kind = 'visit'")[0].known
    assert [one.has_reply for one in items(world, item.batch_id)] == [True]


def test_the_same_reply_twice_is_one_touch_and_asks_nothing_twice(world: World) -> None:
    one = person(world, "03-1111-1111")
    (item,) = items(world, start(world))
    for _ in range(2):
        reply(world, item.id, one, "call")
    assert list(follow_ups(world, one)) == ["call"]
    assert world.rows("select count(*) as n from touchpoints where kind = 'doc_request'")[0].n == 1
    assert world.rows("select count(*) as n from tasks where kind = 'call'")[0].n == 1


def test_whom_nobody_may_call_is_looked_at_first_and_who_has_no_mailbox_gets_it_by_fax(world: World) -> None:
    one = person(world, "03-1111-1111", do_not_call=True)
    world.run("update people set address_id = null where id = :p", p=one)
    (item,) = items(world, start(world))
    assert reply(world, item.id, one, "material", "call").kinds == ("fax", "check")


def test_the_stop_box_binds_the_number_and_asks_nothing(world: World) -> None:
    one = person(world, "03-1111-1111")
    (item,) = items(world, start(world))
    assert reply(world, item.id, one, stops=True).has_stopped
    assert [row.number for row in world.rows("select number from fax_refusals")] == ["0311111111"]
    assert follow_ups(world, one) == {}
    assert not world.rows("select 1 from touchpoints where kind = 'doc_request'")


def test_a_reply_without_a_box_or_by_a_stranger_writes_nothing(world: World) -> None:
    one, stranger = person(world, "03-1111-1111"), world.person()
    (item,) = items(world, start(world))
    with pytest.raises(ReplyError, match="nothing"):
        reply(world, item.id, one)
    with pytest.raises(ReplyError, match="who"):
        reply(world, item.id, stranger, "call")
    with pytest.raises(LookupError):
        reply(world, 10**9, one, "call")
    assert not world.rows("select 1 from touchpoints")
    assert states(world, one) == [("open", "")]


@pytest.mark.parametrize(
    ("change", "wishes", "kinds"),
    [
        ("excluded_reason = 'competitor'", ("material", "call", "visit"), ("check",)),
        ("do_not_fax = true, address_id = null", ("material", "visit"), ("check", "visit")),
        ("fax_invalid = true, address_id = null", ("mail",), ("check",)),
    ],
)
def test_nobody_is_asked_to_do_what_nobody_may(
    world: World, change: str, wishes: tuple[str, ...], kinds: tuple[str, ...]
) -> None:
    one = person(world, "03-1111-1111")
    (item,) = items(world, start(world))
    world.run(f"update people set {change}")
    assert reply(world, item.id, one, *wishes).kinds == kinds


def test_a_wish_for_material_is_not_lost_with_the_number_that_refuses(world: World) -> None:
    one = person(world, "03-1111-1111")
    world.run("update people set address_id = null")
    (item,) = items(world, start(world))
    assert reply(world, item.id, one, "material", stops=True).kinds == ("check",)
    assert list(follow_ups(world, one)) == ["check"]
    two = person(world, "03-2222-2222")
    world.run("update people set address_id = null")
    item = next(item for item in items(world, start(world)) if item.number == "0322222222")
    refuse_fax.run(world.parts, "03-2222-2222", evidence="電話", user_id=None, now=world.now)
    assert reply(world, item.id, two, "material").kinds == ("check",)


@pytest.mark.parametrize("state", ["with_sales", "opportunity"])
def test_a_wish_of_whom_sales_look_after_is_their_reps(world: World, state: str) -> None:
    one = person(world, "03-1111-1111")
    rep = member(world.parts, "field_sales", "担当", world.now)
    member(world.parts, "field_sales", "別の担当", world.now)
    caller = member(world.parts, "inside_sales", "架電", world.now)
    (item,) = items(world, start(world))
    values = {"p": one, "q": world.press_id, "s": state, "rep": rep, "now": world.now}
    world.run(
        "with l as (insert into product_leads (person_id, product_id, state, created_at)"
        " values (:p, :q, :s, :now) returning id, product_id),"
        " h as (insert into hand_offs (lead_id, product_id, state, rep_user_id, p_win, bar, created_at)"
        "       select id, product_id, 'accepted', :rep, 0, 0, :now from l where :s = 'with_sales')"
        " insert into opportunities (lead_id, product_id, name, owner_user_id, created_at)"
        " select id, product_id, '更新', :rep, :now from l where :s = 'opportunity'",
        **values,
    )
    assert reply(world, item.id, one, "call", "visit", "mail").kinds == ("check", "visit", "mail")
    found = {task.kind: (task.team, task.assignee_id) for task in world.tasks(one) if task.state == "open"}
    assert found == {"check": ("field", rep), "visit": ("field", rep), "mail": ("inside", caller)}


def test_a_reply_and_a_list_marked_as_sent_never_cross(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    one = person(world, "03-1111-1111")
    world.touch(one, ("web_view", 1))
    rerank.people(world.parts, [one], now=world.now)
    batch = start(world)
    (item,) = items(world, batch)
    lock, locked = fax_results.lock_leads, threading.Event()

    def slowly(tx: Connection, person_ids: Sequence[int]) -> None:
        """The first has its locks long before it goes on."""
        is_first = not locked.is_set()
        locked.set()
        lock(tx, person_ids)
        if is_first:
            time.sleep(0.3)

    monkeypatch.setattr(fax_results, "lock_leads", slowly)
    with ThreadPoolExecutor(2) as pool:
        replied = pool.submit(reply, world, item.id, one, "call")
        assert locked.wait(10)
        sent = pool.submit(mark_faxes.confirm, world.parts, batch, user_id=world.owner_id, now=world.now)
        assert replied.result(10).kinds == ("call",)
        assert sent.result(10) == 0, "whoever replies has got it"
    assert world.rows("select count(*) as n from touchpoints where kind = 'fax_sent'")[0].n == 1
