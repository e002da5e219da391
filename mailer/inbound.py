"""An incoming mail sorted into reply, automatic reply, bounce or complaint. Never raises.

What a machine sent back is told by the bounce reader; what is left and answers something of ours is a reply.
Source: spec 45 B2, B4, B5, F9.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from email.message import Message
from email.utils import getaddresses, parseaddr
from enum import StrEnum

from mailer import bounces, parsing
from mailer.bounces import Returned, ReturnedKind

_TEXT_MAX = 200_000
_IDS = re.compile(r"<([^<>\s]+)>")


class InboundKind(StrEnum):
    """What an incoming mail is."""

    REPLY = "reply"
    AUTO_REPLY = "auto_reply"
    BOUNCE = "bounce"
    COMPLAINT = "complaint"
    UNKNOWN = "unknown"


_KINDS = {
    ReturnedKind.BOUNCE: InboundKind.BOUNCE,
    ReturnedKind.DELAYED: InboundKind.BOUNCE,
    ReturnedKind.COMPLAINT: InboundKind.COMPLAINT,
    ReturnedKind.AUTOREPLY: InboundKind.AUTO_REPLY,
    ReturnedKind.OTHER: InboundKind.UNKNOWN,
}


@dataclass(frozen=True, slots=True)
class Inbound:
    """message_id, in_reply_to, references: without <>. text: decoded, html turned to text where there is
    no other. auto_submitted: the header's value, "" without one. returned: of a bounce or a
    complaint what it says, else None."""

    kind: InboundKind
    message_id: str
    from_address: str
    to_addresses: tuple[str, ...]
    subject: str
    text: str
    in_reply_to: str
    references: tuple[str, ...]
    auto_submitted: str
    returned: Returned | None = None


def parse(raw: bytes) -> Inbound:
    """The mail, as far as it can be read."""
    message = parsing.mail(raw)
    subject = parsing.header(message, "Subject")
    auto_submitted = parsing.header(message, "Auto-Submitted").lower()
    from_address = _address(parsing.header(message, "From"))
    references = _ids(parsing.header(message, "References"))
    in_reply_to = next(iter(_ids(parsing.header(message, "In-Reply-To"))), "")
    returned = bounces.read(raw)
    kind = _kind(returned)
    if kind is InboundKind.UNKNOWN and (in_reply_to or references or _is_answer(subject)):
        kind = InboundKind.REPLY
    return Inbound(
        kind=kind,
        message_id=next(iter(_ids(parsing.header(message, "Message-ID"))), ""),
        from_address=from_address,
        to_addresses=_addresses(message),
        subject=subject,
        text=_text(message)[:_TEXT_MAX],
        in_reply_to=in_reply_to,
        references=references,
        auto_submitted=auto_submitted,
        returned=returned if kind in (InboundKind.BOUNCE, InboundKind.COMPLAINT) else None,
    )


def _kind(returned: Returned) -> InboundKind:
    if any(recipient.reason == "delivered" for recipient in returned.recipients):
        # A receipt of delivery: written by a machine, and no failure.
        return InboundKind.AUTO_REPLY
    return _KINDS[returned.kind]


def _is_answer(subject: str) -> bool:
    return re.match(r"(re|aw|返信|回复)\s*(\[\d+\])?\s*[:：]", subject, re.IGNORECASE) is not None


def _text(message: Message) -> str:
    text = parsing.body(message, "plain")
    if text is not None and text.strip():
        return text.strip()
    html = parsing.body(message, "html")
    return parsing.plain(html) if html is not None else ""


def _ids(value: str) -> tuple[str, ...]:
    return tuple(_IDS.findall(value)[:100])


def _address(value: str) -> str:
    try:
        return parseaddr(value)[1].strip().lower()[:320]
    except Exception:
        return ""


def _addresses(message: Message) -> tuple[str, ...]:
    values = [parsing.header(message, name) for name in ("To", "Cc", "Delivered-To", "X-Original-To")]
    try:
        found = [address.strip().lower()[:320] for _, address in getaddresses([v for v in values if v])]
    except Exception:
        return ()
    return tuple(dict.fromkeys(address for address in found if "@" in address))
