"""What goes into a hand-over and what comes back, the same for every transport."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class Outcome(StrEnum):
    """What is known about one mail after the hand-over.

    accepted: the server took it. temporary, permanent: it was refused, so it may or may not be tried
    again. in_doubt: the body went out, no answer came. withheld: the stop check said no, nothing went out.
    """

    ACCEPTED = "accepted"
    TEMPORARY = "temporary"
    PERMANENT = "permanent"
    IN_DOUBT = "in_doubt"
    WITHHELD = "withheld"


@dataclass(frozen=True, slots=True)
class Item:
    """One mail to hand over. body: the bytes, or a function that makes them when their turn comes.

    A body function may raise MailError: that mail is then permanent with code 0, the others go on.
    is_clean: promises that every line ends in CRLF, none begins with a dot and all is 7-bit, as
    `mime.Skeleton` makes them; looking through 15 kB for that takes a third of a mail's time on the wire.
    """

    id: int
    mail_from: str
    rcpt_to: str
    body: bytes | Callable[[], bytes]
    is_clean: bool = False


class Stage(StrEnum):
    """Which step a reply answers. connect: greeting, EHLO, STARTTLS, AUTH, so nothing was said about this
    mail; body: the final dot; lost: no reply, its envelope broke the connection more than once."""

    CONNECT = "connect"
    MAIL = "mail"
    RCPT = "rcpt"
    DATA = "data"
    BODY = "body"
    LOST = "lost"
    NONE = ""


@dataclass(frozen=True, slots=True)
class Receipt:
    """code: the server's reply code, 0 when it gave none. text: its words, one line, at most 200 characters."""

    id: int
    outcome: Outcome
    code: int
    text: str
    stage: Stage = Stage.NONE


class Handover(Protocol):
    """The journal as a transport sees it; `journal.Journal` is one."""

    def handing(self, id: int) -> None:
        """Called before the first byte of the body. If it raises, no byte leaves."""

    def answered(self, id: int, code: int, text: str) -> None:
        """Called with the server's reply, before the receipt."""


class Transport(Protocol):
    """A way out. Not safe for use by two threads at once."""

    def send_batch(
        self,
        items: Iterable[Item],
        *,
        journal: Handover,
        before_body: Callable[[int], bool],
        on_result: Callable[[Receipt], None],
    ) -> None:
        """Hand over every item; exactly one receipt each.

        before_body(id): the stop check, read right before the body starts (and once before the
        envelope); False withholds the mail.
        """

    def close(self) -> None:
        """End kept connections politely."""


def outcome_of(code: int) -> Outcome:
    """What a final reply code means; anything but 2xx, 4xx, 5xx is no answer one can trust."""
    return _OUTCOMES.get(code // 100, Outcome.IN_DOUBT)


_OUTCOMES = {2: Outcome.ACCEPTED, 4: Outcome.TEMPORARY, 5: Outcome.PERMANENT}


class NoJournal:
    """For mails outside the outbox (a test mail to oneself): keeps nothing."""

    def handing(self, id: int) -> None:
        """Keeps nothing."""

    def answered(self, id: int, code: int, text: str) -> None:
        """Keeps nothing."""
