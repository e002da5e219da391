"""The idea inbox: anybody writes, a marketer makes mails of it."""

from __future__ import annotations

import re
from datetime import datetime

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from campaigns.parts import Parts
from campaigns.services import author
from campaigns.storage import tables as t
from tests.services.test_publish import House, house
from tests.web.conftest import SignIn

__all__ = ["house"]


def only(parts: Parts) -> t.Any:  # type: ignore[name-defined]
    with parts.engine.connect() as tx:
        return tx.execute(select(t.contents)).one()


def test_inside_sales_writes_an_idea_in_one_field(sign_in: SignIn, parts: Parts, house: House) -> None:
    browser = sign_in("inside_sales", name="林 由美子")
    answer = browser.post("/ideas", data={"words": "夜勤で見本を写真に撮っている"}, follow_redirects=True)
    page = answer.get_data(as_text=True)
    assert "ネタ帳に書きました。" in page
    assert "夜勤で見本を写真に撮っている" in page
    assert "林 由美子" in page
    assert "メールにする" not in page, "that is a marketer's"
    row = only(parts)
    assert (row.status, row.idea) == ("idea", "夜勤で見本を写真に撮っている")


def test_department_and_themes_are_kept_and_offered_again(
    client: FlaskClient, parts: Parts, house: House
) -> None:
    form = {"words": "省配線の相談が3社", "source_dept": "サービス", "tags": "省配線、＃寿命"}
    client.post("/ideas", data=form)
    assert list(only(parts).tags) == ["省配線", "寿命"]
    page = client.get("/ideas").get_data(as_text=True)
    assert '<option value="サービス">' in page
    assert '<option value="省配線">' in page


@pytest.mark.parametrize("words", ["", "   ", "長" * 1001])
def test_an_empty_or_endless_idea_is_refused_and_nothing_typed_is_lost(
    client: FlaskClient, parts: Parts, house: House, words: str
) -> None:
    answer = client.post("/ideas", data={"words": words, "source_dept": "技術", "tags": "寿命"})
    page = answer.get_data(as_text=True)
    assert answer.status_code == 422
    assert 'value="技術"' in page
    assert 'value="寿命"' in page
    assert 'aria-invalid="true"' in page


def test_an_idea_becomes_a_draft_and_its_editor_says_what_it_came_from(
    client: FlaskClient, parts: Parts, house: House
) -> None:
    client.post("/ideas", data={"words": "寿命の目安の表がほしい"})
    id = only(parts).id
    form = {"kind": "industry", "tone": "info", "product_id": house.product, "starter": "useful"}
    answer = client.post(f"/ideas/{id}/draft", data=form, follow_redirects=True)
    page = answer.get_data(as_text=True)
    assert "この内容は「下書き」です。" in page
    assert "元のネタ：寿命の目安の表がほしい" in page
    row = only(parts)
    assert (row.status, row.kind, row.product_id) == ("draft", "industry", house.product)
    assert "確認表" in author.load(parts, id, lang="ja", buying_role="")[2].html
    again = client.post(f"/ideas/{id}/draft", data=form, follow_redirects=True).get_data(as_text=True)
    assert "いまの状態からは変えられません。" in again


@pytest.mark.parametrize("form", [{"kind": "bomb", "tone": "info"}, {"kind": "general", "tone": "loud"},
                                  {"kind": "general", "tone": "info", "product_id": "999"}])  # fmt: skip
def test_choices_that_no_form_offers_are_refused(
    client: FlaskClient, parts: Parts, house: House, form: dict[str, str]
) -> None:
    client.post("/ideas", data={"words": "ネタ"})
    assert client.post(f"/ideas/{only(parts).id}/draft", data=form).status_code == 400
    assert only(parts).status == "idea"


def test_passed_over_ideas_leave_the_first_list_but_not_the_book(
    client: FlaskClient, parts: Parts, house: House
) -> None:
    client.post("/ideas", data={"words": "古い話"})
    client.post(f"/ideas/{only(parts).id}/retire")
    assert only(parts).status == "retired"
    assert "古い話" in client.get("/ideas?status=retired").get_data(as_text=True)
    assert "古い話" not in client.get("/ideas?status=idea").get_data(as_text=True)


def test_words_of_an_idea_are_never_markup(client: FlaskClient, parts: Parts, house: House) -> None:
    client.post("/ideas", data={"words": "<script>alert(1)</script>", "tags": "<b>"})
    page = client.get("/ideas").get_data(as_text=True)
    assert "<script>alert" not in page
    assert "&lt;script&gt;" in page


def test_the_chips_count_the_states(client: FlaskClient, parts: Parts, house: House, now: datetime) -> None:
    for n in range(3):
        client.post("/ideas", data={"words": f"ネタ{n}"})
    page = re.sub(r"<[^>]+>", " ", client.get("/ideas").get_data(as_text=True))
    assert re.search(r"すべて\s+3", page)
    assert re.search(r"承認済み\s+0", page)
