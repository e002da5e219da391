"""Provider webhooks: who may speak, and what their words mean. Payloads follow their public documentation."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

from mailer.bounces import Side, mailgun, postmark, sendgrid, ses, signed
from mailer.bounces.events import BadSignature, Event, EventKind, instant

NOW = datetime(2026, 11, 24, 1, 0, tzinfo=UTC)
STAMP = str(int(NOW.timestamp()))
OURS = "41.0123456789abcdef@maker.example"


def one(events: list[Event]) -> Event:
    assert len(events) == 1
    return events[0]


# --- SendGrid --------------------------------------------------------------------------------------------

KEY = ec.generate_private_key(ec.SECP256R1())
PUBLIC = base64.b64encode(
    KEY.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
).decode()


def by_sendgrid(payload: bytes, *, stamp: str = STAMP) -> dict[str, str]:
    signature = KEY.sign(stamp.encode() + payload, ec.ECDSA(SHA256()))
    return {sendgrid.SIGNATURE: base64.b64encode(signature).decode(), sendgrid.TIMESTAMP: stamp}


def test_sendgrid_signs_timestamp_and_body() -> None:
    payload = b'[{"event": "bounce"}]\r\n'
    sendgrid.verify(payload, by_sendgrid(payload), key=PUBLIC, now=NOW)
    framed = f"-----BEGIN PUBLIC KEY-----\n{PUBLIC[:64]}\n{PUBLIC[64:]}\n-----END PUBLIC KEY-----\n"
    sendgrid.verify(payload, by_sendgrid(payload), key=framed, now=NOW + timedelta(hours=20))


@pytest.mark.parametrize(
    ("change", "hours"),
    [
        (lambda p, h: (p + b" ", h), 0),
        (lambda p, h: (p, {**h, sendgrid.TIMESTAMP: str(int(STAMP) + 1)}), 0),
        (lambda p, h: (p, {**h, sendgrid.SIGNATURE: "AAAA"}), 0),
        (lambda p, h: (p, {**h, sendgrid.SIGNATURE: "?"}), 0),
        (lambda p, h: (p, {}), 0),
        (lambda p, h: (p, h), 26),
        (lambda p, h: (p, h), -1),
    ],
)
def test_whoever_is_not_sendgrid_is_refused(change: Any, hours: int) -> None:
    payload = b'[{"event": "bounce"}]'
    body, headers = change(payload, by_sendgrid(payload))
    with pytest.raises(BadSignature):
        sendgrid.verify(body, headers, key=PUBLIC, now=NOW + timedelta(hours=hours))


def test_a_key_that_is_none_lets_nobody_in() -> None:
    payload = b"[]"
    for key in ("", "rubbish", base64.b64encode(b"rubbish").decode()):
        with pytest.raises(BadSignature):
            sendgrid.verify(payload, by_sendgrid(payload), key=key, now=NOW)


@pytest.mark.parametrize(
    ("said", "kind", "side", "reason"),
    [
        (
            {"event": "bounce", "type": "bounce", "status": "5.1.1", "reason": "550 5.1.1 user unknown"},
            "bounce",
            "hard",
            "user_unknown",
        ),
        (
            {
                "event": "bounce",
                "type": "bounce",
                "bounce_classification": "Invalid Address",
                "status": "5.0.0",
                "reason": "rejected",
            },
            "bounce",
            "hard",
            "user_unknown",
        ),
        (
            {"event": "bounce", "type": "blocked", "status": "4.2.2", "reason": "mailbox full"},
            "bounce",
            "soft",
            None,
        ),
        (
            {"event": "bounce", "type": "bounce", "status": "5.7.1", "reason": "550 5.7.1 no"},
            "bounce",
            "sender",
            None,
        ),
        (
            {"event": "bounce", "type": "bounce", "bounce_classification": "Reputation", "reason": "?"},
            "bounce",
            "sender",
            "blocked",
        ),
        ({"event": "dropped", "reason": "Bounced Address"}, "bounce", "hard", "user_unknown"),
        ({"event": "dropped", "reason": "Unsubscribed Address"}, "unsubscribe", None, None),
        ({"event": "dropped", "reason": "Spam Reporting Address"}, "complaint", None, None),
        ({"event": "dropped", "reason": "Recipient List over Package Quota"}, "bounce", "sender", None),
        ({"event": "deferred", "response": "451 4.7.0 later"}, "delayed", None, None),
        ({"event": "spamreport"}, "complaint", None, "feedback"),
        ({"event": "group_unsubscribe", "asm_group_id": 7}, "unsubscribe", None, None),
        ({"event": "delivered", "response": "250 OK"}, "delivered", None, None),
        ({"event": "click", "url": "https://maker.example"}, "delivered", None, None),
        ({"event": "a word of tomorrow", "new": {"deep": [1]}}, "other", None, None),
        ({}, "other", None, None),
    ],
)
def test_the_words_of_sendgrid(said: dict[str, Any], kind: str, side: str | None, reason: str | None) -> None:
    common = {
        "email": "p@customer.example",
        "timestamp": int(STAMP),
        "smtp-id": f"<{OURS}>",
        "sg_event_id": "ZHJv",
        "sg_message_id": "14c5d75ce93.dfd.64b469.filter0001.16648.5515E0B88.0",
    }
    event = one(sendgrid.parse(json.dumps([{**common, **said}]).encode(), {}))
    assert (event.kind, event.side) == (EventKind(kind), Side(side) if side else None)
    assert reason is None or event.reason == reason
    assert OURS in event.traces[0]
    assert (event.recipient, event.at) == ("p@customer.example", NOW)
    assert json.loads(event.raw)["email"] == "p@customer.example"


def test_sendgrid_says_processed_for_every_mail_and_that_is_nothing() -> None:
    assert (
        sendgrid.parse(b'[{"event": "processed"}, {"event": "open", "sg_event_id": "1"}]', {})[0].kind
        == "delivered"
    )


# --- Postmark --------------------------------------------------------------------------------------------


def test_postmark_proves_itself_by_password_or_path() -> None:
    secret = "a-long-shared-secret"
    basic = base64.b64encode(f"ikusei:{secret}".encode()).decode()
    postmark.verify({"authorization": f"Basic {basic}"}, secret=secret)
    postmark.verify({}, secret=secret, in_path=secret)
    wrong = base64.b64encode(b"ikusei:wrong").decode()
    for header, path in ((f"Basic {wrong}", ""), ("Basic ?", ""), ("Bearer x", ""), ("", "wrong"), ("", "")):
        with pytest.raises(BadSignature):
            postmark.verify({"authorization": header}, secret=secret, in_path=path)


BOUNCE: dict[str, Any] = {
    "RecordType": "Bounce",
    "ID": 42,
    "Type": "HardBounce",
    "TypeCode": 1,
    "Name": "Hard bounce",
    "MessageID": "883953f4-6105-42a2-a16a-77a8eac79483",
    "ServerID": 1234,
    "MessageStream": "outbound",
    "Description": "The server was unable to deliver your message (ex: unknown user, mailbox not found).",
    "Details": "smtp;550 5.1.1 The email account that you tried to reach does not exist",
    "Email": "p@customer.example",
    "From": "sender@maker.example",
    "BouncedAt": "2026-11-24T10:00:00.9070259+09:00",
    "DumpAvailable": True,
    "Inactive": True,
    "CanActivate": True,
    "Subject": "Test subject",
    "Metadata": {},
    "Content": f"Return-Path: <>\r\n\r\nMessage-ID: <{OURS}>\r\n",
}


@pytest.mark.parametrize(
    ("said", "kind", "side"),
    [
        ({}, "bounce", "hard"),
        ({"Type": "SoftBounce", "Details": "552 mailbox full"}, "bounce", "soft"),
        ({"Type": "Blocked", "Details": "blocked by an ISP"}, "bounce", "sender"),
        ({"Type": "DMARCPolicy", "Details": ""}, "bounce", "sender"),
        ({"Type": "Transient"}, "delayed", None),
        ({"RecordType": "SpamComplaint", "Type": "SpamComplaint"}, "complaint", None),
        ({"Type": "AutoResponder"}, "other", None),
        ({"Type": "TypeOfTomorrow"}, "other", None),
        ({"RecordType": "SubscriptionChange", "SuppressSending": True, "SuppressionReason": "ManualSuppression"}, "unsubscribe", None),
        ({"RecordType": "SubscriptionChange", "SuppressSending": True, "SuppressionReason": "SpamComplaint"}, "complaint", None),
        ({"RecordType": "SubscriptionChange", "SuppressSending": False, "SuppressionReason": None}, "other", None),
        ({"RecordType": "Delivery", "DeliveredAt": "2026-11-24T01:00:00Z"}, "delivered", None),
        ({"RecordType": "Open"}, "delivered", None),
        ({"RecordType": "Tomorrow"}, "other", None),
    ],
)  # fmt: skip
def test_the_words_of_postmark(said: dict[str, Any], kind: str, side: str | None) -> None:
    event = one(postmark.parse(json.dumps({**BOUNCE, **said}).encode(), {}))
    assert (event.kind, event.side) == (EventKind(kind), Side(side) if side else None)
    assert any(OURS in trace for trace in event.traces)
    assert event.at is not None
    assert abs(event.at - NOW) < timedelta(seconds=2)


def test_postmarks_metadata_names_the_mail_first() -> None:
    told = {**BOUNCE, "Metadata": {"ikusei": OURS}, "Content": "forged"}
    assert one(postmark.parse(json.dumps(told).encode(), {})).traces[0] == OURS


# --- Mailgun ---------------------------------------------------------------------------------------------

MAILGUN_KEY = "key-0123456789abcdef"


def by_mailgun(event: object, *, stamp: str = STAMP, key: str = MAILGUN_KEY) -> bytes:
    token = "a8ce0edb2dd8301dee6c2405235584e45aa91d1e9f979f3de0"
    signature = hmac.new(key.encode(), f"{stamp}{token}".encode(), hashlib.sha256).hexdigest()
    return json.dumps(
        {
            "signature": {"timestamp": stamp, "token": token, "signature": signature},
            "event-data": event,
        }
    ).encode()


FAILED: dict[str, Any] = {
    "event": "failed",
    "id": "G9Bn5sl1TC6nu79C8C0bwg",
    "timestamp": 1795482000.375624,
    "severity": "permanent",
    "reason": "bounce",
    "log-level": "error",
    "recipient": "p@customer.example",
    "recipient-domain": "customer.example",
    "delivery-status": {
        "attempt-no": 1,
        "code": 550,
        "enhanced-code": "5.1.1",
        "bounce-type": "hard",
        "message": "5.1.1 The email account that you tried to reach does not exist",
        "description": "",
    },
    "envelope": {"sender": "bounce+0011@maker.example", "transport": "smtp", "targets": "p@customer.example"},
    "message": {"headers": {"message-id": OURS, "to": "p@customer.example", "from": "x@maker.example"}},
    "flags": {"is-test-mode": False},
    "user-variables": {},
    "tags": [],
}


def test_mailgun_signs_timestamp_and_token() -> None:
    mailgun.verify(by_mailgun(FAILED), key=MAILGUN_KEY, now=NOW)
    for payload, now in (
        (by_mailgun(FAILED, key="another key"), NOW),
        (by_mailgun(FAILED), NOW + timedelta(hours=13)),
        (by_mailgun(FAILED), NOW - timedelta(hours=1)),
        (b'{"signature": {"timestamp": "", "token": "", "signature": ""}}', NOW),
        (b'{"signature": ["x"]}', NOW),
        (b"rubbish", NOW),
    ):
        with pytest.raises(BadSignature):
            mailgun.verify(payload, key=MAILGUN_KEY, now=now)


@pytest.mark.parametrize(
    ("said", "kind", "side"),
    [
        ({}, "bounce", "hard"),
        ({"severity": "temporary"}, "delayed", None),
        ({"reason": "old", "delivery-status": {"code": 602}}, "bounce", "soft"),
        ({"reason": "generic", "delivery-status": {"code": 552, "bounce-type": "soft", "message": "quota"}}, "bounce", "soft"),
        ({"reason": "espblock", "delivery-status": {"code": 421}}, "bounce", "sender"),
        ({"delivery-status": {"code": 550, "enhanced-code": "5.7.1", "message": "policy"}}, "bounce", "sender"),
        ({"reason": "suppress-bounce", "delivery-status": {"code": 605}}, "bounce", "hard"),
        ({"reason": "suppress-unsubscribe"}, "unsubscribe", None),
        ({"reason": "suppress-complaint"}, "complaint", None),
        ({"event": "complained"}, "complaint", None),
        ({"event": "unsubscribed"}, "unsubscribe", None),
        ({"event": "rejected", "reject": {"reason": "Sandbox"}}, "bounce", "sender"),
        ({"event": "opened"}, "delivered", None),
        ({"event": "tomorrow"}, "other", None),
    ],
)  # fmt: skip
def test_the_words_of_mailgun(said: dict[str, Any], kind: str, side: str | None) -> None:
    event = one(mailgun.parse(by_mailgun({**FAILED, **said}), {}))
    assert (event.kind, event.side) == (EventKind(kind), Side(side) if side else None)
    assert event.traces == ("bounce+0011@maker.example", OURS)


def test_mailgun_accepted_is_nothing() -> None:
    assert mailgun.parse(by_mailgun({**FAILED, "event": "accepted"}), {}) == []


# --- the generic one -------------------------------------------------------------------------------------


def test_the_generic_webhook_signs_timestamp_and_body() -> None:
    secret, payload = "a-long-shared-secret", b'{"events": []}'
    headers = {signed.TIMESTAMP: STAMP, signed.SIGNATURE: signed.sign(payload, secret=secret, stamp=STAMP)}
    signed.verify(payload, headers, secret=secret, now=NOW)
    with pytest.raises(BadSignature):
        signed.verify(payload + b" ", headers, secret=secret, now=NOW)
    with pytest.raises(BadSignature):
        signed.verify(payload, headers, secret=secret, now=NOW + timedelta(minutes=6))
    with pytest.raises(BadSignature):
        signed.verify(payload, headers, secret="another-long-secret", now=NOW)


def test_the_words_of_the_generic_webhook() -> None:
    events = [
        {"event": "bounce", "status": "5.1.1", "message_id": f"<{OURS}>"},
        {"event": "bounce", "status": "4.2.2", "token": "bounce+0011@maker.example"},
        {"event": "bounce", "bounce": "hard", "status": "5.0.0"},
        {"event": "bounce", "status": "5.7.26", "reason": "unauthenticated"},
        {"event": "complaint"},
        {"event": "of tomorrow"},
        "rubbish",
    ]
    found = signed.parse(json.dumps({"events": events}).encode(), {})
    assert [(event.kind.value, event.side) for event in found] == [
        ("bounce", Side.HARD),
        ("bounce", Side.SOFT),
        ("bounce", Side.HARD),
        ("bounce", Side.SENDER),
        ("complaint", None),
        ("other", None),
    ]
    assert len({event.key for event in found}) == 6


# --- all of them -----------------------------------------------------------------------------------------

PARSERS = (sendgrid.parse, postmark.parse, mailgun.parse, signed.parse, ses.parse)
RUBBISH: list[bytes] = [
    b"",
    b"null",
    b"[]",
    b"{}",
    b"[null, 1, [], {}]",
    b"\xff\xfe",
    b'"text"',
    b"[" * 100_000,
    b'{"events": 5, "event-data": [], "Type": "Notification", "Message": "{"}',
    b'{"Type": "Notification", "Message": "[[]]"}',
    b'[{"event": {"a": 1}, "timestamp": 1e400, "email": ["x"], "reason": {}, "status": null}]',
]


@pytest.mark.parametrize("payload", RUBBISH)
def test_rubbish_raises_nothing(payload: bytes) -> None:
    for parse in PARSERS:
        parse(payload, {})


def test_no_field_however_twisted_raises() -> None:
    """Every field of every payload replaced by something of another type, seeded."""
    draw = random.Random(7)
    odd: list[object] = [
        None,
        0,
        -1,
        1e308,
        True,
        "",
        "\x00\ud800",
        "x" * 5000,
        [],
        [[]],
        {},
        {"a": {}},
        "1e999",
    ]
    inner = {
        "notificationType": "Bounce",
        "bounce": {"bounceType": "Permanent", "bouncedRecipients": [{}]},
        "mail": {},
    }
    samples: list[tuple[Any, dict[str, Any]]] = [
        (sendgrid.parse, {"event": "bounce", "email": "a@x.example", "timestamp": 5, "status": "5", "reason": "r"}),
        (postmark.parse, BOUNCE),
        (lambda payload, headers: mailgun.parse(b'{"event-data": ' + payload + b"}", headers), FAILED),
        (lambda payload, headers: signed.parse(b'{"events": [' + payload + b"]}", headers), {"event": "bounce", "at": "x"}),
        (lambda payload, headers: ses.parse(json.dumps({"Type": "Notification", "Message": payload.decode()}).encode(), headers), inner),
    ]  # fmt: skip
    for parse, sample in samples:
        for _ in range(300):
            twisted = {
                name: draw.choice(odd) if draw.random() < 0.4 else value for name, value in sample.items()
            }
            for event in parse(json.dumps(twisted).encode(), {}):
                assert event.key
                assert len(event.raw) <= 20_000
                assert len(event.words) <= 300


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("1795482000", NOW),
        ("1795482000.0", NOW),
        ("2026-11-24T10:00:00+09:00", NOW),
        ("2026-11-24T01:00:00Z", NOW),
        ("2026-11-24T01:00:00", NOW),
        ("99999999999999999", None),
        ("0001-01-01T00:00:00+14:00", None),
        ("tomorrow", None),
        ("", None),
    ],
)
def test_instants_of_all_kinds(text: str, at: datetime | None) -> None:
    assert instant(text) == at
