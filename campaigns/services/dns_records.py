"""The DNS records that a sender's domains need: SPF, DKIM, DMARC, MX, as they are to be published."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from ipaddress import ip_address
from urllib.parse import urlsplit

from campaigns.parts import Parts
from campaigns.services import dkim_keys
from campaigns.services.dkim_keys import KeyState, StoredKey
from campaigns.settings import Settings
from campaigns.storage import products
from mailer.errors import DkimError

SERVER_UNKNOWN = "ip4:SERVER-ADDRESS"  # to be filled in; published as it is, a check finds it
MX_UNKNOWN = "10 MAIL-SERVER."
_STRING_MAX = 255  # octets of one string of a TXT record (RFC 1035 section 3.3)
# Services that send from addresses of their own say which record names them.
_INCLUDES = {
    "amazonaws.com": "include:amazonses.com",
    "sendgrid.net": "include:sendgrid.net",
    "mailgun.org": "include:mailgun.org",
    "postmarkapp.com": "include:spf.mtasv.net",
    "gmail.com": "include:_spf.google.com",
    "office365.com": "include:spf.protection.outlook.com",
    "outlook.com": "include:spf.protection.outlook.com",
}


class Kind(StrEnum):
    """Which of the four; the order is that of the page."""

    SPF = "spf"
    DKIM = "dkim"
    DMARC = "dmarc"
    MX = "mx"


@dataclass(frozen=True, slots=True)
class Identity:
    """The domains one sender uses: in From, in the return path, in Reply-To."""

    sender: str
    bounces: str
    replies: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """One record to publish. value: "" when there is nothing to publish yet. notes: codes.

    domain: the From domain it serves. key_state: of a DKIM record. broken: why its key cannot be read.
    """

    kind: Kind
    domain: str
    name: str
    value: str
    notes: tuple[str, ...] = ()
    key_state: KeyState | None = None
    broken: str = ""

    @property
    def type(self) -> str:
        return "MX" if self.kind is Kind.MX else "TXT"

    @property
    def zone_line(self) -> str:
        """As it stands in a zone file: a long text in strings of at most 255 octets."""
        if not self.value:
            return ""
        if self.kind is Kind.MX:
            return f"{self.name}. IN MX {self.value}"
        strings = [self.value[at : at + _STRING_MAX] for at in range(0, len(self.value), _STRING_MAX)]
        quoted = " ".join('"' + one.replace("\\", "\\\\").replace('"', '\\"') + '"' for one in strings)
        return f"{self.name}. IN TXT {quoted if len(strings) == 1 else f'( {quoted} )'}"


def identity(settings: Settings, *, from_address: str, return_path_domain: str = "") -> Identity | None:
    """The domains of a profile; None while it has no From address that could be one."""
    own = settings.reply_domain
    try:
        sender = dkim_keys.tidy(from_address.rpartition("@")[2])
        bounces = dkim_keys.tidy(own or return_path_domain or sender)
        return Identity(sender, bounces, dkim_keys.tidy(own or sender))
    except DkimError:
        return None


def identities(parts: Parts) -> list[Identity]:
    """Of all sender profiles, each once."""
    with parts.engine.connect() as tx:
        profiles = products.senders(tx)
    found = (
        identity(parts.settings, from_address=one.from_address, return_path_domain=one.return_path_domain)
        for one in profiles
    )
    return list(dict.fromkeys(one for one in found if one is not None))


def wanted(settings: Settings, who: Identity, *, now: datetime) -> list[Wanted]:
    """Every record for these domains."""
    terms = spf_terms(smtp_hosts(settings.smtp_url))
    spf_notes = ["fill_in_server"] if SERVER_UNKNOWN in terms else []
    if not _may_share_organisation(who.sender, who.bounces):
        spf_notes.append("spf_not_aligned")
    found = [
        Wanted(Kind.SPF, who.sender, who.bounces, " ".join(("v=spf1", *terms, "~all")), tuple(spf_notes))
    ]
    found += _dkim(settings, who.sender, now=now)
    policy = f"v=DMARC1; p=none; rua=mailto:dmarc@{who.sender}"
    found.append(Wanted(Kind.DMARC, who.sender, f"_dmarc.{who.sender}", policy, ("rua_must_exist",)))
    # With a listener mail comes to us; a mailbox is filled by a server whose name is not the one we read from.
    host = settings.host if settings.listener and "." in settings.host else ""
    for domain in dict.fromkeys((who.bounces, who.replies)):
        value = f"10 {host}." if host else MX_UNKNOWN
        found.append(Wanted(Kind.MX, who.sender, domain, value, () if host else ("fill_in_mx",)))
    return found


def signing_keys(settings: Settings, domain: str, *, now: datetime) -> list[StoredKey]:
    """The published keys that mail from this domain is signed with: its own, else the nearest parent's."""
    folder = dkim_keys.folder_of(settings)
    first: list[StoredKey] = []
    while "." in domain:
        keys = [key for key in dkim_keys.stored(folder, domain) if key.is_published(now)]
        if any(key.state is KeyState.ACTIVE for key in keys):
            return keys
        first, domain = first or keys, domain.partition(".")[2]
    return first


def key_record(settings: Settings, key: StoredKey, *, domain: str = "") -> Wanted:
    """The TXT record of a key. Raises DkimError."""
    loaded = dkim_keys.load(dkim_keys.folder_of(settings), key)
    return Wanted(
        Kind.DKIM,
        domain or key.domain,
        loaded.record_name,
        loaded.record,
        (f"key_{key.state.value}",),
        key.state,
    )


def _dkim(settings: Settings, domain: str, *, now: datetime) -> list[Wanted]:
    place = f"_domainkey.{domain}"
    try:
        keys = signing_keys(settings, domain, now=now)
    except DkimError as error:
        return [Wanted(Kind.DKIM, domain, place, "", broken=str(error))]
    found = []
    for key in keys:
        try:
            found.append(key_record(settings, key, domain=domain))
        except DkimError as error:
            found.append(Wanted(Kind.DKIM, domain, f"{key.selector}.{place}", "", broken=str(error)))
    return found or [Wanted(Kind.DKIM, domain, place, "", ("no_keys",))]


def smtp_hosts(text: str) -> list[str]:
    """The hosts of every account in the setting."""
    found = (_host(url) for url in text.split() if url.startswith(("smtp:", "smtps:")))
    return list(dict.fromkeys(host for host in found if host))


def spf_terms(hosts: list[str]) -> list[str]:
    """What allows these hosts to send, as far as it can be known from their names.

    A server on this machine or in the own network goes out by an address that only its owner knows.
    """
    return list(dict.fromkeys(_term(host) for host in hosts)) or [SERVER_UNKNOWN]


def _term(host: str) -> str:
    try:
        address = ip_address(host)
    except ValueError:
        pass
    else:
        return f"ip{address.version}:{address}" if address.is_global else SERVER_UNKNOWN
    for suffix, include in _INCLUDES.items():
        if host.endswith("." + suffix):
            return include
    if "." not in host or host.endswith((".local", ".internal", ".localhost")):
        return SERVER_UNKNOWN
    return f"a:{host}"


def _host(url: str) -> str:
    try:
        return (urlsplit(url).hostname or "").lower().rstrip(".")
    except ValueError:
        return ""


def _may_share_organisation(one: str, other: str) -> bool:
    """Relaxed alignment as far as names tell: at least the last two labels are the same."""
    return one.split(".")[-2:] == other.split(".")[-2:]
