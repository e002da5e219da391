"""The designer says what would reach more people, with how many, in a small house and in a big one."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from flask.testing import FlaskClient
from sqlalchemy import text

from campaigns.parts import Parts
from campaigns.services import count_rows, design
from campaigns.storage import samples, step_counts
from tests import world
from tests.web.conftest import app, client, sign_in
from tests.world import World

__all__ = ["app", "client", "sign_in"]
NOW = datetime(2026, 11, 24, 1, 0, tzinfo=UTC)


def run(parts: Parts, query: str, **values: object) -> None:
    with parts.engine.begin() as tx:
        tx.execute(text(query), values)


@pytest.fixture
def invited(parts: Parts) -> World:
    """Four people who wait for an invitation wanted on 15 December, valid until the 10th; one is free on the 14th."""
    made = world.build(parts, count=4)
    world.planned(parts, made, send_at=NOW)
    run(parts, "update steps set kind = 'invite', want_day = 15, valid_until = '2026-12-10' where key = 'K2'")
    run(parts, "update pace set next_free_on = '2026-12-14' where person_id = :p", p=made.people[0])
    return made


def told(parts: Parts, scenario: int) -> list[tuple[str, object, object]]:
    problems = design.load(parts, scenario, now=NOW).problems
    return [(p.code, p.args["n"], p.args.get("gain")) for p in problems if p.code.startswith("invite_e")]


def test_an_earlier_day_is_proposed_with_how_many_it_reaches(
    parts: Parts, client: FlaskClient, invited: World
) -> None:
    assert told(parts, invited.scenario) == [("invite_earlier", 4, 3)]
    page = client.get(f"/scenarios/{invited.scenario}").get_data(as_text=True)
    assert "希望日を10日に早めると、3名に届きます。" in page


def test_a_big_scenario_keeps_the_figures_of_its_remedies(
    parts: Parts, invited: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(step_counts, "BIG", 2)
    assert told(parts, invited.scenario) == []
    count_rows.run(parts, now=NOW)
    assert told(parts, invited.scenario) == [("invite_earlier", 4, 3)]


def test_each_condition_tells_whom_it_alone_leaves_out(
    parts: Parts, client: FlaskClient, invited: World
) -> None:
    id = invited.scenario
    run(
        parts,
        "update scenarios set classes = '{D,E}', audience = '{\"ranks\": [\"warm\"]}' where id = :id",
        id=id,
    )
    run(parts, "update product_leads set rank = 'warm' where person_id = :p", p=invited.people[0])
    # A second firm of class A with a warm and a nurtured person: the one is left out by the class, the other twice.
    with parts.engine.begin() as tx:
        more = world.people(tx, parts, 2, product=invited.product, first=20)
    run(parts, "update companies set class = 'A' where id = (select max(id) from companies)")
    run(parts, "update product_leads set rank = 'warm' where person_id = :p", p=more[0])
    run(parts, "update addresses set status = 'hard' where id = (select address_id from people where id = :p)",
        p=invited.people[3])  # fmt: skip
    found = design.load(parts, id, now=NOW)
    assert (found.reach.can_send, found.left_out, found.is_about) == (1, {"ranks": 2, "classes": 1}, False)
    page = client.get(f"/scenarios/{id}").get_data(as_text=True)
    assert "見込度の条件を外す" in page


def test_many_people_are_estimated_from_a_sample(
    parts: Parts, invited: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(samples, "BIG", 2)
    run(parts, 'update scenarios set audience = \'{"ranks": ["warm"]}\' where id = :id', id=invited.scenario)
    found = design.load(parts, invited.scenario, now=NOW)
    assert (found.left_out, found.is_about) == ({"ranks": 4}, True)
