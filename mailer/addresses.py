"""A stored address in the form the wire wants, or a refusal."""

from __future__ import annotations

import re
from functools import lru_cache

from mailer.errors import HeaderError

_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_DOT_ATOM = re.compile(rf"{_ATOM}(?:\.{_ATOM})*\Z")
_QUOTABLE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+\Z")  # printable ASCII without blank, quote, backslash
_QUOTED = re.compile(r'"(?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\[\x20-\x7e])*"\Z')
_LABEL = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\Z")
# What nearly every address is; anything else is looked at closely.
_PLAIN = re.compile(
    r"[A-Za-z0-9_+-]+(?:\.[A-Za-z0-9_+-]+)*@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]{2,63}\Z"
)


def domain(name: str, *, field: str = "address") -> str:
    """A host name as ASCII: 日本語.example -> xn--wgv71a119e.example. RFC 3490 by the standard codec."""
    return _domain(name, field)


@lru_cache(maxsize=4096)
def _domain(name: str, field: str) -> str:
    try:
        ascii_name = name if name.isascii() else name.encode("idna").decode("ascii")
    except UnicodeError as error:
        raise HeaderError(field, "domain_invalid") from error
    if len(ascii_name) > 253 or not all(_LABEL.match(label) for label in ascii_name.split(".")):
        raise HeaderError(field, "domain_invalid")
    return ascii_name


@lru_cache(maxsize=256)
def wire(address: str, *, field: str = "address") -> str:
    """The address for MAIL, RCPT and header fields; raises HeaderError rather than repair.

    Mobile carriers gave out `a..b@` and `a.@` until 2009; such a local part is sent quoted.
    A local part outside ASCII would need SMTPUTF8, which is not used. Source: spec 45 F5, J1, F8.
    """
    if _PLAIN.match(address) and len(address) <= 254:
        return address
    return _wire(address, field)


def _wire(address: str, field: str) -> str:
    local, at, host = address.rpartition("@")
    if not at or not local or len(address) > 320:
        raise HeaderError(field, "address_invalid")
    if not local.isascii():
        raise HeaderError(field, "local_part_not_ascii")
    if not _DOT_ATOM.match(local) and not _QUOTED.match(local):
        if not _QUOTABLE.match(local) or any(c in local for c in '@<>(),;:[]"'):
            raise HeaderError(field, "address_invalid")
        local = f'"{local}"'
    return f"{local}@{domain(host, field=field)}"
