"""From a request at the tracker to a touchpoint and a rank, on real parts."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from wsgiref.util import setup_testing_defaults

import pytest
import redis

from campaigns.parts import STREAM, Parts
from campaigns.services import observe, rerank
from tests.services.world import CHROME, World
from tracking_pixel.app import Tracker
from tracking_pixel.links import Links
from tracking_pixel.stream import Consumer, Stream

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


def touches(world: World) -> dict[str, Any]:
    rows = world.rows("select * from touchpoints where source_key not like 'test:%'")
    return {row.source_key: row for row in rows}


def test_an_open_or_click_resolves_what_was_in_doubt(world: World, person: int) -> None:
    doubtful, waiting = world.delivery(person, state="in_doubt"), world.delivery(person, state="failed")
    events = [world.event(doubtful, "open"), world.event(waiting, "open")]
    assert observe.take(world.parts, events, now=world.now).resolved == 1
    states = {row.id: row.state for row in world.rows("select id, state from deliveries")}
    assert (states[doubtful], states[waiting]) == ("sent", "failed")


def test_who_does_not_want_to_be_tracked_leaves_no_trace(world: World) -> None:
    silent = world.delivery(world.person(do_not_track=True))
    done = observe.take(world.parts, [world.event(silent, "click", link_no=1)], now=world.now)
    assert done.stored == 0
    assert world.rows("select 1 from tracking_events") == []
    assert touches(world) == {}


def test_an_event_of_an_unknown_delivery_is_dropped(world: World, delivery: int) -> None:
    events = [world.event(999_999_999, "click", link_no=1), world.event(delivery, "click", link_no=1)]
    assert observe.take(world.parts, events, now=world.now).stored == 1


def test_a_flood_of_beats_is_kept_within_bounds(world: World, delivery: int) -> None:
    for base in range(0, 7000, 1000):
        flood = [
            replace(world.event(delivery, "beat", visit=f"ab.s.p{n}"), uid=f"beat:{n}")
            for n in range(base, base + 1000)
        ]
        observe.take(world.parts, flood, now=world.now)
    assert len(world.rows("select 1 from tracking_events")) <= 6000


def request(app: Any, url: str) -> str:
    environ: dict[str, Any] = {}
    setup_testing_defaults(environ)
    environ |= {"PATH_INFO": url.removeprefix("http://127.0.0.1:8000"), "HTTP_USER_AGENT": CHROME}
    status: list[str] = []
    app(environ, lambda code, headers, *rest: status.append(code))
    return status[0]


def test_a_request_at_the_tracker_reaches_the_rank(world: World, person: int, delivery: int) -> None:
    parts = world.parts
    app = Tracker(parts.signer, parts.stream, now=lambda: world.now - MINUTE * 2)
    links = Links(parts.signer, "http://127.0.0.1:8000")
    assert request(app, links.open_url(delivery)) == "200 OK"
    assert request(app, links.click_url(delivery, 1, "https://www.partner.example/")) == "302 Found"
    parts.stream.close()
    done = observe.run(parts, now=world.now)
    assert done.stored == 2
    assert world.lead(person).breakdown["mail"] > 3
    assert parts.redis.xlen(STREAM) == 0
    assert observe.run(parts, now=world.now).entries == 0


def test_a_run_that_died_before_its_acknowledgement_is_done_again(
    world: World, person: int, delivery: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = world.parts
    parts.stream.push(world.event(delivery, "click", link_no=1))

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
    app = Tracker(away.signer, away.stream, now=lambda: world.now - MINUTE * 2)
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
    Stream(parts.redis, STREAM, parts.stream._spool).write(
        [world.event(delivery, "click", link_no=1).to_bytes()]
    )
    done = observe.run(parts, now=world.now)
    assert (done.entries, done.stored) == (2, 1)
    assert parts.redis.xlen(STREAM) == 0


def test_agents_and_networks_are_forgotten_after_ninety_days(world: World, delivery: int) -> None:
    old = world.event(delivery, "open", ago=timedelta(days=91), net="203.0.113.0/24")
    new = world.event(delivery, "open", ago=timedelta(days=89), net="203.0.113.0/24")
    observe.take(world.parts, [old, new], now=world.now)
    rerank.nightly(world.parts, now=world.now)
    rows = {row.uid: (row.ua, row.net) for row in world.rows("select uid, ua, net from tracking_events")}
    assert rows == {old.uid: ("", ""), new.uid: (CHROME, "203.0.113.0/24")}
