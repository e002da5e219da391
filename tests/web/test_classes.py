"""The page of the customer classes."""

from __future__ import annotations

import io
from datetime import date

import pytest
from flask.testing import FlaskClient

from campaigns.parts import Parts
from campaigns.services import classify
from tests.conftest import NOW
from tests.services.test_classify import classes, company
from tests.web.conftest import SignIn


@pytest.fixture
def third(parts: Parts) -> int:
    """A C1 whose figures suggest A."""
    for name, profit in (("甲", 850), ("乙", 100)):
        company(parts, name, core_key=name, profit_12m_yen=profit, last_deal_on=date(2026, 6, 1))
    id = company(parts, "丙", core_key="丙", profit_12m_yen=50, last_deal_on=date(2026, 6, 1))
    classify.run(parts, now=NOW)
    with parts.engine.begin() as tx:
        tx.exec_driver_sql(f"update companies set profit_12m_yen = 90000 where id = {id}")
    classify.run(parts, now=NOW)
    return id


def test_a_suggestion_is_shown_and_taken_on(parts: Parts, client: FlaskClient, third: int) -> None:
    page = client.get("/classes").text
    assert "3社が待っています" in page
    client.post("/classes/review", data={"do": f"accept:{third}"})
    assert classes(parts)["丙"] == "A"
    client.post("/classes/review", data={"do": "keep_all"})
    assert "待っている企業はありません" in client.get("/classes").text
    assert classes(parts)["甲"] == "A"


def test_nothing_chosen_is_said(client: FlaskClient, third: int) -> None:
    for path in ("/classes/review", "/classes/owner"):
        answer = client.post(path, data={"do": "accept"}, follow_redirects=True)
        assert "選んでください" in answer.text


def test_other_rules_show_what_they_move_before_anything_is_saved(
    parts: Parts, client: FlaskClient, third: int
) -> None:
    page = client.get("/classes?preview=1&basis=profit&cut_a=50&cut_b=99.95").text
    assert "この基準では" in page
    assert "まだ何も変えていません" in page
    assert classes(parts)["丙"] == "C1"


@pytest.mark.parametrize(
    ("cut_a", "cut_b", "words"),
    [
        ("0", "95", "0より大きく100以下"),
        ("九十", "95", "0より大きく100以下"),
        ("95", "80", "Aの範囲より大きい値"),
        ("120", "130", "0より大きく100以下"),
    ],
)
def test_cuts_that_make_no_sense_are_said_at_their_place(
    client: FlaskClient, third: int, cut_a: str, cut_b: str, words: str
) -> None:
    data = {"basis": "profit", "cut_a": cut_a, "cut_b": cut_b, "version": "1"}
    answer = client.post("/classes/rules", data=data)
    assert answer.status_code == 422
    assert words in answer.text
    assert f'value="{cut_a}"' in answer.text


def test_a_list_with_a_bad_cell_names_line_value_and_reason(client: FlaskClient, third: int) -> None:
    data = {"file": (io.BytesIO("企業名,利益\n甲,たくさん\n丁,5\n".encode()), "a.csv")}
    answer = client.post("/classes/figures", data=data, content_type="multipart/form-data")
    assert answer.status_code == 422
    for words in (
        "何も書き換えていません",
        "たくさん",
        "金額として読み取れません",
        "この企業は登録されていません",
    ):
        assert words in answer.text


@pytest.mark.parametrize("data", [b"", b"\x00\x01\x02", "氏名\n".encode()])
def test_a_file_that_is_no_list_is_said_to_be_none(client: FlaskClient, third: int, data: bytes) -> None:
    sent = {"file": (io.BytesIO(data), "a.csv")}
    answer = client.post("/classes/figures", data=sent, content_type="multipart/form-data")
    assert answer.status_code == 422


def test_a_list_is_taken_in(parts: Parts, client: FlaskClient, third: int) -> None:
    data = {"file": (io.BytesIO("企業名,利益\n甲,1000万円\n".encode()), "a.csv")}
    answer = client.post("/classes/figures", data=data, content_type="multipart/form-data")
    assert "1社の取引実績を取り込みました" in answer.text


def test_sales_read_and_do_not_change(sign_in: SignIn, third: int) -> None:
    rep = sign_in("field_sales")
    assert rep.get("/classes").status_code == 200
    assert rep.post("/classes/review", data={"do": "accept_all"}).status_code == 403
