"""Signed tokens: a few integers and a tail of bytes, authenticated by keyed BLAKE2b.

Layout, before encoding: one byte `version << 4 | number of ids`, one byte key id, the ids as minimal
LEB128 varints, the tail, twelve bytes of MAC. The kind is not in the token but inside the MAC (BLAKE2's
personalisation), so a token of one kind never passes for another. Links live for ever, therefore so do
versions and keys: rotation adds a key and signs with the new one, it takes nothing away.

Tokens in URLs are version 1 and base64url without padding. Those in mail addresses (reply+TOKEN@,
bounce+TOKEN@) are version 2 and hexadecimal (version 1: base32), read without regard to case, since some
mail servers fold local parts; the longest address stays below 64 characters.
Every token has exactly one spelling: what was read is encoded again and compared.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from hashlib import blake2b

from tracking_pixel import BadToken

VERSION = 1
VERSION_IN_ADDRESS = 2
MAC_BYTES = 12
MAX_IDS = 15
MAX_ID = 2**63 - 1
# A URL of 2,000 bytes in the tail, with room; browsers and proxies stop at about 8,000.
MAX_CHARS = 4096
MAX_REST = MAX_CHARS * 3 // 4 - 2 - 10 - MAC_BYTES
_TO_URL = bytes.maketrans(b"+/", b"-_")
_FROM_URL = bytes.maketrans(b"-_", b"+/")
_PADDING = (b"", b"===", b"==", b"=")


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
    FORM = "form"  # (form version, second issued, nonce, delivery or 0): one page of a form
    ENTRY = "entry"  # (entry): the page after it was sent
    CONFIRM = "confirm"  # (entry), in the mail that asks to confirm it
    BADGE = "badge"  # (person, event), in a QR code
    RSVP = "rsvp"  # (delivery), in an invitation


IN_ADDRESS = frozenset({TokenKind.REPLY, TokenKind.BOUNCE, TokenKind.STOP})


@dataclass(frozen=True, slots=True)
class Read:
    """What a genuine token says."""

    ids: tuple[int, ...]
    tail: bytes


class Signer:
    """Signs with the current key, reads with all of them. Keys are 16 to 64 bytes, ids 0 to 255."""

    __slots__ = ("_current", "_heads", "_keyed", "_keys")

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
        # Taking the key in is half the work of a MAC, so it is done once; each token starts from a copy.
        self._keyed = {
            (number, kind): blake2b(digest_size=MAC_BYTES, key=key, person=kind.value.encode("ascii"))
            for number, key in keys.items()
            for kind in TokenKind
        }
        self._heads = {kind: bytes((_version(kind) << 4 | 1, current)) for kind in TokenKind}

    def sign(self, kind: TokenKind, *ids: int, tail: bytes = b"") -> str:
        """A token for these ids. ids: 0 to 2**63 - 1, at most 15 of them."""
        body = bytes((_version(kind) << 4 | _count(ids), self._current)) + b"".join(map(_varint, ids)) + tail
        token = _encode(body + self._mac(self._current, kind, body), kind)
        if len(token) > MAX_CHARS:
            raise ValueError("the token would be too long for a URL")
        return token

    def sign_one(self, kind: TokenKind, id: int) -> str:
        """`sign` for a single id: what a mail has five of."""
        body = self._heads[kind] + _varint(id)
        mac = self._keyed[self._current, kind].copy()
        mac.update(body)
        raw = body + mac.digest()
        return raw.hex() if kind in IN_ADDRESS else _encode_url(raw)

    def sign_each(
        self, kind: TokenKind, id: int, rests: Sequence[bytes], *, count: int, prefix: bytes = b""
    ) -> list[bytes]:
        """Tokens that share their first id, a prefix before each: a mail has a dozen of them. For URLs.

        rests: what follows that id, as `rest` makes it. count: ids in each token, the first included.
        """
        head = bytes((VERSION << 4 | count, self._current)) + _varint(id)
        keyed, encode = self._keyed[self._current, kind], binascii.b2a_base64
        lines = []
        for rest in rests:
            body = head + rest
            mac = keyed.copy()
            mac.update(body)
            lines.append(encode(body + mac.digest()))  # each with a line feed at its end
        tokens = b"".join(lines).translate(_TO_URL, b"=").split(b"\n")
        tokens.pop()
        return [prefix + token for token in tokens]

    def read(self, token: str, kind: TokenKind) -> Read:
        """What the token says; BadToken unless we signed exactly this for exactly this kind."""
        if len(token) > MAX_CHARS:
            raise BadToken("too long")
        raw = _decode(token, kind)
        if len(raw) < 2 + MAC_BYTES:
            raise BadToken("too short")
        body, mac = raw[:-MAC_BYTES], raw[-MAC_BYTES:]
        versions = (VERSION, VERSION_IN_ADDRESS) if kind in IN_ADDRESS else (VERSION,)
        if body[0] >> 4 not in versions or body[1] not in self._keys:
            raise BadToken("unknown version or key")
        if not hmac.compare_digest(mac, self._mac(body[1], kind, body)):
            raise BadToken("not signed by us")
        return _ids(body)

    def _mac(self, key_id: int, kind: TokenKind, body: bytes) -> bytes:
        mac = self._keyed[key_id, kind].copy()
        mac.update(body)
        return mac.digest()


def rest(*ids: int, tail: bytes = b"") -> bytes:
    """What follows the first id of a token, for `Signer.sign_each`."""
    octets = b"".join(map(_varint, ids)) + tail
    if len(octets) > MAX_REST:
        raise ValueError("the token would be too long for a URL")
    return octets


def _version(kind: TokenKind) -> int:
    return VERSION_IN_ADDRESS if kind in IN_ADDRESS else VERSION


def _count(ids: tuple[int, ...]) -> int:
    if len(ids) > MAX_IDS:
        raise ValueError("too many ids")
    return len(ids)


# The dozen tokens of a mail share its id.
@lru_cache(maxsize=64)
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
    try:
        for _ in range(body[0] & 0x0F):
            number = body[at]
            at += 1
            if number > 0x7F:
                number &= 0x7F
                shift = 7
                while (byte := body[at]) > 0x7F:
                    number |= (byte & 0x7F) << shift
                    shift += 7
                    at += 1
                number |= byte << shift
                at += 1
            ids.append(number)
    except IndexError as error:
        raise BadToken("cut id") from error
    return Read(ids=tuple(ids), tail=body[at:])


def _encode(raw: bytes, kind: TokenKind) -> str:
    if kind not in IN_ADDRESS:
        return _encode_url(raw)
    if raw[:1] and raw[0] >> 4 == VERSION:
        return base64.b32encode(raw).rstrip(b"=").decode("ascii").lower()
    return raw.hex()


def _encode_url(raw: bytes) -> str:
    return binascii.b2a_base64(raw, newline=False).translate(_TO_URL, b"=").decode("ascii")


def _decode(token: str, kind: TokenKind) -> bytes:
    wanted = token.lower() if kind in IN_ADDRESS else token
    try:
        text = wanted.encode("ascii")
        if kind in IN_ADDRESS and text[:1] == b"2":  # base32 of a version 1 begins with c
            raw = binascii.unhexlify(text)
        elif kind in IN_ADDRESS:
            raw = base64.b32decode(text.upper() + b"=" * (-len(text) % 8))
        else:  # what this passes over besides our alphabet, the comparison below finds
            raw = binascii.a2b_base64(text.translate(_FROM_URL) + _PADDING[len(text) % 4])
    except (UnicodeEncodeError, binascii.Error, ValueError) as error:
        raise BadToken("not in our alphabet") from error
    # Unused bits at the end, padding and look-alike alphabets would give one token several spellings.
    if _encode(raw, kind) != wanted:
        raise BadToken("another spelling")
    return raw
