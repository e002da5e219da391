"""What the connections of one hand-over share: the mails still to do, the journal, the results."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from mailer import addresses
from mailer.errors import MailError
from mailer.receipts import Handover, Item, Outcome, Receipt, Stage
from mailer.wire import Features, Reply

_BARE_END = re.compile(rb"\r\n|\r|\n")
TRIES_MAX = 2  # envelopes sent for one mail in one batch


@dataclass(slots=True)
class Ready:
    """An item whose addresses and body have passed; tries: envelopes sent for it."""

    item: Item
    mail_from: str
    rcpt_to: str
    body: bytes
    tries: int = 0


class Batch:
    """What the lanes share: the items still to do, the journal, and where results go."""

    def __init__(
        self,
        items: Iterator[Item],
        journal: Handover,
        before_body: Callable[[int], bool],
        on_result: Callable[[Receipt], None],
    ) -> None:
        self._items = items
        self._again: deque[Ready] = deque()
        self.journal = journal
        self.before_body = before_body
        self._on_result = on_result
        self.trouble = (0, "no connection")
        self.is_stopped = False
        self.is_barred = False  # the server refused us for good before any mail: not asked again

    def take(self, *, again: bool = True) -> Ready | None:
        """The next mail that may start; again: also one that was put back. Others get their receipt here."""
        while not self.is_stopped:
            if again and self._again:
                ready: Ready | None = self._again.popleft()
            else:
                item = next(self._items, None)
                if item is None:
                    return None
                ready = self._prepare(item)
            if ready is not None:
                if self.before_body(ready.item.id):
                    return ready
                self.report(ready.item.id, Outcome.WITHHELD, 0, "stopped")
        return None

    @property
    def has_put_back(self) -> bool:
        """A mail waits for another connection."""
        return bool(self._again)

    def put_back(self, ready: Ready, code: int, text: str, stage: Stage = Stage.LOST) -> None:
        """No byte of its body left. Once more on a new connection, then it is a refusal."""
        if ready.tries >= TRIES_MAX and not self.is_stopped:
            self.report(ready.item.id, Outcome.TEMPORARY, code, text, stage)
        else:
            self._again.appendleft(ready)

    def put_back_innocent(self, ready: Ready) -> None:
        """Its envelope went behind a mail that ended the connection: no try of its own.

        Each such end has answered the mail in front, so this comes no more often than there are mails.
        """
        ready.tries = max(0, ready.tries - 1)
        self._again.appendleft(ready)

    def answered(self, id: int, reply: Reply, outcome: Outcome, stage: Stage) -> None:
        """The server's word on a mail: journal first, then the receipt."""
        try:
            # Before the body only a refusal is an answer: a sweep must never read an odd 250 as "taken".
            if outcome is not Outcome.IN_DOUBT and (stage is Stage.BODY or reply.code // 100 in (4, 5)):
                self.journal.answered(id, reply.code, reply.text)
        except (OSError, MailError) as error:
            self.stop(f"journal: {error}")  # the answer itself is known and is reported below
        self.report(id, outcome, reply.code, reply.text, stage)

    def report(self, id: int, outcome: Outcome, code: int, text: str, stage: Stage = Stage.NONE) -> None:
        """One receipt."""
        self._on_result(Receipt(id, outcome, code, text[:200], stage))

    def stop(self, text: str) -> None:
        """Start nothing more: without a journal no body may leave."""
        self.is_stopped = True
        self.trouble = (0, text)

    def refuse_rest(self) -> None:
        """Every lane gave up, or the journal did: what was not begun may be tried another time."""
        code, text = self.trouble
        stage = Stage.NONE if self.is_stopped else Stage.CONNECT  # the server is not to blame for our disk
        while self._again:
            self.report(self._again.popleft().item.id, Outcome.TEMPORARY, code, text, stage)
        for item in self._items:
            self.report(item.id, Outcome.TEMPORARY, code, text, stage)

    def _prepare(self, item: Item) -> Ready | None:
        try:
            mail_from = addresses.wire(item.mail_from) if item.mail_from else ""
            rcpt_to = addresses.wire(item.rcpt_to)
            body = item.body if isinstance(item.body, bytes) else item.body()
        except MailError as error:
            self.report(item.id, Outcome.PERMANENT, 0, str(error))
            return None
        return Ready(item, mail_from, rcpt_to, body if item.is_clean else stuffed(body))


def misfit(ready: Ready, features: Features) -> Reply | None:
    """What the server would refuse after the whole body, as a reply of ours (RFC 1870, RFC 6152)."""
    if ready.item.is_clean and not features.size:
        return None
    if features.size and len(ready.body) > features.size:
        return Reply(552, f"5.3.4 {len(ready.body)} octets, the server takes {features.size}")
    if not features.eight_bit and not ready.body.isascii():
        return Reply(554, "5.6.3 an 8-bit body, the server takes 7 bits")
    return None


def stuffed(body: bytes) -> bytes:
    """CRLF line ends only (a bare one could smuggle a second mail), dots doubled, one line end at the end."""
    if body.count(b"\n") != (pairs := body.count(b"\r\n")) or body.count(b"\r") != pairs:
        body = _BARE_END.sub(b"\r\n", body)
    if not body.endswith(b"\r\n"):
        body += b"\r\n"
    if body.startswith(b"."):
        body = b"." + body
    return body.replace(b"\r\n.", b"\r\n..")
