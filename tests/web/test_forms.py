"""Forms: what staff make of them, what visitors see, send and confirm; and what a stranger cannot do."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from lxml import html
from sqlalchemy import create_engine, text
from werkzeug.test import TestResponse

from campaigns.parts import Parts
from campaigns.rules.forms import Kind
from campaigns.services import design_form, keep_entries, show_form
from campaigns.web import app as web
from tests import world
from tests.services.test_submit_form import Made, make
from tests.web.conftest import SignIn
from tracking_pixel.links import Visit, visit_token
from tracking_pixel.tokens import TokenKind

SITE = "https://www.minori.example"


@pytest.fixture
def house(parts: Parts) -> world.World:
    return world.build(parts, count=2)


@pytest.fixture
def form(parts: Parts, house: world.World, now: datetime) -> Made:
    return make(parts, now, product_id=house.product)


@pytest.fixture
def visitor(parts: Parts) -> FlaskClient:
    """A browser that was never here, against pages with their CSRF protection on."""
    return web.create(replace(parts, settings=replace(parts.settings, sites=SITE))).test_client()


def fields_of(answer: TestResponse) -> dict[str, str]:
    """What a browser would send of the page, untouched."""
    page = html.fromstring(answer.text)
    (found,) = page.xpath("//form[@method='post']")
    return {k: v for k, v in found.form_values() if v is not None}


def fill(form: Made, visitor: FlaskClient, path: str = "", **typed: str) -> TestResponse:
    """Open the page, wait, send it."""
    path = path or f"/form/{form.key}"
    sent = fields_of(visitor.get(path)) | {"email": "suzuki@kakegawa.example", "company": "掛川精工"} | typed
    form.parts.clock.move_to(form.parts.clock.now() + timedelta(seconds=20))
    return visitor.post(path, data=sent)


# --- visitors ----------------------------------------------------------------------------------------------


def test_a_visitor_without_cookie_or_token_sends_a_form_and_is_thanked(
    form: Made, visitor: FlaskClient
) -> None:
    answer = fill(form, visitor, consent="1")
    assert answer.status_code == 303
    thanks = visitor.get(answer.headers["Location"])
    assert "ありがとうございます" in thanks.text
    assert "suzuki" not in thanks.text
    assert visitor.get(answer.headers["Location"]).status_code == 200  # loaded again
    assert form.states() == ["done"]
    assert "Set-Cookie" not in answer.headers
    assert "Set-Cookie" not in thanks.headers


def test_looking_at_a_form_a_hundred_times_changes_nothing_in_the_database(
    form: Made, visitor: FlaskClient
) -> None:
    for _ in range(50):
        visitor.get(f"/form/{form.key}")
        visitor.head(f"/form/{form.key}")
    assert (form.count("form_entries"), form.count("form_days")) == (0, 0)


def test_an_error_stands_at_its_field_and_everything_typed_is_kept(form: Made, visitor: FlaskClient) -> None:
    answer = fill(form, visitor, email="suzuki@", company="", name='<b>"鈴木"</b>', consent="1")
    assert answer.status_code == 422
    page = html.fromstring(answer.text)
    (field,) = page.xpath("//input[@name='email']")
    assert (field.get("value"), field.get("aria-invalid"), field.get("aria-describedby")) == (
        "suzuki@",
        "true",
        "e-email",
    )
    assert "メールアドレスの形になっていません" in page.get_element_by_id("e-email").text_content()
    assert page.xpath("//input[@name='name']")[0].get("value") == '<b>"鈴木"</b>'
    assert page.xpath("//input[@name='consent']")[0].get("checked") is not None
    assert [a.get("href") for a in page.xpath("//div[@role='alert']//a")] == ["#f-email", "#f-company"]
    assert form.count("form_entries") == 0


def test_the_page_is_small_needs_no_script_and_asks_nothing_of_others(
    form: Made, visitor: FlaskClient
) -> None:
    body = visitor.get(f"/form/{form.key}").text
    (style,) = re.findall(r"<style[^>]*>(.*?)</style>", body, flags=re.DOTALL)
    assert len(style.encode()) < 4096
    assert not re.findall(r"(?:src|href)=\"https?://", body)
    assert len(body.encode()) < 10_000


@pytest.mark.parametrize("lang", ["ja", "en"])
def test_every_field_of_every_kind_has_its_label_in_both_languages(
    parts: Parts, house: world.World, now: datetime, visitor: FlaskClient, lang: str
) -> None:
    for kind in Kind:
        made = make(parts, now, kind)
        page = html.fromstring(visitor.get(f"/form/{made.key}?lang={lang}").text)
        assert page.get("lang") == lang
        for field in page.xpath("//form//input[not(@type='hidden')] | //form//textarea"):
            labels = [*field.iterancestors("label"), *page.xpath(f"//label[@for='{field.get('id')}']")]
            assert labels
            assert labels[0].text_content().strip()


def test_a_form_in_one_language_is_shown_in_it_whatever_the_browser_asks(
    parts: Parts, house: world.World, now: datetime, visitor: FlaskClient
) -> None:
    form_id = make(parts, now).form_id
    found = design_form.find(parts, form_id)
    design_form.save(parts, form_id, design=replace(found.design, langs=("en",)), version=found.version, user_id=None, now=now)  # fmt: skip
    found = design_form.find(parts, form_id)
    design_form.publish(parts, form_id, {}, version=found.version, user_id=None, now=now)
    answer = visitor.get(f"/form/{found.public_key}?lang=ja", headers={"Accept-Language": "ja"})
    assert "Request material" in answer.text
    assert "必須" not in answer.text


def test_only_our_own_sites_may_frame_a_form_and_only_the_embedded_one(
    form: Made, visitor: FlaskClient
) -> None:
    framed = visitor.get(f"/form/{form.key}?embed=1")
    assert f"frame-ancestors {SITE}" in framed.headers["Content-Security-Policy"]
    assert "X-Frame-Options" not in framed.headers
    plain = visitor.get(f"/form/{form.key}")
    assert "frame-ancestors 'none'" in plain.headers["Content-Security-Policy"]
    assert plain.headers["X-Frame-Options"] == "DENY"
    bare = web.create(form.parts).test_client().get(f"/form/{form.key}?embed=1")
    ancestors = "frame-ancestors " + " ".join(form.parts.settings.origins() or ("'none'",))
    assert ancestors in bare.headers["Content-Security-Policy"]


def test_a_form_in_a_frame_leaves_the_choice_of_language_to_the_page_around_it(
    form: Made, visitor: FlaskClient
) -> None:
    assert ">English</a>" in visitor.get(f"/form/{form.key}?lang=ja").text
    assert ">English</a>" not in visitor.get(f"/form/{form.key}?lang=ja&embed=1").text


def test_an_embedded_form_stays_embedded_through_errors_and_thanks(form: Made, visitor: FlaskClient) -> None:
    wrong = fill(form, visitor, f"/form/{form.key}?embed=1", email="")
    assert 'class="in"' in wrong.text
    done = fill(form, visitor, f"/form/{form.key}?embed=1")
    assert "embed=1" in done.headers["Location"]
    assert 'class="in"' in visitor.get(done.headers["Location"]).text


def test_after_sending_a_form_may_lead_on_to_the_makers_own_page(
    parts: Parts, house: world.World, now: datetime, visitor: FlaskClient
) -> None:
    made = make(parts, now)
    found = design_form.find(parts, made.form_id)
    said = {lang: replace(words, redirect="https://www.minori.example/thanks") for lang, words in found.design.words.items()}  # fmt: skip
    design_form.save(parts, made.form_id, design=replace(found.design, words=said), version=found.version, user_id=None, now=now)  # fmt: skip
    found = design_form.find(parts, made.form_id)
    design_form.publish(parts, made.form_id, {}, version=found.version, user_id=None, now=now)
    answer = fill(made, visitor)
    assert answer.headers["Location"] == "https://www.minori.example/thanks"
    policy = visitor.get(f"/form/{made.key}").headers["Content-Security-Policy"]
    assert "form-action 'self' https://www.minori.example;" in policy


def test_a_link_in_a_mail_fills_in_what_it_may_and_not_you_starts_empty(
    form: Made, house: world.World, visitor: FlaskClient, now: datetime
) -> None:
    world.planned(form.parts, house, send_at=now, count=1)
    ik = visit_token(form.parts.signer, Visit(1, 7), now=now)
    answer = visitor.get(f"/form/{form.key}?ik={ik}")
    assert "p•••••@hamana-techno.example" in answer.text
    assert "浜名テクノ工業株式会社" in answer.text
    assert "p1@" not in answer.text
    assert "若林" not in answer.text
    sent = fields_of(answer)
    form.parts.clock.move_to(now + timedelta(seconds=5))
    assert visitor.post(f"/form/{form.key}?ik={ik}", data=sent).status_code == 303
    assert form.rows("select person_id from form_entries")[0].person_id == house.people[0]
    assert "hamana" not in visitor.get(f"/form/{form.key}").text


@pytest.mark.parametrize(
    "odd",
    [
        "\x00",
        "あ" * 100_000,
        "<script>alert(1)</script>",
        "a\r\nBcc: x@y.example",
        "\u202egnp.exe",
        "=1+1",
        "\ud7ff" * 50,
    ],
)
def test_odd_values_are_answered_with_a_page_and_stored_as_words(
    form: Made, visitor: FlaskClient, odd: str
) -> None:
    for name in ("email", "company", "name", "t", "v", "website", "known", "consent"):
        answer = fill(form, visitor, **{name: odd})
        assert answer.status_code in (303, 413, 422), name
        assert "<script>alert" not in answer.text


def test_two_hundred_fields_are_no_more_than_the_form_has(form: Made, visitor: FlaskClient) -> None:
    answer = fill(form, visitor, **{f"field{n}": "x" for n in range(200)})
    assert answer.status_code == 303
    assert set(form.rows("select answers from form_entries")[0].answers) == {"email", "company"}


def test_a_body_too_large_is_refused_before_it_is_read(form: Made, visitor: FlaskClient) -> None:
    answer = visitor.post(f"/form/{form.key}", data={"message": "x" * 200_000})
    assert answer.status_code == 413


def test_unknown_forms_and_drafts_and_forged_thanks_are_not_found(
    form: Made, visitor: FlaskClient, now: datetime
) -> None:
    for path in (
        "/form/none",
        f"/form/{form.key}/done?e=x",
        f"/form/{form.key}/done",
        "/form/confirm/x",
        "/q/x",
    ):
        assert visitor.get(path).status_code == 404, path
    assert visitor.post("/form/none", data={}).status_code == 404
    assert visitor.post("/form/confirm/x").status_code == 404


def test_begun_is_counted_and_takes_no_cookie(form: Made, visitor: FlaskClient) -> None:
    assert visitor.post(f"/form/{form.key}/started").status_code == 204


def test_the_embed_script_is_short_and_may_be_fetched_by_any_site(visitor: FlaskClient) -> None:
    answer = visitor.get("/form.js")
    assert answer.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert answer.mimetype == "text/javascript"
    assert len(answer.data) < 3000


def test_a_confirmation_is_asked_by_a_button_and_done_by_a_press(
    parts: Parts, house: world.World, now: datetime, visitor: FlaskClient
) -> None:
    made = make(parts, now, Kind.NEWSLETTER)
    answer = visitor.get(fill(made, visitor).headers["Location"])
    assert "確認のメールをお送りしました" in answer.text
    path = f"/form/confirm/{parts.signer.sign(TokenKind.CONFIRM, 1)}"
    for _ in range(3):
        assert "su•••••@" in visitor.get(path).text or "suz•••••@" in visitor.get(path).text
    assert made.states() == ["pending"]
    assert "ご登録ありがとうございます" in visitor.post(path).text
    assert made.states() == ["done"]


# --- passes ------------------------------------------------------------------------------------------------


@pytest.fixture
def badge(parts: Parts, house: world.World, now: datetime) -> str:
    with parts.engine.begin() as tx:
        event = world.insert(
            tx, "events", kind="seminar", name="検査講座", starts_on=now.date(), created_at=now
        )
    make(parts, now, Kind.SEMINAR_APPLY, event_id=event, product_id=house.product)
    return f"/q/{parts.signer.sign(TokenKind.BADGE, house.people[0], event)}"


def touches(parts: Parts) -> list[Any]:
    with parts.engine.connect() as tx:
        return list(
            tx.execute(text("select kind, person_id, event_id, actor_id, channel from touchpoints")).all()
        )


def test_a_stranger_who_scans_a_badge_sees_no_name_and_changes_nothing(
    parts: Parts, badge: str, visitor: FlaskClient
) -> None:
    answer = visitor.get(badge)
    assert "浜名テクノ工業株式会社" in answer.text
    assert "若林" not in answer.text
    assert 'class="qr"' in answer.text
    link = re.search(r'href="(/form/[^"]+)"', answer.text)
    assert link
    filled = visitor.get(link[1].replace("&amp;", "&"))
    assert "p•••••@hamana-techno.example" in filled.text
    assert visitor.post(badge).status_code in (302, 400)
    assert touches(parts) == []


def test_staff_who_scan_it_see_who_it_is_and_one_press_is_one_touch_however_often(
    parts: Parts, badge: str, sign_in: SignIn, house: world.World
) -> None:
    staff = sign_in("inside_sales")
    seen = staff.get(badge)
    assert "若林 拓也1" in seen.text
    assert touches(parts) == []
    for _ in range(3):
        assert staff.post(badge).status_code == 303
    assert [tuple(t)[:2] for t in touches(parts)] == [("seminar_attend", house.people[0])]
    assert "受付済み" in staff.get(badge).text


def test_the_sheet_has_a_badge_for_everybody_who_signed_up(
    parts: Parts, house: world.World, now: datetime, client: FlaskClient
) -> None:
    with parts.engine.begin() as tx:
        event = world.insert(tx, "events", kind="exhibition", name="展", starts_on=now.date(), created_at=now)
    made = make(parts, now, Kind.SEMINAR_APPLY, event_id=event)
    for n in range(3):
        made.send(fields={"email": f"s{n}@k.example", "name": f"客 {n}", "theme": "0"})
    page = client.get(f"/events/{event}/badges").text
    assert page.count('<li class="fm-badge">') == 3
    assert page.count('class="qr"') == 3
    assert client.get("/events/999/badges").status_code == 404


# --- staff -------------------------------------------------------------------------------------------------


def edited(client: FlaskClient, form_id: int, **typed: str) -> TestResponse:
    page = html.fromstring(client.get(f"/forms/{form_id}/edit").text)
    values = dict(page.get_element_by_id("form-design").form_values())
    pairs = [(k, v) for k, v in page.get_element_by_id("form-design").form_values() if k not in typed]
    assert "version" in values
    data: dict[str, Any] = {}
    for name, value in pairs:
        data.setdefault(name, []).append(value)
    return client.post(f"/forms/{form_id}/edit", data={**data, **typed})


def test_a_form_is_made_from_each_kind_and_can_be_published_as_it_is(
    client: FlaskClient, parts: Parts
) -> None:
    for n, kind in enumerate(Kind, 1):
        made = client.post("/forms/new", data={"kind": kind.value, "name": f"{kind.value}の窓口"})
        assert made.headers["Location"] == f"/forms/{n}/edit"
        done = edited(client, n, then="publish")
        assert done.headers["Location"] == f"/forms/{n}"
        shown = design_form.published(parts, n, 1)
        assert set(shown.snapshot) == {"ja", "en"}
        assert shown.design.said("ja").title in shown.snapshot["ja"]
        assert "<script" not in shown.snapshot["ja"]
        assert shown.design.said("en").purpose in shown.snapshot["en"]


def test_a_form_with_gaps_is_saved_but_not_published_and_says_what_is_missing(
    client: FlaskClient, parts: Parts
) -> None:
    client.post("/forms/new", data={"kind": "inquiry", "name": "窓口"})
    answer = edited(
        client, 1, then="publish", **{"purpose-ja": "", "use-ask_one": "1", "redirect-en": "javascript:1"}
    )
    assert answer.headers["Location"] == "/forms/1/edit"
    page = client.get("/forms/1/edit").text
    for place in ("purpose-ja", "label-ask_one-ja", "options-ask_one-en", "redirect-en"):
        assert f'href="#f-{place}"' in page, place
    assert design_form.find(parts, 1).published_no == 0


def test_fields_follow_the_numbers_given_and_the_mail_address_never_goes(
    client: FlaskClient, parts: Parts
) -> None:
    client.post("/forms/new", data={"kind": "doc_request", "name": "資料"})
    edited(client, 1, **{"place-name": "1", "place-email": "2", "place-company": "3", "use-email": ""})
    assert [f.key for f in design_form.find(parts, 1).design.fields] == ["name", "email", "company"]


def test_the_preview_shows_what_stands_in_the_editor_and_saves_nothing(
    client: FlaskClient, parts: Parts
) -> None:
    client.post("/forms/new", data={"kind": "doc_request", "name": "資料"})
    before = design_form.find(parts, 1)
    answer = client.post("/forms/1/preview", data={"langs": "en", "title-en": "New words", "look": "en"})
    assert "New words" in answer.text
    assert 'lang="en"' in answer.text
    assert design_form.find(parts, 1) == before


def test_a_stale_save_overwrites_nothing_and_keeps_what_was_typed(client: FlaskClient, parts: Parts) -> None:
    client.post("/forms/new", data={"kind": "doc_request", "name": "資料"})
    edited(client, 1, **{"title-ja": "先の題"})
    answer = edited(client, 1, **{"title-ja": "後の題", "version": "1"})
    assert answer.status_code == 409
    assert "後の題" in answer.text
    assert design_form.find(parts, 1).design.said("ja").title == "先の題"
    late = client.post("/forms/1/handling", data={"name": "別名", "version": "1"})
    assert late.status_code == 409


def test_handling_refuses_what_it_cannot_read_at_its_field(client: FlaskClient, form: Made) -> None:
    answer = client.post(
        f"/forms/{form.form_id}/handling",
        data={"name": "", "capacity": "たくさん", "closes_on": "いつか", "version": "3"},
    )
    assert answer.status_code == 422
    assert answer.text.count('class="error"') == 3


def test_the_material_is_put_in_where_it_is_chosen_and_survives_another_mistake(
    client: FlaskClient, form: Made
) -> None:
    def put(data: bytes, **typed: str) -> TestResponse:
        sent = {"name": "資料", "version": "3", "file": (io.BytesIO(data), "案内.pdf")}
        return client.post(f"/forms/{form.form_id}/handling", data={**sent, **typed})

    refused = put(b"<html>")
    assert refused.status_code == 422
    assert 'id="file-error"' in refused.text
    page = html.fromstring(put(b"%PDF-1.7 a", capacity="たくさん").text)
    (kept,) = page.xpath("//select[@name='file_id']/option[@selected]")
    assert kept.text.strip() == "案内.pdf"
    assert put(b"%PDF-1.7 a").status_code == 303
    assert design_form.find(form.parts, form.form_id).handling.file_id == int(kept.get("value"))


def test_a_request_for_material_without_a_file_warns_until_there_is_one_and_promises_no_download(
    client: FlaskClient, parts: Parts, visitor: FlaskClient
) -> None:
    client.post("/forms/new", data={"kind": "doc_request", "name": "資料"})
    published = client.get(edited(client, 1, then="publish").headers["Location"]).text
    assert "公開しましたが、渡す資料がまだありません" in published
    for path in ("/forms/1", "/forms/1/edit"):
        assert 'href="/forms/1/handling#f-file_id"' in client.get(path).text, path
    made = design_form.find(parts, 1)
    for lang, promise in (("ja", "ダウンロード"), ("en", "download")):
        said = made.design.said(lang)
        assert promise not in said.intro + said.thanks
    sent = {"name": "資料", "version": str(made.version), "file": (io.BytesIO(b"%PDF-1.7 a"), "a.pdf")}
    client.post("/forms/1/handling", data=sent)
    for path in ("/forms/1", "/forms/1/edit"):
        assert "#f-file_id" not in client.get(path).text, path


def test_who_tries_a_form_is_told_where_the_entry_is_that_was_kept_aside(
    client: FlaskClient, form: Made
) -> None:
    form.send(trap="x")
    page = client.get(f"/forms/{form.form_id}/entries").text
    assert "1件を保留しています" in page
    assert page.index("1件を保留しています") < page.index("ここに入るものは、まだありません")
    client.post(f"/forms/{form.form_id}/entries/1/release")
    assert "保留しています" not in client.get(f"/forms/{form.form_id}/entries").text


def test_entries_are_listed_opened_and_taken_out_without_formulas(
    client: FlaskClient, form: Made, now: datetime
) -> None:
    form.send(fields={"company": "＝式 =cmd()", "name": "鈴木 一郎"}, consents=True)
    form.send(fields={"email": "b@b.example"}, trap="x")
    assert "鈴木 一郎" in client.get(f"/forms/{form.form_id}/entries").text
    assert "人には見えない欄" in client.get(f"/forms/{form.form_id}/entries?show=aside").text
    assert "商品・サービス" not in client.get(f"/forms/{form.form_id}/entries/1").text
    answer = client.get(f"/forms/{form.form_id}/entries.csv")
    rows = list(csv.reader(io.StringIO(answer.data.decode("utf-8-sig"))))
    assert len(rows) == 2
    assert rows[1][5:7] == ["suzuki@kakegawa.example", "'＝式 =cmd()"]
    assert form.rows("select kind, rows from export_log")[0] == ("form_entries", 1)


def test_an_entry_kept_aside_is_released_or_dropped_by_a_press(client: FlaskClient, form: Made) -> None:
    form.send(trap="x")
    form.send(trap="x", fields={"email": "b@b.example"})
    client.post(f"/forms/{form.form_id}/entries/1/release")
    client.post(f"/forms/{form.form_id}/entries/2/drop")
    assert form.states() == ["done", "dropped"]
    assert client.get(f"/forms/{form.form_id}/entries/2").status_code == 200
    assert client.post(f"/forms/{form.form_id}/entries/99/release").status_code == 404


def test_an_entry_of_one_form_is_not_found_under_another(
    client: FlaskClient, form: Made, now: datetime
) -> None:
    other = make(form.parts, now, name="別")
    form.send()
    assert client.get(f"/forms/{other.form_id}/entries/1").status_code == 404


def test_a_version_shows_the_page_that_was_seen_in_a_sandbox(client: FlaskClient, form: Made) -> None:
    answer = client.get(f"/forms/{form.form_id}/versions/1/ja")
    assert answer.text == "<p>見えた画面</p>"
    assert answer.headers["Content-Security-Policy"].startswith("sandbox")
    assert client.get(f"/forms/{form.form_id}/versions/1").status_code == 200
    assert client.get(f"/forms/{form.form_id}/versions/7").status_code == 404


def test_a_form_is_closed_and_opened_again(client: FlaskClient, form: Made, visitor: FlaskClient) -> None:
    client.post(f"/forms/{form.form_id}/state", data={"state": "closed"})
    assert "受付は終了しました" in visitor.get(f"/form/{form.key}").text
    client.post(f"/forms/{form.form_id}/state", data={"state": "open"})
    assert "資料を受け取る" in visitor.get(f"/form/{form.key}").text


def test_a_form_that_nobody_used_is_deleted_after_a_question_and_a_used_one_is_not(
    client: FlaskClient, form: Made, visitor: FlaskClient
) -> None:
    page = client.get(f"/forms/{form.form_id}").text
    assert f'href="/forms/{form.form_id}/delete"' in page
    form.send()
    assert f'href="/forms/{form.form_id}/delete"' not in client.get(f"/forms/{form.form_id}").text
    assert "削除できません" in client.get(f"/forms/{form.form_id}/delete").text
    client.post(f"/forms/{form.form_id}/delete")
    assert client.get(f"/forms/{form.form_id}").status_code == 200
    with form.parts.engine.begin() as tx:
        tx.execute(text("delete from form_entries"))
    assert "元には戻せません" in client.get(f"/forms/{form.form_id}/delete").text
    assert client.post(f"/forms/{form.form_id}/delete").status_code == 303
    assert client.get(f"/forms/{form.form_id}").status_code == 404
    assert visitor.get(f"/form/{form.key}").status_code == 404


def test_an_entry_kept_aside_is_let_in_from_the_list(client: FlaskClient, form: Made) -> None:
    entry_id = form.send(trap="x").entry_id
    page = client.get(f"/forms/{form.form_id}/entries?show=aside").text
    assert f'action="/forms/{form.form_id}/entries/{entry_id}/release"' in page
    assert "90日たったものは" in page


def test_without_a_database_what_is_sent_is_kept_or_stays_in_the_page(form: Made) -> None:
    token = show_form.show(form.parts, form.key, now=form.parts.clock.now()).token
    nowhere = create_engine("postgresql+psycopg://nobody@127.0.0.1:1/none")
    away = web.create(replace(form.parts, engine=nowhere)).test_client()
    said = {"email": "suzuki@kakegawa.example", "company": "掛川精工", "t": token}
    answer = away.post(f"/form/{form.key}", data=said)
    assert (answer.status_code, keep_entries.waiting(form.parts)) == (200, 1)
    assert "内容をお預かりしました" in answer.text
    stranger = away.post(f"/form/{form.key}?lang=en", data={**said, "t": "forged", "company": '"><b>'})
    assert (stranger.status_code, keep_entries.waiting(form.parts)) == (503, 1)
    assert "still in this page" in stranger.text
    kept = {one.get("name"): one.get("value") for one in html.fromstring(stranger.text).iter("input")}
    assert kept == {**said, "t": "forged", "company": '"><b>'}


def test_the_code_of_a_form_is_a_picture_to_print(client: FlaskClient, form: Made) -> None:
    answer = client.get(f"/forms/{form.form_id}/qr.svg")
    assert answer.mimetype == "image/svg+xml"
    assert b"<path" in answer.data


def test_inside_sales_read_entries_but_change_no_form(sign_in: SignIn, form: Made) -> None:
    form.send()
    sales = sign_in("inside_sales")
    assert sales.get(f"/forms/{form.form_id}/entries").status_code == 200
    assert sales.get(f"/forms/{form.form_id}/edit").status_code == 403
    assert sales.get(f"/forms/{form.form_id}/entries.csv").status_code == 403
