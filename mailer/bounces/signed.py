"""The generic webhook, for any mail server or provider that a few lines of glue can speak for.

A POST with two headers: `X-Ikusei-Timestamp`, seconds since 1970, and `X-Ikusei-Signature`, the HMAC-SHA256
in hex of `TIMESTAMP.BODY` with the shared secret. The body is JSON:

    {"events": [{"id": "...", "event": "bounce", "message_id": "<...>", "token": "bounce+...@...",
                 "recipient": "...", "bounce": "hard", "status": "5.1.1", "reason": "550 ...", "at": "..."}]}

event: bounce, complaint, delayed, unsubscribe, delivered. One of message_id and token names the mail; all
else may be missing. bounce: hard or soft; without it status and reason decide.
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

SIGNATURE = "x-ikusei-signature"
TIMESTAMP = "x-ikusei-timestamp"
# Whoever tries again signs again.
WINDOW = timedelta(minutes=5)


def sign(payload: bytes, *, secret: str, stamp: str) -> str:
    """The signature of a body, in hex. stamp: seconds since 1970."""
    return hmac.new(secret.encode(), stamp.encode() + b"." + payload, hashlib.sha256).hexdigest()


def verify(payload: bytes, headers: Headers, *, secret: str, now: datetime) -> None:
    """Raises BadSignature unless this was signed with the secret within five minutes."""
    stamp = headers.get(TIMESTAMP, "")
    given = headers.get(SIGNATURE, "").strip().lower().removeprefix("sha256=")
    wanted = sign(payload, secret=secret, stamp=stamp)
    if not hmac.compare_digest(given.encode("utf-8", "replace"), wanted.encode()):
        raise BadSignature("not signed with the secret")
    at = instant(stamp)
    if at is None or abs(now - at) > WINDOW:
        raise BadSignature("signed too long ago")


def parse(payload: bytes, headers: Headers) -> list[Event]:
    """The events of a verified body."""
    return [_event(one) for one in Fields(load(payload)).children("events")]


def _event(one: Fields) -> Event:
    word = one.text("event").lower()
    kind = EventKind(word) if word in set(EventKind) else EventKind.OTHER
    status, words = one.text("status"), one.text("reason")
    side: Side | None = None
    reason = "feedback" if kind is EventKind.COMPLAINT else ""
    if kind is EventKind.BOUNCE:
        usual = {"hard": Side.HARD, "soft": Side.SOFT}.get(one.text("bounce").lower())
        side, reason = judged(status, words, usual=usual)
    traces = (one.text("token"), one.text("message_id"))
    return Event(
        key=name("signed", one.text("id") or one.raw()),
        kind=kind,
        recipient=one.text("recipient"),
        traces=tuple(trace for trace in traces if trace),
        side=side,
        status=status,
        reason=reason,
        words=words[:WORDS_MAX],
        at=instant(one.text("at")),
        raw=one.raw(),
    )
