"""Token bucket and circuit breaker of one key: the arithmetic, and a limiter of one process.

Pure functions on a `Bucket`, so that a limiter shared by many processes can be compared with them, number
by number. Tokens flow in by time; a stopped key rests, then lets one probe through; what was throttled is
slower afterwards and recovers with answered mails.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from mailer.throttle import Breaker, Grant, Limit, Limits, Result

# A bucket holds what its rate gives in this time, and at least one mail. Workers ask about once a second:
# a smaller bucket would run over between two questions, and the rate would never be reached.
BURST_S = 5.0
REST_FIRST_S, REST_MAX_S = 60.0, 3600.0
REST_SAID_MAX_S = 24 * 3600.0  # a server may ask for a longer rest than ours, up to a day
BREAKS_MAX = 3  # connections broken in a row, without one answered mail, before a key rests
PROBE_S = 120.0  # a probe that nobody reports is forgotten after this
PROBE_AGAIN_S = 10.0  # when the mails behind a probe ask again
BOOKED_MAX_S = 3600.0  # mails that wait are spread no further than this
SLOWEST_PER_S = 1 / 60
RECOVERY_S = 1200.0  # from nothing to the full rate: a halved rate is whole again after ten minutes
KEPT_MIN = 10_000  # keys of a process that are not worth a look
FORGET_S = 3 * 3600.0  # a key is forgotten this long after its last trouble: longer than the longest rest


@dataclass(frozen=True, slots=True)
class Bucket:
    """All that is remembered of a key. slowed: its rate now, None when it is as configured.

    rests: how often it was stopped in a row; breaks: connections lost in a row; probe_until: a probe is
    under way; booked_until: mails that wait have places up to here.
    """

    tokens: float = 0.0
    at_s: float = 0.0
    slowed: float | None = None
    rests: int = 0
    breaks: int = 0
    rest_until: float = 0.0
    probe_until: float = 0.0
    booked_until: float = 0.0
    grown_at: float = 0.0
    reason: str = ""
    code: int = 0
    text: str = ""

    def state(self, now_s: float) -> Breaker:
        """Where the breaker stands."""
        if self.rest_until == 0.0:
            return Breaker.CLOSED
        return Breaker.OPEN if now_s < self.rest_until else Breaker.HALF_OPEN

    @property
    def matters_until(self) -> float:
        """From when on a fresh bucket says the same: full again, and its trouble forgotten."""
        is_troubled = self.slowed is not None or self.rests or self.breaks
        last = max(self.at_s, self.rest_until, self.probe_until, self.booked_until)
        return last + (FORGET_S if is_troubled else 2 * BURST_S)

    def per_s(self, limit: Limit) -> float:
        """Mails a second now, 0 for no limit."""
        return limit.per_s if self.slowed is None else min(self.slowed, limit.full)


def fresh(limit: Limit, now_s: float) -> Bucket:
    """A key nobody has asked for lately: its bucket is full."""
    return Bucket(tokens=capacity(limit.per_s), at_s=now_s)


def capacity(per_s: float) -> float:
    """Mails that may go at once."""
    return max(1.0, per_s * BURST_S)


def taken(bucket: Bucket, n: int, *, limit: Limit, now_s: float) -> tuple[Bucket, Grant]:
    """Take up to n tokens, or find out when."""
    per_s = bucket.per_s(limit)
    state = bucket.state(now_s)
    interval = 1 / (per_s or limit.full)
    if state is not Breaker.CLOSED:
        probe = state is Breaker.HALF_OPEN and now_s >= bucket.probe_until and n > 0
        if probe:
            bucket = replace(bucket, probe_until=now_s + PROBE_S)
        granted = int(probe)
        first = bucket.rest_until if state is Breaker.OPEN else now_s + PROBE_AGAIN_S
    elif per_s == 0.0:
        return bucket, Grant(n, now_s, 0.0, is_free=bucket.breaks == 0, at_s=now_s)
    else:
        tokens = min(capacity(per_s), bucket.tokens + max(0.0, now_s - bucket.at_s) * per_s)
        granted = min(n, int(tokens + 1e-9))
        tokens -= granted
        bucket = replace(bucket, tokens=tokens, at_s=now_s)
        first = now_s + max(0.0, 1.0 - tokens) / per_s
    short = n - granted
    next_at = max(first, min(bucket.booked_until, first + BOOKED_MAX_S))
    if short:
        bucket = replace(bucket, booked_until=next_at + short * interval)
    return bucket, Grant(granted, next_at, interval, state=state, at_s=now_s)


def reported(bucket: Bucket, result: Result, *, limit: Limit, now_s: float) -> Bucket:
    """The key after a batch."""
    state = bucket.state(now_s)
    if result.unused and bucket.per_s(limit):
        bucket = replace(bucket, tokens=min(capacity(bucket.per_s(limit)), bucket.tokens + result.unused))
    breaks = result.broken if result.answered else bucket.breaks + result.broken
    if result.throttled or result.stopped or breaks >= BREAKS_MAX:
        return _stopped(bucket, result, state, breaks, limit=limit, now_s=now_s)
    if state is Breaker.OPEN:  # answers to mails that left before the rest began
        return replace(bucket, breaks=breaks)
    if result.answered:
        return _grown(replace(bucket, rests=0, breaks=breaks, rest_until=0.0, probe_until=0.0), limit, now_s)
    # A probe that was not answered: another may go at once when it never left, else after a moment.
    return replace(bucket, breaks=breaks, probe_until=now_s + PROBE_AGAIN_S if result.broken else 0.0)


def _stopped(
    bucket: Bucket, result: Result, state: Breaker, breaks: int, *, limit: Limit, now_s: float
) -> Bucket:
    """Rest, slower afterwards. While it rests already, more of the same only adds what the server asks for."""
    said = min(result.wait_s, REST_SAID_MAX_S)
    bucket = replace(bucket, reason=result.reason, code=result.code, text=masked(result.text), breaks=breaks)
    if state is Breaker.OPEN:
        return replace(bucket, rest_until=max(bucket.rest_until, now_s + said))
    rests = 1 if result.answered else bucket.rests + 1
    rest_s = max(said, min(REST_MAX_S, REST_FIRST_S * 2 ** (min(rests, 20) - 1)))
    slowed = bucket.slowed
    if result.throttled:
        slowed = max(SLOWEST_PER_S, (bucket.per_s(limit) or limit.full) / 2)
    return replace(
        bucket,
        rests=rests,
        rest_until=now_s + rest_s,
        probe_until=0.0,
        booked_until=0.0,
        slowed=slowed,
        tokens=0.0,
        at_s=now_s,
        grown_at=now_s + rest_s,
    )


def _grown(bucket: Bucket, limit: Limit, now_s: float) -> Bucket:
    """Additive increase: by what RECOVERY_S gives for the time since it last grew, a minute at the most."""
    if bucket.slowed is None:
        return bucket
    more = bucket.slowed + limit.full * min(60.0, max(0.0, now_s - bucket.grown_at)) / RECOVERY_S
    if more >= limit.full:
        return replace(bucket, slowed=None, grown_at=now_s, reason="", code=0, text="")
    return replace(bucket, slowed=more, grown_at=now_s)


_ADDRESS = re.compile(r"[^\s<>@]{1,64}@")


def masked(text: str) -> str:
    """A server's words for a page and for Redis: no person's address in them, one line, 200 characters."""
    return " ".join(_ADDRESS.sub("…@", text[:400]).split())[:200]


class LocalBuckets:
    """The limiter of one process. It keeps no clock: now_s must be given."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._buckets: dict[str, Bucket] = {}
        self._lock = threading.Lock()
        self._room = KEPT_MIN
        self._newest_s = 0.0

    def take(self, wanted: Mapping[str, int], *, now_s: float | None = None) -> dict[str, Grant]:
        """See `RateLimiter`."""
        assert now_s is not None
        grants = {}
        with self._lock:
            self._forget(now_s)
            for key, n in wanted.items():
                limit = self.limits.of(key)
                bucket = self._buckets.get(key) or fresh(limit, now_s)
                after, grants[key] = taken(bucket, n, limit=limit, now_s=now_s)
                if after is not bucket or key in self._buckets:
                    self._buckets[key] = after
        return grants

    def report(self, results: Mapping[str, Result], *, now_s: float | None = None) -> None:
        """See `RateLimiter`."""
        assert now_s is not None
        with self._lock:
            for key, result in results.items():
                limit = self.limits.of(key)
                bucket = self._buckets.get(key) or fresh(limit, now_s)
                after = reported(bucket, result, limit=limit, now_s=now_s)
                if after is not bucket:
                    self._buckets[key] = after

    def put(self, key: str, bucket: Bucket) -> None:
        """Take over what another limiter knew of a key."""
        with self._lock:
            self._forget(max(bucket.at_s, self._newest_s))
            self._buckets[key] = bucket

    def drop(self, keys: Iterable[str]) -> None:
        """Forget keys that have neither limit nor trouble elsewhere."""
        with self._lock:
            for key in keys:
                self._buckets.pop(key, None)

    def _forget(self, now_s: float) -> None:
        """Drop what says no more than a fresh bucket would. Looked through when there are twice as many again."""
        self._newest_s = now_s
        if len(self._buckets) >= self._room:
            self._buckets = {
                key: bucket for key, bucket in self._buckets.items() if bucket.matters_until > now_s
            }
            self._room = max(KEPT_MIN, 2 * len(self._buckets))
