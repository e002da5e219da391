"""The rank health page: what it says, who is behind each number, and the yes to new rates."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta

import pytest
from flask.testing import FlaskClient

from campaigns.parts import Parts
from campaigns.rules.rank_health import month_ends
from campaigns.services import count_ranks
from tests.services.world import World
from tests.web.conftest import SignIn

TODAY = date(2026, 11, 24)


@pytest.fixture
def house(parts: Parts, now: datetime) -> World:
    return World.build(parts, now)


def spread(house: World, *days: date, **counts: int) -> None:
    for day in days:
        for rank, n in counts.items():
            house.run(
                "insert into rank_days (product_id, day, rank, leads) values (:p, :d, :r, :n)",
                p=house.press_id,
                d=day,
                r=rank,
                n=n,
            )


def moved(house: World, old: str, new: str, *, days: float = 3) -> int:
    """Somebody whose rank went from one to another."""
    person = house.person(touches=[("doc_request", 2)])
    at = house.now - timedelta(days=days)
    house.run(
        "insert into product_leads (person_id, product_id, rank, created_at) values (:p, :q, :r, :c)",
        p=person,
        q=house.press_id,
        r=new,
        c=at - timedelta(days=200),
    )
    house.run(
        "insert into rank_changes (lead_id, at, old, new, score, p_win, reasons) select id, :at, :old, :new, 9, 0,"
        """ '[{"code": "human_touch", "args": {}}]' from product_leads where person_id = :p""",
        at=at,
        old=old,
        new=new,
        p=person,
    )
    return person


def test_before_the_first_night_it_says_when_it_will_be_counted(client: FlaskClient, house: World) -> None:
    assert "最初の集計は、今夜の0時過ぎに行います" in client.get("/leads/health").text


def test_without_products_it_shows_the_way_to_one(client: FlaskClient) -> None:
    page = client.get("/leads/health")
    assert page.status_code == 200
    assert "商材を登録" in page.text


def test_each_number_opens_the_people_behind_it(client: FlaskClient, house: World) -> None:
    person = moved(house, "nurture", "warm")
    moved(house, "nurture", "warm", days=31)
    count_ranks.run(house.parts, now=house.now)
    text = client.get(f"/leads/health?product={house.press_id}").text
    assert f'href="/leads?product={house.press_id}&amp;rank=warm"' in text
    address = f"/leads/health/moves?product={house.press_id}&old=nurture&new=warm"
    assert f'{address.replace("&", "&amp;")}">↑ 1</a>' in text
    behind = client.get(address).text
    assert f"/people/{person}?product={house.press_id}" in behind
    assert behind.count("data-row") == 1
    assert "獲得後に、ご本人の反応がある" in behind


def test_an_alarm_is_on_the_page_on_home_and_among_the_alerts(client: FlaskClient, house: World) -> None:
    spread(house, *month_ends(TODAY, months=3), declined=90, warm=5, nurture=5)
    count_ranks.run(house.parts, now=house.now)
    house.run("update alerts set user_id = null")
    said = "月末の80%超がまだまだ客です"
    assert said in client.get(f"/leads/health?product={house.press_id}").text
    home = client.get("/").text
    assert said in home
    assert f'href="/leads/health?product={house.press_id}"' in home
    assert "見込度が一方に寄っています" in client.get("/alerts").text


def test_a_well_house_hears_nothing(client: FlaskClient, house: World) -> None:
    spread(house, *month_ends(TODAY, months=3), declined=10, warm=20, nurture=70)
    count_ranks.run(house.parts, now=house.now)
    assert "月末の80%超" not in client.get("/").text + client.get("/leads/health").text


def test_the_picture_begins_with_the_first_month_that_was_counted(client: FlaskClient, house: World) -> None:
    spread(house, *month_ends(TODAY, months=3), declined=10, warm=20, nurture=70)
    page = client.get(f"/leads/health?product={house.press_id}").text
    months = re.search(r'"months": ?\[([^]]*)\]', page)
    assert months is not None
    assert months[1].count("/") == 3


def test_a_refusal_without_a_record_is_named(client: FlaskClient, house: World) -> None:
    proven, unproven = moved(house, "nurture", "declined"), moved(house, "nurture", "declined")
    house.run(
        "insert into tasks (kind, person_id, lead_id, state, outcome, due_at, created_at, done_at)"
        " select 'call', person_id, id, 'done', 'refused', :n, :n, :n from product_leads where person_id = :p",
        n=house.now,
        p=proven,
    )
    count_ranks.run(house.parts, now=house.now)
    text = client.get("/leads/health").text
    assert "1名には、断りを受けた記録がありません" in text
    assert f"/people/{unproven}?" in text
    assert f"/people/{proven}?" not in text


def test_the_numbers_are_taken_out_as_they_stand_and_the_export_is_noted(
    client: FlaskClient, house: World
) -> None:
    ends = month_ends(TODAY)
    spread(house, ends[-1], hot=1, nurture=40)
    spread(house, TODAY - timedelta(days=1), hot=1)
    answer = client.get(f"/leads/health/months.csv?product={house.press_id}")
    lines = answer.data.decode("utf-8-sig").splitlines()
    assert len(lines) == 25
    assert lines[-1] == "2026-10,1,0,40,0,0,41"
    assert lines[1] == "2024-11,,,,,,"
    assert [row.kind for row in house.rows("select kind from export_log")] == ["rank_health"]


def propose(house: World) -> int:
    rates = {"in_force": [0.02, 0.06, 0.12, 0.22, 0.35], "new": [0.02, 0.06, 0.1, 0.12, 0.18]}
    for at, state, of in ((30, "accepted", "in_force"), (0, "proposed", "new")):
        house.run(
            "insert into calibrations (product_id, at, rates, resolved, won, state)"
            " values (:p, :at, :rates, '{1,2,3,40,40}', '{0,0,0,4,7}', :state)",
            p=house.press_id,
            at=house.now - timedelta(days=at),
            rates=rates[of],
            state=state,
        )
    return int(house.rows("select id from calibrations where state = 'proposed'")[0].id)


@pytest.mark.parametrize(("answer", "state"), [("accept", "accepted"), ("dismiss", "dismissed")])
def test_rates_that_move_the_gate_far_wait_for_a_yes(
    client: FlaskClient, house: World, answer: str, state: str
) -> None:
    spread(house, TODAY - timedelta(days=1), nurture=10)
    id = propose(house)
    page = client.get(f"/leads/health?product={house.press_id}").text
    assert "スコア帯が2段動きます" in page
    assert "40件中7件" in page
    form = {"answer": answer, "product": house.press_id}
    assert client.post(f"/leads/health/calibrations/{id}", data=form).status_code == 303
    assert house.rows("select state from calibrations where id = :id", id=id)[0].state == state
    again = client.post(f"/leads/health/calibrations/{id}", data=form, follow_redirects=True)
    assert "ほかの人がすでに答えています" in again.text
    assert client.post(f"/leads/health/calibrations/{id}", data={"answer": "maybe"}).status_code == 400


def test_inside_sales_look_and_do_not_decide(sign_in: SignIn, house: World) -> None:
    spread(house, TODAY - timedelta(days=1), nurture=10)
    id, caller = propose(house), sign_in("inside_sales")
    assert "この受注率を使う" not in caller.get("/leads/health").text
    assert caller.post(f"/leads/health/calibrations/{id}", data={"answer": "accept"}).status_code == 403


@pytest.mark.parametrize(
    "path",
    [
        "/leads/health?product=999",
        "/leads/health/moves?old=hot&new=lukewarm",
        "/leads/health/moves?old=hot&new=warm&at=yesterday",
        "/leads/health/moves?old=hot&new=warm&at=2026-11-01",
        "/leads/health/months.csv?product=0",
    ],
)
def test_an_address_that_means_nothing_is_not_found(client: FlaskClient, house: World, path: str) -> None:
    assert client.get(path).status_code == 404
