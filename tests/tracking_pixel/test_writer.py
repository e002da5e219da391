"""Group commit on an event loop, against a Valkey that dies."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Awaitable, Callable, Coroutine
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import redis

from tracking_pixel import counts, writer
from tracking_pixel.counts import Count
from tracking_pixel.events import Event, EventKind
from tracking_pixel.spool import Spool
from tracking_pixel.stream import Consumer, Stream
from tracking_pixel.writer import Writer

AT = datetime(2026, 11, 24, 1, 0, tzinfo=UTC)


def raw(number: int) -> bytes:
    return Event(uid=f"e{number}", kind=EventKind.CLICK, delivery_id=number, at=AT).to_bytes()


def within(stream: Stream, do: Callable[[Writer], Awaitable[None]]) -> None:
    """A writer's life: begun, used, closed."""

    async def live() -> None:
        made = stream.writer()
        made.start(asyncio.get_running_loop())
        await do(made)
        await made.close()

    asyncio.run(live())


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return Spool(tmp_path / "spool")


@pytest.fixture
def stream(valkey: Any, spool: Spool) -> Stream:
    return Stream.connect(valkey.url, "s", spool)


def names(url: str) -> list[str]:
    return [event.uid for entry in Consumer.connect(url, "s").read(10_000) for event in entry.events]


def spooled(spool: Spool) -> list[str]:
    moved: list[bytes] = []
    spool.drain(moved.extend)
    return [Event.from_bytes(one).uid for one in moved]


def test_clicks_of_one_moment_are_one_entry_and_each_knows_that_it_is_stored(
    valkey: Any, stream: Stream
) -> None:
    async def do(writer: Writer) -> None:
        assert await asyncio.gather(*[writer.stored(raw(number)) for number in range(80)]) == [True] * 80

    within(stream, do)
    assert redis.Redis.from_url(valkey.url).xlen("s") == 1
    assert names(valkey.url) == [f"e{number}" for number in range(80)]


def test_a_group_larger_than_an_entry_arrives_whole_and_in_order(valkey: Any, stream: Stream) -> None:
    async def do(writer: Writer) -> None:
        for number in range(350):
            writer.add(raw(number))

    within(stream, do)
    assert names(valkey.url) == [f"e{number}" for number in range(350)]


def test_opens_wait_for_company_and_a_click_takes_them_along(valkey: Any, stream: Stream) -> None:
    async def do(writer: Writer) -> None:
        client = redis.Redis.from_url(valkey.url)
        writer.add(raw(1))
        await asyncio.sleep(0.01)
        assert client.xlen("s") == 0
        await writer.stored(raw(2))
        assert client.xlen("s") == 1

    within(stream, do)
    assert names(valkey.url) == ["e1", "e2"]


def test_an_error_reply_sends_the_group_to_the_disk(valkey: Any, stream: Stream, spool: Spool) -> None:
    redis.Redis.from_url(valkey.url).set("s", "another program's")

    async def do(writer: Writer) -> None:
        assert await writer.stored(raw(1))

    within(stream, do)
    assert spooled(spool) == ["e1"]
    assert redis.Redis.from_url(valkey.url).hgetall(counts.key("s")) == {b"spooled": b"1"}


def test_with_redis_gone_clicks_are_stored_on_the_disk_and_given_back_later(
    valkey: Any, stream: Stream, spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("BREAK_S", "DRAIN_EVERY_S", "IDLE_S"):
        monkeypatch.setattr(writer, name, 0.05)

    async def do(writer: Writer) -> None:
        valkey.kill()
        assert all(await asyncio.gather(*[writer.stored(raw(number)) for number in range(10)]))
        assert not spool.is_empty()
        valkey.start()
        limit = time.monotonic() + 5
        while not spool.is_empty() and time.monotonic() < limit:
            await asyncio.sleep(0.02)

    within(stream, do)
    assert names(valkey.url) == [f"e{number}" for number in range(10)]


def test_a_server_that_never_answers_costs_one_timeout(spool: Spool) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        stream = Stream.connect(f"redis://127.0.0.1:{mute.getsockname()[1]}/0", "s", spool)

        async def do(writer: Writer) -> None:
            began = time.monotonic()
            for number in range(20):
                assert await writer.stored(raw(number))
            assert time.monotonic() - began < 1.5

        within(stream, do)
    assert len(spooled(spool)) == 20


def test_with_redis_and_disk_gone_a_click_is_told_so_and_the_loss_is_counted(
    valkey: Any, tmp_path: Path
) -> None:
    (tmp_path / "spool").write_text("a file where the folder should be")
    stream = Stream.connect(valkey.url, "s", Spool(tmp_path / "spool"))
    valkey.kill()

    async def do(writer: Writer) -> None:
        assert not await writer.stored(raw(1))

    within(stream, do)
    assert stream.counts.of(Count.LOST) == 1


def test_what_finds_no_room_is_refused_at_once(stream: Stream, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "GROUP_MAX", 2)

    async def do(writer: Writer) -> None:
        kept = [writer.stored(raw(number)) for number in range(2)]
        assert not await writer.stored(raw(2))
        assert await asyncio.gather(*kept) == [True, True]

    within(stream, do)


def test_a_click_that_nothing_stores_is_told_so_in_the_end(
    stream: Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "WAIT_S", 0.05)

    def never(writer: Writer) -> Coroutine[Any, Any, None]:
        async def do() -> None:
            monkeypatch.setattr(writer, "_store", lambda group: asyncio.sleep(0))
            assert not await writer.stored(raw(1))

        return do()

    within(stream, never)


def test_what_nobody_foresaw_costs_one_group_and_not_those_that_follow(
    valkey: Any, stream: Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "WAIT_S", 0.2)
    entries = writer.entries

    async def do(made: Writer) -> None:
        monkeypatch.setattr(writer, "entries", lambda raws: 1 / 0)
        assert not await made.stored(raw(1))
        monkeypatch.setattr(writer, "entries", entries)
        assert await made.stored(raw(2))

    within(stream, do)
    assert names(valkey.url) == ["e2"]


def test_counts_of_all_processes_add_up(valkey: Any, stream: Stream, spool: Spool) -> None:
    async def do(writer: Writer) -> None:
        writer.counts.add(Count.BAD_TOKEN, 3)

    within(stream, do)
    within(Stream.connect(valkey.url, "s", spool), do)
    assert redis.Redis.from_url(valkey.url).hgetall(counts.key("s")) == {b"bad_token": b"6"}


def test_counts_that_redis_does_not_take_are_kept(valkey: Any, stream: Stream) -> None:
    async def do(writer: Writer) -> None:
        valkey.kill()
        writer.counts.add(Count.BAD_TOKEN, 3)

    within(stream, do)
    assert stream.counts.of(Count.BAD_TOKEN) == 3
