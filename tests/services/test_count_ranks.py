"""Day counts, their moves and the monthly alarm, on a real database."""

from datetime import date, datetime, timedelta

import pytest

from campaigns.parts import Parts
from campaigns.services import count_ranks
from tests.services.world import World

YESTERDAY = date(2026, 11, 23)


@pytest.fixture
def world(parts: Parts, now: datetime) -> World:
    return World.build(parts, now)


def lead(world: World, rank: str, *, born: int = 100) -> int:
    """A lead of the press that was ranked on the day it came, so many days ago."""
    person = world.person()
    world.run(
        "insert into product_leads (person_id, product_id, rank, created_at) values (:p, :q, 'unobserved', :at)",
        p=person,
        q=world.press_id,
        at=world.now - timedelta(days=born),
    )
    moved(world, person, rank, days=born)
    return person


def moved(world: World, person: int, rank: str, *, days: float) -> None:
    world.run(
        "insert into rank_changes (lead_id, at, old, new, score, p_win) select id, :at, rank, :rank, 0, 0"
        " from product_leads where person_id = :p and rank <> :rank",
        p=person,
        rank=rank,
        at=world.now - timedelta(days=days),
    )
    world.run("update product_leads set rank = :rank where person_id = :p", rank=rank, p=person)


def on(world: World, day: date) -> dict[str, int]:
    rows = world.rows("select rank, leads from rank_days where day = :d and leads > 0", d=day)
    return {row.rank: row.leads for row in rows}


def test_the_first_night_counts_two_years_of_month_ends_and_the_last_thirty_days(world: World) -> None:
    lead(world, "warm", born=100)
    late = lead(world, "warm", born=100)
    moved(world, late, "hot", days=40)
    lead(world, "unobserved", born=20)
    assert count_ranks.run(world.parts, now=world.now).days == 24 + 30 - 1  # one of them is a month-end
    assert on(world, date(2026, 7, 31)) == {}
    assert on(world, date(2026, 8, 31)) == {"warm": 2}
    assert on(world, date(2026, 10, 31)) == {"warm": 1, "hot": 1}
    assert on(world, YESTERDAY) == {"warm": 1, "hot": 1, "unobserved": 1}


def test_a_day_ends_at_the_houses_midnight(world: World) -> None:
    """10:00 in Tokyo: nine hours ago is today there, eleven hours ago was yesterday."""
    late, early = lead(world, "warm"), lead(world, "warm")
    moved(world, late, "hot", days=9 / 24)
    moved(world, early, "hot", days=11 / 24)
    count_ranks.run(world.parts, now=world.now)
    assert on(world, YESTERDAY) == {"warm": 1, "hot": 1}


def test_a_week_without_a_night_is_counted_day_by_day(world: World) -> None:
    person = lead(world, "warm")
    count_ranks.run(world.parts, now=world.now)
    for days, rank in ((-3.5, "hot"), (-5.5, "nurture")):
        moved(world, person, rank, days=days)
    after = count_ranks.run(world.parts, now=world.now + timedelta(days=7))
    assert after.days == 7
    told = [on(world, YESTERDAY + timedelta(days=n)) for n in range(1, 8)]
    assert [next(iter(of)) for of in told] == ["warm"] * 3 + ["hot"] * 2 + ["nurture"] * 2
    rows = world.rows("select day, old, new, leads from rank_moves where day > :d order by day", d=YESTERDAY)
    assert [(row.old, row.new, row.leads) for row in rows] == [("warm", "hot", 1), ("hot", "nurture", 1)]


def test_twice_in_a_night_counts_once(world: World) -> None:
    lead(world, "warm")
    count_ranks.run(world.parts, now=world.now)
    assert count_ranks.run(world.parts, now=world.now).days == 0


def test_an_alarm_is_told_to_the_owner_once_a_month(world: World) -> None:
    for rank, n in (("declined", 85), ("warm", 4), ("nurture", 11)):
        spread = {"r": rank, "n": n, "q": world.press_id}
        for day in ("2026-08-31", "2026-09-30", "2026-10-31", "2026-11-30", "2026-12-31"):
            world.run(
                f"insert into rank_days (product_id, day, rank, leads) values (:q, '{day}', :r, :n)", **spread
            )
    assert count_ranks.run(world.parts, now=world.now).alarms == 1
    assert count_ranks.run(world.parts, now=world.now + timedelta(days=3)).alarms == 0
    [alert] = world.rows("select * from alerts")
    assert (alert.kind, alert.user_id, alert.product_id) == ("rank_alarm", world.owner_id, world.press_id)
    assert alert.args["codes"] == ["lowest_share"]
    world.run("update alerts set seen_at = now()")
    assert count_ranks.run(world.parts, now=world.now + timedelta(days=10)).alarms == 1
