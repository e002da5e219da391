"""The publish page says what changes, asks per row what becomes of those who wait there, and does it."""

from __future__ import annotations

import re
from datetime import datetime

from flask.testing import FlaskClient
from sqlalchemy import text

from campaigns.parts import Parts
from campaigns.services import design
from tests.services.test_versions import build, draft, enrolled, new_content, places


def text_of(page: str) -> str:
    return re.sub(r"<[^>]+>|\s+", "", page)


def test_each_changed_row_is_told_in_words_and_asks_about_its_people(
    client: FlaskClient, parts: Parts
) -> None:
    made = build(parts, count=3)
    enrolled(parts, made, 1, 2, 3)
    a, b, _c = made.contents
    draft(parts, made, [("K1", a, 10), ("K2", b, 25), ("X", new_content(parts, made.product), 25)])
    page = client.get(f"/scenarios/{made.scenario}/publish").get_data(as_text=True)
    said = text_of(page)
    assert "第1版からの変更" in said
    assert "希望日いままで25日→これから10日" in said
    assert "追加新しい便り" in said
    assert "削除便り3待機1名" in said
    for key, choices in {"K1": 3, "K3": 2, "X": 0}.items():
        assert page.count(f'name="row-{key}"') == choices, key
    assert len(re.findall(r'value="move" checked', page)) >= 2, (
        "moving is what happens unless somebody chooses"
    )


def test_what_is_chosen_at_a_row_is_done(client: FlaskClient, parts: Parts) -> None:
    made = build(parts, count=3)
    enrolled(parts, made, 1, 2, 3)
    draft(parts, made, [(f"K{n}", content, 12) for n, content in enumerate(made.contents, start=1)])
    form = {"row-K1": "keep", "row-K2": "skip", "row-K3": "nonsense"}
    answer = client.post(f"/scenarios/{made.scenario}/publish", data=form, follow_redirects=True)
    assert (
        "進行中の3名のうち、1名は旧版のまま、1名は新しい版で、1名は行を飛ばして続けます。"
        in answer.get_data(as_text=True)
    )
    assert places(parts) == [(1, "K1", "active"), (2, "K3", "active"), (2, "K3", "active")]


def test_a_refused_publish_keeps_what_was_chosen(client: FlaskClient, parts: Parts) -> None:
    made = build(parts, count=1)
    enrolled(parts, made, 1)
    draft(parts, made, [("K1", made.contents[0], 12), ("K2", made.contents[0], 12)])  # one content twice
    page = client.post(f"/scenarios/{made.scenario}/publish", data={"row-K1": "keep"})
    assert page.status_code == 422
    assert re.search(r'name="row-K1" value="keep" checked', page.get_data(as_text=True))


def test_a_second_press_says_that_it_is_published(client: FlaskClient, parts: Parts) -> None:
    made = build(parts, count=1)
    draft(parts, made, [("K1", made.contents[0], 12)])
    client.post(f"/scenarios/{made.scenario}/publish")
    page = client.post(f"/scenarios/{made.scenario}/publish", follow_redirects=True).get_data(as_text=True)
    assert "すでに公開されています" in page
    assert client.get("/scenarios/99/publish").status_code == 404


def test_what_a_colleague_changed_after_the_look_is_shown_before_it_is_published(
    client: FlaskClient, parts: Parts, now: datetime
) -> None:
    made = build(parts, count=1)
    enrolled(parts, made, 1)
    draft(parts, made, [("K1", made.contents[0], 12)])
    path = f"/scenarios/{made.scenario}/publish"
    shown = re.search(r'name="seen" value="(\w+)"', client.get(path).get_data(as_text=True))
    assert shown is not None
    form = {"seen": shown[1], "row-K1": "keep"}

    design.add_row(parts, made.scenario, kind="fax", user_id=None, now=now)
    page = client.post(path, data=form)
    assert page.status_code == 422
    assert "内容が変わりました" in page.get_data(as_text=True)
    assert re.search(r'name="row-K1" value="keep" checked', page.get_data(as_text=True))

    again = re.search(r'name="seen" value="(\w+)"', page.get_data(as_text=True))
    assert again is not None
    with parts.engine.begin() as tx:
        tx.execute(text("update content_variants set subject = 'ほかの件名'"))
    assert client.post(path, data={**form, "seen": again[1]}).status_code == 422, "another mail as well"
    last = re.search(r'name="seen" value="(\w+)"', client.get(path).get_data(as_text=True))
    assert last is not None
    assert client.post(path, data={**form, "seen": last[1]}).status_code == 303


def test_the_publish_page_tells_the_numbers_that_the_message_tells(client: FlaskClient, parts: Parts) -> None:
    made = build(parts, count=3)
    enrolled(parts, made, 1, 1, 1)
    draft(parts, made, [("K1", made.contents[0], 12)])
    assert "進行中3名・これから加わる0名" in text_of(client.get(f"/scenarios/{made.scenario}/publish").text)
    page = client.post(f"/scenarios/{made.scenario}/publish", follow_redirects=True).text
    assert "いま送れるのは、対象3名のうち3名です。" in page
