"""The main job, for real: the demo as a user starts it, its counts, and its pages in a real browser.

One run serves all tests here: it takes about two minutes, and everything below only looks.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.e2e import browser

EMAIL, PASSWORD = "saeki@minori.example", "minori-seiki-2026"
PAGES = (
    "/",
    "/today",
    "/imports",
    "/people",
    "/companies",
    "/products",
    "/senders",
    "/scenarios",
    "/mails",
    "/deliveries",
    "/refusals",
    "/leads",
    "/calls",
    "/hand-offs",
    "/caught",
    "/team",
    "/forms",
    "/forms/1",
    "/forms/1/edit",
    "/visits",
    "/touches/lists",
    "/leads/health",
    "/reports",
    "/reports/mails",
    "/reports/funnel",
    "/reports/times",
)

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(400)]


@dataclass(frozen=True, slots=True)
class Demo:
    """The demo that stays up: its counts and its address."""

    counts: dict[str, Any]
    base: str


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
    var = tmp_path_factory.mktemp("demo")
    for folder in (var, *var.parents[:2]):
        folder.chmod(0o755)
    command = [sys.executable, "-m", "campaigns.commands", "demo", "--json", "--var", str(var / "demo")]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("IKUSEI_")}
    with (var / "out.json").open("wb") as out, (var / "err.txt").open("wb") as err:
        process = subprocess.Popen([*command, "--port", str(port)], stdout=out, stderr=err, env=environment)
    try:
        limit = time.monotonic() + 300
        while time.monotonic() < limit and process.poll() is None:
            text = (var / "out.json").read_text()
            if text.rstrip().endswith("}"):
                yield Demo(json.loads(text), f"http://127.0.0.1:{port}")
                break
            time.sleep(0.3)
        else:
            raise AssertionError(f"the demo did not tell its counts: {(var / 'err.txt').read_text()[-3000:]}")
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)
        _save_logs(var)


def _save_logs(var: Path) -> None:
    """Kept by pytest beside the run, to look at when a test here fails."""
    for log in (var / "demo" / "log").glob("*.log"):
        (var / log.name).write_bytes(log.read_bytes()[-200_000:])


def test_the_demo_tells_what_the_issue_asks_for(demo: Demo) -> None:
    found = demo.counts
    assert found["rows_imported"] >= 250, found
    assert found["rows_read"] >= 300, found
    assert all({"line", "reason"} <= set(row) for row in found["rows_rejected"]), found
    assert found["rows_rejected"], found
    assert len(found["mails_by_month"]) == 3, found
    assert found["max_mails_per_person_month"] == 1, found
    assert found["opens"] > 50, found
    assert found["clicks"] > 50, found
    assert found["unsubscribed_one_product_still_mailed_other"] >= 1, found
    assert all(found["tasks"][kind] >= 1 for kind in ("call", "fax", "visit")), found
    assert sum(found["people_by_rank"].values()) >= 250, found
    assert found["people_by_rank"]["hot"] >= 1, found
    assert found["call_list_rows"] >= 1, found
    assert found["duplicate_mails"] == 0, found
    assert found["transactional_mails"] >= 1, found
    assert found["deliveries_without_final_or_dated_state"] == 0, found
    assert not any(found["self_audit"].values()), found


def test_the_pixel_answers_and_forged_links_are_404(demo: Demo) -> None:
    with urllib.request.urlopen(demo.base + "/o/forged.gif", timeout=5) as answer:
        assert answer.status == 200
        assert answer.read()[:6] == b"GIF89a"
    with pytest.raises(urllib.error.HTTPError) as error:
        urllib.request.urlopen(demo.base + "/c/forged", timeout=5)
    assert error.value.code == 404


@pytest.mark.parametrize("lang", ["ja", "en"])
@pytest.mark.parametrize("phone", [False, True], ids=["wide", "phone"])
def test_every_page_fits_its_window_and_says_nothing_to_the_console(
    demo: Demo, lang: str, phone: bool
) -> None:
    wrong = []
    with browser.chromium() as chromium:
        window = browser.context(chromium, base=demo.base, phone=phone, lang=lang)
        browser.log_in(window, email=EMAIL, password=PASSWORD)
        page = window.new_page()
        said: list[str] = []
        page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: said.append(str(error)))
        for path in PAGES:
            answer = page.goto(f"{path}?lang={lang}")
            assert answer is not None
            too_wide = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
            if answer.status != 200 or too_wide > 0 or said:
                wrong.append((path, answer.status, too_wide, said[:2]))
            said.clear()
            assert page.locator("h1").count() == 1, path
    assert wrong == []
