from __future__ import annotations

import threading
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from campaigns.parts import Parts
from campaigns.services import assign, rerank, staff
from campaigns.services.staff import Share, StaffError
from campaigns.storage import users
from tests.services.world import World


def member(parts: Parts, role: str, name: str, now: datetime, **columns: Any) -> int:
    with parts.engine.begin() as tx:
        found = users.add(
            tx, email=f"{name}@maker.example", name=name, role=role, locale="ja", password_hash="x", now=now
        )
        assert found is not None
        if columns:
            users.change(tx, found, **columns)
    return found


def test_a_task_of_the_matrix_is_somebodys_when_it_is_made(parts: Parts, now: datetime) -> None:
    world = World.build(parts, now)
    caller = member(parts, "inside_sales", "架電", now)
    person = world.person(touches=[("inquiry", 1)])
    rerank.people(parts, [person], now=now)
    assert {task.kind: task.assignee_id for task in world.tasks(person)}["call"] == caller


def test_a_companys_owner_comes_before_the_turn_and_a_territory_too(parts: Parts, now: datetime) -> None:
    world = World.build(parts, now)
    member(parts, "inside_sales", "一番", now)
    near = member(parts, "inside_sales", "静岡担当", now, territory=["静岡県"])
    owner = member(parts, "inside_sales", "担当営業", now)
    first, second = world.person(touches=[("inquiry", 1)]), world.person(touches=[("inquiry", 1)])
    world.run("update companies set address = '静岡県浜松市1'")
    world.run(
        "update companies set owner_user_id = :o where id = (select company_id from affiliations where person_id = :p)",
        o=owner,
        p=second,
    )
    rerank.people(parts, [first, second], now=now)
    assert {task.assignee_id for task in world.tasks(first) if task.kind == "call"} == {near}
    assert {task.assignee_id for task in world.tasks(second) if task.kind == "call"} == {owner}


def test_what_came_another_way_is_given_by_the_minute_and_evenly_by_two_at_once(
    parts: Parts, now: datetime
) -> None:
    world = World.build(parts, now)
    for name in ("甲", "乙", "丙"):
        member(parts, "inside_sales", name, now)
    person = world.person()
    world.run(
        "insert into tasks (kind, person_id, team, state, cause, due_at, created_at)"
        " select 'check', :p, 'inside', 'open', 'reply', :now, :now from generate_series(1, 90)",
        p=person,
        now=now,
    )
    both = [threading.Thread(target=assign.run, args=(parts,), kwargs={"now": now}) for _ in range(2)]
    for one in both:
        one.start()
    for one in both:
        one.join()
    assert [row.n for row in world.rows("select count(*) as n from tasks group by assignee_id")] == [30] * 3
    assert assign.run(parts, now=now) == 0


def test_who_goes_away_may_hand_over_what_falls_due_but_keeps_his_promises(
    parts: Parts, now: datetime
) -> None:
    world = World.build(parts, now)
    away = member(parts, "inside_sales", "休む人", now)
    person = world.person()
    for days, promised in ((1, False), (2, True), (20, False)):
        at = now + timedelta(days=days)
        world.run(
            "insert into tasks (kind, person_id, team, assignee_id, state, cause, due_at, promised_at, created_at)"
            " values ('check', :p, 'inside', :u, 'open', 'reply', :at, :promised, :now)",
            p=person, u=away, at=at, promised=at if promised else None, now=now,
        )  # fmt: skip
    there = member(parts, "inside_sales", "いる人", now)
    with parts.engine.connect() as tx:
        version = tx.execute(text("select version from users where id = :id"), {"id": away}).scalar_one()
        boss = users.find(tx, away)
    assert boss is not None
    share = Share((), 20, date(2026, 12, 1), hands_over=True)
    assert staff.save(parts, away, share, version=version, by=boss, now=now) == 1
    assert [t.assignee_id for t in sorted(world.tasks(person), key=lambda t: t.due_at)] == [there, away, away]


def test_a_share_that_makes_no_sense_is_refused(parts: Parts, now: datetime) -> None:
    me = member(parts, "inside_sales", "甲", now)
    other = member(parts, "inside_sales", "乙", now)
    with parts.engine.connect() as tx:
        user = users.find(tx, me)
    assert user is not None
    cases = [
        (me, Share(("江戸",), 20, None), "territory_unknown"),
        (me, Share((), -1, None), "per_day_odd"),
        (me, Share((), 1001, None), "per_day_odd"),
        (me, Share((), 20, date(2026, 11, 24)), "away_past"),
        (me, Share((), 20, date(2036, 11, 24)), "away_far"),
        (other, Share((), 20, None), "not_yours"),
        (me, Share((), 20, None), "stale"),
    ]
    for whose, share, code in cases:
        with pytest.raises(StaffError, match=code):
            staff.save(parts, whose, share, version=99, by=user, now=now)
