"""The page of a company: who may change what, and what a house calls its classes."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import text

from campaigns.parts import Parts
from campaigns.services import classify
from tests.conftest import NOW
from tests.services.test_classify import classes, company
from tests.web.conftest import SignIn

WANTED = {
    "version": "1", "tel": "053-111-2222", "owner_user_id": "1", "class_locked": "1", "class": "A",
    "has_field_rep": "1", "last_deal_on": "2026-06-01", "profit_12m_yen": "900", "sales_12m_yen": "9000",
}  # fmt: skip


@pytest.fixture
def id(parts: Parts) -> int:
    made = company(parts, "甲", last_deal_on=date(2026, 5, 1), profit_12m_yen=50)
    company(parts, "乙", last_deal_on=date(2026, 5, 1), profit_12m_yen=5000)
    classify.run(parts, now=NOW)
    return made


def row(parts: Parts, id: int) -> Any:
    with parts.engine.connect() as tx:
        return tx.execute(text('select *, "class" as cls from companies where id = :i'), {"i": id}).one()


@pytest.mark.parametrize("role", ["inside_sales", "field_sales"])
def test_sales_correct_a_telephone_number_and_no_class_owner_or_figure(
    parts: Parts, sign_in: SignIn, id: int, role: str
) -> None:
    before = row(parts, id)
    reader = sign_in(role)
    page = reader.get(f"/companies/{id}").text
    for name in ("owner_user_id", "class_locked", "has_field_rep", "profit_12m_yen", "last_deal_on"):
        assert f'name="{name}"' not in page
    answer = reader.post(f"/companies/{id}", data={**WANTED, "profit_12m_yen": "たくさん"})
    assert answer.status_code == 302 or answer.status_code == 303
    after = row(parts, id)
    assert after.tel == "053-111-2222"
    for name in ("cls", "class_locked", "owner_user_id", "has_field_rep", "last_deal_on", "profit_12m_yen"):
        assert getattr(after, name) == getattr(before, name), name


@pytest.mark.parametrize("role", ["marketer", "sales_manager", "admin"])
def test_managers_and_marketing_change_all_of_it(parts: Parts, sign_in: SignIn, id: int, role: str) -> None:
    assert sign_in(role).post(f"/companies/{id}", data=WANTED).status_code == 303
    after = row(parts, id)
    assert (after.cls, after.owner_user_id, after.profit_12m_yen) == ("A", 1, 900)


def test_an_owner_who_left_stays_to_be_seen_and_a_new_one_must_work_here(
    parts: Parts, client: FlaskClient, sign_in: SignIn, id: int
) -> None:
    sign_in("field_sales", name="大石 健")
    client.post(f"/companies/{id}", data={**WANTED, "owner_user_id": "2"})
    with parts.engine.begin() as tx:
        tx.execute(text("update users set is_active = false where id = 2"))
    assert "大石 健（停止中）" in client.get(f"/companies/{id}").text
    assert "企業1社" in client.get("/team").text
    assert "前の担当：大石 健（停止中）" in client.get("/classes").text
    saved = client.post(f"/companies/{id}", data={**WANTED, "version": "2", "owner_user_id": "2", "tel": "1"})
    assert saved.status_code == 303  # whoever it was may stay until there is somebody else
    odd = client.post(f"/companies/{id}", data={**WANTED, "version": "3", "owner_user_id": "99"})
    assert odd.status_code == 422
    assert "担当営業を選び直してください" in odd.text


def test_a_house_s_own_word_for_c1_stands_wherever_a_class_is_named(
    parts: Parts, client: FlaskClient, id: int
) -> None:
    assert classes(parts)["甲"] == "C1"
    with parts.engine.begin() as tx:
        tx.execute(text("update house set class_label_c1 = '電話担当'"))
    for path in ("/companies", f"/companies/{id}", "/classes"):
        assert "管理区分 C1（電話担当）" in client.get(path).text, path
    assert ">C1（電話担当）<" in client.get(f"/companies/{id}").text
    assert "Account class C1 (電話担当)" in client.get(f"/companies/{id}?lang=en").text
