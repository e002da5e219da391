"""Events: listed, written down, changed; and chosen in the row that asked for one."""

from __future__ import annotations

from datetime import date, datetime

import pytest
from flask.testing import FlaskClient
from sqlalchemy import text

from campaigns.parts import Parts
from campaigns.rules.events import Plan
from campaigns.services import add_event, design
from campaigns.services.catalogue import Invalid
from tests.services.test_publish import HEAD, House, house

__all__ = ["house"]

FORM = {
    "name": "浜松工場 個展",
    "kind": "private_show",
    "starts_on": "2027-01-28",
    "ends_on": "2027-01-29",
    "venue": "浜松工場",
    "apply_by": "2027-01-20",
}


def stored(parts: Parts) -> list[Plan]:
    found = add_event.listing(parts, now=parts.clock.now())
    return [line.plan for line in (*found.ahead, *found.over)]


def test_a_new_event_stands_in_the_list_with_its_days_and_place(client: FlaskClient, parts: Parts) -> None:
    assert "展示会・施策はまだありません" in client.get("/events").text
    assert (
        "「浜松工場 個展」を登録しました。"
        in client.post("/events/new", data=FORM, follow_redirects=True).text
    )
    page = client.get("/events").text
    for words in ("浜松工場 個展", "個展（プライベートショー）", "1月28日", "1月29日", "1月20日"):
        assert words in page
    assert [plan.venue for plan in stored(parts)] == ["浜松工場"]


@pytest.mark.parametrize(
    ("typed", "yen"),
    [("", 0), ("3,000,000", 3_000_000), ("３００００００円", 3_000_000), ("¥ 500000", 500_000)],
)
def test_what_an_event_cost_is_read_as_it_is_typed(
    client: FlaskClient, parts: Parts, typed: str, yen: int
) -> None:
    client.post("/events/new", data=FORM | {"cost_yen": typed})
    assert [plan.cost_yen for plan in stored(parts)] == [yen]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"name": " "}, "名称を入力してください"),
        ({"kind": "party"}, "種類を選んでください"),
        ({"starts_on": ""}, "初日も入力してください"),
        ({"ends_on": "2027-01-27"}, "最終日が初日より前です"),
        ({"apply_by": "2027-01-30"}, "申込締切が会期の後です"),
        ({"starts_on": "28 Jan"}, "日付の形になっていません"),
        ({"cost_yen": "約300万"}, "費用を円の数字で入力してください"),
        ({"cost_yen": "1" * 13}, "費用を円の数字で入力してください"),
    ],
)
def test_a_wrong_field_is_said_at_its_place_and_nothing_typed_is_lost(
    client: FlaskClient, parts: Parts, changed: dict[str, str], said: str
) -> None:
    answer = client.post("/events/new", data=FORM | changed)
    assert answer.status_code == 422
    assert said in answer.text
    assert 'value="浜松工場"' in answer.text
    assert stored(parts) == []


def test_a_second_press_makes_no_second_event_and_another_of_its_name_is_refused(
    client: FlaskClient, parts: Parts
) -> None:
    for _press in range(2):
        assert client.post("/events/new", data=FORM).status_code == 303
    assert len(stored(parts)) == 1
    answer = client.post("/events/new", data=FORM | {"venue": "本社"})
    assert (answer.status_code, "もう登録されています" in answer.text) == (422, True)


def test_who_saves_second_sees_both_values(client: FlaskClient, parts: Parts) -> None:
    client.post("/events/new", data=FORM)
    assert client.post("/events/1/edit", data=FORM | {"venue": "新工場", "version": "1"}).status_code == 303
    answer = client.post("/events/1/edit", data=FORM | {"venue": "第2工場", "version": "1"})
    assert answer.status_code == 409
    assert "新工場" in answer.text
    assert "第2工場" in answer.text
    assert client.post("/events/1/edit", data=FORM | {"venue": "第2工場", "version": "2"}).status_code == 303
    assert [plan.venue for plan in stored(parts)] == ["第2工場"]


def test_events_that_are_over_stand_apart(parts: Parts, now: datetime) -> None:
    for name, day in (("先", date(2027, 3, 1)), ("今日まで", date(2026, 11, 24)), ("済", date(2026, 11, 23))):
        add_event.run(parts, Plan(name, starts_on=day), user_id=None, now=now)
    add_event.run(parts, Plan("未定"), user_id=None, now=now)
    found = add_event.listing(parts, now=now)
    assert [line.plan.name for line in found.ahead] == ["今日まで", "先", "未定"]
    assert [line.plan.name for line in found.over] == ["済"]


def test_an_import_finds_the_event_that_was_added_on_the_page(parts: Parts, now: datetime) -> None:
    plan = Plan("工場展", "seminar", starts_on=date(2026, 11, 5), venue="東京")
    id = add_event.run(parts, plan, user_id=None, now=now)
    days = {"starts_on": date(2026, 11, 5), "ends_on": date(2026, 11, 6)}
    assert add_event.met(parts, name="工場展", **days, user_id=None, now=now) == id
    other = add_event.met(parts, name="別の展", **days, user_id=None, now=now)
    assert other != id
    with pytest.raises(Invalid):
        add_event.run(parts, Plan("工場展", starts_on=date(2026, 11, 5)), user_id=None, now=now)


def invitation(parts: Parts, house: House, now: datetime) -> tuple[int, str]:
    id = design.create(
        parts, product_id=house.product, head=HEAD, pattern="blank", user_id=house.user, now=now
    )
    return id, design.add_row(parts, id, kind="invite", user_id=house.user, now=now)


def test_an_invitation_without_an_event_to_choose_leads_to_a_new_one_and_back_with_it_chosen(
    client: FlaskClient, parts: Parts, house: House, now: datetime
) -> None:
    id, key = invitation(parts, house, now)
    with parts.engine.begin() as tx:
        tx.execute(text("delete from events"))
    page = client.get(f"/scenarios/{id}?edit={key}").text
    assert "施策がまだありません" in page
    typed = {"kind": "invite", "offset_months": "4", "want_day": "20", "tone": "info", "new_event": "1"}
    answer = client.post(f"/scenarios/{id}/rows/{key}", data=typed)
    assert answer.headers["Location"].startswith("/events/new?back=")
    assert "登録すると、シナリオの行に戻ります。" in client.get(answer.headers["Location"]).text
    row = design.load(parts, id, now=now).steps[0]
    assert (row.offset_months, row.want_day) == (4, 20), "what was typed is kept"
    back = f"/scenarios/{id}?edit={key}#row-{key}"
    made = client.post("/events/new", data=FORM | {"back": back})
    event = add_event.listing(parts, now=now).ahead[0].id
    assert made.headers["Location"] == f"/scenarios/{id}?edit={key}&event={event}#row-{key}"
    chosen = client.get(made.headers["Location"]).text
    assert f'<option value="{event}" selected>浜松工場 個展' in chosen


def test_nobody_is_sent_to_another_house_after_adding_an_event(client: FlaskClient) -> None:
    answer = client.post("/events/new", data=FORM | {"back": "https://evil.example/"})
    assert answer.headers["Location"] == "/events/1"


def test_the_row_names_the_event_that_is_missing(
    client: FlaskClient, parts: Parts, house: House, now: datetime
) -> None:
    id, _key = invitation(parts, house, now)
    assert "案内する施策が選ばれていません" in client.get(f"/scenarios/{id}").text


def test_an_invitation_ends_with_its_events_deadline_though_the_row_names_none(
    parts: Parts, house: House, now: datetime
) -> None:
    id, key = invitation(parts, house, now)
    days = {"starts_on": date(2027, 1, 28), "apply_by": date(2027, 1, 20)}
    event = add_event.run(parts, Plan("個展", **days), user_id=None, now=now)
    row = design.Row(1, 10, "info", None, None, kind="invite", event_id=event)
    design.save_row(parts, id, key, row, user_id=house.user, now=now)
    assert design.load(parts, id, now=now).steps[0].last_day == date(2027, 1, 20)
