"""Postmark: bounce, spam complaint, subscription change and delivery webhooks.

Postmark signs nothing; it sends what the webhook's URL carries: a name and password (basic authentication),
or a last part of the path that nobody else knows. Its MessageID is its own: our Message-ID is kept only in
the returned mail (Content, "include bounce content") or in the metadata. Source: postmarkapp.com/developer.
"""

from __future__ import annotations

import base64
import binascii
import hmac

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

# How much of a returned mail is looked through for our Message-ID.
_CONTENT_MAX = 200_000

_TYPES: dict[str, tuple[EventKind, Side | None, str]] = {
    "hardbounce": (EventKind.BOUNCE, Side.HARD, "user_unknown"),
    "bademailaddress": (EventKind.BOUNCE, Side.HARD, "user_unknown"),
    "softbounce": (EventKind.BOUNCE, Side.SOFT, ""),
    "dnserror": (EventKind.BOUNCE, Side.SOFT, "host_unknown"),
    "undeliverable": (EventKind.BOUNCE, Side.SOFT, ""),
    "unknown": (EventKind.BOUNCE, Side.SOFT, ""),
    "addresschange": (EventKind.BOUNCE, Side.SOFT, "moved"),
    "blocked": (EventKind.BOUNCE, Side.SENDER, "blocked"),
    "spamnotification": (EventKind.BOUNCE, Side.SENDER, "spam"),
    "virusnotification": (EventKind.BOUNCE, Side.SENDER, "virus"),
    "dmarcpolicy": (EventKind.BOUNCE, Side.SENDER, "auth_failure"),
    "smtpapierror": (EventKind.BOUNCE, Side.SENDER, "protocol"),
    "transient": (EventKind.DELAYED, None, "delayed"),
    "spamcomplaint": (EventKind.COMPLAINT, None, "feedback"),
    "unsubscribe": (EventKind.UNSUBSCRIBE, None, ""),
}


def verify(headers: Headers, *, secret: str, in_path: str = "") -> None:
    """Raises BadSignature unless the password of the basic authentication, or the path's end, is the secret."""
    if not any(
        hmac.compare_digest(given.encode("utf-8", "replace"), secret.encode())
        for given in (in_path, _password(headers.get("authorization", "")))
    ):
        raise BadSignature("the secret is missing or wrong")


def _password(header: str) -> str:
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        return ""
    try:
        return base64.b64decode(encoded.strip(), validate=True).decode("utf-8", "replace").partition(":")[2]
    except (binascii.Error, ValueError):
        return ""


def parse(payload: bytes, headers: Headers) -> list[Event]:
    """The event of a body; Postmark posts one at a time."""
    return [_event(one) for one in objects(load(payload))]


def _event(one: Fields) -> Event:
    kind, side, reason = _meaning(one)
    words = one.text("Details", "Description")
    status = ""
    if kind is EventKind.BOUNCE and side is not None:
        side, reason = judged(status, words, usual=side, reason=reason)
    at = one.text("BouncedAt", "ChangedAt", "DeliveredAt", "ReceivedAt")
    return Event(
        key=name("postmark", one.text("RecordType"), one.text("ID", "MessageID") or one.raw(), at),
        kind=kind,
        recipient=one.text("Email", "Recipient"),
        traces=_traces(one),
        side=side,
        status=status,
        reason=reason,
        words=words[:WORDS_MAX],
        at=instant(at),
        raw=one.raw(),
    )


def _meaning(one: Fields) -> tuple[EventKind, Side | None, str]:
    record = one.text("RecordType").lower()
    if record in ("delivery", "open", "click"):
        return EventKind.DELIVERED, None, ""
    if record == "subscriptionchange":
        cause = one.text("SuppressionReason").lower()
        if not one.flag("SuppressSending"):
            return EventKind.OTHER, None, ""  # somebody is written to again: not ours to decide
        return _TYPES.get(cause, (EventKind.UNSUBSCRIBE, None, ""))
    if record in ("bounce", "spamcomplaint", ""):
        word = "spamcomplaint" if record == "spamcomplaint" else one.text("Type").lower()
        return _TYPES.get(word, (EventKind.OTHER, None, ""))
    return EventKind.OTHER, None, ""


def _traces(one: Fields) -> tuple[str, ...]:
    metadata = one.child("Metadata")
    found = (
        metadata.text("ikusei", "message-id", "message_id"),
        one.text("From"),
        one.whole("Content")[:_CONTENT_MAX],
    )
    return tuple(trace for trace in found if trace)
