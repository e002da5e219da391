"""The first account is made once, passwords are hard to try, and a new password ends the other sessions."""

from __future__ import annotations

import re
import threading
from datetime import datetime

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import text

from campaigns.parts import Parts
from campaigns.services import accounts
from campaigns.services.accounts import AccountError
from campaigns.web import app as web
from campaigns.web.session import safe_next
from tests.web.conftest import SignIn

GOOD = "four quiet words here"
FORM = {"name": "佐伯 美和", "email": "Saeki@Minori.example", "password": GOOD, "again": GOOD}


def make_first(parts: Parts, now: datetime) -> None:
    accounts.create_first(
        parts, email="saeki@minori.example", name="佐伯", password=GOOD, locale="ja", now=now
    )


def test_the_first_visit_leads_to_the_first_account_and_only_once(app: Flask, parts: Parts) -> None:
    client = app.test_client()
    assert client.get("/").location == "/welcome"
    assert client.get("/login").location == "/welcome"
    assert client.post("/welcome", data=FORM).location == "/"
    assert client.get("/").status_code == 200
    stranger = app.test_client()
    assert stranger.get("/welcome").location == "/login"
    stranger.post("/welcome", data=FORM | {"email": "x@other.example"})
    assert stranger.get("/").location == "/login"
    with parts.engine.connect() as tx:
        rows = tx.execute(text("select email, role from users")).all()
        owner = tx.execute(text("select owner_user_id from house")).scalar()
    assert [tuple(row) for row in rows] == [("saeki@minori.example", "admin")]
    assert owner == 1


def test_ten_browsers_at_the_same_moment_make_one_admin(parts: Parts, now: datetime) -> None:
    gate, made = threading.Barrier(6), []

    def run(n: int) -> None:
        gate.wait()
        made.append(
            accounts.create_first(
                parts, email=f"u{n}@minori.example", name="x", password=GOOD, locale="ja", now=now
            )
        )

    crowd = [threading.Thread(target=run, args=(n,)) for n in range(6)]
    for thread in crowd:
        thread.start()
    for thread in crowd:
        thread.join()
    assert sum(user is not None for user in made) == 1


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"password": "short", "again": "short"}, "12文字以上"),
        ({"again": "something else again"}, "2つのパスワードが違います"),
        ({"email": "nobody"}, "メールアドレスの形になっていません"),
        ({"name": "  "}, "名前を入力してください"),
    ],
)
def test_a_wrong_first_form_says_what_is_wrong(app: Flask, changed: dict[str, str], words: str) -> None:
    answer = app.test_client().post("/welcome", data=FORM | changed)
    assert answer.status_code == 422
    assert words in answer.text
    assert GOOD not in answer.text


def test_login_leads_back_and_sets_a_safe_cookie(app: Flask, parts: Parts, now: datetime) -> None:
    make_first(parts, now)
    client = app.test_client()
    asked = client.get("/products?x=1")
    assert asked.location == "/login?next=/products?x%3D1"
    form = {"email": " SAEKI@minori.example", "password": GOOD, "next": "/products?x=1"}
    answer = client.post("/login", data=form)
    assert answer.location == "/products?x=1"
    cookie = next(value for value in answer.headers.getlist("Set-Cookie") if value.startswith("ikusei="))
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie


@pytest.mark.parametrize(
    "wanted",
    [
        "https://evil.example/",
        "//evil.example",
        "/\\evil.example",
        "javascript:alert(1)",
        "\\\\evil",
        "/a\nb",
        "",
        None,
    ],
)
def test_login_never_leads_to_another_host(wanted: str | None) -> None:
    assert safe_next(wanted) == "/"


def test_wrong_password_and_unknown_address_get_the_same_answer(
    app: Flask, parts: Parts, now: datetime
) -> None:
    make_first(parts, now)
    client = app.test_client()
    pages = [
        client.post("/login", data={"email": email, "password": "wrong wrong wrong"})
        for email in ("saeki@minori.example", "who@minori.example")
    ]
    assert [page.status_code for page in pages] == [422, 422]
    texts = [re.sub(r'value="[^"]*"', "", page.text) for page in pages]
    assert texts[0] == texts[1]


def test_the_eleventh_try_must_wait_even_with_the_right_password(
    app: Flask, parts: Parts, now: datetime
) -> None:
    make_first(parts, now)
    client = app.test_client()
    wrong = {"email": "saeki@minori.example", "password": "wrong wrong wrong"}
    codes = [client.post("/login", data=wrong).status_code for _ in range(10)]
    assert codes == [422] * 10
    answer = client.post("/login", data=wrong | {"password": GOOD})
    assert answer.status_code == 429
    assert "回数が多すぎます" in answer.text


def test_tries_are_counted_without_redis_too(parts: Parts, now: datetime) -> None:
    from dataclasses import replace

    import redis

    make_first(parts, now)
    away = redis.Redis.from_url("redis://127.0.0.1:1", socket_connect_timeout=0.2)
    app = web.create(replace(parts, redis=away))
    app.config["WTF_CSRF_ENABLED"] = False
    client = app.test_client()
    wrong = {"email": "saeki@minori.example", "password": "wrong wrong wrong"}
    codes = [client.post("/login", data=wrong).status_code for _ in range(12)]
    assert set(codes) == {422, 429}


def test_a_new_password_ends_every_other_session(app: Flask, parts: Parts, now: datetime) -> None:
    make_first(parts, now)
    here, there = app.test_client(), app.test_client()
    for client in (here, there):
        client.post("/login", data={"email": "saeki@minori.example", "password": GOOD})
        assert client.get("/me").status_code == 200
    new = "another long password"
    assert here.post("/me/password", data={"old": "no", "password": new, "again": new}).status_code == 422
    assert here.post("/me/password", data={"old": GOOD, "password": new, "again": new}).location == "/me"
    assert here.get("/me").status_code == 200
    assert there.get("/me").status_code == 302


def test_a_deactivated_user_is_out_at_once(parts: Parts, sign_in: SignIn) -> None:
    admin, other = sign_in("admin"), sign_in("marketer")
    assert other.get("/").status_code == 200
    admin.post("/team/2", data={"name": "x", "role": "marketer", "version": 1})
    assert other.get("/").status_code == 302


def test_the_last_admin_cannot_leave(parts: Parts, client: FlaskClient) -> None:
    answer = client.post("/team/1", data={"name": "x", "role": "marketer", "is_active": "1", "version": 1})
    assert answer.status_code == 422
    assert "管理者がいなくなる" in answer.text


def test_two_admins_who_leave_at_the_same_moment_leave_one(
    parts: Parts, sign_in: SignIn, now: datetime
) -> None:
    sign_in("admin"), sign_in("admin", email="b@minori.example")
    users = accounts.every(parts)
    gate, failed = threading.Barrier(2), []

    def leave(n: int) -> None:
        gate.wait()
        try:
            accounts.change(
                parts, users[n].id, name="x", role="marketer", is_active=True, version=1, by=users[n], now=now
            )
        except AccountError as error:
            failed.append(error.code)

    crowd = [threading.Thread(target=leave, args=(n,)) for n in range(2)]
    for thread in crowd:
        thread.start()
    for thread in crowd:
        thread.join()
    assert failed == ["last_admin"]
    assert sum(user.role == "admin" for user in accounts.every(parts)) == 1


def test_an_added_user_can_log_in_with_the_role_given(app: Flask, client: FlaskClient) -> None:
    form = {"email": "mori@minori.example", "name": "森下 健", "role": "inside_sales", "password": GOOD}
    assert client.post("/team", data=form).location == "/team/"
    assert client.post("/team", data=form).status_code == 422
    assert client.post("/team", data=form | {"email": "c@minori.example", "role": "root"}).status_code == 422
    fresh = app.test_client()
    assert fresh.post("/login", data={"email": "mori@minori.example", "password": GOOD}).location == "/"
    assert fresh.get("/team").status_code == 403


def test_a_session_of_somebody_elses_making_is_no_session(app: Flask, client: FlaskClient) -> None:
    for forged in ("1", "1:", ":1", "1:2", "x:1", "1:1:1", "-1:1"):
        stranger = app.test_client()
        with stranger.session_transaction() as session:
            session["_user_id"] = forged
        assert stranger.get("/me").status_code == 302, forged


def test_language_is_kept_by_the_account_and_before_login_by_a_cookie(
    app: Flask, client: FlaskClient
) -> None:
    visitor = app.test_client()
    assert "ログイン" in visitor.get("/login").text
    visitor.post("/language", data={"lang": "en", "next": "/login"})
    assert "Log in" in visitor.get("/login").text
    client.post("/language", data={"lang": "en"})
    assert 'lang="en"' in client.get("/me").text
    assert client.post("/language", data={"lang": "xx"}).status_code == 400


def test_a_part_of_a_page_sends_the_whole_page_to_the_login(app: Flask, client: FlaskClient) -> None:
    answer = app.test_client().get("/products", headers={"HX-Request": "true"})
    assert answer.status_code == 401
    assert answer.headers["HX-Redirect"].startswith("/login")


def test_the_shell_sets_a_password(parts: Parts, now: datetime) -> None:
    make_first(parts, now)
    assert accounts.set_password(parts, email="SAEKI@minori.example", password="brand new password", now=now)
    assert not accounts.set_password(parts, email="who@minori.example", password=GOOD, now=now)
    assert accounts.login(parts, email="saeki@minori.example", password="brand new password", now=now)
