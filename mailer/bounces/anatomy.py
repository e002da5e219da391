"""A returned mail taken apart: the notice a person would read, the report fields, and our own mail inside it.

Structure decides where there is any. Where there is none, or it is damaged, the text is cut where the
original mail begins: at a phrase that announces it, or at a block of headers.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from email.message import Message

from mailer import parsing
from mailer.bounces import json_notice

_RAW_MAX = 1_000_000
_TEXT_MAX = 40_000
_PARTS_MAX = 60
_BORDERS_MAX = 2_000
_DEPTH_MAX = 12
_FIELD = re.compile(r"^([A-Za-z][A-Za-z0-9-]{0,60}):[ \t]*(.*(?:\r?\n[ \t]+\S.*)*)", re.MULTILINE)
_STATUS_TYPES = frozenset(
    {"message/delivery-status", "message/global-delivery-status", "text/delivery-status"}
)
_MAIL_TYPES = frozenset(
    {"message/rfc822", "text/rfc822-headers", "message/rfc822-headers", "text/rfc822", "message/global"}
    | {"message/global-headers", "message/partial", "message/news"}
)
_BEGINS = re.compile(
    r"^[ \t>|#*=~_-]{0,60}(?:"
    r"(?:this is )?(?:below (?:this line )?(?:is|are)|a copy of|this is) .{0,30}(?:copy|header|message)"
    r"|(?:the )?(?:start of )?(?:your |the )?(?:undelivered |returned |original |unsent |failed |bounced "
    r"|rejected )"
    r"(?:message|mail|e-?mail)(?:'s)?(?: header| content| text| body| source)?s?(?: information)?"
    r"(?: follows?| below| attached| is attached| starts here| was| as follows)?"
    r"|(?:the )?headers? (?:of|from|for) (?:the |your )?(?:original|message|mail|returned).{0,40}"
    r"|message (?:headers?|contents?|text|body|source) (?:follow|below|from|:).{0,20}"
    r"|(?:unsent|returned|forwarded|undelivered|original) message(?: below| header.{0,20}| follows.{0,20})?"
    r"|here is (?:a copy of )?(?:your|the).{0,20}(?:message|mail|letter|header).{0,20}"
    r"|.{0,40}(?:元の|オリジナル|原文|送信された|元)(?:メッセージ|メール|のメール).{0,20}|以下.{0,10}(?:原文|元).{0,20}"
    r"|(?:ursprüngliche|originale?|mensaje original|message d'origine|messaggio originale"
    r"|mensagem original|原始邮件"
    r"|原邮件|исходное).{0,40}"
    r")[ \t.:;*=_<>|-]{0,80}$",
    re.IGNORECASE,
)
# These announce our mail so plainly that no header need follow.
_CUTS = re.compile(
    r"^[ \t>|#*=~_-]{0,60}(?:below this line is a copy of|this is a copy of (?:the|your) (?:message"
    r"|mail), including"
    r"|original (?:message|mail) (?:follows|as follows)|(?:un)?(?:sent|delivered) message (?:below|follows)"
    r"|message (?:header|body|text) follows)",
    re.IGNORECASE,
)
_HEADER_LINE = re.compile(r"^[ \t>|]{0,4}([A-Za-z][A-Za-z0-9-]{1,50}):(?:[ \t]|$)")
_OPENS = frozenset(
    [
        "received",
        "return-path",
        "dkim-signature",
        "domainkey-signature",
        "message-id",
        "delivered-to",
        "x-original-to",
        "mime-version",
        "x-mailer",
        "arc-seal",
        "authentication-results",
        "from",
        "to",
        "subject",
        "date",
        "reply-to",
        "content-type",
    ]
)


@dataclass(slots=True)
class Anatomy:
    """notice: the text of the mail itself, decoded. groups: the blocks of delivery-status fields, names in
    lower case. feedback: the fields of a feedback report, each with all its values. original: the mail inside.
    size: of the raw mail, octets."""

    outer: Message
    notice: str = ""
    groups: list[dict[str, str]] = field(default_factory=list)
    feedback: dict[str, list[str]] | None = None
    original: Message | None = None
    size: int = 0


def take_apart(raw: bytes) -> Anatomy:
    """The pieces of a mail; whatever cannot be read is left out."""
    outer = parsing.mail(_bounded(raw))
    found = _pieces(outer)
    found.size = len(raw)
    inner = found.original
    if inner is not None and not found.groups and found.feedback is None and _is_report(inner):
        # A gateway or a person has wrapped the report into another mail.
        found = _pieces(inner)
        found.size = len(raw)
    return found


def _bounded(raw: bytes) -> bytes:
    """The beginning, where a report stands: so long, and with so many possible part borders."""
    raw = raw[:_RAW_MAX]
    pieces = raw.split(b"\n--", _BORDERS_MAX)
    return raw if len(pieces) <= _BORDERS_MAX else b"\n--".join(pieces[:_BORDERS_MAX])


def _is_report(message: Message) -> bool:
    kinds = {parsing.content_type(part) for part in parsing.parts(message)}
    return bool(kinds & (_STATUS_TYPES | {"message/feedback-report"}))


def _pieces(outer: Message) -> Anatomy:
    found = Anatomy(outer)
    texts: list[str] = []
    pages: list[str] = []
    for part in _leaves(outer):
        kind = parsing.content_type(part)
        if kind in _STATUS_TYPES:
            found.groups += _blocks(_raw(part))
        elif kind == "message/feedback-report":
            found.feedback = found.feedback or _all_fields(_raw(part))
        elif kind in _MAIL_TYPES:
            found.original = found.original or _inner(part)
        elif (found.groups or found.original) and texts:
            # Text after the report is what came along with our own mail.
            continue
        elif kind == "text/html":
            pages.append(parsing.text_of(part)[:200_000])
        elif kind.partition("/")[0] in ("text", "multipart"):
            texts.append(parsing.text_of(part)[:_TEXT_MAX])
    _read_texts(found, texts)
    if not found.groups and found.feedback is None and found.notice:
        found.groups, found.feedback = json_notice.fields(found.notice)
    if len(found.notice.strip()) < 30:
        _read_texts(found, [parsing.plain(page) for page in pages[:3]])
    return found


def _leaves(outer: Message) -> list[Message]:
    """Every part that is no container, in order, without going into mails inside the mail."""
    found: list[Message] = []
    waiting = [(outer, 0)]
    while waiting and len(found) < _PARTS_MAX:
        part, depth = waiting.pop(0)
        kind = parsing.content_type(part)
        inner = part.get_payload() if part.is_multipart() else None
        if isinstance(inner, list) and not kind.startswith("message/") and depth < _DEPTH_MAX:
            waiting = [(child, depth + 1) for child in inner if isinstance(child, Message)] + waiting
        elif isinstance(inner, list) and part is outer and kind == "message/rfc822":
            waiting = [(child, depth + 1) for child in inner if isinstance(child, Message)]
        else:
            found.append(part)
    return found


def _raw(part: Message) -> str:
    """A report part as text; the standard parser has made sub-messages of its blocks."""
    inner = part.get_payload()
    if isinstance(inner, list):
        # Built by hand: str(block) may raise on headers with raw 8-bit octets.
        return "\n\n".join(
            "\n".join(f"{name}: {_text(value)}" for name, value in block.raw_items())
            + ("\n\n" + str(block.get_payload()) if isinstance(block.get_payload(), str) else "")
            for block in inner
            if isinstance(block, Message)
        )[:_TEXT_MAX]
    return parsing.text_of(part)[:_TEXT_MAX]


def _text(value: object) -> str:
    return parsing.decode(str(value).encode("utf-8", "surrogateescape"))


def _blocks(text: str) -> list[dict[str, str]]:
    groups: list[dict[str, str]] = []
    for block in re.split(r"\n[ \t]*\n", text.replace("\r\n", "\n")):
        group: dict[str, str] = {}
        for name, value in _FIELD.findall(block):
            key, said = name.lower(), " ".join(value.split())
            if key in ("final-recipient", "original-recipient") and key in group:
                # Some reports forget the empty line between two recipients.
                groups.append(group)
                group = {}
            if key == "diagnostic-code" and key in group:
                group[key] = f"{group[key]} {said}"
            group.setdefault(key, said)
        groups.append(group)
    return [group for group in groups if group]


def _all_fields(text: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in _FIELD.findall(text.replace("\r\n", "\n")):
        found.setdefault(name.lower(), []).append(" ".join(value.split()))
    return found


def _inner(part: Message) -> Message | None:
    inner = part.get_payload()
    if isinstance(inner, list):
        return next((child for child in inner if isinstance(child, Message)), None)
    return parsing.mail(parsing.text_of(part).lstrip()[:_TEXT_MAX].encode())


def _read_texts(found: Anatomy, texts: list[str]) -> None:
    notices: list[str] = []
    for text in texts:
        notice, original = split(text)
        notices.append(notice)
        if original:
            if found.original is None:
                found.original = parsing.mail(_dequoted(original).encode())
            if not found.groups:
                found.groups = [group for group in _blocks(text) if _is_group(group)]
            break
        if not found.groups:
            found.groups = [group for group in _blocks(text) if _is_group(group)]
    found.notice = "\n".join(filter(None, [found.notice, *notices]))[:_TEXT_MAX]


def _is_group(group: dict[str, str]) -> bool:
    return ("final-recipient" in group or "original-recipient" in group) and (
        "action" in group or "status" in group or "diagnostic-code" in group
    )


def split(text: str) -> tuple[str, str]:
    """The notice, and the original mail quoted below it ("" when there is none)."""
    lines = text.split("\n")
    for number, line in enumerate(lines):
        if number and _CUTS.match(line):
            return "\n".join(lines[:number]), "\n".join(_next_filled(lines, number + 1))
        if number and _BEGINS.match(line) and _is_header_block(_next_filled(lines, number + 1)):
            return "\n".join(lines[:number]), "\n".join(_next_filled(lines, number + 1))
        if _is_header_block(lines[number : number + 40]):
            return "\n".join(lines[:number]), "\n".join(lines[number:])
    return text, ""


def _next_filled(lines: list[str], start: int) -> list[str]:
    while start < len(lines) and not re.search(r"\w", lines[start]):
        start += 1
    return lines[start:]


def _is_header_block(lines: list[str]) -> bool:
    """Does a mail's header begin with the first line? At least three well-known headers before an empty line."""
    first = _HEADER_LINE.match(lines[0]) if lines else None
    if first is None or first[1].lower() not in _OPENS:
        return False
    known = 0
    for line in lines[:40]:
        header = _HEADER_LINE.match(line)
        if header:
            known += header[1].lower() in _OPENS
            if known >= 3:
                return True
        elif not line.strip() or not line[:1].isspace():
            return False
    return False


def _dequoted(text: str) -> str:
    """Headers that stand indented or quoted in a notice, moved to the margin."""
    indent = re.match(r"[ \t>|]*", text)
    depth = len(indent[0]) if indent else 0
    return "\n".join(line[depth:] if depth else line for line in text.split("\n")[:300])
