"""An arrival: one incoming mail, read once, and the row that it leaves whatever becomes of it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime

from campaigns.parts import Parts
from campaigns.storage import inbound as store
from campaigns.storage.inbound import Answered, Received
from mailer.bounces import Returned
from mailer.inbound import Inbound
from tracking_pixel.tokens import TokenKind

TEXT_MAX = 20_000
SUBJECT_MAX = 300


@dataclass(frozen=True, slots=True)
class Arrival:
    """One mail, read once. token: what its address of ours is for, None where a report itself named the mail."""

    raw: bytes
    parsed: Inbound
    returned: Returned
    token: TokenKind | None
    delivery_id: int | None

    def key(self, answered: Answered | None) -> str:
        """Message-ID and delivery: a stranger who guesses a Message-ID can hide only mail to his own token.

        The address's purpose is part of it: the same mail may stand in To and Cc of two of our addresses.
        """
        name = self.parsed.message_id or hashlib.blake2b(self.raw, digest_size=16).hexdigest()
        purpose = "stop:" if self.token is TokenKind.STOP else ""
        return f"{answered.delivery_id if answered else 0}:{purpose}{clean(name)[:300]}"

    def received(self, answered: Answered | None, result: str) -> Received:
        # Of a mail that belongs to nobody we know, only the fact is kept.
        is_ours = answered is not None
        return Received(
            key=self.key(answered),
            kind=self.parsed.kind.value,
            result=result,
            person_id=answered.person_id if answered else None,
            delivery_id=answered.delivery_id if answered else None,
            from_address=clean(self.parsed.from_address)[:320] if is_ours else "",
            subject=clean(self.parsed.subject)[:SUBJECT_MAX] if is_ours else "",
            text=clean(self.parsed.text)[:TEXT_MAX] if is_ours else "",
        )


def clean(text: str) -> str:
    """What PostgreSQL can store: no NUL, no half of a character."""
    return text.replace("\x00", "").encode("utf-8", "replace").decode("utf-8")


def keep(parts: Parts, mail: Arrival, answered: Answered | None, result: str, *, now: datetime) -> str:
    """Only the row; returns its result, or `known`."""
    with parts.engine.begin() as tx:
        return result if store.add(tx, mail.received(answered, result), now=now) else "known"
