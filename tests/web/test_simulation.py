"""The pages of a simulation: asked for, under way, its pictures, tables and CSV."""

from __future__ import annotations

from datetime import datetime

import pytest
from flask.testing import FlaskClient

from campaigns.parts import Parts
from campaigns.services import simulate
from tests import world


def test_a_simulation_is_asked_for_and_its_result_stands_in_tables(
    client: FlaskClient, parts: Parts, now: datetime
) -> None:
    made = world.build(parts, count=4)
    path = f"/scenarios/{made.scenario}/simulation"
    assert "計算する" in client.get(path).get_data(as_text=True)
    shown = client.post(path, data={"seed": "42"}, follow_redirects=True).get_data(as_text=True)
    assert "順番を待っています" in shown
    assert simulate.work(parts, now=now) == 1
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
