"""One SMTP connection up to the point where mails can flow: dial, TLS, EHLO, AUTH, replies."""

from __future__ import annotations

import base64
import ipaddress
import socket
import ssl
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from urllib.parse import parse_qs, unquote, urlsplit

from mailer import addresses
from mailer.errors import Temporary

_REPLY_LINE_MAX = 4096
_REPLY_LINES_MAX = 200


class Tls(StrEnum):
    """implicit: TLS from the first byte. require: STARTTLS or nothing. none: plain."""

    IMPLICIT = "implicit"
    REQUIRE = "require"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Server:
    """Where to hand over, from `smtp://user:password@host:port?starttls=require` or `smtps://...`."""

    host: str
    port: int
    tls: Tls
    user: str | None = None
    password: str | None = field(default=None, repr=False)

    @classmethod
    def parse(cls, url: str) -> Server:
        """Without `starttls=` it is required, except on loopback: a password never travels in the clear."""
        parts = urlsplit(url)
        if parts.scheme not in ("smtp", "smtps") or not parts.hostname:
            raise ValueError("an SMTP URL is smtp://host:port or smtps://host:port")
        wish = parse_qs(parts.query).get("starttls", [""])[0]
        if wish not in ("", "require", "none"):
            raise ValueError("starttls is require or none")
        if parts.scheme == "smtps":
            tls, port = Tls.IMPLICIT, 465
        else:
            tls = Tls(wish) if wish else (Tls.NONE if _is_loopback(parts.hostname) else Tls.REQUIRE)
            port = 587 if parts.username else 25
        return cls(
            host=addresses.domain(parts.hostname) if not _is_ip(parts.hostname) else parts.hostname,
            port=parts.port or port,
            tls=tls,
            user=unquote(parts.username) if parts.username else None,
            password=unquote(parts.password) if parts.password else None,
        )


@dataclass(frozen=True, slots=True)
class Reply:
    """code and words of the server; the words of a long reply are joined by one blank."""

    code: int
    text: str

    @property
    def ok(self) -> bool:
        """2xx: done."""
        return 200 <= self.code < 300


@dataclass(frozen=True, slots=True)
class Features:
    """What EHLO offered. size: octets, 0 when the server names no limit."""

    pipelining: bool = False
    eight_bit: bool = False
    size: int = 0
    has_size: bool = False
    starttls: bool = False
    auth: frozenset[str] = frozenset()

    @classmethod
    def of(cls, lines: list[str]) -> Features:
        """From the lines of an EHLO reply, the greeting first."""
        words = {
            parts[0].upper(): parts[1:]
            for line in lines[1:]
            if (parts := line.replace("AUTH=", "AUTH ").split())
        }
        size = words.get("SIZE", [])
        return cls(
            pipelining="PIPELINING" in words,
            eight_bit="8BITMIME" in words,
            size=int(size[0]) if size and size[0].isdigit() else 0,
            has_size="SIZE" in words,
            starttls="STARTTLS" in words,
            auth=frozenset(name.upper() for name in words.get("AUTH", [])),
        )


class Wire:
    """A socket and the replies that came in on it. OSError and Temporary mean: the connection is gone."""

    __slots__ = ("_buffer", "_code", "_lines", "_replies", "features", "sock")

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.features = Features()
        self._buffer = bytearray()
        self._lines: list[str] = []
        self._code = b""  # of a reply whose first lines have come
        self._replies: deque[tuple[Reply, list[str]]] = deque()

    @property
    def number(self) -> int:
        """The socket's descriptor, for poll; -1 when closed."""
        return self.sock.fileno()

    def send(self, octets: bytes) -> None:
        """Everything, or OSError after an unknown part."""
        self.sock.sendall(octets)

    def fill(self) -> None:
        """Take what has arrived; raises Temporary when the server closed or talks nonsense."""
        octets = self.sock.recv(65536)
        if not octets:
            raise Temporary(0, "connection closed")
        self._buffer += octets
        while isinstance(self.sock, ssl.SSLSocket) and self.sock.pending():
            self._buffer += self.sock.recv(65536)  # select does not see what TLS has already decrypted
        *lines, rest = bytes(self._buffer).split(b"\n")
        self._buffer[:] = rest
        for line in lines:
            reply = None if self._lines else _short(line)
            if reply is None:
                self._take_line(line.rstrip(b"\r"))
            else:
                self._replies.append((reply, [reply.text]))
        if len(self._buffer) > _REPLY_LINE_MAX:
            raise Temporary(0, "reply line too long")

    def pop(self) -> Reply | None:
        """The next complete reply, if one has arrived."""
        return self._replies.popleft()[0] if self._replies else None

    @property
    def has_more(self) -> bool:
        """A complete reply waits. Where no command is out, the server says more than it was asked."""
        return bool(self._replies)

    def wait(self) -> tuple[Reply, list[str]]:
        """Block for the next reply, up to the socket's timeout."""
        while not self._replies:
            self.fill()
        return self._replies.popleft()

    def ask(self, command: str) -> tuple[Reply, list[str]]:
        """One command, one reply."""
        self.send(command.encode("ascii") + b"\r\n")
        return self.wait()

    def forget(self) -> None:
        """Drop what came before TLS: it may have been injected on the way."""
        self._buffer.clear()
        self._lines.clear()
        self._replies.clear()

    def close(self, *, politely: bool) -> None:
        """QUIT without waiting for the answer, or just hang up."""
        with suppress(OSError):
            if politely:
                self.sock.sendall(b"QUIT\r\n")
        with suppress(OSError):
            self.sock.close()

    def _take_line(self, line: bytes) -> None:
        code, sep = line[:3], line[3:4]
        if (
            len(code) != 3
            or not code.isdigit()
            or sep not in (b" ", b"-", b"")
            or len(line) > _REPLY_LINE_MAX
            # Two codes in one reply (RFC 5321 section 4.2.1): one that was cut off, and the next one.
            or (self._lines and code != self._code)
        ):
            raise Temporary(0, "not an SMTP reply")
        self._code = code
        self._lines.append(_plain(line[4:]))
        if len(self._lines) > _REPLY_LINES_MAX:
            raise Temporary(0, "reply too long")
        if sep != b"-":
            words = " ".join(" ".join(self._lines).split())[:200]
            self._replies.append((Reply(int(code), words), self._lines))
            self._lines = []


# A server says the same three things for each mail.
@lru_cache(maxsize=256)
def _short(line: bytes) -> Reply | None:
    """A reply that is one plain line; None for anything that wants a closer look."""
    code, text = line[:3], _plain(line[4:])
    if not (len(line) <= 200 and len(code) == 3 and code.isdigit() and line[3:4] == b" "):
        return None
    return Reply(int(code), " ".join(text.split()))


def _plain(words: bytes) -> str:
    """A server's words as text; without NUL, which no database takes and which would end a journal early."""
    return words.replace(b"\0", b"").decode("utf-8", "replace")


def dial(server: Server, *, ehlo_name: str, timeout_s: float, context: ssl.SSLContext | None = None) -> Wire:
    """A connection ready for MAIL. Raises Temporary: a bad password or certificate is ours to mend,
    so no mail may fail for good because of it."""
    try:
        sock = socket.create_connection((server.host, server.port), timeout=timeout_s)
        # A body and the next envelope go out in one write each; waiting for ACKs would halve the rate.
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except OSError as error:
        raise Temporary(0, f"no connection: {_words(error)}") from error
    wire = Wire(sock)
    try:
        _greet(wire, server, ehlo_name=ehlo_name, context=context)
    except OSError as error:
        wire.close(politely=False)
        raise Temporary(0, f"no connection: {_words(error)}") from error
    except BaseException:
        wire.close(politely=False)
        raise
    return wire


def _greet(wire: Wire, server: Server, *, ehlo_name: str, context: ssl.SSLContext | None) -> None:
    if server.tls is Tls.IMPLICIT:
        _encrypt(wire, server, context)
    _expect(wire.wait()[0])
    _ehlo(wire, ehlo_name)
    if server.tls is Tls.REQUIRE:
        if not wire.features.starttls:
            raise Temporary(0, "STARTTLS is required and not offered")
        _expect(wire.ask("STARTTLS")[0])
        wire.forget()
        _encrypt(wire, server, context)
        _ehlo(wire, ehlo_name)
    if server.user is not None:
        _log_in(wire, server.user, server.password or "")


def _ehlo(wire: Wire, name: str) -> None:
    reply, lines = wire.ask(f"EHLO {name}")
    if reply.code in (500, 502, 504, 550):
        _expect(wire.ask(f"HELO {name}")[0])
        wire.features = Features()
        return
    _expect(reply)
    wire.features = Features.of(lines)


def _log_in(wire: Wire, user: str, password: str) -> None:
    if "PLAIN" in wire.features.auth:
        _expect(wire.ask(f"AUTH PLAIN {_b64(chr(0) + user + chr(0) + password)}")[0])
    elif "LOGIN" in wire.features.auth:
        _expect(wire.ask("AUTH LOGIN")[0], 334)
        _expect(wire.ask(_b64(user))[0], 334)
        _expect(wire.ask(_b64(password))[0])
    else:
        raise Temporary(0, "the server offers no login we know (PLAIN, LOGIN)")


def _expect(reply: Reply, code: int | None = None) -> None:
    if not (reply.ok if code is None else reply.code == code):
        # A code that is no refusal is no answer here: nobody may take it for a yes.
        raise Temporary(reply.code if reply.code // 100 in (4, 5) else 0, reply.text)


def _encrypt(wire: Wire, server: Server, context: ssl.SSLContext | None) -> None:
    made = context or ssl.create_default_context()
    wire.sock = made.wrap_socket(wire.sock, server_hostname=server.host)


def _b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode("ascii")


def _words(error: OSError) -> str:
    return (error.strerror or str(error) or type(error).__name__)[:160]


def _is_ip(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _is_loopback(host: str) -> bool:
    return host == "localhost" or (_is_ip(host) and ipaddress.ip_address(host).is_loopback)
