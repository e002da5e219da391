"""Products and senders: what is typed is checked, two editors lose nothing, what sales say is dated."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy import text

from campaigns.parts import Parts
from campaigns.services import catalogue, sales_word, sender_profiles
from campaigns.services.catalogue import Invalid
from tests import world

FORM = {
    "name": "外観検査装置 EyeLine", "family": "検査", "price_band": "480万円から", "list_key": "eyeline",
    "unsubscribe_label": "外観検査装置", "purchase_cycle_days": "365", "gate_percent": "20",
    "expected_amount_yen": "４,800,000", "priority": "3", "colour_no": "2", "is_active": "1",
}  # fmt: skip


def add(parts: Parts, now: datetime, **changed: str) -> int:
    with parts.engine.begin() as tx:
        known = tx.execute(text("select count(*) from users")).scalar()
        if not known:
            world.insert(tx, "users", email="a@minori.example", name="佐伯", role="admin", created_at=now)
    return catalogue.add(parts, FORM | changed, user_id=1, now=now)


def test_a_product_is_added_by_its_form_with_full_width_digits(parts: Parts, client: FlaskClient) -> None:
    answer = client.post("/products/new", data=FORM)
    assert answer.location == "/products/1"
    product = catalogue.find(parts, 1)
    assert product is not None
    assert (product.expected_amount_yen, product.gate, product.list_key) == (4_800_000, 0.20, "eyeline")
    assert "外観検査装置 EyeLine" in client.get("/products").text


@pytest.mark.parametrize(
    ("changed", "errors"),
    [
        ({"name": " "}, {"name": "missing"}),
        ({"name": "既存"}, {"name": "taken"}),
        ({"list_key": "日本語"}, {"list_key": "odd"}),
        ({"list_key": "-x"}, {"list_key": "odd"}),
        ({"list_key": "old"}, {"list_key": "taken"}),
        ({"purchase_cycle_days": "29"}, {"purchase_cycle_days": "out_of_range"}),
        ({"purchase_cycle_days": "1e3"}, {"purchase_cycle_days": "not_a_number"}),
        ({"gate_percent": "-5", "priority": ""}, {"gate_percent": "not_a_number", "priority": "missing"}),
        ({"expected_amount_yen": "9" * 40}, {"expected_amount_yen": "not_a_number"}),
        ({"sender_profile_id": "999"}, {"sender_profile_id": "unknown"}),
        ({"owner_user_id": "999"}, {"owner_user_id": "unknown"}),
    ],
)
def test_a_wrong_form_names_each_field_and_writes_nothing(
    parts: Parts, now: datetime, changed: dict[str, str], errors: dict[str, str]
) -> None:
    add(parts, now, name="既存", list_key="old")
    with pytest.raises(Invalid) as caught:
        add(parts, now, **changed)
    assert caught.value.errors == errors
    assert len(catalogue.listed(parts)) == 1


def test_the_wrong_field_shows_what_was_typed_and_what_to_do(client: FlaskClient) -> None:
    page = client.post("/products/new", data=FORM | {"purchase_cycle_days": "7"})
    assert page.status_code == 422
    assert 'value="7"' in page.text
    assert "30から1,095の間で" in page.text


def test_who_saves_second_sees_both_values_and_loses_nothing(
    parts: Parts, client: FlaskClient, now: datetime
) -> None:
    product = add(parts, now)
    assert (
        client.post(
            f"/products/{product}/basics", data=FORM | {"version": "1", "family": "先の人"}
        ).status_code
        == 302
    )
    late = client.post(f"/products/{product}/basics", data=FORM | {"version": "1", "family": "後の人"})
    assert late.status_code == 409
    assert "いまの値：</strong>" in late.text or "いまの値：<b>先の人</b>" in late.text
    assert "あなたの値：<b>後の人</b>" in late.text
    again = client.post(f"/products/{product}/basics", data=FORM | {"version": "2", "family": "後の人"})
    assert again.status_code == 302
    found = catalogue.find(parts, product)
    assert found is not None
    assert (found.family, found.version) == ("後の人", 3)


def test_the_list_key_never_changes(parts: Parts, client: FlaskClient, now: datetime) -> None:
    product = add(parts, now)
    client.post(f"/products/{product}/basics", data=FORM | {"version": "1", "list_key": "other"})
    found = catalogue.find(parts, product)
    assert found is not None
    assert found.list_key == "eyeline"


def test_changes_stand_in_the_audit_log_with_old_and_new(
    parts: Parts, client: FlaskClient, now: datetime
) -> None:
    product = add(parts, now)
    client.post(f"/products/{product}/basics", data=FORM | {"version": "1", "colour_no": "3"})
    with parts.engine.connect() as tx:
        rows = tx.execute(text("select field, old, new from audit_values where field <> 'is_active'")).all()
    assert [tuple(row) for row in rows] == [("colour_no", "2", "3")]


def test_what_sales_say_is_dated_and_stale_after_fourteen_days(
    parts: Parts, client: FlaskClient, now: datetime
) -> None:
    product = add(parts, now)
    data = {"appetite": "hungry", "capacity_per_week": "3"}
    assert client.post(f"/products/{product}/team", data=data).status_code == 302
    gate = sales_word.gate_of(parts, product, now=now + timedelta(minutes=1))
    assert (gate.appetite, gate.bar, gate.left) == ("hungry", 0.10, 3)
    later = sales_word.gate_of(parts, product, now=now + timedelta(days=15))
    assert (later.appetite, later.bar, later.is_stale) == ("normal", 0.20, True)
    assert client.post(f"/products/{product}/team", data=data | {"appetite": "greedy"}).status_code == 422
    assert len(gate.history) == 1


SENDER = {
    "name": "本社", "legal_name": "株式会社みのり精機", "postal_address": "静岡県浜松市", "inquiry": "053-000-0000",
    "from_name": "みのり精機", "from_address": "saeki@minori.example",
}  # fmt: skip


@pytest.mark.parametrize("gone", ["legal_name", "postal_address", "inquiry", "from_address"])
def test_an_incomplete_sender_is_kept_and_says_what_is_missing(
    parts: Parts, client: FlaskClient, gone: str
) -> None:
    assert client.post("/senders/new", data=SENDER | {gone: " "}).location == "/senders/1"
    sender = sender_profiles.find(parts, 1)
    assert sender is not None
    assert sender.missing == (gone,)
    assert "不足あり" in client.get("/senders").text
    assert "まだ送信できません" in client.get("/senders/1").text


def test_a_complete_sender_is_complete(client: FlaskClient) -> None:
    client.post("/senders/new", data=SENDER)
    assert "そろっています" in client.get("/senders").text


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("from_address", "saeki"), ("from_address", "a@b.example, c@d.example"), ("reply_to", "<x@y.example>"),
        ("return_path_domain", "not a domain"), ("privacy_url", "javascript:alert(1)"),
    ],
)  # fmt: skip
def test_an_odd_value_of_a_sender_is_refused(
    parts: Parts, client: FlaskClient, field: str, value: str
) -> None:
    answer = client.post("/senders/new", data=SENDER | {field: value})
    assert answer.status_code == 422
    assert sender_profiles.listed(parts) == []


def test_a_line_break_cannot_get_into_a_mail_header(parts: Parts, client: FlaskClient) -> None:
    client.post("/senders/new", data=SENDER | {"from_name": "みのり\r\nBcc: x@evil.example"})
    sender = sender_profiles.find(parts, 1)
    assert sender is not None
    assert sender.from_name == "みのり Bcc: x@evil.example"


def test_two_editors_of_a_sender_see_both_values(client: FlaskClient) -> None:
    client.post("/senders/new", data=SENDER)
    client.post("/senders/1", data=SENDER | {"version": "1", "name": "先の人"})
    late = client.post("/senders/1", data=SENDER | {"version": "1", "name": "後の人"})
    assert late.status_code == 409
    assert "先の人" in late.text
    assert "後の人" in late.text


def test_a_new_product_is_given_the_colour_that_the_fewest_have(
    parts: Parts, client: FlaskClient, now: datetime
) -> None:
    assert catalogue.free_colour(parts) == 1
    for n, colour in enumerate("13"):
        add(parts, now, name=f"商材{n}", list_key=f"p{n}", colour_no=colour)
    assert catalogue.free_colour(parts) == 2


def test_people_become_leads_at_a_press_after_they_were_counted(parts: Parts, client: FlaskClient) -> None:
    made = world.build(parts, count=3)
    with parts.engine.begin() as tx:
        new = world.product(tx, "協働ロボット", list_key="robot")
    page = client.get(f"/products/{new}/leads").text
    assert "この人たちを見込み客にする" in page
    answer = client.post(f"/products/{new}/leads", follow_redirects=True).text
    assert "3名を見込み客にしました。" in answer
    assert "この人たちを見込み客にする" not in answer
    assert client.get(f"/products/{made.product + 99}/leads").status_code == 404


def test_trust_without_a_record_is_not_a_rate_of_nothing(
    parts: Parts, client: FlaskClient, now: datetime
) -> None:
    page = client.get(f"/products/{add(parts, now)}").text
    assert "まだ実績がありません（初めの値 25%）" in page
    assert "0件中0件" not in page
