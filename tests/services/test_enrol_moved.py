"""A scenario may begin when a rank rises or falls, for those who are there when it is published and for later ones."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from sqlalchemy import text

from campaigns.parts import Parts
from campaigns.services import enrol
from tests import world
from tests.world import World


@pytest.fixture
def made(parts: Parts) -> World:
    return world.build(parts, count=6)


def asks(parts: Parts, **audience: list[str]) -> None:
    with parts.engine.begin() as tx:
        tx.execute(text("update scenarios set audience = cast(:a as jsonb)"), {"a": json.dumps(audience)})


def went(parts: Parts, person: int, *ranks: str, at: datetime) -> None:
    """The person's rank went through these, the last one at that instant."""
    with parts.engine.begin() as tx:
        for old, new in pairwise(ranks):
            tx.execute(
                text(
                    "insert into rank_changes (lead_id, at, old, new, score, p_win)"
                    " select id, :at, :old, :new, 0, 0 from product_leads where person_id = :p"
                ),
                {"p": person, "at": at, "old": old, "new": new},
            )
        tx.execute(
            text("update product_leads set rank = :r where person_id = :p"), {"r": ranks[-1], "p": person}
        )


def enrolled(parts: Parts) -> set[int]:
    with parts.engine.connect() as tx:
        return set(tx.execute(text("select person_id from enrollments")).scalars())


def test_only_those_who_came_to_the_rank_by_a_rise_are_enrolled(
    parts: Parts, made: World, now: datetime
) -> None:
    rose, fell, stood, twice, back, other = made.people
    went(parts, rose, "nurture", "warm", at=now - timedelta(days=3))
    went(parts, fell, "hot", "warm", at=now - timedelta(days=3))
    went(parts, stood, "warm", at=now)
    went(parts, twice, "nurture", "warm", "hot", "warm", at=now - timedelta(days=3))
    went(parts, back, "warm", "nurture", "warm", at=now - timedelta(days=3))
    went(parts, other, "warm", "hot", at=now - timedelta(days=3))
    asks(parts, rose=["warm"])
    enrol.audience(parts, made.scenario, now=now)
    assert enrolled(parts) == {rose, back}


def test_a_fall_and_a_rise_are_one_condition_of_which_one_part_must_hold(
    parts: Parts, made: World, now: datetime
) -> None:
    rose, fell, down, *_ = made.people
    went(parts, rose, "nurture", "warm", at=now)
    went(parts, fell, "hot", "warm", at=now)
    went(parts, down, "hot", "nurture", at=now)
    asks(parts, rose=["warm"], fell=["nurture"])
    enrol.audience(parts, made.scenario, now=now)
    assert enrolled(parts) == {rose, down}


@pytest.mark.parametrize(("within", "found"), [(["30"], 1), (["90"], 2), ([], 1), (["soon"], 1)])
def test_a_move_counts_for_as_many_days_as_were_chosen(
    parts: Parts, made: World, now: datetime, within: list[str], found: int
) -> None:
    with parts.engine.begin() as tx:
        tx.execute(text("update house set last_nightly_at = :now"), {"now": now})
    went(parts, made.people[0], "nurture", "warm", at=now - timedelta(days=29))
    went(parts, made.people[1], "nurture", "warm", at=now - timedelta(days=31))
    asks(parts, rose=["warm"], within=within)
    enrol.audience(parts, made.scenario, now=now)
    assert len(enrolled(parts)) == found


def test_who_rises_later_joins_once_and_nobody_else_does(parts: Parts, made: World, now: datetime) -> None:
    asks(parts, rose=["warm"])
    assert enrol.moved(parts, now=now) == 0
    went(parts, made.people[0], "nurture", "warm", at=now)
    went(parts, made.people[1], "nurture", "hot", at=now)
    assert enrol.moved(parts, now=now + timedelta(minutes=1)) == 1
    assert enrol.moved(parts, now=now + timedelta(minutes=2)) == 0
    assert enrolled(parts) == {made.people[0]}


def test_a_scenario_that_asks_for_no_move_takes_nobody_for_a_move(
    parts: Parts, made: World, now: datetime
) -> None:
    went(parts, made.people[0], "nurture", "warm", at=now)
    assert enrol.moved(parts, now=now) == 0


def test_a_paused_scenario_waits(parts: Parts, made: World, now: datetime) -> None:
    asks(parts, rose=["warm"])
    with parts.engine.begin() as tx:
        tx.execute(text("update scenarios set status = 'paused'"))
    went(parts, made.people[0], "nurture", "warm", at=now)
    assert enrol.moved(parts, now=now) == 0
