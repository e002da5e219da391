"""The morning mail: once a business day, to callers who want it, with what comes first and why."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import insert

from campaigns.parts import Parts
from campaigns.services import tell_callers
from campaigns.storage import tables as t
from tests.conftest import NOW
from tests.services.test_call_desk import called
from tests.services.world import World

TOKYO = ZoneInfo("Asia/Tokyo")
MORNING = datetime(2026, 11, 24, 8, 30, tzinfo=TOKYO)


@pytest.fixture
def world(parts: Parts) -> World:
    return World.build(parts, NOW)


def caller(world: World, **more: object) -> int:
    values = {"email": "mori@maker.example", "name": "森下 香", "role": "inside_sales", "created_at": NOW}
    with world.parts.engine.begin() as tx:
        return int(
            tx.execute(insert(t.users).values({**values, **more}).returning(t.users.c.id)).scalar_one()
        )


def mails(world: World) -> list[object]:
    return world.rows(
        "select d.origin, b.to_address, b.subject, b.text, b.html from deliveries d"
        " join delivery_bodies b on b.delivery_id = d.id where d.origin like 'tx:calls:%' order by d.id"
    )


def test_the_mail_names_the_first_calls_with_their_reasons_and_links(world: World) -> None:
    user = caller(world)
    _, task, _ = called(world)
    world.run("update people set full_name = '若林 <拓也>'")
    assert tell_callers.run(world.parts, now=MORNING) == 1
    (mail,) = mails(world)
    assert mail.origin == f"tx:calls:{user}:2026-11-24"  # type: ignore[attr-defined]
    assert mail.to_address == "mori@maker.example"  # type: ignore[attr-defined]
    assert "今日の架電リストは1件です" in mail.text  # type: ignore[attr-defined]
    assert "資料請求" in mail.text  # type: ignore[attr-defined]
    assert f"/calls/{task}" in mail.text  # type: ignore[attr-defined]
    assert "若林 &lt;拓也&gt;" in mail.html  # type: ignore[attr-defined]
    assert "架電をはじめる" in mail.html  # type: ignore[attr-defined]


def test_it_comes_once_a_day_however_often_the_minute_ticks(world: World) -> None:
    caller(world)
    called(world)
    assert [tell_callers.run(world.parts, now=MORNING + timedelta(minutes=m)) for m in range(3)] == [1, 0, 0]
    assert tell_callers.run(world.parts, now=MORNING + timedelta(days=1)) == 1


@pytest.mark.parametrize(
    "now",
    [
        datetime(2026, 11, 24, 8, 29, tzinfo=TOKYO),
        datetime(2026, 11, 24, 11, 0, tzinfo=TOKYO),
        datetime(2026, 11, 22, 8, 30, tzinfo=TOKYO),  # a Sunday
        datetime(2026, 11, 23, 8, 30, tzinfo=TOKYO),  # a holiday
    ],
)
def test_it_comes_in_the_morning_of_a_business_day_alone(world: World, now: datetime) -> None:
    caller(world)
    called(world)
    assert tell_callers.run(world.parts, now=now) == 0


@pytest.mark.parametrize(
    "more",
    [{"call_mail": False}, {"is_active": False}, {"role": "field_sales"}, {"away_until": MORNING.date()}],
)
def test_nobody_else_gets_it(world: World, more: dict[str, object]) -> None:
    caller(world, **more)
    called(world)
    assert tell_callers.run(world.parts, now=MORNING) == 0


def test_without_a_call_there_is_no_mail(world: World) -> None:
    caller(world)
    assert tell_callers.run(world.parts, now=MORNING) == 0


def test_the_list_is_the_callers_own_and_holds_the_promises_of_the_day(world: World) -> None:
    user = caller(world, locale="en")
    _, mine, _ = called(world)
    _, theirs, _ = called(world)
    world.run("update tasks set assignee_id = :u where id = :t", u=world.owner_id, t=theirs)
    world.run(
        "update tasks set assignee_id = :u, promised_at = :at where id = :t",
        u=user,
        t=mine,
        at=datetime(2026, 11, 24, 15, 0, tzinfo=TOKYO),
    )
    world.run("delete from call_lines")
    assert tell_callers.run(world.parts, now=MORNING) == 1
    (mail,) = mails(world)
    assert "promised a call back at 15:00 today" in mail.text  # type: ignore[attr-defined]
    assert "(小型プレス)" in mail.text  # type: ignore[attr-defined]
    assert "（" not in mail.text  # type: ignore[attr-defined]
    assert f"/calls/{theirs}\n" not in mail.text  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("locale", "said"),
    [
        ("ja", "11/20 15:00の再架電の約束を過ぎています"),
        ("en", "the call back promised for 20 Nov, 15:00, is overdue"),
    ],
)
def test_a_promise_of_another_day_says_which(world: World, locale: str, said: str) -> None:
    caller(world, locale=locale)
    _, task, _ = called(world)
    world.run(
        "update tasks set promised_at = :at where id = :t",
        t=task,
        at=datetime(2026, 11, 20, 15, 0, tzinfo=TOKYO),
    )
    world.run("delete from call_lines")
    assert tell_callers.run(world.parts, now=MORNING) == 1
    (mail,) = mails(world)
    assert said in mail.text  # type: ignore[attr-defined]
