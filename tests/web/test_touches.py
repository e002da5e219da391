"""Recording a touch: found by name, three fields, taken back; lists and their pages."""

from __future__ import annotations

import io
import re
from datetime import UTC, datetime

import pytest
from flask import Flask
from flask.testing import FlaskClient

from campaigns.parts import Parts
from campaigns.rules import entering, touch_lists
from campaigns.services import rerank
from campaigns.web import touch_lists as touch_lists_page
from campaigns.web import words
from tests.conftest import NOW
from tests.services.world import World
from tests.web.conftest import SignIn


@pytest.fixture
def world(parts: Parts) -> World:
    return World.build(parts, NOW)


@pytest.fixture
def person(world: World) -> int:
    made = world.person(touches=[("badge_scan", 10)])
    rerank.people(world.parts, [made], now=NOW)
    return made


def record(client: FlaskClient, person: int, **more: object) -> str:
    data = {"key": "k", "kind": "visit", "on": "2026-11-24", **more}
    return client.post(f"/people/{person}/touch", data=data).location


def test_who_it_was_is_found_by_the_first_letters_with_and_without_a_script(
    client: FlaskClient, person: int
) -> None:
    for headers in ({}, {"HX-Request": "true"}):
        page = client.get("/touches?q=試験", headers=headers)
        assert f'href="/people/{person}/touch"' in page.text
        assert ("<html" in page.text) is not bool(headers)
    assert "当てはまる担当者はいません" in client.get("/touches?q=誰でもない").text


def test_only_the_kind_has_to_be_chosen(world: World, client: FlaskClient, person: int) -> None:
    form = client.get(f"/people/{person}/touch").text
    assert 'name="on" type="date" value="2026-11-24"' in form
    assert f'<option value="{world.press_id}" selected>' in form
    data = dict(re.findall(r'<input type="hidden" name="(key)" value="(\w+)"', form))
    data |= {"kind": "visit", "on": "2026-11-24", "product": str(world.press_id), "note": ""}
    assert client.post(f"/people/{person}/touch", data=data).status_code == 303
    assert world.lead(person).depth_max == 4


def test_right_after_recording_one_press_takes_it_back(
    world: World, client: FlaskClient, person: int
) -> None:
    page = client.get(record(client, person, product=world.press_id)).text
    undo = re.search(r'action="(/touches/\d+/withdraw)"', page)
    assert undo is not None
    answer = client.post(undo[1], data={"reason": "押し間違い"}, follow_redirects=True)
    assert "接点を取り消しました" in answer.text
    assert "取り消しの理由：押し間違い" in answer.text
    assert world.lead(person).depth_max == 1
    again = client.post(undo[1], data={"reason": "x"}, follow_redirects=True)
    assert "もう取り消されています" in again.text


def test_a_wrong_touch_is_taken_back_and_recorded_anew_with_what_was_typed(
    client: FlaskClient, person: int
) -> None:
    record(client, person, note="来期に3台")
    data = {"reason": "種別か日付を間違えた", "again": "1"}
    page = client.post("/touches/2/withdraw", data=data, follow_redirects=True).text
    assert "来期に3台" in page
    assert 'value="visit" checked' in page


def test_the_timeline_is_narrowed_by_channel_kind_and_who(
    world: World, sign_in: SignIn, client: FlaskClient, person: int
) -> None:
    world.touch(person, ("mail_click", 5), ("web_view", 4))
    record(sign_in("inside_sales", name="森下"), person)
    base = f"/people/{person}?"

    def rows(query: str) -> int:
        return client.get(base + query).text.count('class="tl-row')

    assert rows("show=all") == 4
    assert rows("show=online") == 2
    assert rows("show=offline") == 2
    assert rows("show=all&kind=web_view") == 1
    who = world.rows("select actor_id from touchpoints where kind = 'visit'")[0].actor_id
    assert rows(f"show=all&actor={who}") == 1
    assert "この条件に合う接点はありません" in client.get(base + "kind=inquiry").text
    assert client.get(base + "show=nonsense").status_code == 404


def test_what_one_side_lacks_is_said(world: World, client: FlaskClient, person: int) -> None:
    assert "オンラインの接点がありません" in client.get(f"/people/{person}").text
    world.touch(person, ("mail_click", 5))
    assert "かたよりはありません" in client.get(f"/people/{person}").text


def test_themes_stand_with_the_touches_behind_them_for_the_person_and_the_company(
    world: World, client: FlaskClient, person: int
) -> None:
    world.touch(person, ("mail_click", 5))
    world.run(
        "update touchpoints set tags = '{目視検査,コスト}', title = '検査の手引き' where kind = 'mail_click'"
    )
    page = client.get(f"/people/{person}").text
    theme = re.search(r'<details class="theme">.*?</details>', page, re.DOTALL)
    assert theme is not None
    assert 'href="/touches/2"' in theme[0]
    company = world.rows("select company_id from affiliations")[0].company_id
    assert "目視検査" in client.get(f"/companies/{company}").text


def test_products_stand_side_by_side_with_score_rate_reasons_and_next_step(
    world: World, client: FlaskClient, person: int
) -> None:
    world.touch(person, ("inquiry", 2, world.pump_id))
    rerank.people(world.parts, [person], now=NOW)
    page = client.get(f"/people/{person}").text
    views = re.findall(r'<article class="view.*?</article>', page, re.DOTALL)
    assert len(views) == 2
    for view in views:
        assert view.count('<th scope="row">') == 5
        assert "推定受注率" in view
        assert "<li>" in view
        assert "view-next" in view


def test_a_list_comes_in_from_pasted_cells_and_goes_again(
    world: World, client: FlaskClient, person: int
) -> None:
    cells = "メールアドレス\t種別\t日付\tメモ\np1@customer1.example\t訪問\t2026/11/20\t来期に3台\nx@y.example\t訪問\t2026/11/20\t"
    answer = client.post("/touches/lists", data={"cells": cells})
    page = client.get(answer.location).text
    assert "まだ何も書き込んでいません" in page
    assert "登録されていない方です" in page
    form = {f"column-{n}": name for n, name in enumerate(("email", "kind", "day", "note"))}
    client.post(answer.location, data={**form, "action": "import"})
    assert "1件の接点を取り込みました" in client.get(answer.location).text
    errors = client.get(f"{answer.location}/errors.csv").data.decode("utf-8-sig")
    assert "登録されていない方です" in errors
    assert "x@y.example" in errors
    client.post(f"{answer.location}/undo")
    assert "取り消されました" in client.get(answer.location).text
    assert len(world.rows("select 1 from touchpoints")) == 1


def test_a_changed_column_is_counted_again_before_anything_is_written(
    world: World, client: FlaskClient, person: int
) -> None:
    data = "mail,what,date\r\np1@customer1.example,訪問,2026/11/20\r\n".encode()
    sent = {"file": (io.BytesIO(data), "list.csv")}
    location = client.post("/touches/lists", data=sent, content_type="multipart/form-data").location
    assert "接点の種別の列を選ぶか" in client.get(location).text
    form = {"column-0": "email", "column-1": "kind", "column-2": "day", "action": "import"}
    client.post(location, data=form)
    assert len(world.rows("select 1 from touchpoints")) == 1
    client.post(location, data=form)
    assert len(world.rows("select 1 from touchpoints")) == 2
    twice = client.post(location, data=form, follow_redirects=True)
    assert "1件の接点を取り込みました" in twice.text


def test_the_people_wizard_does_not_open_a_list_of_touches(client: FlaskClient, person: int) -> None:
    cells = "メールアドレス,種別,日付\np1@customer1.example,訪問,2026/11/20"
    location = client.post("/touches/lists", data={"cells": cells}).location
    batch = location.rsplit("/", 1)[1]
    assert client.get(f"/imports/{batch}").location == location
    assert client.post(f"/imports/{batch}/columns", data={}).status_code == 302
    assert client.get("/touches/lists/999").status_code == 302


def test_the_template_is_read_by_the_page_that_offers_it(client: FlaskClient) -> None:
    for lang in ("ja", "en"):
        data = client.get(f"/touches/lists/template.csv?lang={lang}").data
        sent = {"file": (io.BytesIO(data), "t.csv")}
        location = client.post("/touches/lists", data=sent, content_type="multipart/form-data").location
        page = client.get(location).text
        assert page.count("登録されていない方です") == 2


@pytest.mark.parametrize("lang", ["ja", "en"])
def test_every_word_that_a_page_shows_is_understood_in_a_list(app: Flask, lang: str) -> None:
    with app.test_request_context(f"/?lang={lang}"):
        kinds = {kind: str(words.KINDS[kind]) for kind in entering.BY_HAND}
        heads = {name: str(text) for name, text in touch_lists_page.FIELD_WORDS.items()}
    assert {kind: entering.kind_of(word) for kind, word in kinds.items()} == {kind: kind for kind in kinds}
    assert touch_lists.guess(list(heads.values())) == tuple(heads)


@pytest.mark.parametrize(
    ("at", "ja"),
    [
        (datetime(2026, 11, 20, 3, 0, tzinfo=UTC), "11/20"),  # noon in Tokyo: a day
        (datetime(2026, 11, 20, 3, 0, 7, tzinfo=UTC), "11/20 12:00"),
        (datetime(2026, 11, 20, 4, 15, tzinfo=UTC), "11/20 13:15"),
        (None, "–"),
    ],
)
def test_a_touch_of_which_only_the_day_is_known_shows_no_hour(
    app: Flask, at: datetime | None, ja: str
) -> None:
    with app.test_request_context(headers={"Accept-Language": "ja"}):
        assert words.touched(at) == ja
