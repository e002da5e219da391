"""Who waits is counted as it stands, and by the minute's work where they are many."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from campaigns.parts import Parts
from campaigns.rules.schedule import parse_month
from campaigns.services import catalogue, count_waiting, enrol, plan
from campaigns.storage import reports, waiting
from tests import world

MORNING = datetime(2026, 11, 19, 21, 1, tzinfo=UTC)
LATER = MORNING + count_waiting.KEPT


@pytest.fixture
def first(parts: Parts) -> int:
    """Three people for whom another product went first; returns the product that waits."""
    made = world.build(parts, count=3)
    with parts.engine.begin() as tx:
        other = world.product(tx, "5軸加工機 VX-500", list_key="vx500", priority=1)
        number, *_ = world.scenario(tx, other)
        tx.execute(
            text(
                "insert into product_leads (person_id, product_id, state, created_at)"
                " select id, :product, 'nurturing', :now from people"
            ),
            {"product": other, "now": MORNING},
        )
    enrol.audience(parts, made.scenario, now=MORNING)
    enrol.audience(parts, number, now=MORNING)
    plan.run(parts, now=MORNING)
    return made.product


def shown(parts: Parts, product: int) -> tuple[int, int, int, int, str | None]:
    """What the pages say: the product list, the deliveries, the home page's tile, its slots with their product."""
    long_ago = MORNING - timedelta(days=400)
    with parts.engine.connect() as tx:
        tiles = reports.tiles(
            tx, month=parse_month("2026-11"), month_start=long_ago, week_start=long_ago, term_start=long_ago
        )
        (slots,) = (s for s in reports.slots(tx, month=parse_month("2026-11")) if s.state == "carried_over")
        number = waiting.number(tx, product_id=product)
    return catalogue.gave_way(parts)[product], number, tiles.held, slots.n, slots.product


def end_one(parts: Parts) -> None:
    with parts.engine.begin() as tx:
        tx.execute(
            text(
                "update pace set held = null where person_id = (select min(person_id) from pace where held is not null)"
            )
        )


def test_few_are_counted_as_they_stand(parts: Parts, first: int) -> None:
    assert not count_waiting.run(parts, now=MORNING)
    assert shown(parts, first) == (3, 3, 3, 3, "5軸加工機 VX-500")
    end_one(parts)
    assert shown(parts, first) == (2, 2, 2, 2, "5軸加工機 VX-500")


def test_many_are_counted_by_the_minutes_work_and_anew_when_the_figures_are_old(
    parts: Parts, first: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "LIVE", 1)
    assert count_waiting.run(parts, now=MORNING)
    end_one(parts)
    assert shown(parts, first) == (3, 3, 3, 3, "5軸加工機 VX-500")
    assert not count_waiting.run(parts, now=LATER - timedelta(seconds=1))
    assert count_waiting.run(parts, now=LATER)
    assert shown(parts, first) == (2, 2, 2, 2, "5軸加工機 VX-500")


def test_nobody_waits_is_kept_as_well(parts: Parts, first: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "LIVE", 1)
    for _ in range(3):
        end_one(parts)
    assert count_waiting.run(parts, now=MORNING)
    assert catalogue.gave_way(parts) == {}
    with parts.engine.connect() as tx:
        assert waiting.counted_at(tx) == MORNING
        assert waiting.number(tx) == 0


def test_where_the_people_became_few_the_kept_figures_are_forgotten(
    parts: Parts, first: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "LIVE", 1)
    assert count_waiting.run(parts, now=MORNING)
    end_one(parts)
    monkeypatch.setattr(waiting, "LIVE", 3)
    assert not count_waiting.run(parts, now=LATER)
    assert shown(parts, first) == (2, 2, 2, 2, "5軸加工機 VX-500")
