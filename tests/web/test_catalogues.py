"""The catalogue's page: read by all of sales, written by its owner, field by field; the list; the diary."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

import pypdfium2
import pytest
from flask import Flask
from flask.testing import FlaskClient

from campaigns.parts import Parts
from campaigns.services import write_asica, write_diary
from campaigns.services.write_diary import Told
from campaigns.storage.users import User
from tests.services import tracked_house
from tests.services.tracked_house import TrackedHouse


@pytest.fixture
def house(parts: Parts, now: datetime) -> TrackedHouse:
    return tracked_house.build(parts, now)


def browser(app: Flask, user: User) -> FlaskClient:
    client = app.test_client()
    with client.session_transaction() as session:
        session["_user_id"], session["_fresh"] = f"{user.id}:1", True
    return client


def post(client: FlaskClient, path: str, **form: object) -> tuple[int, str]:
    answer = client.post(path, data=form)
    return answer.status_code, answer.text


def test_everybody_of_sales_reads_a_catalogue_and_only_its_owner_finds_its_fields_open(
    app: Flask, house: TrackedHouse
) -> None:
    path = f"/catalogues/{house.catalogue_id}"
    for user, may in ((house.owner, True), (house.manager, True), (house.colleague, False)):
        answer = browser(app, user).get(path)
        assert answer.status_code == 200
        assert ("edit=profile" in answer.text) is may
        for word in (
            "企業概要",
            "導入予測時期",
            "概算予算",
            "決裁者",
            "企業風土",
            "稟議",
            "課題",
            "ブースで15分。",
        ):
            assert word in answer.text


def test_a_field_is_edited_in_place_and_says_who_and_when(app: Flask, house: TrackedHouse) -> None:
    client, path = browser(app, house.owner), f"/catalogues/{house.catalogue_id}"
    opened = client.get(path + "?edit=budget").text
    assert 'name="budget_min_yen"' in opened
    answer = client.post(
        path + "/fields/budget", data={"budget_min_yen": "1,500万", "budget_max_yen": "2,200万", "version": 0}
    )
    assert answer.status_code == 303
    assert answer.headers["Location"].endswith("#c-budget")
    shown = client.get(path).text
    assert "1,500〜2,200万円" in shown
    assert "森下 健 11/24" in shown


def test_what_cannot_be_saved_stays_in_its_field_with_the_reason(app: Flask, house: TrackedHouse) -> None:
    client, path = browser(app, house.owner), f"/catalogues/{house.catalogue_id}"
    status, page = post(
        client, path + "/fields/budget", budget_min_yen="たくさん", budget_max_yen="", version=0
    )
    assert status == 422
    assert 'value="たくさん"' in page
    assert "1円単位まで" in page


def test_a_conflict_shows_both_values_and_overwrites_nothing(app: Flask, house: TrackedHouse) -> None:
    path = f"/catalogues/{house.catalogue_id}/fields/profile"
    assert post(browser(app, house.manager), path, profile="先に書いた", version=0)[0] == 303
    status, page = post(browser(app, house.owner), path, profile="あとから書いた", version=0)
    assert status == 409
    assert "先に書いた" in page
    assert "あとから書いた" in page
    assert house.catalogue().profile == "先に書いた"
    # Looked at and saved again, it is theirs.
    assert 'name="version" value="1"' in page
    assert post(browser(app, house.owner), path, profile="あとから書いた", version=1)[0] == 303


@pytest.mark.parametrize(
    ("path", "form"),
    [
        ("fields/profile", {"profile": "x", "version": 0}),
        ("extras", {"label": "x", "value": "y"}),
        ("sheets", {"product": 1}),
    ],
)
def test_who_does_not_follow_the_company_is_refused(
    app: Flask, house: TrackedHouse, path: str, form: dict[str, object]
) -> None:
    assert post(browser(app, house.colleague), f"/catalogues/{house.catalogue_id}/{path}", **form)[0] == 403


def test_moving_on_without_the_issue_warns_and_can_be_overridden(app: Flask, house: TrackedHouse) -> None:
    client, sheet = browser(app, house.owner), house.sheet()
    path = f"/catalogues/{house.catalogue_id}/sheets/{sheet.id}/moves"
    status, page = post(client, path, to="solution", why="急ぎ", version=1, sheet=house.product_id)
    assert status == 422
    assert "それでも「解決」に進める" in page
    assert 'value="急ぎ"' in page
    assert (
        post(client, path, to="solution", why="急ぎ", version=1, sheet=house.product_id, forced=1)[0] == 303
    )
    assert house.sheet().stage == "solution"
    assert "課題が空のまま" in client.get(f"/catalogues/{house.catalogue_id}?history=1").text


def test_an_answer_is_written_and_a_stale_one_shows_what_holds(app: Flask, house: TrackedHouse) -> None:
    client, sheet = browser(app, house.owner), house.sheet()
    path = f"/catalogues/{house.catalogue_id}/sheets/{sheet.id}/answers"
    form = {"stage": "assignment", "prompt": "needs", "sheet": house.product_id}
    assert post(client, path, **form, words="省人化", seen=0)[0] == 303
    status, page = post(client, path, **form, words="別の話", seen=0)
    assert status == 409
    assert "省人化" in page
    assert "別の話" in page


def test_a_diary_entry_from_the_catalogue_is_at_once_in_everybodys_view(
    app: Flask, house: TrackedHouse
) -> None:
    form = {
        "key": "1", "kind": "visit", "text": "実機を見たい", "company": house.company_id,
        "catalogue": house.catalogue_id, "met": house.contact_id,
        "next_kind": "mail", "next_on": "2026-11-25", "next_note": "見積を送る",
    }  # fmt: skip
    assert post(browser(app, house.colleague), "/diary", **form)[0] == 303
    for path in (
        f"/catalogues/{house.catalogue_id}",
        "/diary?user=all",
        f"/diary?user={house.colleague.id}&day=2026-11-24",
    ):
        page = browser(app, house.manager).get(path).text
        assert "実機を見たい" in page
        assert "次のアクション「見積を送る」" in page


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"text": ""}, "聞いたこと"),
        ({"kind": ""}, "種類を選んで"),
        ({"day": "2026-11-30"}, "まだ来ていない"),
        ({"day": "きのう"}, "日時の形"),
        ({"next_kind": "call", "next_on": ""}, "種類と日付"),
        ({"next_kind": "call", "next_on": "2026-11-01"}, "過去の日付"),
    ],
)
def test_a_diary_entry_that_cannot_be_keeps_what_was_typed(
    app: Flask, house: TrackedHouse, changed: dict[str, object], said: str
) -> None:
    form = {
        "key": "1",
        "kind": "visit",
        "text": "長い話",
        "company": house.company_id,
        "catalogue": house.catalogue_id,
    }
    status, page = post(browser(app, house.owner), "/diary", **(form | changed))
    assert status == 422
    assert said in page
    assert changed.get("text", "長い話") in page


def test_a_comment_is_told_and_becomes_a_task_in_one_press(app: Flask, house: TrackedHouse) -> None:
    colleague, owner = browser(app, house.colleague), browser(app, house.owner)
    form = {"on_kind": "catalogue", "on_id": house.catalogue_id, "catalogue": house.catalogue_id}
    back = f"/catalogues/{house.catalogue_id}#diary"
    assert post(colleague, "/comments", **form, words="購買の○○さんから攻めるとよい", next=back)[0] == 303
    assert "コメントがありました" in owner.get("/alerts").text
    assert f"/catalogues/{house.catalogue_id}" in owner.get("/alerts").text
    [row] = house.rows("select id from comments")
    assert post(owner, f"/comments/{row.id}/task", next=back)[0] == 303
    assert "次のアクションにしました" in owner.get(f"/catalogues/{house.catalogue_id}").text
    status, page = post(colleague, "/comments", **form, words=" ", next=back)
    assert (status, "コメントを書いてください" in page) == (422, True)


def test_a_nomination_is_answered_on_the_page(app: Flask, house: TrackedHouse) -> None:
    path = f"/catalogues/{house.catalogue_id}"
    assert post(browser(app, house.owner), path + "/owner", user=house.colleague.id)[0] == 303
    colleague = browser(app, house.colleague)
    assert "担当に推薦されています" in colleague.get(path).text
    assert post(colleague, path + "/owner/answer", answer="yes")[0] == 303
    assert "担当 大森 沙織（他薦）" in colleague.get(path).text


def test_the_list_filters_by_owner_staleness_stage_product_and_month(
    app: Flask, house: TrackedHouse, now: datetime
) -> None:
    owner, other = browser(app, house.owner), browser(app, house.colleague)
    name = house.catalogue().company
    assert name in owner.get("/catalogues").text
    assert name in owner.get("/catalogues?mine=1").text
    assert name not in other.get("/catalogues?mine=1").text
    assert name not in owner.get("/catalogues?show=stale").text
    house.parts.clock.move_to(now + timedelta(days=15))
    assert name in owner.get("/catalogues?show=stale").text
    assert name in owner.get(f"/catalogues?stage=assignment&product={house.product_id}").text
    assert name not in owner.get("/catalogues?stage=action").text
    assert name not in owner.get(f"/catalogues?month={2027 * 12 + 3}").text
    post(owner, f"/catalogues/{house.catalogue_id}/fields/expected", expected_month="2027-04", version=0)
    assert name in owner.get(f"/catalogues?month={2027 * 12 + 3}").text


def test_a_day_comes_as_paper_and_a_month_as_a_list(app: Flask, house: TrackedHouse, now: datetime) -> None:
    told = Told(key="1", kind="internal", text="治具の概算を確認", at=now, company_id=house.company_id)
    write_diary.run(house.parts, told, user_id=house.owner.id, now=now)
    client = browser(app, house.manager)
    paper = client.get(f"/diary/day.pdf?user={house.owner.id}&day=2026-11-24")
    assert paper.mimetype == "application/pdf"
    assert paper.data.startswith(b"%PDF")
    sheet = client.get(f"/diary/month.csv?user={house.owner.id}&month=2026-11").data.decode("utf-8-sig")
    assert [line.split(",")[2] for line in sheet.splitlines()] == ["営業", "森下 健"]
    assert "治具の概算を確認" in sheet


def test_a_catalogue_can_be_made_by_hand_from_the_companys_page(app: Flask, house: TrackedHouse) -> None:
    with house.parts.engine.begin() as tx:
        tx.exec_driver_sql("delete from catalogues")
    client = browser(app, house.colleague)
    assert "カタログを作る" in client.get(f"/companies/{house.company_id}").text
    answer = client.post("/catalogues", data={"company": house.company_id})
    assert answer.status_code == 303
    assert client.get(answer.headers["Location"]).status_code == 200
    assert client.post("/catalogues", data={"company": 999_999}).status_code == 404


def test_a_companys_page_shows_people_by_role_who_is_missing_and_all_touches(
    app: Flask, house: TrackedHouse
) -> None:
    page = browser(app, house.colleague).get(f"/companies/{house.company_id}").text
    for word in (
        "購買にかかわる人",
        "まだいない役割",
        "経理",
        "企業の時間軸",
        "説明員対応",
        "ブースで15分。",
        "案件",
        "トラッキングカタログ",
    ):
        assert word in page


def test_a_companys_touches_come_in_pages(app: Flask, house: TrackedHouse, now: datetime) -> None:
    with house.parts.engine.begin() as tx:
        tx.exec_driver_sql(
            "insert into touchpoints (source_key, person_id, company_id, kind, channel, depth, at, note, created_at)"
            f" select 'many:' || n, {house.contact_id}, {house.company_id}, 'web_view', 'online', 1,"
            f" timestamptz '{now.isoformat()}' - n * interval '1 hour', 'ページ' || n, now()"
            " from generate_series(1, 40) n"
        )
    client = browser(app, house.colleague)
    first = client.get(f"/companies/{house.company_id}").text
    assert "ページ30" in first
    assert "ページ31" not in first
    link = first.split("以前の接点")[0].rsplit('href="', 1)[1].split('"')[0].replace("&amp;", "&")
    older = client.get(link).text
    assert "ページ31" in older
    assert "ページ30<" not in older
    assert "ブースで15分。" in older


@pytest.mark.parametrize(
    "path", ["/catalogues/999999", "/catalogues/999999?edit=profile", "/catalogues/1/fields/nothing"]
)
def test_what_is_not_there_is_not_found(app: Flask, house: TrackedHouse, path: str) -> None:
    client = browser(app, house.owner)
    answer = client.post(path) if "fields" in path else client.get(path)
    assert answer.status_code == 404


def test_a_contact_is_added_with_who_introduced_them_and_never_twice(app: Flask, house: TrackedHouse) -> None:
    client, path = browser(app, house.owner), f"/companies/{house.company_id}/people"
    form = {
        "name": "小野 由美",
        "email": "ono@hamana-techno.example",
        "buying_role": "経理",
        "from": house.contact_id,
    }
    assert post(client, path, **form)[0] == 303
    [row] = house.rows(
        "select p.id, f.buying_role, i.from_person_id from people p join affiliations f on f.person_id = p.id"
        " join introductions i on i.to_person_id = p.id where p.full_name = '小野 由美'"
    )
    assert (row.buying_role, row.from_person_id) == ("経理", house.contact_id)
    assert not house.rows("select 1 from consents where person_id = :p", p=row.id)
    again = client.post(path, data=form | {"name": "小野由美", "email": ""})
    assert again.headers["Location"].endswith(f"/people/{row.id}")
    assert len(house.rows("select 1 from people where name_key = '小野由美'")) == 1
    status, page = post(client, path, name="", email="だめ")
    assert status == 422
    assert 'value="だめ"' in page


@pytest.mark.parametrize("odd", ["0001-01-01", "9999-12-31", "x", "²", "2026-02-30"])
def test_a_day_beyond_reckoning_is_no_day(app: Flask, house: TrackedHouse, odd: str) -> None:
    client = browser(app, house.owner)
    for path in (f"/diary?day={odd}", f"/diary/day.pdf?day={odd}", f"/diary/month.csv?month={odd[:7]}"):
        assert client.get(path).status_code == 200, path
    for path in (f"/catalogues/{house.catalogue_id}", f"/companies/{house.company_id}", "/diary"):
        assert client.get(f"{path}?before={odd}T00:00:00%2B00:00&touch=1").status_code == 200, path
        assert client.get(f"{path}?before=2026-11-24T00:00:00%2B00:00~x~{odd}").status_code == 200, path


def write_on_the_sheet(house: TrackedHouse, words: str, prompt: str = "needs") -> None:
    write_asica.answer(
        house.parts,
        house.catalogue_id,
        house.sheet().id,
        stage="assignment",
        prompt=prompt,
        words=words,
        seen=0,
        user=house.owner,
        now=house.now,
    )


def test_what_stands_on_an_asica_sheet_is_in_the_report_the_feed_the_list_and_on_both_timelines(
    app: Flask, house: TrackedHouse
) -> None:
    write_on_the_sheet(house, "検査員の省人化")
    write_asica.move(
        house.parts,
        house.catalogue_id,
        house.sheet().id,
        to="solution",
        version=1,
        user=house.owner,
        now=house.now,
    )
    client = browser(app, house.colleague)
    day = f"/diary?user={house.owner.id}&day=2026-11-24"
    for path in (day, f"/catalogues/{house.catalogue_id}"):
        page = client.get(path).text
        assert "課題 › 現在のニーズ" in page
        assert "課題 → 解決" in page
        assert 'name="on_kind" value="asica"' in page
    listed = client.get(f"/diary/month.csv?user={house.owner.id}&month=2026-11").data.decode("utf-8-sig")
    assert "課題 › 現在のニーズ：検査員の省人化\n課題 → 解決" in listed
    assert listed.count("ASICAシート") == 1
    for path in (f"/companies/{house.company_id}", f"/people/{house.contact_id}"):
        page = client.get(path).text
        assert "課題 → 解決" in page
        assert "検査員の省人化" in page


def test_a_day_on_paper_has_what_was_written_on_a_sheet(app: Flask, house: TrackedHouse) -> None:
    write_on_the_sheet(house, "検査員の省人化")
    data = browser(app, house.owner).get("/diary/day.pdf?day=2026-11-24").data
    said = "".join(page.get_textpage().get_text_range() for page in pypdfium2.PdfDocument(data))
    assert "検査員の省人化" in said
    assert "課題›現在のニーズ" in said.replace(" ", "")


def test_a_report_names_its_company_by_typing_and_loses_nothing_on_the_way(
    app: Flask, house: TrackedHouse
) -> None:
    client = browser(app, house.owner)
    name = house.catalogue().company
    form = {"key": "1", "kind": "visit", "text": "実機を見たい"}
    written = client.get("/diary").text.partition('action="/diary"')[2]
    assert "name=" not in re.findall(r"<button[^>]*>", written)[0]  # Enter in a field records
    status, page = post(client, "/diary", **form, company_name="ありえない名前", look="1")
    assert status == 422
    assert "見つかりません" in page
    assert "実機を見たい" in page
    status, page = post(client, "/diary", **form, company_name=name[:-1], look="1")
    assert status == 200
    assert f'name="company" value="{house.company_id}"' in page
    assert f'name="met" value="{house.contact_id}"' in page
    assert "実機を見たい" in page
    assert post(client, "/diary", **form, company=house.company_id, met=house.contact_id)[0] == 303
    [row] = house.rows("select company_id, met from diary_entries")
    assert (row.company_id, row.met) == (house.company_id, [house.contact_id])


def test_companies_of_one_name_are_offered_and_none_is_guessed(app: Flask, house: TrackedHouse) -> None:
    with house.parts.engine.begin() as tx:
        tx.exec_driver_sql(
            "insert into companies (name, core_key, created_at)"
            " select name || n, core_key || n, created_at from companies, generate_series(1, 2) n"
            f" where id = {house.company_id}"
        )
    client, half = browser(app, house.owner), house.catalogue().company[:-1]
    form = {"key": "1", "kind": "internal", "text": "x", "company_name": half}
    status, page = post(client, "/diary", **form)
    assert status == 422
    assert page.count('type="radio" name="company"') == 3
    assert not house.rows("select 1 from diary_entries")
    # The whole name is one company's.
    assert post(client, "/diary", **(form | {"company_name": house.catalogue().company}))[0] == 303


def test_the_report_of_who_has_left_is_read_on_the_page_and_on_paper(app: Flask, house: TrackedHouse) -> None:
    with house.parts.engine.begin() as tx:
        tx.exec_driver_sql(f"update users set is_active = false where id = {house.colleague.id}")
    client = browser(app, house.manager)
    assert "大森 沙織" in client.get(f"/diary?user={house.colleague.id}").text
    assert client.get(f"/diary/day.pdf?user={house.colleague.id}&day=2026-11-24").status_code == 200
    assert client.get("/diary/day.pdf?user=999999").status_code == 404


def test_an_own_field_that_was_removed_is_put_back_by_one_press(app: Flask, house: TrackedHouse) -> None:
    client, path = browser(app, house.owner), f"/catalogues/{house.catalogue_id}"
    assert post(client, path + "/extras", label="工場の数", value="3")[0] == 303
    [row] = house.rows("select id from catalogue_extras")
    status, page = post(client, path + "/extras", extra=row.id, version=1, label="工場の数", value="")
    assert status == 422
    assert "内容を入れてください" in page
    answer = client.post(
        path + "/extras", data={"extra": row.id, "version": 1, "label": "工場の数", "remove": "1"}
    )
    shown = client.get(answer.headers["Location"]).text
    assert "「工場の数」を消しました" in shown
    assert 'name="value" value="3"' in shown
    assert post(client, path + "/extras", label="工場の数", value="3")[0] == 303
    assert house.rows("select 1 from catalogue_extras where value = '3'")


def test_a_wish_to_follow_a_colleagues_company_is_answered_on_its_page(
    app: Flask, house: TrackedHouse
) -> None:
    path = f"/catalogues/{house.catalogue_id}"
    mine, theirs = browser(app, house.colleague), browser(app, house.owner)
    assert "担当を希望する（自薦）" in mine.get(path).text
    answer = mine.post(path + "/owner", data={"user": house.colleague.id})
    assert "希望を送りました" in mine.get(answer.headers["Location"]).text
    assert "了承する" not in mine.get(path).text
    assert "大森 沙織さんが担当を希望しています。" in theirs.get(path).text
    assert post(theirs, path + "/owner/answer", answer="yes")[0] == 303
    assert house.catalogue().owner == "大森 沙織"


def test_a_long_answer_can_be_read_whole_by_who_may_not_edit(app: Flask, house: TrackedHouse) -> None:
    write_on_the_sheet(house, "流出不良の原因を工程ごとに分けて調べたい。" * 10)
    page = browser(app, house.colleague).get(f"/catalogues/{house.catalogue_id}").text
    assert '<details class="more over">' in page
    assert "続きは画面で" not in page
    write_on_the_sheet(house, "流出不良の原因を工程ごとに分けて調べたい。" * 20, prompt="impact")
    assert "続きは画面で" in browser(app, house.colleague).get(f"/catalogues/{house.catalogue_id}").text


def test_everybody_of_a_large_company_can_be_marked_as_met(app: Flask, house: TrackedHouse) -> None:
    with house.parts.engine.begin() as tx:
        tx.exec_driver_sql(
            "with made as (insert into people (full_name, name_key, created_at)"
            " select '社員' || n, '社員' || n, now() from generate_series(1, 20) n returning id)"
            f" insert into affiliations (person_id, company_id) select id, {house.company_id} from made"
        )
    page = browser(app, house.owner).get(f"/catalogues/{house.catalogue_id}").text
    assert page.count('name="met"') == 22
    assert "ほか10名" in page
