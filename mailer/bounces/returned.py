"""What the reader makes of a returned mail: its kind, and for each address what happened and why."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class ReturnedKind(StrEnum):
    """What a mail sent back to us is.

    bounce: for good not delivered. complaint: a person (or a provider for one) objected.
    delayed: still being tried. autoreply: vacation and out-of-office. other: none of these, for example
    a delivery receipt, a DMARC report or a letter.
    """

    BOUNCE = "bounce"
    COMPLAINT = "complaint"
    DELAYED = "delayed"
    AUTOREPLY = "autoreply"
    OTHER = "other"


class Side(StrEnum):
    """Where the trouble lies. hard: the address is dead. soft: it may work another day. sender: our own
    set-up, reputation or content (policy, SPF/DKIM/DMARC, spam); the address stays good."""

    HARD = "hard"
    SOFT = "soft"
    SENDER = "sender"


@dataclass(frozen=True, slots=True)
class Recipient:
    """One address of the returned mail.

    original: the address as we wrote it, where it was rewritten on the way, else "".
    status: "5.1.1" as reported, or "". reply: "550", or "". reason: a key of `reasons.REASONS`.
    words: what the server said, one line, at most 300 characters.
    """

    address: str
    side: Side
    status: str
    reply: str
    reason: str
    words: str
    original: str = ""

    @property
    def hard(self) -> bool:
        """The address is dead: never write to it again."""
        return self.side is Side.HARD


@dataclass(frozen=True, slots=True)
class Returned:
    """A whole returned mail.

    recipients: the addresses it is about, also of a delay, a receipt or a report; `kind` says which.
    original_*: of our mail inside it, "" or () where it was not sent back; the id without <>.
    feedback_type: "abuse", "opt-out", "auth-failure" ... of a feedback report, else "".
    """

    kind: ReturnedKind
    recipients: tuple[Recipient, ...] = ()
    original_message_id: str = ""
    original_to: str = ""
    original_recipients: tuple[str, ...] = ()
    feedback_type: str = ""
    reporting_mta: str = ""
