"""The staff's list of refusals: found by address, added in one form, lifted by an admin alone, exported safely."""

from __future__ import annotations

import csv
import io
from datetime import datetime

import pytest
from flask.testing import FlaskClient
from sqlalchemy import text

from campaigns.parts import Parts
from campaigns.services import refuse
from tests import world
from tests.web.conftest import SignIn

FORM = {
    "email": "p1@hamana-techno.example",
    "scope": "global",
    "reason": "phone",
    "evidence": "11/24 本人から電話",
}


def count(parts: Parts, where: str = "true") -> int:
    with parts.engine.connect() as tx:
        return int(tx.execute(text(f"select count(*) from suppressions where {where}")).scalar_one())


def test_a_call_is_recorded_with_its_evidence_and_takes_back_what_was_planned(
    parts: Parts, sign_in: SignIn, now: datetime
) -> None:
    made = world.build(parts, count=1)
    world.planned(parts, made, send_at=now)
    client = sign_in("inside_sales")
    page = client.post("/refusals", data=FORM, follow_redirects=True).text
    assert "予定していた1通を取りやめました" in page
    assert "11/24 本人から電話" in page
    assert world.states(parts) == {"suppressed": 1}


def test_one_product_can_be_stopped_by_hand(parts: Parts, client: FlaskClient) -> None:
    made = world.build(parts, count=1)
    client.post("/refusals", data=FORM | {"scope": str(made.product)})
    assert count(parts, f"scope = 'product' and product_id = {made.product}") == 1
    assert "p1@hamana-techno.example" in client.get(f"/refusals?product={made.product}").text
    assert "p1@hamana-techno.example" not in client.get("/refusals?product=all").text


@pytest.mark.parametrize(
    "changed",
    [{"email": "nobody"}, {"evidence": " "}, {"reason": "bounce"}, {"scope": ""}, {"scope": "new_products"}],
)
def test_a_refusal_without_address_evidence_or_scope_is_asked_for(
    parts: Parts, client: FlaskClient, changed: dict[str, str]
) -> None:
    answer = client.post("/refusals", data=FORM | changed)
    assert answer.status_code == 422
    assert count(parts) == 0


def test_a_product_that_is_not_there_is_no_scope(parts: Parts, client: FlaskClient) -> None:
    assert client.post("/refusals", data=FORM | {"scope": "999"}).status_code == 422
    assert count(parts) == 0


def test_search_finds_a_part_of_an_address_and_an_unknown_one_as_a_whole(
    parts: Parts, client: FlaskClient, now: datetime
) -> None:
    world.build(parts, count=2)
    client.post("/refusals", data=FORM)
    client.post("/refusals", data=FORM | {"email": "ghost@nowhere.example"})
    assert "p1@hamana-techno.example" in client.get("/refusals?q=HAMANA").text
    assert "取込前のアドレス" in client.get("/refusals?q=ghost@nowhere.example").text
    assert "登録されていません" in client.get("/refusals?q=p2@hamana-techno.example").text
    assert "登録されていません" in client.get("/refusals?q=%25").text


def test_only_an_admin_lifts_and_only_with_a_reason(
    parts: Parts, sign_in: SignIn, client: FlaskClient
) -> None:
    world.build(parts, count=1)
    client.post("/refusals", data=FORM)
    assert sign_in("marketer").post("/refusals/1/lift", data={"why": "x"}).status_code == 403
    client.post("/refusals/1/lift", data={"why": ""})
    assert count(parts, "lifted_at is null") == 1
    client.post("/refusals/1/lift", data={"why": "本人から再開の依頼"})
    assert count(parts, "lifted_at is null") == 0
    assert "本人から再開の依頼" in client.get("/refusals?lifted=1").text


def test_the_export_is_logged_and_no_cell_becomes_a_formula(
    parts: Parts, client: FlaskClient, now: datetime
) -> None:
    made = world.build(parts, count=1)
    refuse.record(
        parts, person_id=made.people[0], scope="global", reason="phone", evidence='=HYPERLINK("x")', now=now
    )
    answer = client.get("/refusals/export.csv")
    assert answer.data.startswith(b"\xef\xbb\xbf")
    rows = list(csv.reader(io.StringIO(answer.data.decode("utf-8-sig"))))
    assert len(rows) == 2
    assert rows[1][7] == '\'=HYPERLINK("x")'
    with parts.engine.connect() as tx:
        log = tx.execute(text("select kind, rows, person_ids from export_log")).one()
    assert (log.kind, log.rows, list(log.person_ids)) == ("refusals", 1, [made.people[0]])


def test_pages_of_fifty_lead_on_and_back(parts: Parts, client: FlaskClient, now: datetime) -> None:
    for n in range(51):
        refuse.record(
            parts, email=f"x{n}@nowhere.example", scope="global", reason="phone", evidence="x", now=now
        )
    first = client.get("/refusals").text
    assert "1–50／51" in first
    assert 'rel="next"' in first
    second = client.get("/refusals?page=2").text
    assert "51–51／51" in second
    assert 'rel="prev"' in second
