"""One mail to one recipient, complete, before it becomes bytes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class MailKind(StrEnum):
    """Why a mail exists; decides which headers it carries."""

    COUNTED = "counted"
    COURTESY = "courtesy"
    TRANSACTIONAL = "transactional"
    AUTO_REPLY = "auto_reply"


@dataclass(frozen=True, slots=True)
class Sender:
    """The From of a mail. name is shown as written: "みのり精機 佐伯 美和"."""

    name: str
    address: str


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file of a mail. content_type: with its parameters, without charset. name: ASCII.

    text/calendar is one more form of the same mail, as calendars read it; anything else hangs on it.
    """

    name: str
    content_type: str
    data: bytes


# Not frozen: setting sixteen fields of a frozen one takes as long as signing all its links.
@dataclass(slots=True, kw_only=True)
class Mail:
    """Everything of one mail to one recipient. Treat it as a value.

    message_id: with or without <>. to: an address as stored, Unicode domain allowed.
    return_path: the envelope sender, which takes the bounces. list_id: ASCII, one per product
    ("inspection.minori.example"). unsubscribe_url: absolute https; None only without List-* headers.
    date: aware; the header shows it in the zone it is given in. html, text: octets are UTF-8 with CRLF.
    stop_address: where a mail unsubscribes (RFC 8058's mailto, behind the https URI).
    """

    message_id: str
    to: str
    to_name: str | None = None
    sender: Sender
    reply_to: str | None = None
    return_path: str
    subject: str
    html: str | bytes
    text: str | bytes
    list_id: str | None = None
    unsubscribe_url: str | None = None
    stop_address: str | None = None
    date: datetime
    kind: MailKind = MailKind.COUNTED
    in_reply_to: str | None = None
    attachment: Attachment | None = None
