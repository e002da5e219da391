"""`ikusei up` as a user starts it: an empty service, one a folder, that survives being killed."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path

import pytest

from campaigns import embedded

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]


def start(var: Path, port: int) -> subprocess.Popen[bytes]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("IKUSEI_")}
    environment |= {
        "IKUSEI_VAR": str(var),
        "IKUSEI_LISTEN": f"127.0.0.1:{port}",
        "IKUSEI_BASE_URL": f"http://127.0.0.1:{port}",
    }
    log = (var.parent / "up.log").open("ab")
    with log:
        return subprocess.Popen(
            [sys.executable, "-m", "campaigns.commands", "up"], env=environment, stdout=log, stderr=log
        )


def first_page(port: int, *, limit_s: float = 40) -> str:
    limit = time.monotonic() + limit_s
    while time.monotonic() < limit:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=2) as answer:
                return str(answer.read(), "utf-8")
        except OSError:
            time.sleep(0.2)
    raise AssertionError("the service does not answer")


def is_alive(process_line: str) -> bool:
    listing = subprocess.run(["ps", "-eww", "-o", "args"], capture_output=True, text=True, check=True).stdout
    return process_line in listing


@pytest.fixture
def port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


@pytest.fixture
def var(tmp_path: Path) -> Path:
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(0o755)
    return tmp_path / "var"


def test_an_empty_service_asks_for_the_first_account_and_a_second_start_is_refused(
    var: Path, port: int
) -> None:
    up = start(var, port)
    try:
        page = first_page(port)
        assert 'name="again"' in page
        second = start(var, port)
        assert second.wait(20) == 1
        assert "another `ikusei up` runs" in (var.parent / "up.log").read_text()
    finally:
        up.send_signal(signal.SIGTERM)
        assert up.wait(30) == 0


def test_a_killed_service_leaves_nothing_running_and_starts_again(var: Path, port: int) -> None:
    up = start(var, port)
    first_page(port)
    up.kill()
    up.wait()
    limit = time.monotonic() + 20
    while is_alive(str(var)) and time.monotonic() < limit:
        time.sleep(0.2)
    assert not is_alive(str(var))
    again = start(var, port)
    try:
        assert 'name="again"' in first_page(port)
    finally:
        again.send_signal(signal.SIGTERM)
        assert again.wait(30) == 0


def test_a_database_that_is_still_ending_is_waited_for(var: Path) -> None:
    """A killed supervisor's PostgreSQL writes its last checkpoint, which takes seconds on a slow disk."""
    before = embedded.postgres(var)
    listing = subprocess.run(
        ["ps", "--ppid", str(before.process.pid), "-ww", "-o", "pid=,args="],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    checkpointer = next(int(line.split()[0]) for line in listing.splitlines() if "checkpointer" in line)
    os.kill(checkpointer, signal.SIGSTOP)
    before.process.send_signal(signal.SIGINT)
    later = threading.Timer(1.5, os.kill, (checkpointer, signal.SIGCONT))
    later.start()
    try:
        after = embedded.postgres(var)
        assert before.process.wait(5) == 0
        assert after.process.poll() is None
        after.stop()
        assert b"already exists" in (var / "postgres.log").read_bytes()
    finally:
        later.join()
        before.stop()
