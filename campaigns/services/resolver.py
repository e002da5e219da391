"""Asking DNS: TXT, MX and addresses, each question once, never longer than the page can wait.

`Lookup` is what the checks need; tests give another one, or point `DnsLookup` at a server on loopback.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, Protocol

import dns.exception
import dns.name
import dns.resolver

from campaigns.settings import Settings

TIMEOUT_S = 3.0  # a question
TOTAL_S = 10.0  # all of a check


class Unreachable(Exception):
    """No answer: nothing is known about the name."""


class Lookup(Protocol):
    """An unknown name gives (); no answer at all raises Unreachable."""

    def txt(self, name: str) -> Sequence[str]: ...
    def mx(self, name: str) -> Sequence[tuple[int, str]]: ...
    def addresses(self, name: str) -> Sequence[str]: ...


class DnsLookup:
    """dnspython, with what it found kept for this object's life: make one a check.

    servers: (address, port); none: the system's. If the first question gets no answer, none of the
    others is asked: without a resolver a check is over after one timeout.
    """

    def __init__(
        self,
        servers: Sequence[tuple[str, int]] = (),
        *,
        timeout_s: float = TIMEOUT_S,
        total_s: float = TOTAL_S,
    ) -> None:
        try:
            self._resolver = dns.resolver.Resolver(configure=not servers)
        except (dns.exception.DNSException, OSError) as error:
            raise Unreachable("no resolver is set up") from error
        if servers:
            self._resolver.nameservers = [host for host, _ in servers]
            self._resolver.nameserver_ports = dict(servers)
        self._timeout_s = timeout_s
        self._until = time.monotonic() + total_s
        self._answers: dict[tuple[str, str], tuple[Any, ...]] = {}
        self._has_answered = self._is_dead = False

    def txt(self, name: str) -> tuple[str, ...]:
        """Each record as one text: the strings of up to 255 octets joined."""
        return tuple(b"".join(one.strings).decode("utf-8", "replace") for one in self._ask(name, "TXT"))

    def mx(self, name: str) -> tuple[tuple[int, str], ...]:
        """(preference, host), best first; the host of a null MX is ""."""
        found = [(one.preference, one.exchange.to_text(omit_final_dot=True)) for one in self._ask(name, "MX")]
        return tuple(sorted((rank, "" if host == "." else host.lower()) for rank, host in found))

    def addresses(self, name: str) -> tuple[str, ...]:
        """IPv4 and IPv6."""
        return tuple(one.address for kind in ("A", "AAAA") for one in self._ask(name, kind))

    def _ask(self, name: str, kind: str) -> tuple[Any, ...]:
        key = (name.lower().rstrip("."), kind)
        if key not in self._answers:
            left_s = self._until - time.monotonic()
            if self._is_dead or left_s <= 0:
                raise Unreachable(name)
            try:
                self._answers[key] = self._resolve(key[0], kind, min(self._timeout_s, left_s))
            except Unreachable:
                self._is_dead = not self._has_answered
                raise
            self._has_answered = True
        return self._answers[key]

    def _resolve(self, name: str, kind: str, lifetime_s: float) -> tuple[Any, ...]:
        try:
            asked = dns.name.from_text(name)
        except (dns.exception.DNSException, UnicodeError):
            return ()  # no name at all, so nothing can stand there
        try:
            return tuple(self._resolver.resolve(asked, kind, lifetime=lifetime_s, search=False))
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            return ()
        except (dns.exception.DNSException, OSError) as error:
            raise Unreachable(name) from error


def of(settings: Settings) -> DnsLookup | None:
    """A resolver by IKUSEI_RESOLVER; None when there is none."""
    servers = settings.resolvers()
    if servers is None:
        return None
    try:
        return DnsLookup(servers)
    except Unreachable:
        return None
