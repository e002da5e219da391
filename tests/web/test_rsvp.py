"""The page behind an invitation's link, as its receiver and as a scanner sees it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from flask import Flask
from flask.testing import FlaskClient

from campaigns.parts import Parts
from campaigns.web import app as web
from tests.services import event_house
from tests.services.event_house import House

LATER = datetime(2026, 12, 10, 1, 0, tzinfo=UTC)


@pytest.fixture
def house(parts: Parts, now: datetime) -> House:
    return event_house.build(parts, now)


@pytest.fixture
def link(house: House, parts: Parts) -> str:
    token = event_house.invite(house)[house.world.people[0]]
    parts.clock.move_to(LATER)
    return f"/rsvp/{token}"


@pytest.fixture
def visitor(app: Flask) -> FlaskClient:
    return app.test_client()


def test_the_page_says_what_it_is_about_and_names_nobody(link: str, visitor: FlaskClient) -> None:
    answer = visitor.get(link)
    for words in (
        "浜松工場 個展",
        "2026年12月17日（木）",
        "出席する",
        "まだ決められない",
        "欠席する",
        "12月15日",
    ):
        assert words in answer.text
    assert "若林" not in answer.text
    assert "p1@" not in answer.text
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert "I will come" in visitor.get(f"{link}?lang=en").text


def test_scanners_that_open_every_link_change_nothing(house: House, link: str, visitor: FlaskClient) -> None:
    for _n in range(20):
        visitor.get(link)
        visitor.head(link)
        visitor.get(f"{link}?answer=yes")
    assert visitor.post(link, data={}).status_code == 400
    assert visitor.post(link, data={"answer": "perhaps"}).status_code == 400
    assert house.rows("select 1 from event_answers") == []


def test_a_press_answers_without_a_pages_token_and_can_be_changed(
    house: House, parts: Parts, link: str
) -> None:
    guarded = web.create(parts).test_client()
    page = guarded.post(link, data={"answer": "yes"})
    assert (page.status_code, "ご出席を承りました" in page.text, "受付票を表示する" in page.text) == (
        200,
        True,
        True,
    )
    page = guarded.post(link, data={"answer": "no"})
    assert "お返事を承りました" in page.text
    assert house.rows("select answer from event_answers")[0].answer == "no"


def test_after_the_last_day_the_page_says_so_and_offers_nothing(
    house: House, parts: Parts, link: str, visitor: FlaskClient
) -> None:
    visitor.post(link, data={"answer": "maybe"})
    parts.clock.move_to(datetime(2026, 12, 16, 1, 0, tzinfo=UTC))
    page = visitor.get(link).text
    assert "お返事の受付は終了しました。" in page
    assert "いただいたお返事：" in page
    assert "<button" not in page
    assert visitor.post(link, data={"answer": "yes"}).status_code == 409
    assert house.rows("select answer from event_answers")[0].answer == "maybe"


@pytest.mark.parametrize("path", ["/rsvp/x", "/rsvp/EQEB9Hqr4a1OLW97zvrm", "/rsvp/" + "A" * 5000])
def test_a_forged_link_is_not_found(house: House, visitor: FlaskClient, path: str) -> None:
    assert visitor.get(path).status_code == 404
    assert visitor.post(path, data={"answer": "yes"}).status_code == 404


def test_a_full_house_offers_the_waiting_list_or_says_that_it_is_full(
    house: House, link: str, visitor: FlaskClient
) -> None:
    house.run("update events set capacity = 1, has_waiting_list = true")
    house.run("insert into event_answers (event_id, person_id, answer, at) values (1, 2, 'yes', now())")
    assert "キャンセル待ちに申し込む" in visitor.get(link).text
    house.run("update events set has_waiting_list = false")
    page = visitor.get(link).text
    assert "定員に達しています。" in page
    assert " disabled" in page
    assert visitor.post(link, data={"answer": "yes"}).status_code == 409
    assert visitor.post(link, data={"answer": "maybe"}).status_code == 200
