"""The page of deliveries tells the same of a big house as of a small one; a job has counted it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import text

from campaigns.parts import Parts
from campaigns.rules.deliveries import State
from campaigns.rules.schedule import month_of
from campaigns.services import count_deliveries, count_home, count_leads, enrol, plan
from campaigns.storage import deliveries, products, sizes
from campaigns.storage.deliveries import GROUPS, Filter
from tests import world
from tests.world import START, World

MONTH = month_of(START)


@pytest.fixture
def house(parts: Parts) -> World:
    """Deliveries of two months in every state, and people who gave way to another product."""
    made = world.build(parts, count=len(State))
    with parts.engine.begin() as tx:
        other = world.product(tx, "5軸加工機 VX-500", list_key="vx500", priority=1)
        number, *_ = world.scenario(tx, other)
        tx.execute(
            text(
                "insert into product_leads (person_id, product_id, state, created_at)"
                " select id, :product, 'nurturing', :now from people"
            ),
            {"product": other, "now": START},
        )
    for scenario in (made.scenario, number):
        enrol.audience(parts, scenario, now=START)
    plan.run(parts, now=START)
    with parts.engine.begin() as tx:
        for n, state in enumerate(State):
            for month in (MONTH, MONTH - 1):
                tx.execute(
                    text(
                        "insert into deliveries (origin, person_id, product_id, enrollment_id, step_key, month, state,"
                        " send_at, sent_at, until, created_at) select 'x:' || :month || '/' || :n, e.person_id,"
                        " e.product_id, e.id, 'K1', :month, :state, :at,"
                        " case when :state = 'sent' then cast(:at as timestamptz) end, '2026-12-01', :at"
                        " from enrollments e where e.person_id = :person and e.scenario_id = :scenario"
                    ),
                    {
                        "month": month,
                        "n": n,
                        "state": state.value,
                        "at": START - timedelta(minutes=n * 7 % 11),
                        "person": made.people[n],
                        "scenario": made.scenario,
                    },
                )
    return made


def filters(made: World) -> list[Filter]:
    return [
        Filter(),
        Filter(month=MONTH),
        Filter(month=MONTH - 1),
        Filter(month=MONTH, product_id=made.product),
        Filter(month=MONTH, scenario_id=made.scenario),
        Filter(month=MONTH, scenario_id=made.scenario, step_key="K1"),
        Filter(month=MONTH, scenario_id=made.scenario, step_key="K2"),
        Filter(month=MONTH, kind="notice"),
        Filter(product_id=made.product, groups=("held",)),
    ]


def test_a_big_house_is_told_what_a_small_one_counts(
    parts: Parts, house: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    live = [count_deliveries.read(parts, wanted, this=MONTH) for wanted in filters(house)]
    assert sum(live[0].groups.values()) > 2 * len(State)
    assert live[0].held == len(State)
    monkeypatch.setattr(sizes, "BIG", 0)
    assert not count_deliveries.read(parts, Filter(), this=MONTH).is_known
    assert count_deliveries.run(parts, now=START)
    for wanted, before in zip(filters(house), live, strict=True):
        told = count_deliveries.read(parts, wanted, this=MONTH)
        assert (told.groups, told.held, told.at) == (before.groups, before.held, START), wanted


@pytest.mark.parametrize("groups", [(), ("sent",), ("planned", "held"), ("retry", "failed", "in_doubt")])
def test_a_page_is_a_stretch_of_the_whole_in_its_order(
    parts: Parts, house: World, groups: tuple[str, ...]
) -> None:
    first = {"in_doubt": 0, "retry": 1, "failed": 1}
    states = [s for group in groups or GROUPS for s in GROUPS[group]]
    with parts.engine.connect() as tx:
        rows = tx.execute(
            text("select id, state, coalesce(sent_at, send_at) as at from deliveries where month = :m"),
            {"m": MONTH},
        ).all()
        wanted = [row for row in rows if row.state in states]
        wanted.sort(key=lambda row: (first.get(row.state, 2), -row.at.timestamp(), -row.id))
        ids = [row.id for row in wanted]
        assert ids
        for offset in range(0, len(ids) + 1, 3):
            found = deliveries.page(tx, Filter(month=MONTH, groups=groups), offset=offset, limit=3)
            assert [line.id for line in found] == ids[offset : offset + 3]


def test_home_of_a_big_house_shows_the_same_figures(
    parts: Parts, house: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    live = count_home.read(parts, now=START)
    assert live.tiles.sent
    assert live.slots
    monkeypatch.setattr(sizes, "BIG", 0)
    assert count_home.run(parts, now=START)
    told = count_home.read(parts, now=START)
    assert (told.tiles, told.slots, told.at) == (live.tiles, live.slots, START)
    assert not count_home.read(parts, now=START + timedelta(days=31)).is_known, "a new month begins uncounted"


def test_the_list_of_products_shows_the_counted_people(
    parts: Parts, house: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    with parts.engine.connect() as tx:
        live = products.listed(tx)
        assert [one.leads for one in live] == [len(State), len(State)]
        assert products.listed(tx, products.leads(tx)) == live
    monkeypatch.setattr(sizes, "BIG", 0)
    assert count_leads.run(parts, now=START)
    with parts.engine.connect() as tx:
        assert products.listed(tx, count_leads.read(parts)) == live
