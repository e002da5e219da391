"""The owner of a company of class A, B or C2 is asked before mails go; nobody answers for another's companies."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy import text

from campaigns.parts import Parts
from campaigns.services import approve
from tests import world
from tests.web.conftest import SignIn
from tests.world import World

SOON = datetime(2026, 11, 25, 1, 0, tzinfo=UTC)


def rows(parts: Parts, query: str, **values: object) -> list[tuple[object, ...]]:
    with parts.engine.begin() as tx:
        found = tx.execute(text(query), values)
        return [tuple(row) for row in found] if found.returns_rows else []


@pytest.fixture
def made(parts: Parts) -> World:
    """Three people at a company of class B, one mail planned for each of the first two."""
    found = world.build(parts, count=3)
    world.planned(parts, found, send_at=SOON, count=2)
    rows(parts, "update companies set class = 'B'")
    return found


def own(parts: Parts, email: str) -> None:
    rows(parts, "update companies set owner_user_id = (select id from users where email = :e)", e=email)


def ask(parts: Parts, made: World) -> None:
    """The third person waits for the owner's yes."""
    rows(
        parts,
        "insert into enrollments (person_id, product_id, scenario_id, version_id, start_month, due_month, status,"
        " created_at) values (:p, :product, :s, :v, 24322, 24322, 'asked', :now)",
        p=made.people[2], product=made.product, s=made.scenario, v=made.version, now=SOON,
    )  # fmt: skip


def test_a_marketer_sees_all_companies_and_an_owner_sees_his_own(
    parts: Parts, made: World, sign_in: SignIn
) -> None:
    ask(parts, made)
    marketer = sign_in("marketer")
    page = marketer.get("/approvals").get_data(as_text=True)
    assert page.count("若林 拓也3</a>") == 1
    assert "これから送るメール" in page
    assert page.count('id="why-row-') == 2
    rep = sign_in("inside_sales", email="rep@minori.example")
    assert 'class="a-veto"' not in rep.get("/approvals").get_data(as_text=True)
    own(parts, "rep@minori.example")
    page = rep.get("/approvals").get_data(as_text=True)
    assert page.count('id="why-row-') == 2
    assert "若林 拓也3" in page


def test_what_waits_stands_on_home_and_among_todays_work(
    parts: Parts, made: World, client: FlaskClient
) -> None:
    ask(parts, made)
    for path in ("/", "/today"):
        page = client.get(path).get_data(as_text=True)
        assert "シナリオへの登録を待つ人 1名" in page, path
        assert "見送りのできるメール 2通" in page, path


def test_a_veto_ends_the_mail_frees_its_month_and_is_in_the_log(
    parts: Parts, made: World, client: FlaskClient
) -> None:
    [id] = rows(parts, "select min(id) from deliveries")[0]
    client.post(f"/approvals/mails/{id}", data={"reason": "商談が近い"})
    assert rows(parts, "select state, reason from deliveries where id = :id", id=id) == [
        ("cancelled", "vetoed")
    ]
    assert rows(parts, "select count(*) from mail_slots where delivery_id = :id", id=id) == [(0,)]
    assert rows(parts, "select action, noun_id from audit_log") == [("veto", id)]
    assert rows(parts, "select new from audit_values where field = 'reason'") == [("商談が近い",)]
    again = client.post(f"/approvals/mails/{id}", follow_redirects=True).get_data(as_text=True)
    assert "すでに送ったか取りやめになっています" in again


def test_nobody_stops_a_mail_to_anothers_company_nor_one_that_needs_no_owner(
    parts: Parts, made: World, sign_in: SignIn
) -> None:
    [id] = rows(parts, "select min(id) from deliveries")[0]
    sign_in("inside_sales").post(f"/approvals/mails/{id}")
    assert rows(parts, "select state from deliveries where id = :id", id=id) == [("planned",)]
    rows(parts, "update companies set class = 'D'")
    sign_in("admin").post(f"/approvals/mails/{id}")
    assert rows(parts, "select state from deliveries where id = :id", id=id) == [("planned",)]


def test_mails_stand_there_from_two_business_days_ahead(
    parts: Parts, made: World, client: FlaskClient
) -> None:
    rows(parts, "update deliveries set send_at = :at", at=SOON + timedelta(days=9))
    assert 'class="a-veto"' not in client.get("/approvals").get_data(as_text=True)


@pytest.mark.parametrize(("how", "status"), [("yes", "active"), ("no", "stopped")])
def test_one_of_them_or_all_of_a_scenario_are_answered(
    parts: Parts, made: World, client: FlaskClient, how: str, status: str
) -> None:
    ask(parts, made)
    client.post("/approvals/people", data={"scenario": made.scenario, "all": "1", "say": how})
    assert rows(parts, "select status from enrollments where person_id = :p", p=made.people[2]) == [(status,)]
    again = client.post(
        "/approvals/people", data={"scenario": made.scenario, "all": "1", "say": how}, follow_redirects=True
    )
    assert "すでに回答されている" in again.get_data(as_text=True)


def test_an_answer_for_nobody_or_anothers_people_changes_nothing(
    parts: Parts, made: World, client: FlaskClient, sign_in: SignIn
) -> None:
    ask(parts, made)
    [id] = rows(parts, "select id from enrollments where status = 'asked'")[0]
    assert client.post("/approvals/people", data={"say": "yes"}).status_code == 422
    assert client.post("/approvals/people", data={"say": "perhaps"}).status_code == 422
    rep = sign_in("inside_sales", email="rep@minori.example")
    rep.post("/approvals/people", data={"say": f"yes:{id}"})
    assert rows(parts, "select status from enrollments where id = :id", id=id) == [("asked",)]
    own(parts, "rep@minori.example")
    rep.post("/approvals/people", data={"say": f"yes:{id}"})
    assert rows(parts, "select status from enrollments where id = :id", id=id) == [("active",)]


def test_all_that_a_page_shows_are_approved_by_one_press_and_the_others_wait(
    parts: Parts, made: World, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(approve, "SHOWN", 2)
    rows(parts, "delete from mail_slots; delete from deliveries; delete from enrollments")
    rows(
        parts,
        "insert into enrollments (person_id, product_id, scenario_id, version_id, start_month, due_month, status,"
        " created_at) select unnest(cast(:p as bigint[])), :product, :s, :v, 24322, 24322, 'asked', :now",
        p=list(made.people), product=made.product, s=made.scenario, v=made.version, now=SOON,
    )  # fmt: skip
    page = client.get("/approvals").get_data(as_text=True)
    assert "このページの2名をすべて了承" in page
    assert "若林 拓也3</a>" not in page
    assert "若林 拓也3</a>" in client.get("/approvals?people=2").get_data(as_text=True)
    shown = re.findall(r'name="shown" value="(\d+)"', page)
    client.post("/approvals/people", data={"say": "yes:shown", "shown": shown, "scenario": made.scenario})
    states = rows(parts, "select status from enrollments order by person_id")
    assert states == [("active",), ("active",), ("asked",)]
