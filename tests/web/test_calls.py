"""The call list and the desk as people use them: order, results, conflicts, undo, files."""

from __future__ import annotations

import csv
import io
import re
from datetime import timedelta

import pytest
from flask.testing import FlaskClient
from openpyxl import load_workbook

from campaigns.parts import Parts
from campaigns.rules.outcomes import CallResult
from campaigns.services import line_calls, record_call, rerank
from tests.conftest import NOW
from tests.services.world import World
from tests.web.conftest import SignIn


@pytest.fixture
def world(parts: Parts) -> World:
    return World.build(parts, NOW)


def called(world: World, name: str = "若林 拓也", **more: object) -> tuple[int, int, int]:
    """A hot person with an open call: (person, task, version)."""
    person = world.person(touches=[("booth_talk_prospect", 20), ("doc_request", 3)], **more)
    world.run("update people set full_name = :n where id = :p", n=name, p=person)
    rerank.people(world.parts, [person], now=NOW)
    task = next(t for t in world.tasks(person) if t.kind == "call")
    return person, task.id, task.version


def test_the_list_says_why_each_person_is_called_now(world: World, client: FlaskClient) -> None:
    called(world)
    page = client.get("/calls")
    assert page.status_code == 200
    text = re.sub(r"<[^>]+>|\s+", " ", page.text)
    assert re.search(r"11/04\s+説明員対応（見込みあり）\s+→\s+11/21\s+資料請求", text)


def test_a_result_is_recorded_and_the_next_person_comes(world: World, client: FlaskClient) -> None:
    _, task, version = called(world)
    _, other, _ = called(world, "相馬 直樹")
    answer = client.post(f"/calls/{task}", data={"version": version, "result": "interest", "note": "3社比較"})
    assert answer.status_code == 303
    assert client.get(answer.location).location == f"/calls/{other}"
    assert "記録しました：興味あり" in client.get(f"/calls/{other}").text
    assert world.rows("select note from call_attempts")[0].note == "3社比較"


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"result": "callback"}, "再架電は、約束の日付と時刻が必要です。"),
        ({"result": "callback", "on": "2026-11-26"}, "再架電は、約束の日付と時刻が必要です。"),
        ({"result": "callback", "on": "2026-11-01", "at": "10:00"}, "過ぎた日時です。"),
        ({"result": "callback", "on": "来週", "at": "10:00"}, "日付は 2026-11-26 の形で"),
        ({"result": "callback", "on": "2026-11-26", "at": "昼"}, "時刻は 14:00 の形で"),
        ({"result": "callback", "at": "10:00"}, "日付も入れてください。"),
        ({"result": "appointment", "on": "2026-11-26"}, "訪問の時刻も入れてください。"),
        ({"result": "appointment", "at": "10:00"}, "日付も入れてください。"),
        ({"result": "absent", "on": "2026-11-26", "at": "14:00"}, "「担当不在」に日時は入れられません。"),
        ({"result": "interest", "on": "2026-11-26"}, "約束の日時なら「再架電」を選び"),
        ({"result": "not_now", "on": "2026-10-31"}, "過ぎた日時です。"),
        ({"result": "not_now", "on": "2206-04-01"}, "先すぎる日時です。"),
        ({"result": ""}, "結果を1つ選んでください。"),
        ({"result": "bought"}, "結果を1つ選んでください。"),
    ],
)
def test_what_is_missing_is_said_and_the_note_stays(
    world: World, client: FlaskClient, data: dict[str, str], words: str
) -> None:
    _, task, version = called(world)
    page = client.post(f"/calls/{task}", data={"version": version, "note": "上長と一緒に", **data})
    assert page.status_code == 422
    assert words in page.text
    assert "上長と一緒に" in page.text
    assert all(f'value="{data[name]}"' in page.text for name in ("on", "at") if name in data)
    assert world.rows("select count(*) as n from call_attempts")[0].n == 0


def test_the_time_of_a_call_back_is_that_of_the_installation(world: World, client: FlaskClient) -> None:
    _, task, version = called(world)
    client.post(
        f"/calls/{task}", data={"version": version, "result": "callback", "on": "2026-11-26", "at": "14:00"}
    )
    world.settle()
    promised = world.rows("select promised_at from tasks where id = :t", t=task)[0].promised_at
    assert promised.isoformat() == "2026-11-26T05:00:00+00:00"


def test_two_people_at_one_call_lose_nothing(world: World, sign_in: SignIn) -> None:
    _, task, version = called(world)
    one = sign_in("inside_sales", email="a@minori.example", name="森下 香")
    two = sign_in("inside_sales", email="b@minori.example", name="大森 健")
    one.post(f"/calls/{task}", data={"version": version, "result": "talked", "note": "先の人"})
    page = two.post(
        f"/calls/{task}", data={"version": version, "result": "interest", "note": "あとの人のメモ"}
    )
    assert page.status_code == 409
    assert "森下 香" in page.text
    assert "あとの人のメモ" in page.text
    assert [row.note for row in world.rows("select note from call_attempts")] == ["先の人"]


def test_a_retry_by_a_colleague_keeps_the_form_open_with_its_words(world: World, sign_in: SignIn) -> None:
    _, task, version = called(world)
    one = sign_in("inside_sales", email="a@minori.example", name="森下 香")
    two = sign_in("inside_sales", email="b@minori.example", name="大森 健")
    one.post(f"/calls/{task}", data={"version": version, "result": "no_answer"})
    world.settle()
    page = two.post(f"/calls/{task}", data={"version": version, "result": "talked", "note": "話せた"})
    assert page.status_code == 409
    assert "先に森下 香さんが電話しました" in page.text
    assert f'name="version" value="{version + 2}"' in page.text
    assert "話せた" in page.text


def test_undo_brings_back_the_call_with_its_note(world: World, client: FlaskClient) -> None:
    _, task, version = called(world)
    note = "押し間違い" * 800
    typed = {"result": "callback", "note": note, "on": "2026-11-26", "at": "14:00"}
    client.post(f"/calls/{task}", data={"version": version, **typed})
    answer = client.post("/calls/undo")
    assert answer.location == f"/calls/{task}", "no words of a talk in an address"
    page = client.get(answer.location).text
    assert note in page
    assert 'value="2026-11-26"' in page
    assert 'value="14:00"' in page
    assert world.rows("select count(*) as n from call_attempts")[0].n == 0
    assert "取り消せる記録がありません" in client.post("/calls/undo", follow_redirects=True).text


def test_what_was_typed_before_an_undo_is_for_who_typed_it_until_the_next_result(
    world: World, sign_in: SignIn
) -> None:
    _, task, version = called(world)
    one = sign_in("inside_sales", email="a@minori.example", name="森下 香")
    two = sign_in("inside_sales", email="b@minori.example", name="大森 健")
    one.post(f"/calls/{task}", data={"version": version, "result": "refused", "note": "押し間違い"})
    one.post("/calls/undo")
    assert "押し間違い" not in two.get(f"/calls/{task}").text
    assert "押し間違い" in one.get(f"/calls/{task}").text
    sent = one.post(f"/calls/{task}", data={"version": version + 2, "result": "no_answer"})
    assert sent.status_code == 303
    world.settle()
    assert "押し間違い" not in one.get(f"/calls/{task}").text


AGREES = (
    "insert into consents (address_id, basis, obtained_at, recorded_at)"
    " select id, 'opt_in', '2026-01-01', '2026-01-01' from addresses"
)


def test_a_refusal_of_calls_names_the_person_and_leads_to_the_refusals_of_mail(
    world: World, client: FlaskClient
) -> None:
    person, task, version = called(world, "若林 <拓也>")
    called(world, "相馬 直樹")
    world.run(AGREES)
    email = world.rows(
        "select email from addresses a join people p on p.address_id = a.id where p.id = :p", p=person
    )
    answer = client.post(f"/calls/{task}", data={"version": version, "result": "refused"})
    page = client.get(client.get(answer.location).location).text
    assert "若林 &lt;拓也&gt;様の電話のお断りを記録しました。ほかの商材のメールは続きます。" in page
    link = re.search(r'href="(/refusals[^"]+)"', page)
    assert link is not None
    form = client.get(link.group(1).replace("&amp;", "&"), follow_redirects=True).text
    assert f'value="{email[0].email}"' in form


@pytest.mark.parametrize(
    "gone",
    [
        "update addresses set status = 'hard'",
        "update consents set withdrawn_at = '2026-11-01'",
        "update people set address_id = null",
        "insert into suppressions (key_hash, scope, reason, evidence, at, lifted_reason)"
        " select key_hash, 'global', 'phone', '', '2026-11-01', '' from addresses",
    ],
)
def test_no_mail_is_promised_to_who_refused_calls_and_gets_none(
    gone: str, world: World, client: FlaskClient
) -> None:
    _person, task, version = called(world)
    called(world, "相馬 直樹")
    world.run(AGREES)
    world.run(gone)
    answer = client.post(f"/calls/{task}", data={"version": version, "result": "refused"})
    page = client.get(client.get(answer.location).location).text
    assert "電話のお断りを記録しました。" in page
    assert "メールは続きます" not in page


def test_every_number_can_be_dialled(world: World, client: FlaskClient) -> None:
    person, task, _ = called(world)
    world.run("update people set tel = '03-0000-0000', mobile = '090-0000-0000' where id = :p", p=person)
    assert re.findall(r'href="tel:([\d-]+)"', client.get(f"/calls/{task}").text) == [
        "03-0000-0000",
        "090-0000-0000",
    ]
    world.run("update people set tel_direct = '03-0000-0000' where id = :p", p=person)
    page = client.get(f"/calls/{task}").text
    assert re.findall(r'href="tel:([\d-]+)"', page) == ["03-0000-0000", "090-0000-0000"]
    assert "直通" in page


def token_of(page: str) -> str:
    found = re.search(r'data-token="([\w-]+)"', page)
    assert found is not None
    return found.group(1)


def test_whoever_opens_a_call_keeps_colleagues_off_the_company(world: World, sign_in: SignIn) -> None:
    _, task, version = called(world)
    one = sign_in("inside_sales", email="a@minori.example", name="森下 香")
    two = sign_in("inside_sales", email="b@minori.example", name="大森 健")
    page = one.get(f"/calls/{task}").text
    assert "この企業はあなたが対応中 10:00" in page
    assert two.get("/calls/desk").status_code == 200  # nothing is offered
    theirs = two.get(f"/calls/{task}").text
    assert "いま森下 香さんがこの企業に対応しています（10:00から）" in theirs
    assert "tel:" not in theirs
    # What was said on the phone is never lost, whoever holds the company.
    assert two.post(f"/calls/{task}", data={"version": version, "result": "talked"}).status_code == 303


def test_a_page_that_is_left_frees_the_company_and_another_page_does_not(
    world: World, sign_in: SignIn
) -> None:
    _, task, _ = called(world)
    one = sign_in("inside_sales", email="a@minori.example", name="森下 香")
    two = sign_in("inside_sales", email="b@minori.example", name="大森 健")
    old = token_of(one.get(f"/calls/{task}").text)
    new = token_of(one.get(f"/calls/{task}").text)
    assert one.post(f"/calls/{task}/hold", data={"token": old}).status_code == 409
    one.post(f"/calls/{task}/leave", data={"token": old})
    assert one.post(f"/calls/{task}/hold", data={"token": new}).status_code == 204
    two.post(f"/calls/{task}/leave", data={"token": new})  # a stranger frees nothing
    assert two.get("/calls/desk").status_code == 200
    one.post(f"/calls/{task}/leave", data={"token": new})
    assert two.get("/calls/desk").location == f"/calls/{task}"


def test_a_result_that_waits_can_be_taken_back_from_its_own_page(world: World, client: FlaskClient) -> None:
    _, task, version = called(world)
    client.post(f"/calls/{task}", data={"version": version, "result": "talked"})
    page = client.get(f"/calls/{task}").text
    assert "あなたが「通電（情報収集）」と記録しました。" in page
    assert 'data-left="60"' in page


def test_callers_are_offered_what_is_theirs_or_nobodys(world: World, sign_in: SignIn) -> None:
    _, task, _ = called(world)
    one = sign_in("inside_sales", email="a@minori.example", name="森下 香")
    world.run("update tasks set assignee_id = :u where id = :t", u=world.owner_id, t=task)
    line_calls.everything(world.parts, now=NOW)
    page = one.get("/calls/desk")
    assert page.status_code == 200
    assert "同僚の1件も出す" in page.text
    assert one.get("/calls/desk?whose=all").location == f"/calls/{task}?whose=all"


def test_skipping_goes_on_without_recording(world: World, client: FlaskClient) -> None:
    _, first, _ = called(world)
    _, second, _ = called(world, "相馬 直樹")
    start = client.get("/calls/desk").location
    assert start in (f"/calls/{first}", f"/calls/{second}")
    skipped = re.search(r'href="(/calls/desk\?skip=\d+)"', client.get(start).text)
    assert skipped is not None
    assert client.get(skipped.group(1)).location.split("?")[0] in {f"/calls/{first}", f"/calls/{second}"} - {
        start
    }


def test_the_keys_are_printed_on_the_buttons_and_sleep_when_switched_off(
    world: World, client: FlaskClient
) -> None:
    _, task, _ = called(world)
    page = client.get(f"/calls/{task}").text
    assert len(re.findall(r'name="result" value="\w+" data-key=', page)) == len(list(CallResult)) == 13
    assert 'data-keys="on"' in page
    world.run("update users set single_keys = false")
    assert 'data-keys="off"' in client.get(f"/calls/{task}").text


def table(answer: bytes, encoding: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(answer.decode(encoding), newline="")))


def test_the_file_has_32_columns_in_order_and_no_formulas(world: World, client: FlaskClient) -> None:
    person, _, _ = called(world, "=HYPERLINK(1)")
    world.run("update people set tel = '0312345678', tel_direct = '+81312345678' where id = :p", p=person)
    answer = client.post("/calls/export", data={"preset": "full", "format": "utf-8"})
    assert answer.data.startswith(b"\xef\xbb\xbf")
    head, row = table(answer.data, "utf-8-sig")
    assert len(head) == 32
    assert (head[0], head[4], head[24], head[31]) == ("順位", "理由(接点の要約)", "競合", "見込みID")
    assert row[9] == "'=HYPERLINK(1)"
    assert row[11] == "0312345678"
    assert row[12] == "'+81312345678"
    assert "資料請求" in row[4]
    log = world.rows("select kind, rows, person_ids from export_log")[0]
    assert (log.kind, log.rows, log.person_ids) == ("calls", 1, [person])


def test_old_windows_files_show_what_they_cannot_write(world: World, client: FlaskClient) -> None:
    called(world, "𠮷田 﨑")
    assert "𠮷田 﨑" in client.get("/calls/export?format=cp932").text
    answer = client.post("/calls/export", data={"preset": "full", "format": "cp932"})
    assert table(answer.data, "cp932")[1][9] == "吉田 﨑"


def test_the_workbook_holds_text_alone(world: World, client: FlaskClient) -> None:
    # The last two are letters that no workbook may hold.
    person, _, _ = called(world, "=HYPERLINK(1)\ufffe\uffff")
    world.run("update people set tel = '0312345678' where id = :p", p=person)
    answer = client.post("/calls/export", data={"preset": "full", "format": "xlsx"})
    assert ".xlsx" in answer.headers["Content-Disposition"]
    head, row = load_workbook(io.BytesIO(answer.data)).active.iter_rows()
    assert (row[9].value, row[9].data_type) == ("=HYPERLINK(1)", "s")
    assert (row[11].value, row[11].data_type, row[11].number_format) == ("0312345678", "s", "@")
    assert len(head) == 32


def test_what_the_catalogue_knows_stands_in_the_file(world: World, client: FlaskClient) -> None:
    person, _, _ = called(world)
    world.run(
        "insert into catalogues (company_id, expected_month, budget_min_yen, budget_max_yen, competitors, decider_id,"
        " touched_at, created_at) select company_id, 2027 * 12 + 3, 5000000, 8000000, '他社精機', person_id, :now, :now"
        " from affiliations where person_id = :p on conflict (company_id) do update set expected_month = 2027 * 12 + 3,"
        " budget_min_yen = 5000000, budget_max_yen = 8000000, competitors = '他社精機', decider_id = excluded.decider_id",
        p=person,
        now=NOW,
    )
    _head, row = table(
        client.post("/calls/export", data={"preset": "full", "format": "utf-8"}).data, "utf-8-sig"
    )
    assert row[21:23] == ["2027-04", "5000000〜8000000"]
    assert row[23]
    assert row[24] == "他社精機"


def test_results_written_into_our_own_file_come_back(world: World, client: FlaskClient) -> None:
    called(world)
    head, row = table(client.post("/calls/export", data={"preset": "full", "format": "cp932"}).data, "cp932")
    row[head.index("結果")], row[head.index("通話メモ")] = "通電（情報収集）", "来期に検討"
    out = io.StringIO()
    csv.writer(out).writerows([head, row])
    sent = client.post(
        "/calls/results", data={"file": (io.BytesIO(out.getvalue().encode("cp932")), "back.csv")}
    )
    assert sent.status_code == 303
    page = client.get(sent.location).text
    assert "まだ何も書き込まれていません。" in page
    assert "来期に検討" in page
    assert "若林 拓也" in page, "whose result it is"
    assert world.rows("select count(*) as n from call_attempts")[0].n == 0
    assert "1件の結果を記録しました。" in client.post(sent.location, follow_redirects=True).text
    assert world.rows("select note from touchpoints where kind = 'call_connected'")[0].note == "来期に検討"
    empty = client.post("/calls/results", data={})
    assert (empty.status_code, "ファイルを選んでください。" in empty.text) == (422, True)
    other = client.post("/calls/results", data={"file": (io.BytesIO("会社名\nA\n".encode()), "x.csv")})
    assert "列「見込みID・結果」がありません。" in other.text


def test_ones_own_target_of_calls_is_kept_and_shown(world: World, client: FlaskClient) -> None:
    _, task, _ = called(world)
    wrong = client.post("/me", data={"name": "佐伯 美和", "calls_per_day": "多め"})
    assert (wrong.status_code, "1から300までの数" in wrong.text) == (422, True)
    client.post("/me", data={"name": "佐伯 美和", "calls_per_day": "３５", "single_keys": "1"})
    assert "0 / 35" in client.get(f"/calls/{task}").text
    assert world.rows("select call_mail from users where calls_per_day = 35")[0].call_mail is False


def test_miitel_takes_four_columns_with_digits_only(world: World, client: FlaskClient) -> None:
    called(world)
    answer = client.post("/calls/export", data={"preset": "miitel", "format": "utf-8"})
    head, row = table(answer.data, "utf-8-sig")
    assert head == ["取引先会社名", "取引先担当者名", "電話番号", "カテゴリー"]
    assert row[2] == "0300000000"
    assert row[3] == "小型プレス|今すぐ客|E"


def test_a_visit_is_finished_from_the_list(world: World, client: FlaskClient) -> None:
    person, _, _ = called(world)
    visit = next(t for t in world.tasks(person) if t.kind == "visit")
    answer = client.post(
        f"/calls/tasks/{visit.id}",
        data={"version": visit.version, "kind": "visit", "outcome": "visited", "note": "実機を見た"},
    )
    assert answer.status_code == 303
    assert world.rows("select note from touchpoints where kind = 'visit'")[0].note == "実機を見た"
    assert (
        client.post(f"/calls/tasks/{visit.id}", data={"version": 1, "outcome": "nonsense"}).status_code == 400
    )


def test_a_call_that_is_not_there_is_not_found(world: World, client: FlaskClient) -> None:
    assert client.get("/calls/999999").status_code == 404
    assert client.post("/calls/999999", data={"result": "talked", "version": 1}).status_code == 404


def test_an_empty_desk_says_what_the_others_wait_for(world: World, client: FlaskClient) -> None:
    _, task, version = called(world)
    record_call.record(
        world.parts,
        task_id=task,
        version=version,
        result=CallResult.CALLBACK,
        next_at=NOW + timedelta(days=1),
        user_id=None,
        now=NOW,
    )
    world.settle()
    page = client.get("/calls/desk").text
    assert "再架電の時刻を待っている" in page


@pytest.mark.parametrize("path", ["/calls", "/calls?kind=fax", "/calls/desk", "/calls/export", "/leads"])
@pytest.mark.parametrize("locale", ["ja", "en"])
def test_pages_stand_in_both_languages_empty_and_full(
    world: World, sign_in: SignIn, path: str, locale: str
) -> None:
    reader = sign_in("inside_sales", locale=locale)
    assert reader.get(path, follow_redirects=True).status_code == 200
    called(world)
    assert reader.get(path, follow_redirects=True).status_code == 200


def test_the_menu_counts_what_the_readers_own_desk_brings_today(world: World, sign_in: SignIn) -> None:
    one = sign_in("inside_sales", email="a@minori.example", name="森下 香")
    me = world.rows("select id from users where email = 'a@minori.example'")[0].id
    tasks = [called(world)[1] for _ in range(6)]
    changes = (
        f"assignee_id = {me}",
        "assignee_id = null",
        f"assignee_id = {world.owner_id}",  # a colleague's
        "assignee_id = null, promised_at = '2026-11-24 14:59Z'",  # today, in Tokyo
        "assignee_id = null, promised_at = '2026-11-24 15:00Z'",  # tomorrow
        "assignee_id = null, not_before = '2026-11-24 15:00Z'",
    )
    for task, change in zip(tasks, changes, strict=True):
        world.run(f"update tasks set {change} where id = :t", t=task)
    line_calls.everything(world.parts, now=NOW)
    count = re.search(r'架電リスト<span class="count">(\d+)</span>', one.get("/tasks").text)
    assert count is not None
    assert count[1] == "3"
    world.run("update people set do_not_call = true")
    line_calls.everything(world.parts, now=NOW)
    assert '架電リスト<span class="count">' not in one.get("/tasks").text
