"""The visit pages: an appointment, its report in four taps, and calendars."""

from __future__ import annotations

import io
from datetime import datetime, timedelta

import pytest
from flask.testing import FlaskClient
from icalendar import Calendar

from campaigns.parts import Parts
from tests.conftest import NOW
from tests.services.world import World
from tests.web.conftest import SignIn


@pytest.fixture
def world(parts: Parts) -> World:
    return World.build(parts, NOW)


def form(world: World, person: int, **changed: object) -> dict[str, object]:
    values: dict[str, object] = {
        "person": person, "on": "2026-11-26", "at": "14:00", "until": "15:00", "place": "本社",
        "staff": [world.owner_id], "guest": [person], "product": world.press_id,
    }  # fmt: skip
    return values | changed


def make(client: FlaskClient, world: World, person: int) -> str:
    answer = client.post("/appointments/new", data=form(world, person))
    assert answer.status_code == 303
    return answer.headers["Location"]


def test_a_visit_is_set_moved_and_called_off(world: World, client: FlaskClient) -> None:
    person = world.person()
    world.run("update companies set address = '浜松市中央区1-2-3'")
    page = client.get(f"/appointments/new?person={person}")
    assert "浜松市中央区1-2-3" in page.text
    path = make(client, world, person)
    assert "11/26 14:00" in client.get(path).text
    edited = client.post(f"{path}/edit", data=form(world, person, at="16:00", until="17:00", version=1))
    assert edited.status_code == 303
    stale = client.post(f"{path}/edit", data=form(world, person, at="09:00", version=1))
    assert (stale.status_code, 'value="09:00"' in stale.text) == (409, True)
    assert client.post(f"{path}/cancel", data={"version": 2}).status_code == 303
    assert "取りやめになった予定です" in client.get(path).text
    assert [
        row.n
        for row in world.rows("select count(*) as n from deliveries where origin like 'tx:appointment:%'")
    ] == [3]


def test_whoever_has_the_visit_keeps_it_when_somebody_else_joins(world: World, client: FlaskClient) -> None:
    person = world.person()
    path = make(client, world, person)
    me = world.rows("select id from users where email = 'admin@minori.example'")[0].id
    both = form(world, person, staff=[me, world.owner_id], version=1)
    assert client.post(f"{path}/edit", data=both).status_code == 303
    assert world.rows("select owner_user_id as id from appointments")[0].id == world.owner_id


def test_two_visits_at_the_same_time_are_told_on_both(world: World, client: FlaskClient) -> None:
    first = make(client, world, world.person())
    assert "参加者の別の訪問があります" not in client.get(first).text
    second = make(client, world, world.person())
    assert first in client.get(second).text
    assert second in client.get(first).text


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"on": "2026-11-20"}, "過ぎた日時です"),
        ({"until": "13:00"}, "終わりの時刻が始まりより前です"),
        ({"on": "26日"}, "日付と開始の時刻を入れてください"),
        ({"until": "25:99"}, "終わりの時刻は 15:00 の形"),
        ({"staff": []}, "当社から行く人を選んでください"),
        ({"staff": ["999"]}, "いま使用中の利用者から"),
        ({"guest": ["999"]}, "登録がなくなった方"),
    ],
)
def test_what_cannot_be_is_told_at_its_place_and_nothing_is_lost(
    world: World, client: FlaskClient, changed: dict[str, object], told: str
) -> None:
    person = world.person()
    answer = client.post("/appointments/new", data=form(world, person, note="実機を見せる", **changed))
    assert answer.status_code == 422
    assert told in answer.text
    assert "実機を見せる" in answer.text
    assert not world.rows("select 1 from appointments")


def test_a_visit_is_reported_in_four_taps(world: World, client: FlaskClient, parts: Parts) -> None:
    person = world.person()
    path = make(client, world, person)
    assert 'name="result"' not in client.get(path).text
    early = client.post(path, data={"version": 1, "result": "talked", "next": "none"})
    assert (early.status_code, "まだ始まっていない訪問です" in early.text) == (422, True)
    parts.clock.move_to(datetime(2026, 11, 26, 7, tzinfo=NOW.tzinfo))
    page = client.get(path)
    # Result, next (chosen already), the words, send: what is not asked cannot take time.
    assert page.text.count('name="result"') == 4
    assert " checked" in page.text
    missing = client.post(path, data={"version": 1, "next": "none", "note": "言葉は残る"})
    assert (missing.status_code, "言葉は残る" in missing.text) == (422, True)
    done = client.post(
        path, data={"version": 1, "result": "talked", "note": "来春に導入したい", "next": "call"}
    )
    assert done.status_code == 303
    assert "来春に導入したい" in client.get(path).text
    assert "来春に導入したい" in client.get(f"/people/{person}").text
    twice = client.post(path, data={"version": 1, "result": "talked", "note": "別の人の言葉", "next": "none"})
    assert (twice.status_code, "別の人の言葉" in twice.text) == (409, True)


def test_the_list_shows_today_the_week_and_what_waits_for_a_report(
    world: World, client: FlaskClient, parts: Parts
) -> None:
    make(client, world, world.person())
    assert "今日の訪問はありません" in client.get("/appointments").text
    week = client.get("/appointments?show=week&whose=all").text
    assert "14:00–15:00" in week
    assert "14:00–15:00" not in client.get("/appointments?show=week&week=2026-12-01&whose=all").text
    parts.clock.move_to(NOW + timedelta(days=4))
    late = client.get("/appointments?show=report&whose=all").text
    assert "報告がまだ" in late
    assert "第1工業" in late
    for odd in ("show=x", "week=x", "user=x", "week=9999-99-99", "user=999999"):
        assert client.get(f"/appointments?{odd}").status_code == 200


def test_the_feed_needs_its_secret_and_a_new_address_ends_the_old(
    world: World, client: FlaskClient, app
) -> None:  # type: ignore[no-untyped-def]
    make(client, world, world.person())
    assert "まだアドレスがありません" in client.get("/appointments/calendar").text
    paths = []
    for _ in range(2):
        client.post("/appointments/calendar")
        text = client.get("/appointments/calendar").text
        paths.append("/calendar/" + text.split("/calendar/")[1].split("<")[0])
    stranger = app.test_client()
    assert stranger.get(paths[0]).status_code == 404
    answer = stranger.get(paths[1])
    assert answer.headers["Content-Type"].startswith("text/calendar")
    assert Calendar.from_ical(answer.text).walk("VCALENDAR")
    for odd in ("1-x", "x", "1", "-", "9" * 30 + "-a", paths[1][10:-5] + "0"):
        assert stranger.get(f"/calendar/{odd}.ics").status_code == 404, odd
    world.run("update users set is_active = false")
    assert stranger.get(paths[1]).status_code == 404


ICS = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\n{method}BEGIN:VEVENT\r\nUID:{uid}\r\n{start}\r\nSUMMARY:Audit\r\nATTENDEE:mailto:p1@customer1.example\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"


def upload(client: FlaskClient, start: str, *, uid: str = "a@b", method: str = ""):  # type: ignore[no-untyped-def]
    data = ICS.format(start=start, uid=uid, method=method).encode()
    return client.post(
        "/appointments/import", data={"file": (io.BytesIO(data), "x.ics")}, follow_redirects=True
    )


def test_an_ics_from_another_zone_fills_the_form_in_ours(world: World, client: FlaskClient) -> None:
    world.person()
    page = upload(client, "DTSTART;TZID=America/New_York:20261126T090000").text
    assert 'value="23:00"' in page
    assert "試験 1郎" in page
    assert "America/New_York の予定を、Asia/Tokyo の時刻（2026-11-26 23:00）に直しました" in page
    floating = upload(client, "DTSTART:20261126T090000").text
    assert "時間帯の書かれていない予定です。Asia/Tokyo の時刻として読みました" in floating
    assert not world.rows("select 1 from appointments")


def test_an_ics_that_cannot_be_read_says_why(world: World, client: FlaskClient) -> None:
    assert (
        "時間帯「Nowhere/Land」がわからない"
        in upload(client, "DTSTART;TZID=Nowhere/Land:20261126T090000").text
    )
    assert "終日の予定" in upload(client, "DTSTART;VALUE=DATE:20261126").text
    assert "として読めません" in client.post("/appointments/import", data={}).text


def test_an_ics_of_our_own_leads_to_the_visit_it_is_about(world: World, client: FlaskClient) -> None:
    path = make(client, world, world.person())
    uid = world.rows("select uid from appointments")[0].uid
    assert "11/26 14:00" in upload(client, "DTSTART:20261127T090000", uid=uid).text
    off = upload(client, "DTSTART:20261127T090000", uid=uid, method="METHOD:CANCEL\r\n")
    assert "取りやめの知らせです" in off.text
    assert world.rows("select state from appointments")[0].state == "planned"
    assert path


def test_who_introduced_whom_is_recorded_on_the_persons_page(world: World, client: FlaskClient) -> None:
    contact, decider = world.person(), world.person()
    world.run("update affiliations set company_id = (select min(company_id) from affiliations)")
    page = client.get(f"/people/{decider}")
    assert "紹介してくださった方を記録" in page.text
    assert "決裁者がまだわかりません" in page.text
    client.post(f"/people/{decider}/introduced", data={"from": contact, "note": "工場長を"})
    assert "工場長を" in client.get(f"/people/{decider}").text
    odd = client.post(f"/people/{decider}/introduced", data={"from": decider}, follow_redirects=True)
    assert "同じ企業の方から選んでください" in odd.text


def test_the_pages_speak_english(world: World, sign_in: SignIn) -> None:
    client = sign_in("field_sales", locale="en")
    path = make(client, world, world.person())
    for page in (
        "/appointments",
        "/appointments?show=week",
        path,
        f"{path}/edit",
        "/appointments/import",
        "/appointments/calendar",
    ):
        assert "訪問" not in client.get(page).text.replace("訪問の", ""), page
