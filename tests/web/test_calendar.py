"""The calendar's pages: a month, a day, mails on another day, own closed days."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from flask.testing import FlaskClient
from sqlalchemy import text

from campaigns.parts import Parts
from campaigns.services import enrol, show_calendar
from tests import world
from tests.web.conftest import SignIn
from tests.world import World

FROM = "2026-11-26"


@pytest.fixture
def planned(parts: Parts) -> World:
    """Three mails planned for Thursday 26 November."""
    made = world.build(parts, count=3)
    world.planned(parts, made, send_at=datetime(2026, 11, 26, 1, 30, tzinfo=UTC))
    return made


def _days(parts: Parts) -> list[date]:
    with parts.engine.connect() as tx:
        query = "select (send_at at time zone 'Asia/Tokyo')::date from deliveries order by id"
        return list(tx.execute(text(query)).scalars())


def test_month_shows_mails_by_product_with_holidays_by_name(client: FlaskClient, planned: World) -> None:
    page = client.get("/calendar").text
    assert "2026年11月" in page
    assert "外観検査装置 EyeLine" in page
    assert "文化の日" in page
    assert "勤労感謝の日" in page
    assert "9:30–11:30・13:00–16:30" in page
    assert "Labor Thanksgiving Day" in client.get("/calendar?month=2026-11&lang=en").text


@pytest.mark.parametrize("month", ["2027-02", "2020-01", "2036-02"])
def test_other_months_open(client: FlaskClient, planned: World, month: str) -> None:
    assert client.get(f"/calendar?month={month}").status_code == 200


@pytest.mark.parametrize(
    "path", ["/calendar?month=9999-12", "/calendar?month=x", "/calendar/0001-01-01", "/calendar/x"]
)
def test_days_beyond_reach_are_not_found(client: FlaskClient, path: str) -> None:
    assert client.get(path).status_code == 404


def test_day_lists_the_people_behind_its_figures(client: FlaskClient, planned: World) -> None:
    page = client.get(f"/calendar/{FROM}").text
    assert "展示会後フォロー" in page
    assert page.count("若林 拓也") >= 3
    assert "3通を移す" in page


def test_group_goes_on_another_business_day(client: FlaskClient, parts: Parts, planned: World) -> None:
    form = {"to": "2026-11-30", "scenario": planned.scenario, "step": "K1"}
    answer = client.post(f"/calendar/{FROM}/move", data=form, follow_redirects=True)
    assert "3通を11/30に移しました。" in answer.text
    assert _days(parts) == [date(2026, 11, 30)] * 3


def test_weekend_is_refused_with_the_remedy_and_nothing_moves(
    client: FlaskClient, parts: Parts, planned: World
) -> None:
    form = {"to": "2026-11-28", "scenario": planned.scenario, "step": "K1"}
    answer = client.post(f"/calendar/{FROM}/move", data=form)
    assert answer.status_code == 422
    assert "11/28は休みの日です。近い営業日は 11/27・11/30 です。" in answer.text
    assert _days(parts) == [date(2026, 11, 26)] * 3


def test_chosen_mails_move_and_none_chosen_is_said(client: FlaskClient, parts: Parts, planned: World) -> None:
    answer = client.post(f"/calendar/{FROM}/move", data={"what": "mails", "to": "2026-11-27"})
    assert answer.status_code == 422
    assert "動かすメールに印を付けてください。" in answer.text
    client.post(f"/calendar/{FROM}/move", data={"what": "mails", "id": ["2"], "to": "2026-11-27"})
    assert sorted(_days(parts)) == [date(2026, 11, 26)] * 2 + [date(2026, 11, 27)]


def test_own_closed_day_moves_its_mails_and_says_how_many(
    client: FlaskClient, parts: Parts, planned: World
) -> None:
    form = {"day": FROM, "kind": "closed", "note": "創立記念日", "month": "2026-11"}
    page = client.post("/calendar/own", data=form, follow_redirects=True).text
    assert "3通を11/27に移しました。" in page
    assert "創立記念日" in page
    page = client.post(f"/calendar/own/{FROM}/remove", follow_redirects=True).text
    assert "登録を取り消しました" in page
    assert _days(parts) == [date(2026, 11, 27)] * 3


@pytest.mark.parametrize("day", ["", "x", "2026-11-20", "9999-01-01"])
def test_day_that_cannot_close_is_refused_in_words(client: FlaskClient, day: str) -> None:
    answer = client.post("/calendar/own", data={"day": day, "kind": "closed", "note": "創立記念日"})
    assert answer.status_code == 422
    assert "創立記念日" in answer.text


def test_closing_a_whole_year_is_refused_in_words_and_no_page_breaks(client: FlaskClient) -> None:
    with client.application.extensions["ikusei"].engine.begin() as tx:
        tx.execute(
            text(
                "insert into closed_days (day, kind, created_at) select cast(d as date), 'closed', now()"
                " from generate_series(date '2027-01-04', date '2027-02-25', interval '1 day') d"
            )
        )
    answer = client.post("/calendar/own", data={"day": "2027-02-26", "kind": "closed", "note": "大掃除"})
    assert answer.status_code == 422
    assert "間に営業日を残してください" in answer.text
    assert client.get("/calendar?month=2027-02").status_code == 200


def test_inside_sales_look_but_change_nothing(sign_in: SignIn, planned: World) -> None:
    caller = sign_in("inside_sales")
    assert "移す</button>" not in caller.get(f"/calendar/{FROM}").text
    assert caller.post(f"/calendar/{FROM}/move", data={"to": "2026-11-27"}).status_code == 403
    assert caller.post("/calendar/own", data={"day": FROM}).status_code == 403


def test_own_closed_day_says_how_many_expected_mails_it_moves(
    client: FlaskClient, parts: Parts, now: datetime
) -> None:
    made = world.build(parts, count=3)
    enrol.people(parts, made.people, now=now)
    days = [date(2026, 11, n) for n in range(25, 31)]
    day = next(day for day in days if show_calendar.expected(parts, day, now=now))
    form = {"day": day.isoformat(), "kind": "closed"}
    page = client.post("/calendar/own", data=form, follow_redirects=True).text
    assert "この日の見込み3通は、ほかの営業日に移りました。" in page
    assert "メールはありませんでした" not in page
