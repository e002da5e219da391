"""What was seen: one frozen value, small on the wire, with every length bounded.

Whoever holds a link can send anything as a title, address or agent, so all texts are cut here, once.
"""

from __future__ import annotations

import ipaddress
import itertools
import json
import math
import os
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from functools import lru_cache
from typing import Any

from tracking_pixel import BadEvent

MAX_UA = 300
MAX_URL = 2000
MAX_TITLE = 200
MAX_BYTES = 16_000
BEAT_S = 15
# The last key, pointer, touch or scroll may be this old for a beat to count. Source: spec 2.5.2.
INPUT_FRESH_S = 30

# \Z, since $ would let a line feed through.
_UID = re.compile(r"[A-Za-z0-9:._-]{1,120}\Z")
_VISITOR = re.compile(r"[A-Za-z0-9_-]{16,40}\Z")
_CONTROL = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]+")


class _Names:
    """A forked process must not go on with the names of its parent."""

    def __init__(self) -> None:
        self.renew()

    def renew(self) -> None:
        self.process = os.urandom(12).hex()
        self.counter = itertools.count()


_names = _Names()
os.register_at_fork(after_in_child=_names.renew)


class EventKind(StrEnum):
    OPEN = "open"
    CLICK = "click"
    PROBE = "probe"  # a HEAD of a link: asked about, not followed
    UNSUBSCRIBE = "unsubscribe"  # the page behind the unsubscribe link was fetched; nothing was pressed
    VIEW = "view"
    BEAT = "beat"


_KINDS = {kind.value: kind for kind in EventKind}


@dataclass(frozen=True, slots=True)
class Event:
    """One sighting.

    at: aware UTC. net: the /24 or /48 of the caller, never the whole address (LAW-27). visit: for a click
    its reference, for a view or beat `reference.session.page`; what stands before the first dot ties them.
    active_s: seconds that a beat is worth, 0 or 15. has_input: hands were at the page in this beat.
    refuses: the caller's browser said that it does not want to be tracked, so no beat will come.
    visitor: the name that our script gave a browser on its site, "" for none. delivery_id: 0 where no mail led here.
    """

    uid: str
    kind: EventKind
    delivery_id: int
    at: datetime
    link_no: int | None = None
    url: str = ""
    title: str = ""
    ua: str = ""
    net: str = ""
    method: str = "GET"
    visit: str = ""
    active_s: float = 0.0
    has_input: bool = False
    refuses: bool = False
    visitor: str = ""

    @property
    def ref(self) -> str:
        """The click that led here; "" if none is known."""
        return self.visit.partition(".")[0]

    def to_bytes(self) -> bytes:
        """Compact JSON; empty fields are left out. By hand: it is half of what a pixel costs."""
        parts = [
            f'{{"i":{_quoted(self.uid)},"k":"{self.kind.value}","d":{self.delivery_id},"t":{_micros(self.at)}'
        ]
        if self.link_no is not None:
            parts.append(f'"l":{self.link_no}')
        if self.url:
            parts.append(f'"u":{_quoted(cut(self.url, MAX_URL))}')
        if self.title:
            parts.append(f'"n":{_quoted(cut(self.title, MAX_TITLE))}')
        if self.ua:
            parts.append(f'"a":{_quoted(cut(self.ua, MAX_UA))}')
        if self.net:
            parts.append(f'"p":{_quoted(self.net)}')
        if self.method != "GET":
            parts.append(f'"m":{_quoted(self.method[:10])}')
        if self.visit:
            parts.append(f'"v":{_quoted(self.visit)}')
        if self.active_s:
            parts.append(f'"s":{self.active_s}')
        if self.has_input:
            parts.append('"h":1')
        if self.refuses:
            parts.append('"r":1')
        if self.visitor:
            parts.append(f'"w":{_quoted(self.visitor)}')
        return (",".join(parts) + "}").encode()

    @classmethod
    def from_bytes(cls, raw: bytes) -> Event:
        """The event of these bytes; BadEvent for anything else. Raises nothing else, whatever the bytes."""
        if len(raw) > MAX_BYTES:
            raise BadEvent("too long")
        try:
            row = json.loads(raw.decode())  # told the encoding, it need not guess
            return cls(
                uid=_uid(row["i"]),
                kind=_KINDS[row["k"]],
                delivery_id=_whole(row["d"]),
                at=datetime.fromtimestamp(_whole(row["t"]) / 1_000_000, tz=UTC),
                link_no=_small(row["l"]) if "l" in row else None,
                url=_text(row, "u", MAX_URL),
                title=_text(row, "n", MAX_TITLE),
                ua=_text(row, "a", MAX_UA),
                net=_text(row, "p", 64),
                method=_text(row, "m", 10) or "GET",
                visit=_text(row, "v", 120),
                active_s=_seconds(row["s"]) if "s" in row else 0.0,
                has_input=row.get("h") == 1,
                refuses=row.get("r") == 1,
                visitor=_visitor(row["w"]) if "w" in row else "",
            )
        except (KeyError, TypeError, ValueError, OverflowError, OSError, RecursionError) as error:
            raise BadEvent(type(error).__name__) from error


def new_uid() -> str:
    """A name for an event that no other process or call ever gives: 96 random bits a process, and a counter."""
    return f"{_names.process}-{next(_names.counter):x}"


def cut(text: str, limit: int) -> str:
    """At most `limit` characters on one line; lone surrogates and control characters become blanks."""
    return _cut(text[: limit * 2], limit)


# Agents and addresses come again and again.
@lru_cache(maxsize=8192)
def _cut(text: str, limit: int) -> str:
    return _CONTROL.sub(" ", text).strip()[:limit]


def _quoted(text: str) -> str:
    return json.encoder.encode_basestring(text)


def _micros(at: datetime) -> int:
    return round(at.timestamp() * 1_000_000)  # cut off, it would now and then lose a microsecond


@lru_cache(maxsize=8192)
def net_of(ip: str) -> str:
    """203.0.113.9 -> 203.0.113.0/24, an IPv6 address -> its /48, rubbish -> "". Source: LAW-27."""
    try:
        address = ipaddress.ip_address(ip.strip().partition("%")[0])
    except ValueError:
        return ""
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    width = 24 if address.version == 4 else 48
    return str(ipaddress.ip_network((address, width), strict=False))


def _uid(value: object) -> str:
    if not isinstance(value, str) or not _UID.match(value):
        raise ValueError("uid")
    return value


def is_visitor(value: object) -> bool:
    """Could our script have given this name? 16 to 40 letters, digits, - or _."""
    return isinstance(value, str) and bool(_VISITOR.match(value))


def _visitor(value: object) -> str:
    if value == "":
        return ""
    if not isinstance(value, str) or not is_visitor(value):
        raise ValueError("visitor")
    return value


def _whole(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**63:
        raise ValueError("whole number")
    return value


def _small(value: object) -> int:
    number = _whole(value)
    if number >= 2**31:
        raise ValueError("small number")
    return number


def _text(row: dict[str, Any], key: str, limit: int) -> str:
    if key not in row:
        return ""
    value = row[key]
    if not isinstance(value, str):
        raise ValueError(key)
    return cut(value, limit)


def _seconds(value: object) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value):
        raise ValueError("seconds")
    return min(max(float(value), 0.0), float(BEAT_S))
