"""Surges on a real database: told once, to whom, in the ranking's own transaction."""

import random
import threading
from datetime import datetime, timedelta

import pytest

from campaigns.parts import Parts
from campaigns.rules import surges as rule
from campaigns.rules.touchpoints import Kind
from campaigns.services import judge, observe, record_touch, rerank
from campaigns.storage import import_undo, surges
from tests.services.world import World


@pytest.fixture
def world(parts: Parts, now: datetime) -> World:
    return World.build(parts, now)


def alerts(world: World) -> list[object]:
    return world.rows("select * from alerts where kind = 'surge' order by id")


def silent(world: World) -> int:
    """Somebody who was at the stand half a year ago and has shown nothing since."""
    person = world.person(touches=[("badge_scan", 180)])
    world.run("update product_leads set created_at = created_at - interval '180 days'")
    return person


def colleague(world: World, person: int) -> int:
    """Another person of the same company."""
    other = world.person()
    world.run(
        "update affiliations set company_id = (select company_id from affiliations where person_id = :p)"
        " where person_id = :o",
        p=person,
        o=other,
    )
    return other


def ranked(world: World, *people: int, after: timedelta = timedelta()) -> None:
    rerank.people(world.parts, people, now=world.now + after)


def test_a_silent_lead_that_asks_for_a_document_is_told_with_the_touch_behind_it(world: World) -> None:
    person = silent(world)
    ranked(world, person)
    assert not alerts(world)
    world.touch(person, ("doc_request", 0))
    ranked(world, person)
    [alert] = alerts(world)
    assert (alert.person_id, alert.product_id, alert.user_id) == (person, world.press_id, world.owner_id)
    assert alert.args["reasons"] == [{"code": "silent_then_active", "args": {"days": 180}}]
    [kind] = world.rows("select kind from touchpoints where id = any(:ids)", ids=alert.args["why"])
    assert kind.kind == "doc_request"
    [mail] = world.rows("select subject, text from delivery_bodies")
    assert "動き出した見込み 1件" in mail.subject
    assert "180日ぶりに反応がありました" in mail.text


def test_both_owners_are_told_and_one_who_is_both_is_told_once(world: World) -> None:
    person = silent(world)
    world.run(
        "insert into users (email, name, role, password_hash, created_at)"
        " values ('rep@maker.example', '外回 太郎', 'inside_sales', '', :now)",
        now=world.now,
    )
    world.run("update companies set owner_user_id = (select id from users where email = 'rep@maker.example')")
    world.touch(person, ("web_view_key", 0))
    ranked(world, person)
    assert len({alert.user_id for alert in alerts(world)}) == len(alerts(world)) == 2
    assert len(world.rows("select 1 from delivery_bodies")) == 2


def test_where_nobody_owns_anything_whoever_looks_first_sees_it(world: World) -> None:
    person = silent(world)
    world.run("update products set owner_user_id = null")
    world.touch(person, ("doc_request", 0))
    ranked(world, person)
    assert [alert.user_id for alert in alerts(world)] == [None]


def test_two_people_of_a_company_within_two_weeks_are_one_surge(world: World) -> None:
    first = world.person(touches=[("booth_talk", 13)])
    second = colleague(world, first)
    world.touch(second, ("doc_request", 0))
    ranked(world, first, second)
    [alert] = alerts(world)
    assert [reason["code"] for reason in alert.args["reasons"]] == ["colleagues_active"]
    assert alert.args["reasons"][0]["args"]["people"] == 2
    assert len(alert.args["why"]) == 2
    # 2.5.4: the second person's request and half of the first one's talk.
    scores = [row.score for row in world.rows("select score from product_leads order by score desc")]
    assert alert.args["score"] == round(scores[0] + scores[1] / 2, 1)


def test_a_surge_is_told_once_in_two_weeks_and_again_by_a_later_one(world: World) -> None:
    first = world.person(touches=[("booth_talk", 3)])
    second = colleague(world, first)
    world.touch(second, ("doc_request", 0))
    ranked(world, second)
    world.touch(second, ("web_view_key", 0))
    ranked(world, first, second)
    ranked(world, second, after=timedelta(days=2))
    assert len(alerts(world)) == 1
    world.touch(first, ("web_view_key", -10))
    world.touch(second, ("web_view_key", -15))
    ranked(world, second, after=timedelta(days=15))
    assert len(alerts(world)) == 2
    assert len(world.rows("select 1 from surges")) == 1


def test_two_rankings_at_once_tell_it_once(world: World) -> None:
    first = world.person(touches=[("booth_talk", 3)])
    people = [first, *(colleague(world, first) for _ in range(4))]
    for person in people:
        world.touch(person, ("doc_request", 0))
    errors: list[BaseException] = []

    def work(person: int) -> None:
        try:
            ranked(world, person)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(person,)) for person in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    assert len(alerts(world)) == 1


def test_a_machine_stirs_nobody(world: World) -> None:
    person = silent(world)
    world.touch(person, ("web_view_key", 0))
    world.run("update touchpoints set validity = 0 where kind = 'web_view_key'")
    ranked(world, person)
    assert not alerts(world)


def test_an_imported_list_of_two_colleagues_is_no_news(world: World) -> None:
    first = world.person(touches=[("card_exchange", 0)])
    second = colleague(world, first)
    world.touch(second, ("card_exchange", 0))
    world.run("insert into import_batches (created_at) values (:now)", now=world.now)
    world.run("update touchpoints set import_batch_id = (select id from import_batches)")
    ranked(world, first, second)
    assert not alerts(world)


def test_a_touch_entered_by_hand_is_told_in_the_same_breath(world: World) -> None:
    person = silent(world)
    record_touch.run(
        world.parts,
        person_id=person,
        kind=Kind.DOC_REQUEST,
        at=world.now,
        key="k",
        product_id=world.press_id,
        user_id=None,
        now=world.now,
    )
    assert len(alerts(world)) == 1


def test_who_left_or_competes_stirs_nobody(world: World) -> None:
    person = silent(world)
    world.touch(person, ("doc_request", 0))
    world.run("update people set excluded_reason = 'competitor'")
    ranked(world, person)
    assert not alerts(world)


@pytest.mark.parametrize("reads_min", [0.5, 20])
def test_a_key_page_is_told_within_five_minutes_however_long_it_is_read(
    world: World, reads_min: float
) -> None:
    """All waits counted: the verdict's rest, a tick a minute, the ranking. The reader's hands are at the page."""
    person = silent(world)
    ranked(world, person)
    delivery = world.delivery(person)
    page = {"url": "https://maker.example/price/", "title": "価格", "visit": "v1.s.p1"}
    seconds = list(range(15, int(reads_min * 60) + 1, 15))
    events = [
        world.event(delivery, "click", link_no=1, url="https://maker.example/price/", ago=timedelta()),
        world.event(delivery, "view", ago=timedelta(seconds=-2), **page),
        *(world.event(delivery, "beat", ago=timedelta(seconds=-s), active_s=15, **page) for s in seconds),
    ]
    for minute in range(1, 30):
        now = world.now + timedelta(minutes=minute)
        come = [event for event in events if now - timedelta(minutes=1) < event.at <= now]
        if minute == 1:
            come.insert(0, events[0])
        observe.take(world.parts, come, now=now)
        judge.due(world.parts, now=now)
        if alerts(world):
            break
    [alert] = alerts(world)
    assert alert.at - world.now <= timedelta(minutes=5)


def test_who_was_hot_and_cools_down_unheard_gets_a_mail_from_a_rep(world: World) -> None:
    person = world.person(touches=[("inquiry", 0)], phone=False)
    world.run("update products set gate = 0.9")  # hot by the inquiry alone
    ranked(world, person)
    # Sales gave it back: the lead is nurtured again, and hot as long as the inquiry is fresh.
    world.run(
        "update product_leads set state = 'hot', no_hand_off_before = :until",
        until=world.now + timedelta(days=99),
    )
    world.run("update hand_offs set state = 'returned'")
    ranked(world, person, after=timedelta(days=31))
    assert world.lead(person).rank != "hot"
    assert [(task.kind, task.cause) for task in world.tasks(person) if task.kind == "mail"] == [
        ("mail", "fell_hot")
    ]


def test_a_person_who_is_taken_back_takes_the_surge_along(world: World) -> None:
    person = silent(world)
    world.touch(person, ("doc_request", 0))
    ranked(world, person)
    assert world.rows("select 1 from surges")
    with world.parts.engine.begin() as tx:
        import_undo.remove(tx, [person])
    assert not world.rows("select 1 from surges")


def test_the_first_look_rules_out_nobody_who_has_surged(world: World) -> None:
    """Two hundred lives by chance: what the rule finds among all it finds among those who are left."""
    chance = random.Random(20261124)
    kinds = ("mail_click", "web_view_key", "doc_request", "badge_scan", "call_connected", "mail_reply")
    products = (world.press_id, world.pump_id, None)
    people = []
    for _ in range(200):
        near = [chance.choice((0.2, 1.5, 2.9, 4)) for _ in range(chance.randint(0, 2))]
        far = [chance.choice((10, 13, 20, 58, 61, 64, 90, 200)) for _ in range(chance.randint(0, 3))]
        touches = [(chance.choice(kinds), days, chance.choice(products)) for days in near + far]
        people.append(world.person(touches=touches))
    world.run("update affiliations set company_id = 1 + company_id / 4 where company_id > 3")
    world.run(
        "update touchpoints t set company_id = f.company_id from affiliations f where f.person_id = t.person_id"
    )
    rerank.people(world.parts, people, now=world.now)
    world.run("delete from surges")
    world.run("update product_leads set created_at = created_at - interval '1 year'")

    def found(ids: list[int]) -> set[tuple[int, int | None, tuple[str, ...]]]:
        leads = surges.leads(tx, ids)
        companies = sorted({lead.company_id for lead in leads if lead.company_id is not None})
        colleagues = surges.colleagues(tx, companies, now=world.now)
        told = rule.find(leads, surges.signs(tx, ids, now=world.now), colleagues, now=world.now)
        return {(one.product_id, one.company_id, tuple(r.code for r in one.reasons)) for one in told}

    with world.parts.engine.connect() as tx:
        left = surges.stirred(tx, people, now=world.now)
        assert 0 < len(left) < len(people)
        assert found(left) == found(people) != set()


def test_a_silent_lead_whose_inquiry_makes_it_hot_is_one_notice(world: World) -> None:
    person = silent(world)
    world.touch(person, ("inquiry", 0))
    ranked(world, person)
    assert [row.kind for row in world.rows("select kind from alerts")] == ["hot"]
    assert len(world.rows("select 1 from delivery_bodies")) == 1
    # It counts as told: what follows in the next days is no surge of its own.
    world.touch(person, ("web_view_key", -1))
    ranked(world, person, after=timedelta(days=1))
    assert not alerts(world)
