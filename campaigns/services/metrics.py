"""Metrics: everything an operator's monitoring asks for, read at the moment it asks.

Nothing is counted in the processes, so a restart loses no figure and every host tells the same. The database
says what happened and what waits, Redis what is on its way; Redis away is a figure too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast

from redis.exceptions import RedisError

from campaigns.parts import QUEUE, STREAM, Parts
from campaigns.services import refuse, watch
from campaigns.storage import meters
from campaigns.storage.meters import ProductMails, Queue
from mailer.throttle import DomainState
from tracking_pixel import counts

# Names that RQ and the scheduler use in Redis.
JOBS, FAILED_JOBS, WORKERS = f"rq:queue:{QUEUE}", f"rq:failed:{QUEUE}", "rq:workers"
TICKED = "ikusei:ticked"
DOMAINS_MAX = 100


@dataclass(frozen=True, slots=True)
class Throttled:
    """A domain or account with a limit or with trouble lately. state: closed (flows), half_open, open (waits)."""

    name: str
    state: str
    rate_per_s: float | None


@dataclass(frozen=True, slots=True)
class OnTheWay:
    """What Redis holds. heartbeats: seconds since each worker's last sign of life, by name.

    tick_s: seconds since the minute of the scheduler's last tick, None when there was none.
    ignored: what the trackers ignored, spooled or lost, by kind (tracking_pixel/counts.py).
    """

    events: int
    jobs: int
    failed_jobs: int
    heartbeats: Mapping[str, float]
    tick_s: float | None
    domains: tuple[Throttled, ...]
    accounts: tuple[Throttled, ...]
    ignored: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All figures of one moment. ages in seconds; redis: None while it is away."""

    products: tuple[ProductMails, ...]
    queue: Queue
    oldest_due_s: float
    oldest_claim_s: float
    spooled_refusals: int
    redis: OnTheWay | None


def run(parts: Parts, *, now: datetime) -> Snapshot:
    """Read them. now: of the installation; workers' signs of life are in real time."""
    with parts.engine.connect() as tx:
        queue = meters.queue(tx, now=now)
        products = meters.products(tx)
    return Snapshot(
        products,
        queue,
        _age_s(queue.oldest_due_at, now),
        _age_s(queue.oldest_claim_at, now),
        refuse.spooled(parts),
        _on_the_way(parts, now=now),
    )


def _on_the_way(parts: Parts, *, now: datetime) -> OnTheWay | None:
    try:
        pipe = parts.redis.pipeline(transaction=False)
        pipe.xlen(STREAM)
        pipe.llen(JOBS)
        pipe.zcard(FAILED_JOBS)
        pipe.get(TICKED)
        pipe.smembers(WORKERS)
        pipe.hgetall(counts.key(STREAM))
        events, jobs, failed, ticked, workers, ignored = pipe.execute()
        heartbeats = _heartbeats(parts, sorted(workers))
    except RedisError:
        return None
    domains, accounts = watch.states(parts, now=now), watch.account_states(parts, now=now)
    if domains is None or accounts is None:
        return None
    tick_s = _age_s(_instant(ticked), now) if ticked else None
    return OnTheWay(
        events,
        jobs,
        failed,
        heartbeats,
        tick_s,
        _throttled(domains),
        _throttled(accounts),
        {what.value: int(ignored.get(what.value.encode(), 0)) for what in counts.Count},
    )


def _throttled(states: Sequence[DomainState]) -> tuple[Throttled, ...]:
    return tuple(Throttled(one.domain, one.state.value, one.rate_per_s) for one in states[:DOMAINS_MAX])


def _heartbeats(parts: Parts, workers: list[bytes]) -> dict[str, float]:
    """Workers whose registration still stands; those that ended without a word fall out of it by themselves."""
    pipe = parts.redis.pipeline(transaction=False)
    for key in workers:
        pipe.hget(cast(Any, key), "last_heartbeat")
    beats = [_instant(beat) for beat in pipe.execute()]
    now = datetime.now(UTC)
    return {
        key.decode("utf-8", "replace").removeprefix("rq:worker:"): _age_s(beat, now)
        for key, beat in zip(workers, beats, strict=True)
        if beat is not None
    }


def _instant(raw: bytes | None) -> datetime | None:
    try:
        found = datetime.fromisoformat((raw or b"").decode("ascii"))
    except (ValueError, UnicodeDecodeError):
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _age_s(at: datetime | None, now: datetime) -> float:
    return max(0.0, (now - at).total_seconds()) if at else 0.0
