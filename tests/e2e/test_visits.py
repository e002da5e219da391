"""A stranger on the sample site becomes a person by a click in a mail, in a real browser; and a refusal is one."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page
from werkzeug.serving import make_server

from campaigns.parts import Parts
from campaigns.services import judge, observe, tell_visitors
from campaigns.storage import users
from campaigns.web import app as web
from tests.e2e import browser as browsers
from tests.services.test_submit_form import make as make_form
from tests.services.world import CHROME, World
from tracking_pixel.app import Tracker
from tracking_pixel.links import Links

pytestmark = pytest.mark.e2e


@pytest.fixture
def site(parts: Parts, settings_with: Any) -> Iterator[Parts]:
    """An installation whose sample site is served, tracker in front."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    here = replace(parts, settings=settings_with(base_url=f"http://127.0.0.1:{port}"))
    tracker = Tracker(
        here.signer,
        here.stream,
        now=here.clock.now,
        fallback=web.create(here),
        sites=here.settings.origins(),
    )
    server = make_server("127.0.0.1", port, tracker, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield here
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with browsers.chromium() as found:
        yield found


@pytest.fixture
def window(browser: Browser, site: Parts) -> Iterator[BrowserContext]:
    # Without the word "headless": forms leave crawlers aside.
    made = browser.new_context(base_url=site.settings.base_url, locale="ja-JP", user_agent=CHROME)
    yield made
    made.close()


def touched(page: Page, path: str) -> None:
    page.goto(path)
    page.mouse.move(100, 100)
    page.mouse.move(140, 160)


def seen(parts: Parts, world: World) -> list[Any]:
    """What has come in, taken and judged."""
    observe.run(parts, now=parts.clock.now())
    judge.due(parts, now=parts.clock.now() + timedelta(minutes=10))
    return world.rows(
        "select url, title, validity from touchpoints where kind like 'web_view%' and validity > 0 order by at"
    )


def until(holds: Callable[[], bool]) -> None:
    for _ in range(100):
        if holds():
            return
        time.sleep(0.1)
    raise AssertionError("it did not come")


def test_what_a_stranger_read_stands_on_the_timeline_after_the_click_in_a_mail(
    site: Parts, window: BrowserContext
) -> None:
    world = World.build(site, site.clock.now())
    person = world.person(touches=[("badge_scan", 60)])
    delivery = world.delivery(person)
    page = window.new_page()
    touched(page, "/practice/site/home")
    touched(page, "/practice/site/case-solder")
    until(lambda: not seen(site, world) and count(world) == 4)
    base = site.settings.base_url
    click = Links(site.signer, base, sites=[base]).click_url(delivery, 1, f"{base}/practice/site/price")
    touched(page, click)
    assert page.url == f"{base}/practice/site/price"
    until(lambda: len(seen(site, world)) == 3)
    assert [row.url.rpartition("/")[2] for row in seen(site, world)] == ["home", "case-solder", "price"]
    assert window.cookies() == []

    timeline = web.create(site).test_client()
    with site.engine.begin() as tx:
        user = users.add(
            tx,
            email="a@minori.example",
            name="佐伯 美和",
            role="admin",
            locale="ja",
            password_hash="unusable",
            now=world.now,
        )
    with timeline.session_transaction() as session:
        session["_user_id"], session["_fresh"] = f"{user}:1", True
    shown = timeline.get(f"/people/{person}?show=all").get_data(as_text=True)
    for words in ("目視検査と段取り替えの時間を、つくる時間へ", "はんだ外観", "EyeLine の価格帯"):
        assert words in shown


def test_what_a_stranger_read_stands_on_the_timeline_after_a_form_on_the_site(
    site: Parts, window: BrowserContext
) -> None:
    world = World.build(site, site.clock.now())
    make_form(site, site.clock.now(), product_id=world.press_id)
    page = window.new_page()
    touched(page, "/practice/site/case-solder")
    until(lambda: not seen(site, world) and count(world) == 2)
    touched(page, "/practice/site/request")
    form = page.frame_locator("iframe")
    form.get_by_label("メールアドレス").fill("suzuki@kakegawa.example")
    form.get_by_label("会社名").fill("掛川精工株式会社")
    site.clock.move_to(site.clock.now() + timedelta(seconds=20))
    form.locator("button[type=submit]").click()
    until(lambda: len(world.rows("select 1 from visitor_ties where how = 'form'")) == 1)
    until(lambda: len(seen(site, world)) == 2)
    assert [row.url.rpartition("/")[2] for row in seen(site, world)] == ["case-solder", "request"]
    [person] = world.rows("select distinct person_id from touchpoints where kind like 'web_view%'")
    [entry] = world.rows("select person_id from touchpoints where kind = 'doc_request'")
    assert person == entry


def count(world: World) -> int:
    return int(world.rows("select count(*) as n from tracking_events")[0].n)


@pytest.mark.parametrize("mode", ["notice", "ask"])
def test_after_a_refusal_in_the_line_at_the_foot_no_request_is_sent(
    site: Parts, window: BrowserContext, mode: str
) -> None:
    base = site.settings.base_url
    tell_visitors.choose(site, base, mode, user_id=None, now=site.clock.now())
    page = window.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    touched(page, "/practice/site/home")
    line = page.get_by_role("region", name="閲覧の記録について")
    line.wait_for()
    page.wait_for_timeout(300)
    assert (f"{base}/b" in asked) is (mode == "notice"), "who is asked first is not measured meanwhile"
    said = line.inner_text()
    assert ("よろしいですか" in said) is (mode == "ask")
    assert ("記録しています" in said) is (mode == "notice"), "nothing is recorded before the answer"
    line.get_by_role("button", name="記録を断る").press("Enter")
    assert "閲覧を記録しません" in line.get_by_role("status").inner_text()
    line.get_by_role("button", name="閉じる").press("Enter")
    assert line.count() == 0
    page.wait_for_timeout(200)
    asked.clear()
    for path in ("home", "price"):
        touched(page, f"/practice/site/{path}")
        page.wait_for_timeout(300)
    assert [url for url in asked if url.endswith("/b")] == []
    assert line.count() == 0, "who has answered is not asked again"
    assert page.evaluate("ikusei.visitor") == ""
    page.goto("/practice/site/privacy")
    assert page.get_by_role("button", name="断っています（押すと再開）").is_visible()


def test_who_agrees_is_measured_and_not_asked_again(site: Parts, window: BrowserContext) -> None:
    base = site.settings.base_url
    tell_visitors.choose(site, base, "ask", user_id=None, now=site.clock.now())
    page = window.new_page()
    page.goto("/practice/site/en/home")
    page.get_by_role("button", name="Allow recording").click()
    with page.expect_request(f"{base}/b"):
        page.goto("/practice/site/en/price")
    page.wait_for_timeout(200)
    assert page.get_by_role("region", name="About recording visits").count() == 0


def test_the_line_fits_a_phone_and_covers_less_than_half_of_it(browser: Browser, site: Parts) -> None:
    window = browsers.context(browser, base=site.settings.base_url, phone=True)
    page = window.new_page()
    page.goto("/practice/site/home")
    line = page.get_by_role("region", name="閲覧の記録について")
    line.wait_for()
    box = line.bounding_box()
    assert box is not None
    assert box["width"] <= 390
    assert box["height"] < 844 / 2
    for button in line.get_by_role("button").all():
        size = button.bounding_box()
        assert size is not None
        assert size["height"] >= 44
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    window.close()
