"""What the events of a mail mean: touchpoints, ranks, and what is learned of networks."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event as sql_event
from sqlalchemy import text

from campaigns.parts import Parts
from campaigns.services import judge, observe, rerank
from campaigns.storage import verdicts
from tests.services.world import CHROME, World
from tracking_pixel.events import Event
from tracking_pixel.links import TRAP_LINK

MINUTE, SECOND = timedelta(minutes=1), timedelta(seconds=1)
SITE = "https://www.maker.example"
CLOUD = "192.0.2.0/24"


@pytest.fixture
def world(parts: Parts, now: datetime) -> World:
    return World.build(replace(parts, settings=replace(parts.settings, sites=SITE)), now)


@pytest.fixture
def person(world: World) -> int:
    return world.person(touches=[("badge_scan", 60)])


@pytest.fixture
def delivery(world: World, person: int) -> int:
    return world.delivery(person)


def hands(
    world: World, delivery: int, visit: str, *, ago: timedelta = MINUTE * 4, **more: Any
) -> list[Event]:
    page = {"visit": f"{visit}.s.p", "url": f"{SITE}/price/", "method": "POST", **more}
    view = world.event(delivery, "view", ago=ago, **page)
    return [view, world.event(delivery, "beat", ago=ago - 15 * SECOND, active_s=15.0, has_input=True, **page)]


def scan(world: World, delivery: int, *, net: str = CLOUD, ago: timedelta = MINUTE * 30) -> list[Event]:
    return [
        world.event(delivery, "click", link_no=n, net=net, ago=ago - n * SECOND) for n in (TRAP_LINK, 1, 2)
    ]


def take(world: World, events: Sequence[Event], *, now: datetime | None = None) -> judge.Done:
    observe.take(world.parts, events, now=now or world.now)
    return judge.due(world.parts, now=now or world.now)


def touches(world: World) -> dict[str, Any]:
    rows = world.rows("select * from touchpoints where source_key not like 'test:%'")
    return {row.source_key: row for row in rows}


def reason(world: World, delivery: int, link_no: int) -> str:
    return str(touches(world)[f"click:{delivery}:{link_no}"].validity_reason)


def test_a_click_becomes_a_touch_and_moves_the_rank(world: World, person: int, delivery: int) -> None:
    done = take(world, [world.event(delivery, "click", link_no=2, url="https://a.example/")])
    assert (done.mails, done.people, done.leads) == (1, 1, 1)
    touch = touches(world)[f"click:{delivery}:2"]
    assert (touch.kind, touch.validity, touch.validity_reason, touch.person_id) == (
        "mail_click",
        1.0,
        "",
        person,
    )
    assert (touch.product_id, touch.delivery_id, touch.depth, touch.channel) == (
        world.press_id,
        delivery,
        1,
        "online",
    )
    assert touch.company_id is not None
    lead = world.lead(person)
    assert lead.rank == "nurture"
    assert lead.breakdown["mail"] == pytest.approx(3.402, abs=0.01)
    assert [row.status for row in world.rows("select status from addresses")] == ["ok"]


def test_the_same_events_twice_change_nothing(world: World, person: int, delivery: int) -> None:
    events = [world.event(delivery, "click", link_no=1), world.event(delivery, "open")]
    take(world, events)
    before = (touches(world), world.lead(person))
    assert take(world, events).people == 0
    assert (touches(world), world.lead(person)) == before


def test_an_open_by_an_image_proxy_does_not_raise_the_rank(world: World, person: int, delivery: int) -> None:
    rerank.people(world.parts, [person], now=world.now)
    score = world.lead(person).score
    for agent in ("Mozilla/5.0", "Mozilla/5.0 (via ggpht.com GoogleImageProxy)", CHROME):
        assert take(world, [world.event(delivery, "open", ua=agent)]).leads == 0
    rerank.people(world.parts, [person], now=world.now)
    assert world.lead(person).score == score
    assert touches(world)[f"open:{delivery}"].validity == 0.0
    assert {row.verdict for row in world.rows("select verdict from tracking_events")} == {
        "machine",
        "unknown",
    }


def test_nothing_follows_from_a_click_before_its_verdict(world: World, person: int, delivery: int) -> None:
    rerank.people(world.parts, [person], now=world.now)
    take(world, [world.event(delivery, "click", link_no=1, ago=SECOND)])
    assert touches(world) == {}
    assert not judge.is_due(world.parts, now=world.now + observe.HOLD - 2 * SECOND)
    assert judge.is_due(world.parts, now=world.now + observe.HOLD)
    judge.due(world.parts, now=world.now + observe.HOLD)
    assert world.lead(person).breakdown["mail"] > 3
    assert world.rows("select 1 from verdicts_due") == []


def test_every_request_puts_the_verdict_off_but_not_for_ever(world: World, delivery: int) -> None:
    for second in range(0, 600, 20):
        now = world.now + second * SECOND
        observe.take(world.parts, [world.event(delivery, "probe", ago=-second * SECOND)], now=now)
    [row] = world.rows("select due_at from verdicts_due")
    assert row.due_at == world.now + observe.HOLD_MAX


def test_a_page_that_stays_open_puts_nothing_off(world: World, delivery: int) -> None:
    observe.take(world.parts, [world.event(delivery, "click", link_no=1, ago=30 * SECOND)], now=world.now)
    observe.take(world.parts, hands(world, delivery, "ab", ago=20 * SECOND), now=world.now)
    [row] = world.rows("select due_at from verdicts_due")
    assert row.due_at == world.now + 60 * SECOND


def test_a_later_burst_takes_back_the_click_that_was_believed(
    world: World, person: int, delivery: int
) -> None:
    take(world, [world.event(delivery, "click", link_no=1)])
    assert world.lead(person).breakdown.get("mail", 0) > 0
    more = [world.event(delivery, "click", link_no=n, ago=5 * MINUTE - n * SECOND) for n in (2, 3)]
    take(world, more)
    assert {touch.validity for touch in touches(world).values()} == {0.0}
    assert reason(world, delivery, 1) == "scanner:burst,pair"
    assert world.lead(person).breakdown.get("mail", 0) == 0


@pytest.mark.parametrize("kind", ["probe", "unsubscribe"])
def test_a_probe_and_the_unsubscribe_page_condemn_the_click_beside_them_and_are_no_touch(
    world: World, delivery: int, kind: str
) -> None:
    method = "HEAD" if kind == "probe" else "GET"
    beside = world.event(delivery, kind, link_no=1 if kind == "probe" else None, method=method)
    take(world, [world.event(delivery, "click", link_no=1), beside])
    assert {key: touch.validity for key, touch in touches(world).items()} == {f"click:{delivery}:1": 0.0}


def test_hands_at_the_page_bring_the_suspected_click_back(world: World, person: int, delivery: int) -> None:
    sent = timedelta(days=1)
    early = world.event(delivery, "click", link_no=1, visit="ab", ago=sent - timedelta(seconds=3))
    take(world, [early])
    assert reason(world, delivery, 1) == "suspected:early"
    page = {"visit": "ab.s.p", "url": "https://www.maker.example/price/", "method": "POST"}
    view = world.event(delivery, "view", ago=sent - timedelta(seconds=5), **page)
    beats = [
        world.event(
            delivery,
            "beat",
            ago=sent - timedelta(seconds=5 + 15 * n),
            active_s=15.0,
            has_input=True,
            **page,
        )
        for n in (1, 2, 3)
    ]
    take(world, [view, *beats])
    found = touches(world)
    assert found[f"click:{delivery}:1"].validity == 1.0
    assert found[f"click:{delivery}:1"].validity_reason == "human:early,input_on_page"
    read = found[f"view:{delivery}:ab.s.p"]
    assert (read.kind, read.validity, read.active_s, read.at) == ("web_view_key", 1.0, 45.0, view.at)


def test_beats_that_come_in_several_batches_add_up_once(world: World, delivery: int) -> None:
    page = {"visit": "ab.s.p", "url": "https://www.maker.example/x/", "active_s": 15.0, "has_input": True}
    for n in range(4):
        beat = replace(world.event(delivery, "beat", ago=MINUTE * (9 - n), **page), uid=f"beat:{n % 3}")
        take(world, [beat])
    assert touches(world)[f"view:{delivery}:ab.s.p"].active_s == 45.0


def test_the_trap_makes_no_touch_and_spoils_the_clicks_around_it(world: World, delivery: int) -> None:
    take(world, [world.event(delivery, "click", link_no=n) for n in (TRAP_LINK, 4)])
    assert {key: touch.validity for key, touch in touches(world).items()} == {f"click:{delivery}:4": 0.0}


def test_a_site_seen_to_carry_the_script_makes_clicks_wait_for_hands(world: World) -> None:
    first, second = (world.delivery(world.person()) for _ in range(2))
    url = f"{SITE}/price/"
    take(world, [world.event(first, "click", link_no=1, url=url, visit="ab", ago=MINUTE * 9)])
    assert reason(world, first, 1) == "", "no page of that site has ever reported"
    take(world, hands(world, first, "ab"))
    take(world, [world.event(second, "click", link_no=1, url=url, visit="cd")])
    assert reason(world, second, 1) == "suspected:no_beat"
    take(world, hands(world, second, "cd"))
    assert reason(world, second, 1) == "human:input_on_page"


def test_on_a_site_that_asks_first_no_hands_are_to_be_expected(world: World) -> None:
    first, second = (world.delivery(world.person()) for _ in range(2))
    url = f"{SITE}/price/"
    take(world, [world.event(first, "click", link_no=1, url=url, visit="ab", ago=MINUTE * 9)])
    take(world, hands(world, first, "ab"))
    world.run("insert into sites (origin, mode, changed_at) values (:s, 'ask', :now)", s=SITE, now=world.now)
    take(world, [world.event(second, "click", link_no=1, url=url, visit="cd")])
    assert reason(world, second, 1) == ""


def test_a_network_that_scans_two_companies_mails_is_learned_and_judges_earlier_clicks_again(
    world: World,
) -> None:
    lone, one, other = (world.delivery(world.person()) for _ in range(3))
    take(world, [world.event(lone, "click", link_no=1, net=CLOUD, ago=MINUTE * 40)])
    take(world, scan(world, one))
    assert reason(world, lone, 1) == "", "one company's network holds its people too"
    take(world, scan(world, other))
    assert reason(world, lone, 1) == "suspected:learned_network"
    rows = world.rows("select domain, visits, people, machines_until from scanner_networks order by domain")
    assert [(row.visits, row.people) for row in rows] == [(1, 0), (1, 0)]
    assert rows[0].machines_until == world.now - MINUTE * 30 + 2 * SECOND + timedelta(days=30)


def test_hands_from_a_learned_network_clear_it(world: World) -> None:
    lone, one, other, third = (world.delivery(world.person()) for _ in range(4))
    take(world, [*scan(world, one), *scan(world, other)])
    take(world, [world.event(lone, "click", link_no=1, net=CLOUD)])
    assert reason(world, lone, 1) == "suspected:learned_network"
    take(world, hands(world, third, "ab", net=CLOUD))
    assert reason(world, lone, 1) == ""


def test_a_network_is_forgotten_thirty_days_after_its_last_scan(world: World) -> None:
    take(world, [event for _ in range(2) for event in scan(world, world.delivery(world.person()))])
    later = world.now + timedelta(days=31)
    lone = world.delivery(world.person())
    take(world, [world.event(lone, "click", link_no=1, net=CLOUD, ago=-timedelta(days=30))], now=later)
    assert reason(world, lone, 1) == ""
    rerank.nightly(world.parts, now=later)
    assert world.rows("select 1 from scanner_networks") == []


def test_a_verdict_whose_grounds_are_forgotten_stands(world: World, delivery: int) -> None:
    day = timedelta(days=1)
    take(world, [world.event(delivery, "click", link_no=1)])
    later = world.now + 95 * day
    rerank.nightly(world.parts, now=later)
    take(world, [world.event(delivery, "click", link_no=2, ago=-95 * day + 3 * MINUTE)], now=later)
    assert (reason(world, delivery, 1), reason(world, delivery, 2)) == ("", "")


def test_mails_that_a_dead_worker_was_judging_are_judged_by_another(
    world: World, person: int, delivery: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*args: object, **more: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(rerank, "for_people", die)
        with pytest.raises(KeyboardInterrupt):
            take(world, [world.event(delivery, "click", link_no=1)])
    assert touches(world) == {}, "verdict, touchpoint and rank stand together or not at all"
    assert judge.due(world.parts, now=world.now).mails == 0, "it may be alive"
    later = world.now + verdicts.CLAIMED
    assert judge.is_due(world.parts, now=later)
    assert judge.due(world.parts, now=later).mails == 1
    assert world.lead(person).breakdown["mail"] > 3
    assert world.rows("select 1 from verdict_claims") == []


def test_the_number_of_statements_does_not_grow_with_the_events(world: World) -> None:
    seen: list[str] = []

    def count(conn: Any, cursor: Any, statement: str, *rest: Any) -> None:
        seen.append(statement)

    def statements(events: list[Event]) -> int:
        seen.clear()
        sql_event.listen(world.parts.engine, "before_cursor_execute", count)
        take(world, events)
        sql_event.remove(world.parts.engine, "before_cursor_execute", count)
        return len(seen)

    mails = [world.delivery(world.person(touches=[("badge_scan", 60)])) for _ in range(31)]
    few = statements([world.event(mails[0], "click", link_no=1)])
    gaps = ((1, MINUTE * 8), (2, MINUTE * 5))
    many = [world.event(mail, "click", link_no=n, ago=ago) for mail in mails[1:] for n, ago in gaps]
    assert statements(many) == few


def test_a_click_carries_the_tags_of_the_mails_content_as_they_were_then(world: World, delivery: int) -> None:
    retag(world, delivery, ("検査", "省人化"))
    take(world, [world.event(delivery, "click", link_no=1), world.event(delivery, "open")])
    retag(world, delivery, ("別の話",))
    found = touches(world)
    assert found[f"click:{delivery}:1"].tags == ["検査", "省人化"]
    assert found[f"open:{delivery}"].tags == [], "nobody is known to have read anything"


def retag(world: World, delivery: int, tags: Sequence[str]) -> None:
    with world.parts.engine.begin() as tx:
        content = tx.execute(
            text("insert into contents (title, kind, created_at) values ('t', 'info', :now) returning id"),
            {"now": world.now},
        ).scalar_one()
        tx.execute(
            text("update contents set tags = :tags where id = :id"), {"tags": list(tags), "id": content}
        )
        tx.execute(
            text("update deliveries set content_id = :c where id = :id"), {"c": content, "id": delivery}
        )


def test_every_signal_is_judged_soon_enough_to_be_told_within_five_minutes() -> None:
    tick = timedelta(minutes=1)
    assert observe.HOLD_MAX + tick <= timedelta(minutes=5)
    assert observe.HOLD + tick <= timedelta(minutes=5)


def test_only_what_counts_or_counted_moves_a_rank(world: World) -> None:
    scanned, clicked = (world.delivery(world.person(touches=[("badge_scan", 60)])) for _ in range(2))
    done = take(world, [*scan(world, scanned), world.event(clicked, "click", link_no=1)])
    assert (done.mails, done.people) == (2, 1)


def test_a_click_of_more_than_ninety_days_ago_keeps_its_verdict_when_a_scanner_takes_the_same_link(
    world: World, delivery: int
) -> None:
    take(world, [world.event(delivery, "click", link_no=1)])
    before = touches(world)
    later = world.now + timedelta(days=95)
    observe.purge(world.parts, now=later)
    late = [replace(one, at=one.at + timedelta(days=95)) for one in scan(world, delivery)]
    take(world, late, now=later)
    assert touches(world)[f"click:{delivery}:1"] == before[f"click:{delivery}:1"]
    assert touches(world)[f"click:{delivery}:2"].validity == 0.0


def test_two_workers_share_the_mails_and_judge_each_once(world: World) -> None:
    mails = [world.delivery(world.person(touches=[("badge_scan", 60)])) for _ in range(40)]
    for base in (0, 20):
        observe.take(
            world.parts,
            [world.event(mail, "click", link_no=1) for mail in mails[base : base + 20]],
            now=world.now,
        )
    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(lambda _: judge.due(world.parts, now=world.now, limit=3), range(4)))
    assert sum(one.mails for one in done) == len(mails)
    assert len(touches(world)) == len(mails)
    assert world.rows("select 1 from verdict_claims") == []


def test_what_comes_in_for_a_mail_under_judgement_waits_until_that_is_settled(
    world: World, delivery: int
) -> None:
    observe.take(world.parts, [world.event(delivery, "click", link_no=1)], now=world.now)
    with world.parts.engine.begin() as tx:
        claim = verdicts.claim(tx, now=world.now, limit=10)
    assert claim is not None
    observe.take(world.parts, [world.event(delivery, "click", link_no=2)], now=world.now)
    with world.parts.engine.begin() as tx:
        assert verdicts.claim(tx, now=world.now, limit=10) is None
        assert verdicts.settle(tx, claim)
    with world.parts.engine.begin() as tx:
        again = verdicts.claim(tx, now=world.now, limit=10)
    assert again is not None
    assert again.delivery_ids == (delivery,)


def test_who_has_held_a_claim_too_long_writes_nothing(world: World, delivery: int) -> None:
    observe.take(world.parts, [world.event(delivery, "click", link_no=1)], now=world.now)
    with world.parts.engine.begin() as tx:
        slow = verdicts.claim(tx, now=world.now, limit=10)
    assert slow is not None
    later = world.now + verdicts.CLAIMED
    assert judge.due(world.parts, now=later).mails == 1
    with world.parts.engine.begin() as tx:
        assert not verdicts.settle(tx, slow)
