"""A company's people together: their score, their roles, and the order of visits."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from campaigns.parts import Parts
from campaigns.services import rerank, roll_up
from tests.services.world import World


@pytest.fixture
def world(parts: Parts, now: datetime) -> World:
    return World.build(parts, now)


def at_company(world: World, *people: int) -> int:
    """All of them at the first one's company; returns it."""
    company = world.rows("select company_id from affiliations where person_id = :p", p=people[0])[
        0
    ].company_id
    for person in people:
        world.run("update affiliations set company_id = :c where person_id = :p", c=company, p=person)
    return int(company)


def role(world: World, person: int, name: str) -> None:
    world.run("update affiliations set buying_role = :r where person_id = :p", r=name, p=person)


def scored(world: World, score: float, *, product: int | None = None) -> int:
    person = world.person()
    world.run(
        "insert into product_leads (person_id, product_id, score, created_at) values (:p, :q, :s, :now)",
        p=person,
        q=product or world.press_id,
        s=score,
        now=world.now,
    )
    return person


def test_a_committee_of_three_roles_is_the_spec_s_own_number(world: World) -> None:
    people = [scored(world, score) for score in (10, 40, 25)]
    for person, name in zip(people, ("技術", "購買", "決裁"), strict=True):
        role(world, person, name)
    [one] = roll_up.company(world.parts, at_company(world, *people), now=world.now)
    assert one.committee.score == 63.0  # E7
    assert one.committee.scores == (40, 25, 10)
    assert one.told is None


def test_two_of_one_role_are_one_role_and_no_role_is_none(world: World) -> None:
    people = [scored(world, score) for score in (40, 25, 10)]
    role(world, people[0], "購買")
    role(world, people[1], "購買")
    [one] = roll_up.company(world.parts, at_company(world, *people), now=world.now)
    assert (one.committee.roles, one.committee.score) == (("購買",), 55.0)


def test_each_product_has_its_own_and_the_furthest_stands_first(world: World) -> None:
    people = [scored(world, 10), scored(world, 30, product=world.pump_id)]
    found = roll_up.company(world.parts, at_company(world, *people), now=world.now)
    assert [(one.product, one.committee.score) for one in found] == [
        ("計量ポンプ", 30.0),
        ("小型プレス", 10.0),
    ]


def test_a_surge_is_marked_while_it_lasts(world: World) -> None:
    people = [world.person(touches=[("doc_request", 1)]), world.person()]
    company = at_company(world, *people)
    world.run("update touchpoints set company_id = :c", c=company)
    world.touch(people[1], ("doc_request", 0))
    rerank.people(world.parts, people, now=world.now)
    [one] = roll_up.company(world.parts, company, now=world.now + timedelta(days=13))
    assert (one.told.people, one.told.reason) == (2, "colleagues_active") if one.told else False
    [later] = roll_up.company(world.parts, company, now=world.now + timedelta(days=15))
    assert later.told is None


def test_visits_go_by_promise_then_priority_then_the_company_that_has_gone_furthest(world: World) -> None:
    people = [scored(world, score) for score in (5, 50, 20, 1)]
    for person, priority, due in zip(people, (2, 2, 1, 2), (1, 3, 4, 5), strict=True):
        world.run(
            "insert into tasks (kind, person_id, product_id, lead_id, priority, due_at, created_at, state)"
            " select 'visit', person_id, product_id, id, :n, :at, :now, 'open' from product_leads where person_id = :p",
            p=person,
            n=priority,
            at=world.now + timedelta(days=due),
            now=world.now,
        )
    world.run("update tasks set promised_at = due_at where person_id = :p", p=people[3])
    found, committees = roll_up.visits(world.parts, now=world.now)
    assert [task.person_id for task in found] == [people[3], people[2], people[1], people[0]]
    assert committees[found[2].id].score == 50.0
