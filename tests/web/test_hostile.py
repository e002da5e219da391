"""Whatever a browser sends, the answer is a page of ours with words, and never a failing one."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient

from campaigns.parts import Parts
from tests import world
from tests.conftest import NOW
from tests.web import routes
from tests.web.conftest import SignIn

ODD = (
    "",
    "0",
    "-1",
    "abc",
    "99999999999999999999",
    "9" * 5000,
    "1.5",
    "１２",
    "²",
    "\x00",
    "a\x00b",
    "' or 1=1 --",
    "<script>alert(1)</script>",
    "\u2028",
    "\r\nX: y",
    "{{ 7*7 }}",
    "2026-13-45",
    "9999-12-31",
    "0001-01-01",
    "hot",
    "true",
    "x" * 10_000,
    "ユーザー@例え.jp",
    "\ufeff",
)


@pytest.fixture
def house(parts: Parts, client: FlaskClient) -> world.World:
    """One of everything with the id 1: person, company, product, scenario, mail, delivery, task, batch."""
    made = world.build(parts, count=2)
    world.planned(parts, made, send_at=NOW + timedelta(hours=1))
    with parts.engine.begin() as tx:
        for person, kind in ((made.people[0], "call"), (made.people[1], "fax")):
            world.insert(
                tx,
                "tasks",
                kind=kind,
                person_id=person,
                product_id=made.product,
                due_at=NOW,
                cause="matrix",
                created_at=NOW,
            )
    cells = "姓,名,会社名,メール\n佐藤,一郎,甲社,sato@kosha.example\n"
    assert client.post("/imports", data={"cells": cells}).location == "/imports/1/columns"
    return made


def fields(value: str, names: list[str]) -> dict[str, str]:
    return dict.fromkeys(names, value)


def test_no_page_fails_for_an_odd_query(app: Flask, client: FlaskClient, house: world.World) -> None:
    names = routes.field_names()
    assert len(names) > 60
    failed = {}
    for route in routes.every(app):
        if route.method != "GET" or route.endpoint == "static":
            continue
        for odd in ODD:
            answer = client.get(
                route.path, query_string=fields(odd, names) if len(odd) < 1000 else {"q": odd}
            )
            if answer.status_code >= 500:
                failed[route.rule, odd[:30]] = answer.status_code
            answer.close()
    assert not failed


@pytest.mark.parametrize("odd", ODD, ids=[repr(odd[:20]) for odd in ODD])
def test_no_form_fails_for_odd_fields(
    app: Flask, client: FlaskClient, sign_in: SignIn, house: world.World, odd: str
) -> None:
    names = routes.field_names()
    failed = {}
    for route in routes.every(app):
        if route.method != "POST" or route.endpoint.startswith("session.log"):
            continue
        answer = client.post(route.path, data=fields(odd, names))
        if answer.status_code >= 500:
            failed[route.rule] = answer.status_code
    assert not failed
