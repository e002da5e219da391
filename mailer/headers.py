"""Header fields as ASCII lines: RFC 2047 words, List-*, ids; nothing a caller gives can add a line.

Text (subject, names) is cleaned, because people paste line ends into names. Structured values
(addresses, URLs, ids) are refused instead: a repaired URL would be a different URL.
Source: spec 45 F1, F3, F8, U1, U10 and trap 1.
"""

from __future__ import annotations

import re
from binascii import b2a_base64
from datetime import datetime, timedelta
from email.utils import format_datetime
from functools import lru_cache
from urllib.parse import quote, urlsplit

from mailer import addresses
from mailer.errors import HeaderError

# Every line end any parser honours (also VT, FF, NEL, LS, PS), every control and every bidi override.
_BREAKS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]+")
_SURROGATES = re.compile("[\ud800-\udfff]")
_SPACES = re.compile(" {2,}")
_ATEXT = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~ -]+\Z")
_MSG_ID = re.compile(r"<?([A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]+@[A-Za-z0-9.-]+)>?\Z")
_LIST_ID = re.compile(r"[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)+\Z")
_URL = re.compile(r"[!#-;=?-\[\]_a-z~]+\Z")  # RFC 3986 characters and [ ]; no blank, no < > " ^ ` { | }

_WORD_MAX = 75  # RFC 2047 section 2, one encoded-word
_LINE_MAX = 76  # RFC 2047 section 2, a line that holds one
_MAILTO = re.compile(r"[A-Za-z0-9@.+_-]+\Z")  # RFC 6068 takes these as they are
_URL_MAX = 900  # one unfolded line stays below the 998 octets of RFC 5321


def clean(text: str) -> str:
    """Text without line ends, controls and bidi overrides, each run of them one blank."""
    if text.isprintable() and "  " not in text:
        return text.strip()
    text = _SURROGATES.sub("\ufffd", _BREAKS.sub(" ", text))
    return _SPACES.sub(" ", text).strip()


def subject_line(subject: str) -> bytes:
    """`Subject: ...` with CRLF. An empty subject is refused: receivers count it as spam."""
    value = clean(subject)
    if not value:
        raise HeaderError("Subject", "empty")
    return f"Subject: {_phrase(value, used=9)}\r\n".encode("ascii")


def mailbox_line(field: str, name: str | None, address: str) -> bytes:
    """`From: =?utf-8?B?...?= <a@b.example>` with CRLF; the address itself is never encoded."""
    wire = addresses.wire(address, field=field)
    value = clean(name or "")
    if not value:
        return f"{field}: {wire}\r\n".encode("ascii")
    if not value.isascii():
        shown = "\r\n ".join(_words(value, used=len(field) + 2))
    elif _ATEXT.match(value) and "=?" not in value and len(value) <= 60:
        shown = value
    elif "=?" not in value and len(value) <= 60:
        shown = '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    else:
        shown = "\r\n ".join(_words(value, used=len(field) + 2))
    last = len(shown.rpartition("\r\n")[2]) + (0 if "\r\n" in shown else len(field) + 2)
    gap = " " if last + len(wire) + 3 <= _LINE_MAX else "\r\n "
    return f"{field}: {shown}{gap}<{wire}>\r\n".encode("ascii")


def message_id(value: str, *, field: str = "Message-ID") -> bytes:
    """`Message-ID: <...>` with CRLF."""
    match = _MSG_ID.match(value)
    if match is None or len(value) > 250:
        raise HeaderError(field, "id_invalid")
    return f"{field}: <{match[1]}>\r\n".encode("ascii")


def date_line(at: datetime) -> bytes:
    """`Date: Sun, 01 Nov 2026 09:00:00 +0900` with CRLF, in the zone it is given in."""
    offset = at.utcoffset()
    if offset is None:
        raise HeaderError("Date", "naive")
    return _date(at, offset)


# A batch shares its second. The offset is part of the key: equal instants of two zones are equal keys.
@lru_cache(maxsize=64)
def _date(at: datetime, offset: timedelta) -> bytes:
    return f"Date: {format_datetime(at)}\r\n".encode("ascii")


def list_id_line(list_id: str) -> bytes:
    """`List-Id: <inspection.minori.example>` with CRLF, stable per product. RFC 2919."""
    if not _LIST_ID.match(list_id) or len(list_id) > 240:
        raise HeaderError("List-Id", "id_invalid")
    return f"List-Id: <{list_id}>\r\n".encode("ascii")


def unsubscribe_line(url: str, mailto: str | None = None, *, practice: bool = False) -> bytes:
    """Exactly one https URI, a mailto behind it, on one unfolded line, never an encoded-word.

    Source: RFC 8058 section 3.1; spec 45 U1, LAW-12.
    practice: the local catcher has no certificate, so plain http may be used there and only there.
    """
    if not _URL.match(url) or len(url) > _URL_MAX:
        raise HeaderError("List-Unsubscribe", "url_invalid")
    # The rest of the host differs for nobody, so it is looked at once.
    _check_origin(url[: url.find("/", 8) + 1] or url, practice)
    if mailto is None:
        return f"List-Unsubscribe: <{url}>\r\n".encode("ascii")
    wire = addresses.wire(mailto, field="List-Unsubscribe")
    if len(url) + len(wire) > _URL_MAX:
        raise HeaderError("List-Unsubscribe", "url_invalid")
    if not _MAILTO.match(wire):
        wire = quote(wire, safe="@+")
    return f"List-Unsubscribe: <{url}>, <mailto:{wire}>\r\n".encode("ascii")


@lru_cache(maxsize=256)
def _check_origin(url: str, practice: bool) -> None:
    parts = urlsplit(url)
    if parts.scheme != "https" and not (practice and parts.scheme == "http"):
        raise HeaderError("List-Unsubscribe", "https_required")
    if not parts.hostname or (not practice and "." not in parts.hostname):
        raise HeaderError("List-Unsubscribe", "host_required")


ONE_CLICK = b"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"
AUTO_REPLIED = b"Auto-Submitted: auto-replied\r\n"


def _phrase(text: str, *, used: int) -> str:
    """Unstructured text, folded. used: columns the field name takes on the first line."""
    if text.isascii() and "=?" not in text:
        folded = _fold_ascii(text, used)
        if folded is not None:
            return folded
    return "\r\n ".join(_words(text, used=used))


def _fold_ascii(text: str, used: int) -> str | None:
    lines = [""]
    room = _LINE_MAX - used
    for word in text.split(" "):
        joined = f"{lines[-1]} {word}" if lines[-1] else word
        if len(joined) <= room:
            lines[-1] = joined
        elif lines[-1]:
            lines.append(word)
            room = _LINE_MAX - 1
        if len(lines[-1] or word) > room:
            return None
    return "\r\n ".join(lines)


def _words(text: str, *, used: int) -> list[str]:
    """Encoded-words that split between characters only, each decodable alone."""
    room = _room(used)
    whole = text.encode("utf-8")
    if len(whole) <= room:
        return [_word(whole)]
    words: list[str] = []
    chunk = bytearray()
    for char in text:
        octets = char.encode("utf-8")
        if len(chunk) + len(octets) > room:
            words.append(_word(chunk))
            chunk = bytearray()
            room = _room(1)
        chunk += octets
    words.append(_word(chunk))
    return words


def _room(used: int) -> int:
    """Octets of text that fit one word on a line where `used` columns are taken."""
    return (min(_WORD_MAX, _LINE_MAX - used) - len("=?utf-8?B??=")) // 4 * 3


def _word(octets: bytes | bytearray) -> str:
    return f"=?utf-8?B?{b2a_base64(octets, newline=False).decode('ascii')}?="
