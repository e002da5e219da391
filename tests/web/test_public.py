"""The page behind the link: scanners change nothing, one press is enough, no press is ever lost."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import create_engine, text

from campaigns.parts import STREAM, Parts
from campaigns.services import refuse
from campaigns.web import app as web
from tests import world
from tracking_pixel.events import EventKind
from tracking_pixel.stream import Consumer
from tracking_pixel.tokens import TokenKind


@pytest.fixture
def made(parts: Parts, now: datetime) -> world.World:
    made = world.build(parts, count=2)
    world.planned(parts, made, send_at=now)
    with parts.engine.begin() as tx:
        other = world.product(tx, "5軸加工機 VX-500", list_key="vx", unsubscribe_label="5軸加工機")
        world.insert(tx, "product_leads", person_id=made.people[0], product_id=other, created_at=now)
    return made


@pytest.fixture
def url(parts: Parts, made: world.World) -> str:
    return f"/u/{parts.signer.sign(TokenKind.UNSUBSCRIBE, 1)}"


@pytest.fixture
def recipient(parts: Parts) -> FlaskClient:
    """A browser that was never here, against pages with their CSRF protection on."""
    return web.create(parts).test_client()


def refusals(parts: Parts) -> list[tuple[str, int | None, str]]:
    with parts.engine.connect() as tx:
        rows = tx.execute(
            text("select scope, product_id, reason from suppressions where lifted_at is null order by id")
        )
        return [(row[0], row[1], row[2]) for row in rows]


def without_database(parts: Parts) -> Flask:
    """The same installation with its database gone."""
    nowhere = create_engine(
        "postgresql+psycopg://nobody@127.0.0.1:1/none", connect_args={"connect_timeout": 1}
    )
    return web.create(replace(parts, engine=nowhere))


def test_that_the_page_was_fetched_is_an_event_of_its_own(
    parts: Parts, recipient: FlaskClient, url: str
) -> None:
    recipient.get(url, headers={"User-Agent": "Scanner/1"}, environ_base={"REMOTE_ADDR": "192.0.2.7"})
    recipient.head(url)
    recipient.get(f"{url}x")
    parts.stream.close()
    entries = Consumer(parts.redis, STREAM).read(100)
    seen, headed = (event for entry in entries for event in entry.events)
    assert (seen.kind, seen.delivery_id, seen.method) == (EventKind.UNSUBSCRIBE, 1, "GET")
    assert (seen.ua, seen.net) == ("Scanner/1", "192.0.2.0/24")
    assert headed.method == "HEAD"


def test_a_scanner_that_follows_the_link_a_hundred_times_changes_nothing(
    parts: Parts, recipient: FlaskClient, url: str
) -> None:
    for _ in range(50):
        assert recipient.get(url).status_code == 200
        assert recipient.head(url).status_code == 200
    assert refusals(parts) == []
    assert world.states(parts) == {"planned": 2}


def test_the_page_names_the_product_first_and_hides_the_address(recipient: FlaskClient, url: str) -> None:
    page = recipient.get(url).text
    places = [page.index(f'value="{scope}"') for scope in ("product", "less", "global")]
    assert places == sorted(places)
    assert "「外観検査装置」の案内を停止" in page
    assert "p1@hamana-techno.example" not in page
    assert "p•••••@hamana-techno.example" in page
    assert "<script" not in page
    assert not re.search(r'(src|href)="https?://(?!minori)', page)


def test_one_press_stops_the_product_and_says_what_still_comes(
    parts: Parts, recipient: FlaskClient, url: str, made: world.World
) -> None:
    page = recipient.post(url, data={"scope": "product"}).text
    assert "「外観検査装置」のご案内を停止しました" in page
    rows = dict(re.findall(r"<tr><td>(.*?)</td><td>(.*?)</td></tr>", page))
    assert rows == {"外観検査装置": "停止中", "5軸加工機": "届く（月1通まで）"}
    assert refusals(parts) == [("product", made.product, "user_link")]
    assert world.states(parts) == {"suppressed": 1, "planned": 1}


def test_undo_after_a_slip(parts: Parts, recipient: FlaskClient, url: str) -> None:
    recipient.post(url, data={"scope": "global"})
    page = recipient.post(url, data={"scope": "undo", "of": "global"}).text
    assert "元に戻しました" in page
    assert refusals(parts) == []


def test_less_often_shows_two_months(recipient: FlaskClient, url: str) -> None:
    assert "届く（2か月に1通まで）" in recipient.post(url, data={"scope": "less"}).text


@pytest.mark.parametrize(
    "body",
    [
        {"data": "List-Unsubscribe=One-Click", "content_type": "application/x-www-form-urlencoded"},
        {"data": {"List-Unsubscribe": "One-Click"}, "content_type": "multipart/form-data"},
    ],
)
def test_one_click_needs_no_cookie_and_bars_new_products(
    parts: Parts, recipient: FlaskClient, url: str, made: world.World, body: dict[str, object]
) -> None:
    for _ in range(2):
        answer = recipient.post(url, **body)  # type: ignore[arg-type]
        assert (answer.status_code, answer.mimetype) == (200, "text/plain")
    assert refusals(parts) == [("product", made.product, "one_click"), ("new_products", None, "one_click")]


@pytest.mark.parametrize(
    "body", [{}, {"scope": "everything"}, {"scope": "undo", "of": "../x"}, {"List-Unsubscribe": "Two"}]
)
def test_a_post_that_says_nothing_known_changes_nothing(
    parts: Parts, recipient: FlaskClient, url: str, body: dict[str, str]
) -> None:
    answer = recipient.post(url, data=body)
    assert answer.status_code == 400
    assert "メールの停止・変更" in answer.text
    assert refusals(parts) == []


@pytest.mark.parametrize(
    "change", [lambda t: t[:-1], lambda t: t + "A", lambda t: "A" + t[1:], lambda t: "x", lambda t: t * 400]
)
def test_a_forged_or_cut_token_is_a_plain_404(parts: Parts, recipient: FlaskClient, url: str, change) -> None:  # type: ignore[no-untyped-def]
    forged = "/u/" + change(url.removeprefix("/u/"))
    for answer in (recipient.get(forged), recipient.post(forged, data={"scope": "global"})):
        assert answer.status_code == 404
        assert "何も変わっていません" in answer.text
    assert refusals(parts) == []


def test_a_token_of_another_kind_stops_nothing(
    parts: Parts, recipient: FlaskClient, made: world.World
) -> None:
    click = parts.signer.sign(TokenKind.OPEN, 1)
    assert recipient.post(f"/u/{click}", data={"scope": "global"}).status_code == 404
    assert refusals(parts) == []


def test_a_huge_body_is_refused_before_it_is_read(recipient: FlaskClient, url: str) -> None:
    assert recipient.post(url, data={"scope": "product", "x": "y" * 100_000}).status_code == 413


def test_without_a_database_the_press_is_kept_on_disk_and_takes_effect_later(
    parts: Parts, url: str, made: world.World, now: datetime
) -> None:
    away = without_database(parts).test_client()
    page = away.get(url)
    assert (page.status_code, "この商材のご案内を停止" in page.text) == (200, True)
    done = away.post(url, data={"scope": "product"})
    assert done.status_code == 200
    assert "受け付けを記録しました" in done.text
    assert (
        away.post(
            url, data="List-Unsubscribe=One-Click", content_type="application/x-www-form-urlencoded"
        ).status_code
        == 200
    )
    assert refuse.spooled(parts) == 2
    assert refusals(parts) == []
    assert refuse.drain(parts, now=now) == 2
    assert {scope for scope, _, _ in refusals(parts)} == {"product", "new_products"}


def test_when_neither_database_nor_disk_takes_it_the_page_says_so(
    parts: Parts, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*args: object, **values: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(refuse, "spool", full)
    answer = without_database(parts).test_client().post(url, data={"scope": "global"})
    assert answer.status_code == 503
    assert "まだ受け付けていません" in answer.text


def test_english_recipients_read_english_and_the_privacy_page_names_the_sender(
    recipient: FlaskClient, url: str, made: world.World
) -> None:
    assert "Stop or change our mail" in recipient.get(url + "?lang=en").text
    assert "Stop or change our mail" in recipient.get(url, headers={"Accept-Language": "en-GB,en;q=0.9"}).text
    page = recipient.get("/privacy").text
    assert "株式会社みのり精機" in page
    assert 'href="tel:0530000000"' in page


def test_a_product_name_cannot_become_markup(parts: Parts, recipient: FlaskClient, url: str) -> None:
    with parts.engine.begin() as tx:
        tx.execute(text("update products set unsubscribe_label = '<script>alert(1)</script>' where id = 1"))
    for page in (recipient.get(url).text, recipient.post(url, data={"scope": "product"}).text):
        assert "<script>" not in page
        assert "&lt;script&gt;" in page


def test_the_page_stays_small_enough_for_any_phone(recipient: FlaskClient, url: str) -> None:
    assert len(recipient.get(url).data) < 9_000


def test_where_go_on_leads_thanks_and_asks_for_nothing(recipient: FlaskClient) -> None:
    page = recipient.get("/stay?lang=ja&ik=abc")
    assert page.status_code == 200
    words = page.get_data(as_text=True)
    assert "これからもお届けします。" in words
    assert "<form" not in words
    assert "We will go on writing" in recipient.get("/stay?lang=en").get_data(as_text=True)


def measured(parts: Parts) -> list[bool]:
    with parts.engine.connect() as tx:
        return [
            not row.do_not_track for row in tx.execute(text("select do_not_track from people order by id"))
        ]


def test_who_refuses_to_be_measured_still_gets_mail_and_may_take_it_back(
    parts: Parts, recipient: FlaskClient, url: str
) -> None:
    before = measured(parts)
    assert all(before)
    page = recipient.get(url).text
    assert 'value="unmeasured"' in page
    assert measured(parts) == before, "a scanner opens the page as well"
    page = recipient.post(url, data={"scope": "unmeasured"}).text
    assert "開封・クリック・閲覧の記録をやめました" in page
    assert measured(parts).count(False) == 1
    assert refusals(parts) == []
    assert "記録を再開する" in recipient.get(url).text
    page = recipient.post(url, data={"scope": "undo", "of": "unmeasured"}).text
    assert "記録を再開しました" in page
    assert measured(parts) == before


def test_a_refusal_to_be_measured_is_kept_while_the_database_is_away(
    parts: Parts, url: str, now: datetime
) -> None:
    delivery = parts.signer.read(url.split("?")[0].removeprefix("/u/"), TokenKind.UNSUBSCRIBE).ids[0]
    refuse.spool(parts, delivery_id=delivery, act="unmeasured", reason="user_link", now=now)
    assert refuse.drain(parts, now=now) == 1
    assert measured(parts).count(False) == 1
