"""The call desk in a real browser, by keyboard alone."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime

import pytest
from playwright.sync_api import Page

from campaigns.parts import Parts
from campaigns.services import accounts, hold_call, rerank
from tests.conftest import NOW
from tests.e2e import browser, desk_house
from tests.services.world import World

pytestmark = pytest.mark.e2e
EMAIL, PASSWORD = "saeki@maker.example", "correct horse battery"


@pytest.fixture
def world(parts: Parts) -> World:
    accounts.create_first(parts, email=EMAIL, name="佐伯 美和", password=PASSWORD, locale="ja", now=NOW)
    made = World.build(parts, NOW)
    for _ in range(2):
        made.person(touches=[("booth_talk_prospect", 20), ("doc_request", 3)])
    rerank.people(parts, [1, 2], now=NOW)
    return made


@pytest.fixture
def page(parts: Parts, world: World) -> Iterator[Page]:
    with browser.signed_in(parts, email=EMAIL, password=PASSWORD) as opened:
        yield opened


def chosen(page: Page) -> str | None:
    found = page.query_selector("input[name=result]:checked")
    return found.get_attribute("value") if found else None


def test_a_call_is_recorded_undone_and_skipped_by_keys(page: Page, world: World) -> None:
    page.goto("/calls/desk")
    first = page.url
    page.keyboard.press("6")
    assert chosen(page) == "interest"
    page.keyboard.press("m")
    page.keyboard.type("3d 9u")  # in the note they are letters
    assert page.input_value("#note") == "3d 9u"
    assert chosen(page) == "interest"
    page.keyboard.press("Escape")
    page.keyboard.press("Enter")
    page.wait_for_url(lambda url: "/calls/" in url and url != first)
    assert [row.result for row in world.rows("select result from call_attempts")] == ["interest"]
    page.keyboard.press("u")
    page.wait_for_url(lambda url: url.startswith(first))
    assert world.rows("select count(*) as n from call_attempts")[0].n == 0
    assert page.input_value("#note") == "3d 9u"
    page.keyboard.press("s")
    page.wait_for_url(lambda url: "skip=" in url)
    assert world.rows("select count(*) as n from call_attempts")[0].n == 0


def locked_until(world: World) -> list[datetime]:
    return [row.until for row in world.rows("select until from call_locks")]


def test_the_page_keeps_its_company_while_it_is_open_and_frees_it_when_it_is_left(
    page: Page, world: World
) -> None:
    page.goto("/calls/desk")
    # A page without a script would hold it for longer; the first beat shortens that.
    deadline = time.monotonic() + 5
    while (left := locked_until(world)[0] - world.parts.clock.now()) > hold_call.LEASE_BEAT:
        assert time.monotonic() < deadline, left
        page.wait_for_timeout(50)
    page.goto("/people")
    deadline = time.monotonic() + 5
    while locked_until(world) and time.monotonic() < deadline:
        page.wait_for_timeout(50)
    assert locked_until(world) == []


def test_a_browser_that_is_killed_frees_its_company_when_the_lease_ends(
    page: Page, world: World, parts: Parts
) -> None:
    page.goto("/calls/desk")
    page.wait_for_timeout(300)
    held = int(page.url.rsplit("/", 1)[1])
    page.context.set_offline(True)  # nothing that it says on its way out arrives
    page.close()
    colleague = 2
    soon = parts.clock.now()
    assert hold_call.next(parts, user_id=colleague, token="x", now=soon) not in (None, held)
    world.run("delete from call_locks where user_id = :u", u=colleague)
    late = soon + hold_call.LEASE_BEAT
    offered = set()
    while (
        task := hold_call.next(parts, user_id=colleague, token="x", now=late, skip=tuple(offered))
    ) is not None:
        offered.add(task)
    assert held in offered


def test_the_undo_button_counts_down_and_goes(page: Page, world: World) -> None:
    page.goto("/calls/desk")
    page.keyboard.press("5")
    page.keyboard.press("Enter")
    page.wait_for_selector("form[data-undo]")
    shown = page.locator("[data-left-shown]")
    first = int(shown.inner_text())
    assert 55 <= first <= 60
    page.wait_for_timeout(1600)
    assert int(shown.inner_text()) < first
    page.evaluate("document.querySelector('form[data-undo]').dataset.left")
    page.clock.install()
    page.reload()
    page.clock.fast_forward(61_000)
    assert page.locator("form[data-undo]").count() == 0


def test_the_question_mark_shows_the_keys_of_the_desk(page: Page, world: World) -> None:
    page.goto("/calls/desk")
    page.keyboard.press("?")
    assert page.locator("#desk-keys").is_visible()
    page.keyboard.press("5")  # sleeps under the list
    assert chosen(page) is None
    page.keyboard.press("Escape")
    assert not page.locator("#desk-keys").is_visible()


def left_out_of_view(page: Page) -> list[str]:
    """What of the desk lies, in part or whole, outside the window; and whether the window scrolls."""
    found = page.evaluate(
        "names => names.filter(name => { const found = document.querySelector(name);"
        " if (!found) return true; const box = found.getBoundingClientRect(); return box.top < 0 || box.bottom > innerHeight || box.right > innerWidth; })",
        [
            ".phone-number",
            ".why-now",
            "input[value=no_answer]",
            "input[value=dnc]",
            "#on",
            "#note",
            ".wide-btn",
        ],
    )
    scrolls = page.evaluate(
        "Math.max(document.documentElement.scrollHeight - innerHeight, document.querySelector('#result .body')"
        ".scrollHeight - document.querySelector('#result .body').clientHeight)"
    )
    return [*found, *(["scrolls"] if scrolls > 0 else [])]


@pytest.mark.parametrize("lang", ["ja", "en"])
def test_nothing_scrolls_on_a_full_desk_of_1280_by_830(page: Page, world: World, lang: str) -> None:
    task = desk_house.furnish(world)
    desk_house.called(world, user_id=1, but=task)
    page.set_viewport_size({"width": 1280, "height": 830})
    page.goto(f"/calls/{task}?lang={lang}")
    assert page.locator("form[data-undo]").count() == 1
    assert page.locator(".colleagues li").count() == 6, "five and how many more"
    assert left_out_of_view(page) == []


def test_nothing_scrolls_under_the_notice_that_a_colleague_has_the_company(page: Page, world: World) -> None:
    task = desk_house.furnish(world)
    hold_call.open(world.parts, task, user_id=world.owner_id, token="x", now=NOW)
    page.set_viewport_size({"width": 1280, "height": 830})
    page.goto(f"/calls/{task}")
    assert "いま営業 花子さんがこの企業に対応しています" in page.inner_text("main")
    assert page.locator("a[href^='tel:']").count() == 0
    assert [one for one in left_out_of_view(page) if one != ".phone-number"] == []


def test_nothing_scrolls_after_an_undo_and_what_was_typed_is_back(page: Page, world: World) -> None:
    task = desk_house.furnish(world)
    page.set_viewport_size({"width": 1280, "height": 830})
    page.goto(f"/calls/{task}")
    page.keyboard.press("9")
    page.fill("#on", "2026-11-26")
    page.fill("#at", "14:00")
    page.fill("#note", "上長の北島部長と一緒に聞きたい。26日14時に再度。")
    page.click(".wide-btn")
    page.wait_for_selector("form[data-undo]")
    page.keyboard.press("u")
    page.wait_for_url(f"**/calls/{task}")
    assert left_out_of_view(page) == []
    typed = [page.input_value(name) for name in ("#on", "#at", "#note")]
    assert typed == ["2026-11-26", "14:00", "上長の北島部長と一緒に聞きたい。26日14時に再度。"]


def test_keys_belong_to_the_input_method_while_it_converts(page: Page, world: World) -> None:
    page.goto("/calls/desk")
    press = "init => document.body.dispatchEvent(new KeyboardEvent('keydown', {bubbles: true, ...init}))"
    page.evaluate(press, {"key": "7", "isComposing": True})
    assert chosen(page) is None
    page.evaluate(press, {"key": "7", "keyCode": 229})
    assert chosen(page) is None
    page.evaluate(press, {"key": "7"})
    assert chosen(page) == "appointment"
    page.evaluate(
        "document.getElementById('on').dispatchEvent(new KeyboardEvent('keydown',"
        " {key: 'Enter', isComposing: true, bubbles: true, cancelable: true}))"
    )
    assert world.rows("select count(*) as n from call_attempts")[0].n == 0


def test_single_keys_can_be_switched_off(page: Page, world: World) -> None:
    world.run("update users set single_keys = false")
    page.goto("/calls/desk")
    page.keyboard.press("6")
    assert chosen(page) is None


@pytest.mark.parametrize("phone", [False, True])
def test_no_page_is_wider_than_its_window(parts: Parts, world: World, page: Page, phone: bool) -> None:
    page.set_viewport_size({"width": 390, "height": 844} if phone else {"width": 1280, "height": 830})
    paths = ("/people", "/people/1", "/people/1/edit", "/companies/1", "/leads", "/hand-offs", "/calls")
    for path in (*paths, "/calls?kind=visit", "/calls/export", "/calls/desk"):
        page.goto(path)
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, path
