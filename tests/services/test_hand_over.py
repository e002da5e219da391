"""Sales take a lead, send it back, make an opportunity of it, win or lose it; and the lead goes where it belongs."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import pytest

from campaigns.parts import Parts
from campaigns.rules.deliveries import SILENT_STATES
from campaigns.rules.opportunities import Ending, FormError, Result
from campaigns.rules.outcomes import CallResult
from campaigns.services import (
    await_reply,
    chase_hand_offs,
    close_deal,
    edit_task,
    finish_task,
    hand_over,
    pursue,
    record_call,
    rerank,
    sales_word,
)
from campaigns.services.hand_over import HandOffMoved, OutOfBounds, ReasonMissing
from campaigns.services.pursue import About, Stale
from campaigns.storage import gate, users
from campaigns.storage import tables as t
from tests.conftest import NOW
from tests.services.world import World, _id

FORM = {
    "name": "検査装置",
    "stage": "quote",
    "amount_yen": "1,680万円",
    "forecast": "60",
    "expected_on": "2027-03-31",
}


@pytest.fixture
def world(parts: Parts) -> World:
    return World.build(parts, NOW)


def offered(world: World, *touches: tuple[str, float]) -> tuple[int, int]:
    """A person whom sales were offered: (person, hand-off)."""
    person = world.person(touches=touches or [("inquiry", 1), ("booth_talk_prospect", 5)])
    rerank.people(world.parts, [person], now=NOW)
    return person, hand_off(world, person).id


def hand_off(world: World, person: int) -> Any:
    return world.rows(
        "select h.* from hand_offs h join product_leads l on l.id = h.lead_id where l.person_id = :p"
        " order by h.id desc",
        p=person,
    )[0]


def user(world: World, role: str, email: str = "") -> int:
    with world.parts.engine.begin() as tx:
        return _id(tx, t.users, email=email or f"{role}@maker.example", name=role, role=role, created_at=NOW)


def accept(world: World, id: int, *, user_id: int | None = None, now: datetime = NOW) -> None:
    hand_over.accept(world.parts, id, user_id=user_id or world.owner_id, now=now)


def pursue_it(world: World, id: int, **changed: str) -> int:
    return pursue.from_hand_off(world.parts, id, FORM | changed, user_id=world.owner_id, now=NOW)


def close(world: World, id: int, now: datetime = NOW, **form: str) -> None:
    version = world.rows("select version from opportunities where id = :i", i=id)[0].version
    close_deal.run(world.parts, id, form, version=version, user_id=world.owner_id, now=now)


def steps(world: World, person: int) -> list[str]:
    """What sales did, on the timeline."""
    rows = world.rows(
        "select kind from touchpoints where person_id = :p and kind = any(:k) order by at, id",
        p=person,
        k=["handed_over", "taken_on", "sent_back", "opportunity", "order", "deal_lost"],
    )
    return [row.kind for row in rows]


def test_an_offer_is_answered_within_three_business_days_by_the_rep_of_the_company(world: World) -> None:
    rep = user(world, "field_sales")
    person = world.person(touches=[("inquiry", 1)])
    world.run("update companies set owner_user_id = :u", u=rep)
    rerank.people(world.parts, [person], now=NOW)
    one = hand_off(world, person)
    assert (one.state, one.rep_user_id) == ("offered", rep)
    assert one.due_at.astimezone(world.parts.settings.tz).date() == date(2026, 11, 27)  # from a Tuesday


def test_an_owner_who_is_no_seller_is_not_offered_a_lead(world: World) -> None:
    person = world.person(touches=[("inquiry", 1)])
    world.run("update companies set owner_user_id = :u", u=user(world, "inside_sales"))
    rerank.people(world.parts, [person], now=NOW)
    assert hand_off(world, person).rep_user_id is None


def test_who_accepts_has_the_lead_and_inside_sales_and_mass_mail_let_go(world: World) -> None:
    rep = user(world, "field_sales")
    person, id = offered(world)
    accept(world, id, user_id=rep)
    assert (hand_off(world, person).state, hand_off(world, person).rep_user_id) == ("accepted", rep)
    assert world.lead(person).state == "with_sales"
    assert world.lead(person).state in SILENT_STATES
    assert not [one for one in world.tasks(person) if one.kind == "call" and one.state == "open"]
    assert steps(world, person) == ["handed_over", "taken_on"]


def test_a_return_needs_a_reason_from_the_list_and_other_needs_words(world: World) -> None:
    person, id = offered(world)
    for code, words in (("", "なんとなく"), ("nonsense", ""), ("other", " ")):
        with pytest.raises(ReasonMissing):
            hand_over.send_back(
                world.parts, id, code=code, words=words, seen="offered", user_id=None, now=NOW
            )
    assert hand_off(world, person).state == "offered"


def test_a_returned_lead_rests_sixty_days(world: World) -> None:
    person, id = offered(world)
    hand_over.send_back(
        world.parts, id, code="no_budget", words="来期", seen="offered", user_id=None, now=NOW
    )
    one, lead = hand_off(world, person), world.lead(person)
    assert (one.state, one.returned_code, one.returned_reason) == ("returned", "no_budget", "来期")
    assert ((lead.no_hand_off_before - NOW).days, lead.recycles) == (60, 1)
    rerank.people(world.parts, [person], now=NOW + timedelta(days=10))
    assert hand_off(world, person).id == id
    assert steps(world, person) == ["handed_over", "sent_back"]


def test_a_deeper_touch_ends_the_rest(world: World) -> None:
    person, id = offered(world)
    hand_over.send_back(world.parts, id, code="too_early", seen="offered", user_id=None, now=NOW)
    later = World(world.parts, NOW + timedelta(days=10), world.owner_id, world.press_id, world.pump_id, 100)
    later.touch(person, ("web_view_key", 0))
    rerank.people(world.parts, [person], now=later.now)
    assert hand_off(world, person).id == id  # a page read is no talk
    later.touch(person, ("inquiry", 0))
    rerank.people(world.parts, [person], now=later.now)
    assert hand_off(world, person).id > id
    assert hand_off(world, person).state == "offered"


def test_three_returns_without_a_deeper_touch_leave_information_mails_alone(world: World) -> None:
    person, _ = offered(world)
    world.run("update product_leads set shallow_recycles = 2, recycle_depth = 4, recycles = 2")
    id = hand_off(world, person).id
    hand_over.send_back(world.parts, id, code="no_need", seen="offered", user_id=None, now=NOW)
    assert world.lead(person).shallow_recycles == 3
    world.run("update tasks set state = 'cancelled'")
    after = NOW + timedelta(days=70)
    rerank.people(world.parts, [person], now=after)
    assert not [one for one in world.tasks(person) if one.state == "open" and one.kind in ("call", "visit")]
    assert hand_off(world, person).state == "returned"


def test_a_second_answer_changes_nothing(world: World) -> None:
    _, id = offered(world)
    accept(world, id)
    with pytest.raises(HandOffMoved, match="accepted"):
        accept(world, id)
    with pytest.raises(HandOffMoved, match="accepted"):  # by a page that still showed the offer
        hand_over.send_back(world.parts, id, code="no_need", seen="offered", user_id=None, now=NOW)
    hand_over.send_back(world.parts, id, code="no_need", seen="accepted", user_id=None, now=NOW)
    with pytest.raises(HandOffMoved, match="returned"):
        hand_over.send_back(world.parts, id, code="no_need", seen="accepted", user_id=None, now=NOW)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ("update people set excluded_reason = 'competitor'", "excluded"),
        ("update product_leads set refused_until = :later", "declined"),
        ("update people set do_not_call = true, address_id = null", "out_of_reach"),
    ],
)
def test_nobody_is_handed_over_who_must_not_be_and_nothing_is_half_written(
    world: World, change: str, code: str
) -> None:
    person, id = offered(world)
    world.run(change, **({"later": NOW + timedelta(days=30)} if ":later" in change else {}))
    before = (hand_off(world, person), world.lead(person), steps(world, person))
    with pytest.raises(OutOfBounds, match=code):
        accept(world, id)
    assert (hand_off(world, person), world.lead(person), steps(world, person)) == before


def test_a_refusal_of_calls_alone_still_leaves_a_way(world: World) -> None:
    person, id = offered(world)
    world.run("update people set do_not_call = true")
    accept(world, id)
    assert (hand_off(world, person).state, world.lead(person).state) == ("accepted", "with_sales")


def test_an_order_settles_the_lead_the_company_the_trust_and_the_band(world: World) -> None:
    person, id = offered(world)
    accept(world, id)
    deal = pursue_it(world, id)
    assert world.lead(person).state == "opportunity"
    close(world, deal, result="won", amount_yen="1,500万円")
    row = world.rows("select * from opportunities")[0]
    assert (row.result, row.amount_yen, row.forecast) == ("won", 15_000_000, 100)
    assert (hand_off(world, person).state, world.lead(person).state) == ("won", "won")
    assert world.rows("select last_deal_on from companies")[0].last_deal_on == date(2026, 11, 24)
    assert steps(world, person) == ["handed_over", "taken_on", "opportunity", "order"]
    shown = sales_word.gates(world.parts, [world.press_id], now=NOW)[world.press_id]
    assert (shown.team.wins, shown.team.resolved) == (1, 1)
    with world.parts.engine.connect() as tx:
        assert sum(won for won, _ in gate.results(tx, world.press_id, bands=5)) == 1


def test_a_rival_who_wins_is_kept_by_name_and_the_lead_wakes_before_the_contract_ends(world: World) -> None:
    person, id = offered(world)
    accept(world, id)
    close(world, pursue_it(world, id), result="rival", lost_to="光星テック", contract_ends_on="2028-03-31")
    assert world.rows("select lost_to from opportunities")[0].lost_to == "光星テック"
    assert (hand_off(world, person).state, world.lead(person).state) == ("lost", "nurturing")
    wake = next(one for one in world.tasks(person) if one.cause == "recycle_rival")
    assert wake.not_before.astimezone(world.parts.settings.tz).date() == date(2027, 9, 30)
    assert wake.note == "光星テック"
    # Until then neither inside sales nor the gate take it up again.
    rerank.people(world.parts, [person], now=NOW + timedelta(days=40))
    assert hand_off(world, person).id == id
    assert steps(world, person)[-1] == "deal_lost"


def test_a_lost_deal_weighs_against_the_product_and_its_lead_wakes_after_half_a_year(world: World) -> None:
    (_, won), (person, lost) = offered(world), offered(world)
    for id in (won, lost):
        accept(world, id)
    close(world, pursue_it(world, won), result="won", amount_yen="1,500万円")
    close(world, pursue_it(world, lost), result="lost", reason="先方の都合")
    assert (hand_off(world, person).state, world.lead(person).state) == ("lost", "nurturing")
    wake = next(one for one in world.tasks(person) if one.cause == "recycle_lost")
    assert 180 <= (wake.not_before - NOW).days <= 186
    shown = sales_word.gates(world.parts, [world.press_id], now=NOW)[world.press_id]
    assert (shown.team.wins, shown.team.resolved) == (1, 2)


def test_what_is_put_off_wakes_three_months_before_their_fiscal_year(world: World) -> None:
    person, id = offered(world)
    accept(world, id)
    ending = Ending(Result.NO_DEAL, reason="予算がつかない", fiscal_month=4)
    hand_over.end(world.parts, id, ending, user_id=world.owner_id, now=NOW)
    wake = next(one for one in world.tasks(person) if one.cause == "recycle_no_deal")
    # 1 January is closed, and so are the days around it.
    assert wake.not_before.astimezone(world.parts.settings.tz).date() == date(2027, 1, 4)
    assert (hand_off(world, person).state, world.lead(person).state) == ("no_deal", "nurturing")


def test_a_result_by_mistake_is_taken_back(world: World) -> None:
    person, id = offered(world)
    accept(world, id)
    deal = pursue_it(world, id)
    close(world, deal, result="lost", reason="間違い")
    version = world.rows("select version from opportunities")[0].version
    close_deal.reopen(world.parts, deal, version=version, user_id=world.owner_id, now=NOW)
    assert world.rows("select result from opportunities")[0].result == ""
    assert (hand_off(world, person).state, world.lead(person).state) == ("accepted", "opportunity")
    assert not [one for one in world.tasks(person) if one.state == "open" and one.kind == "call"]


def test_a_hand_off_becomes_one_opportunity(world: World) -> None:
    _, id = offered(world)
    with pytest.raises(HandOffMoved):
        pursue_it(world, id)  # nobody has taken it
    accept(world, id)
    pursue_it(world, id)
    with pytest.raises(HandOffMoved, match="opportunity"):
        pursue_it(world, id)
    with pytest.raises(HandOffMoved, match="opportunity"):
        hand_over.send_back(world.parts, id, code="no_need", seen="accepted", user_id=None, now=NOW)


def test_a_bad_form_writes_nothing(world: World) -> None:
    person, id = offered(world)
    accept(world, id)
    with pytest.raises(FormError):
        pursue_it(world, id, amount_yen="たくさん")
    assert world.rows("select 1 from opportunities") == []
    deal = pursue_it(world, id)
    with pytest.raises(FormError):
        close(world, deal, result="won", amount_yen="0")
    assert (hand_off(world, person).state, world.lead(person).state) == ("accepted", "opportunity")


def test_two_who_save_at_once_do_not_overwrite_each_other(world: World) -> None:
    _, id = offered(world)
    accept(world, id)
    deal = pursue_it(world, id)
    values = {"version": 1, "owner_user_id": None, "rival_risk": False, "user_id": world.owner_id, "now": NOW}
    pursue.edit(world.parts, deal, FORM | {"name": "先"}, **values)  # type: ignore[arg-type]
    with pytest.raises(Stale):
        pursue.edit(world.parts, deal, FORM | {"name": "後"}, **values)  # type: ignore[arg-type]
    assert world.rows("select name from opportunities")[0].name == "先"


def test_an_opportunity_by_hand_makes_the_lead_and_silences_mass_mail(world: World) -> None:
    person = world.person()
    about = About(world.pump_id, None, person)
    pursue.by_hand(world.parts, about, FORM, owner_user_id=None, user_id=world.owner_id, now=NOW)
    lead = world.lead(person, world.pump_id)
    assert lead.state == "opportunity"
    row = world.rows("select company_id, lead_id from opportunities")[0]
    assert (row.company_id is not None, row.lead_id) == (True, lead.id)


def test_an_opportunity_needs_a_product_and_somebody(world: World) -> None:
    with pytest.raises(FormError) as caught:
        pursue.by_hand(
            world.parts, About(0, None, None), {}, owner_user_id=None, user_id=world.owner_id, now=NOW
        )
    assert {"product_id", "company", "name"} <= set(caught.value.errors)


def test_a_rival_in_sight_tells_the_manager_and_asks_for_a_visit_the_next_business_day(world: World) -> None:
    manager = user(world, "sales_manager")
    person, id = offered(world)
    accept(world, id)
    deal = pursue_it(world, id)
    for version in (1, 2):  # saving it again tells nobody anew
        pursue.edit(
            world.parts,
            deal,
            FORM | {"lost_to": "光星テック"},
            version=version,
            owner_user_id=world.owner_id,
            rival_risk=True,
            user_id=world.owner_id,
            now=NOW,
        )
    [alert] = world.rows("select user_id, args from alerts where kind = 'rival_risk'")
    assert (alert.user_id, alert.args["reason"]) == (manager, "光星テック")
    visit = next(one for one in world.tasks(person) if one.kind == "visit" and one.state == "open")
    assert (visit.due_at.astimezone(world.parts.settings.tz).date(), visit.priority) == (
        date(2026, 11, 25),
        1,
    )
    [mail] = world.rows("select b.subject, b.text from delivery_bodies b where b.subject like '他決リスク%'")
    assert "光星テック" in mail.text


def test_a_reply_is_awaited_with_a_day_to_ask_and_mass_mail_goes_on(world: World) -> None:
    person, id = offered(world)
    accept(world, id)
    lead = world.lead(person)
    until = await_reply.start(world.parts, lead.id, user_id=world.owner_id, now=NOW)
    assert until == date(2026, 12, 24)
    assert world.lead(person).state == "waiting"
    assert "waiting" not in SILENT_STATES
    task = next(one for one in world.tasks(person) if one.kind == "reply")
    assert (task.state, task.team, task.assignee_id) == ("open", "field", world.owner_id)
    assert await_reply.end(world.parts, lead.id, user_id=None, now=NOW) == "with_sales"
    assert next(one for one in world.tasks(person) if one.kind == "reply").state == "cancelled"


@pytest.mark.parametrize(("day", "code"), [(date(2026, 11, 24), "past"), (date(2028, 1, 1), "far")])
def test_a_reply_is_not_awaited_until_a_day_that_makes_no_sense(world: World, day: date, code: str) -> None:
    person, id = offered(world)
    accept(world, id)
    with pytest.raises(await_reply.WaitError, match=code):
        await_reply.start(world.parts, world.lead(person).id, due_on=day, user_id=None, now=NOW)
    assert world.lead(person).state == "with_sales"


def test_what_sales_forget_for_a_cycle_comes_back_but_not_while_an_opportunity_is_open(world: World) -> None:
    one, first = offered(world)
    two, second = offered(world)
    for id in (first, second):
        accept(world, id)
    pursue_it(world, second)
    assert hand_over.forget(world.parts, now=NOW + timedelta(days=364)) == 0
    assert hand_over.forget(world.parts, now=NOW + timedelta(days=366)) == 1
    assert (hand_off(world, one).state, hand_off(world, two).state) == ("timeout", "accepted")
    assert (world.lead(one).state, world.lead(one).recycles) == ("nurturing", 1)


def test_the_rep_is_told_and_reminded_then_the_manager_and_each_once(world: World) -> None:
    rep, manager = user(world, "field_sales"), user(world, "sales_manager")
    person = world.person(touches=[("inquiry", 1)])
    world.run("update companies set owner_user_id = :u", u=rep)
    rerank.people(world.parts, [person], now=NOW)

    def told(now: datetime) -> list[tuple[str, int]]:
        for _ in range(2):
            chase_hand_offs.run(world.parts, now=now)
        rows = world.rows("select kind, user_id from alerts where kind like 'hand_off%' order by id")
        return [(row.kind, row.user_id) for row in rows]

    assert told(NOW) == [("hand_off_offered", rep)]  # Tuesday 10:00
    assert told(NOW + timedelta(days=1)) == [("hand_off_offered", rep)]
    early = NOW + timedelta(days=2, hours=-2)  # Thursday 8:00: nobody is woken
    assert len(told(early)) == 1
    assert told(NOW + timedelta(days=2))[1:] == [("hand_off_due", rep)]
    assert told(NOW + timedelta(days=3, hours=8))[2:] == [("hand_off_overdue", manager)]  # Friday 18:00
    assert hand_off(world, person).escalated_at is not None
    assert len(world.rows("select 1 from delivery_bodies where to_address like '%maker.example'")) == 4


def test_an_offer_that_is_nobodys_is_the_managers_until_a_rep_is_named(world: World) -> None:
    rep, manager = user(world, "field_sales"), user(world, "sales_manager")
    _, id = offered(world)
    chase_hand_offs.run(world.parts, now=NOW)
    hand_over.name_rep(world.parts, id, rep_user_id=rep, user_id=manager, now=NOW)
    chase_hand_offs.run(world.parts, now=NOW + timedelta(minutes=1))
    rows = world.rows("select user_id from alerts where kind = 'hand_off_offered' order by id")
    assert [row.user_id for row in rows] == [manager, rep]


def test_nobody_but_a_seller_is_named(world: World) -> None:
    _, id = offered(world)
    with pytest.raises(LookupError):
        hand_over.name_rep(world.parts, id, rep_user_id=user(world, "marketer"), user_id=1, now=NOW)


def test_sales_are_asked_weekly_how_much_they_take(world: World) -> None:
    manager = user(world, "sales_manager")
    offered(world)
    assert chase_hand_offs.ask_appetite(world.parts, now=NOW) == 1
    assert chase_hand_offs.ask_appetite(world.parts, now=NOW + timedelta(days=6)) == 0
    assert chase_hand_offs.ask_appetite(world.parts, now=NOW + timedelta(days=8)) == 1
    said = NOW + timedelta(days=9)
    sales_word.set_team(
        world.parts, world.press_id, appetite="hungry", capacity="3", user_id=manager, now=said
    )
    assert chase_hand_offs.ask_appetite(world.parts, now=NOW + timedelta(days=15, hours=12)) == 0
    assert chase_hand_offs.ask_appetite(world.parts, now=NOW + timedelta(days=20)) == 1


def after(world: World, days: float) -> World:
    """The same world, some days later."""
    now = NOW + timedelta(days=days)
    return World(world.parts, now, world.owner_id, world.press_id, world.pump_id, 1000 + int(days))


def call(world: World, person: int, result: str) -> None:
    """A call by hand to that lead, with its result settled."""
    lead = world.lead(person)
    world.run(
        "insert into tasks (kind, person_id, company_id, product_id, lead_id, cause, due_at, created_at)"
        " select 'call', :p, null, :q, :l, 'by_hand', :now, :now where not exists (select 1 from tasks"
        " where lead_id = :l and kind = 'call' and state = 'open')",
        p=person, q=world.press_id, l=lead.id, now=NOW,
    )  # fmt: skip
    task = next(one for one in world.tasks(person) if one.kind == "call" and one.state == "open")
    record_call.record(
        world.parts,
        task_id=task.id,
        version=task.version,
        result=CallResult(result),
        user_id=world.owner_id,
        now=NOW,
    )
    world.settle()


def test_an_offer_taken_back_before_sales_saw_it_is_no_whiff_of_theirs_and_uses_no_place(
    world: World,
) -> None:
    world.run("update products set gate = 0.01")
    person = world.person(touches=[("booth_talk_prospect", 1), ("doc_request", 1), ("call_interest", 1)])
    rerank.people(world.parts, [person], now=NOW)
    one = hand_off(world, person)
    assert (one.state, one.asked_by_customer) == ("offered", False)
    call(world, person, "refused")
    assert (hand_off(world, person).state, hand_off(world, person).returned_code) == ("withdrawn", "refused")
    record = sales_word.record(world.parts, world.press_id, now=NOW + timedelta(days=1))
    assert (record.whiffs, record.returns) == ({}, ())
    shown = sales_word.gates(world.parts, [world.press_id], now=NOW)[world.press_id]
    assert shown.team.handed_this_week == 0


def held(world: World) -> int:
    """A hot lead that the gate holds, since sales are choosy."""
    world.run("update products set gate = 0.01")
    sales_word.set_team(
        world.parts, world.press_id, appetite="selective", capacity="5", user_id=world.owner_id, now=NOW
    )
    person = world.person(touches=[("booth_talk_prospect", 1), ("doc_request", 1)])
    rerank.people(world.parts, [person], now=NOW)
    assert hand_off(world, person).state == "held"
    return person


def test_who_cools_down_is_held_no_longer(world: World) -> None:
    person = held(world)
    world.run("update products set gate = 0.99")
    rerank.people(world.parts, [person], now=NOW)
    assert world.lead(person).rank != "hot"
    assert world.rows("select 1 from hand_offs") == []


def test_who_is_excluded_is_held_no_longer_after_the_night(world: World) -> None:
    held(world)
    world.run("update people set excluded_reason = 'competitor'")
    rerank.everybody(world.parts, now=NOW + timedelta(hours=12))
    assert world.rows("select 1 from hand_offs") == []


def waiting(world: World) -> tuple[int, Any]:
    person, id = offered(world)
    accept(world, id)
    await_reply.start(world.parts, world.lead(person).id, user_id=world.owner_id, now=NOW)
    return person, reply(world, person)


def reply(world: World, person: int) -> Any:
    return next(one for one in world.tasks(person) if one.kind == "reply" and one.state == "open")


def test_a_reminder_without_an_answer_comes_again(world: World) -> None:
    person, task = waiting(world)
    then = NOW + timedelta(days=30)
    finish_task.run(
        world.parts, task_id=task.id, version=task.version, outcome="silent", user_id=world.owner_id, now=then
    )
    again = reply(world, person)
    assert (world.lead(person).state, again.assignee_id) == ("waiting", world.owner_id)
    assert 28 <= (again.due_at - then).days <= 33


@pytest.mark.parametrize("how", ["answered", "not_needed", "cancel"])
def test_a_wait_that_is_over_leaves_no_lead_in_limbo(world: World, how: str) -> None:
    person, task = waiting(world)
    if how == "cancel":
        with world.parts.engine.connect() as tx:
            found = users.find(tx, world.owner_id)
        assert found is not None
        edit_task.cancel(world.parts, task.id, version=task.version, reason="別件で解決", user=found, now=NOW)
    else:
        finish_task.run(
            world.parts, task_id=task.id, version=task.version, outcome=how, user_id=world.owner_id, now=NOW
        )
    assert world.lead(person).state == "with_sales"


def test_a_request_while_sales_wait_makes_the_reminder_due_today(world: World) -> None:
    person, _task = waiting(world)
    later = after(world, 5)
    later.touch(person, ("quote_request", 0))
    rerank.people(world.parts, [person], now=later.now)
    task = reply(world, person)
    assert (task.cause, task.not_before, task.priority) == ("customer_asked", None, 1)
    assert task.due_at.astimezone(world.parts.settings.tz).date() == later.now.date()
    assert world.lead(person).state == "waiting"


def test_an_inquiry_soon_after_a_request_for_a_quote_is_heard(world: World) -> None:
    """The request keeps the lead hot for longer, so the later day alone says nothing of the inquiry."""
    person, _task = waiting(world)
    asked = after(world, 5)
    asked.touch(person, ("quote_request", 0))
    rerank.people(world.parts, [person], now=asked.now)
    world.run("update tasks set due_at = :day, cause = 'awaiting_reply'", day=NOW + timedelta(days=30))
    later = after(world, 10)
    later.touch(person, ("inquiry", 0))
    rerank.people(world.parts, [person], now=later.now)
    assert (reply(world, person).cause, reply(world, person).due_at.date()) == (
        "customer_asked",
        later.now.date(),
    )


def test_a_wait_that_inside_sales_end_asks_for_a_rep_at_once(world: World) -> None:
    person = world.person()
    world.touch(person, ("booth_talk", 1))
    rerank.people(world.parts, [person], now=NOW)
    lead = world.lead(person).id
    await_reply.start(world.parts, lead, user_id=world.owner_id, now=NOW)
    later = after(world, 1)
    later.touch(person, ("call_interest", 0))
    rerank.people(world.parts, [person], now=later.now)
    assert world.lead(person).state == "waiting", "nobody has ended the wait"
    await_reply.end(world.parts, lead, user_id=world.owner_id, now=later.now)
    assert world.lead(person).state in ("hot", "offered")


def test_a_product_that_is_no_longer_sold_makes_no_calls_and_no_offers(world: World) -> None:
    world.run("update products set is_active = false where id = :p", p=world.press_id)
    person = world.person()
    world.touch(person, ("inquiry", 0), ("booth_talk_prospect", 1))
    rerank.people(world.parts, [person], now=NOW)
    assert world.lead(person).rank == "hot"
    assert (world.tasks(person), world.rows("select 1 from hand_offs")) == ([], [])
    assert world.rows("select 1 from alerts where kind = 'hot'"), "its owner hears that somebody asks"


def test_a_customer_who_asks_anew_is_called_once(world: World) -> None:
    person, id = offered(world)
    accept(world, id)
    close(world, pursue_it(world, id), result="won", amount_yen="1,500万円")
    later = after(world, 20)
    rerank.people(world.parts, [person], now=later.now)
    assert not [one for one in world.tasks(person) if one.state == "open"]
    later.touch(person, ("inquiry", 0))
    for _ in range(2):
        rerank.people(world.parts, [person], now=later.now)
    [task] = [one for one in world.tasks(person) if one.state == "open"]
    assert (task.kind, task.cause, task.priority) == ("call", "customer_asked", 1)
    assert world.lead(person).state == "won"
    assert [row.at for row in world.rows("select at from alerts where kind = 'hot' and at = :n", n=later.now)]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ("update product_leads set state = 'won'", "won"),
        ("update people set excluded_reason = 'left'", "excluded"),
    ],
)
def test_nobody_waits_for_who_has_bought_or_is_none_of_ours(world: World, change: str, code: str) -> None:
    person, id = offered(world)
    accept(world, id)
    world.run(change)
    with pytest.raises(await_reply.WaitError, match=code):
        await_reply.start(world.parts, world.lead(person).id, user_id=None, now=NOW)
    assert not [one for one in world.tasks(person) if one.kind == "reply"]


def test_a_visit_that_is_agreed_on_stays_while_we_wait(world: World) -> None:
    person, id = offered(world)
    accept(world, id)
    lead = world.lead(person)
    world.run("delete from tasks where kind = 'visit'")
    world.run(
        "insert into tasks (kind, person_id, product_id, lead_id, cause, due_at, created_at)"
        " values ('visit', :p, :q, :l, 'appointment', :now, :now)",
        p=person, q=world.press_id, l=lead.id, now=NOW,
    )  # fmt: skip
    world.run(
        "insert into appointments (task_id, person_id, product_id, starts_at, ends_at, uid, created_at)"
        " select id, :p, :q, :at, :at + interval '1 hour', 'u1', :now from tasks where kind = 'visit'",
        p=person, q=world.press_id, at=NOW + timedelta(days=3), now=NOW,
    )  # fmt: skip
    await_reply.start(world.parts, lead.id, user_id=world.owner_id, now=NOW)
    assert [one.state for one in world.tasks(person) if one.kind == "visit"] == ["open"]


def test_a_deal_brought_by_hand_and_lost_can_leave_the_pool_again(world: World) -> None:
    person = world.person(touches=[("doc_request", 20)])
    about = About(world.press_id, None, person)
    deal = pursue.by_hand(world.parts, about, FORM, owner_user_id=None, user_id=world.owner_id, now=NOW)
    world.run("update product_leads set shallow_recycles = 2, recycle_depth = 5, recycles = 2")
    close(world, deal, result="lost", reason="先方の都合")
    later = after(world, 30)
    later.touch(person, ("inquiry", 0))
    rerank.people(world.parts, [person], now=later.now)
    assert hand_off(world, person).state == "offered"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ("update people set excluded_reason = 'competitor' where id = :p", "excluded"),
        ("update people set merged_into = id where id = :p", "merged"),
        (
            "update affiliations set company_id = (select max(id) from companies) where person_id = :p",
            "elsewhere",
        ),
    ],
)
def test_an_opportunity_by_hand_is_refused_as_a_hand_off_is(world: World, change: str, code: str) -> None:
    person = world.person()
    company = world.rows("select company_id from affiliations where person_id = :p", p=person)[0].company_id
    world.person()
    world.run(change, p=person)
    about = About(world.press_id, company, person)
    with pytest.raises(FormError) as caught:
        pursue.by_hand(world.parts, about, FORM, owner_user_id=None, user_id=world.owner_id, now=NOW)
    assert caught.value.errors == {"person_id": code}
    assert world.rows("select 1 from opportunities") == []
    assert world.lead(person) is None


def last_deal(world: World) -> date | None:
    found: date | None = world.rows("select last_deal_on from companies order by id")[0].last_deal_on
    return found


def reopen(world: World, deal: int) -> None:
    version = world.rows("select version from opportunities where id = :i", i=deal)[0].version
    close_deal.reopen(world.parts, deal, version=version, user_id=world.owner_id, now=NOW)


def brought(world: World, company: int) -> int:
    about = About(world.press_id, company, None)
    return pursue.by_hand(world.parts, about, FORM, owner_user_id=None, user_id=world.owner_id, now=NOW)


def test_an_order_taken_back_leaves_the_last_deal_that_was_known_before(world: World) -> None:
    world.person()
    company = world.rows("select id from companies")[0].id
    world.run("update companies set last_deal_on = '2024-05-01'")
    first, second = brought(world, company), brought(world, company)
    close(world, first, now=NOW, result="won", amount_yen="100万円")
    close(world, second, now=NOW + timedelta(days=2), result="won", amount_yen="100万円")
    assert last_deal(world) == date(2026, 11, 26)
    reopen(world, second)
    assert last_deal(world) == date(2026, 11, 24)
    close(world, second, now=NOW + timedelta(days=2), result="won", amount_yen="100万円")
    reopen(world, first)
    assert last_deal(world) == date(2026, 11, 26)
    reopen(world, second)
    assert last_deal(world) == date(2024, 5, 1)


def test_a_later_day_from_a_list_stays_when_an_order_is_taken_back(world: World) -> None:
    world.person()
    deal = brought(world, world.rows("select id from companies")[0].id)
    close(world, deal, result="won", amount_yen="100万円")
    world.run("update companies set last_deal_on = '2026-12-20'")
    reopen(world, deal)
    assert last_deal(world) == date(2026, 12, 20)


def test_mails_about_hand_offs_write_the_day_as_their_reader_does(world: World) -> None:
    user(world, "sales_manager")
    offered(world)
    chase_hand_offs.run(world.parts, now=NOW)
    [mail] = world.rows("select text from delivery_bodies where subject like '引き渡しのご提案%'")
    assert "期限 2026年11月27日（金）" in mail.text
