"""A visit is logged from a phone in four taps and three letters (S0-28): counted, not timed, since a machine is quicker."""

from __future__ import annotations

import pytest

from campaigns.parts import Parts
from campaigns.services import accounts, rerank
from tests.conftest import NOW
from tests.e2e import browser
from tests.services.world import World

pytestmark = pytest.mark.e2e
EMAIL, PASSWORD = "saeki@maker.example", "correct horse battery"


def test_a_visit_is_logged_from_todays_page_in_four_taps_and_taken_back_in_one(parts: Parts) -> None:
    accounts.create_first(parts, email=EMAIL, name="佐伯 美和", password=PASSWORD, locale="ja", now=NOW)
    world = World.build(parts, NOW)
    person = world.person(touches=[("badge_scan", 30)])
    rerank.people(parts, [person], now=NOW)
    with browser.signed_in(parts, email=EMAIL, password=PASSWORD) as page:
        page.set_viewport_size(browser.PHONE)  # type: ignore[arg-type]
        page.goto("/today")
        page.click("text=接点を記録")
        page.wait_for_selector("main input:focus")
        page.keyboard.type("試験1")
        page.click(f"a[href='/people/{person}/touch']")
        page.click("label.result:has-text('訪問')")
        button = page.locator("button:has-text('記録')")
        box = button.bounding_box()
        assert box is not None
        assert box["y"] + box["height"] < browser.PHONE["height"], "the button is in sight without scrolling"
        button.click()
        page.wait_for_url(f"**/people/{person}?**")
        assert world.lead(person).depth_max == 4
        assert page.evaluate("document.documentElement.scrollWidth") <= browser.PHONE["width"]
        page.click("text=取り消す")
        page.wait_for_selector("text=接点を取り消しました")
        assert world.lead(person).depth_max == 1
