"""One's day: each sees what is theirs, a part with nothing in it hides, and the manager sees the team."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from campaigns.parts import Parts
from tests.services.world import World
from tests.web.conftest import SignIn

PARTS = ("calls", "visits", "offered", "actions", "replies", "came-back", "team")


def shown(client: FlaskClient) -> set[str]:
    page = client.get("/today").text
    return {name for name in PARTS if f'id="{name}"' in page}


def lead(world: World, person: int) -> Any:
    world.run(
        "insert into product_leads (person_id, product_id, rank, created_at) values (:p, :q, 'hot', :now)"
        " on conflict do nothing",
        p=person, q=world.press_id, now=world.now,
    )  # fmt: skip
    return world.lead(person)


def hand_off(world: World, person: int, state: str, rep: int | None = None) -> None:
    world.run(
        "insert into hand_offs (lead_id, product_id, state, p_win, bar, rep_user_id, created_at, resolved_at, returned_code)"
        " values (:l, :q, :s, .3, .2, :u, :now, :end, '')",
        l=lead(world, person).id, q=world.press_id, s=state, u=rep, now=world.now,
        end=world.now - timedelta(days=1) if state == "returned" else None,
    )  # fmt: skip


def task(world: World, person: int, kind: str, user: int, *, days: int = 0) -> None:
    world.run(
        "insert into tasks (kind, person_id, assignee_id, state, cause, due_at, created_at)"
        " values (:k, :p, :u, 'open', 'by_hand', :at, :now)",
        k=kind, p=person, u=user, at=world.now + timedelta(days=days), now=world.now,
    )  # fmt: skip


def visit(world: World, person: int, user: int, *, hours: int) -> None:
    world.run(
        "insert into appointments (person_id, owner_user_id, starts_at, ends_at, uid, created_at)"
        " values (:p, :u, :a, :b, :uid, :now)",
        p=person, u=user, a=world.now + timedelta(hours=hours), b=world.now + timedelta(hours=hours + 1),
        uid=f"v{person}:{hours}", now=world.now,
    )  # fmt: skip


@pytest.mark.parametrize("role", ["marketer", "inside_sales", "field_sales"])
def test_an_empty_day_says_so_and_shows_no_part(sign_in: SignIn, role: str) -> None:
    client = sign_in(role)
    assert shown(client) == set()
    assert "すべて終わっています" in client.get("/today").text


def test_each_part_shows_what_is_the_readers(sign_in: SignIn, parts: Parts, now: datetime) -> None:
    world = World.build(parts, now)  # its owner is user 1
    me, other = (
        sign_in("field_sales", name="訪問"),
        sign_in("field_sales", name="別人", email="b@minori.example"),
    )
    person = world.person()
    for kind in ("call", "intro"):
        task(world, person, kind, 2)
    task(world, person, "reply", 2, days=5)
    visit(world, person, 2, hours=2)
    visit(world, person, 2, hours=-30)
    visit(world, person, 2, hours=40)
    hand_off(world, person, "offered", rep=2)
    assert shown(me) == {"calls", "visits", "offered", "actions", "replies"}
    page = me.get("/today").text
    assert "今日1件" in page
    assert "報告待ち1件" in page
    assert "あなた宛て" in page
    assert shown(other) == set()


def test_a_visit_whose_hour_is_agreed_is_told_once(sign_in: SignIn, parts: Parts, now: datetime) -> None:
    world = World.build(parts, now)
    me = sign_in("field_sales")
    agreed, open_still = world.person(), world.person()
    task(world, agreed, "visit", 2)
    task(world, open_still, "visit", 2)
    visit(world, agreed, 2, hours=1)
    world.run("update appointments set task_id = (select id from tasks where person_id = :p)", p=agreed)
    page = me.get("/today").text
    actions = page[page.index('id="actions"') :]
    assert shown(me) == {"visits", "actions"}
    assert "試験 1郎" in page
    assert "試験 1郎" not in actions
    assert "試験 2郎" in actions


def test_what_came_back_is_told_to_who_nurtures_and_not_to_the_rep(
    sign_in: SignIn, parts: Parts, now: datetime
) -> None:
    world = World.build(parts, now)
    hand_off(world, world.person(), "returned", rep=1)
    assert "came-back" in shown(sign_in("inside_sales"))
    assert "came-back" not in shown(sign_in("field_sales"))
    assert "came-back" not in shown(sign_in("marketer"))  # another's product
    assert "came-back" in shown(sign_in("sales_manager"))


def test_the_manager_sees_the_team_with_what_is_late(sign_in: SignIn, parts: Parts, now: datetime) -> None:
    world = World.build(parts, now)
    sign_in("inside_sales", name="架電 太郎")
    task(world, world.person(), "fax", 2, days=-3)
    boss = sign_in("sales_manager", name="課長")
    page = boss.get("/today").text
    assert 'id="team"' in page
    assert "架電 太郎" in page
    assert "/tasks?user=2&amp;show=late" in page


def test_the_day_without_an_entry_in_the_diary_asks_for_one(
    sign_in: SignIn, parts: Parts, now: datetime
) -> None:
    world = World.build(parts, now)
    client = sign_in("inside_sales")
    assert "まだ何も記録していません" in client.get("/today").text
    world.run(
        "insert into diary_entries (entry_key, user_id, kind, text, at, created_at) values ('k', 2, 'internal', '準備', :now, :now)",
        now=now,
    )  # fmt: skip
    assert "1件を記録しました" in client.get("/today").text
    assert "今日の日報" not in sign_in("marketer").get("/today").text


def test_forty_offers_are_forty_and_todays_visit_stands_before_reports_that_are_owed(
    sign_in: SignIn, parts: Parts, now: datetime
) -> None:
    world = World.build(parts, now)
    me = sign_in("field_sales")
    for _n in range(8):
        hand_off(world, world.person(), "offered", rep=2)
    owed = world.person()
    for day in range(1, 26):
        visit(world, owed, 2, hours=-24 * day)
    visit(world, world.person(), 2, hours=3)
    page = me.get("/today").text
    assert ">8件<" in page[page.index('id="offered"') :][:400]
    visits = page[page.index('id="visits"') :]
    assert ("今日1件" in visits, "報告待ち25件" in visits) == (True, True)
    assert visits.index("試験 10郎") < visits.index(
        "試験 9郎"
    )  # today's, then the newest report that is owed
    owed_at = [visits.find(f'/appointments/{id}"') for id in range(1, 6)]  # of a day ago, of two, ...
    assert owed_at == sorted(owed_at)
    assert -1 not in owed_at
    assert '/appointments/6"' not in visits
