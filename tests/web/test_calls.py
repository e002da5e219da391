"""The call list and the desk as people use them: order, results, conflicts, undo, files."""

from __future__ import annotations

import csv
import io
import re
from datetime import timedelta

import pytest
from flask.testing import FlaskClient

from campaigns.parts import Parts
from campaigns.rules.outcomes import CallResult
from campaigns.services import call_desk, rerank
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
    assert world.rows("select count(*) as n from call_attempts")[0].n == 0


def test_the_time_of_a_call_back_is_that_of_the_installation(world: World, client: FlaskClient) -> None:
    _, task, version = called(world)
    client.post(
        f"/calls/{task}", data={"version": version, "result": "callback", "on": "2026-11-26", "at": "14:00"}
    )
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
    page = two.post(f"/calls/{task}", data={"version": version, "result": "talked", "note": "話せた"})
    assert page.status_code == 409
    assert "先に森下 香さんが電話しました" in page.text
    assert f'name="version" value="{version + 1}"' in page.text
    assert "話せた" in page.text


def test_undo_brings_back_the_call_with_its_note(world: World, client: FlaskClient) -> None:
    _, task, version = called(world)
    client.post(f"/calls/{task}", data={"version": version, "result": "refused", "note": "押し間違い"})
    answer = client.post("/calls/undo")
    assert answer.location.startswith(f"/calls/{task}?note=")
    assert "押し間違い" in client.get(answer.location).text
    assert world.rows("select count(*) as n from call_attempts")[0].n == 0
    assert "取り消せる記録がありません" in client.post("/calls/undo", follow_redirects=True).text


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
    answer = client.post("/calls/export", data={"preset": "full", "encoding": "utf-8"})
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
    assert "𠮷田 﨑" in client.get("/calls/export?encoding=cp932").text
    answer = client.post("/calls/export", data={"preset": "full", "encoding": "cp932"})
    assert table(answer.data, "cp932")[1][9] == "吉田 﨑"


def test_miitel_takes_four_columns_with_digits_only(world: World, client: FlaskClient) -> None:
    called(world)
    answer = client.post("/calls/export", data={"preset": "miitel", "encoding": "utf-8"})
    head, row = table(answer.data, "utf-8-sig")
    assert head == ["取引先会社名", "取引先担当者名", "電話番号", "カテゴリー"]
    assert row[2] == "0300000000"
    assert row[3] == "小型プレス|今すぐ客|E"


def test_a_fax_list_holds_one_row_a_number_and_leaves_out_the_refused(
    world: World, client: FlaskClient
) -> None:
    people = [called(world, name, fax=True)[0] for name in ("山田 一", "佐藤 二", "拒否 三")]
    world.run("update people set do_not_fax = true where id = :p", p=people[2])
    world.run(
        "insert into tasks (kind, person_id, state, due_at, created_at)"
        " select 'fax', id, 'open', :now, :now from people",
        now=NOW,
    )
    assert client.get("/calls?kind=fax").status_code == 200
    head, *rows = table(client.post("/calls/faxes.csv").data, "cp932")
    assert head[0] == "FAX番号"
    assert [row[0] for row in rows] == ["0300000001"]
    assert (rows[0][4], rows[0][5]) == ("山田 一様・佐藤 二", "様")


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
    call_desk.record(
        world.parts,
        task_id=task,
        version=version,
        result=CallResult.CALLBACK,
        next_at=NOW + timedelta(days=1),
        user_id=None,
        now=NOW,
    )
    page = client.get("/calls/desk").text
    assert "再架電の時刻を待っている" in page


@pytest.mark.parametrize(
    "path", ["/calls", "/calls?kind=fax", "/calls/desk", "/calls/export", "/leads", "/leads/hand-offs"]
)
@pytest.mark.parametrize("locale", ["ja", "en"])
def test_pages_stand_in_both_languages_empty_and_full(
    world: World, sign_in: SignIn, path: str, locale: str
) -> None:
    reader = sign_in("inside_sales", locale=locale)
    assert reader.get(path, follow_redirects=True).status_code == 200
    called(world)
    assert reader.get(path, follow_redirects=True).status_code == 200


def test_sales_answer_a_hand_off_on_the_page(world: World, client: FlaskClient) -> None:
    called(world)
    offer = world.rows("select id from hand_offs where state = 'offered'")[0].id
    assert "営業の信頼度" in client.get("/leads/hand-offs").text
    lost = client.post(f"/leads/hand-offs/{offer}", data={"answer": "returned"}, follow_redirects=True)
    assert "差し戻す理由を入れてください" in lost.text
    client.post(f"/leads/hand-offs/{offer}", data={"answer": "accepted"})
    assert world.rows("select state from hand_offs")[0].state == "accepted"
    assert world.rows("select state from product_leads")[0].state == "with_sales"
