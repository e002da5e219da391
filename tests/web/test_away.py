"""A part that is away: Redis gone costs no page, the database gone is a 503 with words on every page."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest
import redis
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import create_engine, text
from werkzeug.test import Client

from campaigns.parts import Parts
from campaigns.services import accounts
from campaigns.web import app as web
from tests import world
from tests.conftest import NOW
from tests.web import routes
from tests.web.conftest import SignIn
from tests.web.test_hostile import house
from tracking_pixel import links
from tracking_pixel.app import Tracker
from tracking_pixel.links import Visit
from tracking_pixel.tokens import TokenKind

__all__ = ["house"]

SITE = "https://minori.example"
PASSWORD = "a long enough password"


def without_redis(parts: Parts) -> Parts:
    return replace(parts, redis=redis.Redis.from_url("redis://127.0.0.1:1", socket_connect_timeout=0.2))


def tracker(parts: Parts, pages: Flask) -> Client:
    return Client(
        Tracker(
            signer=parts.signer,
            stream=parts.stream,
            now=parts.clock.now,
            fallback=pages,
            sites=(SITE,),
        )
    )


def browser(app: Flask) -> FlaskClient:
    app.config.update(WTF_CSRF_ENABLED=False, PROPAGATE_EXCEPTIONS=False)
    made = app.test_client()
    with made.session_transaction() as session:
        session["_user_id"], session["_fresh"] = "1:1", True
    return made


def test_without_redis_every_page_and_the_badge_answer(
    parts: Parts, client: FlaskClient, house: world.World
) -> None:
    app = web.create(without_redis(parts))
    away, failed = browser(app), {}
    for route in routes.every(app):
        if route.method == "GET" and route.endpoint != "static":
            answer = away.get(route.path)
            if answer.status_code >= 500:
                failed[route.rule] = answer.status_code
            answer.close()
    assert not failed
    assert away.get("/badge").status_code == 200


def test_without_redis_a_person_logs_in(parts: Parts) -> None:
    accounts.create_first(
        parts, email="saeki@minori.example", name="佐伯 美和", password=PASSWORD, locale="ja", now=NOW
    )
    app = web.create(without_redis(parts))
    app.config.update(WTF_CSRF_ENABLED=False)
    visitor = app.test_client()
    answer = visitor.post("/login", data={"email": "saeki@minori.example", "password": PASSWORD})
    assert (answer.status_code, answer.location) == (302, "/")
    assert visitor.get("/people").status_code == 200


def test_without_redis_pixel_click_and_beacon_answer_and_nothing_is_lost(
    parts: Parts, app: Flask, house: world.World
) -> None:
    away = without_redis(parts)
    visitor = tracker(away, app)
    opened = visitor.get(f"/o/{parts.signer.sign(TokenKind.OPEN, 1)}.gif")
    assert (opened.status_code, opened.mimetype) == (200, "image/gif")
    clicked = visitor.get(
        links.Links(parts.signer, "http://localhost").click_url(1, 1, "https://minori.example/case")
    )
    assert clicked.status_code == 302
    assert clicked.location.startswith("https://minori.example/case")


def test_without_a_database_every_page_of_staff_is_a_503_with_words(
    parts: Parts, client: FlaskClient, house: world.World
) -> None:
    nowhere = create_engine(
        "postgresql+psycopg://nobody@127.0.0.1:1/none", connect_args={"connect_timeout": 1}
    )
    app = web.create(replace(parts, engine=nowhere))
    away, wrong = browser(app), {}
    for route in routes.every(app):
        public = ("/api/", "/u/", "/f/", "/form", "/stay", "/privacy", "/practice/", "/hooks/")
        if route.endpoint == "static" or route.rule.startswith(public):
            continue
        answer = away.open(route.path, method=route.method)
        if answer.status_code != 503 or "データベースに接続できません" not in answer.text:
            wrong[route.rule, route.method] = answer.status_code
        answer.close()
    # A language is kept by a cookie where nobody can be asked.
    assert not {key: code for key, code in wrong.items() if key != ("/language", "POST")}
    assert all(code < 500 for code in wrong.values())


def test_without_a_database_the_link_to_a_file_says_that_it_comes_back(
    parts: Parts, client: FlaskClient
) -> None:
    nowhere = create_engine(
        "postgresql+psycopg://nobody@127.0.0.1:1/none", connect_args={"connect_timeout": 1}
    )
    away = browser(web.create(replace(parts, engine=nowhere)))
    answer = away.get(f"/f/{parts.signer.sign(TokenKind.FILE, 1)}/a.pdf")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "30")


@pytest.mark.parametrize("title", ["\ud800", "a\x00b", "x" * 5000, "<script>", "\u2028"])
def test_a_hostile_title_from_a_beacon_is_no_error(
    parts: Parts, sign_in: SignIn, app: Flask, house: world.World, title: str
) -> None:
    site = SITE
    key = links.visit_token(parts.signer, Visit(1, 7), now=NOW)
    body = {
        "t": "view",
        "k": key,
        "n": 0,
        "v": "abcdefgh12345678",
        "u": f"{site}/p",
        "i": title,
        "s": True,
        "l": 0,
    }
    answer = tracker(parts, app).post("/b", data=json.dumps(body), headers={"Origin": site})
    assert answer.status_code in (204, 400, 413)


def test_a_thousand_looks_at_the_stop_page_change_nothing(
    parts: Parts, app: Flask, house: world.World
) -> None:
    visitor = tracker(parts, app)
    url = "/u/" + parts.signer.sign(TokenKind.UNSUBSCRIBE, 1)
    for method in ("GET", "HEAD", "OPTIONS"):
        for _ in range(100):
            assert visitor.open(url, method=method).status_code == 200
    for method in ("PUT", "DELETE", "PATCH"):
        assert visitor.open(url, method=method).status_code == 405
    for kind in (TokenKind.OPEN, TokenKind.CLICK):
        assert visitor.post("/u/" + parts.signer.sign(kind, 1), data={"scope": "global"}).status_code == 404
    with parts.engine.connect() as tx:
        assert tx.execute(text("select count(*) from suppressions")).scalar_one() == 0
    assert parts.clock.now() - NOW < timedelta(hours=1)
