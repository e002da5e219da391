"""Where providers post: off until set up, closed to everybody else, and never in the way of a retry."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from flask.testing import FlaskClient
from sqlalchemy import create_engine, text

from campaigns.parts import Parts
from campaigns.services import take_event
from campaigns.services.render import message_mark
from campaigns.web import app as web
from mailer.bounces import sendgrid, ses, signed
from tests.mailer import sns
from tests.services.world import World
from tracking_pixel.tokens import TokenKind

SECRET = "a-long-shared-secret"
KEY = ec.generate_private_key(ec.SECP256R1())
PUBLIC = base64.b64encode(
    KEY.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
).decode()
ON: dict[str, Any] = {
    "ses_topics": f"arn:aws:sns:us-east-1:123456789012:another, {sns.TOPIC}",
    "sendgrid_key": PUBLIC,
    "postmark_secret": SECRET,
    "mailgun_key": SECRET,
    "hook_secret": SECRET,
}
Post = Callable[..., Any]


class Web:
    """What stands at https addresses; remembers who was asked."""

    def __init__(self) -> None:
        self.pem = sns.certificate(since=datetime.now(UTC).replace(year=datetime.now(UTC).year - 1), days=800)
        self.asked: list[str] = []
        self.is_away = False

    def __call__(self, url: str) -> bytes:
        self.asked.append(url)
        if self.is_away:
            raise OSError("no route")
        return self.pem


@pytest.fixture
def outside(monkeypatch: pytest.MonkeyPatch) -> Web:
    found = Web()
    monkeypatch.setattr(take_event, "ask", found)
    monkeypatch.setattr(take_event, "_certificates", ses.Certificates())
    return found


@pytest.fixture
def world(parts: Parts, now: datetime) -> World:
    return World.build(parts, now)


@pytest.fixture
def delivery(world: World) -> int:
    return world.delivery(world.person())


@pytest.fixture
def provider(parts: Parts, world: World) -> FlaskClient:
    """A machine without cookies, against pages with their CSRF protection on."""
    return web.create(replace(parts, settings=replace(parts.settings, **ON))).test_client()


def message_id(world: World, delivery: int) -> str:
    [row] = world.rows("select origin from deliveries where id = :d", d=delivery)
    return f"<{delivery}.{message_mark(row.origin, world.parts.secret)}@maker.example>"


def return_path(world: World, delivery: int) -> str:
    return f"bounce+{world.parts.signer.sign(TokenKind.BOUNCE, delivery)}@maker.example"


def status(world: World) -> str:
    return str(world.rows("select status from addresses")[0].status)


def stamp() -> str:
    return str(int(datetime.now(UTC).timestamp()))


def by_hook(body: object, *, secret: str = SECRET) -> dict[str, Any]:
    payload, at = json.dumps(body).encode(), stamp()
    headers = {signed.TIMESTAMP: at, signed.SIGNATURE: signed.sign(payload, secret=secret, stamp=at)}
    return {"data": payload, "headers": headers}


def by_sendgrid(body: object) -> dict[str, Any]:
    payload, at = json.dumps(body).encode(), stamp()
    signature = base64.b64encode(KEY.sign(at.encode() + payload, ec.ECDSA(SHA256()))).decode()
    return {"data": payload, "headers": {sendgrid.SIGNATURE: signature, sendgrid.TIMESTAMP: at}}


def by_mailgun(event: object) -> dict[str, Any]:
    at = stamp()
    signature = hmac.new(SECRET.encode(), f"{at}token".encode(), hashlib.sha256).hexdigest()
    return {
        "json": {
            "signature": {"timestamp": at, "token": "token", "signature": signature},
            "event-data": event,
        }
    }


@pytest.mark.parametrize(
    "name", ["ses", "sendgrid", "postmark", "mailgun", "signed", "nobody", "../ses", "%00"]
)
def test_nothing_is_there_until_its_secret_is_set(parts: Parts, name: str) -> None:
    client = web.create(parts).test_client()
    assert client.post(f"/hooks/{name}", data=b"{}").status_code == 404
    assert client.get(f"/hooks/{name}").status_code in (404, 405)


@pytest.mark.parametrize("name", ["ses", "sendgrid", "postmark", "mailgun", "signed"])
def test_whoever_proves_nothing_is_refused_and_leaves_no_row(
    provider: FlaskClient, world: World, outside: Web, name: str
) -> None:
    for body in (b"", b"{}", b"[]", b"\xff", b"[" * 50_000, json.dumps(sns.bounce()).encode()):
        answer = provider.post(f"/hooks/{name}", data=body, content_type="application/json")
        assert (answer.status_code, answer.text) == (400, "bad signature\n")
        assert "Set-Cookie" not in answer.headers
    assert world.rows("select 1 from returned_events") == []
    assert outside.asked == []


def test_a_bounce_of_ses_finds_its_mail_by_the_return_path(
    provider: FlaskClient, world: World, delivery: int, outside: Web
) -> None:
    payload = sns.notification(sns.bounce(mail=sns.mail(return_path(world, delivery))), version="1")
    for _ in range(2):
        assert (
            provider.post("/hooks/ses", data=payload, content_type="text/plain; charset=UTF-8").status_code
            == 200
        )
    assert status(world) == "hard"
    assert len(world.rows("select 1 from returned_events where source = 'ses'")) == 1
    assert outside.asked == [sns.CERTIFICATE_URL]


def test_a_complaint_of_ses_finds_its_mail_by_the_message_id(
    provider: FlaskClient, world: World, delivery: int, outside: Web
) -> None:
    inner = sns.complaint(mail=sns.mail(message_id=message_id(world, delivery)))
    assert provider.post("/hooks/ses", data=sns.notification(inner)).status_code == 200
    assert status(world) == "complaint"
    assert world.rows("select scope from suppressions")[0].scope == "global"


def test_a_subscription_is_confirmed_by_asking_the_service(provider: FlaskClient, outside: Web) -> None:
    assert provider.post("/hooks/ses", data=sns.confirmation()).status_code == 200
    assert outside.asked == [sns.CERTIFICATE_URL, sns.SUBSCRIBE_URL]
    evil = sns.confirmation(url="https://evil.example/?Action=ConfirmSubscription")
    assert provider.post("/hooks/ses", data=evil).status_code == 400
    assert "https://evil.example/?Action=ConfirmSubscription" not in outside.asked


def test_what_cannot_be_proved_now_is_asked_for_again(provider: FlaskClient, outside: Web) -> None:
    outside.is_away = True
    answer = provider.post("/hooks/ses", data=sns.notification(sns.bounce()))
    assert (answer.status_code, answer.headers["Retry-After"]) == (500, "60")


def test_a_batch_of_sendgrid(provider: FlaskClient, world: World) -> None:
    people = [world.delivery(world.person()) for _ in range(3)]
    words = ["bounce", "spamreport", "delivered"]
    events = [
        {
            "event": word,
            "email": "x@y.example",
            "smtp-id": message_id(world, id),
            "sg_event_id": word,
            "status": "5.1.1",
        }
        for word, id in zip(words, people, strict=True)
    ]
    assert provider.post("/hooks/sendgrid", **by_sendgrid([*events, {"event": "new"}, 5])).status_code == 200
    assert [row.status for row in world.rows("select status from addresses order by id")] == [
        "hard",
        "complaint",
        "unknown",
    ]
    assert sorted(row.kind for row in world.rows("select kind from returned_events")) == [
        "bounce",
        "complaint",
        "other",
    ]


def test_postmark_by_password_or_path(provider: FlaskClient, world: World, delivery: int) -> None:
    told = {
        "RecordType": "Bounce",
        "Type": "HardBounce",
        "ID": 1,
        "Content": f"Message-ID: {message_id(world, delivery)}",
    }
    assert provider.post("/hooks/postmark", json=told, auth=("ikusei", "wrong")).status_code == 400
    assert provider.post("/hooks/postmark/wrong", json=told).status_code == 400
    assert status(world) == "unknown"
    assert provider.post("/hooks/postmark", json=told, auth=("ikusei", SECRET)).status_code == 200
    assert status(world) == "hard"
    assert provider.post(f"/hooks/postmark/{SECRET}", json={"RecordType": "Of Tomorrow"}).status_code == 200


def test_mailgun_by_the_envelope(provider: FlaskClient, world: World, delivery: int) -> None:
    event = {
        "event": "failed",
        "severity": "permanent",
        "id": "a",
        "recipient": "x@y.example",
        "delivery-status": {"code": 550, "message": "user unknown"},
        "envelope": {"sender": return_path(world, delivery)},
    }
    assert provider.post("/hooks/mailgun", **by_mailgun(event)).status_code == 200
    assert status(world) == "hard"


def test_the_generic_webhook(provider: FlaskClient, world: World, delivery: int) -> None:
    body = {
        "events": [
            {"event": "bounce", "status": "4.2.2", "token": return_path(world, delivery), "reason": "full"}
        ]
    }
    assert provider.post("/hooks/signed", **by_hook(body, secret="another-long-secret")).status_code == 400
    assert status(world) == "unknown"
    assert provider.post("/hooks/signed", **by_hook(body)).status_code == 200
    assert status(world) == "soft"
    old = {"events": [{"event": "bounce", "recipient": "p1@customer1.example", "status": "5.1.1"}]}
    assert provider.post("/hooks/signed", **by_hook(old)).status_code == 200
    assert status(world) == "soft", "an address alone names no mail"


def test_while_the_database_is_away_the_provider_keeps_the_event(parts: Parts) -> None:
    nowhere = create_engine(
        "postgresql+psycopg://nobody@127.0.0.1:1/none", connect_args={"connect_timeout": 1}
    )
    settings = replace(parts.settings, **ON)
    client = web.create(replace(parts, engine=nowhere, settings=settings)).test_client()
    body = {"events": [{"event": "bounce", "token": "x"}]}
    assert client.post("/hooks/signed", **by_hook(body)).status_code == 500
    assert client.post("/hooks/signed", **by_hook(body, secret="another-long-secret")).status_code == 400


def test_a_huge_body_is_refused(provider: FlaskClient) -> None:
    assert provider.post("/hooks/sendgrid", data=b"x" * (5 * 1024 * 1024)).status_code == 413


def test_a_person_page_says_why_mail_comes_back(
    client: FlaskClient, provider: FlaskClient, world: World, delivery: int
) -> None:
    body = {
        "events": [
            {
                "event": "bounce",
                "status": "5.1.1",
                "token": return_path(world, delivery),
                "reason": "550 <b>no</b>",
            }
        ]
    }
    provider.post("/hooks/signed", **by_hook(body))
    [row] = world.rows("select person_id from deliveries where id = :d", d=delivery)
    page = client.get(f"/people/{row.person_id}").text
    assert "宛先のメールボックスがありません" in page
    assert "&lt;b&gt;no&lt;/b&gt;" in page
    assert "メールアドレス入手" in client.get("/calls?kind=check").text


def test_a_paused_scenario_says_that_it_paused_by_itself(client: FlaskClient, world: World) -> None:
    with world.parts.engine.begin() as tx:
        tx.execute(
            text(
                "insert into scenarios (product_id, name, status, published_no, created_at)"
                " values (:p, 'フォロー', 'paused', 1, :n)"
            ),
            {"p": world.press_id, "n": world.now},
        )
        audit_id = tx.execute(
            text(
                "insert into audit_log (at, noun, noun_id, action) values (:n, 'scenario', 1, 'pause') returning id"
            ),
            {"n": world.now},
        ).scalar_one()
        tx.execute(
            text("insert into audit_values (audit_id, field, new) values (:a, 'reason', 'complaints')"),
            {"a": audit_id},
        )
    assert "自動で一時停止しました" in client.get("/deliveries").text
