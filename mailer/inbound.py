"""An incoming mail sorted into reply, automatic reply, bounce or complaint. Never raises.

The kind is decided by structure first (a report says that it is one), then by the headers that automatic
mail carries (RFC 3834), then by words; what is left and answers something of ours is a reply.
Source: spec 45 B2, B4, B5, F9.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from email.message import Message
from email.utils import getaddresses, parseaddr
from enum import StrEnum

from mailer import parsing
from mailer.bounces import dsn

_TEXT_MAX = 200_000
_IDS = re.compile(r"<([^<>\s]+)>")
_BOUNCE_SENDER = re.compile(r"^(mailer-daemon|postmaster|mail-daemon)@", re.IGNORECASE)
_BOUNCE_SUBJECT = re.compile(
    r"undeliver|delivery (status|failure|has failed)|returned mail|mail delivery (failed|system)|failure notice"
    r"|配信不能|配信できません|配達できません|送信できません|エラーメール|メールエラー|不達",
    re.IGNORECASE,
)
# auth-failure reports are about our set-up, not-spam is praise: neither may refuse for the recipient.
_COMPLAINTS = frozenset({"abuse", "opt-out", "opt-out-list", "fraud", "virus", "other"})
_FEEDBACK_TYPE = re.compile(r"^Feedback-Type:\s*([A-Za-z-]+)", re.IGNORECASE | re.MULTILINE)
_AUTO_SUBJECT = re.compile(
    r"^(auto(matic|mated)?[ -]?(reply|response|matisch)|out of (the )?office|vacation|不在|自動返信|自動応答)"
    r"|自動(返信|応答)|不在(通知|のお知らせ)|休暇中",
    re.IGNORECASE,
)


class InboundKind(StrEnum):
    """What an incoming mail is."""

    REPLY = "reply"
    AUTO_REPLY = "auto_reply"
    BOUNCE = "bounce"
    COMPLAINT = "complaint"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Inbound:
    """message_id, in_reply_to, references: without <>. text: decoded, html turned to text where there is
    no other. auto_submitted: the header's value, "" without one. report: of a bounce, else None."""

    kind: InboundKind
    message_id: str
    from_address: str
    to_addresses: tuple[str, ...]
    subject: str
    text: str
    in_reply_to: str
    references: tuple[str, ...]
    auto_submitted: str
    report: dsn.Report | None = None


def parse(raw: bytes) -> Inbound:
    """The mail, as far as it can be read."""
    message = parsing.mail(raw)
    subject = parsing.header(message, "Subject")
    auto_submitted = parsing.header(message, "Auto-Submitted").lower()
    from_address = _address(parsing.header(message, "From"))
    references = _ids(parsing.header(message, "References"))
    in_reply_to = next(iter(_ids(parsing.header(message, "In-Reply-To"))), "")
    kind = _kind(message, subject=subject, from_address=from_address, auto_submitted=auto_submitted)
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
        report=dsn.parse(message) if kind is InboundKind.BOUNCE else None,
    )


def _kind(message: Message, *, subject: str, from_address: str, auto_submitted: str) -> InboundKind:
    types = {parsing.content_type(part) for part in parsing.parts(message)}
    if "message/feedback-report" in types:
        return InboundKind.COMPLAINT if feedback_type(message) in _COMPLAINTS else InboundKind.UNKNOWN
    if "message/delivery-status" in types:
        return InboundKind.BOUNCE
    if parsing.header(message, "X-Failed-Recipients"):
        return InboundKind.BOUNCE
    if _is_automatic(message, auto_submitted) or _AUTO_SUBJECT.search(subject):
        # A bounce without a report part also says auto-replied: its sender tells it from a vacation note.
        is_bounce = _BOUNCE_SENDER.match(from_address) and not _AUTO_SUBJECT.search(subject)
        return InboundKind.BOUNCE if is_bounce else InboundKind.AUTO_REPLY
    if _BOUNCE_SENDER.match(from_address):
        return InboundKind.BOUNCE
    if parsing.header(message, "Return-Path").strip() == "<>" and _BOUNCE_SUBJECT.search(subject):
        return InboundKind.BOUNCE
    # Some systems send their bounces from nobody or from a name of their own; people write "Re:" first.
    if _BOUNCE_SUBJECT.match(subject):
        return InboundKind.BOUNCE
    return InboundKind.UNKNOWN


def feedback_type(message: Message) -> str:
    """`abuse`, `opt-out`, `auth-failure` ... of a feedback report (RFC 5965); "abuse" when it does not say."""
    for part in parsing.parts(message):
        if parsing.content_type(part) == "message/feedback-report":
            found = _FEEDBACK_TYPE.search(dsn.raw_text(part))
            return found[1].lower() if found else "abuse"
    return ""


def _is_automatic(message: Message, auto_submitted: str) -> bool:
    if auto_submitted and not auto_submitted.startswith("no"):
        return True
    if parsing.header(message, "X-Autoreply") or parsing.header(message, "X-Autorespond"):
        return True
    return parsing.header(message, "Precedence").lower() in ("auto_reply", "auto-reply")


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
