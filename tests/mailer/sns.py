"""A Simple Notification Service that signs with a certificate of its own, for tests."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

NOW = datetime(2026, 11, 24, 1, 0, tzinfo=UTC)
TOPIC = "arn:aws:sns:ap-northeast-1:123456789012:returned"
CERTIFICATE_URL = "https://sns.ap-northeast-1.amazonaws.com/SimpleNotificationService-0123456789abcdef.pem"
SUBSCRIBE_URL = (
    "https://sns.ap-northeast-1.amazonaws.com/?Action=ConfirmSubscription&TopicArn="
    + TOPIC
    + "&Token=2336412f37"
)
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)


def certificate(*, since: datetime = NOW - timedelta(days=30), days: int = 400) -> bytes:
    """A self-signed certificate of the service's key, as PEM."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sns.amazonaws.com")])
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(KEY.public_key())
        .serial_number(1)
        .not_valid_before(since)
        .not_valid_after(since + timedelta(days=days))
        .sign(KEY, SHA256())
    )
    return built.public_bytes(Encoding.PEM)


def sign(message: dict[str, Any]) -> str:
    """The signature over the fields that the documentation names, in its order."""
    if message["Type"] == "Notification":
        names = ["Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"]
    else:
        names = ["Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"]
    text = "".join(f"{name}\n{message[name]}\n" for name in names if name in message)
    digest = {"1": SHA1(), "2": SHA256()}[message["SignatureVersion"]]
    return base64.b64encode(KEY.sign(text.encode(), padding.PKCS1v15(), digest)).decode()


def notification(inner: object, *, version: str = "2", **changed: Any) -> bytes:
    """A signed notification. inner: what SES says. changed: fields put in before signing."""
    message = {
        "Type": "Notification",
        "MessageId": "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324",
        "TopicArn": TOPIC,
        "Message": json.dumps(inner) if not isinstance(inner, str) else inner,
        "Timestamp": "2026-11-24T01:00:00.000Z",
        "SignatureVersion": version,
        "SigningCertURL": CERTIFICATE_URL,
        "UnsubscribeURL": "https://sns.ap-northeast-1.amazonaws.com/?Action=Unsubscribe",
        **changed,
    }
    return json.dumps({**message, "Signature": sign(message)}).encode()


def confirmation(*, url: str = SUBSCRIBE_URL, **changed: Any) -> bytes:
    """A signed request to confirm a subscription."""
    message = {
        "Type": "SubscriptionConfirmation",
        "MessageId": "165545c9-2a5c-472c-8df2-7ff2be2b3b1b",
        "Token": "2336412f37",
        "TopicArn": TOPIC,
        "Message": "You have chosen to subscribe to the topic.\nTo confirm, visit the SubscribeURL.",
        "SubscribeURL": url,
        "Timestamp": "2026-11-24T01:00:00.000Z",
        "SignatureVersion": "1",
        "SigningCertURL": CERTIFICATE_URL,
        **changed,
    }
    return json.dumps({**message, "Signature": sign(message)}).encode()


def mail(source: str = "john@maker.example", message_id: str = "<1.00@maker.example>") -> dict[str, Any]:
    """The mail object of SES's notifications."""
    return {
        "timestamp": "2026-11-24T00:59:38.237Z",
        "source": source,
        "sourceArn": "arn:aws:ses:ap-northeast-1:123456789012:identity/maker.example",
        "sourceIp": "192.0.2.1",
        "sendingAccountId": "123456789012",
        "messageId": "00000138111222aa-33322211-cccc-cccc-cccc-ddddaaaa0680-000000",
        "destination": ["jane@customer.example"],
        "headersTruncated": False,
        "headers": [
            {"name": "From", "value": "John <john@maker.example>"},
            {"name": "Message-ID", "value": message_id},
        ],
        "commonHeaders": {"messageId": message_id, "subject": "Hello"},
    }


def bounce(
    kind: str = "Permanent", sub: str = "General", status: str = "5.1.1", **changed: Any
) -> dict[str, Any]:
    """A bounce notification with a DSN."""
    return {
        "notificationType": "Bounce",
        "bounce": {
            "bounceType": kind,
            "bounceSubType": sub,
            "reportingMTA": "dns; mx.customer.example",
            "bouncedRecipients": [
                {
                    "emailAddress": "jane@customer.example",
                    "status": status,
                    "action": "failed",
                    "diagnosticCode": f"smtp; 550 {status} <jane@customer.example>... User",
                }
            ],
            "timestamp": "2026-11-24T01:00:00.000Z",
            "feedbackId": "00000138111222aa-33322211-cccc-cccc-cccc-ddddaaaa068a-000000",
            "remoteMtaIp": "192.0.2.2",
        },
        "mail": mail(),
        **changed,
    }


def complaint(word: str | None = "abuse", **changed: Any) -> dict[str, Any]:
    """A complaint notification."""
    return {
        "notificationType": "Complaint",
        "complaint": {
            "userAgent": "Example Feedback Loop (V0.01)",
            "complainedRecipients": [{"emailAddress": "jane@customer.example"}],
            **({"complaintFeedbackType": word} if word else {}),
            "arrivalDate": "2026-11-24T01:00:00.000Z",
            "timestamp": "2026-11-24T01:00:00.000Z",
            "feedbackId": "000001378603177f-18c07c78-fa81-4a58-9dd1-fedc3cb8f49a-000000",
        },
        "mail": mail(),
        **changed,
    }
