"""The API: who may come in, what each item becomes, the same twice, and what it answers to nonsense."""

from __future__ import annotations

import json
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from campaigns.parts import Parts
from campaigns.rules import api_touches
from campaigns.rules.api_touches import ApiError
from campaigns.rules.entering import BY_HAND
from campaigns.rules.schedule import TOKYO
from campaigns.services import api_tokens
from campaigns.web.api import MESSAGES
from tests.conftest import NOW
from tests.services.world import World

PATH = "/api/touchpoints"


@pytest.fixture
def world(parts: Parts) -> World:
    return World.build(parts, NOW)


def token(world: World, *scopes: str) -> dict[str, str]:
    made = api_tokens.make(
        world.parts, name="CRM", scopes=scopes or api_tokens.SCOPES, user_id=world.owner_id, now=NOW
    )
    return {"Authorization": f"Bearer {made}"}


@pytest.fixture
def program(app: Flask) -> FlaskClient:
    """No cookie, no session."""
    return app.test_client()


def visit(**more: Any) -> dict[str, Any]:
    return {
        "key": "crm-1", "person": {"email": "P1@customer1.example"}, "kind": "visit", "at": "2026-11-20", **more
    }  # fmt: skip


def test_a_touch_is_written_once_and_the_rank_moves_at_once(world: World, program: FlaskClient) -> None:
    person, key = world.person(touches=[("badge_scan", 30)]), token(world)
    body = visit(kind="inquiry", product="小型 プレス", note="来期に3台", tags=["検査"])
    answer = program.post(PATH, json=body, headers=key)
    assert answer.status_code == 201
    assert answer.json is not None
    [item] = answer.json["items"]
    assert (item["status"], item["person"]) == ("created", person)
    assert world.lead(person).rank == "hot"
    again = program.post(PATH, json=body, headers=key)
    assert (again.status_code, again.json["items"][0]["status"]) == (200, "known")  # type: ignore[index]
    assert again.json["items"][0]["id"] == item["id"]  # type: ignore[index]
    row = world.rows("select note, tags, source_key, actor_id from touchpoints where id = :t", t=item["id"])[
        0
    ]
    assert tuple(row) == ("来期に3台", ["検査"], "api:crm-1", None)


def test_good_items_come_in_and_each_bad_one_says_why(world: World, program: FlaskClient) -> None:
    world.person()
    items = [
        visit(),
        visit(key="2", person={"email": "nobody@nowhere.example"}),
        visit(key="3", kind="mail_open"),
        visit(key="4", at="2026-12-24"),
        visit(key="5", at="2026-11-20T10:00:00"),
        visit(key="6", product="月旅行"),
        visit(key="7", nots="x"),
        visit(key="1", create=True),
        visit(),
        "x",
    ]
    answer = program.post(PATH, json={"touches": items}, headers=token(world))
    assert answer.status_code == 207
    assert answer.json is not None
    found = [(one["status"], one.get("error", "")) for one in answer.json["items"]]
    assert found == [
        ("created", ""),
        ("error", "unknown_person"),
        ("error", "unknown_kind"),
        ("error", "in_the_future"),
        ("error", "no_offset"),
        ("error", "unknown_product"),
        ("error", "unknown_field"),
        ("error", "no_creation"),
        ("known", ""),
        ("error", "no_object"),
    ]
    assert all(one["message"] for one in answer.json["items"] if one["status"] == "error")
    assert answer.json["items"][5]["known"] == ["小型プレス", "計量ポンプ"]
    assert (answer.json["created"], answer.json["known"], answer.json["errors"]) == (1, 1, 8)
    assert len(world.rows("select 1 from touchpoints")) == 1


def test_a_single_unknown_person_is_not_found_and_nobody_is_made(world: World, program: FlaskClient) -> None:
    world.person()
    people = len(world.rows("select 1 from people"))
    answer = program.post(PATH, json=visit(person={"email": "new@nowhere.example"}), headers=token(world))
    assert answer.status_code == 404
    assert len(world.rows("select 1 from people")) == people


def test_people_are_named_by_id_mail_or_name_and_company(world: World, program: FlaskClient) -> None:
    first, second = world.person(), world.person()
    world.run("update people set name_key = '試験2郎' where id = :p", p=second)
    world.run("update companies set core_key = '第2工業' where name = '第2工業㈱'")
    items = [
        visit(key="a", person={"id": first}),
        visit(key="b", person={"name": "試験 2郎", "company": "（株）第2工業"}),
        visit(key="c", person={"id": 10**12}),
        visit(key="d", person={"name": "試験 2郎"}),
    ]
    answer = program.post(PATH, json={"touches": items}, headers=token(world))
    assert answer.json is not None
    assert [one.get("person") or one["error"] for one in answer.json["items"]] == [
        first, second, "unknown_person", "missing",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("header", "status", "error"),
    [
        ("", 401, "no_token"),
        ("Basic abc", 401, "no_token"),
        ("Bearer ikusei_guess", 401, "unknown_token"),
        ("Bearer \x7f\xff", 401, "unknown_token"),
    ],
)
def test_nobody_comes_in_without_a_token(
    world: World, program: FlaskClient, header: str, status: int, error: str
) -> None:
    answer = program.post(PATH, json=visit(), headers={"Authorization": header} if header else {})
    assert (answer.status_code, answer.json["error"]) == (status, error)  # type: ignore[index]
    assert "WWW-Authenticate" in answer.headers


def test_a_session_is_no_token(world: World, client: FlaskClient) -> None:
    assert client.post(PATH, json=visit()).status_code == 401


def test_a_token_does_what_it_was_made_for_until_it_is_revoked(world: World, program: FlaskClient) -> None:
    world.person()
    read, write = token(world, "touches:read"), token(world, "touches:write")
    assert program.post(PATH, json=visit(), headers=read).status_code == 403
    assert program.post(PATH, json=visit(), headers=write).status_code == 201
    assert program.get(f"{PATH}?email=p1@customer1.example", headers=write).status_code == 403
    assert program.get(f"{PATH}?email=p1@customer1.example", headers=read).status_code == 200
    for made in api_tokens.every(world.parts):
        assert made.used_at is not None
        api_tokens.revoke(world.parts, made.id, user_id=world.owner_id, now=NOW)
    assert program.get(f"{PATH}?email=p1@customer1.example", headers=read).status_code == 401


def test_the_token_itself_is_kept_nowhere(world: World) -> None:
    secret = token(world)["Authorization"].removeprefix("Bearer ")
    with world.parts.engine.connect() as tx:
        tables = (
            tx.execute(text("select * from api_tokens")).all(),
            tx.execute(text("select * from audit_values")).all(),
        )
    assert secret not in repr(tables)


def test_too_many_requests_in_a_minute_are_put_off(
    world: World, program: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api_tokens, "A_MINUTE", 2)
    monkeypatch.setattr(api_tokens, "TRIES_A_MINUTE", 2)
    world.person()
    key = token(world)
    answers = [program.post(PATH, json=visit(), headers=key).status_code for _ in range(3)]
    assert answers == [201, 200, 429]
    wrong = {"Authorization": "Bearer ikusei_wrong"}
    tries = [program.get(PATH, headers=wrong) for _ in range(3)]
    assert [answer.status_code for answer in tries] == [401, 401, 429]
    assert tries[2].headers["Retry-After"] == "60"


def test_the_touches_of_a_person_are_read_page_by_page(world: World, program: FlaskClient) -> None:
    person = world.person(touches=[("visit", n) for n in range(5)])
    key = token(world)
    first = program.get(f"{PATH}?person={person}&limit=3", headers=key).json
    assert first is not None
    rest = program.get(f"{PATH}?person={person}&limit=3&before={first['before']}", headers=key).json
    assert rest is not None
    assert (len(first["touches"]), len(rest["touches"]), rest["before"]) == (3, 2, None)
    at = [one["at"] for one in first["touches"] + rest["touches"]]
    assert at == sorted(at, reverse=True)
    assert program.get(f"{PATH}?person=999", headers=key).status_code == 404
    assert program.get(PATH, headers=key).status_code == 422


@pytest.mark.parametrize(
    ("body", "kind", "status", "error"),
    [
        (b"{", "application/json", 400, "no_json"),
        (b"[" * 100_000, "application/json", 400, "no_json"),
        (b"key=1", "application/x-www-form-urlencoded", 400, "no_json"),
        (b"[]", "application/json", 422, "no_object"),
        (b'{"touches": {}}', "application/json", 422, "no_list"),
        (b'{"touches": []}', "application/json", 422, "empty"),
        (json.dumps({"touches": [1] * 1001}).encode(), "application/json", 422, "too_many"),
        (b'{"create": true, "touches": []}', "application/json", 422, "no_creation"),
        (b" " * (4 * 1024 * 1024 + 1), "application/json", 413, "too_large"),
    ],
)
def test_nonsense_is_answered_in_json(
    world: World, program: FlaskClient, body: bytes, kind: str, status: int, error: str
) -> None:
    answer = program.post(PATH, data=body, content_type=kind, headers=token(world))
    assert answer.json is not None, answer.text
    assert (answer.json["error"], bool(answer.json["message"])) == (error, True)
    assert answer.status_code in (status, 415)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=5,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.sampled_from(["key", "person", "kind", "at", "product", "event", "note", "tags"]),
    VALUES,
)
def test_whatever_stands_in_a_field_is_read_or_refused(name: str, value: object) -> None:
    try:
        found = api_touches.item(visit(**{name: value}), zone=TOKYO, now=NOW)
    except ApiError as error:
        assert error.code  # noqa: PT017 - either outcome is fine
    else:
        assert found.key
        assert found.at <= NOW


@pytest.mark.parametrize("language", ["ja", "en"])
def test_the_settings_page_describes_all_that_a_program_has_to_know(
    client: FlaskClient, language: str
) -> None:
    page = client.get("/api-tokens", headers={"Accept-Language": language}).text
    assert "docs/" not in page
    for word in (*api_touches.NAMES, *(kind.value for kind in BY_HAND), *MESSAGES):
        assert f"<code>{word}</code>" in page, word


def test_the_settings_page_shows_a_token_once_and_revokes_it(world: World, client: FlaskClient) -> None:
    wrong = client.post("/api-tokens", data={"name": "", "scopes": "touches:write"})
    assert wrong.status_code == 422
    assert "名前を入れてください" in wrong.text
    page = client.post("/api-tokens", data={"name": "営業支援", "scopes": ["touches:write", "all"]}).text
    assert "ikusei_" in page.split("いま控えてください")[1]
    later = client.get("/api-tokens").text
    assert later.count("ikusei_") == 2  # the examples'
    assert "営業支援" in later
    assert api_tokens.every(world.parts)[0].scopes == ("touches:write",)
    client.post("/api-tokens/1/revoke")
    assert "無効</span>" in client.get("/api-tokens").text
