"""Our own mail inside the returned one: to whom it went, from whom, under which id."""

from __future__ import annotations

import re
from dataclasses import dataclass
from email.message import Message
from email.utils import getaddresses

from mailer import parsing

_LOCAL = r"[^\s<>()\[\]{},;:\\\"'@|]"
ADDRESS = re.compile(
    r"(?:\"[^\"\s@]{1,64}\"|" + _LOCAL + r"{1,64}(?:'" + _LOCAL + r"{1,60})?)"
    r"@(?:[^\W_][\w-]{0,62}\.){1,8}[^\W\d_][\w-]{1,62}"
)
_FOR = re.compile(r"\bfor <?([^\s<>;]{1,320}@[^\s<>;]{1,255})>?", re.IGNORECASE)
_VERP = re.compile(r"[-+.=]([^-+=@\s]{1,64})=([\w.-]{1,255}\.[a-z]{2,24})@", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class OwnMail:
    """Of the original mail: id without <>, To header, addressees (envelope before headers), senders."""

    message_id: str = ""
    to: str = ""
    envelope: tuple[str, ...] = ()
    recipients: tuple[str, ...] = ()
    senders: frozenset[str] = frozenset()


def look_into(original: Message | None) -> OwnMail:
    """What the embedded mail tells; nothing where it was not sent back."""
    if original is None:
        return OwnMail()
    traced = [
        found[1].lower()
        for name, value in parsing.headers(original)
        if name.lower() == "received" and (found := _FOR.search(value[:1000]))
    ]
    named = [
        address
        for name in (
            "X-Failed-Recipients",
            "Delivered-To",
            "X-Original-To",
            "To",
            "Cc",
            "X-Envelope-To",
            "Apparently-To",
        )
        for address in addresses(parsing.header(original, name))
        if name not in ("Delivered-To", "X-Original-To") or not traced
    ]
    sent_to = [a for n in ("To", "Cc") for a in addresses(parsing.header(original, n))]
    found_id = re.search(r"<([^<>\s]{1,900})>", parsing.header(original, "Message-ID"))
    return OwnMail(
        message_id=found_id[1] if found_id else "",
        to=parsing.header(original, "To")[:1000],
        envelope=tuple(dict.fromkeys(traced)),
        recipients=tuple(dict.fromkeys([*sent_to, *named]))[:100],
        senders=frozenset(
            a
            for n in ("From", "Return-Path", "Sender", "Reply-To")
            for a in addresses(parsing.header(original, n))
        ),
    )


def addresses(value: str) -> list[str]:
    """The addresses of a header value or of a line, lower case."""
    try:
        found = [address.strip().lower() for _, address in getaddresses([value[:5000]])]
    except Exception:
        found = []
    good = [address for address in found if ADDRESS.fullmatch(address)]
    return good or [match[0].lower() for match in ADDRESS.finditer(value[:5000])]


def from_return_path(value: str) -> str:
    """The recipient hidden in a VERP address: `bounce-17-taro=buyer.example@us.example` -> taro@buyer.example."""
    found = _VERP.search(value[:1000])
    return f"{found[1]}@{found[2]}".lower() if found else ""
