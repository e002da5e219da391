"""Watch: how sending stands now, for the page of deliveries: rate, queue, and each domain's state."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from typing import Protocol

import redis
import structlog

from campaigns import rates
from campaigns.parts import Parts
from campaigns.storage import flow
from campaigns.storage.flow import Course, Rate, Waiting
from mailer.throttle import Breaker, DomainState, domain_key

log = structlog.get_logger()

DOMAINS = 12


@dataclass(frozen=True, slots=True)
class Domain:
    """A domain (or the mailboxes of one operator) as it stands. state: flows, slowed, open, half_open.

    is_account: our own way out by that name, not a recipient's domain. queued: mails of today that wait for it. rate_per_s: what it takes now, None without a limit. until: when
    an open breaker lets a mail try again. code, text: the server's last words, if they told to wait.
    """

    domain: str
    state: str
    is_account: bool = False
    queued: int = 0
    retry: int = 0
    rate_per_s: float | None = None
    until: datetime | None = None
    reason: str = ""
    code: int | None = None
    text: str = ""


@dataclass(frozen=True, slots=True)
class Sending:
    """domains: the troubled first. is_known: False while Redis is away, which holds the domains' states."""

    course: Course
    rate: Rate
    domains: tuple[Domain, ...]
    is_known: bool


def run(parts: Parts, *, now: datetime) -> Sending:
    """How sending stands."""
    zone = parts.settings.tz
    today = now.astimezone(zone).date()
    tomorrow = datetime.combine(today + timedelta(days=1), time(0), tzinfo=zone).astimezone(UTC)
    with parts.engine.connect() as tx:
        course = flow.course(tx, now=now, tomorrow=tomorrow)
        rate = flow.rate(tx, now=now, today=today)
        waiting = flow.waiting(tx, now=now, tomorrow=tomorrow, limit=DOMAINS)
    known, accounts = states(parts, now=now), account_states(parts, now=now) or ()
    troubled = [_with(None, one, is_account=True) for one in accounts if one.reason]
    return Sending(course, rate, _domains(waiting, known or (), troubled), known is not None)


def states(parts: Parts, *, now: datetime) -> tuple[DomainState, ...] | None:
    """The domains that the throttle knows; None while Redis is away, which would be an empty answer."""
    return _asked(parts, rates.states, now=now)


def account_states(parts: Parts, *, now: datetime) -> tuple[DomainState, ...] | None:
    """The same of our own ways out, by their names."""
    return _asked(parts, rates.account_states, now=now)


class _Ask(Protocol):
    def __call__(self, client: redis.Redis, *, now_s: float | None = None) -> Sequence[DomainState]: ...


def _asked(parts: Parts, what: _Ask, *, now: datetime) -> tuple[DomainState, ...] | None:
    try:
        parts.redis.ping()
    except redis.RedisError as error:
        log.warning("states of domains are not known", error=type(error).__name__)
        return None
    # Redis's own clock, as the sender's limits use it, unless the installation's clock travels.
    return tuple(what(parts.redis, now_s=now.timestamp() if parts.clock.travels else None))


_ORDER = {"open": 0, "half_open": 1, "slowed": 2, "flows": 3}


def _domains(
    waiting: Iterable[Waiting], known: Iterable[DomainState], accounts: Iterable[Domain]
) -> tuple[Domain, ...]:
    """What waits and what the throttle knows, joined by operator: the troubled first, then the most."""
    found: dict[str, Domain] = {}
    for one in waiting:
        key = domain_key(one.domain)
        before = found.get(key, Domain(key, "flows"))
        found[key] = replace(
            before,
            state="slowed" if one.retry else before.state,
            queued=before.queued + one.n,
            retry=before.retry + one.retry,
            code=one.code if one.retry else before.code,
            text=one.words if one.retry else before.text,
        )
    for state in known:
        # A limit without trouble is worth a line only where mail waits for it.
        if state.reason or state.state is not Breaker.CLOSED or state.domain in found:
            found[state.domain] = _with(found.get(state.domain), state)
    order = sorted([*accounts, *found.values()], key=lambda one: (_ORDER[one.state], -one.queued, one.domain))
    return tuple(order[:DOMAINS])


def _with(waiting: Domain | None, known: DomainState, *, is_account: bool = False) -> Domain:
    """A domain of the throttle with what waits for it."""
    one = waiting or Domain(known.domain, "flows", is_account)
    state: str = known.state
    if known.state is Breaker.CLOSED:
        state = "slowed" if known.reason or one.state == "slowed" else "flows"
    return replace(
        one,
        state=state,
        rate_per_s=known.rate_per_s,
        until=known.until if known.state is Breaker.OPEN else None,
        reason=known.reason,
        code=known.last_code or one.code,
        text=known.last_text or one.text,
    )
