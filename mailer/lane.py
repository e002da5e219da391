"""One kept SMTP connection as a state machine driven by replies.

The rule that never bends: without the final dot nothing is delivered, so everything before the first
byte of a body may be repeated, and nothing after it. BDAT would blur that line and is never used.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from enum import StrEnum

from mailer.batch import Batch, Ready
from mailer.errors import MailError, Temporary
from mailer.receipts import Outcome, Stage, outcome_of
from mailer.wire import Reply, Wire

_BREAKS_MAX = 2  # broken connections in a row, without one answered mail, before a lane gives up


class _Wait(StrEnum):
    """Which command a reply answers."""

    MAIL = "MAIL"
    RCPT = "RCPT"
    DATA = "DATA"
    BODY = "body"
    NOTHING = "empty body"
    RSET = "RSET"


class Lane:
    """One connection. `current` is in its envelope or its body; `following` has its envelope sent ahead."""

    def __init__(
        self, open: Callable[[], Wire], *, timeout_s: float, final_timeout_s: float, limit: int | None
    ) -> None:
        self._open = open
        self._timeout_s = timeout_s
        self._final_timeout_s = final_timeout_s
        self._limit = limit
        self.wire: Wire | None = None
        self._sent = 0
        self.breaks = 0
        self.is_done = False
        self.reset()

    def reset(self) -> None:
        """Forget what was under way."""
        self.waiting: deque[_Wait] = deque()
        self.current: Ready | None = None
        self.following: Ready | None = None
        self.refusal: tuple[Reply, Stage] | None = None
        self.mail_ok = self.rcpt_ok = False
        self.deadline = 0.0

    def begin(self, batch: Batch) -> None:
        """A new batch; the connection is kept."""
        self.batch = batch
        self.breaks = 0
        self.is_done = False
        self.reset()

    @property
    def is_busy(self) -> bool:
        """A reply is awaited."""
        return bool(self.waiting)

    @property
    def has_given_up(self) -> bool:
        """Connections break again and again: no more from this lane in this batch."""
        return self.breaks >= _BREAKS_MAX

    def start(self) -> None:
        """Take a mail and send its envelope, on a new connection where none is kept."""
        if self._limit is not None and self._sent >= self._limit:
            self.hang_up(politely=True)
        self.current = ready = self.batch.take()
        if ready is None:
            self.is_done = True
            return
        try:
            if self.wire is None:
                self._sent = 0
                self.wire = self._open()
        except Temporary as error:
            self.broken(error.code, error.text)
            return
        if self._fits(ready):
            self._envelope(ready)
        else:
            self.current = None

    def on_readable(self) -> None:
        """Replies have arrived: step as far as they reach."""
        assert self.wire is not None
        try:
            self.wire.fill()
        except Temporary as error:
            self._replies()
            if self.wire is not None:
                self.broken(error.code, error.text)
            return
        except OSError as error:
            self.broken(0, f"connection lost: {error.strerror or type(error).__name__}")
            return
        self._replies()

    def _replies(self) -> None:
        while self.wire is not None and self.waiting and (reply := self.wire.pop()) is not None:
            self._step(self.waiting.popleft(), reply)

    def broken(self, code: int, text: str) -> None:
        """The connection is of no more use. A begun body is in doubt, everything else may go again."""
        current, following = self.current, self.following
        began = _Wait.BODY in self.waiting
        is_ours = not self.rcpt_ok  # else it is about that one mail, and the others may go on
        self.hang_up()
        self.breaks += is_ours
        self.batch.trouble = (code, text) if not self.batch.is_stopped else self.batch.trouble
        self.is_done = self.has_given_up
        if following is not None:
            self.batch.put_back(following, code, text)
        if current is not None and began:
            self.batch.report(current.item.id, Outcome.IN_DOUBT, code, text, Stage.BODY)
        elif current is not None:
            self.batch.put_back(current, code, text)

    def hang_up(self, *, politely: bool = False) -> None:
        """Close the connection; without `politely` also in the middle of a body."""
        if self.wire is not None:
            self.wire.close(politely=politely)
        self.wire = None
        self.reset()

    def _step(self, wait: _Wait, reply: Reply) -> None:
        if wait is _Wait.BODY:
            self._settle(reply)
        elif reply.code == 421:
            self._closing(wait, reply)
        elif wait is _Wait.MAIL:
            self.mail_ok = reply.ok
            self._envelope_reply(reply, Stage.MAIL, then=_Wait.RCPT)
        elif wait is _Wait.RCPT:
            self.rcpt_ok = reply.ok
            self._envelope_reply(reply, Stage.RCPT, then=_Wait.DATA)
        elif wait is _Wait.DATA:
            self._data_reply(reply)
        elif wait is _Wait.RSET and not reply.ok:
            self.broken(reply.code, reply.text)

    def _closing(self, wait: _Wait, reply: Reply) -> None:
        """421: the server closes this connection. At RCPT it says so because of the recipient, whose mail is
        answered by it; earlier, it is tired of us, and the mail may go on another connection."""
        ready = self.current
        if wait is _Wait.RCPT and self.mail_ok and ready is not None:
            self.current = None
            self.batch.answered(ready.item.id, reply, Outcome.TEMPORARY, Stage.RCPT)
            following, self.following = self.following, None
            self.hang_up()
            if following is not None:
                self.batch.put_back(following, reply.code, reply.text)
            return
        self.broken(reply.code, reply.text)

    def _envelope(self, ready: Ready, *, lead: tuple[bytes, ...] = ()) -> None:
        """Send MAIL RCPT DATA, together where the server takes that; lead: the body before them."""
        assert self.wire is not None
        ready.tries += 1
        self.refusal, self.mail_ok, self.rcpt_ok = None, False, False
        if self.wire.features.pipelining:
            mail, rcpt = self._command(ready, _Wait.MAIL), self._command(ready, _Wait.RCPT)
            self._send(b"".join((*lead, mail, rcpt, b"DATA\r\n")), _Wait.MAIL, _Wait.RCPT, _Wait.DATA)
        else:
            self._send(b"".join((*lead, self._command(ready, _Wait.MAIL))), _Wait.MAIL)

    def _command(self, ready: Ready, wait: _Wait) -> bytes:
        assert self.wire is not None
        if wait is _Wait.RCPT:
            return f"RCPT TO:<{ready.rcpt_to}>\r\n".encode("ascii")
        if wait is _Wait.DATA:
            return b"DATA\r\n"
        features = self.wire.features
        size = f" SIZE={len(ready.body)}" if features.has_size else ""
        is_eight = features.eight_bit and not ready.item.is_clean and not ready.body.isascii()
        eight = " BODY=8BITMIME" if is_eight else ""
        return f"MAIL FROM:<{ready.mail_from}>{size}{eight}\r\n".encode("ascii")

    def _envelope_reply(self, reply: Reply, stage: Stage, *, then: _Wait) -> None:
        assert self.wire is not None
        if not reply.ok and self.refusal is None:
            self.refusal = reply, stage
        if self.wire.features.pipelining:
            return
        if self.refusal is None and self.current is not None:
            self._send(self._command(self.current, then), then)
        else:
            self._refused()

    def _data_reply(self, reply: Reply) -> None:
        if self.refusal is None and reply.code == 354:
            self._body()
        elif reply.code == 354:
            # The server wants a body for no recipient (RFC 2920 section 3.1): give it an empty one.
            self._send(b".\r\n", _Wait.NOTHING)
            self._report_refusal()
        else:
            self.refusal = self.refusal or (reply, Stage.DATA)
            self._refused()

    def _refused(self) -> None:
        reset = self.mail_ok
        self._report_refusal()
        if reset:
            self._send(b"RSET\r\n", _Wait.RSET)

    def _report_refusal(self) -> None:
        ready, refusal = self.current, self.refusal
        self.current, self.refusal = None, None
        if ready is None or refusal is None:
            return
        reply, stage = refusal
        self.breaks = 0
        outcome = outcome_of(reply.code)
        if outcome not in (Outcome.TEMPORARY, Outcome.PERMANENT):
            outcome = Outcome.TEMPORARY  # a strange word, but before the body: nothing can be in doubt
        self.batch.answered(ready.item.id, reply, outcome, stage)

    def _body(self) -> None:
        """354 stands. Last look at the stop check, then the record, then the first byte."""
        ready, batch, wire = self.current, self.batch, self.wire
        assert ready is not None
        assert wire is not None
        self._sent += 1
        ahead = wire.features.pipelining and (self._limit is None or self._sent < self._limit)
        # Made before the record: an error in making it must not leave this mail in doubt.
        self.following = batch.take() if ahead else None
        if self.following is not None and not self._fits(self.following):
            self.following = None
        if not batch.before_body(ready.item.id):
            self._withhold(ready)
            return
        try:
            batch.journal.handing(ready.item.id)
        except (OSError, MailError) as error:
            batch.stop(f"journal: {error}")
            self.broken(0, f"journal: {error}")
            return
        self.waiting.append(_Wait.BODY)
        if self.following is None:
            self._send(ready.body + b".\r\n")
        else:
            self._envelope(self.following, lead=(ready.body, b".\r\n"))

    def _fits(self, ready: Ready) -> bool:
        """Refuse here what the server would refuse after the whole body (RFC 1870, RFC 6152)."""
        assert self.wire is not None
        features = self.wire.features
        if ready.item.is_clean and not features.size:
            return True
        if features.size and len(ready.body) > features.size:
            reply = Reply(552, f"5.3.4 {len(ready.body)} octets, the server takes {features.size}")
        elif not features.eight_bit and not ready.body.isascii():
            reply = Reply(554, "5.6.3 an 8-bit body, the server takes 7 bits")
        else:
            return True
        self.batch.answered(ready.item.id, reply, Outcome.PERMANENT, Stage.MAIL)
        return False

    def _withhold(self, ready: Ready) -> None:
        """After 354 only a dot ends the body, and a dot delivers: hanging up is the way to say no."""
        following = self.following
        self.hang_up()
        self.batch.report(ready.item.id, Outcome.WITHHELD, 0, "stopped")
        if following is not None:
            self.batch.put_back(following, 0, "stopped")

    def _settle(self, reply: Reply) -> None:
        ready = self.current
        assert ready is not None
        self.current, self.following = self.following, None
        self.breaks = 0
        outcome = outcome_of(reply.code)
        self.batch.answered(ready.item.id, reply, outcome, Stage.BODY)
        if reply.code == 421 or outcome is Outcome.IN_DOUBT:
            self.broken(reply.code, reply.text)

    def _send(self, octets: bytes, *waits: _Wait) -> None:
        assert self.wire is not None
        self.waiting.extend(waits)
        final = _Wait.BODY in self.waiting
        self.deadline = time.monotonic() + (self._final_timeout_s if final else self._timeout_s)
        try:
            self.wire.send(octets)
        except OSError as error:
            self.broken(0, f"connection lost: {error.strerror or type(error).__name__}")
