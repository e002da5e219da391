"""The list of contents: chips that count, themes with their rates, the shelf."""

from __future__ import annotations

import re
from datetime import datetime

import pytest
from flask.testing import FlaskClient
from sqlalchemy import insert, select, text, update

from campaigns.parts import Parts
from campaigns.services import author, design
from campaigns.storage import tables as t
from tests.services.test_publish import House, add_person, house, make

__all__ = ["house"]


def words_of(page: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))


def mark(parts: Parts, content_id: int, **values: object) -> None:
    with parts.engine.begin() as tx:
        tx.execute(update(t.contents).where(t.contents.c.id == content_id).values(**values))


def test_chips_are_links_with_counts_beside_the_other_choices(
    client: FlaskClient, parts: Parts, house: House, now: datetime
) -> None:
    make(parts, house, now)  # four mails: thanks, case, useful, product
    author.from_starter(parts, "useful", product_id=None, user_id=None, now=now)
    page = client.get("/mails?kind=industry").get_data(as_text=True)
    assert len(re.findall(r"<tr data-row>", page)) == 2
    assert re.search(r'href="/mails\?kind=industry&amp;product=none"[^>]*>共通<span class="n">1<', page)
    assert re.search(r'href="/mails"[^>]*aria-current="true">業界情報<span class="n">2<', page)
    assert "お礼<span" in page, "another kind may be chosen instead"
    assert 'class="filter" href="/mails?kind=industry&amp;tone=sales_light"' not in page, "it would be empty"


def test_a_line_names_the_scenarios_that_tell_it(
    client: FlaskClient, parts: Parts, house: House, now: datetime
) -> None:
    scenario_id = make(parts, house, now)
    page = client.get("/mails").get_data(as_text=True)
    assert page.count(f'<a class="c-used" href="/scenarios/{scenario_id}">展示会後フォロー</a>') == 4


def test_ideas_stay_in_their_book(client: FlaskClient, parts: Parts, house: House) -> None:
    client.post("/ideas", data={"words": "夜勤の工夫"})
    assert "夜勤の工夫" not in client.get("/mails").get_data(as_text=True)
    assert "夜勤の工夫" in client.get("/mails?status=idea").get_data(as_text=True)


def test_a_draft_is_approved_from_the_list_and_taken_back(
    client: FlaskClient, parts: Parts, house: House, now: datetime
) -> None:
    content_id = author.from_starter(parts, "useful", product_id=None, user_id=None, now=now)
    for status, said in (
        ("draft", "下書きに戻しました。"),
        ("approved", "承認しました。"),
        ("retired", "使用を終えました。"),
    ):
        page = client.post(
            f"/mails/{content_id}/status", data={"status": status}, follow_redirects=True
        ).get_data(as_text=True)
        assert said in page
    assert client.post(f"/mails/{content_id}/status", data={"status": "idea"}).status_code == 400
    refused = client.post(f"/mails/{content_id}/status", data={"status": "approved"}, follow_redirects=True)
    assert "いまの状態からは変えられません。" in refused.get_data(as_text=True)
    assert client.post("/mails/999/status", data={"status": "draft"}).status_code == 404


def test_the_way_back_after_a_step_never_leaves_us(
    client: FlaskClient, parts: Parts, house: House, now: datetime
) -> None:
    content_id = author.from_starter(parts, "useful", product_id=None, user_id=None, now=now)
    form = {"status": "draft", "back": "//evil.example/"}
    assert client.post(f"/mails/{content_id}/status", data=form).location == "/mails"


def test_a_copy_says_that_it_is_another_item(
    client: FlaskClient, parts: Parts, house: House, now: datetime
) -> None:
    content_id = author.from_starter(parts, "useful", product_id=None, user_id=None, now=now)
    page = client.post(f"/mails/{content_id}/copy", follow_redirects=True).get_data(as_text=True)
    assert "別の内容として扱うため、元の内容が届いた人にも届きます。" in page


def test_themes_and_shelf_are_saved_with_the_mail(
    client: FlaskClient, parts: Parts, house: House, now: datetime
) -> None:
    content_id = author.from_starter(parts, "useful", product_id=house.product, user_id=None, now=now)
    add_person(parts, house, now)
    content, _, variant = author.load(parts, content_id, lang="ja", buying_role="")
    form = {
        "title": content.title, "kind": content.kind, "tone": content.tone, "subject": variant.subject,
        "preheader": variant.preheader, "html": variant.html, "text": "", "tags": "外観検査、人手不足",
        "is_evergreen": "1", "content_version": content.version, "variant_version": variant.version,
    }  # fmt: skip
    assert client.post(f"/mails/{content_id}", data=form).status_code == 303
    kept = author.load(parts, content_id, lang="ja", buying_role="")[0]
    assert (kept.tags, kept.is_evergreen) == (("外観検査", "人手不足"), True)
    page = words_of(client.get("/mails/shelf").get_data(as_text=True))
    assert "1件 · 対象 1名" in page
    assert "届けられます" in page
    assert "外観検査、人手不足" in client.get(f"/mails/{content_id}").get_data(as_text=True)


def tell(parts: Parts, house: House, content_id: int, now: datetime, *, sent: int, refused: int) -> None:
    with parts.engine.begin() as tx:
        tx.execute(
            text(
                "insert into deliveries (origin, product_id, content_id, state, sent_at, created_at)"
                " select 'test:' || n, :product, :content, 'sent', :now, :now from generate_series(1, :sent) n"
            ),
            {"product": house.product, "content": content_id, "now": now, "sent": sent},
        )
        ids = tx.execute(select(t.deliveries.c.id).limit(refused)).scalars().all()
        for id in ids:
            tx.execute(
                insert(t.suppressions).values(
                    key_hash=str(id).encode(), scope="global", reason="user_link", delivery_id=id, at=now
                )
            )


@pytest.mark.parametrize(("sent", "refused", "alarms"), [(400, 4, True), (400, 2, False), (150, 9, False)])
def test_a_theme_that_is_refused_too_often_says_so(
    client: FlaskClient, parts: Parts, house: House, now: datetime, sent: int, refused: int, alarms: bool
) -> None:
    content_id = author.from_starter(parts, "useful", product_id=house.product, user_id=None, now=now)
    mark(parts, content_id, tags=["外観検査"])
    tell(parts, house, content_id, now, sent=sent, refused=refused)
    for path in ("/mails", "/mails/themes"):
        assert ("テーマか頻度を見直してください。" in client.get(path).get_data(as_text=True)) is alarms


def test_the_mix_of_kinds_is_shown_for_each_product(
    client: FlaskClient, parts: Parts, house: House, now: datetime
) -> None:
    make(parts, house, now)
    page = words_of(client.get("/mails/themes").get_data(as_text=True))
    assert "セールス色のある内容 25%" in page
    assert "製品情報 1 25%" in page


def test_a_starter_brings_marks_that_the_editor_names(
    client: FlaskClient, parts: Parts, house: House, now: datetime
) -> None:
    content_id = author.from_starter(
        parts, "exhibition_thanks", product_id=house.product, user_id=None, now=now
    )
    page = words_of(client.get(f"/mails/{content_id}").get_data(as_text=True))
    assert "【記入：展示会の名前】をまだ記入していません。" in page
    assert "リンク先がひな型のままです" in page


def test_every_starter_has_a_name_in_the_choice(client: FlaskClient, parts: Parts, house: House) -> None:
    page = client.get("/mails").get_data(as_text=True)
    for starter in author.starters():
        found = re.search(rf'<option value="{starter}">([^<]+)</option>', page)
        assert found, starter
        assert found[1] != starter


def test_an_odd_query_is_an_empty_list_and_no_failure(
    client: FlaskClient, parts: Parts, house: House, now: datetime
) -> None:
    make(parts, house, now)
    for query in ("status=x", "product=999", "tag=%00", "page=-5", "page=99999", "kind=" + "x" * 500):
        assert client.get(f"/mails?{query}").status_code == 200
    assert design.load(parts, 1, now=now).steps


def test_the_shelf_says_what_silent_people_get_until_a_question_is_approved(
    client: FlaskClient, parts: Parts, house: House
) -> None:
    page = words_of(client.get("/mails/shelf").get_data(as_text=True))
    assert "今は、反応のない方にもシナリオの次のメールを半年に1通送っています。" in page
    made = client.post("/mails/new", data={"starter": "permission"})
    content_id = int(made.location.rpartition("/")[2])
    page = words_of(client.get("/mails/shelf").get_data(as_text=True))
    assert "承認すると届きます。" in page
    assert "届けられる「受け取りの確認」がまだありません。" in page
    client.post(f"/mails/{content_id}/status", data={"status": "approved"})
    page = words_of(client.get("/mails/shelf").get_data(as_text=True))
    assert "届けられます" in page
    assert "まだありません" not in page
    assert "受け取りの確認" in client.get(f"/mails/{content_id}").get_data(as_text=True)
