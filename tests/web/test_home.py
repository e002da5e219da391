"""The home page tells true numbers, the frame shows what the role may open, and practice is said aloud."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy import text

from campaigns.parts import Parts
from campaigns.services import overview
from campaigns.web import app as web
from tests import world
from tests.web.conftest import SignIn


def shown(parts: Parts, now: datetime, user_id: int = 1) -> overview.Home:
    return overview.home(parts, user_id=user_id, now=now)


def test_an_empty_house_says_what_to_do_first(client: FlaskClient) -> None:
    page = client.get("/")
    assert page.status_code == 200
    assert "まだリストがありません" in page.text
    assert page.text.count('<li class="tile') == 6


def test_tiles_count_people_mails_and_ranks(parts: Parts, client: FlaskClient, now: datetime) -> None:
    made = world.build(parts, count=5)
    world.planned(parts, made, send_at=now, count=4)
    with parts.engine.begin() as tx:
        tx.execute(text("update deliveries set state = 'sent', sent_at = :now where id = 1"), {"now": now})
        tx.execute(text("update deliveries set state = 'carried_over', until = '2026-12-01' where id = 2"))
        tx.execute(text("update product_leads set rank = 'hot' where person_id <= 2"))
        tx.execute(text("update addresses set status = 'hard' where id = 5"))
    tiles = shown(parts, now).tiles
    assert (tiles.new_people, tiles.mailable, tiles.hard_bounces) == (5, 4, 1)
    assert (tiles.sent, tiles.held, tiles.planned) == (1, 1, 2)
    assert (tiles.hot, tiles.unobserved) == (2, 3)
    assert client.get("/").status_code == 200


def test_a_refusal_of_everything_leaves_the_mailable(parts: Parts, now: datetime) -> None:
    from campaigns.services import refuse

    made = world.build(parts, count=3)
    refuse.record(parts, person_id=made.people[0], scope="global", reason="phone", evidence="x", now=now)
    assert shown(parts, now).tiles.mailable == 2


def test_held_mails_are_named_by_the_product_that_won(
    parts: Parts, client: FlaskClient, now: datetime
) -> None:
    made = world.build(parts, count=2)
    world.planned(parts, made, send_at=now)
    with parts.engine.begin() as tx:
        other = world.product(tx, "5軸加工機 VX-500", list_key="vx", colour_no=2)
        tx.execute(
            text(
                "update deliveries set state = 'carried_over', until = '2026-12-01',"
                " reason_args = jsonb_build_object('product_id', cast(:other as bigint)) where id = 1"
            ),
            {"other": other},
        )
    home = shown(parts, now)
    assert home.slot_total == 2
    assert {(s.state, s.product) for s in home.slots} == {
        ("planned", None),
        ("carried_over", "5軸加工機 VX-500"),
    }
    assert "5軸加工機 VX-500が先" in client.get("/").text


def add_task(parts: Parts, person: int, product: int, now: datetime, **values: object) -> int:
    with parts.engine.begin() as tx:
        lead = tx.execute(
            text("select id from product_leads where person_id = :p"), {"p": person}
        ).scalar_one()
        defaults: dict[str, object] = {
            "kind": "call", "person_id": person, "product_id": product, "lead_id": lead, "cause": "hot_deep",
            "due_at": now, "created_at": now, "priority": 3,
        }  # fmt: skip
        return world.insert(tx, "tasks", **(defaults | values))


def test_today_tells_promises_first_and_the_touches_behind_each_task(
    parts: Parts, client: FlaskClient, now: datetime
) -> None:
    made = world.build(parts, count=3)
    with parts.engine.begin() as tx:
        touch = world.insert(
            tx, "touchpoints", source_key="t1", person_id=made.people[1], product_id=made.product, kind="booth_talk",
            channel="offline", depth=3, at=now - timedelta(days=20), created_at=now,
        )  # fmt: skip
    add_task(parts, made.people[0], made.product, now, priority=1)
    second = add_task(parts, made.people[1], made.product, now)
    with parts.engine.begin() as tx:
        tx.execute(
            text("update tasks set why = jsonb_build_array(cast(:t as bigint)) where id = :id"),
            {"t": touch, "id": second},
        )
    third = add_task(
        parts, made.people[2], made.product, now, promised_at=now + timedelta(hours=1), priority=9
    )
    tasks = shown(parts, now).tasks
    assert [task.id for task in tasks[::2]] == [third, second]
    page = client.get("/today").text
    assert "11/04 説明員対応" in page
    assert "11:00" in page


def test_a_colleagues_task_and_one_of_tomorrow_are_not_todays(
    parts: Parts, sign_in: SignIn, now: datetime
) -> None:
    sign_in("admin")
    sign_in("inside_sales")
    made = world.build(parts, count=2)
    add_task(parts, made.people[0], made.product, now, assignee_id=2)
    add_task(parts, made.people[1], made.product, now + timedelta(days=1))
    assert overview.waiting(parts, user_id=1, now=now).today == 0
    assert overview.waiting(parts, user_id=2, now=now).today == 1


def test_the_badge_counts_alerts_until_they_are_seen(
    parts: Parts, client: FlaskClient, now: datetime
) -> None:
    made = world.build(parts, count=1)
    with parts.engine.begin() as tx:
        for _ in range(2):
            world.insert(tx, "alerts", at=now, kind="hot", person_id=made.people[0], product_id=made.product)
    assert '<span class="n">2</span>' in client.get("/badge").text
    with parts.engine.begin() as tx:
        late = world.insert(tx, "alerts", at=now, kind="reply", person_id=made.people[0])
    client.post("/alerts", data={"up_to": late - 1})
    assert '<span class="n">1</span>' in client.get("/badge").text


def test_the_badge_of_an_ended_session_changes_nothing(app) -> None:  # type: ignore[no-untyped-def]
    answer = app.test_client().get("/badge")
    assert (answer.status_code, answer.data) == (204, b"")


def test_practice_mode_is_said_on_every_page_and_never_in_earnest(parts: Parts, client: FlaskClient) -> None:
    for path in ("/", "/today", "/products", "/senders", "/refusals", "/team", "/me"):
        assert "練習モード" in client.get(path).text, path
    earnest = replace(parts, settings=replace(parts.settings, smtp_url="smtp://mail.example"))
    made = web.create(earnest)
    visitor = made.test_client()
    assert "練習モード" not in visitor.get("/login").text
    assert visitor.get("/practice/clock").status_code == 404


def test_waiting_mail_is_told_with_its_time_and_stopping_is_told_instead(
    parts: Parts, client: FlaskClient, now: datetime
) -> None:
    made = world.build(parts, count=2)
    world.planned(parts, made, send_at=now - timedelta(minutes=11))
    assert [p.code for p in overview.health(parts, now=now)] == ["mail_waits"]
    assert "2通が送信を待っています" in client.get("/").text
    with parts.engine.begin() as tx:
        tx.execute(text("update stops set paused = true"))
    assert [p.code for p in overview.health(parts, now=now)] == ["paused"]


def test_mail_that_is_nine_minutes_late_is_no_problem_yet(parts: Parts, now: datetime) -> None:
    made = world.build(parts, count=1)
    world.planned(parts, made, send_at=now - timedelta(minutes=9))
    assert overview.health(parts, now=now) == ()


@pytest.mark.parametrize(
    ("role", "allowed", "refused"),
    [
        (
            "inside_sales",
            ("/", "/today", "/refusals", "/me", "/products"),
            ("/senders", "/team", "/products/new"),
        ),
        ("marketer", ("/", "/products", "/senders", "/refusals"), ("/team",)),
        ("admin", ("/products", "/team"), ()),
    ],
)
def test_roles_open_what_they_may(
    sign_in: SignIn, role: str, allowed: tuple[str, ...], refused: tuple[str, ...]
) -> None:
    client = sign_in(role)
    assert {path: client.get(path).status_code for path in allowed} == dict.fromkeys(allowed, 200)
    assert {path: client.get(path).status_code for path in refused} == dict.fromkeys(refused, 403)
    menu = client.get("/").text
    for path in refused:
        assert f'href="{path}"' not in menu


def test_english_pages_are_english(sign_in: SignIn) -> None:
    page = sign_in("admin", locale="en").get("/").text
    assert 'lang="en"' in page
    assert "Tue 24 Nov 2026" in page
