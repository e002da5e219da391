"""What a change of the action matrix does to people of today, against the database: what is foretold comes true."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from campaigns.parts import Parts
from campaigns.rules import matrix
from campaigns.rules.actions import MATRIX
from campaigns.rules.inheritance import Level
from campaigns.services import foretell, inherit, rerank
from tests.services.world import World

FAX = matrix.made("warm_deep", "fax", 0, 2)
NO_CALL = tuple(row for row in MATRIX if (row.cause, row.kind) != ("warm_deep", "call"))


def holder(parts: Parts, level: Level, id: int) -> Any:
    found = inherit.load(parts, level, id)
    assert found is not None
    return found


def house(parts: Parts, now: datetime) -> tuple[World, list[int]]:
    """Six warm people with a talk, whose calls are done and long ago."""
    world = World.build(parts, now)
    people = [world.person(touches=[("booth_talk", 200), ("web_view", n + 1)], fax=True) for n in range(6)]
    rerank.people(parts, people, now=now)
    world.run(
        "update product_leads set rank = 'warm', depth_max = 3, reasons = '[{\"code\": \"top_share\"}]'"
    )
    world.run("delete from tasks")
    return world, people


def numbers(effect: foretell.Effect) -> dict[str, tuple[int, int, int, int]]:
    return {one.kind: (one.added.n, one.added.today, one.removed.n, one.moved.n) for one in effect.kinds}


def test_the_numbers_are_those_of_the_people_of_today_and_name_them(parts: Parts, now: datetime) -> None:
    world, people = house(parts, now)
    world.run("update people set do_not_fax = true where id = :id", id=people[0])
    effect = foretell.run(parts, holder(parts, Level.PRODUCT, world.press_id), (*NO_CALL, FAX), now=now)
    assert numbers(effect) == {"call": (0, 0, 6, 0), "fax": (5, 5, 0, 0)}
    assert (effect.leads, effect.asked, effect.one_in) == (6, 6, 1)
    fax = next(one for one in effect.kinds if one.kind == "fax")
    assert sorted(who.person_id for who in fax.added.people) == people[1:]
    assert not world.rows("select 1 from tasks")


def test_what_is_foretold_is_what_the_next_ranking_makes(parts: Parts, now: datetime) -> None:
    world = World.build(parts, now)
    people = [world.person(touches=[("web_view", n + 1)], fax=True) for n in range(6)]
    rerank.people(parts, people, now=now)
    more = (*MATRIX, matrix.made("nurture", "fax", 1, 4))
    press = holder(parts, Level.PRODUCT, world.press_id)
    effect = foretell.run(parts, press, more, now=now)
    typed = {"action_matrix": matrix.stored(more)}
    inherit.save(
        parts, Level.PRODUCT, press.id, typed, version=press.version, user_id=world.owner_id, now=now
    )
    rerank.people(parts, people, now=now)
    made = world.rows("select person_id from tasks where kind = 'fax' and cause = 'nurture' order by 1")
    assert [row.person_id for row in made] == people
    assert sorted(who.person_id for who in effect.kinds[0].added.people) == people


def test_the_companys_matrix_is_asked_of_all_products_that_follow_it(parts: Parts, now: datetime) -> None:
    world, people = house(parts, now)
    world.touch(people[0], ("booth_talk", 1, world.pump_id))
    rerank.people(parts, people[:1], now=now)
    world.run("update product_leads set rank = 'warm', depth_max = 3, reasons = '[]'")
    world.run("delete from tasks")
    effect = foretell.run(parts, holder(parts, Level.HOUSE, 0), (*MATRIX, FAX), now=now)
    assert (effect.products, numbers(effect)["fax"][0]) == (2, 7)
    world.run("update products set own = '{action_matrix}' where id = :id", id=world.pump_id)
    effect = foretell.run(parts, holder(parts, Level.HOUSE, 0), (*MATRIX, FAX), now=now)
    assert (effect.products, numbers(effect)["fax"][0]) == (1, 6)


def test_of_very_many_one_in_n_is_asked_and_it_says_so(parts: Parts, now: datetime) -> None:
    world, _people = house(parts, now)
    effect = foretell.run(
        parts, holder(parts, Level.PRODUCT, world.press_id), (*MATRIX, FAX), now=now, sample=2
    )
    assert (effect.leads, effect.one_in) == (6, 3)
    assert effect.asked == len(world.rows("select 1 from product_leads where hashint8(id) % 3 = 0"))


def test_rows_of_a_move_tell_how_often_people_moved(parts: Parts, now: datetime) -> None:
    world, people = house(parts, now)
    world.run("delete from rank_changes")
    lead = world.lead(people[0])
    for old, new in (("warm", "hot"), ("hot", "warm"), ("nurture", "hot")):
        world.run(
            "insert into rank_changes (lead_id, at, old, new, score, p_win) values (:l, :now, :old, :new, 1, .1)",
            l=lead.id, now=now, old=old, new=new,
        )  # fmt: skip
    more = (*MATRIX, matrix.made("rose_hot", "mail", 1, 1))
    effect = foretell.run(parts, holder(parts, Level.PRODUCT, world.press_id), more, now=now)
    assert (effect.moves, effect.kinds, effect.leads) == ({"rose_hot": 2}, (), 0)
