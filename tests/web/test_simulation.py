"""The pages of a simulation: asked for, under way, its pictures, tables and CSV."""

from __future__ import annotations

from datetime import datetime

import pytest
from flask.testing import FlaskClient
from sqlalchemy import text

from campaigns.parts import Parts
from campaigns.services import run_simulations
from tests import world


def test_a_simulation_is_asked_for_and_its_result_stands_in_tables(
    client: FlaskClient, parts: Parts, now: datetime
) -> None:
    made = world.build(parts, count=4)
    path = f"/scenarios/{made.scenario}/simulation"
    assert "計算する" in client.get(path).get_data(as_text=True)
    shown = client.post(path, data={"seed": "42"}, follow_redirects=True).get_data(as_text=True)
    assert "順番を待っています" in shown
    assert run_simulations.work(parts, now=now) == 1
    page = client.get(path, follow_redirects=True).get_data(as_text=True)
    assert "書き込みなし・乱数の種 42" in page
    assert "1人の1年を見る" in page
    assert "simulation.js" in page
    data = client.get(f"{path}/1.csv") if f"{path}/1.csv" in page else None
    assert data is not None
    assert "送信" in data.get_data(as_text=True)


@pytest.mark.parametrize("seed", ["あ", "1.5", "-1", "0", "²", "99999999999999999999", "9" * 5000])
def test_a_seed_that_is_no_small_whole_number_is_refused_at_its_field(
    client: FlaskClient, parts: Parts, now: datetime, seed: str
) -> None:
    made = world.build(parts, count=1)
    answer = client.post(f"/scenarios/{made.scenario}/simulation", data={"seed": seed})
    assert answer.status_code == 422
    assert "整数で入力してください" in answer.get_data(as_text=True)


def test_a_cancelled_simulation_says_that_nothing_was_written(
    client: FlaskClient, parts: Parts, now: datetime
) -> None:
    made = world.build(parts, count=1)
    path = f"/scenarios/{made.scenario}/simulation"
    client.post(path, data={})
    id = client.get(path).headers["Location"].rsplit("/", 1)[1]
    page = client.post(f"{path}/{id}/cancel", follow_redirects=True).get_data(as_text=True)
    assert "何も書き込まれていません" in page


def test_cancelling_what_is_done_says_so_and_shows_the_result(
    client: FlaskClient, parts: Parts, now: datetime
) -> None:
    made = world.build(parts, count=1)
    worked(client, parts, made.scenario, now=now)
    answer = client.post(f"/scenarios/{made.scenario}/simulation/1/cancel", follow_redirects=True)
    page = answer.get_data(as_text=True)
    assert "計算はすでに終わっています。" in page
    assert "書き込みなし・乱数の種 42" in page


def worked(client: FlaskClient, parts: Parts, scenario: int, *, now: datetime) -> str:
    """The page of a finished simulation."""
    path = f"/scenarios/{scenario}/simulation"
    client.post(path, data={"seed": "42"})
    assert run_simulations.work(parts, now=now) == 1
    return client.get(path, follow_redirects=True).get_data(as_text=True)


def test_an_audience_of_nobody_is_said_in_words_instead_of_empty_pictures(
    client: FlaskClient, parts: Parts, now: datetime
) -> None:
    with parts.engine.begin() as tx:
        scenario, _, _ = world.scenario(tx, world.product(tx))
    page = worked(client, parts, scenario, now=now)
    assert "対象が0名でした。" in page
    assert "data-chart" not in page


def test_calls_beyond_the_capacity_stand_in_the_table_as_left_for_the_next_month(
    client: FlaskClient, parts: Parts, now: datetime
) -> None:
    made = world.build(parts, count=5, offsets=(0,))
    with parts.engine.begin() as tx:
        tx.execute(text("update companies set tel = '053-111-2222'"))
        tx.execute(text("update products set gate = 0.01"))
        tx.execute(text("update house set call_capacity_per_day = 0"))
    path = f"/scenarios/{made.scenario}/simulation"
    client.post(path, data={})
    assert run_simulations.work(parts, now=now) == 1
    always = {"open": "0", "click": "100", "reply": "0", "unsubscribe": "0"}
    client.post(path, data={"rates": "own", **always})
    assert run_simulations.work(parts, now=now) == 1
    page = client.get(path, follow_redirects=True).get_data(as_text=True)
    assert "電話：枠を超えて翌月へ" in page
    assert "最後の月にも5件が残ります。" in page
    assert "会社で1日0件×営業日" in page


def test_the_first_column_is_called_this_month(client: FlaskClient, parts: Parts, now: datetime) -> None:
    made = world.build(parts, count=1)
    page = worked(client, parts, made.scenario, now=now)
    assert '<th class="num">今月</th><th class="num">12月</th>' in page


def test_few_mails_a_person_are_the_first_thing_said(
    client: FlaskClient, parts: Parts, now: datetime
) -> None:
    made = world.build(parts, count=3, offsets=(0, 1))
    page = worked(client, parts, made.scenario, now=now)
    assert "12か月で1名あたり2.0通しか届きません。" in page
    assert "0名から0名" not in page
