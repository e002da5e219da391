"""The list of leads, the company and the person say what a rank is made of, where it heads, and who has stirred."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

import pytest
from flask.testing import FlaskClient

from campaigns.parts import Parts
from campaigns.services import rerank
from tests.services.world import World
from tests.web.conftest import SignIn


@pytest.fixture
def house(parts: Parts, now: datetime) -> World:
    return World.build(parts, now)


def known(house: World, *touches: tuple[str, float]) -> int:
    """Somebody we have known for a year, ranked."""
    person = house.person(touches=[("badge_scan", 300), *touches])
    rerank.people(house.parts, [person], now=house.now)
    return person


def row(page: str, person: int) -> str:
    """The person's line in words."""
    [line] = [part for part in page.split("<tr data-row>") if f"/people/{person}?" in part]
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", line))


def test_a_line_shows_its_parts_and_the_change_of_thirty_days(client: FlaskClient, house: World) -> None:
    rising, falling = known(house, ("doc_request", 2)), known(house, ("doc_request", 200))
    page = client.get("/leads").text
    assert "↑ +13.1" in row(page, rising)
    assert "申込・資料 13.2" in row(page, rising)
    assert "↓ −0.9" in row(page, falling)


def test_a_lead_of_this_month_is_new_and_has_not_risen(client: FlaskClient, house: World) -> None:
    person = house.person(touches=[("inquiry", 1)])
    rerank.people(house.parts, [person], now=house.now)
    line = row(client.get("/leads").text, person)
    assert "新規" in line
    assert "↑" not in line


def test_who_has_stirred_is_marked_and_has_a_list(client: FlaskClient, house: World) -> None:
    quiet, stirred = known(house), known(house, ("doc_request", 0))
    page = client.get("/leads").text
    assert "動き出した" in row(page, stirred)
    assert "動き出した" not in row(page, quiet)
    alone = client.get(f"/leads?product={house.press_id}&stirred=1").text
    assert alone.count("<tr data-row>") == 1
    row(alone, stirred)
    house.run("update surges set at = at - interval '15 days'")
    assert client.get(f"/leads?product={house.press_id}&stirred=1").text.count("<tr data-row>") == 0


def test_colleagues_of_a_surge_are_all_marked_and_counted_once(client: FlaskClient, house: World) -> None:
    people = [known(house, ("doc_request", 1)), known(house)]
    house.run("update surges set at = at - interval '20 days'")
    house.run("update affiliations set company_id = 1")
    house.run("update touchpoints set company_id = 1")
    house.touch(people[1], ("doc_request", 0))
    rerank.people(house.parts, people, now=house.now)
    page = client.get(f"/leads?product={house.press_id}&stirred=1").text
    assert all("2名が動き出した" in row(page, person) for person in people)
    company = client.get("/companies/1").text
    assert "商材ごとの企業のスコア" in company
    assert "2名が動き出した" in company


def test_the_alert_says_why_and_opens_the_touch(sign_in: SignIn, house: World) -> None:
    person = known(house, ("doc_request", 0))
    house.run("update alerts set user_id = null")
    page = sign_in("admin").get("/alerts").text
    assert "299日ぶりの反応です" in page or "300日ぶりの反応です" in page
    assert f'href="/people/{person}?product={house.press_id}#timeline"' in page
    english = sign_in("marketer", locale="en").get("/alerts").text
    assert re.search(r"First reaction in (299|300) days", english)


def test_a_persons_history_tells_each_change_with_three_reasons_and_its_touches(
    client: FlaskClient, house: World
) -> None:
    person = known(house)
    house.touch(person, ("inquiry", 0))
    rerank.people(house.parts, [person], now=house.now + timedelta(minutes=1))
    page = client.get(f"/people/{person}").text
    history = page[page.index('id="rank-history"') :].split("</section>")[0]
    assert history.count('class="reasons"') == 2
    first = history.split('class="reasons">')[1].split("</ol>")[0]
    assert first.count("<li>") == 3
    assert "問い合わせがありました" in first
    assert "問い合わせ</a>" in history
    assert "2回変わりました" in history
