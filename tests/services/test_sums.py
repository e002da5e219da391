"""Running sums: what the database adds up is what the rules say of the touches, for whoever and whenever."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from campaigns.parts import Parts
from campaigns.rules.ranks import Rank, rank
from campaigns.rules.touchpoints import Kind
from campaigns.services import rerank
from campaigns.storage import lead_sums, ranks, standings, touchpoints
from tests.services.world import World

SPANS = st.floats(-40, 1500, allow_nan=False)
TOUCHES = st.lists(
    st.tuples(
        st.sampled_from(list(Kind)),
        SPANS,
        st.sampled_from(["press", "pump", "none"]),
        st.sampled_from([0.0, 0.4, 1.0]),
        st.floats(0, 4000, allow_nan=False),
    ),
    max_size=14,
)
HOT_RULES: dict[str, Any] = {
    "kinds": {"doc_request": {"days": 14, "points": 33}},
    "variants": [{"industries": ["食品"], "kinds": {"badge_scan": {"points": 9, "depth": 3}}}],
}


@pytest.fixture
def world(parts: Parts, now: datetime) -> Iterator[World]:
    return World.build(parts, now)


def _write(world: World, tx: Any, person: int, touches: Any) -> None:
    products = {"press": world.press_id, "pump": world.pump_id, "none": None}
    rows = []
    for kind, days, product, validity, active_s in touches:
        world.count += 1
        rows.append(
            touchpoints.NewTouch(
                source_key=f"test:{world.count}",
                person_id=person,
                kind=kind,
                at=world.now - timedelta(days=days),
                product_id=products[product],
                validity=validity,
                active_s=active_s,
            )
        )
    touchpoints.put(tx, rows, now=world.now)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    touches=st.lists(TOUCHES, min_size=1, max_size=4),
    cycle=st.sampled_from([30, 365, 1095]),
    own_rules=st.booleans(),
    later=st.floats(0, 700),
    cut=st.sampled_from([None, 5.0, 20.0]),
)
def test_sums_scores_and_ranks_of_the_database_are_those_of_the_rules(
    world: World, touches: Any, cycle: int, own_rules: bool, later: float, cut: float | None
) -> None:
    people = [world.person() for _ in touches]
    then = world.now + timedelta(days=later)
    with world.parts.engine.connect() as tx, tx.begin() as whole:
        tx.execute(text("update products set purchase_cycle_days = :c"), {"c": cycle})
        if own_rules:
            tx.execute(text("update products set hot_rules = cast(:r as jsonb) where id = 1"), {"r": _json()})
            tx.execute(text("update companies set industry = '食品' where id % 2 = 0"))
        if cut is not None:
            tx.execute(
                text(
                    "insert into calibrations (product_id, at, rates, resolved, won, warm_cut)"
                    " select id, :now, prior_rates, '{0,0,0,0,0}', '{0,0,0,0,0}', :cut from products"
                ),
                {"now": world.now, "cut": cut},
            )
        for person, mine in zip(people, touches, strict=True):
            _write(world, tx, person, mine)
        rerank.for_people(tx, people, now=world.now)
        tx.execute(text("update tasks set state = 'cancelled'"))
        leads = ranks.leads(tx, people)
        industries = ranks.industries(tx, people)
        products = ranks.products(tx, standings.products(tx), now=then)
        found = standings.scores(tx, products, after=0, until=10**9, now=then)
        held = lead_sums.read(tx, [lead.id for lead in leads], now=then)
        moved = standings.moved(tx, products, busy=(), after=0, until=10**9, now=then)
        stored = touchpoints.of_people(tx, people)
        for lead in leads:
            told = rank(
                stored.get(lead.person_id, []),
                products[lead.product_id].rules_for(industries.get(lead.person_id, "")),
                now=then,
                acquired_at=lead.acquired_at,
            )
            # Where a touch of the future has come meanwhile, the sums say themselves that they are old.
            assert (lead.id in held) == (lead.id in found)
            if lead.id in found:
                assert found[lead.id] == pytest.approx(told.score, abs=1e-9)
                if told.rank != lead.rank and told.trigger_until is None:
                    assert lead.person_id in moved
        rerank.for_people(tx, people, now=then, touched=False)
        for row in tx.execute(text("select * from product_leads")).all():
            rules = products[row.product_id].rules_for(industries.get(row.person_id, ""))
            told = rank(stored.get(row.person_id, []), rules, now=then, acquired_at=row.acquired_at)
            assert (row.rank, row.depth_max) == (told.rank, told.depth_max)
            assert row.score == pytest.approx(told.score, abs=1e-9)
        whole.rollback()


def _json() -> str:
    import json

    return json.dumps(HOT_RULES)


def test_a_verdict_that_falls_takes_its_points_out_of_the_sums(world: World) -> None:
    person = world.person(touches=[("badge_scan", 3), ("mail_click", 1)])
    rerank.people(world.parts, [person], now=world.now)
    before = world.lead(person).score
    world.run("update touchpoints set validity = 0 where kind = 'mail_click'")
    rerank.people(world.parts, [person], now=world.now)
    assert world.lead(person).score < before
    world.run("update touchpoints set validity = 1 where kind = 'mail_click'")
    rerank.people(world.parts, [person], now=world.now)
    assert world.lead(person).score == pytest.approx(before, abs=1e-12)


def test_a_page_read_longer_is_worth_more(world: World) -> None:
    person = world.person(touches=[("web_view", 1)])
    rerank.people(world.parts, [person], now=world.now)
    before = world.lead(person).score
    world.run("update touchpoints set active_s = 180")
    rerank.people(world.parts, [person], now=world.now)
    assert world.lead(person).score > before


def test_time_alone_reads_no_touch(world: World) -> None:
    person = world.person(touches=[("inquiry", 0)])
    rerank.people(world.parts, [person], now=world.now)
    world.run("delete from touchpoints")  # had it been read, nothing would be left of the rank
    rerank.due(world.parts, now=world.now + timedelta(days=30, minutes=2))
    lead = world.lead(person)
    assert (lead.rank, lead.score > 20) == (Rank.NURTURE, True)


def test_a_touch_that_lies_ahead_counts_from_its_hour_on(world: World) -> None:
    person = world.person(touches=[("badge_scan", 3), ("inquiry", -2)])
    rerank.people(world.parts, [person], now=world.now)
    assert world.lead(person).rank == "nurture"
    rerank.due(world.parts, now=world.now + timedelta(days=2, minutes=2))
    assert world.lead(person).rank == "hot"


def test_a_changed_point_table_makes_the_sums_anew(world: World) -> None:
    person = world.person(touches=[("card_exchange", 0)])
    rerank.people(world.parts, [person], now=world.now)
    before = world.lead(person).score
    with world.parts.engine.begin() as tx:
        tx.execute(text("""update products set hot_rules = '{"kinds": {"card_exchange": {"points": 40}}}'"""))
        ranks.ask_products_again(tx, [world.press_id], at=world.now)
    rerank.due(world.parts, now=world.now)
    assert world.lead(person).score > before * 2


def test_leads_ranked_before_there_were_sums_get_theirs_at_night(world: World) -> None:
    person = world.person(touches=[("badge_scan", 3)])
    rerank.people(world.parts, [person], now=world.now)
    world.run("delete from lead_sums")
    world.run("update product_leads set next_change_at = null")
    rerank.nightly(world.parts, now=world.now)
    assert len(world.rows("select 1 from lead_sums")) == 1


def test_the_night_writes_every_score_as_it_has_decayed(world: World) -> None:
    people = [world.person(touches=[("badge_scan", 3), ("doc_request", 30)]) for _ in range(3)]
    rerank.people(world.parts, people, now=world.now)
    then = world.now + timedelta(days=60)
    rerank.nightly(world.parts, now=then)
    stored = [world.lead(person).score for person in people]
    with world.parts.engine.connect() as tx:
        products = ranks.products(tx, [world.press_id], now=then)
        fresh = standings.scores(tx, products, after=0, until=10**9, now=then)
    assert stored == pytest.approx(list(fresh.values()), abs=standings.VISIBLE)


def test_sums_leave_with_their_lead(world: World) -> None:
    person = world.person(touches=[("badge_scan", 3)])
    rerank.people(world.parts, [person], now=world.now)
    world.run("delete from rank_changes")
    world.run("delete from product_leads")
    assert world.rows("select 1 from lead_sums") == []


def test_sums_that_are_not_what_the_touches_come_to_are_found_and_mended(world: World) -> None:
    people = [world.person(touches=[("badge_scan", 3), ("doc_request", 30)]) for _ in range(3)]
    rerank.people(world.parts, people, now=world.now)
    score = world.lead(people[1]).score
    assert rerank.check_sums(world.parts, now=world.now) == 0
    world.run("update lead_sums set form = form * 1.001 where lead_id = 2")
    assert rerank.check_sums(world.parts, now=world.now) == 1
    assert rerank.check_sums(world.parts, now=world.now) == 0
    assert world.lead(people[1]).score == pytest.approx(score, abs=1e-12)
