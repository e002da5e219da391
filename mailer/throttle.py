"""How fast mails may go to a domain and through an account, and when one of them rests.

Each key (a domain's group, or `account:NAME`) has a token bucket and a circuit breaker. The rules of
both are arithmetic in `buckets`; `LocalBuckets` there applies them within a process, and the program may keep
the same numbers where all its workers see them. A batch asks once (`take`) and reports once.

A throttled key rests 1, 2, 4 ... 60 minutes, then one mail goes ahead as a probe. Its rate is halved and
grows back additively with mails that are answered. Source: AIMD of RFC 5681, circuit breaker by M. Nygard.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from typing import Protocol

from mailer.operators import operator_of

ACCOUNT = "account:"
# A key without a limit that is throttled gets one: half of this, growing until it is this again, then none.
FREE_DOMAIN_PER_S = 10.0
FREE_ACCOUNT_PER_S = 1000.0
_RATE = re.compile(r"(\d{1,7}(?:\.\d{1,4})?)\s*(?:/\s*(s|sec|second|m|min|minute|h|hour|d|day))?\Z", re.I)
_UNIT_S = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_DOMAIN = re.compile(r"(?=.{1,253}\Z)[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)+\Z")

# Carriers and free mail, mails a second: nobody publishes a number, docomo asks for few sessions and for
# slow sending, SoftBank blocks hosts with many unknown users (spec 45 S4, J2). Others have no limit: a
# list of companies holds a handful of people a domain.
CAUTIOUS: Mapping[str, float] = {
    "docomo.ne.jp": 2.0,
    "ezweb.ne.jp": 2.0,
    "softbank.ne.jp": 2.0,
    "gmail.com": 10.0,
    "yahoo.co.jp": 5.0,
    "yahoo.com": 5.0,
    "outlook.com": 5.0,
    "icloud.com": 2.0,
}


class Breaker(StrEnum):
    """closed: mails flow. open: they wait. half_open: one is under way to see whether they may flow again."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


def rate(text: str) -> float:
    """Mails a second from `2/s`, `600/min`, `0.5/s`, `1000/h`, `20000/d`; a bare number is a second's; 0 is none."""
    found = _RATE.match(text.strip())
    if found is None:
        raise ValueError(f"{text.strip()!r} is no rate: write 2/s, 600/min, 1000/h or 0 for no limit")
    return float(found[1]) / _UNIT_S[(found[2] or "s")[0].lower()]


@dataclass(frozen=True, slots=True)
class Limit:
    """per_s: mails a second, 0 for no limit. full: what a slowed key grows back to; reached, it is slowed no more."""

    per_s: float
    full: float


@dataclass(frozen=True, slots=True)
class Limits:
    """Mails a second by key; 0 is no limit. other: for every domain that is not named."""

    by_key: Mapping[str, float]
    other: float = 0.0
    _made: dict[str, Limit] = field(init=False, repr=False, compare=False)
    _rest: tuple[Limit, Limit] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        # A batch asks for hundreds of keys, most of them without a limit of their own.
        made = {key: _limit(key, per_s) for key, per_s in self.by_key.items()}
        object.__setattr__(self, "_made", made)
        object.__setattr__(self, "_rest", (_limit("", self.other), _limit(ACCOUNT, 0.0)))

    @classmethod
    def parse(cls, text: str, *, accounts: Mapping[str, float] | None = None) -> Limits:
        """From `docomo.ne.jp=2/s,gmail.com=600/min,*=0` over the cautious defaults. Raises ValueError.

        A domain stands for its operator: gmail.com and googlemail.com have one bucket. accounts: by name.
        """
        by_key, other = dict(CAUTIOUS), 0.0
        for part in re.split(r"[,\n]", text):
            name, equals, value = part.partition("=")
            name = name.strip().lower().rstrip(".")
            if not part.strip():
                continue
            if not equals:
                raise ValueError(f"{part.strip()!r} is no limit: write domain=2/s")
            if name == "*":
                other = rate(value)
            elif _DOMAIN.match(name):
                by_key[domain_key(name)] = rate(value)
            else:
                raise ValueError(f"{name!r} is no domain: write domain=2/s, or *=0 for all others")
        return cls(
            {**by_key, **{account_key(name): per_s for name, per_s in (accounts or {}).items()}}, other
        )

    def of(self, key: str) -> Limit:
        """The limit of this key. An account has none unless it names one."""
        return self._made.get(key) or self._rest[key.startswith(ACCOUNT)]

    def shared_by(self, workers: int) -> Limits:
        """A worker's part, for when they cannot see each other."""
        n = max(1, workers)
        return Limits({key: value / n for key, value in self.by_key.items()}, self.other / n)


def _limit(key: str, per_s: float) -> Limit:
    return Limit(per_s, per_s or (FREE_ACCOUNT_PER_S if key.startswith(ACCOUNT) else FREE_DOMAIN_PER_S))


@lru_cache(maxsize=65536)
def domain_key(domain: str) -> str:
    """The key of a recipient's domain: its mail operator where that is known without DNS, else itself."""
    name = domain.lower().rstrip(".")
    return operator_of(name) or name


def account_key(name: str) -> str:
    """The key of an SMTP account. No domain has a colon."""
    return ACCOUNT + name


@dataclass(frozen=True, slots=True)
class Grant:
    """granted: mails that may go now. The next may go at next_at_s, each further one interval_s later.

    is_free: no limit and no trouble, so nothing needs to be reported when all goes well. at_s: the time
    the answer is of, on the clock that next_at_s is of (the limiter's own, or the caller's).
    """

    granted: int
    next_at_s: float = 0.0
    interval_s: float = 0.0
    is_free: bool = False
    state: Breaker = Breaker.CLOSED
    at_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Result:
    """What a batch saw of one key.

    answered: mails the server answered for, taken or refused for their own sake. throttled: answers that
    ask for less: the key rests and is slower afterwards. stopped: answers that ask for a rest alone.
    broken: connections lost in a mail of this key since its last answered mail. unused: granted mails that
    never started; they are given back. wait_s: the longest rest the server or the reply's kind asks for.
    """

    answered: int = 0
    throttled: int = 0
    stopped: int = 0
    broken: int = 0
    unused: int = 0
    wait_s: float = 0.0
    reason: str = ""
    code: int = 0
    text: str = ""


@dataclass(frozen=True, slots=True)
class DomainState:
    """One domain (or account) for a page. rate_per_s: None without a limit. until: end of the rest."""

    domain: str
    state: Breaker
    rate_per_s: float | None
    until: datetime | None
    reason: str
    last_code: int
    last_text: str


class RateLimiter(Protocol):
    """What a hand-over asks. Neither call raises, and neither waits for more than a moment."""

    def take(self, wanted: Mapping[str, int], *, now_s: float | None = None) -> Mapping[str, Grant]:
        """A grant for each key. now_s: the caller's clock; None is the limiter's own."""

    def report(self, results: Mapping[str, Result], *, now_s: float | None = None) -> None:
        """What became of them."""
