"""`ikusei tracker` as a user starts it: clicks are stored before they are answered, and killed processes come back."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import time
from pathlib import Path

import pytest

from campaigns.parts import STREAM, Parts
from campaigns.tracker import PROCESSES
from tests.e2e.commands import started
from tracking_pixel.links import Links
from tracking_pixel.stream import Consumer

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]
TARGET = "https://www.example.co.jp/case/"


def ask(port: int, path: str) -> tuple[int, str]:
    """Status and target. OSError while nobody listens."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path, headers={"User-Agent": "Mozilla/5.0 Chrome/142.0"})
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


def children(pid: int) -> set[int]:
    return {int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()}


def test_clicks_are_stored_before_the_answer_and_killed_processes_come_back(parts: Parts) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = int(free.getsockname()[1])
    base = "http://127.0.0.1"
    click = Links(parts.signer, base).click_url(7, 1, TARGET).removeprefix(base)
    process = started(parts, "tracker", IKUSEI_TRACKER=f"127.0.0.1:{port}")
    try:
        wait(port)
        assert ask(port, click) == (302, TARGET)
        consumer = Consumer(parts.redis, STREAM)
        (event,) = [event for entry in consumer.read(10) for event in entry.events]
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
    finally:
        process.kill()
        process.communicate()
    with pytest.raises(OSError, match="refused"):
        ask(port, click)


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
