"""From a request at the tracker to a touchpoint and a rank, on real parts."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from wsgiref.util import setup_testing_defaults

import pytest
import redis
from sqlalchemy import event as sql_event

from campaigns.parts import STREAM, Parts
from campaigns.services import observe, rerank
from tests.services.world import World
from tracking_pixel.app import Tracker
from tracking_pixel.events import Event, EventKind
from tracking_pixel.links import TRAP_LINK, Links
from tracking_pixel.stream import Consumer, Stream

CHROME = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36"
MINUTE = timedelta(minutes=1)


@pytest.fixture
def world(parts: Parts, now: datetime) -> World:
    return World.build(parts, now)


@pytest.fixture
def person(world: World) -> int:
    return world.person(touches=[("badge_scan", 60)])


@pytest.fixture
def delivery(world: World, person: int) -> int:
    return world.delivery(person)


def made(world: World, delivery: int, kind: str, *, ago: timedelta = MINUTE, **more: Any) -> Event:
    world.count += 1
    more.setdefault("ua", CHROME)
    return Event(
        uid=f"u{world.count}", kind=EventKind(kind), delivery_id=delivery, at=world.now - ago, **more
    )


def touches(world: World) -> dict[str, Any]:
    rows = world.rows("select * from touchpoints where source_key not like 'test:%'")
    return {row.source_key: row for row in rows}


def test_a_click_becomes_a_touch_and_moves_the_rank(world: World, person: int, delivery: int) -> None:
    done = observe.take(
        world.parts, [made(world, delivery, "click", link_no=2, url="https://a.example/")], now=world.now
    )
    assert (done.stored, done.ranked) == (1, 1)
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
    events = [made(world, delivery, "click", link_no=1), made(world, delivery, "open")]
    observe.take(world.parts, events, now=world.now)
    before = (touches(world), world.lead(person))
    again = observe.take(world.parts, events, now=world.now)
    assert again.stored == 0
    assert (touches(world), world.lead(person)) == before


def test_an_open_by_an_image_proxy_does_not_raise_the_rank(world: World, person: int, delivery: int) -> None:
    rerank.people(world.parts, [person], now=world.now)
    score = world.lead(person).score
    for agent in ("Mozilla/5.0", "Mozilla/5.0 (via ggpht.com GoogleImageProxy)", CHROME):
        observe.take(world.parts, [made(world, delivery, "open", ua=agent)], now=world.now)
    rerank.people(world.parts, [person], now=world.now)
    assert world.lead(person).score == score
    assert touches(world)[f"open:{delivery}"].validity == 0.0
    assert {row.verdict for row in world.rows("select verdict from tracking_events")} == {
        "machine",
        "unknown",
    }


def test_a_burst_takes_back_the_click_that_was_believed(world: World, person: int, delivery: int) -> None:
    observe.take(world.parts, [made(world, delivery, "click", link_no=1)], now=world.now)
    assert world.lead(person).breakdown.get("mail", 0) > 0
    more = [made(world, delivery, "click", link_no=n, ago=MINUTE - timedelta(seconds=n)) for n in (2, 3)]
    observe.take(world.parts, more, now=world.now)
    assert {touch.validity for touch in touches(world).values()} == {0.0}
    assert touches(world)[f"click:{delivery}:1"].validity_reason == "scanner:burst"
    assert world.lead(person).breakdown.get("mail", 0) == 0


def test_a_fresh_click_waits_some_seconds_for_what_speaks_against_it(
    world: World, person: int, delivery: int
) -> None:
    rerank.people(world.parts, [person], now=world.now)
    fresh = made(world, delivery, "click", link_no=1, ago=timedelta(seconds=1))
    observe.take(world.parts, [fresh], now=world.now)
    assert touches(world)[f"click:{delivery}:1"].validity == 1.0
    assert "mail" not in world.lead(person).breakdown
    assert world.lead(person).next_change_at == world.now + observe.HOLD
    rerank.due(world.parts, now=world.now + observe.HOLD)
    assert world.lead(person).breakdown["mail"] > 3


def test_hands_at_the_page_bring_the_suspected_click_back(world: World, person: int, delivery: int) -> None:
    sent = timedelta(days=1)
    early = made(world, delivery, "click", link_no=1, visit="ab", ago=sent - timedelta(seconds=3))
    observe.take(world.parts, [early], now=world.now)
    assert touches(world)[f"click:{delivery}:1"].validity_reason == "suspected:early"
    page = {"visit": "ab.s.p", "url": "https://www.maker.example/price/", "method": "POST"}
    view = made(world, delivery, "view", ago=sent - timedelta(seconds=5), **page)
    beats = [
        made(
            world,
            delivery,
            "beat",
            ago=sent - timedelta(seconds=5 + 15 * n),
            active_s=15.0,
            has_input=True,
            **page,
        )
        for n in (1, 2, 3)
    ]
    observe.take(world.parts, [view, *beats], now=world.now)
    found = touches(world)
    assert found[f"click:{delivery}:1"].validity == 1.0
    assert found[f"click:{delivery}:1"].validity_reason == "human:early,input_on_page"
    read = found[f"view:{delivery}:ab.s.p"]
    assert (read.kind, read.validity, read.active_s, read.at) == ("web_view_key", 1.0, 45.0, view.at)


def test_beats_that_come_in_several_batches_add_up_once(world: World, delivery: int) -> None:
    page = {"visit": "ab.s.p", "url": "https://www.maker.example/x/", "active_s": 15.0, "has_input": True}
    for n in range(4):
        beat = replace(made(world, delivery, "beat", ago=MINUTE * (9 - n), **page), uid=f"beat:{n % 3}")
        observe.take(world.parts, [beat], now=world.now)
    assert touches(world)[f"view:{delivery}:ab.s.p"].active_s == 45.0


def test_the_trap_makes_no_touch_and_spoils_the_clicks_around_it(world: World, delivery: int) -> None:
    clicks = [made(world, delivery, "click", link_no=n) for n in (TRAP_LINK, 4)]
    observe.take(world.parts, clicks, now=world.now)
    assert {key: touch.validity for key, touch in touches(world).items()} == {f"click:{delivery}:4": 0.0}


def test_an_open_or_click_resolves_what_was_in_doubt(world: World, person: int) -> None:
    doubtful, waiting = world.delivery(person, state="in_doubt"), world.delivery(person, state="failed")
    events = [made(world, doubtful, "open"), made(world, waiting, "open")]
    assert observe.take(world.parts, events, now=world.now).resolved == 1
    states = {row.id: row.state for row in world.rows("select id, state from deliveries")}
    assert (states[doubtful], states[waiting]) == ("sent", "failed")


def test_who_does_not_want_to_be_tracked_leaves_no_trace(world: World) -> None:
    silent = world.delivery(world.person(do_not_track=True))
    done = observe.take(world.parts, [made(world, silent, "click", link_no=1)], now=world.now)
    assert done.stored == 0
    assert world.rows("select 1 from tracking_events") == []
    assert touches(world) == {}


def test_an_event_of_an_unknown_delivery_is_dropped(world: World, delivery: int) -> None:
    events = [made(world, 999_999_999, "click", link_no=1), made(world, delivery, "click", link_no=1)]
    assert observe.take(world.parts, events, now=world.now).stored == 1


def test_a_flood_of_beats_is_kept_within_bounds(world: World, delivery: int) -> None:
    for base in range(0, 7000, 1000):
        flood = [
            replace(made(world, delivery, "beat", visit=f"ab.s.p{n}"), uid=f"beat:{n}")
            for n in range(base, base + 1000)
        ]
        observe.take(world.parts, flood, now=world.now)
    assert len(world.rows("select 1 from tracking_events")) <= 6000


def test_the_number_of_statements_does_not_grow_with_the_events(world: World) -> None:
    seen: list[str] = []

    def count(conn: Any, cursor: Any, statement: str, *rest: Any) -> None:
        seen.append(statement)

    def statements(events: list[Event]) -> int:
        seen.clear()
        sql_event.listen(world.parts.engine, "before_cursor_execute", count)
        observe.take(world.parts, events, now=world.now)
        sql_event.remove(world.parts.engine, "before_cursor_execute", count)
        return len(seen)

    mails = [world.delivery(world.person(touches=[("badge_scan", 60)])) for _ in range(31)]
    few = statements([made(world, mails[0], "click", link_no=1)])
    assert statements([made(world, mail, "click", link_no=n) for mail in mails[1:] for n in (1, 2)]) == few


def request(app: Any, url: str) -> str:
    environ: dict[str, Any] = {}
    setup_testing_defaults(environ)
    environ |= {"PATH_INFO": url.removeprefix("http://127.0.0.1:8000"), "HTTP_USER_AGENT": CHROME}
    status: list[str] = []
    app(environ, lambda code, headers, *rest: status.append(code))
    return status[0]


def test_a_request_at_the_tracker_reaches_the_rank(world: World, person: int, delivery: int) -> None:
    parts = world.parts
    app = Tracker(parts.signer, parts.stream, now=lambda: world.now - MINUTE)
    links = Links(parts.signer, "http://127.0.0.1:8000")
    assert request(app, links.open_url(delivery)) == "200 OK"
    assert request(app, links.click_url(delivery, 1, "https://www.partner.example/")) == "302 Found"
    parts.stream.close()
    done = observe.run(parts, now=world.now)
    assert (done.entries, done.stored) == (2, 2)
    assert world.lead(person).breakdown["mail"] > 3
    assert parts.redis.xlen(STREAM) == 0
    assert observe.run(parts, now=world.now).entries == 0


def test_a_run_that_died_before_its_acknowledgement_is_done_again(
    world: World, person: int, delivery: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = world.parts
    parts.stream.push(made(world, delivery, "click", link_no=1))

    def die(self: Consumer, ids: object) -> None:
        raise redis.ConnectionError

    with monkeypatch.context() as patch:
        patch.setattr(Consumer, "ack", die)
        observe.run(parts, now=world.now)
    claim = Consumer.claim_stale
    monkeypatch.setattr(Consumer, "claim_stale", lambda self, count: claim(self, count, idle_s=0))
    done = observe.run(parts, now=world.now)
    assert (done.entries, done.stored) == (1, 0)
    assert len(touches(world)) == 1
    assert parts.redis.xlen(STREAM) == 0
    parts.stream.close()


def test_with_redis_down_the_click_answers_and_the_event_arrives_later(
    world: World, person: int, delivery: int
) -> None:
    parts = world.parts
    away = replace(parts, redis=redis.Redis.from_url("redis://127.0.0.1:1"))
    app = Tracker(away.signer, away.stream, now=lambda: world.now - MINUTE)
    url = Links(parts.signer, "http://127.0.0.1:8000").click_url(delivery, 1, "https://www.partner.example/")
    assert request(app, url) == "302 Found"
    away.stream.close()
    assert observe.run(away, now=world.now) == observe.Observed()
    assert observe.run(parts, now=world.now).stored == 1
    assert list(touches(world)) == [f"click:{delivery}:1"]
    parts.stream.close()


def test_rubbish_in_the_stream_is_put_aside(world: World, delivery: int) -> None:
    parts = world.parts
    parts.redis.xadd(STREAM, {b"e": b"\xff\x00"})
    Stream(parts.redis, STREAM, parts.stream._spool).write([made(world, delivery, "click", link_no=1)])
    done = observe.run(parts, now=world.now)
    assert (done.entries, done.stored) == (2, 1)
    assert parts.redis.xlen(STREAM) == 0


def test_agents_and_networks_are_forgotten_after_ninety_days(world: World, delivery: int) -> None:
    old = made(world, delivery, "open", ago=timedelta(days=91), net="203.0.113.0/24")
    new = made(world, delivery, "open", ago=timedelta(days=89), net="203.0.113.0/24")
    observe.take(world.parts, [old, new], now=world.now)
    rerank.nightly(world.parts, now=world.now)
    rows = {row.uid: (row.ua, row.net) for row in world.rows("select uid, ua, net from tracking_events")}
    assert rows == {old.uid: ("", ""), new.uid: (CHROME, "203.0.113.0/24")}
