"""The day's ceiling of a sender that is being warmed up holds, however many workers take from it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import date

from sqlalchemy import Connection, text

from campaigns.parts import Parts
from campaigns.storage import sender_days

DAY = date(2026, 11, 24)


def profile(tx: Connection, name: str = "本社") -> int:
    return int(
        tx.execute(
            text("insert into sender_profiles (name) values (:n) returning id"), {"n": name}
        ).scalar_one()
    )


def test_a_day_gives_out_its_ceiling_and_no_more(tx: Connection) -> None:
    id = profile(tx)
    assert [sender_days.take(tx, id, day=DAY, n=20, ceiling=50) for _ in range(4)] == [20, 20, 10, 0]
    assert sender_days.take(tx, id, day=date(2026, 11, 25), n=20, ceiling=80) == 20
    assert sender_days.taken(tx, day=DAY) == {id: 50}


def test_a_ceiling_that_was_lowered_takes_nothing_back(tx: Connection) -> None:
    id = profile(tx)
    assert sender_days.take(tx, id, day=DAY, n=40, ceiling=50) == 40
    assert sender_days.take(tx, id, day=DAY, n=5, ceiling=10) == 0
    assert sender_days.take(tx, id, day=DAY, n=20, ceiling=50) == 10
    assert sender_days.take(tx, id, day=DAY, n=-3, ceiling=-3) == 0


def test_mails_that_did_not_go_are_given_back_and_never_more_than_was_taken(tx: Connection) -> None:
    one, two = profile(tx), profile(tx, "支社")
    assert sender_days.take_each(tx, {two: (5, 50), one: (30, 20)}, day=DAY) == {one: 20, two: 5}
    sender_days.give_back(tx, {one: 8, two: 99}, day=DAY)
    assert sender_days.taken(tx, day=DAY) == {one: 12, two: 0}
    sender_days.give_back(tx, {one: 1}, day=date(2026, 11, 30))
    assert sender_days.take_each(tx, {}, day=DAY) == {}


def test_workers_side_by_side_get_exactly_the_ceiling(parts: Parts) -> None:
    """Eight workers, 40 claims of up to 7 each from two profiles, some rolled back: not one mail too many."""
    with parts.engine.begin() as tx:
        one, two = profile(tx), profile(tx, "支社")

    def claim(n: int) -> dict[int, int]:
        with parts.engine.connect() as tx:
            wanted = {one: (n % 7 + 1, 100), two: (n % 5 + 1, 100)}
            granted = sender_days.take_each(tx, wanted, day=DAY)
            if n % 6 == 0:
                tx.rollback()
                return {}
            tx.commit()
            return granted

    with ThreadPoolExecutor(8) as pool:
        claims = list(pool.map(claim, range(80)))
    with parts.engine.connect() as tx:
        taken = sender_days.taken(tx, day=DAY)
    assert taken == {one: 100, two: 100}
    assert {id: sum(granted.get(id, 0) for granted in claims) for id in taken} == taken
