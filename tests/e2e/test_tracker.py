"""`ikusei tracker` as a user starts it: clicks are stored before they are answered, and killed processes come back."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from campaigns import parts as composition
from campaigns.parts import STREAM, Parts
from campaigns.tracker import PROCESSES
from tests.e2e.commands import started
from tracking_pixel import counts
from tracking_pixel.events import Event
from tracking_pixel.links import Links
from tracking_pixel.stream import Consumer
from tracking_pixel.tokens import Signer, TokenKind

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]
HOST = "http://t"
TARGET = "https://www.example.co.jp/case/"


def ask(port: int, path: str, *, method: str = "GET", **headers: str) -> tuple[int, str]:
    """Status and target. OSError while nobody listens."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request(method, path, headers={"User-Agent": "Mozilla/5.0 Chrome/142.0"} | headers)
        answer = connection.getresponse()
        answer.read()
        return answer.status, answer.headers.get("Location", "")
    finally:
        connection.close()


def wait(port: int, *, limit_s: float = 40) -> None:
    limit = time.monotonic() + limit_s
    while time.monotonic() < limit:
        try:
            ask(port, "/o/none.gif")
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError("the tracker does not answer")


@contextmanager
def tracker(parts: Parts, **settings: str) -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    """`ikusei tracker` on a free port, once it answers."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = int(free.getsockname()[1])
    process = started(parts, "tracker", IKUSEI_TRACKER=f"127.0.0.1:{port}", **settings)
    try:
        wait(port)
        yield port, process
    finally:
        process.kill()
        process.communicate()


def events(parts: Parts) -> list[Event]:
    return [event for entry in Consumer(parts.redis, STREAM).read(1000) for event in entry.events]


def raw(port: int, octets: bytes) -> bytes:
    """The first line of the answer to these octets."""
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        connection.sendall(octets)
        return connection.makefile("rb").readline().strip()


def children(pid: int) -> set[int]:
    return {int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()}


def test_clicks_are_stored_before_the_answer_and_killed_processes_come_back(parts: Parts) -> None:
    click = Links(parts.signer, HOST).click_url(7, 1, TARGET).removeprefix(HOST)
    with tracker(parts) as (port, process):
        assert ask(port, click) == (302, TARGET)
        (event,) = events(parts)
        assert (event.delivery_id, event.url) == (7, TARGET)
        first = children(process.pid)
        assert len(first) == PROCESSES
        for pid in first:
            os.kill(pid, signal.SIGKILL)
        limit = time.monotonic() + 30
        while len(children(process.pid) - first) < PROCESSES and time.monotonic() < limit:
            time.sleep(0.1)
        wait(port)
        assert ask(port, click) == (302, TARGET)
        assert not children(process.pid) & first
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
    with pytest.raises(OSError, match="refused"):
        ask(port, click)


def test_told_to_end_it_stores_what_has_gathered_and_hands_its_counts_on(parts: Parts) -> None:
    with tracker(parts) as (port, process):
        ask(port, Links(parts.signer, HOST).open_url(8).removeprefix(HOST))
        ask(port, "/c/forged")
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
    assert [event.delivery_id for event in events(parts)] == [8]
    assert parts.redis.hget(counts.key(STREAM), counts.Count.BAD_TOKEN.value) >= b"1"  # type: ignore[operator]


def test_bad_requests_are_answered_in_kind_and_never_with_a_500(parts: Parts) -> None:
    links = Links(parts.signer, HOST)
    click, pixel = (url.removeprefix(HOST) for url in (links.click_url(7, 1, TARGET), links.open_url(7)))
    site = {"Origin": "https://www.example.co.jp"}
    end = b" HTTP/1.1\r\nHost: t\r\n"
    with tracker(parts, IKUSEI_SITES=site["Origin"]) as (port, _):
        answers = {
            "long query": ask(port, f"{click}?{'x=1&' * 3000}")[0],
            "long agent": ask(port, click, **{"User-Agent": "a" * 60_000})[0],
            "long pixel": ask(port, f"/o/{'A' * 30_000}.gif")[0],
            "long click": ask(port, f"/c/{'A' * 30_000}")[0],
            "escapes": ask(port, "/c/%ff%00%0d%0aX:%20y")[0],
            "post": ask(port, click, method="POST")[0],
            "head": ask(port, click, method="HEAD")[0],
            "nothing": ask(port, "/elsewhere")[0],
            "no site": ask(port, "/b", method="POST")[0],
            "no length": ask(port, "/b", method="POST", **site, **{"Transfer-Encoding": "chunked"})[0],
        }
        lines = {
            "long path": raw(port, b"GET /c/" + b"a" * 100_000 + end + b"\r\n"),
            "many headers": raw(
                port, b"GET / " + end[1:] + b"".join(b"X-%d: a\r\n" % n for n in range(200)) + b"\r\n"
            ),
            "bad agent": raw(port, b"GET " + pixel.encode() + end + b"User-Agent: \xff\xe3\x81\r\n\r\n"),
            "long body": raw(
                port,
                b"POST /b"
                + end
                + f"Origin: {site['Origin']}\r\nContent-Length: 99999999999\r\n\r\n".encode(),
            ),
            "no http": raw(port, b"\x16\x03\x01\x02\x00\x01"),
        }
    assert answers == {
        "long query": 302,
        "long agent": 302,
        "long pixel": 200,
        "long click": 404,
        "escapes": 404,
        "post": 404,
        "head": 302,
        "nothing": 404,
        "no site": 403,
        "no length": 413,
    }
    assert {name: int(line.split()[1]) for name, line in lines.items()} == {
        "long path": 414,
        "many headers": 431,
        "bad agent": 200,
        "long body": 413,
        "no http": 400,
    }


def test_after_a_change_of_keys_old_and_new_links_are_followed_and_strangers_are_not(parts: Parts) -> None:
    old, new = b"o" * 32, b"n" * 32
    keys = f"2:{new.hex()},1:{old.hex()}"
    before, after = Signer({1: old}, current=1), Signer({2: new, 1: old}, current=2)
    strangers = [Signer({3: b"s" * 32}, current=3), Signer({2: b"s" * 32}, current=2)]
    with tracker(parts, IKUSEI_KEYS=keys) as (port, _):
        answers = [
            ask(port, Links(signer, HOST).click_url(7, 1, TARGET).removeprefix(HOST))[0]
            for signer in (before, after, *strangers)
        ]
    assert answers == [302, 302, 404, 404]
    assert built_with(parts, keys).sign_one(TokenKind.OPEN, 7) == after.sign_one(TokenKind.OPEN, 7)
    assert built_with(parts, keys).sign_one(TokenKind.OPEN, 7) != before.sign_one(TokenKind.OPEN, 7)


def built_with(parts: Parts, keys: str) -> Signer:
    """What an installation with these keys signs with."""
    return composition.build(replace(parts.settings, keys=keys)).signer


def test_without_its_address_it_says_what_is_missing(parts: Parts) -> None:
    process = started(parts, "tracker")
    _, said = process.communicate(timeout=30)
    assert process.returncode == 1
    assert b"IKUSEI_TRACKER is not set" in said


def test_an_address_that_cannot_be_is_refused_in_words(parts: Parts) -> None:
    process = started(parts, "tracker", IKUSEI_TRACKER="127.0.0.1")
    _, said = process.communicate(timeout=30)
    assert process.returncode != 0
    assert b"IKUSEI_TRACKER='127.0.0.1' must be HOST:PORT" in said
