"""From a request at the tracker to a touchpoint and a rank, on real parts."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from wsgiref.util import setup_testing_defaults

import pytest
import redis

from campaigns.parts import STREAM, Parts
from campaigns.services import judge, observe
from campaigns.storage import set_aside, tracking
from tests.services.world import CHROME, World
from tracking_pixel import counts
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


def test_events_are_deleted_after_ninety_days_and_what_followed_from_them_stays(
    world: World, delivery: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tracking, "DELETED_AT_ONCE", 2)
    old = [
        world.event(delivery, "click", link_no=n, ago=timedelta(days=90, minutes=n * 9)) for n in range(1, 6)
    ]
    new = world.event(delivery, "open", ago=timedelta(days=89))
    observe.take(world.parts, [*old, new], now=world.now)
    judge.due(world.parts, now=world.now)
    before = touches(world)
    assert observe.purge(world.parts, now=world.now) == 5
    assert [row.uid for row in world.rows("select uid from tracking_events")] == [new.uid]
    assert touches(world) == before
    assert len(before) == 6


def test_what_is_no_event_is_kept_with_its_reason_for_ninety_days(world: World, delivery: int) -> None:
    parts = world.parts
    good = world.event(delivery, "click", link_no=1).to_bytes()
    parts.redis.xadd(STREAM, {b"0": good, b"1": b'{"half', b"2": b"\xff\x00\xfe", b"3": b"x" * 20_000})
    done = observe.run(parts, now=world.now)
    assert (done.stored, done.set_aside) == (1, 3)
    with parts.engine.connect() as tx:
        assert set_aside.count(tx) == 3
        found = {row.reason: row.raw for row in set_aside.latest(tx) if row.raw != '{"half'}
    assert found["no_event"] == "\\xff\\x00\\xfe"
    assert len(found["too_long"]) == set_aside.RAW_MAX
    observe.purge(parts, now=world.now + timedelta(days=90, seconds=1))
    assert world.rows("select 1 from set_aside_events") == []


def test_a_key_of_another_program_under_the_streams_name_stops_nobody(world: World, delivery: int) -> None:
    parts = world.parts
    parts.redis.set(STREAM, "a value of somebody else's")
    assert not observe.is_behind(parts)
    assert observe.run(parts, now=world.now).set_aside == 1
    parts.redis.xadd(STREAM, {b"0": world.event(delivery, "click", link_no=1).to_bytes()})
    assert observe.run(parts, now=world.now).stored == 1
    [row] = world.rows("select reason, raw from set_aside_events")
    assert row.reason == "foreign_key"
    assert parts.redis.get(row.raw) == b"a value of somebody else's"


def test_events_from_the_future_and_of_mails_that_nobody_got_are_counted(world: World, delivery: int) -> None:
    parts = world.parts
    events = [
        world.event(delivery, "click", link_no=1, ago=-timedelta(days=400)),
        world.event(delivery, "click", link_no=2, ago=-MINUTE * 4),
        world.event(999_999_999, "open"),
        world.event(999_999_999, "click", link_no=1),
    ]
    parts.redis.xadd(STREAM, {str(n): event.to_bytes() for n, event in enumerate(events)})
    done = observe.run(parts, now=world.now)
    assert (done.stored, done.ahead, done.unknown) == (2, 1, 2)
    at = {row.link_no: row.at for row in world.rows("select link_no, at from tracking_events")}
    assert at == {1: world.now, 2: world.now + MINUTE * 4}
    sums = parts.redis.hgetall(counts.key(STREAM))
    assert (sums[b"ahead"], sums[b"unknown_delivery"]) == (b"1", b"2")


def test_somebody_who_is_not_to_be_measured_counts_as_nothing_unknown(world: World) -> None:
    silent = world.delivery(world.person(do_not_track=True))
    done = observe.take(world.parts, [world.event(silent, "click", link_no=1)], now=world.now)
    assert (done.stored, done.unknown) == (0, 0)


def test_of_several_opens_the_first_is_the_touchpoint_whichever_comes_first(
    world: World, delivery: int
) -> None:
    for ago in (2, 9, 5):
        observe.take(world.parts, [world.event(delivery, "open", ago=MINUTE * ago)], now=world.now)
    assert not judge.is_due(world.parts, now=world.now + MINUTE * 60), "an open needs no other's word"
    [touch] = touches(world).values()
    assert (touch.source_key, touch.at) == (f"open:{delivery}", world.now - MINUTE * 9)
    assert (touch.kind, touch.validity, touch.validity_reason) == ("mail_open", 0.0, "unknown")
    assert {row.verdict for row in world.rows("select verdict from tracking_events")} == {"unknown"}


def test_two_workers_that_store_the_same_events_at_once_store_each_once(world: World) -> None:
    mails = [world.delivery(world.person()) for _ in range(12)]
    events = [world.event(mail, "click", link_no=n) for mail in mails for n in range(1, 6)]
    with ThreadPoolExecutor(4) as pool:
        orders = [events, events[::-1], events[20:] + events[:20], events[::2] + events[1::2]]
        done = list(pool.map(lambda some: observe.take(world.parts, some, now=world.now), orders))
    assert sum(one.stored for one in done) == len(events)
    assert len(world.rows("select 1 from tracking_events")) == len(events)


def test_a_second_worker_is_asked_for_only_while_much_waits(world: World) -> None:
    parts = world.parts
    pipe = parts.redis.pipeline()
    for n in range(2 * observe.BATCH):
        pipe.xadd(STREAM, {b"0": b"%d" % n})
    pipe.execute()
    assert not observe.is_behind(parts)
    parts.redis.xadd(STREAM, {b"0": b"one more"})
    assert observe.is_behind(parts)
