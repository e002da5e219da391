"""A real SMTP server on loopback that fails by plan, mail by mail, and knows what it truly took.

Unlike `fake_smtp` it keeps a session's state: whose mail it is, how often he was tried, whether a body may
come. What counts as taken is what a real server would deliver, whatever it said afterwards.
"""

from __future__ import annotations

import re
import socket
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

CLOSE = "close"  # no word, the connection ends
SILENT = "silent"  # no word, the connection stays
TAKEN_CLOSE = "taken and close"  # BODY: delivered, but nobody is told
HALF = "HALF"  # the verb asked after a body's first line
OFFERS = ("PIPELINING", "8BITMIME", "SIZE 10000000")
_PATH = re.compile(r"<([^>]*)>")
_YES = {"CONNECT": "220 fault.example", "DATA": "354 go on", "BODY": "250 2.0.0 kept", "QUIT": "221 bye"}


@dataclass(frozen=True, slots=True)
class Late:
    """reply, so many seconds late."""

    after_s: float
    reply: str


Answer = str | Late | None


@dataclass(frozen=True, slots=True)
class Turn:
    """What the server is asked. rcpt: from RCPT on. mail: its number on this connection, from 1.

    tries: how often this recipient was named so far, this time included.
    """

    verb: str
    connection: int
    mail: int = 0
    sender: str = ""
    rcpt: str = ""
    tries: int = 0

    @property
    def domain(self) -> str:
        return self.rcpt.rpartition("@")[2]


@dataclass
class _Talk:
    sock: socket.socket
    connection: int
    mail: int = 0
    sender: str = ""
    rcpt: str = ""
    wants_body: bool = False


@dataclass
class FaultServer:
    """fault(turn): the answer, or None for what a sound server says.

    taken: recipients by mails that were delivered; whole: by bodies that came whole; seen: by RCPT.
    before_body: asked when the first line of a body has come, for what must stand by then.
    """

    fault: Callable[[Turn], Answer] = lambda turn: None
    offers: tuple[str, ...] = OFFERS
    before_body: Callable[[str, bytes], None] = lambda rcpt, line: None
    taken: Counter[str] = field(default_factory=Counter)
    whole: Counter[str] = field(default_factory=Counter)
    seen: Counter[str] = field(default_factory=Counter)
    bodies: dict[str, bytes] = field(default_factory=dict)
    connections: int = 0

    def __enter__(self) -> FaultServer:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._port = self._listener.getsockname()[1]
        self._ended = threading.Event()
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []
        self._open: list[socket.socket] = []
        self._accepting = threading.Thread(target=self._accept, daemon=True)
        self._accepting.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Every connection is read to its end first: what a client left in the pipe still counts."""
        self._ended.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._accepting.join(5)
        for thread in self._threads:
            thread.join(0.5)
        for sock in self._open:
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(5)

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self._port}?starttls=none"

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.connections += 1
            self._open.append(sock)
            thread = threading.Thread(target=self._serve, args=(sock, self.connections), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, sock: socket.socket, connection: int) -> None:
        talk = _Talk(sock, connection)
        with suppress(OSError), sock, sock.makefile("rb") as file:
            if not self._answer(talk, "CONNECT"):
                return
            while line := file.readline():
                verb = line[:4].decode("ascii", "replace").strip().upper()
                if not self._command(talk, verb, line.decode("utf-8", "replace")):
                    return
                if talk.wants_body and not self._body(talk, file):
                    return

    def _command(self, talk: _Talk, verb: str, line: str) -> bool:
        path = _PATH.search(line)
        if verb == "MAIL":
            talk.mail, talk.sender, talk.rcpt = talk.mail + 1, path[1] if path else "", ""
        elif verb == "RCPT" and path:
            talk.rcpt = path[1]
            with self._lock:
                self.seen[talk.rcpt] += 1
        said = self._answer(talk, verb)
        if verb == "RCPT" and not said.startswith("25"):
            talk.rcpt = ""
        talk.wants_body = verb == "DATA" and said.startswith("354")
        return bool(said)

    def _body(self, talk: _Talk, file: object) -> bool:
        lines: list[bytes] = []
        while line := file.readline():  # type: ignore[attr-defined]
            if line == b".\r\n":
                break
            if not lines:
                self.before_body(talk.rcpt, line)
                if self._told(talk, HALF) == CLOSE:
                    return False
            lines.append(line[1:] if line.startswith(b".") else line)
        else:
            return False
        talk.wants_body = False
        rcpt = talk.rcpt
        if not lines or not rcpt:
            return self._say(talk.sock, "554 5.5.1 no valid recipients")
        self.whole[rcpt] += 1
        self.bodies[rcpt] = b"".join(lines)
        told = self._told(talk, "BODY")
        if told in (None, TAKEN_CLOSE) or _reply(told).startswith("2"):
            self.taken[rcpt] += 1
        talk.rcpt = ""
        return bool(self._tell(talk, "BODY", told))

    def _told(self, talk: _Talk, verb: str) -> Answer:
        tries = self.seen[talk.rcpt]
        return self.fault(Turn(verb, talk.connection, talk.mail, talk.sender, talk.rcpt, tries))

    def _answer(self, talk: _Talk, verb: str) -> str:
        return self._tell(talk, verb, self._told(talk, verb))

    def _tell(self, talk: _Talk, verb: str, told: Answer) -> str:
        """What was said; "" ends the connection."""
        if isinstance(told, Late):
            if self._ended.wait(told.after_s):
                return ""
            told = told.reply
        if told is None:
            told = self._sound(talk, verb)
        if told in (CLOSE, TAKEN_CLOSE):
            return ""
        if told == SILENT:
            self._ended.wait(30)
            return ""
        return told if self._say(talk.sock, told) and verb != "QUIT" else ""

    def _sound(self, talk: _Talk, verb: str) -> str:
        if verb == "EHLO":
            return "\r\n".join(["250-fault.example", *(f"250-{word}" for word in self.offers), "250 HELP"])
        if verb == "DATA" and not talk.rcpt:
            return "554 5.5.1 no valid recipients"
        return _YES.get(verb, "250 2.0.0 ok")

    @staticmethod
    def _say(sock: socket.socket, reply: str) -> bool:
        sock.sendall(reply.encode() + b"\r\n")
        return True


def _reply(told: Answer) -> str:
    return told.reply if isinstance(told, Late) else told or ""
