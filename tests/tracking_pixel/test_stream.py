import os
import signal
import socket
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import redis

from tracking_pixel.counts import Count
from tracking_pixel.events import Event, EventKind
from tracking_pixel.spool import Spool
from tracking_pixel.stream import Consumer, Stream

AT = datetime(2026, 11, 24, 1, 0, tzinfo=UTC)


def event(number: int) -> Event:
    return Event(uid=f"e{number}", kind=EventKind.CLICK, delivery_id=number, at=AT)


def names(entries: Any) -> list[str]:
    return [event.uid for entry in entries for event in entry.events]


def raws(*numbers: int) -> list[bytes]:
    return [event(number).to_bytes() for number in numbers]


def uids(moved: list[bytes]) -> list[str]:
    return [Event.from_bytes(raw).uid for raw in moved]


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return Spool(tmp_path / "spool")


def test_a_waited_push_is_stored_when_it_returns(valkey: Any, spool: Spool) -> None:
    stream = Stream.connect(valkey.url, "s", spool)
    assert stream.push(event(1))
    consumer = Consumer.connect(valkey.url, "s")
    assert names(consumer.read(10)) == ["e1"]
    stream.close()


def test_an_acknowledged_click_survives_the_death_of_the_server(valkey: Any, spool: Spool) -> None:
    stream = Stream.connect(valkey.url, "s", spool)
    assert all(stream.push(event(number)) for number in range(20))
    valkey.kill()
    valkey.start()
    assert len(names(Consumer.connect(valkey.url, "s").read(100))) == 20
    stream.close()


def test_clicks_of_many_threads_share_one_round_trip(valkey: Any, spool: Spool) -> None:
    stream = Stream.connect(valkey.url, "s", spool)
    threads = [
        threading.Thread(target=lambda base=base: [stream.push(event(base + n)) for n in range(20)])
        for base in range(0, 400, 20)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    stream.close()
    assert redis.Redis.from_url(valkey.url).xlen("s") < 200
    assert len(set(names(Consumer.connect(valkey.url, "s").read(1000)))) == 400


def test_with_redis_down_a_push_is_quick_and_arrives_later(valkey: Any, spool: Spool) -> None:
    stream = Stream.connect(valkey.url, "s", spool)
    assert stream.push(event(0))
    valkey.kill()
    began = time.monotonic()
    assert all(stream.push(event(number)) for number in range(1, 51))
    assert time.monotonic() - began < 2.0
    assert not spool.is_empty()
    valkey.start()
    assert stream.drain() == 50
    assert spool.is_empty()
    assert names(Consumer.connect(valkey.url, "s").read(100)) == [f"e{number}" for number in range(51)]
    stream.close()


def test_a_server_that_accepts_and_never_answers_costs_one_timeout(spool: Spool) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        stream = Stream.connect(f"redis://127.0.0.1:{mute.getsockname()[1]}/0", "s", spool)
        began = time.monotonic()
        for number in range(100):
            assert stream.push(event(number))
        assert time.monotonic() - began < 2.0
        stream.close()
    moved: list[bytes] = []
    assert spool.drain(moved.extend) == 100


def test_with_redis_and_disk_gone_a_push_still_returns(valkey: Any, tmp_path: Path) -> None:
    (tmp_path / "spool").write_text("a file where the folder should be")
    stream = Stream.connect(valkey.url, "s", Spool(tmp_path / "spool"))
    valkey.kill()
    stream.push(event(1))
    stream.close()
    assert stream.counts.of(Count.LOST) == 1


def test_what_a_dead_reader_took_is_claimed_again_until_acknowledged(valkey: Any, spool: Spool) -> None:
    stream = Stream.connect(valkey.url, "s", spool)
    for number in range(3):
        stream.push(event(number))
    one, other = Consumer.connect(valkey.url, "s"), Consumer.connect(valkey.url, "s")
    taken = one.read(10)
    assert names(taken) == ["e0", "e1", "e2"]
    assert other.read(10) == []
    assert other.claim_stale(10) == []
    again = other.claim_stale(10, idle_s=0)
    assert names(again) == ["e0", "e1", "e2"]
    other.ack([entry.id for entry in again])
    assert other.claim_stale(10, idle_s=0) == []
    assert redis.Redis.from_url(valkey.url).xlen("s") == 0
    stream.close()


def test_a_reader_sees_rubbish_as_rubbish_and_goes_on(valkey: Any, spool: Spool) -> None:
    client = redis.Redis.from_url(valkey.url)
    client.xadd("s", {b"e": b"\xff not json"})
    client.xadd("s", {b"other": b"field"})
    client.xadd("s", {b"0": event(1).to_bytes(), b"1": b"{}", b"2": event(2).to_bytes()})
    client.xadd("s", {b"0": b"x" * 20_000})
    consumer = Consumer.connect(valkey.url, "s")
    entries = consumer.read(10)
    assert [(len(entry.events), [one.reason for one in entry.rubbish]) for entry in entries] == [
        (0, ["no_event"]),
        (0, ["no_event"]),
        (2, ["no_event"]),
        (0, ["too_long"]),
    ]
    assert entries[0].rubbish[0].raw == b"\xff not json"
    consumer.ack([entry.id for entry in entries])
    assert consumer.read(10) == consumer.claim_stale(10, idle_s=0) == []


@pytest.mark.parametrize("reader", ["read", "claim_stale"])
def test_a_key_of_another_kind_in_the_streams_place_is_set_aside_and_reported_once(
    valkey: Any, spool: Spool, reader: str
) -> None:
    client = redis.Redis.from_url(valkey.url)
    client.set("s", "another program's")
    consumer = Consumer.connect(valkey.url, "s")
    [entry] = getattr(consumer, reader)(10)
    [found] = entry.rubbish
    assert (entry.events, found.reason) == ((), "foreign_key")
    assert client.get(found.raw.decode()) == b"another program's"
    consumer.ack([entry.id])
    assert getattr(consumer, reader)(10) == []
    stream = Stream.connect(valkey.url, "s", spool)
    assert stream.push(event(1))
    assert names(consumer.read(10)) == ["e1"]
    stream.close()


def test_a_redis_that_forgot_everything_is_used_again(valkey: Any, spool: Spool) -> None:
    stream = Stream.connect(valkey.url, "s", spool)
    consumer = Consumer.connect(valkey.url, "s")
    assert consumer.claim_stale(10) == []
    assert consumer.read(10) == []
    redis.Redis.from_url(valkey.url).flushall()
    stream.push(event(1))
    assert names(consumer.read(10)) == ["e1"]
    stream.close()


def test_the_stream_knows_whether_somebody_should_read(valkey: Any, spool: Spool) -> None:
    stream = Stream.connect(valkey.url, "s", spool)
    consumer = Consumer.connect(valkey.url, "s")
    assert not stream.waiting()
    stream.push(event(1))
    assert stream.waiting()
    entries = consumer.read(10)
    assert not stream.waiting()
    consumer.ack([entry.id for entry in entries])
    assert not stream.waiting()
    stream.push(event(2))
    assert stream.waiting()
    stream.close()


def test_two_drainers_never_move_an_event_twice(spool: Spool, tmp_path: Path) -> None:
    for number in range(300):
        if number % 100 == 0:
            writer = Spool(tmp_path / "spool")
        writer.append(raws(number))
    moved: list[str] = []
    drainers = [Spool(tmp_path / "spool") for _ in range(4)]
    threads = [
        threading.Thread(target=lambda d=d: d.drain(lambda events: moved.extend(uids(events))))
        for d in drainers
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(moved) == sorted(f"e{number}" for number in range(300))
    assert spool.is_empty()


def test_draining_while_others_write_loses_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "spool"
    moved: list[str] = []
    writers = [Spool(folder) for _ in range(3)]

    def write(writer: Spool, base: int) -> None:
        for number in range(base, base + 150):
            writer.append(raws(number))

    threads = [
        threading.Thread(target=write, args=(writer, index * 1000)) for index, writer in enumerate(writers)
    ]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        Spool(folder).drain(lambda events: moved.extend(uids(events)))
    Spool(folder).drain(lambda events: moved.extend(uids(events)))
    assert len(moved) == len(set(moved)) == 450


def test_a_drain_that_fails_keeps_the_file(spool: Spool) -> None:
    spool.append(raws(1))

    def refuse(events: object) -> None:
        raise ConnectionError

    with pytest.raises(ConnectionError):
        spool.drain(refuse)
    moved: list[bytes] = []
    assert spool.drain(moved.extend) == 1
    assert uids(moved) == ["e1"]


def test_a_torn_last_line_does_not_spoil_the_others(spool: Spool, tmp_path: Path) -> None:
    spool.append(raws(1, 2))
    [path] = (tmp_path / "spool").iterdir()
    path.write_bytes(path.read_bytes() + b'00000000 {"i":"e3","k":"cli')
    moved: list[bytes] = []
    assert spool.drain(moved.extend) == 2


def test_a_line_spoilt_on_the_disk_is_left_out(spool: Spool, tmp_path: Path) -> None:
    spool.append(raws(1, 2, 3))
    [path] = (tmp_path / "spool").iterdir()
    path.write_bytes(path.read_bytes().replace(b'"e2"', b'"e7"'))
    moved: list[bytes] = []
    spool.drain(moved.extend)
    assert uids(moved) == ["e1", "e3"]


def test_a_drainer_killed_halfway_leaves_its_file_to_the_next(spool: Spool, tmp_path: Path) -> None:
    spool.append(raws(*range(10)))
    code = (
        "import sys, time; from pathlib import Path; from tracking_pixel.spool import Spool\n"
        "def into(events): print('taken', flush=True); time.sleep(60)\n"
        "Spool(Path(sys.argv[1])).drain(into)"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path / "spool")], stdout=subprocess.PIPE, cwd=Path.cwd()
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"taken\n"
    moved: list[bytes] = []
    assert spool.drain(moved.extend) == 0, "the living drainer holds it"
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    process.stdout.close()
    assert spool.drain(moved.extend) == 10
