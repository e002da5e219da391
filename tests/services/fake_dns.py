"""A small real DNS server on loopback: `with FakeDns({...}) as dns`, then ask 127.0.0.1 at dns.port."""

from __future__ import annotations

import socket
import threading
from collections.abc import Mapping, Sequence
from types import TracebackType

import dns.flags
import dns.message
import dns.rcode
import dns.rrset

Zone = Mapping[tuple[str, str], Sequence[str]]


class FakeDns:
    """zone: {(name, type): [rdata as in a zone file]}. "SERVFAIL" as rdata answers so; "SILENT" not at all."""

    def __init__(self, zone: Zone) -> None:
        self.zone = dict(zone)
        self.asked: list[tuple[str, str]] = []
        self._sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._sock.bind(("127.0.0.1", 0))
        self.port: int = self._sock.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._stop = False

    @property
    def setting(self) -> str:
        """As IKUSEI_RESOLVER has it."""
        return f"127.0.0.1:{self.port}"

    def __enter__(self) -> FakeDns:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop = True
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as knock:
            knock.sendto(b"", ("127.0.0.1", self.port))
        self._thread.join(5)
        self._sock.close()

    def _serve(self) -> None:
        while True:
            octets, peer = self._sock.recvfrom(4096)
            if self._stop:
                return
            answer = self._answer(dns.message.from_wire(octets))
            if answer is not None:
                self._sock.sendto(answer.to_wire(max_size=65000), peer)

    def _answer(self, query: dns.message.Message) -> dns.message.Message | None:
        question = query.question[0]
        name = question.name.to_text(omit_final_dot=True).lower()
        kind = question.rdtype.name
        self.asked.append((name, kind))
        answer = dns.message.make_response(query)
        answer.flags |= dns.flags.AA
        found = self.zone.get((name, kind), ())
        if "SILENT" in found:
            return None
        if "SERVFAIL" in found:
            answer.set_rcode(dns.rcode.SERVFAIL)
        elif found:
            answer.answer.append(dns.rrset.from_text(question.name, 60, "IN", kind, *found))
        elif not any(name == known for known, _ in self.zone):
            answer.set_rcode(dns.rcode.NXDOMAIN)
        return answer
