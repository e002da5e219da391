"""An event's own page: its people, what is done about them, its mails, closing; and the plan of the year."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime

import pytest
from flask.testing import FlaskClient

from campaigns.parts import Parts
from campaigns.rules.events import Cost
from campaigns.rules.touchpoints import Kind
from tests.services import event_house
from tests.services.event_house import SHOW, House
from tests.web.conftest import SignIn

OVER = replace(
    SHOW,
    kind="exhibition",
    starts_on=date(2026, 7, 20),
    apply_by=None,
    costs=(Cost("ブース", 900_000), Cost("印刷", 100_000)),
)


@pytest.fixture
def house(parts: Parts, now: datetime) -> House:
    """Two gaps and a card."""
    made = event_house.build(parts, now, event=OVER)
    made.run("update people set tel = '053-000-0000'")
    for person, kind in zip(
        made.world.people, (Kind.BOOTH_TALK, Kind.BOOTH_TALK, Kind.CARD_EXCHANGE), strict=False
    ):
        made.touch(person, kind)
    return made


def test_the_page_shows_costs_gaps_and_why_it_cannot_be_closed(house: House, client: FlaskClient) -> None:
    page = client.get("/events/1").text
    for words in (
        "100万円",
        "ブース",
        "次が決まっていない",
        "まだクローズできません",
        "若林 拓也1",
        "かかった費用と受注",
    ):
        assert words in page
    answer = client.post("/events/1/close")
    assert (answer.status_code, "2名いるため、クローズできません" in answer.text) == (422, True)


def test_gaps_are_ended_from_the_list_and_the_event_closed(house: House, client: FlaskClient) -> None:
    done = client.post(
        "/events/1/action", data={"show": "gaps", "kind": "call", "person": ["1"]}, follow_redirects=True
    )
    assert "1名のアクションを作りました。" in done.text
    done = client.post("/events/1/owner", data={"all": "1"}, follow_redirects=True)
    assert "1社の担当を決めました。" in done.text
    page = client.post("/events/1/close", follow_redirects=True).text
    assert "クローズしました。" in page
    assert "クローズを取り消す" in page


@pytest.mark.parametrize(
    ("path", "data", "status", "said"),
    [
        ("action", {"show": "gaps", "kind": "call"}, 422, "人を選んでから"),
        ("action", {"show": "gaps", "kind": "dance", "all": "1"}, 422, "アクションの種類"),
        ("action", {"show": "met", "kind": "call", "all": "1"}, 400, ""),
        ("owner", {"all": "1", "owner": "99"}, 422, "担当にする人"),
        ("owner", {"person": ["x", "-1", "9" * 30]}, 422, "人を選んでから"),
        ("came", {}, 422, "人を選んでから"),
        ("answer", {"person": "1", "answer": "perhaps"}, 400, ""),
        ("answer", {"person": "1", "answer": "yes"}, 422, "回答の期限が過ぎている"),
        ("answer", {"person": "99999", "answer": "yes"}, 404, ""),
        ("invite", {"product": "99"}, 422, "案内する商材を選んで"),
        ("invite", {"product": "1"}, 422, "送れる営業日がありません"),
        ("thank", {"product": "99"}, 422, "まだこの施策で会っていません"),
    ],
)
def test_bad_input_is_answered_in_words_and_nothing_is_written(
    house: House, client: FlaskClient, path: str, data: dict[str, object], status: int, said: str
) -> None:
    answer = client.post(f"/events/1/{path}", data=data)
    assert answer.status_code == status
    assert said in answer.text
    for table in ("tasks", "event_answers", "broadcasts", "catalogue_owners"):
        assert house.rows(f"select 1 from {table}") == []


def test_sales_see_the_page_and_its_results_but_no_links_that_lead_nowhere_for_them(
    house: House, sign_in: SignIn
) -> None:
    page = sign_in("field_sales", email="field@minori.example").get("/events/1").text
    assert "若林 拓也1" in page
    assert "/reports/" not in page
    assert "/events/1/edit" not in page
    manager = sign_in("sales_manager", email="manager@minori.example")
    assert "/events/1/people.csv" in manager.get("/events/1").text


def test_the_csv_has_the_filters_people_and_is_logged(house: House, client: FlaskClient) -> None:
    answer = client.get("/events/1/people.csv?show=gaps")
    lines = answer.data.decode("utf-8-sig").splitlines()
    assert len(lines) == 3
    assert "若林 拓也" in lines[1]
    logged = house.rows("select kind, rows, person_ids from export_log")[0]
    assert (logged.kind, logged.rows, sorted(logged.person_ids)) == ("event_people", 2, [1, 2])
    assert client.get("/events/1/people.csv?show=nonsense").status_code == 404


def test_thanks_are_drafted_once_and_looked_at_before_they_go(house: House, client: FlaskClient) -> None:
    first = client.post("/events/1/thank", data={"product": "1"})
    again = client.post("/events/1/thank", data={"product": "1"})
    assert first.headers["Location"] == again.headers["Location"]
    assert house.rows("select state from broadcasts")[0].state == "draft"
    assert "確かめて送るまで、1通も出ません。" in client.get("/events/1").text
    # The chosen mail stays chosen when its broadcast is changed.
    page = client.get(f"{first.headers['Location']}/edit").text
    assert "展示会のお礼と、よくいただいた質問（浜松工場 個展）" in page


def test_costs_are_lines_and_their_sum_is_what_reports_divide(house: House, client: FlaskClient) -> None:
    form = {
        "name": "展",
        "kind": "exhibition",
        "cost_label": ["ブース", "", "印刷"],
        "cost_yen": ["１２0,000円", "", "3000"],
    }
    client.post("/events/new", data=form)
    row = house.rows("select cost_yen, costs from events order by id desc limit 1")[0]
    assert row.cost_yen == 123_000
    assert row.costs == [{"label": "ブース", "yen": 120_000}, {"label": "印刷", "yen": 3000}]
    wrong = client.post("/events/new", data=form | {"name": "別", "cost_yen": ["12x", "", "3000"]})
    assert wrong.status_code == 422
    assert 'value="12x"' in wrong.text
    assert 'value="印刷"' in wrong.text


@pytest.mark.parametrize("typed", ["0", "-3", "たくさん", "1000000"])
def test_seats_that_are_no_number_are_refused(client: FlaskClient, typed: str) -> None:
    answer = client.post("/events/new", data={"name": "展", "kind": "seminar", "capacity": typed})
    assert (answer.status_code, "定員を1以上の数字で" in answer.text) == (422, True)


def test_a_series_is_begun_changed_and_stopped_on_its_page(
    parts: Parts, now: datetime, client: FlaskClient
) -> None:
    house = event_house.build(parts, now)
    assert "次は2026年12月17日（木）です。" in client.get("/events/1/repeat").text
    form = {
        "name": "浜松工場 個展", "rule": "weekday", "nth": "2", "weekday": "2", "day": "1", "venue": "浜松工場",
        "apply_days": "2", "invite_days": "21", "product_id": "1", "classes": ["E", "-"],
    }  # fmt: skip
    page = client.post("/events/1/repeat", data=form, follow_redirects=True).text
    assert "毎月の施策として保存しました。次は12月9日です。" in page
    wrong = client.post("/events/1/repeat", data=form | {"invite_days": "いつか", "version": "1"})
    assert (wrong.status_code, "0から28までの日数" in wrong.text) == (422, True)
    client.post("/events/1/repeat/stop")
    assert house.rows("select stopped_at is not null as stopped from event_series")[0].stopped


def test_the_year_shows_every_month_and_what_is_missing_to_the_target(
    house: House, client: FlaskClient, sign_in: SignIn
) -> None:
    assert "年度の受注目標を決めると" in client.get("/events/year").text
    page = client.post(
        "/events/year/target",
        data={"yen": "60,000,000", "starts": "4", "version": "1"},
        follow_redirects=True,
    ).text
    for words in ("2026年4月〜2027年3月", "目標まであと6,000万円", "浜松工場 個展", "予定なし", "100万円"):
        assert words in page
    for wrong in (
        {"yen": "たくさん", "starts": "4"},
        {"yen": "1", "starts": "13"},
        {"yen": "1", "starts": "4", "version": "1"},
    ):
        assert client.post("/events/year/target", data=wrong).status_code in (409, 422)
    assert house.rows("select year_target_yen from house")[0].year_target_yen == 60_000_000
    reader = sign_in("field_sales", email="field@minori.example").get("/events/year?year=2025").text
    assert "2025年4月〜2026年3月" in reader
    assert "目標を決める" not in reader
