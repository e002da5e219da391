"""The editor shows the real mail of a real person, keeps what was typed, and lets nothing run."""

from __future__ import annotations

import io
import re
from datetime import datetime

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select

from campaigns.parts import Parts
from campaigns.services import author
from campaigns.storage import tables as t
from tests.services.test_publish import PNG, House, add_person, house

__all__ = ["house"]


@pytest.fixture
def content_id(parts: Parts, house: House, now: datetime) -> int:
    return author.from_starter(parts, "case_study", product_id=house.product, user_id=None, now=now)


def form_of(parts: Parts, content_id: int, **changes: object) -> dict[str, object]:
    content, _, variant = author.load(parts, content_id, lang="ja", buying_role="")
    return {
        "title": content.title,
        "kind": content.kind,
        "tone": content.tone,
        "subject": variant.subject,
        "preheader": variant.preheader,
        "html": variant.html,
        "text": variant.text,
        "content_version": content.version,
        "variant_version": variant.version,
        **changes,
    }


def frame_of(client: FlaskClient, page: str) -> str:
    found = re.search(r'<iframe[^>]*src="([^"]+)"[^>]*sandbox=""', page)
    assert found
    return client.get(found[1]).get_data(as_text=True)


def test_the_preview_is_the_chosen_persons_mail_in_a_frame_that_can_do_nothing(
    client: FlaskClient, parts: Parts, house: House, now: datetime, content_id: int
) -> None:
    add_person(parts, house, now, n=1, name="若林 拓也")
    other = add_person(parts, house, now, n=2, name="佐々木 花")
    page = client.get(f"/mails/{content_id}?person={other}").get_data(as_text=True)
    html = frame_of(client, page)
    assert "佐々木 花 様" in html
    assert "浜名テクノ株式会社" in html
    assert "株式会社みのり精機" in html, "the legal footer is shown"
    found = re.search(r'<iframe[^>]*src="([^"]+)"', page)
    assert found
    headers = client.get(found[1]).headers
    assert "sandbox" in headers["Content-Security-Policy"]
    assert "script" not in headers["Content-Security-Policy"].replace("default-src 'none'", "")


def test_unsaved_words_are_previewed_and_linted_but_not_stored(
    client: FlaskClient, parts: Parts, house: House, now: datetime, content_id: int
) -> None:
    form = form_of(
        parts, content_id, subject="業界最高の精度", html="<p>{{ 宛名 }}</p><p>まだ保存していない</p>"
    )
    page = client.post(f"/mails/{content_id}/preview", data=form).get_data(as_text=True)
    assert "まだ保存していない" in frame_of(client, page)
    assert "「業界最高」は控えめな言い方にできます。" in page
    assert author.load(parts, content_id, lang="ja", buying_role="")[2].subject != "業界最高の精度"


def test_an_unknown_field_is_named_with_its_line_and_the_likely_word(
    client: FlaskClient, parts: Parts, house: House, content_id: int
) -> None:
    form = form_of(parts, content_id, html="<p>{{ 宛名 }}</p>\n<p>{{ 会社め }}</p>")
    page = client.post(f"/mails/{content_id}/preview", data=form).get_data(as_text=True)
    words = re.sub(r"<[^>]+>", "", page)
    assert "本文 2行目：差し込み項目「会社め」はありません。「会社名」ではありませんか。" in words


def test_saving_over_somebody_elses_save_keeps_both_texts_on_the_page(
    client: FlaskClient, parts: Parts, house: House, content_id: int
) -> None:
    form = form_of(parts, content_id)
    assert client.post(f"/mails/{content_id}", data={**form, "subject": "先の件名"}).status_code == 303
    answer = client.post(f"/mails/{content_id}", data={**form, "subject": "後の件名"})
    page = answer.get_data(as_text=True)
    assert answer.status_code == 409
    assert "先の件名" in page
    assert 'value="後の件名"' in page


def test_a_test_send_goes_to_the_reader_of_the_page(
    client: FlaskClient, parts: Parts, house: House, now: datetime, content_id: int
) -> None:
    add_person(parts, house, now)
    client.post(f"/mails/{content_id}", data={**form_of(parts, content_id), "then": "test"})
    with parts.engine.connect() as tx:
        row = tx.execute(select(t.delivery_bodies)).one()
    assert row.subject.startswith("【テスト】")
    assert "若林 拓也 様" in row.html
    assert "@hamana.example" not in row.to_address


def test_an_image_is_served_for_ever_without_login_and_nothing_else_is(
    client: FlaskClient, parts: Parts, house: House, content_id: int
) -> None:
    form = {**form_of(parts, content_id), "image": (io.BytesIO(PNG), "図.png")}
    client.post(f"/mails/{content_id}", data=form, content_type="multipart/form-data")
    page = client.get(f"/mails/{content_id}").get_data(as_text=True)
    found = re.search(r'src="(/image/\d+-[0-9a-f]{8}\.png)"', page)
    assert found
    stranger = client.application.test_client()
    answer = stranger.get(found[1])
    assert (answer.status_code, answer.mimetype, answer.data) == (200, "image/png", PNG)
    assert "immutable" in answer.headers["Cache-Control"]
    assert stranger.get(re.sub(r"-[0-9a-f]{8}", "-00000000", found[1])).status_code == 404
    assert stranger.get(found[1].replace(".png", ".html")).status_code == 404


def test_a_file_that_is_no_image_is_refused_in_words_and_the_mail_is_saved(
    client: FlaskClient, parts: Parts, house: House, content_id: int
) -> None:
    form = {**form_of(parts, content_id, subject="保存される"), "image": (io.BytesIO(b"<svg/>"), "a.png")}
    answer = client.post(
        f"/mails/{content_id}", data=form, content_type="multipart/form-data", follow_redirects=True
    )
    assert "PNG、JPEG、GIF、WebP の画像だけ登録できます。" in answer.get_data(as_text=True)
    assert author.load(parts, content_id, lang="ja", buying_role="")[2].subject == "保存される"
    with parts.engine.connect() as tx:
        assert tx.execute(select(func.count()).select_from(t.images)).scalar_one() == 0


@pytest.mark.parametrize(
    "back", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)"]
)
def test_the_way_back_never_leaves_us(
    client: FlaskClient, parts: Parts, house: House, content_id: int, back: str
) -> None:
    form = {**form_of(parts, content_id), "then": "back", "back": back}
    location = client.post(f"/mails/{content_id}", data=form).location
    assert location.startswith(f"/mails/{content_id}")
    assert "evil" not in location


def test_variants_are_added_as_copies_and_the_one_for_all_stays(
    client: FlaskClient, parts: Parts, house: House, content_id: int
) -> None:
    client.post(f"/mails/{content_id}/variants", data={"lang": "en", "role": ""})
    client.post(f"/mails/{content_id}/variants", data={"lang": "en", "role": ""})
    _, variants, first = author.load(parts, content_id, lang="ja", buying_role="")
    assert [(v.lang, v.buying_role) for v in variants] == [("ja", ""), ("en", "")]
    client.post(f"/mails/{content_id}/variants/{first.id}/delete")
    assert len(author.load(parts, content_id, lang="ja", buying_role="")[1]) == 2
    client.post(f"/mails/{content_id}/variants/{variants[1].id}/delete")
    assert len(author.load(parts, content_id, lang="ja", buying_role="")[1]) == 1
    assert client.post(f"/mails/{content_id}/variants", data={"lang": "xx", "role": ""}).status_code == 404


def test_a_new_mail_starts_from_a_starter_or_from_nothing(
    client: FlaskClient, parts: Parts, house: House
) -> None:
    for starter in ("thanks", ""):
        answer = client.post("/mails/new", data={"starter": starter, "product_id": house.product})
        assert client.get(answer.location).status_code == 200
    assert client.get("/mails").status_code == 200
    assert client.get("/mails/999").status_code == 404
