"""SMTP accounts: the ways out of an installation, and which of them a mail takes.

One setting holds them all, URLs with blanks or line breaks between, options in each URL's query:

    smtp://user:secret@relay.example:587?name=main&weight=3&rate=20/s&lanes=2
    smtps://user:secret@second.example?name=second&per_connection=100&helo=mail.maker.example

No error and no repr of this module holds a password.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from urllib.parse import SplitResult, parse_qsl, urlsplit

from mailer import addresses, throttle
from mailer.errors import MailError
from mailer.wire import Server

OPTIONS = ("name", "weight", "rate", "per_connection", "lanes", "starttls", "helo")
_NAME = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,38}[a-z0-9])?\Z")
_PLAIN_SCHEMES = ("memory", "file")  # ways out without a server, for tests and for looking at mails


class AccountError(ValueError):
    """An account that cannot work: which one, and what to write instead."""


@dataclass(frozen=True, slots=True)
class Account:
    """One way out. weight: its part of the mails that name no account, 0 for none of them.

    rate_per_s: mails a second over all workers, 0 for no limit. per_connection: mails until a connection
    is ended, None without a limit. helo: the name said in EHLO, "" for the installation's.
    """

    name: str
    url: str = field(repr=False)
    weight: float = 1.0
    rate_per_s: float = 0.0
    per_connection: int | None = None
    lanes: int = 2
    helo: str = ""

    @property
    def place(self) -> str:
        """Scheme, host and port: what may be shown of the URL."""
        return _place(urlsplit(self.url))


def parse(text: str) -> tuple[Account, ...]:
    """The accounts of a setting; () for an empty one. Raises AccountError."""
    accounts: list[Account] = []
    for number, url in enumerate(text.split(), 1):
        account = _account(url, number)
        if any(account.name == other.name for other in accounts):
            raise AccountError(
                f"SMTP account {number} is called {account.name} like one before it: give each a name=..."
            )
        accounts.append(account)
    if accounts and not any(account.weight for account in accounts):
        raise AccountError(
            "every SMTP account has weight=0: mails that name no account would have no way out"
        )
    return tuple(accounts)


def find(accounts: Sequence[Account], name: str) -> Account | None:
    """The account of this name."""
    return next((account for account in accounts if account.name == name), None)


def choose(
    accounts: Sequence[Account], *, wanted_name: str = "", healthy: Collection[str] | None = None, key: int
) -> Account | None:
    """The account of one mail; None when it must wait.

    wanted_name: the one its sender profile asks for. No other takes its place while it rests: SPF and
    reputation hang on it. Without a name the accounts share by weight, and the same key (the delivery's
    id) comes to the same account again as long as that is healthy. healthy: names, None for all.

    Weighted rendezvous hashing (Thaler and Ravishankar 1998): an account that rests moves its own mails alone.
    """
    if wanted_name:
        found = find(accounts, wanted_name)
        return found if found is not None and (healthy is None or found.name in healthy) else None
    open_ = [a for a in accounts if a.weight > 0 and (healthy is None or a.name in healthy)]
    if len(open_) <= 1:
        return open_[0] if open_ else None
    return max(open_, key=lambda account: _score(account, key))


def _score(account: Account, key: int) -> float:
    digest = hashlib.blake2b(f"{account.name}\0{key}".encode(), digest_size=8).digest()
    drawn = (int.from_bytes(digest, "big") + 0.5) / 2**64  # between 0 and 1, neither of them
    return -account.weight / math.log(drawn)


def _account(url: str, number: int) -> Account:
    parts = _split(url, number)
    try:
        server = None if parts.scheme in _PLAIN_SCHEMES else Server.parse(url)
        options = _options(parts)
        return Account(
            name=_name(options.get("name", ""), server),
            url=url,
            weight=_number(options, "weight", 1.0, most=1000.0),
            rate_per_s=throttle.rate(options["rate"]) if "rate" in options else 0.0,
            per_connection=_count(options, "per_connection", most=1_000_000),
            lanes=_count(options, "lanes", most=16) or 2,
            helo=addresses.domain(options["helo"]) if options.get("helo") else "",
        )
    except (ValueError, MailError) as error:
        raise AccountError(f"SMTP account {number} ({_place(parts)}): {error}") from None


def _split(url: str, number: int) -> SplitResult:
    """The parts of a URL. Nothing of it is repeated in an error: it may be the rest of a password."""
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - raises here, where the words are ours
    except ValueError:
        parts = urlsplit("")
    if "@" in parts.path + parts.query + parts.fragment:  # what stands before it was meant as a password
        parts = urlsplit("")
    if parts.scheme in _PLAIN_SCHEMES or (parts.scheme in ("smtp", "smtps") and parts.hostname):
        return parts
    raise AccountError(
        f"SMTP account {number} cannot be read: write smtp://user:password@host:587 or smtps://..., with"
        " / : @ ? # % and blanks in user and password as %2F %3A %40 %3F %23 %25 %20"
    ) from None


def _options(parts: SplitResult) -> dict[str, str]:
    options: dict[str, str] = {}
    if parts.scheme in _PLAIN_SCHEMES and not parts.query:
        return options
    for name, value in parse_qsl(parts.query, keep_blank_values=True):
        if name not in OPTIONS and not (parts.scheme == "memory" and name == "answer"):
            raise ValueError(f"there is no option {name[:20]!r}: {', '.join(OPTIONS)}")
        if name in options:
            raise ValueError(f"{name} stands twice")
        options[name] = value.strip()
    if parts.fragment:
        raise ValueError("# ends a URL: write it as %23")
    return options


def _name(given: str, server: Server | None) -> str:
    name = given.lower() or (server.host.lower() if server else "kept")
    if given and not _NAME.match(name):
        raise ValueError("name is up to 40 of a-z, 0-9, dot, dash and underscore")
    return name[:40].strip(":[]").replace(":", "-")


def _number(options: dict[str, str], name: str, default: float, *, most: float) -> float:
    if name not in options:
        return default
    if not re.fullmatch(r"\d{1,6}(?:\.\d{1,4})?", options[name]) or float(options[name]) > most:
        raise ValueError(f"{name} is a number from 0 to {most:g}")
    return float(options[name])


def _count(options: dict[str, str], name: str, *, most: int) -> int | None:
    if name not in options:
        return None
    if not re.fullmatch(r"\d{1,7}", options[name]) or not 1 <= int(options[name]) <= most:
        raise ValueError(f"{name} is a whole number from 1 to {most:,}")
    return int(options[name])


def _place(parts: SplitResult) -> str:
    if parts.scheme in _PLAIN_SCHEMES:
        return f"{parts.scheme}:"
    host = parts.hostname or ""
    return f"{parts.scheme}://{f'[{host}]' if ':' in host else host}" + (
        f":{parts.port}" if parts.port else ""
    )
