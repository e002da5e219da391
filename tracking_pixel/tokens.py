"""Signed tokens: a few integers and a tail of bytes, authenticated by keyed BLAKE2b.

Layout, before encoding: one byte `version << 4 | number of ids`, one byte key id, the ids as minimal
LEB128 varints, the tail, twelve bytes of MAC. The kind is not in the token but inside the MAC (BLAKE2's
personalisation), so a token of one kind never passes for another. Links live for ever, therefore so do
versions and keys: rotation adds a key and signs with the new one, it takes nothing away.

Tokens in URLs are base64url without padding. Those in mail addresses (reply+TOKEN@, bounce+TOKEN@) are
base32 in lower case and read without regard to case, since some mail servers fold local parts.
Every token has exactly one spelling: what was read is encoded again and compared.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from hashlib import blake2b

from tracking_pixel import BadToken

VERSION = 1
MAC_BYTES = 12
MAX_IDS = 15
MAX_ID = 2**63 - 1
# A URL of 2,000 bytes in the tail, with room; browsers and proxies stop at about 8,000.
MAX_CHARS = 4096


class TokenKind(StrEnum):
    """What a token is good for. Ids in parentheses."""

    OPEN = "open"  # (delivery)
    CLICK = "click"  # (delivery, link no, flags), tail: the target
    UNSUBSCRIBE = "unsubscribe"  # (delivery)
    REPLY = "reply"  # (delivery), in a mail address
    BOUNCE = "bounce"  # (delivery), in a mail address
    VISIT = "visit"  # (delivery, day issued, click reference)
    IMAGE = "image"  # (image)
    FILE = "file"  # (file)
    STOP = "stop"  # (delivery), in a mail address: unsubscribes from its product


IN_ADDRESS = frozenset({TokenKind.REPLY, TokenKind.BOUNCE, TokenKind.STOP})


@dataclass(frozen=True, slots=True)
class Read:
    """What a genuine token says."""

    ids: tuple[int, ...]
    tail: bytes


class Signer:
    """Signs with the current key, reads with all of them. Keys are 16 to 64 bytes, ids 0 to 255."""

    __slots__ = ("_current", "_keys")

    def __init__(self, keys: Mapping[int, bytes], current: int) -> None:
        for number, key in keys.items():
            if not 0 <= number <= 255:
                raise ValueError(f"key id {number} is not one byte")
            if not 16 <= len(key) <= 64:
                raise ValueError(f"key {number} must have 16 to 64 bytes")
        if current not in keys:
            raise ValueError(f"no key {current} to sign with")
        self._keys = dict(keys)
        self._current = current

    def sign(self, kind: TokenKind, *ids: int, tail: bytes = b"") -> str:
        """A token for these ids. ids: 0 to 2**63 - 1, at most 15 of them."""
        body = bytes((VERSION << 4 | _count(ids), self._current)) + b"".join(map(_varint, ids)) + tail
        token = _encode(body + self._mac(self._current, kind, body), kind)
        if len(token) > MAX_CHARS:
            raise ValueError("the token would be too long for a URL")
        return token

    def read(self, token: str, kind: TokenKind) -> Read:
        """What the token says; BadToken unless we signed exactly this for exactly this kind."""
        if len(token) > MAX_CHARS:
            raise BadToken("too long")
        raw = _decode(token, kind)
        if len(raw) < 2 + MAC_BYTES:
            raise BadToken("too short")
        body, mac = raw[:-MAC_BYTES], raw[-MAC_BYTES:]
        if body[0] >> 4 != VERSION or body[1] not in self._keys:
            raise BadToken("unknown version or key")
        if not hmac.compare_digest(mac, self._mac(body[1], kind, body)):
            raise BadToken("not signed by us")
        return _ids(body)

    def _mac(self, key_id: int, kind: TokenKind, body: bytes) -> bytes:
        return blake2b(
            body, digest_size=MAC_BYTES, key=self._keys[key_id], person=kind.value.encode("ascii")
        ).digest()


def _count(ids: tuple[int, ...]) -> int:
    if len(ids) > MAX_IDS:
        raise ValueError("too many ids")
    return len(ids)


def _varint(number: int) -> bytes:
    if not 0 <= number <= MAX_ID:
        raise ValueError(f"{number} is no id")
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def _ids(body: bytes) -> Read:
    """The ids and the tail. The MAC has held, so only a bug of ours could get this far and be wrong."""
    ids: list[int] = []
    at = 2
    for _ in range(body[0] & 0x0F):
        number = shift = 0
        while True:
            if at >= len(body) or shift > 63:
                raise BadToken("cut id")
            byte = body[at]
            at += 1
            number |= (byte & 0x7F) << shift
            shift += 7
            if not byte & 0x80:
                break
        ids.append(number)
    return Read(ids=tuple(ids), tail=body[at:])


def _encode(raw: bytes, kind: TokenKind) -> str:
    if kind in IN_ADDRESS:
        return base64.b32encode(raw).rstrip(b"=").decode("ascii").lower()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")


def _decode(token: str, kind: TokenKind) -> bytes:
    wanted = token.lower() if kind in IN_ADDRESS else token
    try:
        text = wanted.encode("ascii")
        if kind in IN_ADDRESS:
            raw = base64.b32decode(text.upper() + b"=" * (-len(text) % 8))
        else:
            raw = base64.b64decode(text + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (UnicodeEncodeError, binascii.Error, ValueError) as error:
        raise BadToken("not in our alphabet") from error
    # Unused bits at the end, padding and look-alike alphabets would give one token several spellings.
    if _encode(raw, kind) != wanted:
        raise BadToken("another spelling")
    return raw
