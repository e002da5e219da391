"""Deleting asks once and names the thing; what stays says why and where to look."""

from __future__ import annotations

from datetime import datetime

from flask.testing import FlaskClient

from campaigns.parts import Parts
from tests import world
from tests.services.test_delete import draft
from tests.services.test_publish import HEAD, House, house

__all__ = ["house"]


def test_a_draft_is_named_asked_for_and_gone(
    client: FlaskClient, parts: Parts, house: House, now: datetime
) -> None:
    id = draft(parts, house, now)
    assert f"/delete/scenario/{id}" in client.get("/scenarios").text
    assert f"/delete/scenario/{id}" in client.get(f"/scenarios/{id}/head").text
    assert f"「{HEAD.name}」を削除しますか。" in client.get(f"/delete/scenario/{id}").text
    page = client.post(f"/delete/scenario/{id}", follow_redirects=True).text
    assert f"シナリオ「{HEAD.name}」を削除しました。" in page
    assert client.get(f"/scenarios/{id}").status_code == 404


def test_what_is_in_use_offers_no_button_but_the_way_on(client: FlaskClient, parts: Parts) -> None:
    made = world.build(parts, count=2)
    assert f"/delete/scenario/{made.scenario}" not in client.get("/scenarios").text
    for noun, id, link in (
        ("scenario", made.scenario, f"/scenarios/{made.scenario}"),
        ("product", made.product, f"/people?product={made.product}"),
        ("content", made.contents[0], f"/scenarios/{made.scenario}"),
    ):
        page = client.get(f"/delete/{noun}/{id}").text
        assert "は削除できません。" in page
        assert "削除する</button>" not in page
        assert f'href="{link}"' in page
        assert client.post(f"/delete/{noun}/{id}").status_code == 409


def test_a_broadcast_is_no_scenario_to_be_deleted(client: FlaskClient, parts: Parts) -> None:
    made = world.build(parts, count=1)
    with parts.engine.begin() as tx:
        id = world.insert(
            tx, "scenarios", product_id=made.product, kind="broadcast", name="x", created_at=world.START
        )
    assert client.get(f"/delete/scenario/{id}").status_code == 404
