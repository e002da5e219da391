"""The designer's pages work without a script; what is wrong is said at its row; publishing enrols after it."""

from __future__ import annotations

import re
from datetime import datetime

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select, update

from campaigns.parts import Parts
from campaigns.services import design
from campaigns.storage import tables as t
from tests.services.test_publish import House, add_person, house, make, rows_of

__all__ = ["house"]


def new_form(house: House, **changes: object) -> dict[str, object]:
    return {
        "pattern": "exhibition_hot",
        "purpose": "",
        "product_id": house.product,
        "name": "展示会後フォロー",
        "goal_kind": "visit",
        "classes": ["C1", "D", "E", "-"],
        "event_id": "",
        **changes,
    }


def test_a_shipped_pattern_brings_its_rows_and_its_purpose(
    client: FlaskClient, parts: Parts, house: House, now: datetime
) -> None:
    answer = client.post("/scenarios/new", data=new_form(house))
    assert answer.status_code == 302
    page = client.get(answer.location).get_data(as_text=True)
    assert page.count("data-row=") == 4
    assert "有望な見込み客を絞り込む" in page
    assert "1か月後の10日（休業日なら翌営業日）に送ります。" in page
    assert client.get("/scenarios").status_code == 200


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"pattern": "blank"}, "シナリオの目的を書いてください。"),
        ({"name": " "}, "シナリオの名前を書いてください。"),
        ({"goal_kind": "mail_open"}, "ゴールとする接点を選んでください。"),
        ({"classes": []}, "配信対象の管理区分を1つ以上選んでください。"),
        ({"product_id": 999}, "商材を選んでください。"),
    ],
)
def test_a_form_that_lacks_something_comes_back_with_what_was_typed(
    client: FlaskClient, parts: Parts, house: House, changes: dict[str, object], words: str
) -> None:
    answer = client.post("/scenarios/new", data=new_form(house, event_id="", **changes))
    page = answer.get_data(as_text=True)
    assert answer.status_code == 422
    assert words in page
    assert 'value="C1"' in page
    with parts.engine.connect() as tx:
        assert tx.execute(select(func.count()).select_from(t.scenarios)).scalar_one() == 0


def test_rows_are_added_changed_moved_copied_and_deleted_by_plain_forms(
    client: FlaskClient, parts: Parts, house: House, now: datetime
) -> None:
    scenario_id = make(parts, house, now)
    base = f"/scenarios/{scenario_id}"
    answer = client.post(f"{base}/rows")
    assert answer.status_code == 303
    added = rows_of(parts, scenario_id, now)[-1]
    assert f"edit={added}" in answer.location
    page = client.get(f"{base}?edit={added}").get_data(as_text=True)
    assert 'name="offset_months"' in page
    content = design.load(parts, scenario_id, now=now).steps[1].content_id
    row = {
        "kind": "mail",
        "offset_months": "5",
        "want_day": "15",
        "tone": "info",
        "content_id": content,
        "valid_until": "2027-05-01",
    }
    assert client.post(f"{base}/rows/{added}", data=row).status_code == 303
    page = client.get(base).get_data(as_text=True)
    assert "5か月後の15日" in page
    assert "2行目と同じ内容です" in page, "the problem stands in the row it belongs to"
    client.post(f"{base}/rows/{added}/up")
    assert rows_of(parts, scenario_id, now)[3] == added
    client.post(f"{base}/rows/{added}/duplicate")
    assert len(rows_of(parts, scenario_id, now)) == 6
    client.post(f"{base}/rows/{added}/delete")
    assert added not in rows_of(parts, scenario_id, now)


@pytest.mark.parametrize(
    "row",
    [
        {"offset_months": "-1", "want_day": "10"},
        {"offset_months": "1", "want_day": "32"},
        {"offset_months": "x", "want_day": "10"},
        {"offset_months": "1", "want_day": "10", "valid_until": "2027-02-30"},
        {"offset_months": "1", "want_day": "10", "tone": "loud"},
        {"kind": "telegram"},
        {"kind": ""},
        {"content_id": "x"},
        {"kind": "wait", "wait_days": "0"},
        {"kind": "branch", "on": "weather"},
    ],
)
def test_an_impossible_row_is_not_saved(
    client: FlaskClient, parts: Parts, house: House, now: datetime, row: dict[str, str]
) -> None:
    scenario_id = make(parts, house, now)
    before = design.load(parts, scenario_id, now=now).steps
    answer = client.post(
        f"/scenarios/{scenario_id}/rows/{before[1].key}",
        data={"kind": "mail", "tone": "info", **row},
        follow_redirects=True,
    )
    assert answer.status_code == 422
    assert design.load(parts, scenario_id, now=now).steps == before


def test_the_sentence_under_a_row_follows_the_form_without_saving(
    client: FlaskClient, parts: Parts, house: House, now: datetime
) -> None:
    scenario_id = make(parts, house, now)
    step = design.load(parts, scenario_id, now=now).steps[1]
    form = {"kind": "mail", "offset_months": "7", "want_day": "31", "content_id": step.content_id}
    words = client.post(f"/scenarios/{scenario_id}/rows/{step.key}/sentence", data=form).get_data(
        as_text=True
    )
    assert words.startswith("7か月後の31日（休業日なら翌営業日）に送ります。")
    assert design.load(parts, scenario_id, now=now).steps[1] == step


def test_publishing_by_the_page_enrols_the_audience_after_the_commit(
    client: FlaskClient, parts: Parts, house: House, now: datetime
) -> None:
    scenario_id = make(parts, house, now)
    add_person(parts, house, now)
    page = client.get(f"/scenarios/{scenario_id}/publish").get_data(as_text=True)
    assert "1名に向けて公開する" in page
    answer = client.post(f"/scenarios/{scenario_id}/publish", follow_redirects=True)
    assert "第1版を公開しました。" in answer.get_data(as_text=True)
    with parts.engine.connect() as tx:
        assert tx.execute(select(func.count()).select_from(t.enrollments)).scalar_one() == 1


def test_a_template_that_does_not_render_is_refused_with_row_and_line_on_the_page(
    client: FlaskClient, parts: Parts, house: House, now: datetime
) -> None:
    scenario_id = make(parts, house, now)
    content_id = design.load(parts, scenario_id, now=now).steps[1].content_id
    with parts.engine.begin() as tx:
        tx.execute(
            update(t.content_variants)
            .where(t.content_variants.c.content_id == content_id)
            .values(html="<p>よい</p>\n<p>{{ 会社め }}</p>")
        )
    answer = client.post(f"/scenarios/{scenario_id}/publish")
    page = re.sub(r"<[^>]+>|\s+", "", answer.get_data(as_text=True))
    assert answer.status_code == 422
    assert (
        "表の2行目「他社事例」メールを編集本文2行目：差し込み項目「会社め」はありません。「会社名」ではありませんか。"
        in page
    )
    with parts.engine.connect() as tx:
        assert tx.execute(select(func.count()).select_from(t.published_mails)).scalar_one() == 0


def test_a_stale_head_shows_what_is_stored_and_keeps_what_was_typed(
    client: FlaskClient, parts: Parts, house: House, now: datetime
) -> None:
    scenario_id = make(parts, house, now)
    form = new_form(house, purpose="先の目的", version=1)
    assert client.post(f"/scenarios/{scenario_id}/head", data=form).status_code == 302
    answer = client.post(f"/scenarios/{scenario_id}/head", data={**form, "purpose": "後の目的"})
    page = answer.get_data(as_text=True)
    assert answer.status_code == 409
    assert "先の目的" in page
    assert "後の目的" in page


def test_pausing_and_discarding_are_one_press_each(
    client: FlaskClient, parts: Parts, house: House, now: datetime
) -> None:
    scenario_id = make(parts, house, now)
    client.post(f"/scenarios/{scenario_id}/publish")
    paused = client.post("/deliveries/pause", data={"of": f"scenario:{scenario_id}", "at": "page"})
    assert paused.headers["Location"] == f"/scenarios/{scenario_id}"
    client.post(f"/scenarios/{scenario_id}/rows")
    assert design.load(parts, scenario_id, now=now).version.is_draft
    client.post(f"/scenarios/{scenario_id}/discard")
    found = design.load(parts, scenario_id, now=now)
    assert (found.scenario.status, found.version.is_draft, len(found.steps)) == ("paused", False, 4)


def test_a_scenario_or_row_that_is_gone_is_a_page_not_a_crash(
    client: FlaskClient, parts: Parts, house: House, now: datetime
) -> None:
    scenario_id = make(parts, house, now)
    assert client.get("/scenarios/99").status_code == 404
    assert client.post(f"/scenarios/{scenario_id}/rows/nokey/delete").status_code == 404
    assert client.post("/scenarios/99/publish").status_code == 404


def test_names_with_markup_stay_text(client: FlaskClient, parts: Parts, house: House, now: datetime) -> None:
    client.post("/scenarios/new", data=new_form(house, name="<script>alert(1)</script>"))
    assert "<script>alert(1)" not in client.get("/scenarios").get_data(as_text=True)
