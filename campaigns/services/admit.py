"""Admit: who of a claimed batch goes now, and through which account.

One question to the limiter for the whole batch, one answer to it afterwards; what has to wait gets the
time when it is asked again. Answers and notices are never held. In practice nothing is limited.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta

from campaigns import rates
from campaigns.parts import Parts
from campaigns.rules import warmup
from campaigns.storage import sender_days
from campaigns.storage.outbox import Known
from mailer import tally
from mailer.accounts import Account, choose
from mailer.tally import Tally
from mailer.throttle import Breaker, Grant, account_key, domain_key

# An account that its sender asks for by name and that is not there, or rests without an end that is known.
REST = timedelta(minutes=1)
MORNING = time(9, 0)  # when a mail goes that today's warm-up has no room for


@dataclass(frozen=True, slots=True)
class Wait:
    """Why a mail does not go now, and when it is asked again."""

    reason: str
    until: datetime


@dataclass(slots=True)
class Admitted:
    """go: in their order. accounts: the account's name by delivery. wait: all others."""

    go: list[int]
    accounts: dict[int, str]
    wait: dict[int, Wait]
    seen: Tally
    grants: Mapping[str, Grant] = field(default_factory=dict)
    warmed: dict[int, int] = field(default_factory=dict)  # delivery -> sender profile


def ask(parts: Parts, ids: Sequence[int], known: Mapping[int, Known], *, now: datetime) -> Admitted:
    """Who may go: the account is well, domain and account have room, the warm-up has room."""
    accounts = parts.settings.accounts()
    if not accounts:
        return Admitted(list(ids), dict.fromkeys(ids, ""), {}, Tally({}))
    chosen, wait = _chosen(parts, accounts, ids, known, now=now)
    keys = {
        id: ()
        if known[id].facts.is_transactional
        else (domain_key(known[id].domain or "unknown"), account_key(chosen[id]))
        for id in chosen
    }
    grants = parts.rates.take(tally.wanted(keys), now_s=_now_s(parts, now))
    part = tally.admit(chosen, keys, grants)
    seen = Tally(keys, part.unused)
    for id, at_s in part.wait.items():
        wait[id] = Wait("throttled", max(now, datetime.fromtimestamp(at_s, UTC)))
    made = Admitted(part.go, chosen, wait, seen, grants)
    _warm_up(parts, made, known, now=now)
    return made


def report(parts: Parts, admitted: Admitted, started: set[int], *, now: datetime) -> None:
    """Tell the limiter what became of the batch; give back what did not start."""
    if not admitted.grants and not admitted.warmed:
        return
    idle = [id for id in admitted.go if id not in started]
    for id in idle:
        admitted.seen.unstarted(id)
    parts.rates.report(admitted.seen.results(admitted.grants), now_s=_now_s(parts, now))
    unused = Counter(admitted.warmed[id] for id in idle if id in admitted.warmed)
    if unused:
        with parts.engine.begin() as tx:
            sender_days.give_back(tx, unused, day=now.astimezone(parts.settings.tz).date())


def _chosen(
    parts: Parts,
    accounts: Sequence[Account],
    ids: Sequence[int],
    known: Mapping[int, Known],
    *,
    now: datetime,
) -> tuple[dict[int, str], dict[int, Wait]]:
    """An account for each mail. With one account its own limit decides; of several, one at rest is left out."""
    resting: dict[str, datetime] = {}
    if len(accounts) > 1:
        for state in rates.account_states(parts.redis, now_s=_now_s(parts, now)):
            if state.state is Breaker.OPEN:
                resting[state.domain] = state.until or now + REST
    healthy = {account.name for account in accounts} - resting.keys()
    chosen: dict[int, str] = {}
    wait: dict[int, Wait] = {}
    for id in ids:
        account = choose(accounts, wanted_name=known[id].account, healthy=healthy, key=id)
        if account is not None:
            chosen[id] = account.name
        else:
            until = resting.get(known[id].account) or min(resting.values(), default=now + REST)
            wait[id] = Wait("account_rests", max(until, now + timedelta(seconds=1)))
    return chosen, wait


def _warm_up(parts: Parts, admitted: Admitted, known: Mapping[int, Known], *, now: datetime) -> None:
    """Hold what today's ceiling of a new domain has no room for, until tomorrow morning."""
    today = now.astimezone(parts.settings.tz).date()
    waiting: dict[int, list[int]] = {}
    ceilings: dict[int, int] = {}
    for id in admitted.go:
        plan = known[id].warm_up
        if plan is None:
            continue
        ceiling = warmup.ceiling((today - plan.start).days + 1, plan.first)
        if ceiling is not None:
            waiting.setdefault(plan.profile_id, []).append(id)
            ceilings[plan.profile_id] = ceiling
    if not waiting:
        return
    with parts.engine.begin() as tx:
        asked = {profile: (len(ids), ceilings[profile]) for profile, ids in waiting.items()}
        granted = sender_days.take_each(tx, asked, day=today)
    tomorrow = datetime.combine(today + timedelta(days=1), MORNING, tzinfo=parts.settings.tz).astimezone(UTC)
    for profile, ids in waiting.items():
        admitted.warmed.update(dict.fromkeys(ids[: granted[profile]], profile))
        for id in ids[granted[profile] :]:
            admitted.wait[id] = Wait("warm_up", tomorrow)
            admitted.seen.unstarted(id)
    admitted.go = [id for id in admitted.go if id not in admitted.wait]


def _now_s(parts: Parts, now: datetime) -> float | None:
    """The limiter's own clock, unless ours travels."""
    return now.timestamp() if parts.clock.travels else None
