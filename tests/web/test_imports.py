"""The import wizard in a browser without scripts: file, columns, confirmation, done, undo; and bad files."""

from __future__ import annotations

import html
import io
import re

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import text

from campaigns.parts import Parts
from campaigns.sample import exhibition
from campaigns.web import imports
from tests import world
from tests.web.conftest import SignIn

ANSWERS = {"kind": "card_exchange", "basis": "card_written", "purpose_published": "1"}


@pytest.fixture(autouse=True)
def registered(app: Flask) -> None:
    if "imports" not in app.blueprints:
        app.register_blueprint(imports.pages)


def count(parts: Parts, table: str) -> int:
    with parts.engine.connect() as tx:
        return int(tx.execute(text(f"select count(*) from {table}")).scalar_one())


def send(client: FlaskClient, data: bytes, *, name: str = "list.csv", kind: str = "people"):  # type: ignore[no-untyped-def]
    return client.post("/imports", data={"file": (io.BytesIO(data), name), "kind": kind, "cells": ""})


def mapping(client: FlaskClient, location: str) -> dict[str, str]:
    """The columns form as the page offers it."""
    page = client.get(location).get_data(as_text=True)
    found = re.findall(r'<select[^>]*name="(column-\d+)".*?</select>', page, re.DOTALL)
    blocks = re.findall(r'<select[^>]*name="column-\d+">(.*?)</select>', page, re.DOTALL)
    chosen = [re.search(r'value="([^"]*)" selected', block) for block in blocks]
    return {name: match[1] if match else "" for name, match in zip(found, chosen, strict=True)}


def to_confirm(client: FlaskClient, data: bytes, **more: str) -> str:
    """Through file and columns; returns the address of the confirmation."""
    location = send(client, data, **more).headers["Location"]
    answer = client.post(location, data=mapping(client, location))
    assert answer.status_code == 302
    return str(answer.headers["Location"])


def seen(client: FlaskClient, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200, answer.get_data(as_text=True)[:400]
    return html.unescape(answer.get_data(as_text=True))


def test_the_wizard_brings_the_sample_list_in_and_takes_it_back(client: FlaskClient, parts: Parts) -> None:
    with parts.engine.begin() as tx:
        product = world.product(tx)
    confirm = to_confirm(client, exhibition.csv(seed=1), name=exhibition.FILE_NAME)
    page = seen(client, confirm)
    for words in (
        "まだ何も書き込まれていません。",
        "文字コード cp932",
        "見出しは7行目",
        "301行",
        "エラー 8行",
        "合計の行と判断しました。",
    ):
        assert words in page, words
    assert count(parts, "people") == 0
    answers = ANSWERS | {
        "product_id": str(product),
        "event_name": exhibition.EVENT_NAME,
        "event_starts_on": "2026-11-11",
    }
    done = client.post(confirm, data=answers | {"action": "import"})
    assert done.status_code == 302
    result = seen(client, done.headers["Location"])
    assert re.search(r"2[567]\d名を取り込みました。", result)
    assert count(parts, "people") >= 250
    with parts.engine.connect() as tx:
        leads = tx.execute(
            text("select count(*) from product_leads where ranked_at is not null")
        ).scalar_one()
    assert leads == count(parts, "people"), "ranks follow the import at once"
    undone = client.post(f"{done.headers['Location']}/undo")
    assert "取り消されました。" in seen(client, undone.headers["Location"])
    assert count(parts, "people") == 0


def test_the_last_press_without_a_basis_asks_and_writes_nothing(client: FlaskClient, parts: Parts) -> None:
    confirm = to_confirm(client, "会社名,氏名,メール\n㈱浜名,山田 太郎,taro@hamana.example\n".encode("cp932"))
    answer = client.post(confirm, data={"kind": "card_exchange", "action": "import"})
    page = answer.get_data(as_text=True)
    assert answer.status_code == 422
    assert "根拠を選ぶと取り込めます。" in page
    assert count(parts, "people") == 0
    assert client.post(confirm, data=ANSWERS | {"action": "import"}).status_code == 302
    assert count(parts, "people") == 1


def test_an_answer_that_changes_the_counts_is_shown_before_it_is_written(
    client: FlaskClient, parts: Parts
) -> None:
    confirm = to_confirm(client, "会社名,氏名,メール\n㈱浜名,山田 太郎,taro@hamana.example\n".encode())
    none = {"kind": "card_exchange", "basis": "none", "action": "import"}
    first = client.post(confirm, data=none)
    assert "数え直しました。" in first.get_data(as_text=True)
    assert count(parts, "people") == 0
    assert client.post(confirm, data=none).status_code == 302
    assert count(parts, "people") == 1
    assert count(parts, "consents") == 0


def test_pressing_import_twice_imports_once(client: FlaskClient, parts: Parts) -> None:
    confirm = to_confirm(client, "会社名,氏名,メール\n㈱浜名,山田 太郎,taro@hamana.example\n".encode())
    places = {client.post(confirm, data=ANSWERS | {"action": "import"}).headers["Location"] for _ in range(2)}
    assert len(places) == 1
    assert (count(parts, "people"), count(parts, "touchpoints")) == (1, 1)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "名簿が空です。"),
        (b"\x89PNG\r\n\x1a\n", "名簿として読めないファイルです。"),
        ('氏名,メール\n"山田,a@b.example\n'.encode(), '2行目：引用符(")が正しく閉じられていません。'),
        (b",".join([b"c"] * 10_000), "1行目：列が多すぎます（10000列）。"),
        (b"name\n\xff\xfe\xfd\x81\n", "2行目：文字コードがわかりません。"),
        (b"a" * (31 * 1024 * 1024), "ファイルが大きすぎます（31.0 MB）。"),
    ],
    ids=["empty", "picture", "quotes", "columns", "encoding", "size"],
)
def test_a_bad_file_says_where_and_why(client: FlaskClient, parts: Parts, data: bytes, words: str) -> None:
    answer = send(client, data)
    page = html.unescape(answer.get_data(as_text=True)).replace('（"）', '(")')
    assert answer.status_code == 422
    assert words in page
    assert count(parts, "import_batches") == 0


def test_cells_are_pasted_and_hostile_values_are_only_shown(client: FlaskClient) -> None:
    cells = "会社名\t氏名\tメール\n<script>alert(1)</script>\t山田\tx@y\n"
    location = client.post("/imports", data={"cells": cells, "kind": "people"}).headers["Location"]
    raw = client.get(location).get_data(as_text=True)
    assert "<script>alert(1)" not in raw
    answer = client.post(location, data=mapping(client, location))
    raw = client.get(answer.headers["Location"]).get_data(as_text=True)
    assert "<script>alert(1)" not in raw
    assert "&lt;script&gt;alert(1)" in raw


def test_another_encoding_is_read_anew(client: FlaskClient) -> None:
    location = send(client, "会社名,氏名,メール\n㈱浜名,山田,a@b.example\n".encode("cp932")).headers[
        "Location"
    ]
    wrong = client.post(
        location, data={"action": "reread", "encoding": "utf-8", "delimiter": ",", "header_line": "1"}
    )
    assert wrong.status_code == 422
    assert "この文字コードでは読めません。" in wrong.get_data(as_text=True)
    again = client.post(
        location, data={"action": "reread", "encoding": "cp932", "delimiter": ",", "header_line": "1"}
    )
    assert again.status_code == 302
    assert "㈱浜名" in seen(client, location)


def test_one_field_for_two_columns_is_refused(client: FlaskClient) -> None:
    location = send(client, "会社名,氏名,メール\n㈱浜名,山田,a@b.example\n".encode()).headers["Location"]
    answer = client.post(location, data={"column-0": "name", "column-1": "name", "column-2": "email"})
    assert answer.status_code == 422
    assert "同じ項目を2つの列に対応付けています：氏名" in answer.get_data(as_text=True)


def test_a_column_of_ranks_is_offered_with_its_values(client: FlaskClient, parts: Parts) -> None:
    body = "会社名,氏名,メール,ランク\n㈱浜名,山田,a@b.example,A\n㈱浜名,鈴木,c@b.example,\n"
    confirm = to_confirm(client, body.encode())
    page = seen(client, confirm)
    assert "「ランク」列で分ける" in page
    answers = ANSWERS | {
        "kind_field": "temperature",
        "kind_value": ["A", ""],
        "kind_of": ["booth_talk_prospect", "badge_scan"],
    }
    client.post(confirm, data=answers)
    client.post(confirm, data=answers | {"action": "import"})
    with parts.engine.connect() as tx:
        kinds = [row.kind for row in tx.execute(text("select kind from touchpoints order by person_id"))]
    assert kinds == ["booth_talk_prospect", "badge_scan"]


def test_a_list_of_refusals_goes_the_same_way(client: FlaskClient, parts: Parts) -> None:
    confirm = to_confirm(client, b"mail\ntaro@hamana.example\n", kind="refusals")
    assert "1件を停止する" in seen(client, confirm)
    done = client.post(confirm, data={"scope": "global", "action": "import"})
    assert "1件の停止を登録しました。" in seen(client, done.headers["Location"])
    assert count(parts, "suppressions") == 1


def test_errors_are_downloaded_with_line_and_reason(client: FlaskClient) -> None:
    confirm = to_confirm(client, "会社名,氏名,メール\n㈱浜名,山田,a@hamana\n".encode())
    answer = client.get(confirm.replace("/confirm", "/errors.csv"))
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    lines = answer.get_data().decode("utf-8-sig").splitlines()
    assert lines[0] == "会社名,氏名,メール,行番号,理由"
    assert lines[1].startswith("㈱浜名,山田,a@hamana,2,メールアドレスのドメインがありません。")


def test_inside_sales_cannot_import_and_strangers_are_sent_to_the_login(app: Flask, sign_in: SignIn) -> None:
    assert sign_in("inside_sales").get("/imports").status_code == 403
    assert sign_in("marketer").get("/imports").status_code == 200
    assert app.test_client().get("/imports").status_code == 302


def test_a_batch_that_does_not_exist_leads_back_to_the_list(client: FlaskClient) -> None:
    for path in ("/imports/99", "/imports/99/confirm", "/imports/99/columns", "/imports/99/errors.csv"):
        assert client.get(path).headers["Location"] == "/imports"
    assert "この取込はありません。" in seen(client, "/imports")


def test_after_seven_days_the_page_no_longer_offers_the_undo(client: FlaskClient, parts: Parts) -> None:
    confirm = to_confirm(client, "会社名,氏名,メール\n㈱浜名,山田 太郎,taro@hamana.example\n".encode())
    place = client.post(confirm, data=ANSWERS | {"action": "import"}).headers["Location"]
    assert "取込を取り消す" in seen(client, place)
    with parts.engine.begin() as tx:
        tx.execute(text("update import_batches set imported_at = imported_at - interval '8 days'"))
    assert "取込を取り消す" not in seen(client, place)
    client.post(f"{place}/undo")
    assert "取り込みから7日を過ぎたため、取り消せません。" in seen(client, "/imports")
    assert count(parts, "people") == 1
