"""Delivery status notifications (RFC 3464), read as they are found in the wild; never raises."""

from __future__ import annotations

import re
from dataclasses import dataclass
from email.message import Message

from mailer import parsing

_STATUS = re.compile(r"\b([245])\.(\d{1,3})\.(\d{1,3})\b")
_LINE = re.compile(r"^([A-Za-z][A-Za-z0-9-]*):[ \t]*(.*(?:\r?\n[ \t]+.*)*)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Recipient:
    """One recipient's part. action: failed, delayed, delivered, relayed, expanded or "" when not said.

    status: "5.1.1" or "". address: the final recipient, else the original one.
    """

    address: str
    original: str
    action: str
    status: str
    diagnostic: str
    remote_mta: str

    @property
    def is_final(self) -> bool:
        """A mail that will not arrive. `delayed` never counts, whatever the status. Source: spec 45 B3."""
        return self.action == "failed"


@dataclass(frozen=True, slots=True)
class Report:
    """A whole notification. original_message_id: of the mail that came back, "" when it was not returned."""

    recipients: tuple[Recipient, ...]
    reporting_mta: str
    original_message_id: str
    original_to: str


def parse(message: Message) -> Report:
    """What the notification says. A mail that is none gives a report without recipients."""
    groups: list[dict[str, str]] = []
    returned: dict[str, str] = {}
    for part in parsing.parts(message):
        kind = parsing.content_type(part)
        if kind == "message/delivery-status":
            groups += [_fields(block) for block in re.split(r"\n[ \t]*\n", raw_text(part)) if block.strip()]
        elif kind in ("message/rfc822", "text/rfc822-headers", "message/rfc822-headers", "message/global"):
            returned = returned or _fields(raw_text(part).split("\n\n", 1)[0])
    recipients = tuple(
        _recipient(group) for group in groups if "final-recipient" in group or "action" in group
    )
    reporting = next((group["reporting-mta"] for group in groups if "reporting-mta" in group), "")
    return Report(
        recipients=recipients,
        reporting_mta=_typed(reporting),
        original_message_id=returned.get("message-id", "").strip("<> "),
        original_to=returned.get("to", ""),
    )


def _recipient(group: dict[str, str]) -> Recipient:
    diagnostic = group.get("diagnostic-code", "")
    status = _STATUS.search(group.get("status", "")) or _STATUS.search(diagnostic)
    final, original = (
        _address(group.get("final-recipient", "")),
        _address(group.get("original-recipient", "")),
    )
    return Recipient(
        address=final or original,
        original=original,
        action=group.get("action", "").strip().lower().split(" ")[0],
        status=status[0] if status else "",
        diagnostic=_typed(diagnostic),
        remote_mta=_typed(group.get("remote-mta", "")),
    )


def raw_text(part: Message) -> str:
    """A part as text, also where the parser has made sub-messages of its blocks."""
    if part.is_multipart():
        try:
            inner = part.get_payload()
            return "\n\n".join(str(block) for block in inner) if isinstance(inner, list) else str(inner)
        except Exception:
            return ""
    return parsing.text_of(part)


def _fields(block: str) -> dict[str, str]:
    """Header-like lines, names in lower case, folded ones joined; the first of a name counts."""
    found: dict[str, str] = {}
    for name, value in _LINE.findall(block.replace("\r\n", "\n")):
        found.setdefault(name.lower(), " ".join(value.split()))
    return found


def _typed(value: str) -> str:
    """`smtp; 550 no such user` -> `550 no such user`."""
    kind, sep, rest = value.partition(";")
    return rest.strip() if sep and " " not in kind.strip() else value.strip()


def _address(value: str) -> str:
    return _typed(value).strip("<> ").replace(" ", "")
