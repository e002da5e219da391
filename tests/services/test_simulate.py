"""The simulation against what then really happens: the same mails to the same people in the same months."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

from sqlalchemy import text

from campaigns.parts import Parts
from campaigns.rules.chances import Rates
from campaigns.rules.schedule import TOKYO
from campaigns.rules.simulating import Event
from campaigns.services import enrol, plan, simulate
from campaigns.storage import simulations
from tests import world

NOW = datetime(2026, 11, 24, 1, 0, tzinfo=UTC)
QUIET = Rates(open=0, click=0, reply=0, unsubscribe=0)


def foreseen(parts: Parts, scenario: int, *, rates: Rates = QUIET, seed: int = 7) -> list[Event]:
    with parts.engine.connect() as tx:
        wanted = simulate.setting(tx, scenario, seed=seed)
        products = tx.execute(text("select id from products")).scalars().all()
    assert wanted is not None
    given = dict.fromkeys(products, rates)
    return [event for _, log, _ in simulate.run(parts, wanted, now=NOW, rates=given) for event in log]


def mails(log: list[Event]) -> list[tuple[int, int, str]]:
    return sorted((one.person, one.day, one.code) for one in log if one.what == "sent")


def live(parts: Parts, days: int) -> list[tuple[int, int, str]]:
    """What really goes out, day after day; each mail is accepted at its time."""
    for n in range(days):
        day = NOW.astimezone(TOKYO).date() + timedelta(days=n)
        now = NOW if n == 0 else datetime.combine(day, time(6, 1), tzinfo=TOKYO)
        plan.run(parts, now=now)
        with parts.engine.begin() as tx:
            tx.execute(
                text(
                    "update deliveries set state = 'sent', sent_at = send_at where state = 'planned' and send_at < :now"
                ),
                {"now": datetime.combine(day, time(23, 59), tzinfo=TOKYO)},
            )
    with parts.engine.begin() as tx:
        rows = tx.execute(
            text(
                "select person_id, cast(sent_at at time zone 'Asia/Tokyo' as date) as day, step_key from deliveries"
                " where state = 'sent'"
            )
        )
        return sorted((row.person_id, row.day.toordinal(), row.step_key) for row in rows)


def test_a_year_of_two_competing_products_comes_as_it_was_foreseen(parts: Parts) -> None:
    made = world.build(parts, count=30, offsets=(0, 1, 2, 4, 7))
    with parts.engine.begin() as tx:
        other = world.product(tx, "5軸加工機", list_key="axis", priority=2)
        second, _, _ = world.scenario(tx, other, offsets=(0, 1, 3, 5), want_day=12)
        for person in made.people[::2]:
            world.insert(
                tx, "product_leads", person_id=person, product_id=other, state="nurturing", created_at=NOW
            )
    enrol.audience(parts, made.scenario, now=NOW)
    enrol.audience(parts, second, now=NOW)
    seen = mails(foreseen(parts, made.scenario))
    happened = live(parts, 380)
    until = date(2027, 11, 30).toordinal()
    assert seen
    assert seen == [one for one in happened if one[1] <= until]


def test_nothing_is_written_by_a_simulation(parts: Parts) -> None:
    made = world.build(parts, count=5)
    before = world.states(parts)
    assert mails(foreseen(parts, made.scenario))
    with parts.engine.begin() as tx:
        assert tx.execute(text("select count(*) from enrollments")).scalar() == 0
    assert world.states(parts) == before


def test_the_same_seed_foresees_the_same_and_another_one_does_not(parts: Parts) -> None:
    made = world.build(parts, count=40)
    lively = Rates(open=0.4, click=0.3, reply=0.1, unsubscribe=0.1)
    first = foreseen(parts, made.scenario, rates=lively, seed=1)
    assert first == foreseen(parts, made.scenario, rates=lively, seed=1)
    assert first != foreseen(parts, made.scenario, rates=lively, seed=2)
    assert any(one.what == "refused" for one in first)


def test_a_simulation_is_asked_for_worked_on_and_kept_with_its_sums(parts: Parts) -> None:
    made = world.build(parts, count=12)
    id = simulate.ask(parts, made.scenario, seed=3, rates=None, user_id=None, now=NOW)
    assert id is not None
    assert simulate.work(parts, now=NOW) == 1
    with parts.engine.connect() as tx:
        done = simulations.get(tx, id)
    assert done is not None
    assert done.state == "done"
    assert sum(done.result["sent"]) == 36
    assert done.result["people"] == 12
    assert simulate.year(parts, done, made.people[0], now=NOW)


def test_a_cancelled_simulation_ends_without_a_result(parts: Parts) -> None:
    made = world.build(parts, count=2)
    id = simulate.ask(parts, made.scenario, seed=3, rates=None, user_id=None, now=NOW)
    assert id is not None
    simulate.cancel(parts, id, now=NOW)
    assert simulate.work(parts, now=NOW) == 0
    with parts.engine.connect() as tx:
        found = simulations.get(tx, id)
    assert found is not None
    assert (found.state, found.result) == ("cancelled", {})
