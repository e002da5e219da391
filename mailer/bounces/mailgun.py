"""Mailgun: webhooks signed over a timestamp and a token, inside the body.

Source: documentation.mailgun.com, "Securing Webhooks" and "Event structure".
"""

from __future__ import annotations

import hashlib
import hmac
from datetime import datetime, timedelta

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
)
from mailer.bounces.events import key as name
from mailer.bounces.returned import Side

# Mailgun tries again for 8 hours; what comes later is a copy that somebody kept.
WINDOW = timedelta(hours=12)
AHEAD = timedelta(minutes=10)

_KINDS = {
    "failed": EventKind.BOUNCE,
    "rejected": EventKind.BOUNCE,
    "complained": EventKind.COMPLAINT,
    "unsubscribed": EventKind.UNSUBSCRIBE,
    "delivered": EventKind.DELIVERED,
    "opened": EventKind.DELIVERED,
    "clicked": EventKind.DELIVERED,
}
_SILENT = frozenset({"accepted", "stored"})
# Mailgun did not even try: its own lists know the address.
_SUPPRESSED: dict[str, tuple[EventKind, Side | None, str]] = {
    "suppress-bounce": (EventKind.BOUNCE, Side.HARD, "user_unknown"),
    "suppress-unsubscribe": (EventKind.UNSUBSCRIBE, None, ""),
    "suppress-complaint": (EventKind.COMPLAINT, None, "feedback"),
}
_REASONS = {"old": "expired", "espblock": "blocked"}


def verify(payload: bytes, *, key: str, now: datetime) -> None:
    """Raises BadSignature unless Mailgun signed this with the key lately."""
    given = Fields(load(payload)).child("signature")
    stamp, token = given.text("timestamp"), given.text("token")
    wanted = hmac.new(key.encode(), f"{stamp}{token}".encode("utf-8", "replace"), hashlib.sha256).hexdigest()
    signature = given.text("signature").encode("utf-8", "replace")
    if not stamp or not token or not hmac.compare_digest(signature, wanted.encode()):
        raise BadSignature("not signed by Mailgun")
    at = instant(stamp)
    if at is None or not now - WINDOW <= at <= now + AHEAD:
        raise BadSignature("signed too long ago")


def parse(payload: bytes, headers: Headers) -> list[Event]:
    """The event of a verified body; Mailgun posts one at a time."""
    one = Fields(load(payload)).child("event-data")
    return [_event(one)] if one and one.text("event").lower() not in _SILENT else []


def _event(one: Fields) -> Event:
    kind, side, reason = _meaning(one)
    answer = one.child("delivery-status")
    status = answer.text("enhanced-code")
    words = answer.text("message", "description") or one.child("reject").text("reason", "description")
    if kind is EventKind.BOUNCE and side is not None and reason != "user_unknown":
        side, reason = judged(status, words, usual=side, reason=reason)
    return Event(
        key=name("mailgun", one.text("id") or one.raw()),
        kind=kind,
        recipient=one.text("recipient"),
        traces=_traces(one),
        side=side,
        status=status,
        reason=reason,
        words=words[:WORDS_MAX],
        at=instant(one.text("timestamp")),
        raw=one.raw(),
    )


def _meaning(one: Fields) -> tuple[EventKind, Side | None, str]:
    word, cause = one.text("event").lower(), one.text("reason").lower()
    kind = _KINDS.get(word, EventKind.OTHER)
    if kind is not EventKind.BOUNCE:
        return kind, None, "feedback" if kind is EventKind.COMPLAINT else ""
    if word == "rejected":
        return kind, Side.SENDER, "policy"
    if cause in _SUPPRESSED:
        return _SUPPRESSED[cause]
    if one.text("severity").lower() == "temporary":
        return EventKind.DELAYED, None, "delayed"
    answer = one.child("delivery-status")
    is_soft = (
        cause == "old" or answer.text("bounce-type").lower() == "soft" or answer.text("code").startswith("4")
    )
    return kind, Side.SOFT if is_soft else Side.HARD, _REASONS.get(cause, "")


def _traces(one: Fields) -> tuple[str, ...]:
    headers = one.child("message").child("headers")
    found = (
        one.child("envelope").text("sender"),
        headers.text("message-id"),
        one.child("user-variables").text("ikusei"),
    )
    return tuple(trace for trace in found if trace)
