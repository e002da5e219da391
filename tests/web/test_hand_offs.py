"""Hand-offs and opportunities on their pages: what is shown, what is said when something is wrong, who may act."""

from __future__ import annotations

import re

import pytest
from flask.testing import FlaskClient

from campaigns.parts import Parts
from campaigns.services import hand_over, rerank
from tests.conftest import NOW
from tests.services.world import World
from tests.web.conftest import SignIn

DEAL = {
    "name": "検査装置",
    "stage": "quote",
    "amount_yen": "1,680万円",
    "forecast": "60",
    "expected_on": "2027-03-31",
}


@pytest.fixture
def world(parts: Parts) -> World:
    return World.build(parts, NOW)


def offered(world: World) -> int:
    person = world.person(touches=[("inquiry", 1), ("booth_talk_prospect", 5)])
    rerank.people(world.parts, [person], now=NOW)
    return int(world.rows("select max(id) as id from hand_offs")[0].id)


def accepted(world: World) -> int:
    id = offered(world)
    hand_over.accept(world.parts, id, user_id=world.owner_id, now=NOW)
    return id


def pursued(world: World, client: FlaskClient) -> int:
    id = accepted(world)
    answer = client.post("/opportunities/new", data={**DEAL, "hand_off": str(id)})
    return int(re.findall(r"/opportunities/(\d+)", answer.headers["Location"])[0])


def test_sales_take_what_they_are_offered(world: World, client: FlaskClient) -> None:
    id = offered(world)
    page = client.get("/hand-offs").text
    assert "営業の信頼度 25%" in page
    assert "今週の受入枠 残り5" in page
    assert "担当が決まっていません" in page
    client.post(f"/hand-offs/{id}/accept")
    assert world.rows("select state from product_leads")[0].state == "with_sales"
    assert "案件にする" in client.get("/hand-offs?show=accepted").text


def test_a_return_without_a_reason_is_said_at_its_place_and_nothing_is_lost(
    world: World, client: FlaskClient
) -> None:
    id = offered(world)
    answer = client.post(f"/hand-offs/{id}/return", data={"reason": "来期なら", "show": "waiting"})
    assert answer.status_code == 422
    assert "差し戻す理由を選んでください" in answer.text
    assert 'value="来期なら"' in answer.text
    assert 'name="seen" value="offered"' in answer.text
    client.post(
        f"/hand-offs/{id}/return", data={"code": "no_budget", "reason": "来期なら", "seen": "offered"}
    )
    ended = client.get("/hand-offs?state=returned").text
    assert "予算がない：来期なら" in ended
    assert "来期なら" in client.get("/hand-offs/trust").text


def test_somebody_out_of_bounds_is_refused_in_words(world: World, client: FlaskClient) -> None:
    id = offered(world)
    world.run("update people set excluded_reason = 'competitor'")
    answer = client.post(f"/hand-offs/{id}/accept", follow_redirects=True)
    assert "対象外（退職・競合など）のため、引き渡せません" in answer.text
    assert world.rows("select state from hand_offs")[0].state == "offered"


def test_held_people_are_listed_with_what_would_free_them(world: World, client: FlaskClient) -> None:
    world.run("update products set gate = 0.01")
    with world.parts.engine.begin() as tx:
        tx.exec_driver_sql(
            "insert into sales_team_states (product_id, appetite, capacity_per_week, set_at)"
            f" values ({world.press_id}, 'selective', 5, '2026-11-23')"
        )
    person = world.person(touches=[("booth_talk_prospect", 1), ("doc_request", 1)])
    rerank.people(world.parts, [person], now=NOW)
    page = client.get("/hand-offs?show=held").text
    assert "推定受注率が基準に届きません" in page
    assert "ポイント上がれば引き渡せます" in page
    assert "営業が「通常」なら引き渡せます" in page


def test_a_reply_is_awaited_from_the_list(world: World, client: FlaskClient) -> None:
    id = accepted(world)
    early = client.post(f"/hand-offs/{id}/wait", data={"due_on": "2026-11-20", "show": "accepted"})
    assert early.status_code == 422
    assert "明日からの日付を入れてください" in early.text
    client.post(f"/hand-offs/{id}/wait", data={"due_on": "", "show": "accepted"})
    assert "返事待ち 12/24まで" in client.get("/hand-offs?show=accepted").text
    client.post(f"/hand-offs/{id}/answered")
    assert world.rows("select state from product_leads")[0].state == "with_sales"


def test_an_end_without_its_reason_is_said_at_its_place(world: World, client: FlaskClient) -> None:
    id = accepted(world)
    wrong = client.post(f"/hand-offs/{id}/end", data={"result": "rival", "show": "accepted"})
    assert wrong.status_code == 422
    assert "決まった相手の会社名を入れてください" in wrong.text
    won = client.post(f"/hand-offs/{id}/end", data={"result": "won", "amount_yen": "1", "show": "accepted"})
    assert won.status_code == 422  # an order is an opportunity's
    client.post(f"/hand-offs/{id}/end", data={"result": "no_deal", "reason": "予算"})
    assert world.rows("select state from hand_offs")[0].state == "no_deal"


def test_the_manager_names_a_rep_and_says_how_much_sales_take(world: World, sign_in: SignIn) -> None:
    id = offered(world)
    sign_in("field_sales", name="森下 健")
    manager = sign_in("sales_manager")
    rep = world.rows("select id from users where role = 'field_sales'")[0].id
    manager.post(f"/hand-offs/{id}/rep", data={"rep_user_id": str(rep)})
    assert "森下 健" in manager.get("/hand-offs").text
    wrong = manager.post(
        "/hand-offs/trust",
        data={"product": str(world.press_id), "appetite": "hungry", "capacity_per_week": "たくさん"},
    )
    assert wrong.status_code == 422
    manager.post(
        "/hand-offs/trust",
        data={"product": str(world.press_id), "appetite": "hungry", "capacity_per_week": "3"},
    )
    assert "残り3" in manager.get("/hand-offs").text


def test_only_sellers_answer_and_everybody_reads(world: World, sign_in: SignIn) -> None:
    id = offered(world)
    marketer = sign_in("marketer")
    assert "営業が回答します" in marketer.get("/hand-offs").text
    assert marketer.post(f"/hand-offs/{id}/accept").status_code == 403
    assert sign_in("field_sales").post(f"/hand-offs/{id}/accept").status_code == 303


def test_an_order_is_told_on_the_persons_timeline(world: World, client: FlaskClient) -> None:
    deal = pursued(world, client)
    page = client.get(f"/opportunities/{deal}").text
    assert "1,680万円" in page
    wrong = client.post(
        f"/opportunities/{deal}/close", data={"result": "won", "amount_yen": "-1", "version": "1"}
    )
    assert wrong.status_code == 422
    assert "マイナスの金額は入れられません" in wrong.text
    client.post(
        f"/opportunities/{deal}/close", data={"result": "won", "amount_yen": "1,500万円", "version": "1"}
    )
    person = world.rows("select person_id from product_leads")[0].person_id
    timeline = client.get(f"/people/{person}").text
    for step in ("営業へ引き渡し", "営業が受け入れ", "案件化", "受注"):
        assert step in timeline
    assert "1,500万円" in client.get("/opportunities?result=won").text
    assert "受注" in client.get("/hand-offs?state=won").text


def test_a_list_is_summed_and_narrowed(world: World, client: FlaskClient) -> None:
    pursued(world, client)
    page = client.get("/opportunities").text
    assert "1,680万円" in page
    assert "1,008万円" in page  # by the forecast of 60 %
    assert "当てはまる案件はありません" in client.get("/opportunities?month=2027-04").text
    assert "検査装置" in client.get("/opportunities?month=2027-03&stage=quote").text
    assert "当てはまる案件はありません" in client.get("/opportunities?stage=trial").text
    for odd in ("?month=x", "?owner=x&product=99999999999999999999", "?result=x&stage=x&page=-1"):
        assert client.get(f"/opportunities{odd}").status_code == 200


def test_a_bad_form_keeps_what_was_typed(world: World, client: FlaskClient) -> None:
    id = accepted(world)
    data = {**DEAL, "hand_off": str(id), "amount_yen": "いっぱい", "expected_on": "2020-01-01"}
    answer = client.post("/opportunities/new", data=data)
    assert answer.status_code == 422
    assert 'value="いっぱい"' in answer.text
    assert "金額として読み取れません" in answer.text
    assert "今日より前の日付です" in answer.text
    assert "2か所を直してください" in answer.text


def test_an_opportunity_by_hand_begins_with_a_company(world: World, client: FlaskClient) -> None:
    world.person()
    company = world.rows("select id, name from companies")[0]
    assert company.name in client.get("/opportunities/new?q=工業").text
    data = {**DEAL, "company_id": str(company.id), "product_id": str(world.pump_id)}
    client.post("/opportunities/new", data=data)
    assert world.rows("select company_id from opportunities")[0].company_id == company.id


def test_who_saves_second_sees_both_values(world: World, client: FlaskClient) -> None:
    deal = pursued(world, client)
    client.post(f"/opportunities/{deal}", data={**DEAL, "name": "先の名前", "version": "1"})
    answer = client.post(f"/opportunities/{deal}", data={**DEAL, "name": "後の名前", "version": "1"})
    assert answer.status_code == 409
    assert "先の名前" in answer.text
    assert "後の名前" in answer.text


@pytest.mark.parametrize("locale", ["ja", "en"])
@pytest.mark.parametrize(
    "path",
    [
        "/hand-offs", "/hand-offs?show=held", "/hand-offs?show=accepted", "/hand-offs?show=ended",
        "/hand-offs/trust", "/opportunities", "/opportunities?result=closed", "/opportunities/new", "/classes",
        "/classes/missing",
    ],
)  # fmt: skip
def test_pages_stand_in_both_languages_empty_and_full(
    world: World, sign_in: SignIn, path: str, locale: str
) -> None:
    reader = sign_in("sales_manager", locale=locale)
    assert reader.get(path).status_code == 200
    accepted(world)
    offered(world)
    assert reader.get(path).status_code == 200


def test_the_forms_read_back_what_they_show_in_either_language(world: World, sign_in: SignIn) -> None:
    """A saved amount is shown in the field so that saving it again changes nothing."""
    reader = sign_in("admin", locale="en")
    deal = pursued(world, reader)
    shown = re.search(r'name="amount_yen"[^>]*value="([^"]*)"', reader.get(f"/opportunities/{deal}").text)
    assert shown is not None
    data = {**DEAL, "amount_yen": shown[1], "version": "1"}
    assert reader.post(f"/opportunities/{deal}", data=data).status_code == 303
    assert world.rows("select amount_yen from opportunities")[0].amount_yen == 16_800_000


def reader(world: World) -> str:
    """The page that hands over somebody who has only read so far."""
    person = world.person(touches=[("web_view", 3), ("doc_request", 2)])
    rerank.people(world.parts, [person], now=NOW)
    return f"/people/{person}/products/{world.press_id}"


def test_a_lead_is_offered_from_its_page_with_what_the_gate_says_and_a_reason(
    world: World, sign_in: SignIn
) -> None:
    caller, page = sign_in("inside_sales", name="古川 誠"), reader(world)
    person = page.split("/")[2]
    assert f'href="{page}/hand-off"' in caller.get(f"/people/{person}").text
    shown = caller.get(f"{page}/hand-off").text
    assert "今すぐ客ではないため、自動では引き渡しません。" in shown
    assert "今週の受入枠に数えます" in shown
    wrong = caller.post(f"{page}/hand-off", data={"words": " "})
    assert wrong.status_code == 422
    assert "理由を書いてください" in wrong.text
    answer = caller.post(f"{page}/hand-off", data={"words": "社長から直接ご相談"}, follow_redirects=True)
    assert "様の引き渡しを営業に提案しました" in answer.text
    listed = sign_in("field_sales").get("/hand-offs").text
    assert "古川 誠さんが手で引き渡し" in listed
    assert "社長から直接ご相談" in listed
    again = caller.post(f"{page}/hand-off", data={"words": "もう一度"})
    assert again.status_code == 409
    assert "すでに引き渡しを提案しています" in again.text


def test_an_excluded_person_is_not_offered_and_the_page_says_why(world: World, client: FlaskClient) -> None:
    page = reader(world)
    world.run("update people set excluded_reason = 'competitor'")
    answer = client.post(f"{page}/hand-off", data={"words": "それでも"})
    assert answer.status_code == 422
    assert "対象外（退職・競合など）のため、引き渡せません。何も変えていません。" in answer.text
    assert world.rows("select 1 from hand_offs") == []


def test_field_sales_offer_nothing_to_themselves(world: World, sign_in: SignIn) -> None:
    page = reader(world)
    assert sign_in("field_sales").get(f"{page}/hand-off").status_code == 403


def test_a_lead_is_put_to_rest_and_taken_up_again_on_its_page(world: World, client: FlaskClient) -> None:
    page = reader(world)
    person = page.split("/")[2]
    wrong = client.post(f"{page}/pause", data={"until": "2026-11-20", "reason": ""})
    assert wrong.status_code == 422
    assert "明日からの日付を入れてください" in wrong.text
    assert "止める理由を入れてください" in wrong.text
    client.post(f"{page}/pause", data={"until": "2027-01-15", "reason": "決算が終わるまで"})
    shown = client.get(f"/people/{person}").text
    assert "まで連絡を止めています" in shown
    assert "決算が終わるまで" in shown
    assert "2027年1月15日（金）まで、この商材の連絡はしません。" in shown
    assert "その日が来るか、問い合わせ・見積の依頼があるか、再開すると、また送ります。" in shown
    assert "情報メールを続け" not in shown
    assert "電話や引き渡しの結果で再開します" not in shown
    client.post(f"{page}/resume")
    assert "まで連絡を止めています" not in client.get(f"/people/{person}").text
    assert world.rows("select state from product_leads")[0].state == "nurturing"


def test_the_risk_of_a_rival_is_seen_on_the_person_and_in_the_list(world: World, client: FlaskClient) -> None:
    offered(world)
    world.run(
        "insert into catalogues (company_id, rival_risk, competitors, touched_at, created_at)"
        " select company_id, 'high', '光星テック', :now, :now from affiliations",
        now=NOW,
    )
    person = world.rows("select id from people")[0].id
    shown = client.get(f"/people/{person}").text
    assert "カタログの判断は「高」です。" in shown
    assert "競合：光星テック" in shown
    assert "他決リスク" in client.get("/hand-offs").text
    world.run("update catalogues set rival_risk = 'low'")
    assert "他決リスク" not in client.get("/hand-offs").text


def test_an_answer_to_a_hand_off_that_is_gone_is_said_in_words(world: World, client: FlaskClient) -> None:
    id = offered(world)
    world.run("delete from hand_offs")
    answer = client.post(f"/hand-offs/{id}/accept", follow_redirects=True)
    assert "この引き渡しは、もうありません。" in answer.text


def test_opportunities_are_counted_by_their_result_and_each_count_leads_to_its_list(
    world: World, client: FlaskClient
) -> None:
    pursued(world, client)
    world.run("update opportunities set rival_risk = true")
    page = client.get("/opportunities").text
    assert '進行中<span class="n">1</span>' in page
    assert '受注<span class="n">0</span>' in page
    assert re.search(r'href="[^"]*risk=1[^"]*"[^>]*>他決リスクあり<span class="n">1</span>', page)


def test_an_opportunity_for_an_excluded_person_is_refused_at_its_place(
    world: World, client: FlaskClient
) -> None:
    person = world.person()
    world.run("update people set excluded_reason = 'left'")
    data = {**DEAL, "person_id": str(person), "product_id": str(world.press_id)}
    answer = client.post(f"/opportunities/new?person_id={person}", data=data)
    assert answer.status_code == 422
    assert "対象外（退職・競合など）の方です。案件にはできません。" in answer.text
