"""A scenario leaves as a file and comes back through a look at what it says."""

from __future__ import annotations

import io
import re
from datetime import datetime
from urllib.parse import quote

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select

from campaigns.parts import Parts
from campaigns.storage import tables as t
from tests.services.test_publish import House, house, make

__all__ = ["house"]


def scenarios(parts: Parts) -> int:
    with parts.engine.connect() as tx:
        return tx.execute(select(func.count()).select_from(t.scenarios)).scalar_one()


def test_a_downloaded_file_can_be_looked_at_and_brought_in(
    client: FlaskClient, parts: Parts, house: House, now: datetime
) -> None:
    scenario_id = make(parts, house, now, "exhibition")
    file = client.get(f"/scenarios/{scenario_id}/file")
    assert file.mimetype == "application/yaml"
    head = file.headers["Content-Disposition"]
    assert head.startswith("attachment;")
    assert head.isascii(), (
        "a header in Japanese arrives as nonsense; the true name stands encoded beside the plain one"
    )
    assert "filename*=UTF-8''" + quote("展示会後") in head
    look = client.post(
        "/scenarios/import",
        data={"file": (io.BytesIO(file.data), "a.yaml"), "then": "look"},
        content_type="multipart/form-data",
    )
    page = look.get_data(as_text=True)
    assert look.status_code == 200
    assert "「展示会後フォロー」は取り込めます。" in page
    assert scenarios(parts) == 1, "looking writes nothing"
    answer = client.post(
        "/scenarios/import",
        data={"text": file.get_data(as_text=True), "then": "bring", "product_id": house.product},
    )
    assert answer.status_code == 303
    assert scenarios(parts) == 2
    new = re.search(r"/scenarios/(\d+)", answer.location)
    assert new
    assert client.get(f"/scenarios/{new[1]}/file").data == file.data


def test_faults_are_named_with_line_and_words_and_the_text_stays(
    client: FlaskClient, parts: Parts, house: House
) -> None:
    text = "ikusei: scenario/1\nname: 名\nrows:\n  - key: a\n    kind: bomb\n    planet: mars\n"
    answer = client.post("/scenarios/import", data={"text": text, "then": "bring", "product_id": "1"})
    page = answer.get_data(as_text=True)
    assert answer.status_code == 422
    words = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))
    assert "5行目 「bomb」は使えません。" in words
    assert "6行目 「planet」という項目はありません。" in words
    assert "planet: mars" in page
    assert scenarios(parts) == 0


@pytest.mark.parametrize("product", ["", "999", "x"])
def test_without_a_product_nothing_is_brought_in(
    client: FlaskClient, parts: Parts, house: House, product: str
) -> None:
    text = "ikusei: scenario/1\nname: 名\ngoal: visit\nclasses: [C1]\n"
    answer = client.post("/scenarios/import", data={"text": text, "then": "bring", "product_id": product})
    assert answer.status_code == 422
    assert "商材を選んでください。" in answer.get_data(as_text=True)
    assert scenarios(parts) == 0


@pytest.mark.parametrize(
    "data", [b"", b"\x00\x01", b"\xff\xfe\xff", b"[" * 5000, b"a: &a b\nc: *a", b"x" * 1_000_001, b"<script>"]
)
def test_whatever_is_sent_is_answered_in_words(
    client: FlaskClient, parts: Parts, house: House, data: bytes
) -> None:
    answer = client.post(
        "/scenarios/import",
        data={"file": (io.BytesIO(data), "a.yaml"), "then": "look"},
        content_type="multipart/form-data",
    )
    assert answer.status_code == 422
    assert "まだ何も書き込んでいません。" in answer.get_data(as_text=True)
    assert "<script>" not in answer.get_data(as_text=True).replace("<script src", "")


def test_a_scenario_that_is_gone_has_no_file(client: FlaskClient, parts: Parts, house: House) -> None:
    assert client.get("/scenarios/99/file").status_code == 404
