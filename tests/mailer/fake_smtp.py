"""A small SMTP server that misbehaves on purpose. It keeps every body that ended with a dot."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

CLOSE = "close"
SILENT = "silent"


def agreeable(verb: str, connection: int, line: str) -> str:
    """Says yes to everything."""
    return {
        "CONNECT": "220 fake.example",
        "EHLO": "250-fake.example\r\n250-PIPELINING\r\n250-SIZE 1000000\r\n250 8BITMIME",
        "DATA": "354 go on",
        "BODY": "250 kept",
        "QUIT": "221 bye",
    }.get(verb, "250 ok")


@dataclass
class FakeServer:
    """answer(verb, connection number from 1, line) -> a reply, CLOSE or SILENT. BODY is the final dot;
    HALF comes after the first 10 octets of a body and closes when it says CLOSE."""

    answer: Callable[[str, int, str], str] = agreeable
    bodies: list[bytes] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    connections: int = 0

    def __enter__(self) -> FakeServer:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._ended = threading.Event()
        self._threads: list[threading.Thread] = []
        self._open: list[socket.socket] = []
        self._accepting = threading.Thread(target=self._accept, daemon=True)
        self._accepting.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._accepting.join(5)
        for sock in self._open:
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()
        for thread in self._threads:
            thread.join(5)

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self._listener.getsockname()[1]}?starttls=none"

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._open.append(sock)
            thread = threading.Thread(target=self._talk, args=(sock, self.connections), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _talk(self, sock: socket.socket, number: int) -> None:
        try:
            with sock, sock.makefile("rb") as file:
                if not self._say(sock, "CONNECT", number, ""):
                    return
                while line := file.readline():
                    text = line.decode().rstrip()
                    self.lines.append(text)
                    verb = text.split(" ")[0].upper()
                    reply = self._say(sock, verb, number, text)
                    if not reply:
                        return
                    if verb == "DATA" and reply.startswith("354"):
                        body = self._read_body(file, number)
                        if body is None:
                            return
                        if self.answer("KEEP", number, "") != CLOSE:
                            self.bodies.append(body)
                        if not self._say(sock, "BODY", number, ""):
                            return
        except OSError:
            return

    def _read_body(self, file: object, number: int) -> bytes | None:
        lines: list[bytes] = []
        while line := file.readline():  # type: ignore[attr-defined]
            if line == b".\r\n":
                return b"".join(lines)
            lines.append(line[1:] if line.startswith(b".") else line)
            if self.answer("HALF", number, "") == CLOSE:
                return None
        return None

    def _say(self, sock: socket.socket, verb: str, number: int, line: str) -> str:
        """What was said; "" ends the connection."""
        reply = self.answer(verb, number, line)
        if reply == CLOSE:
            return ""
        if reply == SILENT:
            self._ended.wait(30)
            return ""
        sock.sendall(reply.encode() + b"\r\n")
        return reply
