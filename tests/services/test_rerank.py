"""Ranks and what follows from them, on a real database."""

import threading
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event

from campaigns.parts import Parts
from campaigns.services import rerank
from tests.services.world import World


@pytest.fixture
def world(parts: Parts, now: datetime) -> World:
    return World.build(parts, now)


def kinds(world: World, person: int) -> list[str]:
    return [task.kind for task in world.tasks(person) if task.state == "open"]


def test_an_inquiry_makes_a_lead_hot_and_hands_it_over_at_once(world: World) -> None:
    person = world.person(touches=[("badge_scan", 40), ("inquiry", 0)])
    done = rerank.people(world.parts, [person], now=world.now)
    lead = world.lead(person)
    assert (lead.rank, lead.state, done.offered) == ("hot", "offered", 1)
    assert lead.reasons[0]["code"] == "trigger_inquiry"
    [hand_off] = world.rows("select * from hand_offs")
    assert (hand_off.state, hand_off.asked_by_customer) == ("offered", True)
    assert {reason["code"] for reason in hand_off.reasons} >= {"asked", "at_hand_off"}
    assert kinds(world, person) == ["call", "visit"]
    touched = {row.id: row.kind for row in world.rows("select id, kind from touchpoints")}
    assert "inquiry" in {touched[id] for id in world.tasks(person)[0].why}
    [change] = world.rows("select * from rank_changes")
    assert (change.old, change.new, change.reasons) == ("unobserved", "hot", lead.reasons)


def test_a_hot_lead_rings_once_and_writes_to_the_owner(world: World) -> None:
    people = [world.person(touches=[("inquiry", 0)]) for _ in range(25)]
    rerank.people(world.parts, people, now=world.now)
    rerank.people(world.parts, people, now=world.now + timedelta(minutes=1))
    assert len(world.rows("select 1 from alerts where kind = 'hot' and user_id = :u", u=world.owner_id)) == 25
    [mail] = world.rows(
        "select b.*, d.class, d.state from delivery_bodies b join deliveries d on d.id = delivery_id"
    )
    assert (mail.to_address, getattr(mail, "class"), mail.state) == (
        "owner@maker.example",
        "transactional",
        "planned",
    )
    assert "25名" in mail.subject
    assert "ほか5名" in mail.text
    assert "小型プレス" in mail.text


def test_a_second_inquiry_of_a_hot_lead_rings_again(world: World) -> None:
    person = world.person(touches=[("inquiry", 3)])
    rerank.people(world.parts, [person], now=world.now)
    world.touch(person, ("inquiry", 0))
    done = rerank.people(world.parts, [person], now=world.now)
    assert done.alerts == 1


def test_running_twice_changes_nothing(world: World) -> None:
    people = [world.person(touches=[("booth_talk_prospect", 3), ("doc_request", 2)]) for _ in range(3)]
    first = rerank.people(world.parts, people, now=world.now)
    assert first.tasks > 0
    again = rerank.people(world.parts, people, now=world.now)
    assert (again.leads, again.moved, again.tasks, again.offered, again.alerts) == (3, 0, 0, 0, 0)


def test_many_ranks_at_once_make_one_task_and_one_hand_off(world: World) -> None:
    people = [world.person(touches=[("inquiry", 0)]) for _ in range(5)]
    errors: list[BaseException] = []

    def work() -> None:
        try:
            rerank.people(world.parts, people, now=world.now)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert all(kinds(world, person) == ["call", "visit"] for person in people)
    assert len(world.rows("select 1 from hand_offs")) == 5
    assert len(world.rows("select 1 from alerts")) == 5


def test_the_gate_lets_through_as_many_as_sales_can_take_the_best_first(world: World) -> None:
    world.run(
        "insert into sales_team_states (product_id, appetite, capacity_per_week, set_at)"
        " values (:p, 'normal', 1, :now)",
        p=world.press_id,
        now=world.now - timedelta(days=1),
    )
    good = world.person(touches=[("booth_talk_prospect", 1), ("seminar_attend", 1), ("doc_request", 1)])
    eager = [("booth_talk_prospect", 0), ("booth_talk", 0), ("seminar_attend", 0)]
    best = world.person(touches=[*eager, ("doc_request", 0), ("doc_request", 0)])
    rerank.people(world.parts, [good, best], now=world.now)
    states = {row.lead_id: (row.state, row.held_reason) for row in world.rows("select * from hand_offs")}
    assert states[world.lead(best).id] == ("offered", "")
    assert states[world.lead(good).id] == ("held", "no_capacity")
    assert (world.lead(best).state, world.lead(good).state) == ("offered", "hot")
    assert kinds(world, good) == ["call"], "a held lead is called, not visited"

    # Next week there is room again: the held row itself becomes the offer.
    rerank.people(world.parts, [good], now=world.now + timedelta(days=7))
    states = {row.lead_id: row.state for row in world.rows("select * from hand_offs")}
    assert states == {world.lead(best).id: "offered", world.lead(good).id: "offered"}


def test_a_lead_with_sales_is_ranked_and_left_in_peace(world: World) -> None:
    person = world.person(touches=[("inquiry", 0)])
    world.run(
        "insert into product_leads (person_id, product_id, state, created_at) values (:p, :q, 'with_sales', :n)",
        p=person,
        q=world.press_id,
        n=world.now,
    )
    rerank.people(world.parts, [person], now=world.now)
    assert (world.lead(person).rank, world.lead(person).state) == ("hot", "with_sales")
    assert world.tasks(person) == []


def test_touches_of_one_product_do_not_raise_another(world: World) -> None:
    person = world.person(touches=[("inquiry", 0, world.press_id), ("badge_scan", 5, world.pump_id)])
    rerank.people(world.parts, [person], now=world.now)
    assert world.lead(person, world.press_id).rank == "hot"
    assert world.lead(person, world.pump_id).rank == "nurture"


def test_nobody_calls_again_who_has_cooled_down_but_an_agreed_visit_stays(world: World) -> None:
    cold, by_hand = world.person(touches=[("inquiry", 0)]), world.person(touches=[("inquiry", 0)])
    rerank.people(world.parts, [cold, by_hand], now=world.now)
    world.run("update tasks set tries = 1 where kind = 'call'")
    world.run("update tasks set cause = 'by_hand' where person_id = :p", p=by_hand)
    world.run(
        "insert into appointments (task_id, person_id, owner_user_id, starts_at, ends_at, uid, created_at)"
        " select id, person_id, 1, :n, :end, 'v', :n from tasks where kind = 'visit' and person_id = :p",
        n=world.now, end=world.now + timedelta(hours=1), p=cold,
    )  # fmt: skip
    world.run("update touchpoints set kind = 'badge_scan'")
    rerank.people(world.parts, [cold, by_hand], now=world.now)
    assert {world.lead(person).rank for person in (cold, by_hand)} == {"nurture"}
    assert {task.kind: (task.state, task.outcome) for task in world.tasks(cold)} == {
        "call": ("cancelled", "cooled"),
        "visit": ("open", ""),
    }
    assert {task.state for task in world.tasks(by_hand)} == {"open"}


def test_material_by_mail_is_not_sent_to_who_has_cooled_down(world: World) -> None:
    warm = world.person(touches=[("doc_request", 0)])
    rerank.people(world.parts, [warm], now=world.now)
    lead = world.lead(warm)
    world.run(
        "insert into tasks (kind, person_id, lead_id, product_id, cause, due_at, created_at)"
        " values ('mail', :p, :l, :q, 'warm_shallow', :n, :n), ('mail', :p, null, :q, 'by_hand', :n, :n)",
        p=warm, l=lead.id, q=world.press_id, n=world.now,
    )  # fmt: skip
    world.run("update touchpoints set kind = 'badge_scan'")
    rerank.people(world.parts, [warm], now=world.now)
    assert world.lead(warm).rank == "nurture"
    mails = {task.cause: (task.state, task.outcome) for task in world.tasks(warm) if task.kind == "mail"}
    assert mails == {"warm_shallow": ("cancelled", "cooled"), "by_hand": ("open", "")}


def test_a_touch_that_turns_out_a_machines_takes_its_task_back(world: World) -> None:
    person = world.person(touches=[("inquiry", 0)])
    rerank.people(world.parts, [person], now=world.now)
    world.run("update touchpoints set validity = 0, validity_reason = 'scanner:burst'")
    rerank.people(world.parts, [person], now=world.now)
    assert kinds(world, person) == []
    assert {task.outcome for task in world.tasks(person)} == {"retracted"}
    assert world.lead(person).rank == "unobserved"


def test_a_refusal_declines_the_lead_until_it_ends_and_cancels_calls(world: World) -> None:
    person = world.person(touches=[("booth_talk_prospect", 9), ("doc_request", 9), ("call_connected", 9)])
    rerank.people(world.parts, [person], now=world.now)
    assert "call" in kinds(world, person)
    until = world.now + timedelta(days=200)
    world.run("update product_leads set refused_until = :u", u=until)
    world.run(
        "update tasks set state = 'done', outcome = 'refused', done_at = :n where kind = 'call'", n=world.now
    )
    world.run("update tasks set state = 'open' where kind <> 'call'")
    rerank.people(world.parts, [person], now=world.now)
    lead = world.lead(person)
    assert lead.rank == "declined"
    assert lead.next_change_at <= until
    assert kinds(world, person) == []
    rerank.due(world.parts, now=until - timedelta(seconds=1))
    assert world.lead(person).rank == "declined"
    rerank.due(world.parts, now=until + timedelta(minutes=2))
    assert world.lead(person).rank != "declined"


def test_time_alone_moves_a_rank_when_its_hour_has_come(world: World) -> None:
    person = world.person(touches=[("inquiry", 0)])
    rerank.people(world.parts, [person], now=world.now)
    assert rerank.due(world.parts, now=world.now + timedelta(minutes=1)).leads == 0
    rerank.due(world.parts, now=world.now + timedelta(days=30, minutes=2))
    assert world.lead(person).rank == "nurture"
    rerank.due(world.parts, now=world.now + timedelta(days=370))
    assert world.lead(person).rank == "unobserved"
    assert [row.new for row in world.rows("select new from rank_changes order by id")][-1] == "unobserved"


def test_the_night_finds_the_top_tenth_and_gives_it_a_fax_and_a_call(world: World) -> None:
    touches = [
        ("badge_scan", 60),
        ("mail_click", 5),
        ("web_view_key", 5),
        ("web_view_key", 4),
        ("web_view_key", 4),
    ]
    eager = world.person(touches=touches, fax=True)
    others = [world.person(touches=[("badge_scan", 60)]) for _ in range(19)]
    rerank.people(world.parts, [eager, *others], now=world.now)
    assert world.lead(eager).rank == "nurture", "no cut before the first night"
    rerank.nightly(world.parts, now=world.now)
    lead = world.lead(eager)
    codes = [reason["code"] for reason in lead.reasons]
    assert (lead.rank, codes) == ("warm", ["top_share", "human_touch", "group_weighs"])
    assert kinds(world, eager) == ["call", "fax"]
    assert {task.cause for task in world.tasks(eager)} == {"warm_shallow"}
    assert all(world.tasks(person) == [] for person in others)
    [calibration] = world.rows("select * from calibrations where product_id = :p", p=world.press_id)
    assert calibration.rates == pytest.approx([0.02, 0.06, 0.12, 0.22, 0.35])


def test_silent_leads_get_a_fifth_of_the_days_calls_once(world: World) -> None:
    world.run("update house set call_capacity_per_day = 10")
    silent = [world.person(touches=[("card_exchange", 500)]) for _ in range(6)]
    mute = world.person(touches=[("card_exchange", 500)], do_not_call=True)
    rerank.people(world.parts, [*silent, mute], now=world.now)
    assert world.rows("select 1 from tasks") == []
    rerank.nightly(world.parts, now=world.now)
    rerank.nightly(world.parts, now=world.now + timedelta(hours=1))
    tasks = world.rows("select * from tasks")
    assert [(task.kind, task.cause) for task in tasks] == [("call", "silent")] * 2
    assert mute not in {task.person_id for task in tasks}


def test_silent_calls_that_nobody_has_made_yet_take_the_place_of_new_ones(world: World) -> None:
    world.run("update house set call_capacity_per_day = 10")
    silent = [world.person(touches=[("card_exchange", 500)]) for _ in range(6)]
    rerank.people(world.parts, silent, now=world.now)
    rerank.nightly(world.parts, now=world.now)
    tomorrow = world.now + timedelta(days=1)
    rerank.nightly(world.parts, now=tomorrow)
    assert len(world.rows("select 1 from tasks")) == 2
    world.run("update tasks set state = 'done' where id = (select min(id) from tasks)")
    rerank.nightly(world.parts, now=tomorrow)
    assert len(world.rows("select 1 from tasks")) == 3


@pytest.mark.parametrize(
    "change", ["do_not_call = true", "phone_invalid = true", "excluded_reason = 'competitor'"]
)
def test_silent_calls_that_nobody_may_make_any_more_take_no_place(world: World, change: str) -> None:
    world.run("update house set call_capacity_per_day = 10")
    silent = [world.person(touches=[("card_exchange", 500)]) for _ in range(6)]
    rerank.people(world.parts, silent, now=world.now)
    rerank.nightly(world.parts, now=world.now)
    world.run(f"update people set {change} where id = (select min(person_id) from tasks)")
    rerank.nightly(world.parts, now=world.now + timedelta(hours=1))
    assert len(world.rows("select 1 from tasks")) == 2, "today's have been made"
    rerank.nightly(world.parts, now=world.now + timedelta(days=1))
    assert len(world.rows("select 1 from tasks where created_at > :now", now=world.now)) == 1


def test_silent_leads_get_no_calls_for_a_day_off(world: World) -> None:
    world.run("update house set call_capacity_per_day = 10")
    silent = [world.person(touches=[("card_exchange", 500)]) for _ in range(3)]
    rerank.people(world.parts, silent, now=world.now)
    for day in (4, 5):  # Saturday, Sunday
        rerank.nightly(world.parts, now=world.now + timedelta(days=day))
    assert world.rows("select 1 from tasks") == []
    rerank.nightly(world.parts, now=world.now + timedelta(days=6))
    assert len(world.rows("select 1 from tasks")) == 2


def test_results_of_hand_offs_calibrate_the_bands(world: World) -> None:
    for n, state in enumerate(["won", "won", "lost", "no_deal"]):
        person = world.person(touches=[("booth_talk_prospect", 1), ("doc_request", 1), ("call_connected", 1)])
        rerank.people(world.parts, [person], now=world.now + timedelta(days=7 * n))
        world.run(
            "update hand_offs set state = :s, resolved_at = :n where lead_id = :l",
            s=state,
            n=world.now,
            l=world.lead(person).id,
        )
    rerank.nightly(world.parts, now=world.now + timedelta(days=40))
    [row] = world.rows("select * from calibrations where product_id = :p", p=world.press_id)
    assert (sum(row.won), sum(row.resolved)) == (2, 4)
    band = row.resolved.index(4)
    assert row.rates[band] == pytest.approx((2 + 10 * [0.02, 0.06, 0.12, 0.22, 0.35][band]) / 14)


def test_the_number_of_statements_does_not_grow_with_the_people(world: World) -> None:
    seen: list[str] = []

    def count(conn: Any, cursor: Any, statement: str, *rest: Any) -> None:
        seen.append(statement)

    def statements(people: list[int]) -> int:
        seen.clear()
        event.listen(world.parts.engine, "before_cursor_execute", count)
        rerank.people(world.parts, people, now=world.now)
        event.remove(world.parts.engine, "before_cursor_execute", count)
        return len(seen)

    few = [world.person(touches=[("inquiry", 0)]) for _ in range(2)]
    many = [world.person(touches=[("inquiry", 0), ("badge_scan", 1, world.pump_id)]) for _ in range(40)]
    assert statements(many) == statements(few)


def test_at_night_the_likeliest_of_those_held_get_the_room_there_is(world: World) -> None:
    good = [("booth_talk_prospect", 1), ("seminar_attend", 1), ("doc_request", 1)]
    people = [world.person(touches=[*good, *extra]) for extra in ([], [("booth_talk", 0)] * 3, [])]
    capacity = "insert into sales_team_states (product_id, appetite, capacity_per_week, set_at) values (1, 'normal', :n, :at)"
    world.run(capacity, n=0, at=world.now - timedelta(days=1))
    rerank.people(world.parts, people, now=world.now)
    assert {row.state for row in world.rows("select state from hand_offs")} == {"held"}
    world.run(capacity, n=1, at=world.now)
    rerank.nightly(world.parts, now=world.now + timedelta(hours=1))
    [offered] = world.rows("select lead_id from hand_offs where state = 'offered'")
    assert offered.lead_id == world.lead(people[1]).id


def test_a_change_keeps_its_reasons_and_the_touches_that_weigh_most(world: World) -> None:
    person = world.person(
        touches=[("booth_talk", 3), ("mail_click", 2), ("inquiry", 0), *[("mail_open", 1)] * 9]
    )
    rerank.people(world.parts, [person], now=world.now)
    [change] = world.rows("select * from rank_changes")
    assert [reason["code"] for reason in change.reasons] == [
        "trigger_inquiry",
        "p_win_over_gate",
        "group_weighs",
    ]
    kinds = {row.id: row.kind for row in world.rows("select id, kind from touchpoints")}
    assert [kinds[id] for id in change.why] == ["booth_talk", "mail_click", "inquiry"], "oldest first"


def test_a_quiet_lead_is_ranked_without_looking_at_what_could_be_done(world: World) -> None:
    person = world.person(touches=[("mail_click", 2)])
    rerank.people(world.parts, [person], now=world.now)
    world.touch(person, ("web_view", 0))
    seen: list[str] = []

    def note(conn: Any, cursor: Any, statement: str, *rest: Any) -> None:
        seen.append(statement)

    event.listen(world.parts.engine, "before_cursor_execute", note)
    rerank.people(world.parts, [person], now=world.now)
    event.remove(world.parts.engine, "before_cursor_execute", note)
    assert len(seen) <= 7  # one of them has the others planned once
    assert not any("hand_offs" in statement or "closed_days" in statement for statement in seen)
