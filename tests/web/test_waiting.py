"""Who has to say yes learns it: on the home page, among today's work, in the menu, and by the bell."""

from __future__ import annotations

import re
from datetime import date, datetime

import pytest
from flask.testing import FlaskClient
from sqlalchemy import text

from campaigns.parts import Parts
from campaigns.rules.broadcasts import Plan, State
from campaigns.services import broadcast, enrol, overview
from tests import world
from tests.web.conftest import SignIn
from tests.world import World

NAME = "11月の検査のコツ"
WAITS = f'<a class="name" href="/broadcasts/%d">{NAME}</a>'


@pytest.fixture
def made(parts: Parts) -> World:
    found = world.build(parts, count=4, offsets=(5,))
    with parts.engine.begin() as tx:
        tx.execute(
            text(
                "insert into content_variants (content_id, lang, subject, html) values (:c, 'ja', 'コツ', :h)"
            ),
            {"c": found.contents[0], "h": "<p>{{ 宛名 }}</p><p>検査のコツです。</p>"},
        )
    return found


def asked(parts: Parts, made: World, now: datetime, *, by: int) -> int:
    plan = Plan(
        name=NAME,
        product_id=made.product,
        theme="検査のコツ",
        content_id=made.contents[0],
        send_on=date(2026, 11, 27),
        valid_until=date(2026, 12, 28),
    )
    id = broadcast.save(parts, None, plan, version=0, user_id=by, now=now)
    with parts.engine.connect() as tx:
        version = tx.execute(
            text("select version from broadcasts where scenario_id = :id"), {"id": id}
        ).scalar()
    state, problems = broadcast.ask(parts, id, version=int(version or 0), user_id=by, now=now)
    assert (state, problems) == (State.ASKED, ())
    return id


def bell(client: FlaskClient) -> int:
    found = re.search(r">(\d+)<", client.get("/badge").text)
    return int(found[1]) if found else 0


def counted(client: FlaskClient, name: str) -> str:
    """The number beside a word of the menu, '' without one."""
    found = re.search(rf'>{name}(?:<span class="count">([^<]+)</span>)?</a></li>', client.get("/today").text)
    assert found
    return found[1] or ""


def test_the_second_person_finds_a_broadcast_that_waits_and_who_asked_does_not(
    sign_in: SignIn, parts: Parts, made: World, now: datetime
) -> None:
    first, second = sign_in("marketer"), sign_in("admin", name="森 健太")
    sales = sign_in("inside_sales")
    id = asked(parts, made, now, by=1)
    for page in ("/", "/today"):
        assert WAITS % id in second.get(page).text, page
        assert "佐伯 美和さんが11/24に依頼しました。4名に届きます。" in second.get(page).text
        assert WAITS % id not in first.get(page).text, page
        assert WAITS % id not in sales.get(page).text, page
    assert (counted(second, "一斉配信"), counted(first, "一斉配信")) == ("1", "")
    assert (bell(first), bell(second), bell(sales)) == (0, 1, 0)
    alerts = second.get("/alerts").text
    assert f'href="/broadcasts/{id}">{NAME}' in alerts
    assert "一斉配信の承認を待っています" in alerts


def test_the_answer_ends_the_waiting_and_reaches_who_asked_with_its_reason(
    sign_in: SignIn, parts: Parts, made: World, now: datetime
) -> None:
    first, second, third = (
        sign_in("marketer"),
        sign_in("admin"),
        sign_in("marketer", email="third@minori.example"),
    )
    id = asked(parts, made, now, by=1)
    assert (bell(second), bell(third)) == (1, 1)
    with parts.engine.connect() as tx:
        version = tx.execute(text("select version from broadcasts")).scalar()
    broadcast.answer(
        parts, id, yes=False, reason="件名を直してください", version=int(version or 0), user_id=2, now=now
    )
    assert (bell(first), bell(second), bell(third)) == (1, 0, 0)
    assert counted(third, "一斉配信") == ""
    assert "一斉配信が差し戻されました：件名を直してください" in first.get("/alerts").text


def test_a_request_taken_back_waits_for_nobody(
    sign_in: SignIn, parts: Parts, made: World, now: datetime
) -> None:
    _first, second = sign_in("marketer"), sign_in("admin")
    id = asked(parts, made, now, by=1)
    with parts.engine.connect() as tx:
        version = tx.execute(text("select version from broadcasts")).scalar()
    broadcast.withdraw(parts, id, version=int(version or 0), user_id=1, now=now)
    assert (bell(second), counted(second, "一斉配信")) == (0, "")
    assert WAITS % id not in second.get("/").text


def test_the_owner_of_a_company_is_told_once_that_people_wait_for_his_yes(
    sign_in: SignIn, parts: Parts, made: World, now: datetime
) -> None:
    owner, other = sign_in("inside_sales"), sign_in("inside_sales", email="other@minori.example")
    marketer = sign_in("marketer")
    with parts.engine.begin() as tx:
        tx.execute(text("update companies set class = 'A', owner_user_id = 1"))
        tx.execute(text("update scenarios set classes = '{A,E}'"))
    enrol.people(parts, made.people[:2], now=now)
    enrol.people(parts, made.people[2:], now=now)
    assert (bell(owner), bell(other)) == (1, 0)
    alerts = owner.get("/alerts").text
    assert 'href="/approvals">展示会後フォロー' in alerts
    assert "担当営業の了承が必要です・2名" in alerts
    assert [counted(one, "担当営業の確認") for one in (owner, other, marketer)] == ["4", "", "4"]


def test_home_counts_the_readers_own_tasks_apart_from_nobodys(
    sign_in: SignIn, parts: Parts, made: World, now: datetime
) -> None:
    mine, second = sign_in("marketer"), sign_in("admin")
    with parts.engine.begin() as tx:
        for n, assignee in enumerate((1, None, None)):
            world.insert(
                tx,
                "tasks",
                kind="call",
                person_id=made.people[n],
                origin_person_id=made.people[n],
                product_id=made.product,
                state="open",
                assignee_id=assignee,
                due_at=now,
                created_at=now,
            )
    page = mine.get("/").text
    assert "あなたの担当 1件・担当者未定 2件" in page
    assert page.count("担当者未定</span>") == 2
    assert "あなたの担当 0件・担当者未定 2件" in second.get("/").text
    due = overview.waiting(parts, user_id=1, now=now)
    assert (due.today, due.mine) == (3, 1)
