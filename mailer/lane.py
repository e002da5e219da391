"""One kept SMTP connection as a state machine driven by replies.

The rule that never bends: without the final dot nothing is delivered, so everything before the first
byte of a body may be repeated, and nothing after it. BDAT would blur that line and is never used.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from enum import StrEnum

from mailer.batch import Batch, Ready, misfit
from mailer.dialing import Dialing
from mailer.errors import MailError, Temporary
from mailer.receipts import Outcome, Stage, outcome_of
from mailer.wire import Reply, Wire

# Without one answered mail in between, a lane gives up after so many connections that broke before the server
# said yes to a sender ...
_BREAKS_MAX = 2
# ... or within a mail: 1 for an envelope, 2 for a body. More than the limiter lets one bad domain cost (3 lost
# mails and those on their way), so that such a domain does not end the lane for the others.
_LOSSES_MAX = 12


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
        self.dialing: Dialing | None = None
        self.breaks = self.losses = 0
        self.is_done = False
        self.reset()

    def reset(self) -> None:
        """Forget what was under way."""
        self.waiting: deque[_Wait] = deque()
        self.current: Ready | None = None
        self.following: Ready | None = None
        self.refusal: tuple[Reply, Stage] | None = None
        self.mail_ok = False
        self.deadline = 0.0

    def begin(self, batch: Batch) -> None:
        """A new batch; the connection is kept."""
        self.batch = batch
        self.breaks = self.losses = 0
        self.is_done = False
        self.reset()

    @property
    def is_busy(self) -> bool:
        """A reply or a connection is awaited."""
        return bool(self.waiting) or self.dialing is not None

    @property
    def ear(self) -> Wire | Dialing | None:
        """What to poll."""
        return self.wire or self.dialing

    @property
    def has_given_up(self) -> bool:
        """Connections break again and again: no more from this lane in this batch."""
        return self.breaks >= _BREAKS_MAX or self.losses >= _LOSSES_MAX

    def start(self) -> None:
        """Take a mail and send its envelope, on a new connection where none is kept."""
        if self.wire is not None and (self.wire.has_more or self._is_full()):
            self.hang_up(politely=True)
        if self.wire is None and self.batch.is_barred:
            self.breaks = _BREAKS_MAX
            self.is_done = True
            return
        ready = self.batch.take()
        if ready is not None and ready.tries and self.wire is not None:
            self.hang_up(politely=True)  # once more means on a new connection: it broke an old one already
        self.current = ready
        if ready is None:
            self.is_done = True
        elif self.wire is not None:
            self._begin(ready)
        else:
            self._sent = 0
            self.dialing = Dialing(self._open)
            # Each of its steps has a timeout of its own; five slow ones are too many.
            self.deadline = time.monotonic() + 2 * self._timeout_s

    def on_readable(self) -> None:
        """Replies have arrived: step as far as they reach."""
        if self.wire is None:
            self._dialled()
            return
        try:
            self.wire.fill()
        except Temporary as error:
            self._last_replies()
            if self.wire is not None:
                self.broken(error.code, error.text)
            return
        except OSError as error:
            self.broken(0, f"connection lost: {error.strerror or type(error).__name__}")
            return
        while self.wire is not None and self.waiting and (reply := self.wire.pop()) is not None:
            self._step(self.waiting.popleft(), reply)

    def _last_replies(self) -> None:
        """Replies that came before the connection's end still hold, but no body starts on it any more."""
        while self.wire is not None and self.waiting:
            if self.waiting[0] is _Wait.DATA and self.refusal is None:
                return
            if (reply := self.wire.pop()) is None:
                return
            self._step(self.waiting.popleft(), reply)

    def _dialled(self) -> None:
        dialing, self.dialing = self.dialing, None
        assert dialing is not None
        try:
            self.wire = dialing.take()
        except Temporary as error:
            # Refused for good (no such login, a blocked host): asking again would only make it worse.
            self.batch.is_barred |= error.code // 100 == 5
            self.broken(error.code, error.text)
            return
        if self.current is not None:
            self._begin(self.current)

    def _begin(self, ready: Ready) -> None:
        if self._fits(ready):
            self._envelope(ready)
        else:
            self.current = None

    def broken(self, code: int, text: str, stage: Stage = Stage.LOST) -> None:
        """The connection is of no more use. A begun body is in doubt, everything else may go again.

        Only what breaks before the server took the sender is the connection's own; later it may be about
        that one mail, and the others go on.
        """
        current, following, refusal, knew_sender = self.current, self.following, self.refusal, self.mail_ok
        began = _Wait.BODY in self.waiting
        if not self.batch.is_stopped:
            self.batch.trouble = (code, text)
        if current is not None and refusal is not None:
            self._report_refusal()
            current = None
        self.hang_up()
        if current is not None and began:
            self.losses += 2
            self.batch.report(current.item.id, Outcome.IN_DOUBT, code, text, Stage.BODY)
            if following is not None:
                self.batch.put_back_innocent(following)
        elif current is not None:
            self.losses += knew_sender
            self.breaks += not knew_sender
            if following is not None:  # its envelope was not sent yet
                self.batch.put_back(following, code, text)
            self.batch.put_back(current, code, text, stage)
        self.is_done = self.has_given_up

    def hang_up(self, *, politely: bool = False) -> None:
        """Close the connection; without `politely` also in the middle of a body."""
        if self.wire is not None:
            self.wire.close(politely=politely)
        if self.dialing is not None:
            self.dialing.forget()
        self.wire = self.dialing = None
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
            self._envelope_reply(reply, Stage.RCPT, then=_Wait.DATA)
        elif wait is _Wait.DATA:
            self._data_reply(reply)
        elif wait is _Wait.RSET and not reply.ok:
            self.broken(reply.code, reply.text)

    def _closing(self, wait: _Wait, reply: Reply) -> None:
        """421: the server closes this connection. After the sender it says so because of the recipient, whose
        mail is answered by it; earlier, it is tired of us, and the mail may go on another connection."""
        ready = self.current
        if ready is not None and self.mail_ok and self.refusal is None:
            self.breaks = self.losses = 0
            stage = Stage.RCPT if wait is _Wait.RCPT else Stage.DATA
            self.current = None
            self.batch.answered(ready.item.id, reply, Outcome.TEMPORARY, stage)
            self.hang_up()
        else:
            self.broken(reply.code, reply.text, Stage.MAIL if wait is _Wait.MAIL else Stage.LOST)

    def _envelope(self, ready: Ready, *, lead: tuple[bytes, ...] = ()) -> None:
        """Send MAIL RCPT DATA, together where the server takes that; lead: the body before them."""
        assert self.wire is not None
        ready.tries += 1
        self.refusal, self.mail_ok = None, False
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
            assert self.wire is not None
            if self.wire.has_more:  # else the next words would be taken for the answer to the body
                self.broken(0, "more replies than commands")
            else:
                self._body()
        elif reply.code == 354:
            # The server wants a body for no recipient (RFC 2920 section 3.1): give it an empty one.
            self._report_refusal()
            self._send(b".\r\n", _Wait.NOTHING)
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
        self.breaks = self.losses = 0
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
        ahead = wire.features.pipelining and not self._is_full()
        # Made before the record: an error in making it must not leave this mail in doubt.
        # What was put back waits for a new connection, not for the tired end of another one.
        self.following = batch.take(again=False) if ahead else None
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
        """Whether the server can take it; else it is refused here."""
        assert self.wire is not None
        reply = misfit(ready, self.wire.features)
        if reply is not None:
            self.batch.answered(ready.item.id, reply, Outcome.PERMANENT, Stage.MAIL)
        return reply is None

    def _is_full(self) -> bool:
        return self._limit is not None and self._sent >= self._limit

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
        following = self.following
        self.current, self.following = following, None
        self.breaks = self.losses = 0
        outcome = outcome_of(reply.code)
        self.batch.answered(ready.item.id, reply, outcome, Stage.BODY)
        if reply.code == 421 or outcome is Outcome.IN_DOUBT:
            self.hang_up()
            if following is not None:
                self.batch.put_back_innocent(following)
        elif following is not None:
            self.deadline = time.monotonic() + self._timeout_s  # it was the body's, which is longer

    def _send(self, octets: bytes, *waits: _Wait) -> None:
        assert self.wire is not None
        self.waiting.extend(waits)
        final = _Wait.BODY in self.waiting
        self.deadline = time.monotonic() + (self._final_timeout_s if final else self._timeout_s)
        try:
            self.wire.send(octets)
        except OSError as error:
            self.broken(0, f"connection lost: {error.strerror or type(error).__name__}")
