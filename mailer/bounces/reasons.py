"""The closed list of reasons a mail comes back for, and whose fault each is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from mailer.bounces.returned import Side


@dataclass(frozen=True, slots=True)
class Reason:
    """side: the usual one; a temporary refusal (4.x.x) is never hard. meaning: for the documentation."""

    side: Side
    meaning: str


REASONS: Mapping[str, Reason] = MappingProxyType(
    {
        "user_unknown": Reason(Side.HARD, "no such person or mailbox at this domain"),
        "host_unknown": Reason(Side.HARD, "the domain does not exist or takes no mail in the DNS"),
        "moved": Reason(Side.HARD, "the person has left for another address"),
        "not_accepting": Reason(Side.HARD, "the domain says that it accepts no mail at all (null MX, 521)"),
        "mailbox_full": Reason(Side.SOFT, "the mailbox or its quota is full"),
        "suspended": Reason(Side.SOFT, "the mailbox is disabled, locked or inactive"),
        "filtered": Reason(Side.SOFT, "the recipient's own filter or settings refused it"),
        "rejected": Reason(Side.SENDER, "the sender address or the right to send there was refused"),
        "blocked": Reason(Side.SENDER, "our IP address or host is listed or has no reverse DNS"),
        "spam": Reason(Side.SENDER, "taken for spam"),
        "auth_failure": Reason(Side.SENDER, "SPF, DKIM or DMARC did not pass"),
        "policy": Reason(Side.SENDER, "a local policy or security rule refused it"),
        "rate_limited": Reason(Side.SENDER, "too many mails or connections in a time"),
        "content": Reason(Side.SENDER, "the content, an attachment or a header was refused"),
        "virus": Reason(Side.SENDER, "taken for a virus"),
        "too_big": Reason(Side.SENDER, "the mail is larger than the receiver takes"),
        "protocol": Reason(Side.SENDER, "an SMTP command, syntax, TLS or login was refused"),
        "expired": Reason(Side.SOFT, "tried for days, then given up"),
        "network": Reason(Side.SOFT, "no connection, no route, a loop or a failing name server"),
        "system": Reason(Side.SOFT, "the receiving system failed, or its disk is full"),
        "delayed": Reason(Side.SOFT, "not yet delivered, still being tried"),
        "delivered": Reason(Side.SOFT, "delivered, relayed or expanded: a receipt, no failure"),
        "feedback": Reason(Side.SOFT, "a feedback report: complaint or authentication report"),
        "unclear": Reason(Side.SOFT, "came back without a reason that can be read"),
    }
)
