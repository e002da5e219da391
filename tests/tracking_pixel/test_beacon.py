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
from tracking_pixel.events import Event, EventKind
from tracking_pixel.links import Links
from tracking_pixel.tokens import Signer

pytestmark = pytest.mark.e2e
SIGNER = Signer({1: b"k" * 32}, current=1)
PAGE = b"""<!doctype html><title>\xe4\xbe\xa1\xe6\xa0\xbc</title><script src="/t.js" defer %s></script><p>price</p>
<a href="/next/">next</a> <button data-ikusei-refuse="refused">refuse</button>"""


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        pass


def _site(environ: Any, start_response: Callable[..., object]) -> list[bytes]:
    start_response("200 OK", [("Content-Type", "text/html; charset=utf-8")])
    return [PAGE % (b'data-consent="ask"' if environ["PATH_INFO"].startswith("/ask/") else b"")]


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


def _seen(heard: Any, url: str) -> list[Event]:
    """Its views and beats; a click names the same address."""
    return [event for event in heard.events if event.url == url and event.kind is not EventKind.CLICK]


def test_a_browser_that_came_by_itself_keeps_one_name_on_all_pages_and_no_cookie(
    browser: Browser, host: str, heard: Any
) -> None:
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{host}/price/")
    page.mouse.move(10, 10)
    page.mouse.move(20, 20)
    _until(lambda: len(heard.events) >= 2)
    page.goto(f"{host}/case/")
    _until(lambda: len(heard.events) >= 3)
    assert [event.kind for event in heard.events] == [EventKind.VIEW, EventKind.BEAT, EventKind.VIEW]
    assert {event.delivery_id for event in heard.events} == {0}
    [visitor] = {event.visitor for event in heard.events}
    assert page.evaluate("ikusei.visitor") == visitor
    assert heard.events[0].visit == heard.events[1].visit != heard.events[2].visit
    assert context.cookies() == []
    context.close()


def test_after_a_click_the_same_name_stands_beside_the_token(browser: Browser, host: str, heard: Any) -> None:
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{host}/before/")
    page.goto(Links(SIGNER, host, sites=[host]).click_url(7, 1, f"{host}/price/"))
    _until(lambda: bool(_seen(heard, f"{host}/price/")))
    before, after = _seen(heard, f"{host}/before/")[0], _seen(heard, f"{host}/price/")[0]
    assert (before.delivery_id, after.delivery_id) == (0, 7)
    assert before.visitor == after.visitor != ""
    context.close()


def test_a_beat_comes_only_while_the_page_is_seen_and_touched(
    browser: Browser, host: str, heard: Any
) -> None:
    """Half an hour with the tab open is no half hour of reading. Source: S0-30, spec 2.5.2."""
    context = browser.new_context()
    page = context.new_page()
    page.clock.install()
    page.goto(f"{host}/price/")
    page.clock.run_for(14_000)
    page.mouse.move(10, 10)
    page.mouse.move(20, 20)
    page.clock.run_for(30 * 60_000)
    _until(lambda: sum(event.active_s for event in heard.events) >= 30)
    page.wait_for_timeout(100)
    # Moved at 14 s: the beats at 15 and 30 s count; the one at 45 s comes 31 s after.
    assert sum(event.active_s for event in heard.events) == 30
    assert len(heard.events) == 4, "a view, a touch, two beats"
    context.close()


def test_a_page_of_a_router_is_a_view_of_its_own(browser: Browser, host: str, heard: Any) -> None:
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{host}/app/")
    page.evaluate("history.pushState({}, '', '/app/case'); document.title = '事例'")
    _until(lambda: bool(_seen(heard, f"{host}/app/case")))
    page.evaluate("history.pushState({}, '', '/app/case?tab=2')")
    page.wait_for_timeout(400)
    page.go_back()
    page.go_back()
    _until(lambda: len(_seen(heard, f"{host}/app/")) == 2)
    assert [event.title for event in _seen(heard, f"{host}/app/case")] == ["事例"], "a query is the same page"
    assert len({event.visit for event in heard.events}) == len(heard.events)
    context.close()


def test_a_page_that_comes_back_from_the_browsers_memory_is_viewed_again(
    browser: Browser, host: str, heard: Any
) -> None:
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{host}/price/")
    _until(lambda: len(heard.events) == 1)
    page.evaluate("dispatchEvent(new PageTransitionEvent('pageshow', {persisted: true}))")
    _until(lambda: len(heard.events) == 2)
    assert len({event.visit for event in heard.events}) == 2
    context.close()


def test_a_site_that_asks_first_sends_and_keeps_nothing_until_the_answer(
    browser: Browser, host: str, heard: Any
) -> None:
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{host}/ask/")
    page.mouse.move(10, 10)
    page.mouse.move(20, 20)
    page.wait_for_timeout(300)
    assert heard.events == []
    assert page.evaluate("localStorage.length + sessionStorage.length") == 0
    page.evaluate("ikusei.consent(true)")
    _until(lambda: len(heard.events) == 1)
    page.goto(f"{host}/ask/again")
    _until(lambda: len(heard.events) == 2)
    assert {event.kind for event in heard.events} == {EventKind.VIEW}
    context.close()


def test_who_presses_the_refusal_sends_no_request_and_leaves_no_name(
    browser: Browser, host: str, heard: Any
) -> None:
    context = browser.new_context()
    page = context.new_page()
    page.goto(Links(SIGNER, host, sites=[host]).click_url(7, 1, f"{host}/price/"))
    _until(lambda: len(heard.events) >= 2)
    button = page.locator("[data-ikusei-refuse]")
    assert button.get_attribute("aria-pressed") == "false"
    button.click()
    assert (button.get_attribute("aria-pressed"), button.text_content()) == ("true", "refused")
    assert page.evaluate("Object.keys(localStorage).join()") == "ik-may"
    assert page.evaluate("ikusei.visitor + sessionStorage.length") == "0"
    page.wait_for_timeout(200)
    before, asked = len(heard.events), []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{host}/case/?ik=" + "x" * 30)
    page.mouse.move(10, 10)
    page.mouse.move(20, 20)
    page.wait_for_timeout(300)
    assert [url for url in asked if url.endswith("/b")] == []
    assert (len(heard.events), page.url) == (before, f"{host}/case/")
    # Pressed again, the page counts again, under a new name.
    assert button.text_content() == "refused"
    button.click()
    assert button.text_content() == "refuse"
    _until(lambda: len(heard.events) > before)
    assert heard.events[-1].visitor not in {event.visitor for event in heard.events[:before]}
    context.close()


def test_a_link_to_a_form_of_ours_carries_the_browsers_name(browser: Browser, host: str, heard: Any) -> None:
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{host}/price/")
    page.evaluate("document.querySelector('a').href = '/form/abc?x=1'")
    page.click("a")
    page.wait_for_url("**/form/abc**")
    visitor = page.evaluate("ikusei.visitor")
    assert page.url == f"{host}/form/abc?x=1&v={visitor}"
    context.close()


def test_the_snippet_twice_on_a_page_counts_once(browser: Browser, host: str, heard: Any) -> None:
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{host}/price/")
    page.add_script_tag(url=f"{host}/t.js")
    page.wait_for_timeout(300)
    assert len(heard.events) == 1
    context.close()
