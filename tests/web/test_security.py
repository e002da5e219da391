"""Every answer carries its headers, every POST its token, and every failure is one quiet page."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import create_engine

from campaigns.parts import Parts
from campaigns.storage import users
from campaigns.web import app as web


def test_no_page_lets_scripts_of_others_run(client: FlaskClient) -> None:
    for path in ("/", "/products", "/refusals", "/nothing-here", "/privacy"):
        answer = client.get(path)
        policy = answer.headers["Content-Security-Policy"]
        assert "script-src 'self';" in policy
        assert "frame-ancestors 'none'" in policy
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Referrer-Policy"] == "same-origin"
        assert not re.search(r"<script(?![^>]*\bsrc=)", answer.text), path
        assert not re.search(r"\son[a-z]+=", answer.text), path
        assert not re.search(r'(?:src|href)="(?:https?:)?//', answer.text), path


def test_the_one_style_element_carries_the_answers_own_nonce(client: FlaskClient) -> None:
    first, second = client.get("/privacy"), client.get("/privacy")
    nonces = [re.search(r'<style nonce="([^"]+)"', page.text)[1] for page in (first, second)]  # type: ignore[index]
    assert f"'nonce-{nonces[0]}'" in first.headers["Content-Security-Policy"]
    assert nonces[0] != nonces[1]


def test_https_alone_gets_hsts_and_secure_cookies(parts: Parts, now: datetime) -> None:
    for base_url, wanted in (("https://m.minori.example", True), ("http://127.0.0.1:8000", False)):
        app = web.create(replace(parts, settings=replace(parts.settings, base_url=base_url)))
        answer = app.test_client().get("/privacy")
        assert ("Strict-Transport-Security" in answer.headers) is wanted
        assert app.config["SESSION_COOKIE_SECURE"] is wanted


def test_pages_of_people_are_kept_by_no_cache(client: FlaskClient) -> None:
    assert client.get("/refusals").headers["Cache-Control"] == "no-store"
    assert "max-age" in client.get("/static/app.css").headers["Cache-Control"]


@pytest.fixture
def guarded(parts: Parts, now: datetime) -> FlaskClient:
    """A logged-in browser with CSRF protection on, as in earnest."""
    with parts.engine.begin() as tx:
        users.add(
            tx,
            email="a@minori.example",
            name="管理 者",
            role="admin",
            locale="ja",
            password_hash="x",
            now=now,
        )
    client = web.create(parts).test_client()
    with client.session_transaction() as session:
        session["_user_id"], session["_fresh"] = "1:1", True
    return client


def test_every_post_of_staff_needs_the_pages_token(guarded: FlaskClient) -> None:
    rules = [
        rule
        for rule in guarded.application.url_map.iter_rules()
        if "POST" in (rule.methods or set())
        and not rule.endpoint.startswith(("api.", "public.", "public_forms.", "returned.", "rsvp."))
    ]
    assert len(rules) > 10
    for rule in rules:
        path = re.sub(r"<[^>]*>", "1", re.sub(r"<any\((\w+).*?>", r"\1", rule.rule))
        answer = guarded.post(path, data={})
        assert answer.status_code == 400, rule.rule
        assert "ページが古くなっていました" in answer.text, rule.rule


def test_a_form_with_its_token_is_taken(guarded: FlaskClient) -> None:
    page = guarded.get("/me").text
    token = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert token is not None
    data = {"csrf_token": token[1], "name": "新しい名前"}
    assert guarded.post("/me", data=data).location == "/me"
    assert "新しい名前" in guarded.get("/me").text


def test_every_page_of_staff_asks_who_is_there(app: Flask, client: FlaskClient) -> None:
    stranger = app.test_client()
    open_ones = {
        "/login",
        "/metrics",
        "/welcome",
        "/privacy",
        "/stay",
        "/badge",
        "/practice/clock",
        "/practice/site/1",
        "/practice/site/en/1",
        "/consent.js",
        "/form.js",
        "/t.js",
    }
    asked = 0
    for rule in app.url_map.iter_rules():
        path = re.sub(r"<[^>]*>", "1", rule.rule)
        if (
            path in open_ones
            or path.startswith(("/api/", "/static/", "/u/", "/image/", "/f/"))
            or "GET" not in (rule.methods or ())
        ):
            continue
        answer = stranger.get(path)
        assert answer.status_code in (301, 302, 308, 404), path
        if answer.status_code != 404:
            asked += 1
            assert "/login" in answer.location or answer.location.rstrip("/").endswith(path.rstrip("/")), path
    assert asked > 10


@pytest.mark.parametrize(
    ("method", "path", "code", "words"),
    [
        ("get", "/nothing-here", 404, "ページが見つかりません"),
        ("put", "/products/new", 405, "この開き方はできません"),
    ],
)
def test_errors_say_what_is_safe_and_lead_back(
    client: FlaskClient, method: str, path: str, code: int, words: str
) -> None:
    answer = getattr(client, method)(path)
    assert answer.status_code == code
    assert words in answer.text
    assert 'href="/"' in answer.text


def test_a_bug_is_a_page_without_its_traceback(
    app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> str:
        raise RuntimeError("secret detail")

    monkeypatch.setitem(app.view_functions, "home.alerts_GET", broken)
    answer = client.get("/alerts")
    assert answer.status_code == 500
    assert "secret detail" not in answer.text
    assert "配信の記録は失われていません" in answer.text


def test_a_database_that_is_away_is_a_quiet_503_on_every_page(parts: Parts) -> None:
    nowhere = create_engine(
        "postgresql+psycopg://nobody@127.0.0.1:1/none", connect_args={"connect_timeout": 1}
    )
    client = web.create(replace(parts, engine=nowhere)).test_client()
    with client.session_transaction() as session:
        session["_user_id"] = "1:1"
    for path in ("/", "/login", "/products", "/alerts"):
        answer = client.get(path)
        assert answer.status_code == 503, path
        assert answer.headers["Retry-After"] == "30"
        assert "データベースに接続できません" in answer.text


def test_redis_away_is_a_yellow_line_and_no_error(parts: Parts, guarded: FlaskClient) -> None:
    import redis

    away = redis.Redis.from_url("redis://127.0.0.1:1", socket_connect_timeout=0.2)
    client = web.create(replace(parts, redis=away)).test_client()
    with client.session_transaction() as session:
        session["_user_id"], session["_fresh"] = "1:1", True
    page = client.get("/")
    assert page.status_code == 200
    assert "待ち行列（Redis）につながりません" in page.text


def test_a_host_header_of_another_site_appears_nowhere(client: FlaskClient) -> None:
    for path in ("/", "/login", "/privacy"):
        answer = client.get(path, headers={"Host": "evil.example", "X-Forwarded-Host": "evil.example"})
        assert "evil.example" not in answer.text + str(answer.headers)


def test_a_body_larger_than_any_list_is_refused(client: FlaskClient) -> None:
    answer = client.post("/refusals", data={"email": "x" * (41 * 1024 * 1024)})
    assert answer.status_code == 413
