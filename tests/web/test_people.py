"""People and companies as pages: search, one timeline, why this rank, edits that never overwrite in silence."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from flask.testing import FlaskClient

from campaigns.parts import Parts
from campaigns.services import rerank
from tests.conftest import NOW
from tests.services.world import World
from tests.web.conftest import SignIn


@pytest.fixture
def world(parts: Parts) -> World:
    return World.build(parts, NOW)


def somebody(world: World, *touches: tuple[str, float], name: str = "若林 拓也") -> int:
    person = world.person(touches=touches or [("booth_talk_prospect", 20), ("doc_request", 3)])
    family, _, given = name.partition(" ")
    world.run(
        "update people set full_name = :n, family = :f, given = :g where id = :p",
        n=name,
        f=family,
        g=given,
        p=person,
    )
    rerank.people(world.parts, [person], now=NOW)
    return person


def words(page: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))


@pytest.mark.parametrize("q", ["若林", "若林拓也", "第1工業", "p1@customer1.example", "03-0000-0000"])
def test_a_person_is_found_by_name_company_mail_and_phone(world: World, client: FlaskClient, q: str) -> None:
    somebody(world)
    world.run("update people set tel = '' where id <> 1")
    assert "若林 拓也" in client.get("/people", query_string={"q": q}).text


@pytest.mark.parametrize("q", ["%", "_", "\\", "' or 1=1 --"])
def test_wildcards_in_a_search_are_letters(world: World, client: FlaskClient, q: str) -> None:
    somebody(world)
    assert "当てはまる担当者はいません" in client.get("/people", query_string={"q": q}).text


def test_filters_count_and_pages_go_on_without_gaps(world: World, client: FlaskClient) -> None:
    somebody(world)
    for _ in range(59):
        world.person()
    world.run("update addresses set status = 'hard' where id <= 3")
    page = client.get("/people").text
    assert 'メールが届かない<span class="n">3' in page
    assert "1–50／60" in page
    after = re.search(r'href="([^"]+)" rel="next"', page)
    assert after is not None
    second = client.get(after.group(1).replace("&amp;", "&")).text
    assert "51–60／60" in second
    assert "若林 拓也" in second


def test_the_timeline_shows_all_products_and_says_why_this_rank(world: World, client: FlaskClient) -> None:
    person = somebody(world)
    world.touch(person, ("web_view", 1, world.pump_id))
    world.run(
        "insert into touchpoints (source_key, person_id, kind, channel, depth, at, validity, validity_reason,"
        " product_id, created_at) values ('m', :p, 'mail_click', 'online', 1, :at, 0, 'scanner:trap', :q, :at)",
        p=person,
        q=world.press_id,
        at=NOW - timedelta(days=2),
    )
    page = client.get(f"/people/{person}").text
    text = words(page)
    assert "なぜ今すぐ客か" in text
    assert "推定受注率22%が基準20%以上" in text
    assert "自動巡回・点数なし" in text
    assert "目に見えないリンクまで開いた" in text
    # The stand, the request, the machine's click, and the hand-off that followed.
    assert page.count('class="tl-row"') == 4
    assert client.get(f"/people/{person}?show=all").text.count('class="tl-row"') == 5
    assert client.get(f"/people/{person}?show=talk").text.count('class="tl-row"') == 1


def test_the_parts_of_a_score_add_up_to_it(world: World, client: FlaskClient) -> None:
    person = somebody(world, ("booth_talk", 120), ("doc_request", 20), ("call_connected", 10))
    text = words(client.get(f"/people/{person}").text)
    scores = [float(n) for n in re.findall(r"(\d+\.\d)\s*／(?:60|50|80|20|12)", text)]
    total = re.search(r"合計 棒は上限に対する割合 (\d+\.\d)", text)
    assert len(scores) == 5
    assert total is not None
    assert round(sum(scores), 1) == float(total.group(1))


def test_points_that_a_cap_holds_back_are_told(world: World, client: FlaskClient) -> None:
    person = somebody(world, ("doc_request", 1), ("seminar_apply", 2), ("booth_talk", 120))
    text = words(client.get(f"/people/{person}").text)
    told = re.search(r"申込・資料 (\d+\.\d)点 → (\d+\.\d)点", text)
    assert told is not None
    assert float(told.group(1)) > float(told.group(2))
    other = world.person()
    assert "増えにくくしています" not in client.get(f"/people/{other}").text


def test_a_mail_that_is_planned_while_sales_work_is_shown_as_held(world: World, client: FlaskClient) -> None:
    person = somebody(world)
    mail = world.delivery(person, state="planned", sent=timedelta(days=-3))
    world.run("update deliveries set class = 'counted', month = :m where id = :d", d=mail, m=2026 * 12 + 10)
    page = client.get(f"/people/{person}").text
    assert "slot now carried_over" in page
    assert "slot now planned" not in page
    world.run("update product_leads set state = 'nurturing'")
    assert "slot now planned" in client.get(f"/people/{person}").text


def test_without_a_number_the_page_asks_for_one(world: World, client: FlaskClient) -> None:
    person = world.person(phone=False)
    world.run("update companies set tel = ''")
    assert "電話番号を登録" in client.get(f"/people/{person}").text


def test_a_touch_is_recorded_in_three_fields_and_moves_the_rank(world: World, client: FlaskClient) -> None:
    person = somebody(world, ("badge_scan", 10))
    form = client.get(f"/people/{person}/touch").text
    key = re.search(r'name="key" value="(\w+)"', form)
    assert key is not None
    data = {"key": key.group(1), "kind": "inquiry", "product": world.press_id, "on": "2026-11-24"}
    assert client.post(f"/people/{person}/touch", data=data).status_code == 303
    client.post(f"/people/{person}/touch", data=data)
    assert world.lead(person).rank == "hot"
    assert world.rows("select count(*) as n from touchpoints where kind = 'inquiry'")[0].n == 1


@pytest.mark.parametrize(
    ("data", "words_"),
    [
        ({"kind": "mail_open", "on": "2026-11-24"}, "種別を選んでください"),
        ({"kind": "inquiry", "on": "2026-12-24"}, "これからの日時です"),
        ({"kind": "inquiry", "on": "きのう"}, "日付は 2026-11-26 の形で"),
    ],
)
def test_an_odd_touch_is_refused_with_a_reason(
    world: World, client: FlaskClient, data: dict[str, str], words_: str
) -> None:
    person = somebody(world)
    page = client.post(f"/people/{person}/touch", data=data)
    assert page.status_code == 422
    assert words_ in page.text


def test_a_second_save_shows_both_values_and_overwrites_nothing(world: World, client: FlaskClient) -> None:
    person = somebody(world)
    version = world.rows("select version from people where id = :p", p=person)[0].version
    form = {"version": version, "family": "若林", "given": "拓也", "tel": "053-111-1111"}
    assert client.post(f"/people/{person}/edit", data=form).status_code == 303
    page = client.post(f"/people/{person}/edit", data={**form, "tel": "053-222-2222"})
    assert page.status_code == 409
    assert "053-111-1111" in page.text
    assert "053-222-2222" in page.text
    assert world.rows("select tel from people where id = :p", p=person)[0].tel == "053-111-1111"
    log = world.rows("select field, old, new from audit_values where field = 'tel'")
    assert [(row.old, row.new) for row in log] == [("03-0000-0000", "053-111-1111")]


def test_a_new_address_is_a_new_mailbox_without_consent(world: World, client: FlaskClient) -> None:
    person = somebody(world)
    form = {"version": 1, "family": "若林", "given": "拓也"}
    assert client.post(f"/people/{person}/edit", data={**form, "email": "壊れた"}).status_code == 422
    assert (
        client.post(f"/people/{person}/edit", data={**form, "email": "New@Customer1.example"}).status_code
        == 303
    )
    row = world.rows(
        "select a.email_key from people p join addresses a on a.id = p.address_id where p.id = :p", p=person
    )
    assert row[0].email_key == "new@customer1.example"
    assert "同意の記録がありません" in client.get(f"/people/{person}").text


def test_a_call_can_be_started_by_hand_but_not_against_a_ban(world: World, client: FlaskClient) -> None:
    person = somebody(world, ("card_exchange", 5))
    answer = client.post(f"/people/{person}/call", data={"product": world.press_id})
    assert re.fullmatch(r"/calls/\d+", answer.location)
    assert client.post(f"/people/{person}/call").location == answer.location
    world.run("update tasks set state = 'cancelled'")
    world.run("update people set do_not_call = true")
    page = client.post(f"/people/{person}/call", follow_redirects=True).text
    assert "電話できません：架電禁止" in page
    assert not [t for t in world.tasks(person) if t.state == "open" and t.kind == "call"]


def test_a_call_to_somebody_at_rest_is_made_only_with_the_caution_before_it(
    world: World, client: FlaskClient
) -> None:
    person, caution = somebody(world, ("card_exchange", 5)), "この商材の連絡を止めている方です。"
    assert caution not in client.get(f"/people/{person}").text
    world.run("update product_leads set state = 'paused', paused_until = '2027-01-15'")
    shown = client.get(f"/people/{person}").text
    assert caution in shown
    assert 'name="despite_pause" value="1"' in shown
    unseen = client.post(f"/people/{person}/call", data={"product": world.press_id})
    assert f"/people/{person}" in unseen.location
    assert caution in client.get(unseen.location).text
    form = {"product": world.press_id, "despite_pause": "1"}
    desk = client.post(f"/people/{person}/call", data=form)
    assert re.fullmatch(r"/calls/\d+", desk.location)
    assert caution in client.get(desk.location).text


def test_a_merged_person_leads_to_who_they_became(world: World, client: FlaskClient) -> None:
    one, two = somebody(world), somebody(world, name="若林 拓哉")
    world.run("update people set merged_into = :b where id = :a", a=one, b=two)
    assert client.get(f"/people/{one}").location == f"/people/{two}"
    assert client.get("/people/999999").status_code == 404


def test_an_edited_deal_moves_the_class_at_once(world: World, client: FlaskClient) -> None:
    somebody(world)
    company = world.rows("select id from companies")[0].id
    form = {"version": 1, "last_deal_on": "2026-06-01", "profit_12m_yen": "1,200,000"}
    page = client.post(f"/companies/{company}", data=form, follow_redirects=True)
    assert "管理区分はA" in page.text
    assert world.rows("select class from companies")[0][0] == "A"
    stale = client.post(f"/companies/{company}", data={**form, "profit_12m_yen": "5"})
    assert stale.status_code == 409
    assert "1200000" in stale.text
    odd = client.post(f"/companies/{company}", data={**form, "profit_12m_yen": "たくさん"})
    assert odd.status_code == 422


@pytest.mark.parametrize("locale", ["ja", "en"])
def test_pages_stand_in_both_languages(world: World, sign_in: SignIn, locale: str) -> None:
    reader = sign_in("inside_sales", locale=locale)
    for path in ("/people", "/companies"):
        assert reader.get(path).status_code == 200
    person = somebody(world)
    company = world.rows("select id from companies")[0].id
    for path in ("", "/edit", "/touch"):
        assert reader.get(f"/people/{person}{path}").status_code == 200
    assert reader.get(f"/companies/{company}").status_code == 200
    assert reader.get("/companies?class=E").status_code == 200


def test_names_are_text_and_never_markup(world: World, client: FlaskClient) -> None:
    person = somebody(world, name="<script>alert(1)</script> 太郎")
    for path in (f"/people/{person}", "/people", "/leads", "/calls"):
        assert "<script>alert" not in client.get(path).text
