"""The sections of a product: read by all, edited each by its own form, nothing typed is lost."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import text

from campaigns.parts import Parts
from campaigns.rules.inheritance import Level
from campaigns.services import inherit
from tests import world
from tests.web.conftest import SignIn
from tests.web.test_products import add

MATRIX = {
    "cause-0": "hot_deep", "kind-0": "call", "due-0": "1", "priority-0": "1",
    "cause-1": "warm_deep", "kind-1": "call", "due-1": "３", "priority-1": "2", "industries-1": "食品機械、電機",
    "cause-2": "hot_deep", "kind-2": "", "due-2": "5", "priority-2": "3",
}  # fmt: skip


def value(parts: Parts, product: int, field: str) -> Any:
    holder = inherit.load(parts, Level.PRODUCT, product)
    assert holder is not None
    return holder.value(field)


def test_the_page_shows_seven_sections_and_whose_each_value_is(
    parts: Parts, client: FlaskClient, now: datetime
) -> None:
    product = add(parts, now)
    page = client.get(f"/products/{product}").text
    for key in ("profile", "delivery", "hot", "matrix", "cycle", "refusals", "sender"):
        assert f'id="{key}"' in page
    assert "この商材だけの値" in page
    assert "出荷時の値" in page
    assert "継承すると：5（出荷時の値）" in page


def test_a_section_is_saved_by_its_own_form(parts: Parts, client: FlaskClient, now: datetime) -> None:
    product = add(parts, now)
    answer = client.post(f"/products/{product}/cycle", data={"version": "1", "purchase_cycle_days": "１８０"})
    assert answer.location == f"/products/{product}#cycle"
    assert value(parts, product, "purchase_cycle_days") == 180


def test_a_stale_section_shows_both_values_and_keeps_what_was_typed(
    parts: Parts, client: FlaskClient, now: datetime
) -> None:
    product = add(parts, now)
    client.post(f"/products/{product}/cycle", data={"version": "1", "purchase_cycle_days": "180"})
    late = client.post(f"/products/{product}/cycle", data={"version": "1", "purchase_cycle_days": "90"})
    assert late.status_code == 409
    assert "いまの値：</strong>" in late.text or "いまの値：<b>180日間</b>" in late.text
    assert "あなたの値：<b>90日間</b>" in late.text
    assert 'value="90"' in late.text
    again = client.post(f"/products/{product}/cycle", data={"version": "2", "purchase_cycle_days": "90"})
    assert again.status_code == 302


def test_a_matrix_is_edited_by_rows_and_an_empty_row_is_none(
    parts: Parts, client: FlaskClient, now: datetime
) -> None:
    product = add(parts, now)
    assert client.post(f"/products/{product}/matrix", data=MATRIX | {"version": "1"}).status_code == 302
    rows = value(parts, product, "action_matrix")["rows"]
    assert [(row["cause"], row["due_in"], row["industries"]) for row in rows] == [
        ("hot_deep", 1, []),
        ("warm_deep", 3, ["電機", "食品機械"]),
    ]
    assert "食品機械・電機" in client.get(f"/products/{product}").text.replace(
        "電機・食品機械", "食品機械・電機"
    )


def test_a_call_for_nurture_is_refused_at_its_row_in_words(
    parts: Parts, client: FlaskClient, now: datetime
) -> None:
    product = add(parts, now)
    answer = client.post(f"/products/{product}/matrix", data=MATRIX | {"version": "1", "cause-1": "nurture"})
    assert answer.status_code == 422
    assert "そのうち客に電話をすると" in answer.text
    assert 'href="#f-row-2"' in answer.text
    assert value(parts, product, "action_matrix") == {}


def test_a_matrixs_effect_is_shown_before_it_is_saved_and_saves_nothing(
    parts: Parts, client: FlaskClient, now: datetime
) -> None:
    product = add(parts, now)
    with parts.engine.begin() as tx:
        [person] = world.people(tx, parts, 1, product=product)
        tx.execute(text("update product_leads set rank = 'warm', depth_max = 3, score = 40"))
        tx.execute(text("update people set tel = '03-0000-0000'"))
    typed = MATRIX | {"version": "1", "due-1": "0", "kind-1": "mail", "industries-1": "", "effect": "1"}
    whole = client.post(f"/products/{product}/matrix", data=typed)
    part = client.post(f"/products/{product}/matrix", data=typed, headers={"HX-Request": "true"})
    assert "<html" in whole.text
    assert "<html" not in part.text
    for page in (whole.text, part.text):
        assert "うち本日期限 1" in page
        assert f"/people/{person}?product={product}" in page
    assert value(parts, product, "action_matrix") == {}
    wrong = client.post(
        f"/products/{product}/matrix",
        data=typed | {"cause-1": "nurture", "kind-1": "call"},
        headers={"HX-Request": "true"},
    )
    assert wrong.status_code == 200
    assert "そのうち客に電話をすると" in wrong.text
    assert "#f-row-2" in wrong.text


def test_hot_criteria_store_what_differs_and_an_industry_follows_the_rest(
    parts: Parts, client: FlaskClient, now: datetime
) -> None:
    product = add(parts, now)
    form = {
        "version": "1", "gate": "20", "band_edges": "0、8、20、35、55", "prior_rates": "2 6 12 22 35",
        "k-doc_request-points": "25", "k-doc_request-days": "14", "k-inquiry-days": "30",
        "k-quote_request-days": "60", "k-call_interest-days": "60",
        "v0-industries": "食品機械", "v0-visit-days": "10",
    }  # fmt: skip
    assert client.post(f"/products/{product}/hot", data=form).status_code == 302
    assert value(parts, product, "hot_rules") == {
        "kinds": {"doc_request": {"points": 25.0, "days": 14}},
        "variants": [{"industries": ["食品機械"], "kinds": {"visit": {"days": 10}}}],
    }
    page = client.get(f"/products/{product}/hot")
    assert page.status_code == 200
    wrong = client.post(f"/products/{product}/hot", data=form | {"version": "2", "v0-industries": "、"})
    assert wrong.status_code == 422
    assert "業種を1つ以上" in wrong.text


def test_the_profile_counts_who_fits_and_leads_to_a_scenario(
    parts: Parts, client: FlaskClient, now: datetime
) -> None:
    product = add(parts, now)
    with parts.engine.begin() as tx:
        world.people(tx, parts, 3, product=product)
    data = {"version": "1", "expected_amount_yen": "0", "classes": "E"}
    client.post(f"/products/{product}/profile", data=data)
    part = client.get(f"/products/{product}/fitting", headers={"HX-Request": "true"}).text
    assert "当てはまる人：3名" in part
    assert "<html" not in part
    assert "<html" in client.get(f"/products/{product}/fitting").text
    assert "classes=E" in client.get(f"/products/{product}").text


def test_one_press_inherits_again(parts: Parts, client: FlaskClient, now: datetime) -> None:
    product = add(parts, now)
    press = {"version": "1", "field": "priority", "as": "inherited"}
    client.post(f"/products/{product}/own", data=press)
    assert value(parts, product, "priority") == 5
    client.post(f"/products/{product}/own", data=press | {"as": "own"})
    assert value(parts, product, "priority") == 5, "the press was stale and wrote nothing"
    assert client.post(f"/products/{product}/own", data=press | {"field": "name"}).status_code == 400


def test_the_companys_defaults_reach_every_product_that_set_nothing(
    parts: Parts, client: FlaskClient, now: datetime
) -> None:
    product = add(parts, now)
    version = inherit.load(parts, Level.HOUSE, 0)
    assert version is not None
    data = {"version": str(version.version), "priority": "4", "tone_every": "6", "window-0-from": "10:00",
            "window-0-to": "12:00"}  # fmt: skip
    answer = client.post("/products/defaults/delivery", data=data, follow_redirects=True)
    assert "1件の商材の値が変わりました" in answer.text
    assert value(parts, product, "windows") == [[600, 720]]
    assert value(parts, product, "priority") == 3, "its own"
    assert client.get("/products/families/1").status_code == 200
    assert client.get("/products/families/1/hot").status_code == 200


def test_a_copy_is_shown_before_it_is_made(parts: Parts, client: FlaskClient, now: datetime) -> None:
    source = add(parts, now)
    target = add(parts, now, name="搬送", list_key="carry", priority="9")
    shown = client.get(f"/products/{target}/copy?from={source}&section=delivery").text
    assert "まだ何も書き換えていません" in shown
    assert value(parts, target, "priority") == 9
    client.post(f"/products/{target}/copy", data={"version": "1", "from": source, "section": "delivery"})
    assert value(parts, target, "priority") == 3


def test_a_copy_is_undone_by_one_press_on_the_products_page(
    parts: Parts, client: FlaskClient, sign_in: SignIn, now: datetime
) -> None:
    source = add(parts, now)
    target = add(parts, now, name="搬送", list_key="carry", priority="9")
    client.post(f"/products/{target}/copy", data={"version": "1", "from": source, "section": "delivery"})
    page = client.get(f"/products/{target}").text
    assert "直前の変更" in page
    assert "直前の変更" not in sign_in("inside_sales").get(f"/products/{target}").text
    version = (
        page.split(f'action="/products/{target}/undo"')[1].split('name="version" value="')[1].split('"')[0]
    )
    answer = client.post(f"/products/{target}/undo", data={"version": version}, follow_redirects=True)
    assert "直前の変更を元に戻しました。" in answer.text
    assert value(parts, target, "priority") == 9


@pytest.mark.parametrize("path", ["/products", "/products/1", "/products/1/fitting", "/products/defaults"])
def test_inside_sales_read_and_find_nothing_to_press(
    parts: Parts, sign_in: SignIn, now: datetime, path: str
) -> None:
    add(parts, now)
    page = sign_in("inside_sales").get(path)
    assert page.status_code == 200
    assert "継承に戻す" not in page.text
    assert "/products/1/basics" not in page.text
