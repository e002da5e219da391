"""Late tasks by mail: one a reader and morning, each task in one mail of whoever was told of it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from campaigns.parts import Parts
from campaigns.services import escalate, tell_late
from tests.services.test_assign import member
from tests.services.test_escalate import task
from tests.services.world import World

TOKYO = ZoneInfo("Asia/Tokyo")
THURSDAY = datetime(2026, 11, 26, 8, 30, tzinfo=TOKYO)
FRIDAY = THURSDAY + timedelta(days=1)
MONDAY = THURSDAY + timedelta(days=4)
TUESDAY_DUE = datetime(2026, 11, 24, 17, 30, tzinfo=TOKYO)  # late by two business days on Thursday


@pytest.fixture
def world(parts: Parts, now: datetime) -> World:
    return World.build(parts, now)


def mails(world: World) -> list[Any]:
    return world.rows(
        "select d.origin, b.to_address, b.subject, b.text from deliveries d"
        " join delivery_bodies b on b.delivery_id = d.id where d.origin like 'tx:late:%' order by d.id"
    )


def minute(world: World, now: datetime) -> int:
    """What the minute's job does."""
    escalate.run(world.parts, now=now)
    return tell_late.run(world.parts, now=now)


def test_what_has_become_late_in_the_night_comes_in_the_morning_once_and_in_one_mail(world: World) -> None:
    caller = member(world.parts, "inside_sales", "甲", world.now)
    for _ in range(3):
        task(world, world.person(), TUESDAY_DUE, assignee_id=caller)
    night = THURSDAY.replace(hour=0, minute=1)
    assert [minute(world, at) for at in (night, THURSDAY - timedelta(minutes=1))] == [0, 0]
    assert [minute(world, THURSDAY + timedelta(minutes=m)) for m in range(3)] == [1, 0, 0]
    [mail] = mails(world)
    assert (mail.origin, mail.to_address) == (f"tx:late:{caller}:2026-11-26", "甲@maker.example")
    assert mail.subject.startswith("期限を過ぎたアクション 3件：第1工業㈱ ")
    assert "・2026年11月24日（火）期限　内容の確認：第1工業㈱ " in mail.text
    assert mail.text.count("・2026年") == 3
    assert "担当：" not in mail.text
    assert "/tasks?show=late\n" in mail.text


def test_a_day_later_the_manager_gets_one_mail_with_all_that_has_not_moved(world: World) -> None:
    one, two = (member(world.parts, "inside_sales", name, world.now) for name in ("甲", "乙"))
    manager = member(world.parts, "sales_manager", "課長", world.now)
    for user in (one, one, two, manager):
        task(world, world.person(), TUESDAY_DUE, assignee_id=user)
    assert minute(world, THURSDAY) == 3
    task(world, world.person(), TUESDAY_DUE)
    world.run("update tasks set state = 'done' where id = 2")
    assert minute(world, FRIDAY) == 1
    mail = mails(world)[-1]
    assert mail.to_address == "課長@maker.example"
    assert "4件" in mail.subject
    assert [mail.text.count(f"担当{who}") for who in ("：甲", "：乙", "：課長", "なし")] == [1, 1, 1, 1]
    assert minute(world, MONDAY) == 0


def test_a_manager_with_late_tasks_of_his_own_gets_both_in_one_mail(world: World) -> None:
    manager = member(world.parts, "sales_manager", "課長", world.now)
    task(world, world.person(), TUESDAY_DUE, assignee_id=manager)
    task(world, world.person(), TUESDAY_DUE)
    assert minute(world, THURSDAY) == 1
    [mail] = mails(world)
    own, team = mail.text.index("ほかの担当者に渡して"), mail.text.index("担当を決め直して")
    assert own < team
    assert "2件" in mail.subject


def test_what_is_told_after_the_mail_comes_with_the_next_business_days(world: World) -> None:
    caller = member(world.parts, "inside_sales", "甲", world.now)
    task(world, world.person(), TUESDAY_DUE - timedelta(days=1), assignee_id=caller)
    assert minute(world, FRIDAY) == 1
    task(world, world.person(), TUESDAY_DUE, assignee_id=caller)
    assert minute(world, FRIDAY + timedelta(hours=5)) == 0
    assert [minute(world, FRIDAY + timedelta(days=days)) for days in (1, 2)] == [0, 0]
    assert minute(world, MONDAY) >= 1
    last = next(mail for mail in mails(world) if mail.origin == f"tx:late:{caller}:2026-11-30")
    assert "1件" in last.subject


def test_what_was_done_or_moved_before_the_morning_is_in_no_mail(world: World) -> None:
    caller = member(world.parts, "inside_sales", "甲", world.now)
    for _ in range(2):
        task(world, world.person(), TUESDAY_DUE, assignee_id=caller)
    escalate.run(world.parts, now=THURSDAY.replace(hour=0))
    world.run("update tasks set state = 'done' where id = 1")
    world.run("update tasks set due_at = :later where id = 2", later=THURSDAY + timedelta(hours=9))
    assert tell_late.run(world.parts, now=THURSDAY) == 0


def test_a_long_list_is_cut_and_says_how_much_there_is(world: World) -> None:
    caller = member(world.parts, "inside_sales", "甲", world.now)
    world.run("update users set locale = 'en' where id = :u", u=caller)
    for _ in range(23):
        task(world, world.person(), TUESDAY_DUE, assignee_id=caller)
    assert minute(world, THURSDAY) == 1
    [mail] = mails(world)
    assert mail.subject.startswith("Late actions (23): ")
    assert mail.text.count("- due Tue 24 Nov 2026, check: ") == 20
    assert "and 3 more\n" in mail.text
