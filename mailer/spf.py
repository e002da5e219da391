"""SPF records read: which addresses may send for a domain, and how many lookups that costs a receiver.

`read` follows include: and redirect= through a `Lookup` that is passed in, so this opens no socket. It is
no verdict on a mail: it answers whether a server that we use is covered, and what is wrong with a record.
Source: RFC 7208, sections 3.2 (one record), 4.6.4 (ten lookups), 5 (mechanisms), 6.1 (redirect).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Protocol

LOOKUPS_MAX = 10
_GIVE_UP = 30  # a record that wants more is wrong, however many it is

_TERM = re.compile(
    r"([+?~-]?)(all|include|a|mx|ptr|ip4|ip6|exists)(?:[:]([^/]\S*?))?((?:/\d+)?(?://\d+)?)\Z", re.I
)
_MODIFIER = re.compile(r"([a-z][a-z0-9_.-]*)=(\S*)\Z", re.I)

Network = IPv4Network | IPv6Network


class Lookup(Protocol):
    """DNS. An unknown name gives (); no answer at all raises whatever the caller wants to catch."""

    def txt(self, name: str) -> Sequence[str]: ...
    def mx(self, name: str) -> Sequence[tuple[int, str]]: ...
    def addresses(self, name: str) -> Sequence[str]: ...


@dataclass(slots=True)
class Spf:
    """What a domain's record says. problem: a code, "" when receivers can use it; detail: what it is about.

    networks and includes: what is allowed to send (only terms that pass). ending: the qualifier of the
    last `all`, "" when there is none. has_unknown: a term that only a mail decides (macros, exists, ptr).
    """

    record: str
    lookups: int = 0
    networks: list[Network] = field(default_factory=list)
    includes: set[str] = field(default_factory=set)
    ending: str = ""
    has_unknown: bool = False
    problem: str = ""
    detail: str = ""

    def covers(self, address: str) -> bool:
        """Whether mail from this IP address passes."""
        wanted = ip_address(address)
        return any(wanted.version == one.version and wanted in one for one in self.networks)


def records(texts: Sequence[str]) -> list[str]:
    """The SPF records among a name's TXT records."""
    return [text for text in texts if re.match(r"v=spf1(?: |\Z)", text, re.I)]


def read(domain: str, lookup: Lookup) -> Spf | None:
    """The record of a domain with all that it includes; None when it has none."""
    found = records(lookup.txt(domain))
    if not found:
        return None
    spf = Spf(found[0])
    if len(found) > 1:
        spf.problem, spf.detail = "several", str(len(found))
        return spf
    _Walk(spf, lookup).record(domain, found[0], seen=(domain.lower(),), passes=True, is_own=True)
    if not spf.problem and spf.lookups > LOOKUPS_MAX:
        spf.problem, spf.detail = "too_many_lookups", str(spf.lookups)
    if not spf.problem and spf.ending == "+":
        spf.problem, spf.detail = "allows_everyone", "+all"
    return spf


@dataclass(frozen=True, slots=True)
class _Walk:
    """Collects into one Spf. seen: names on the way here; passes: a match here is a pass of the whole;
    is_own: this record's `all` is the domain's own (its record, or what that redirects to)."""

    spf: Spf
    lookup: Lookup

    def record(self, domain: str, text: str, *, seen: tuple[str, ...], passes: bool, is_own: bool) -> None:
        redirect = ""
        for term in text.split()[1:]:
            if self.spf.problem:
                return
            match, modifier = _TERM.match(term), _MODIFIER.match(term)
            if match is not None and match[2].lower() == "all":
                if is_own:
                    self.spf.ending = match[1] or "+"
                return  # what stands behind is never reached, a redirect neither
            if match is not None:
                may = passes and match[1] in ("", "+")
                self._mechanism(domain, match[2].lower(), match[3] or "", match[4], seen=seen, passes=may)
            elif modifier is not None:
                redirect = modifier[2] if modifier[1].lower() == "redirect" else redirect
            else:
                self._fail("syntax", term)
        if redirect and not self.spf.problem:
            self._enter(redirect, seen=seen, passes=passes, is_own=is_own)

    def _fail(self, problem: str, detail: str) -> None:
        self.spf.problem, self.spf.detail = problem, detail

    def _enter(self, name: str, *, seen: tuple[str, ...], passes: bool, is_own: bool) -> None:
        """The record of another name: include: or redirect=."""
        name = name.lower().rstrip(".")
        self.spf.lookups += 1
        if "%" in name:
            self.spf.has_unknown = True
        elif self.spf.lookups > _GIVE_UP:
            self._fail("too_many_lookups", f"{_GIVE_UP}+")
        elif name in seen:
            self._fail("loop", name)
        elif len(found := records(self.lookup.txt(name))) != 1:
            self._fail("include_broken", name)
        else:
            if passes:
                self.spf.includes.add(name)
            self.record(name, found[0], seen=(*seen, name), passes=passes, is_own=is_own)

    def _mechanism(
        self, domain: str, kind: str, value: str, mask: str, *, seen: tuple[str, ...], passes: bool
    ) -> None:
        if kind in ("ip4", "ip6"):
            network = _network(value + mask, version=int(kind[2]))
            if network is None:
                self._fail("syntax", f"{kind}:{value}{mask}")
            elif passes:
                self.spf.networks.append(network)
            return
        if kind == "include":
            self._enter(value, seen=seen, passes=passes, is_own=False)
            return
        self.spf.lookups += 1
        if self.spf.lookups > _GIVE_UP:
            self._fail("too_many_lookups", f"{_GIVE_UP}+")
        elif kind in ("exists", "ptr") or "%" in value:
            self.spf.has_unknown = True
        elif passes:
            name = value or domain
            hosts = [name] if kind == "a" else [host for _, host in self.lookup.mx(name)][:10]
            for host in hosts:
                masked = (_masked(one, mask) for one in self.lookup.addresses(host))
                self.spf.networks += [made for made in masked if made is not None]


def _network(text: str, *, version: int) -> Network | None:
    try:
        made = ip_network(text, strict=False)
    except ValueError:
        return None
    return made if made.version == version else None


def _masked(address: str, mask: str) -> Network | None:
    """An address of a: or mx: with its mask, /24 for IPv4 and //64 for IPv6."""
    four, _, six = mask.partition("//")
    version = ip_address(address).version
    bits = six if version == 6 else four.removeprefix("/")
    return _network(f"{address}/{bits}" if bits else address, version=version)
