"""What has changed while a number waits for the gateway, or for a service's word."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from campaigns.parts import Parts
from campaigns.services import aim_fax, import_fax_results, mark_faxes, send_faxes
from campaigns.services.aim_fax import Wanted
from campaigns.storage import fax_results, lead_facts
from tests.services.paper import text_of
from tests.services.test_faxes import (
    _mail,
    company_of,
    document,
    items,
    person,
    results,
    start,
    states,
    turn_on,
)
from tests.services.world import World


@pytest.fixture
def world(parts: Parts, now: datetime) -> World:
    return World.build(parts, now)


def lead(world: World, person_id: int, **changed: str) -> None:
    """The person is a lead for the press, which their fax task belongs to."""
    world.run(
        "insert into product_leads (person_id, product_id, rank, state, created_at)"
        " values (:p, :q, :rank, :state, :now)",
        p=person_id, q=world.press_id, now=world.now, **{"rank": "warm", "state": "nurturing", **changed},
    )  # fmt: skip
    world.run(
        "update tasks t set lead_id = l.id from product_leads l where l.person_id = t.person_id and t.person_id = :p",
        p=person_id,
    )


CHANGES = [
    "update product_leads set rank = 'declined'",
    "update product_leads set refused_until = '2030-01-01 00:00Z'",
    *(
        f"update product_leads set state = '{state}'"
        for state in ("paused", "excluded", "with_sales", "opportunity", "won")
    ),
    "update tasks set state = 'cancelled', outcome = 'declined' where kind = 'fax'",
]


@pytest.mark.parametrize("change", CHANGES)
def test_who_says_no_or_goes_over_to_sales_while_the_number_waits_gets_none(
    world: World, now: datetime, change: str
) -> None:
    turn_on(world)
    one = person(world, "03-1111-1111")
    lead(world, one)
    batch_id = start(world, way="gateway")
    world.run(change)
    assert send_faxes.run(world.parts, now=now) == 0
    assert [(item.state, item.stopped_for) for item in items(world, batch_id)] == [("stopped", "excluded")]


@pytest.mark.parametrize("state", ["with_sales", "paused"])
def test_what_the_customer_asked_for_goes_whoever_looks_after_the_lead(
    world: World, now: datetime, state: str
) -> None:
    turn_on(world)
    lead(world, person(world, "03-1111-1111"), state=state)
    world.run("update tasks set cause = 'material_asked'")
    start(world, way="gateway")
    assert send_faxes.run(world.parts, now=now) == 1


@pytest.mark.parametrize("change", ["excluded_reason = 'left'", "do_not_fax = true"])
def test_of_several_behind_a_number_who_may_get_none_is_neither_named_nor_told_of(
    world: World, now: datetime, change: str
) -> None:
    turn_on(world)
    gone = person(world, "03-1111-1111", name="山田 一")
    other = person(world, "03-1111-1111", name="佐藤 二", company=company_of(world, gone))
    batch_id = start(world, way="gateway")
    world.run(f"update people set {change} where id = :p", p=gone)
    assert send_faxes.run(world.parts, now=now) == 1
    (item,) = items(world, batch_id)
    assert (item.names, item.person_ids) == (("佐藤 二",), (other,))
    (file,) = _mail(world, item).iter_attachments()
    told = text_of(file.get_content())
    assert "佐藤 二様" in told
    assert "山田" not in told
    world.run("update deliveries set state = 'sent', sent_at = :now", now=now)
    mark_faxes.run(world.parts, now=now)
    assert [row.person_id for row in world.rows("select person_id from touchpoints")] == [other]
    assert states(world, gone) == [("open", "")]


def test_who_has_said_no_since_is_not_tried_once_more(world: World, now: datetime) -> None:
    one, other = person(world, "03-1111-1111"), person(world, "03-2222-2222")
    lead(world, one)
    batch_id = start(world)
    results(world, batch_id, "話中", "話中", now=now)
    world.run("update product_leads set rank = 'declined'")
    again = send_faxes.retry(world.parts, batch_id, user_id=None, now=now)
    assert [item.person_ids for item in items(world, again)] == [(other,)]


def test_a_lead_that_rests_gets_no_fax_with_its_rank(world: World, now: datetime) -> None:
    one = world.person(fax=True)
    lead(world, one)
    aimed = Wanted(document(world), world.press_id, ("warm",))
    assert aim_fax.run(world.parts, aimed, now=now).numbers == 1
    world.run("update product_leads set state = 'paused'")
    assert aim_fax.run(world.parts, aimed, now=now).numbers == 0


def test_a_fax_that_never_arrived_keeps_nobody_from_the_next(world: World, now: datetime) -> None:
    one = person(world, "03-1111-1111")
    lead(world, one)
    batch_id = start(world)
    mark_faxes.confirm(world.parts, batch_id, user_id=world.owner_id, now=now)
    found = world.lead(one).id
    with world.parts.engine.connect() as tx:
        assert lead_facts.of(tx, [found])[found].last_fax_at == now
    results(world, batch_id, "話中", now=now)
    with world.parts.engine.connect() as tx:
        assert lead_facts.of(tx, [found])[found].last_fax_at is None


@pytest.mark.parametrize("change", ["update people set do_not_fax = true", *CHANGES[:-1]])
def test_what_did_not_arrive_is_not_to_be_done_again_for_who_may_get_none(
    world: World, now: datetime, change: str
) -> None:
    one = person(world, "03-1111-1111")
    lead(world, one)
    task = world.tasks(one)[0].id
    world.run("update tasks set state = 'done', outcome = 'sent'")
    world.run(change)
    with world.parts.engine.begin() as tx:
        fax_results.reopen_tasks(tx, [task], now=now)
    assert states(world, one) == [("done", "sent")]


def test_two_faxes_of_a_lead_that_both_failed_are_one_to_be_done_again(world: World, now: datetime) -> None:
    one = person(world, "03-1111-1111")
    lead(world, one)
    first = start(world)
    mark_faxes.confirm(world.parts, first, user_id=world.owner_id, now=now)
    later = now + timedelta(days=100)
    world.run(
        "insert into tasks (kind, person_id, product_id, lead_id, state, due_at, created_at)"
        " select kind, person_id, product_id, lead_id, 'open', due_at, created_at from tasks"
    )
    second = start(world, now=later)
    mark_faxes.confirm(world.parts, second, user_id=world.owner_id, now=later)
    fax = [task for task in world.tasks(one) if task.kind == "fax"]
    assert [task.state for task in fax] == ["done", "done"]
    lines = [f"{items(world, batch)[0].id},話中" for batch in (first, second)]
    import_fax_results.run(world.parts, "\n".join(["管理番号,結果", *lines]), user_id=None, now=later)
    assert sorted(state for state, _outcome in states(world, one)) == ["done", "open"]
