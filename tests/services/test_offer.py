"""A lead is handed over by hand: with the gate's word, with a reason against it, never to whom nobody may sell."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, timedelta

import pytest

from campaigns.parts import Parts
from campaigns.rules.outcomes import CallResult
from campaigns.services import (
    chase_hand_offs,
    hand_over,
    offer,
    pause_lead,
    record_call,
    rerank,
    sales_word,
    start_call,
)
from campaigns.services.hand_over import OutOfBounds
from campaigns.services.offer import OfferError
from campaigns.services.pause_lead import PauseError
from tests.conftest import NOW
from tests.services.test_hand_over import hand_off, offered, steps, user
from tests.services.world import World


@pytest.fixture
def world(parts: Parts) -> World:
    return World.build(parts, NOW)


def reader(world: World) -> int:
    """Somebody who has read pages, and is no hot lead."""
    person = world.person(touches=[("web_view", 3), ("doc_request", 2)])
    rerank.people(world.parts, [person], now=NOW)
    assert world.lead(person).rank != "hot"
    return person


def offer_it(world: World, person: int, words: str = "社長から直接ご相談", rep: int | None = None) -> None:
    offer.run(
        world.parts,
        person,
        world.press_id,
        words=words,
        rep_user_id=rep,
        user_id=world.owner_id,
        now=NOW,
    )


def test_a_lead_that_the_gate_would_not_let_through_is_offered_with_a_reason(world: World) -> None:
    person, rep = reader(world), user(world, "field_sales")
    seen = offer.look(world.parts, person, world.press_id, now=NOW)
    assert seen is not None
    assert (seen.verdict, seen.needs_words, seen.barred) == ("not_hot", True, "")
    with pytest.raises(OfferError, match="words"):
        offer_it(world, person, words=" ")
    assert world.rows("select 1 from hand_offs") == []
    offer_it(world, person, rep=rep)
    row = hand_off(world, person)
    assert (row.state, row.rep_user_id, row.by_user_id, row.by_words) == (
        "offered",
        rep,
        world.owner_id,
        "社長から直接ご相談",
    )
    assert row.due_at.astimezone(world.parts.settings.tz).date() == date(2026, 11, 27)
    assert (world.lead(person).state, steps(world, person)) == ("offered", ["handed_over"])
    chase_hand_offs.run(world.parts, now=NOW)
    assert [
        one.user_id for one in world.rows("select user_id from alerts where kind = 'hand_off_offered'")
    ] == [rep]


def test_an_offer_by_hand_uses_a_place_of_the_week_and_counts_for_the_bands(world: World) -> None:
    offer_it(world, reader(world))
    shown = sales_word.gates(world.parts, [world.press_id], now=NOW)[world.press_id]
    assert shown.team.handed_this_week == 1
    assert [one for one in hand_off(world, world.rows("select id from people")[0].id).reasons
            if one["code"] == "at_hand_off"]  # fmt: skip


def test_without_a_place_the_gate_says_so_and_a_reason_is_asked_for(world: World) -> None:
    sales_word.set_team(
        world.parts, world.press_id, appetite="normal", capacity="0", user_id=world.owner_id, now=NOW
    )
    world.run("update products set gate = 0.01")
    person = world.person(touches=[("booth_talk_prospect", 1), ("doc_request", 1)])
    rerank.people(world.parts, [person], now=NOW)
    world.run("update product_leads set p_win = 0.5")
    seen = offer.look(world.parts, person, world.press_id, now=NOW)
    assert seen is not None
    assert (seen.one.hand_off, seen.verdict) == ("held", "no_capacity")
    offer_it(world, person)
    assert [row.state for row in world.rows("select state from hand_offs")] == ["offered"]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ("update people set excluded_reason = 'competitor'", "excluded"),
        ("update people set merged_into = id", "merged"),
        ("update product_leads set refused_until = now() + interval '90 days'", "declined"),
        ("update people set do_not_call = true, address_id = null", "out_of_reach"),
    ],
)
def test_nobody_is_offered_whom_nobody_may_sell_to(world: World, change: str, code: str) -> None:
    person = reader(world)
    world.run(change)
    with pytest.raises(OutOfBounds, match=code):
        offer_it(world, person)
    seen = offer.look(world.parts, person, world.press_id, now=NOW)
    assert seen is not None
    assert seen.barred == code
    assert world.rows("select 1 from hand_offs") == []
    assert steps(world, person) == []


def test_who_is_with_sales_has_bought_or_rests_is_not_offered(world: World) -> None:
    person, id = offered(world)
    with pytest.raises(OfferError, match="offered"):
        offer_it(world, person)
    hand_over.accept(world.parts, id, user_id=world.owner_id, now=NOW)
    with pytest.raises(OfferError, match="accepted"):
        offer_it(world, person)
    for state in ("won", "waiting", "paused"):
        other = reader(world)
        world.run("update product_leads set state = :s where person_id = :p", s=state, p=other)
        with pytest.raises(OfferError, match=state):
            offer_it(world, other)
    assert len(world.rows("select 1 from hand_offs")) == 1


def test_nobody_is_offered_for_a_product_that_has_ended(world: World) -> None:
    person = reader(world)
    world.run("update products set is_active = false")
    with pytest.raises(OfferError, match="product_off"):
        offer_it(world, person)
    assert world.rows("select 1 from hand_offs") == []


def test_two_at_once_make_one_offer(world: World) -> None:
    person = reader(world)

    def one(_: int) -> str:
        try:
            offer_it(world, person)
        except OfferError as error:
            return error.code
        return "made"

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(one, range(4))) == ["made", "offered", "offered", "offered"]
    assert len(world.rows("select 1 from hand_offs")) == 1


def pause(world: World, person: int, until: date | None, reason: str = "ご本人の希望") -> None:
    pause_lead.run(
        world.parts, world.lead(person).id, until=until, reason=reason, user_id=world.owner_id, now=NOW
    )


def test_a_pause_takes_back_what_is_open_and_ends_on_its_day(world: World) -> None:
    person, id = offered(world)
    pause(world, person, date(2026, 12, 1))
    assert world.lead(person).state == "paused"
    assert hand_off(world, person).state == "withdrawn"
    assert not [one for one in world.tasks(person) if one.state == "open"]
    rerank.people(world.parts, [person], now=NOW)
    assert not [one for one in world.tasks(person) if one.state == "open"]
    assert pause_lead.due(world.parts, now=NOW + timedelta(days=6)) == 0
    later = NOW + timedelta(days=8)
    assert (pause_lead.due(world.parts, now=later), pause_lead.due(world.parts, now=later)) == (1, 0)
    lead = world.lead(person)
    assert (lead.state, lead.paused_until, lead.pause_reason) == ("offered", None, "")
    assert hand_off(world, person).id > id  # the inquiry still asks for a rep


def test_a_pause_ends_with_its_stage_and_is_not_looked_at_for_ever(world: World) -> None:
    person = reader(world)
    task = start_call.run(world.parts, person, product_id=world.press_id, user_id=world.owner_id, now=NOW)
    version = world.rows("select version from tasks where id = :t", t=task)[0].version
    record_call.record(
        world.parts, task_id=task, version=version, result=CallResult.LEFT, user_id=world.owner_id, now=NOW
    )
    pause(world, person, date(2026, 12, 1))
    world.settle()
    lead = world.lead(person)
    assert (lead.state, lead.paused_until, lead.pause_reason) == ("excluded", None, "")
    assert pause_lead.due(world.parts, now=NOW + timedelta(days=9)) == 0


def test_a_pause_that_cannot_be_ended_holds_up_no_other(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    stuck, free = reader(world), reader(world)
    for person in (stuck, free):
        pause(world, person, date(2026, 12, 1))
    true = pause_lead.resume

    def resume(parts: Parts, lead_id: int, *, user_id: int | None, now: datetime) -> None:
        if lead_id == world.lead(stuck).id:
            raise RuntimeError("stuck")
        true(parts, lead_id, user_id=user_id, now=now)

    monkeypatch.setattr(pause_lead, "resume", resume)
    with pytest.raises(ExceptionGroup, match="could not be ended"):
        pause_lead.due(world.parts, now=NOW + timedelta(days=9))
    assert (world.lead(stuck).state, world.lead(free).state == "paused") == ("paused", False)


def test_a_request_by_the_customer_ends_a_pause_at_once(world: World) -> None:
    person = reader(world)
    pause(world, person, date(2027, 3, 1))
    later = NOW + timedelta(days=10)
    World(world.parts, later, world.owner_id, world.press_id, world.pump_id, 500).touch(
        person, ("inquiry", 0)
    )
    rerank.people(world.parts, [person], now=later)
    lead = world.lead(person)
    assert (lead.state, lead.paused_until) == ("offered", None)
    assert hand_off(world, person).asked_by_customer


@pytest.mark.parametrize(
    ("until", "reason", "wrong"),
    [
        (None, "希望", {"until": "missing"}),
        (date(2026, 11, 24), "希望", {"until": "past"}),
        (date(2206, 1, 1), " ", {"until": "far", "reason": "missing"}),
    ],
)
def test_a_pause_without_end_or_reason_writes_nothing(
    world: World, until: date | None, reason: str, wrong: dict[str, str]
) -> None:
    person = reader(world)
    with pytest.raises(PauseError) as caught:
        pause(world, person, until, reason)
    assert caught.value.errors == wrong
    assert world.lead(person).state != "paused"


def test_what_sales_have_is_not_paused(world: World) -> None:
    person, id = offered(world)
    hand_over.accept(world.parts, id, user_id=world.owner_id, now=NOW)
    with pytest.raises(PauseError) as caught:
        pause(world, person, date(2026, 12, 24))
    assert caught.value.errors == {"state": "with_sales"}
