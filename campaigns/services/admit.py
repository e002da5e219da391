"""Admit: who of a claimed batch goes now, and through which account.

One question to the limiter for the whole batch, one answer to it afterwards; what has to wait gets the
time when it is asked again. Answers and notices are never held. In practice nothing is limited.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta

import structlog
from sqlalchemy.exc import SQLAlchemyError

from campaigns.parts import Parts
from campaigns.rules import warmup
from campaigns.storage import sender_days
from campaigns.storage.outbox import Known
from mailer import tally
from mailer.accounts import Account, choose
from mailer.receipts import Receipt, Stage
from mailer.tally import Tally
from mailer.throttle import Breaker, Grant, account_key, domain_key

log = structlog.get_logger()

# From here on the receiving side may know of a mail.
_HEARD = frozenset({Stage.RCPT, Stage.DATA, Stage.BODY, Stage.LOST})
REST = timedelta(minutes=1)  # of an account whose rest has no end that is known
# Until somebody names an account that there is, in the settings or in the sender profile.
MISSING = timedelta(minutes=10)
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
    chosen, wait = _choose_each(parts, accounts, ids, known, now=now)
    keys = {
        id: ()
        if known[id].facts.is_transactional
        else (domain_key(known[id].domain or "unknown"), account_key(chosen[id]))
        for id in chosen
    }
    grants = parts.rates.take(tally.wanted(keys), now_s=_now_s(parts, now))
    part = tally.admit(chosen, keys, grants)
    seen = Tally(keys, part.unused)
    clock = _clock(parts, grants, now=now)
    for id, at_s in part.wait.items():
        wait[id] = Wait(_why(grants, chosen[id]), max(now, clock + timedelta(seconds=at_s)))
    made = Admitted(part.go, chosen, wait, seen, grants)
    _warm_up(parts, made, known, now=now)
    return made


def report(parts: Parts, admitted: Admitted, receipts: Mapping[int, Receipt], *, now: datetime) -> None:
    """Tell the limiter what became of the batch; give back the tokens of what did not start. Never raises."""
    if not admitted.grants:
        return
    for id in admitted.go:
        if id not in receipts or receipts[id].stage is Stage.NONE:
            admitted.seen.unstarted(id)
    parts.rates.report(admitted.seen.results(admitted.grants), now_s=_now_s(parts, now))


def give_back(parts: Parts, admitted: Admitted, receipts: Mapping[int, Receipt], *, now: datetime) -> None:
    """Make room in today's warm-up again for mails of which no receiver has heard."""
    unused = Counter(
        profile
        for id, profile in admitted.warmed.items()
        if id not in receipts or receipts[id].stage not in _HEARD
    )
    if not unused:
        return
    try:
        with parts.engine.begin() as tx:
            sender_days.give_back(tx, unused, day=now.astimezone(parts.settings.tz).date())
    except SQLAlchemyError as error:
        # The batch is settled; all that is lost is some of today's room.
        log.warning("warm-up is not given back", mails=unused.total(), error=type(error).__name__)


def _choose_each(
    parts: Parts,
    accounts: Sequence[Account],
    ids: Sequence[int],
    known: Mapping[int, Known],
    *,
    now: datetime,
) -> tuple[dict[int, str], dict[int, Wait]]:
    """An account for each mail. With one account its own limit decides; of several, one at rest is left out."""
    resting = _resting(parts, accounts, now=now) if len(accounts) > 1 else {}
    healthy = {account.name for account in accounts} - resting.keys()
    names = {account.name for account in accounts} | {""}
    chosen: dict[int, str] = {}
    wait: dict[int, Wait] = {}
    for id in ids:
        wanted = known[id].account
        account = choose(accounts, wanted_name=wanted, healthy=healthy, key=id)
        if account is None and known[id].facts.is_transactional:
            # Someone waits for this answer: better tried through an account at rest, or another, than held.
            account = choose(accounts, wanted_name=wanted, key=id) or choose(accounts, key=id)
        if account is not None:
            chosen[id] = account.name
        elif wanted not in names:
            wait[id] = Wait("account_missing", now + MISSING)
        else:
            until = resting.get(wanted) or min(resting.values(), default=now + REST)
            wait[id] = Wait("account_rests", max(until, now + timedelta(seconds=1)))
    return chosen, wait


def _resting(parts: Parts, accounts: Sequence[Account], *, now: datetime) -> dict[str, datetime]:
    """Accounts at rest, with its end. Asked of the limiter, which knows them without Redis, too."""
    keys = {account_key(account.name): account.name for account in accounts}
    grants = parts.rates.take(dict.fromkeys(keys, 0), now_s=_now_s(parts, now))
    clock = _clock(parts, grants, now=now)
    return {
        keys[key]: clock + timedelta(seconds=grant.next_at_s)
        for key, grant in grants.items()
        if grant.state is Breaker.OPEN
    }


def _clock(parts: Parts, grants: Mapping[str, Grant], *, now: datetime) -> datetime:
    """When the limiter's clock stood at 0, by ours: were its host's clock late, mails that are to wait would be
    due at once, again and again."""
    asked_at_s = next((grant.at_s for grant in grants.values()), now.timestamp())
    return (now if parts.clock.travels else parts.clock.now()) - timedelta(seconds=asked_at_s)


def _why(grants: Mapping[str, Grant], account: str) -> str:
    """Whether the account holds a mail, or a rate."""
    grant = grants.get(account_key(account))
    return "throttled" if grant is None or grant.state is Breaker.CLOSED else "account_rests"


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
