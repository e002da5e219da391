"""The addresses that stand in a mail: pixel, wrapped link, unsubscribe page, reply and bounce mailbox.

A click's target is inside the signature, so there is no open redirect (spec 45, C1). Links of a mail are
numbered from 1; number 0 is the trap, a link that no eye can see and only a machine follows.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from urllib.parse import quote, urlsplit

from tracking_pixel import BadTarget, Expired
from tracking_pixel.tokens import Signer, TokenKind, rest

TRAP_LINK = 0
LANDING = 1  # flag of a click token: the target is a page of our own that carries the beacon
FORM = 2  # flag: the target is a form of the link host, which the landing token fills in
FORMS = "/form/"  # their path
VISIT_DAYS = 30
VISIT_PARAMETER = "ik"
MAX_TARGET = 2000

_AUTHORITY = re.compile(
    r"^(?i:https?)://(?P<host>\[[0-9A-Fa-f:.]+\]|[^\s/?#\\@:\[\]%]+)(?P<port>:\d{1,5})?(?=[/?#]|$)"
)
_FORBIDDEN = re.compile(r"[\x00-\x20\x7f-\xa0\u2028\u2029\ufeff]")
# RFC 3986's own characters and the percent sign: what is escaped already must stay byte for byte.
_KEEP = "%/:?#[]@!$&'()*+,;=-._~|"


@dataclass(frozen=True, slots=True)
class Visit:
    """A person came to a page of ours by a click. ref ties the page's beats to that one click."""

    delivery_id: int
    ref: int


# A mail's links are the same for thousands of recipients: looked at once, not for each of them.
@lru_cache(maxsize=4096)
def target(url: str) -> str:
    """The address to redirect to, in ASCII. BadTarget unless it is plain http or https.

    Refused: other schemes, scheme-relative //host, backslashes before the path, user:password@, control
    characters and blanks anywhere. Escaped parts stay byte for byte (spec 45, C2).
    """
    if len(url) > MAX_TARGET or _FORBIDDEN.search(url):
        raise BadTarget("too long, or holds a blank or control character")
    found = _AUTHORITY.match(url)
    if not found:
        raise BadTarget("not a plain http or https address")
    host = found["host"]
    if not host.isascii():
        try:
            host = host.encode("idna").decode("ascii")
        except UnicodeError as error:
            raise BadTarget("no valid host name") from error
    if host.startswith(".") or ".." in host:
        raise BadTarget("no valid host name")
    url = url[: found.start("host")] + host + url[found.end("host") :]
    return url if url.isascii() else quote(url, safe=_KEEP)


@lru_cache(maxsize=4096)
def origin(url: str) -> str:
    """scheme://host[:port] in lower case, as a browser writes it into Origin; "" if there is none."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return ""
    if not parts.hostname or parts.scheme not in ("http", "https"):
        return ""
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    default = {"http": 80, "https": 443}[parts.scheme]
    return f"{parts.scheme}://{host}" + (f":{port}" if port and port != default else "")


def visit_token(signer: Signer, visit: Visit, *, now: datetime) -> str:
    """The landing token, which the page's beacon hands back; good for 30 days."""
    return signer.sign(TokenKind.VISIT, visit.delivery_id, _day(now), visit.ref)


def read_visit(signer: Signer, token: str, *, now: datetime) -> Visit:
    """Who came; BadToken when forged, Expired after 30 days or when it is dated ahead of us."""
    delivery_id, day, ref = signer.read(token, TokenKind.VISIT).ids
    # One day of grace forwards: tracker hosts may disagree about midnight.
    if not -1 <= _day(now) - day <= VISIT_DAYS:
        raise Expired("this visit is over")
    return Visit(delivery_id=delivery_id, ref=ref)


def with_visit(url: str, token: str) -> str:
    """The address with the landing token in its query; the fragment stays at the end."""
    head, mark, fragment = url.partition("#")
    joint = "&" if "?" in head else "?"
    return f"{head}{joint}{VISIT_PARAMETER}={token}{mark}{fragment}"


def _day(now: datetime) -> int:
    return int(now.astimezone(UTC).timestamp()) // 86400


class Links:
    """Makes the addresses of one link host. base_url: no slash at the end. sites: origins with our beacon."""

    __slots__ = ("_base", "_click", "_signer", "sites")

    def __init__(self, signer: Signer, base_url: str, *, sites: Collection[str] = ()) -> None:
        self._signer = signer
        self._base = base_url.rstrip("/")
        self._click = f"{self._base}/c/".encode("ascii")
        self.sites = frozenset(origin(site) for site in sites) - {""}

    def open_url(self, delivery_id: int) -> str:
        return f"{self._base}/o/{self._signer.sign_one(TokenKind.OPEN, delivery_id)}.gif"

    def click_url(self, delivery_id: int, link_no: int, url: str) -> str:
        """The wrapped link. BadTarget for what we would not redirect to."""
        return self.click_urls(delivery_id, self.rests([(link_no, url)]))[0].decode("ascii")

    def rests(self, links: Iterable[tuple[int, str]]) -> tuple[bytes, ...]:
        """What the links of a mail (number, URL) bring to every recipient's token; the trap is the last.

        BadTarget for what we would not redirect to. Made once a mail, for `click_urls`.
        """
        return tuple(self._rest(no, url) for no, url in (*links, (TRAP_LINK, f"{self._base}/")))

    def click_urls(self, delivery_id: int, rests: Sequence[bytes]) -> list[bytes]:
        """The wrapped links of one recipient, in ASCII; the last is the trap, which no person sees and which
        leads to the link host's front page."""
        return self._signer.sign_each(TokenKind.CLICK, delivery_id, rests, count=3, prefix=self._click)

    def _rest(self, no: int, url: str) -> bytes:
        safe = target(url)
        flags = LANDING if origin(safe) in self.sites else 0
        flags |= FORM if safe.startswith(f"{self._base}{FORMS}") else 0
        return rest(no, flags, tail=safe.encode("ascii"))

    def unsubscribe_url(self, delivery_id: int) -> str:
        return f"{self._base}/u/{self._signer.sign_one(TokenKind.UNSUBSCRIBE, delivery_id)}"

    def rsvp_url(self, delivery_id: int) -> str:
        return f"{self._base}/rsvp/{self._signer.sign_one(TokenKind.RSVP, delivery_id)}"

    def reply_address(self, delivery_id: int, domain: str) -> str:
        return f"reply+{self._signer.sign_one(TokenKind.REPLY, delivery_id)}@{domain}"

    def bounce_address(self, delivery_id: int, domain: str) -> str:
        return f"bounce+{self._signer.sign_one(TokenKind.BOUNCE, delivery_id)}@{domain}"

    def stop_address(self, delivery_id: int, domain: str) -> str:
        """Where a mail, whatever it says, unsubscribes from the product (List-Unsubscribe's mailto)."""
        return f"unsubscribe+{self._signer.sign_one(TokenKind.STOP, delivery_id)}@{domain}"

    def file_url(self, file_id: int, name: str) -> str:
        """A file's own address; name: what it is saved as."""
        return f"{self._base}/f/{self._signer.sign(TokenKind.FILE, file_id)}/{quote(name, safe='')}"
