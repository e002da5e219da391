"""The application over real parts; `client` is logged in as an admin, `sign_in` makes further people."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import pytest
from flask import Flask
from flask.testing import FlaskClient

from campaigns.parts import Parts
from campaigns.storage import users
from campaigns.web import app as web

SignIn = Callable[..., FlaskClient]


@pytest.fixture
def app(parts: Parts) -> Flask:
    """The pages, without the CSRF token that a browser would read from each form."""
    made = web.create(parts)
    made.config.update(TESTING=True, WTF_CSRF_ENABLED=False)
    # As in production: a failing page is answered with a page, not with a traceback in the test.
    made.config["PROPAGATE_EXCEPTIONS"] = False
    return made


@pytest.fixture
def sign_in(app: Flask, parts: Parts, now: datetime) -> SignIn:
    """sign_in("marketer", locale="en") is a browser with a session of a new user of that role."""

    def make(
        role: str = "admin", *, email: str = "", locale: str = "ja", name: str = "佐伯 美和"
    ) -> FlaskClient:
        with parts.engine.begin() as tx:
            user_id = users.add(
                tx,
                email=email or f"{role}@minori.example",
                name=name,
                role=role,
                locale=locale,
                password_hash="unusable",
                now=now,
            )
        client = app.test_client()
        with client.session_transaction() as session:
            session["_user_id"], session["_fresh"] = f"{user_id}:1", True
        return client

    return make


@pytest.fixture
def client(sign_in: SignIn) -> FlaskClient:
    return sign_in("admin")
