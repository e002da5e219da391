"""Rates that all workers share: the buckets and breakers of `mailer.buckets`, kept in Redis.

One script, one round trip for a whole batch, whatever it holds: `take` before a hand-over, `report` after
it. The script does the arithmetic of `mailer/buckets.py` on a hash a key; a test compares the two number by
number. Without Redis each process keeps the same numbers for itself, its part of every limit, and nothing
raises: rates are a courtesy to receivers, while what must never happen twice is guarded by the database.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, cast

import redis
import structlog
from redis.backoff import NoBackoff
from redis.retry import Retry

from campaigns.rate_script import PREFIX, SCRIPT
from mailer.buckets import Bucket, LocalBuckets, masked
from mailer.throttle import ACCOUNT, Breaker, DomainState, Grant, Limits, Result

log = structlog.get_logger()

INDEX = PREFIX + "known"  # when each key is forgotten
TIMEOUT_S = 0.5
AWAY_S = 5.0  # a server that did not answer is not asked again for this long
SHOWN_MAX = 500


class SharedRates:
    """The limiter of a worker; see `mailer.throttle.RateLimiter`. workers: how many share when Redis is away."""

    def __init__(self, client: redis.Redis, limits: Limits, *, workers: int = 1) -> None:
        self._client = _quick(client)
        self._script = self._client.register_script(SCRIPT)
        self.limits = limits
        self._local = LocalBuckets(limits.shared_by(workers))
        self._workers = max(1, workers)
        self._away_until = float("-inf")

    @property
    def is_away(self) -> bool:
        """Redis did not answer lately: this process keeps the numbers by itself."""
        return time.monotonic() < self._away_until

    def take(self, wanted: Mapping[str, int], *, now_s: float | None = None) -> dict[str, Grant]:
        """A grant for each key, in one round trip."""
        if not wanted:
            return {}
        lines = []
        for key, n in wanted.items():
            limit = self.limits.of(key)
            lines.append(f"{_plain(key)}\t{limit.per_s}\t{limit.full}\t{n}")
        answer = self._run("take", lines, now_s)
        if answer is None:
            return self._local.take(wanted, now_s=time.time() if now_s is None else now_s)
        at_s = float(answer[0])
        known = {row[0]: row[1:] for row in (line.decode().split("\t") for line in answer[1:])}
        self._local.drop(key for key in wanted if key not in known)
        free = {n: Grant(n, at_s, is_free=True, at_s=at_s) for n in set(wanted.values())}
        return {
            key: self._grant(key, known[_plain(key)], at_s) if _plain(key) in known else free[n]
            for key, n in wanted.items()
        }

    def report(self, results: Mapping[str, Result], *, now_s: float | None = None) -> None:
        """What became of a batch, in one round trip."""
        if not results:
            return
        lines = []
        for key, result in results.items():
            limit = self.limits.of(key)
            lines.append("\t".join(map(str, (_plain(key), limit.per_s, limit.full, *_values(result)))))
        if self._run("report", lines, now_s) is None:
            self._local.report(results, now_s=time.time() if now_s is None else now_s)

    def _run(self, op: str, lines: Sequence[str], now_s: float | None) -> Any:
        """The script's answer, None while Redis is away."""
        if self.is_away:
            return None
        try:
            return self._script(
                keys=[INDEX], args=[op, "" if now_s is None else repr(now_s), "\n".join(lines)]
            )
        except redis.RedisError as error:
            log.warning("rates are kept by this process alone", error=type(error).__name__)
            self._away_until = time.monotonic() + AWAY_S
            return None

    def _grant(self, key: str, row: Sequence[str], at_s: float) -> Grant:
        granted, next_at, interval, state, is_free, tokens, slowed, rests, rest_until = row
        if tokens:
            # What is known here goes on from there when Redis goes away.
            part = self._workers
            self._local.put(
                key,
                Bucket(
                    tokens=float(tokens) / part,
                    at_s=at_s,
                    slowed=float(slowed) / part if slowed else None,
                    rests=int(rests),
                    rest_until=float(rest_until),
                ),
            )
        return Grant(
            granted=int(granted),
            next_at_s=float(next_at),
            interval_s=float(interval),
            is_free=is_free == "1",
            state=Breaker(state),
            at_s=at_s,
        )


def states(client: redis.Redis, *, now_s: float | None = None) -> list[DomainState]:
    """Domains with a limit or with trouble lately, troubled ones first; empty without Redis.

    A domain's operator stands for all its domains: gmail.com for googlemail.com too.
    """
    return [state for key, state in _known(client, now_s) if not key.startswith(ACCOUNT)]


def account_states(client: redis.Redis, *, now_s: float | None = None) -> list[DomainState]:
    """The same of the SMTP accounts, by name."""
    return [state for key, state in _known(client, now_s) if key.startswith(ACCOUNT)]


def _known(client: redis.Redis, now_s: float | None) -> list[tuple[str, DomainState]]:
    quick = _quick(client)
    try:
        if now_s is None:
            seconds, micros = quick.time()
            now_s = seconds + micros / 1e6
        names = cast(list[bytes], quick.zrevrangebyscore(INDEX, "+inf", now_s, start=0, num=SHOWN_MAX))
        pipe = quick.pipeline(transaction=False)
        for name in names:
            pipe.hgetall(name)
        rows = cast(list[dict[bytes, bytes]], pipe.execute())
    except redis.RedisError as error:
        log.warning("rates cannot be read", error=type(error).__name__)
        return []
    found = list(_states(names, rows, now_s))
    order = {Breaker.OPEN: 0, Breaker.HALF_OPEN: 1, Breaker.CLOSED: 2}
    return sorted(found, key=lambda pair: (order[pair[1].state], not pair[1].reason, pair[0]))


def _states(
    names: Sequence[bytes], rows: Sequence[Mapping[bytes, bytes]], now_s: float
) -> Iterator[tuple[str, DomainState]]:
    for name, row in zip(names, rows, strict=True):
        if not row:
            continue
        key = name.decode().removeprefix(PREFIX)
        slowed, limit, until = row[b"slowed"], float(row[b"limit"]), float(row[b"rest_until"])
        bucket = Bucket(rest_until=until)
        rate = float(slowed) if slowed else limit
        yield (
            key,
            DomainState(
                domain=key.removeprefix(ACCOUNT),
                state=bucket.state(now_s),
                rate_per_s=rate or None,
                until=datetime.fromtimestamp(until, UTC) if until > now_s else None,
                reason=row.get(b"reason", b"").decode("utf-8", "replace"),
                last_code=int(row.get(b"code", b"0") or 0),
                last_text=row.get(b"text", b"").decode("utf-8", "replace"),
            ),
        )


def _values(result: Result) -> list[str | int | float]:
    wait_s = result.wait_s if math.isfinite(result.wait_s) else 0.0
    counts = [result.answered, result.throttled, result.stopped, result.broken, result.unused]
    return [*counts, wait_s, masked(result.reason), result.code, masked(result.text)]


def _plain(key: str) -> str:
    """A key within a line: tabs and line ends, which no domain has, would shift what follows."""
    return key if key.isprintable() else repr(key)


def _quick(client: redis.Redis) -> redis.Redis:
    """The same server, with a short timeout and no retries: the process's own numbers are the retry."""
    pool = client.connection_pool
    more: dict[str, Any] = {"socket_timeout": TIMEOUT_S, "retry": Retry(NoBackoff(), 0)}
    if not issubclass(pool.connection_class, redis.UnixDomainSocketConnection):
        more["socket_connect_timeout"] = TIMEOUT_S
    return redis.Redis(
        connection_pool=redis.ConnectionPool(pool.connection_class, **(pool.connection_kwargs | more))
    )
