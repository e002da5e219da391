"""`ikusei listener` as a user starts it: takes a bounce by SMTP, ends when told to."""

from __future__ import annotations

import signal
import smtplib
import subprocess
import time
from datetime import datetime
from pathlib import Path

import pytest

from campaigns.parts import Parts
from tests.e2e.commands import started
from tests.services.test_intake import address, dsn
from tests.services.world import World
from tracking_pixel.tokens import TokenKind

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(60)]


def port_of(file: Path, process: subprocess.Popen[bytes]) -> int:
    limit = time.monotonic() + 30
    while time.monotonic() < limit and process.poll() is None:
        if file.exists() and file.read_text().strip():
            return int(file.read_text().strip().rpartition(":")[2])
        time.sleep(0.05)
    raise AssertionError("the listener does not listen")


def test_a_bounce_comes_in_and_a_signal_ends_it(parts: Parts, now: datetime) -> None:
    world = World.build(parts, now)
    delivery = world.delivery(world.person())
    process = started(parts, "listener", IKUSEI_LISTENER="127.0.0.1:0")
    try:
        port = port_of(parts.settings.folder / "listener.url", process)
        with smtplib.SMTP("127.0.0.1", port, timeout=10) as client:
            client.sendmail("", [address(world, delivery, TokenKind.BOUNCE)], dsn("failed", "5.1.1"))
        assert world.rows("select status from addresses")[0].status == "hard"
        process.send_signal(signal.SIGTERM)
        assert process.wait(15) == 0
    finally:
        process.kill()
        process.communicate()
    assert not (parts.settings.folder / "listener.url").exists()


def test_without_its_address_it_says_what_is_missing(parts: Parts) -> None:
    process = started(parts, "listener")
    _, said = process.communicate(timeout=30)
    assert process.returncode == 1
    assert b"IKUSEI_LISTENER is not set" in said
