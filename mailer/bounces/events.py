"""Events that mail providers post: one shape for all of them, and how their JSON is read without trust.

Each provider has a file of its own with two functions: one that proves who speaks (raises `BadSignature`)
and `parse(payload, headers)`, a table from its words to ours. A word or field that nobody knows never
raises: such an event is OTHER, with everything it said in `raw`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from hashlib import blake2b

from mailer.bounces.reasons import REASONS
from mailer.bounces.returned import Side
from mailer.bounces.verdict import Evidence, judge

RAW_MAX = 20_000
WORDS_MAX = 300
# A batch larger than any provider sends; what is more is left for nobody to wait for.
EVENTS_MAX = 5_000

# Whatever a provider calls permanent: somebody owns this mailbox.
_ALIVE = frozenset({"mailbox_full", "filtered"})

Headers = Mapping[str, str]  # names in lower case


class BadSignature(ValueError):
    """Whoever posted this did not prove to be the provider."""


class EventKind(StrEnum):
    """What happened to a mail. delivered: also an open or a click, which prove that it arrived."""

    BOUNCE = "bounce"
    COMPLAINT = "complaint"
    DELAYED = "delayed"
    UNSUBSCRIBE = "unsubscribe"
    DELIVERED = "delivered"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Event:
    """One event about one recipient.

    key: names it for ever. side: of a bounce. traces: texts in which our Message-ID or signed return address
    stands, the surest first. reason: a key of `REASONS`, or "". words: the receiving server's, one line.
    at: aware UTC, None when it was not told. raw: the event as JSON, cut at 20,000 characters.
    """

    key: str
    kind: EventKind
    recipient: str = ""
    traces: tuple[str, ...] = ()
    side: Side | None = None
    status: str = ""
    reason: str = ""
    words: str = ""
    at: datetime | None = None
    raw: str = ""


class Fields:
    """A JSON object from outside: asked for what it may hold, it never raises."""

    __slots__ = ("_value",)

    def __init__(self, value: object) -> None:
        self._value: dict[str, object] = value if isinstance(value, dict) else {}

    def __bool__(self) -> bool:
        return bool(self._value)

    def text(self, *names: str) -> str:
        """The first of these fields that holds a text or a number, as text without line breaks; else ""."""
        for name in names:
            value = self._value.get(name)
            if isinstance(value, str | int | float) and not isinstance(value, bool) and str(value).strip():
                return " ".join(str(value).split())
        return ""

    def whole(self, name: str) -> str:
        """A text exactly as it was sent, line breaks and all; "" when it is none."""
        value = self._value.get(name)
        return value if isinstance(value, str) else ""

    def has(self, name: str) -> bool:
        return name in self._value

    def flag(self, name: str) -> bool:
        """Whether the field is true, as JSON says it or as a word."""
        value = self._value.get(name)
        return value is True or (isinstance(value, str) and value.strip().lower() == "true")

    def child(self, name: str) -> Fields:
        return Fields(self._value.get(name))

    def children(self, name: str) -> list[Fields]:
        """The objects of a list; whatever else stands in it is left out."""
        return objects(self._value.get(name))

    def texts(self, name: str) -> list[str]:
        value = self._value.get(name)
        return [one for one in value if isinstance(one, str)][:100] if isinstance(value, list) else []

    def raw(self) -> str:
        return json.dumps(self._value, ensure_ascii=False)[:RAW_MAX]


def objects(value: object) -> list[Fields]:
    """The objects of a JSON list, or the one object that stands alone."""
    found = value if isinstance(value, list) else [value]
    return [Fields(one) for one in found[:EVENTS_MAX] if isinstance(one, dict)]


def load(payload: bytes | str) -> object:
    """The JSON of a body; None when it is none, whatever it is."""
    try:
        loaded: object = json.loads(payload)
    except (ValueError, RecursionError):
        return None
    return loaded


def key(source: str, *parts: str) -> str:
    """A name for an event that carries no address: `ses:` and a digest of what tells it from all others."""
    digest = blake2b("\0".join(parts).encode("utf-8", "replace"), digest_size=16).hexdigest()
    return f"{source}:{digest}"


def instant(text: str) -> datetime | None:
    """Seconds since 1970 or ISO 8601, as aware UTC; None for anything else."""
    try:
        if text.replace(".", "", 1).isdigit():
            return datetime.fromtimestamp(float(text), UTC)
        found = datetime.fromisoformat(text)
    except (ValueError, OverflowError, OSError):
        return None
    try:
        return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None


def judged(status: str, words: str, *, usual: Side | None, reason: str = "") -> tuple[Side, str]:
    """Side and reason of a bounce, from the provider's word and the receiving server's.

    Providers call a refusal for policy, reputation or content "permanent" as well; the address is alive.
    usual: the side that the provider's word means, None when it said nothing. reason: the one it named, if
    it did. Source: spec 45 B3.
    """
    if reason and usual is not None:
        side = REASONS[reason].side
        return (Side.SENDER if side is Side.SENDER or status.startswith("5.7.") else usual), reason
    read = judge(Evidence("", words=[words], status=status))
    if usual is None or read.side is Side.SENDER or (read.reason in _ALIVE and usual is Side.HARD):
        return read.side, read.reason
    if read.reason == "unclear" and status.startswith("5.1."):
        return usual, "user_unknown"
    return usual, read.reason
