"""Actions by hand: added, changed, given away, called off, ended; and what speaks against a call is said."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from flask.testing import FlaskClient

from campaigns.parts import Parts
from tests.services import event_house
from tests.services.paper import text_of
from tests.services.world import World
from tests.web.conftest import SignIn


def asked(person: int, **changed: object) -> dict[str, object]:
    return {"person": person, "kind": "visit", "on": "2026-12-01", "note": "新しい設備の相談", **changed}


def ranked(world: World, rank: str = "nurture") -> int:
    person = world.person()
    world.run(
        "insert into product_leads (person_id, product_id, rank, created_at) values (:p, :q, :r, :now)",
        p=person, q=world.press_id, r=rank, now=world.now,
    )  # fmt: skip
    return person


def test_an_action_is_added_from_a_person_and_lies_in_the_list(
    client: FlaskClient, parts: Parts, now: datetime
) -> None:
    world = World.build(parts, now)
    person = world.person()
    assert f"/tasks/new?person={person}" in client.get(f"/people/{person}").text
    page = client.post("/tasks/new", data=asked(person, assignee=1), follow_redirects=True)
    assert "アクションを追加しました" in page.text
    [task] = world.tasks(person)
    assert (task.kind, task.cause, task.team, task.assignee_id, task.created_by) == (
        "visit",
        "by_hand",
        "field",
        1,
        1,
    )
    assert "新しい設備の相談" in client.get("/tasks").text
    assert "新しい設備の相談" not in client.get("/tasks?show=late").text
    assert "新しい設備の相談" not in client.get("/tasks?kind=call").text


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"kind": ""}, "アクションを選んでください"),
        ({"kind": "handoff"}, "アクションを選んでください"),
        ({"on": ""}, "期日を入れてください"),
        ({"on": "12/1"}, "2026-11-26 の形"),
        ({"on": "2026-11-20"}, "過ぎた日です"),
        ({"on": "2036-11-20"}, "2年より先"),
        ({"at": "25:00"}, "14:00 の形"),
        ({"on": "2026-11-24", "at": "09:00"}, "過ぎた時刻です"),
        ({"assignee": "99"}, "いま使用中の利用者"),
        ({"product": "99"}, "見込みにない商材"),
        ({"kind": "fax"}, "送れるFAX番号がありません"),
    ],
)
def test_what_cannot_be_is_said_at_its_place_and_nothing_is_lost(
    client: FlaskClient, parts: Parts, now: datetime, changed: dict[str, object], said: str
) -> None:
    world = World.build(parts, now)
    person = world.person()
    answer = client.post("/tasks/new", data=asked(person, **changed))
    assert answer.status_code == 422
    assert said in answer.text
    assert "新しい設備の相談" in answer.text
    assert not world.tasks(person)


@pytest.mark.parametrize(
    ("column", "value", "kind", "said"),
    [
        ("do_not_call", True, "call", "電話を断っています"),
        ("phone_invalid", True, "call", "電話番号が違っています"),
        ("excluded_reason", "left", "visit", "対象外の方です"),
        ("do_not_fax", True, "fax", "FAXを断っています"),
    ],
)
def test_nobody_is_asked_to_do_what_the_person_forbade(
    client: FlaskClient, parts: Parts, now: datetime, column: str, value: object, kind: str, said: str
) -> None:
    world = World.build(parts, now)
    person = world.person(**{column: value})
    answer = client.post("/tasks/new", data=asked(person, kind=kind))
    assert answer.status_code == 422
    assert said in answer.text


@pytest.mark.parametrize("kind", ["call", "visit"])
def test_a_call_by_hand_to_somebody_who_only_reads_is_made_and_spoken_against(
    client: FlaskClient, parts: Parts, now: datetime, kind: str
) -> None:
    world = World.build(parts, now)
    person = ranked(world)
    assert "早すぎると逆効果" in client.get(f"/tasks/new?person={person}").text
    page = client.post(
        "/tasks/new", data=asked(person, kind=kind, product=world.press_id), follow_redirects=True
    )
    assert "早すぎると逆効果" in page.text
    assert [task.kind for task in world.tasks(person)] == [kind]
    assert "早すぎると逆効果" not in client.get(f"/tasks/new?person={ranked(world, 'warm')}").text


def test_a_mail_to_somebody_who_only_reads_is_not_spoken_against(
    client: FlaskClient, parts: Parts, now: datetime
) -> None:
    world = World.build(parts, now)
    person = ranked(world)
    page = client.post(
        "/tasks/new", data=asked(person, kind="mail", product=world.press_id), follow_redirects=True
    )
    assert "早すぎると逆効果" not in page.text


def test_the_same_action_is_not_opened_twice(client: FlaskClient, parts: Parts, now: datetime) -> None:
    world = World.build(parts, now)
    person = ranked(world)
    for status in (303, 422):
        answer = client.post("/tasks/new", data=asked(person, kind="mail", product=world.press_id))
        assert answer.status_code == status
    assert "すでに開いています" in answer.text


def test_only_who_has_it_who_asked_and_who_leads_may_change_it(
    sign_in: SignIn, client: FlaskClient, parts: Parts, now: datetime
) -> None:
    world = World.build(parts, now)
    person = world.person()
    caller, boss = sign_in("inside_sales", name="架電"), sign_in("sales_manager", name="課長")
    stranger = sign_in("field_sales", name="他人")
    client.post("/tasks/new", data=asked(person, assignee=3))
    [task] = world.tasks(person)
    changed = {"version": task.version, "on": "2026-12-10", "assignee": 3, "note": "延期"}
    assert stranger.post(f"/tasks/{task.id}", data=changed).status_code == 403
    assert "本人と頼んだ人、営業管理職" in stranger.get(f"/tasks/{task.id}").text
    assert caller.post(f"/tasks/{task.id}", data=changed).status_code == 303
    stale = boss.post(f"/tasks/{task.id}", data={**changed, "note": "上書き"})
    assert stale.status_code == 409
    assert "先に変更しました" in stale.text
    assert "上書き" in stale.text
    assert (
        boss.post(
            f"/tasks/{task.id}", data={**changed, "version": task.version + 1, "assignee": 4}
        ).status_code
        == 303
    )
    [task] = world.tasks(person)
    assert (task.assignee_id, task.note, task.due_at.date().isoformat()) == (4, "延期", "2026-12-10")


def test_a_new_day_begins_the_waiting_anew(client: FlaskClient, parts: Parts, now: datetime) -> None:
    world = World.build(parts, now)
    person = world.person()
    client.post("/tasks/new", data=asked(person))
    world.run("update tasks set reminded_at = :now, escalated_at = :now", now=now)
    assert "管理職に連絡済み" in client.get("/tasks?whose=team").text
    [task] = world.tasks(person)
    client.post(f"/tasks/{task.id}", data={"version": task.version, "on": "2026-12-10"})
    [task] = world.tasks(person)
    assert (task.reminded_at, task.escalated_at) == (None, None)


def test_calling_it_off_wants_a_reason_and_keeps_it(client: FlaskClient, parts: Parts, now: datetime) -> None:
    world = World.build(parts, now)
    person = world.person()
    client.post("/tasks/new", data=asked(person))
    [task] = world.tasks(person)
    answer = client.post(f"/tasks/{task.id}/cancel", data={"version": task.version, "reason": " "})
    assert answer.status_code == 422
    assert "取り消す理由を入れてください" in answer.text
    client.post(f"/tasks/{task.id}/cancel", data={"version": task.version, "reason": "先方の都合"})
    [task] = world.tasks(person)
    assert (task.state, task.outcome) == ("cancelled", "called_off")
    assert "先方の都合" in client.get(f"/tasks/{task.id}").text


@pytest.mark.parametrize(
    ("kind", "outcome"), [("intro", "introduced"), ("reply", "answered"), ("review", "done")]
)
def test_each_new_kind_has_its_endings(
    client: FlaskClient, parts: Parts, now: datetime, kind: str, outcome: str
) -> None:
    world = World.build(parts, now)
    person = ranked(world, "warm")
    world.run("update product_leads set state = 'waiting'")
    client.post("/tasks/new", data=asked(person, kind=kind, product=world.press_id))
    [task] = world.tasks(person)
    assert (
        client.post(f"/tasks/{task.id}/end", data={"version": task.version, "outcome": "odd"}).status_code
        == 400
    )
    client.post(f"/tasks/{task.id}/end", data={"version": task.version, "outcome": outcome, "note": "済み"})
    [task] = world.tasks(person)
    assert (task.state, task.outcome, task.note) == ("done", outcome, "済み")
    assert world.lead(person).state == ("nurturing" if kind == "reply" else "waiting")
    again = client.post(
        f"/tasks/{task.id}/end", data={"version": task.version, "outcome": outcome, "note": "二度目"}
    )
    assert again.status_code == 409
    assert "二度目" in again.text


def test_anybody_may_take_what_lies_there(
    sign_in: SignIn, client: FlaskClient, parts: Parts, now: datetime
) -> None:
    world = World.build(parts, now)
    person = world.person()
    client.post("/tasks/new", data=asked(person))
    [task] = world.tasks(person)
    taker = sign_in("field_sales", name="営業")
    assert taker.post(f"/tasks/{task.id}/take", data={"version": task.version}).status_code == 303
    assert world.tasks(person)[0].assignee_id == 3
    assert taker.post(f"/tasks/{task.id}/take", data={"version": task.version}).status_code == 409


def test_a_company_offers_its_people(client: FlaskClient, parts: Parts, now: datetime) -> None:
    world = World.build(parts, now)
    person = world.person()
    [company] = world.rows("select company_id as id from affiliations")
    assert f"/tasks/new?company={company.id}" in client.get(f"/companies/{company.id}").text
    assert f"/tasks/new?person={person}" in client.get(f"/tasks/new?company={company.id}").text


def test_late_actions_are_marked(client: FlaskClient, parts: Parts, now: datetime) -> None:
    world = World.build(parts, now)
    person = world.person()
    client.post("/tasks/new", data=asked(person))
    world.run("update tasks set due_at = :at", at=now - timedelta(days=3))
    assert "期限超過" in client.get("/tasks?whose=team&show=late").text


def test_sales_leaders_set_who_takes_what_and_others_only_themselves(
    sign_in: SignIn, client: FlaskClient, parts: Parts, now: datetime
) -> None:
    World.build(parts, now)
    caller, other = sign_in("inside_sales", name="架電"), sign_in("field_sales", name="訪問")
    share = {"version": 1, "per_day": "12", "away_until": "", "territory": ["静岡県", "愛知県"]}
    assert other.post("/staff/3", data=share).status_code == 403
    assert caller.post("/staff/3", data=share).status_code == 303
    assert "静岡県、愛知県" in client.get("/staff").text
    wrong = client.post("/staff/3", data={**share, "version": 2, "away_until": "2026-11-01"})
    assert wrong.status_code == 422
    assert "明日からあとの日" in wrong.text
    assert client.post("/staff/3", data=share).status_code == 409
    assert caller.post("/staff/late", data={"days": "3"}).status_code == 403
    assert client.post("/staff/late", data={"days": "99"}).status_code == 422
    assert (
        client.post("/staff/late", data={"days": "3"}, follow_redirects=True).text.count("期日から3営業日")
        == 1
    )


def test_the_call_button_of_a_person_says_the_same(client: FlaskClient, parts: Parts, now: datetime) -> None:
    world = World.build(parts, now)
    for rank, said in (("nurture", True), ("warm", False)):
        person = ranked(world, rank)
        page = client.post(f"/people/{person}/call", data={"product": world.press_id}, follow_redirects=True)
        assert ("早すぎると逆効果" in page.text) is said
        assert [task.kind for task in world.tasks(person)] == ["call"]


def test_a_comment_stands_on_the_page_and_whose_action_it_is_and_who_is_named_are_told(
    parts: Parts, now: datetime, sign_in: SignIn
) -> None:
    world = World.build(parts, now)
    person = world.person()
    owner = sign_in("inside_sales", email="a@minori.example", name="森下 香")
    adviser = sign_in("field_sales", email="b@minori.example", name="大森 健")
    ids = {row.name: row.id for row in world.rows("select id, name from users")}
    owner.post("/tasks/new", data=asked(person, assignee=ids["森下 香"]))
    [task] = world.tasks(person)
    answer = adviser.post(
        f"/tasks/{task.id}/comments",
        data={"words": "@営業 にも聞いて、限度見本を先に", "mention": ids["営業 花子"]},
    )
    assert answer.status_code == 303
    assert answer.location.startswith(f"/tasks/{task.id}#comment-")
    page = owner.get(f"/tasks/{task.id}").text
    assert "限度見本を先に" in page
    assert '<span class="called">@営業</span>' in page
    told = {
        (row.kind, row.user_id): row.args["page"]
        for row in world.rows("select kind, user_id, args from alerts")
    }
    assert told.keys() == {("mention", ids["営業 花子"]), ("comment", ids["森下 香"])}
    assert all(where.startswith(f"/tasks/{task.id}") for where in told.values())


@pytest.mark.parametrize(
    ("words", "said"), [(" ", "コメントを書いてください。"), ("長" * 2001, "2,000文字までにしてください。")]
)
def test_a_comment_that_cannot_be_keeps_what_was_typed(
    client: FlaskClient, parts: Parts, now: datetime, words: str, said: str
) -> None:
    world = World.build(parts, now)
    client.post("/tasks/new", data=asked(world.person()))
    page = client.post("/tasks/1/comments", data={"words": words})
    assert page.status_code == 422
    assert said in page.text
    assert words.strip() in page.text
    assert world.rows("select count(*) as n from comments")[0].n == 0


def test_a_comment_on_no_action_is_not_found(client: FlaskClient) -> None:
    assert client.post("/tasks/99/comments", data={"words": "x"}).status_code == 404


def test_an_invitation_is_sent_from_its_action_and_says_so_where_none_can_be(
    client: FlaskClient, parts: Parts, now: datetime
) -> None:
    house = event_house.build(parts, now)
    lead = house.rows("select id, person_id from product_leads order by id limit 1")[0]
    house.run("update product_leads set state = 'excluded' where id = :id", id=lead.id)
    house.run(
        "insert into tasks (kind, person_id, lead_id, product_id, cause, state, due_at, created_at)"
        " select 'invite', person_id, id, product_id, 'warm_deep', 'open', :now, :now from product_leads"
        "  where id = :id",
        now=now,
        id=lead.id,
    )
    path = f"/tasks/{house.rows('select id from tasks')[0].id}"
    assert "案内メールは、まだ送り始めていません" in client.get(path).text
    event_house.invite(house)
    house.run("update product_leads set state = 'nurturing' where id = :id", id=lead.id)
    page = client.get(path).text
    assert "浜松工場 個展" in page
    assert "この方に案内メールを送る" in page
    sent = client.post(f"{path}/invite", data={"version": 1}, follow_redirects=True)
    assert "案内メールを送る人に加えました" in sent.text
    assert house.rows("select outcome from tasks")[0].outcome == "invited"
    assert client.post(f"{path}/invite", data={"version": 1}).status_code == 409


def test_a_mail_with_material_names_what_can_be_sent(
    client: FlaskClient, parts: Parts, now: datetime
) -> None:
    world = World.build(parts, now)
    person = ranked(world, "warm")
    client.post("/faxes/documents/new", data={"title": "検査の事例集", "body": "事例です。"})
    client.post("/tasks/new", data=asked(person, kind="mail", product=world.press_id))
    [task] = world.tasks(person)
    assert "検査の事例集" in client.get(f"/tasks/{task.id}").text
    sheet = client.get(f"/faxes/documents/1/sheet.pdf?task={task.id}")
    said = text_of(sheet.data)
    assert "事例です。" in said
    assert "FAX" not in said
    world.run("update tasks set kind = 'fax'")
    faxed = text_of(client.get(f"/faxes/documents/1/sheet.pdf?task={task.id}").data)
    assert "試験 1郎様" in faxed
    assert "今後のFAXは不要" in faxed
    world.run("update tasks set kind = 'mail'")
    ended = client.post(f"/tasks/{task.id}/end", data={"version": task.version, "outcome": "sent"})
    assert ended.status_code == 303
    assert [row.kind for row in world.rows("select kind from touchpoints")] == ["mail_by_rep"]
