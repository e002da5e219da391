"""The beacon in a real browser, against the real tracker on loopback."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest
from playwright.sync_api import Browser, sync_playwright

from tracking_pixel.app import Tracker
from tracking_pixel.events import EventKind
from tracking_pixel.links import Links
from tracking_pixel.tokens import Signer

pytestmark = pytest.mark.e2e
SIGNER = Signer({1: b"k" * 32}, current=1)
PAGE = b"""<!doctype html><title>\xe4\xbe\xa1\xe6\xa0\xbc</title><script src="/t.js"></script><p>price</p>"""


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        pass


def _site(environ: Any, start_response: Callable[..., object]) -> list[bytes]:
    start_response("200 OK", [("Content-Type", "text/html; charset=utf-8")])
    return [PAGE]


@pytest.fixture
def host(heard: Any) -> Iterator[str]:
    server = make_server("127.0.0.1", 0, lambda environ, start: tracker(environ, start), handler_class=_Quiet)
    url = f"http://127.0.0.1:{server.server_port}"
    tracker = Tracker(SIGNER, heard, now=lambda: datetime.now(UTC), fallback=_site, sites=[url])
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield url
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    assert path, "Chromium is missing: see deploy/apt.txt"
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield chromium
        chromium.close()


def _until(holds: Callable[[], bool]) -> None:
    for _ in range(200):
        if holds():
            return
        time.sleep(0.02)


def test_a_click_leads_to_a_page_whose_views_and_beats_name_the_click(
    browser: Browser, host: str, heard: Any
) -> None:
    context = browser.new_context()
    page = context.new_page()
    page.clock.install()
    page.goto(Links(SIGNER, host, sites=[host]).click_url(7, 1, f"{host}/price/?x=1&y=2#top"))
    assert page.url == f"{host}/price/?x=1&y=2#top", "the token has left the address bar"
    page.mouse.move(10, 10)
    page.mouse.move(20, 20)
    page.clock.run_for(16_000)
    _until(lambda: len(heard.events) >= 4)
    click, view, touch, beat = heard.events[:4]
    kinds = [EventKind.CLICK, EventKind.VIEW, EventKind.BEAT, EventKind.BEAT]
    assert [event.kind for event in heard.events[:4]] == kinds
    assert click.ref == view.ref == touch.ref == beat.ref != ""
    assert (touch.has_input, touch.active_s) == (True, 0.0), "a short visit is a person's too"
    assert (view.url, view.title, view.delivery_id) == (f"{host}/price/", "価格", 7)
    assert (beat.has_input, beat.active_s) == (True, 15.0)
    assert context.cookies() == []

    # The next page of the same site needs no token in its address any more.
    page.goto(f"{host}/case/")
    _until(lambda: any(event.url == f"{host}/case/" for event in heard.events))
    after = [event for event in heard.events if event.url == f"{host}/case/"]
    assert after[0].ref == click.ref
    assert after[0].visit != view.visit
    context.close()


@pytest.mark.parametrize("sign", ["doNotTrack", "globalPrivacyControl"])
def test_who_does_not_want_to_be_tracked_sends_nothing(
    browser: Browser, host: str, heard: Any, sign: str
) -> None:
    context = browser.new_context()
    value = '"1"' if sign == "doNotTrack" else "true"
    context.add_init_script(f"Object.defineProperty(navigator, '{sign}', {{get: () => {value}}})")
    page = context.new_page()
    page.goto(Links(SIGNER, host, sites=[host]).click_url(7, 1, f"{host}/price/"))
    page.wait_for_timeout(300)
    assert page.url == f"{host}/price/"
    assert page.evaluate("localStorage.length + sessionStorage.length") == 0
    assert [event.kind for event in heard.events] == [EventKind.CLICK]
    context.close()


def test_a_page_that_scrolls_by_itself_was_not_touched(browser: Browser, host: str, heard: Any) -> None:
    context = browser.new_context()
    page = context.new_page()
    page.goto(Links(SIGNER, host, sites=[host]).click_url(7, 1, f"{host}/price/"))
    page.evaluate("document.body.style.height = '9000px'; window.scrollTo(0, 4000)")
    page.wait_for_timeout(300)
    assert [event.kind for event in heard.events] == [EventKind.CLICK, EventKind.VIEW]
    page.keyboard.press("ArrowDown")
    _until(lambda: len(heard.events) >= 3)
    assert heard.events[2].has_input
    context.close()


def test_a_visitor_without_a_token_sends_nothing(browser: Browser, host: str, heard: Any) -> None:
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{host}/price/")
    page.wait_for_timeout(300)
    assert heard.events == []
    context.close()
