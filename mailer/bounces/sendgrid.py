"""Twilio SendGrid: the signed event webhook.

SendGrid signs the timestamp and the body as they are, with ECDSA; the public key stands in its settings page.
Source: twilio.com/docs/sendgrid, "Getting Started with the Event Webhook Security Features" and "Event
Webhook Reference".
"""

from __future__ import annotations

import base64
import binascii
from datetime import datetime, timedelta

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

from mailer.bounces.events import (
    WORDS_MAX,
    BadSignature,
    Event,
    EventKind,
    Fields,
    Headers,
    instant,
    judged,
    load,
    objects,
)
from mailer.bounces.events import key as name
from mailer.bounces.returned import Side

SIGNATURE = "x-twilio-email-event-webhook-signature"
TIMESTAMP = "x-twilio-email-event-webhook-timestamp"
# SendGrid tries again for 24 hours; what comes later is a copy that somebody kept.
WINDOW = timedelta(hours=25)
AHEAD = timedelta(minutes=10)

_KINDS = {
    "bounce": EventKind.BOUNCE,
    "dropped": EventKind.BOUNCE,
    "deferred": EventKind.DELAYED,
    "spamreport": EventKind.COMPLAINT,
    "unsubscribe": EventKind.UNSUBSCRIBE,
    "group_unsubscribe": EventKind.UNSUBSCRIBE,
    "delivered": EventKind.DELIVERED,
    "open": EventKind.DELIVERED,
    "click": EventKind.DELIVERED,
}
_SILENT = frozenset({"processed"})
_CLASSES = {
    "invalid address": (Side.HARD, "user_unknown"),
    "technical": (Side.SOFT, "system"),
    "content": (Side.SENDER, "content"),
    "reputation": (Side.SENDER, "blocked"),
    "frequency or volume": (Side.SENDER, "rate_limited"),
    "mailbox unavailable": (Side.SOFT, "mailbox_full"),
}
# Why SendGrid did not even try. It keeps lists of its own; what it says of a person is true for us as well.
_DROPPED = {
    "bounced address": (EventKind.BOUNCE, Side.HARD, "user_unknown"),
    "invalid": (EventKind.BOUNCE, Side.HARD, "user_unknown"),
    "unsubscribed address": (EventKind.UNSUBSCRIBE, None, ""),
    "spam reporting address": (EventKind.COMPLAINT, None, "feedback"),
}


def verify(payload: bytes, headers: Headers, *, key: str, now: datetime) -> None:
    """Raises BadSignature unless SendGrid signed this with the key. key: base64 of the public key."""
    stamp = headers.get(TIMESTAMP, "")
    try:
        public = load_der_public_key(base64.b64decode(_bare(key), validate=True))
        signature = base64.b64decode(headers.get(SIGNATURE, ""), validate=True)
        if not isinstance(public, ec.EllipticCurvePublicKey):
            raise BadSignature("the key is no ECDSA key")
        public.verify(signature, stamp.encode() + payload, ec.ECDSA(SHA256()))
    except (InvalidSignature, UnsupportedAlgorithm, binascii.Error, ValueError) as error:
        raise BadSignature("not signed by SendGrid") from error
    at = instant(stamp)
    if at is None or not now - WINDOW <= at <= now + AHEAD:
        raise BadSignature("signed too long ago")


def _bare(key: str) -> str:
    """The key without the frame that some copy along with it."""
    return "".join(line.strip() for line in key.splitlines() if "-----" not in line)


def parse(payload: bytes, headers: Headers) -> list[Event]:
    """The events of a verified body."""
    return [_event(one) for one in objects(load(payload)) if one.text("event").lower() not in _SILENT]


def _event(one: Fields) -> Event:
    word = one.text("event").lower()
    kind = _KINDS.get(word, EventKind.OTHER)
    status, words = one.text("status"), one.text("reason", "response")
    side: Side | None = None
    reason = "feedback" if kind is EventKind.COMPLAINT else ""
    if word == "dropped":
        kind, side, reason = _DROPPED.get(words.lower(), (EventKind.BOUNCE, Side.SENDER, "policy"))
    elif kind is EventKind.BOUNCE:
        # "blocked": the receiver refused for now or for us; the address may be alive.
        usual = Side.SOFT if one.text("type").lower() == "blocked" else Side.HARD
        usual, named = _CLASSES.get(one.text("bounce_classification").lower(), (usual, ""))
        side, reason = judged(status, words, usual=usual, reason=named)
    return Event(
        key=name("sendgrid", one.text("sg_event_id") or one.raw()),
        kind=kind,
        recipient=one.text("email"),
        traces=tuple(trace for trace in (one.text("smtp-id"), one.text("ikusei"), one.text("from")) if trace),
        side=side,
        status=status,
        reason=reason,
        words=words[:WORDS_MAX],
        at=instant(one.text("timestamp")),
        raw=one.raw(),
    )
