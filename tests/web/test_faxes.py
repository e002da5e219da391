"""The fax pages: a document, a batch, its results and the numbers that want none."""

from __future__ import annotations

import io

import pytest
from flask.testing import FlaskClient

from campaigns.parts import Parts
from tests.conftest import NOW
from tests.services.world import World
from tests.web.conftest import SignIn

BODY = {"title": "検査のご案内", "body": "事例をお送りします。", "points": "工数を半減"}


@pytest.fixture
def world(parts: Parts) -> World:
    built = World.build(parts, NOW)
    for n in range(2):
        person = built.person()
        built.run("update people set fax = :f where id = :p", f=f"03-1111-111{n}", p=person)
        built.run(
            "insert into tasks (kind, person_id, product_id, state, due_at, created_at)"
            " values ('fax', :p, :q, 'open', :now, :now)",
            p=person, q=built.press_id, now=NOW,
        )  # fmt: skip
    return built


def document(client: FlaskClient, **changed: str) -> int:
    answer = client.post("/faxes/documents/new", data={**BODY, **changed})
    assert answer.status_code == 303
    return int(answer.headers["Location"].rsplit("/", 1)[1])


def test_a_document_is_written_seen_as_a_sheet_and_kept_when_somebody_else_was_quicker(
    world: World, client: FlaskClient
) -> None:
    id = document(client)
    page = client.get(f"/faxes/documents/{id}")
    assert "届く見本" in page.text
    assert client.get(f"/faxes/documents/{id}/sheet.pdf").data.startswith(b"%PDF-")
    assert client.get(f"/faxes/documents/{id}/sheet.png").data.startswith(b"\x89PNG")
    assert client.get(f"/faxes/documents/{id}/sheet.png?page=9").status_code == 404
    assert (
        client.post(f"/faxes/documents/{id}", data={**BODY, "version": 1, "title": "一人目"}).status_code
        == 303
    )
    late = client.post(f"/faxes/documents/{id}", data={**BODY, "version": 1, "title": "二人目"})
    assert late.status_code == 409
    assert "一人目" in late.text
    assert "二人目" in late.text


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"title": ""}, "題名を入れてください"),
        ({"body": " "}, "本文を入れてください"),
        ({"body": "ありがとうございます🎉"}, "印刷できない文字があります：🎉"),
    ],
)
def test_a_document_that_cannot_be_printed_says_why_and_keeps_what_was_typed(
    world: World, client: FlaskClient, changed: dict[str, str], told: str
) -> None:
    answer = client.post("/faxes/documents/new", data={**BODY, **changed})
    assert answer.status_code == 422
    assert told in answer.text
    assert "工数を半減" in answer.text


def test_a_text_for_three_pages_may_be_kept_but_not_sent(world: World, client: FlaskClient) -> None:
    id = document(client, body="検査の話です。\n" * 200)
    assert "枚になります" in client.get(f"/faxes/documents/{id}").text
    answer = client.post("/faxes/new", data={"document": id, "product": world.press_id, "way": "list"})
    assert answer.status_code == 422
    assert "2枚に収まるように" in answer.text


def test_counts_come_before_anything_is_sent_and_the_list_holds_them(
    world: World, client: FlaskClient
) -> None:
    id = document(client)
    page = client.get(f"/faxes/new?document={id}&product={world.press_id}&who=tasks")
    assert "送る前の確認" in page.text
    assert not world.rows("select 1 from fax_batches")
    sent = client.post(
        "/faxes/new", data={"document": id, "product": world.press_id, "who": "tasks", "way": "list"}
    )
    assert sent.status_code == 303
    batch = sent.headers["Location"]
    assert "03-1111-1110" in client.get(batch).text
    made = client.post(f"{batch}/list")
    assert made.headers["Content-Type"] == "text/csv; charset=cp932"
    assert made.data.decode("cp932").count("\r\n") == 3
    again = client.post("/faxes/new", data={"document": id, "product": world.press_id, "way": "list"})
    assert (again.status_code, "送れる番号がありません" in again.text) == (422, True)


def test_a_list_is_marked_as_sent_and_its_actions_are_done(world: World, client: FlaskClient) -> None:
    id = document(client)
    batch = client.post("/faxes/new", data={"document": id, "product": world.press_id, "way": "list"})
    page = batch.headers["Location"]
    assert "2件を送信済みにする" in client.get(page).text
    done = client.post(f"{page}/sent", follow_redirects=True)
    assert "2件を送信済みにしました" in done.text
    assert "件を送信済みにする" not in done.text
    assert {row.outcome for row in world.rows("select outcome from tasks")} == {"sent"}
    assert client.post("/faxes/999999/sent").status_code == 404


def test_a_reply_is_written_down_from_the_list_of_numbers(world: World, client: FlaskClient) -> None:
    id = document(client)
    batch = client.post("/faxes/new", data={"document": id, "product": world.press_id, "way": "list"})
    item = world.rows("select id from fax_items order by id limit 1")[0].id
    assert f"/faxes/items/{item}/reply" in client.get(batch.headers["Location"]).text
    person = world.rows("select person_id from fax_item_people where item_id = :i", i=item)[0].person_id
    none = client.post(f"/faxes/items/{item}/reply", data={"person": person, "note": "田中様より"})
    assert (none.status_code, "チェックのあった項目を選んでください" in none.text) == (422, True)
    assert "田中様より" in none.text
    sent = client.post(f"/faxes/items/{item}/reply", data={"person": person, "wish": ["call"], "stops": "1"})
    assert sent.headers["Location"].endswith(f"/people/{person}")
    assert "返信あり" in client.get(batch.headers["Location"]).text
    assert client.get("/faxes/items/999999/reply").status_code == 404


def test_a_mass_fax_by_rank_is_for_who_may_send_to_many(world: World, sign_in: SignIn) -> None:
    caller = sign_in("inside_sales")
    id = document(caller)
    assert 'value="ranks"' not in caller.get("/faxes/new").text
    data = {"document": id, "product": world.press_id, "who": "ranks", "rank": "warm", "way": "list"}
    assert caller.post("/faxes/new", data=data).status_code == 403
    assert sign_in("marketer").post("/faxes/new", data=data).status_code == 422, "nobody of the rank"


def test_results_are_looked_at_first_and_written_by_the_second_press(
    world: World, client: FlaskClient
) -> None:
    id = document(client)
    client.post("/faxes/new", data={"document": id, "product": world.press_id, "way": "list"})
    text = "FAX番号,結果\n03-1111-1110,OK\n0311111111,番号違い\n03-9999-9999,OK\n"
    seen = client.post("/faxes/results", data={"file": (io.BytesIO(text.encode("cp932")), "r.csv")})
    assert "2件を取り込みます。1件は取り込みません。" in seen.text
    assert "この番号へ送った記録がありません" in seen.text
    assert not world.rows("select 1 from touchpoints")
    assert client.post("/faxes/results", data={"text": text, "apply": "1"}).status_code == 303
    assert len(world.rows("select 1 from touchpoints where kind = 'fax_sent'")) == 1
    assert len(world.rows("select 1 from people where fax_invalid")) == 1


@pytest.mark.parametrize("sent", ["", "会社,電話\nA,03\n", "\x00\x01"])
def test_a_list_that_is_none_is_refused_with_its_reason(world: World, client: FlaskClient, sent: str) -> None:
    answer = client.post("/faxes/results", data={"text": sent})
    assert answer.status_code == 422
    assert 'class="error"' in answer.text


def test_a_number_that_refuses_gets_no_task_and_no_fax(world: World, client: FlaskClient) -> None:
    assert client.post("/faxes/refusals", data={"number": "abc"}).status_code == 422
    assert (
        client.post(
            "/faxes/refusals", data={"number": "０３（1111）1110", "evidence": "返信用紙"}
        ).status_code
        == 303
    )
    assert "03-1111-1110" in client.get("/faxes/refusals?q=1110").text
    person = world.rows("select id from people where fax = '03-1111-1110'")[0].id
    answer = client.post("/tasks/new", data={"person": person, "kind": "fax", "on": "2026-11-30"})
    assert (answer.status_code, "FAXを断っています" in answer.text) == (422, True)
    page = client.get(f"/faxes/new?document={document(client)}&product={world.press_id}")
    assert "03-1111-1110" not in page.text
    assert "FAX：不可" in client.get(f"/people/{person}").text


def test_only_an_admin_sets_the_gateway(world: World, client: FlaskClient, sign_in: SignIn) -> None:
    assert sign_in("inside_sales").get("/faxes/settings").status_code == 403
    wrong = client.post(
        "/faxes/settings", data={"gateway": "not a domain", "from_address": "a@b.example", "per_minute": "5"}
    )
    assert (wrong.status_code, "not a domain" in wrong.text) == (422, True)
    good = {
        "gateway": "@FAX.example",
        "from_address": "fax@maker.example",
        "return_number": "053-000-0001",
        "per_minute": "5",
    }
    assert client.post("/faxes/settings", data=good).status_code == 303
    assert (
        "メールFAXで送る"
        in client.get(f"/faxes/new?document={document(client)}&product={world.press_id}").text
    )


def test_the_first_page_tells_of_open_tasks_documents_and_batches(world: World, client: FlaskClient) -> None:
    assert "まず原稿を作ります" in client.get("/faxes").text
    id = document(client)
    assert "FAXのアクションが2件あります" in client.get("/faxes").text
    client.post("/faxes/new", data={"document": id, "product": world.press_id, "way": "list"})
    page = client.get("/faxes").text
    assert "リストに出力" in page
    assert "検査のご案内" in page


def test_more_people_than_a_batch_takes_are_said_to_be_left(
    world: World, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = f"/faxes/new?document={document(client)}&product={world.press_id}&who=tasks"
    assert "一度に調べるのは" not in client.get(path).text
    monkeypatch.setattr("campaigns.storage.fax_recipients.LIMIT", 1)
    assert "一度に調べるのは1名までです" in client.get(path).text


def test_a_batch_that_is_not_there_cannot_be_stopped(world: World, client: FlaskClient) -> None:
    assert client.post("/faxes/999999/stop").status_code == 404
    assert not world.rows("select 1 from audit_log where noun = 'fax_batch'")
