"""Kept: figures that take too long for a page, counted by the minute's job and put by in Redis with their time.

Redis may forget them: then a page says that they are being counted, and the next minute counts them again.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import redis

from campaigns.parts import Parts

# Of what counting took: so that counting is at most a fiftieth of the database's work.
REST = 50


@dataclass(frozen=True, slots=True)
class Kept:
    """told: as it was put by, JSON. at: when it was counted."""

    told: Any
    at: datetime
    took_s: float

    def is_old(self, *, now: datetime, every: timedelta) -> bool:
        """A time ahead of now belongs to a practice clock that was moved back."""
        return not timedelta() <= now - self.at < max(every, timedelta(seconds=REST * self.took_s))


def read(parts: Parts, name: str) -> Kept | None:
    """What was put by under this name; None when nothing is, or Redis is away."""
    try:
        raw = parts.redis.get(_key(name))
    except redis.RedisError:
        return None
    if not isinstance(raw, bytes):
        return None
    found = json.loads(raw)
    return Kept(found["told"], datetime.fromisoformat(found["at"]), found["took_s"])


def renew(parts: Parts, name: str, count: Callable[[], Any], *, now: datetime, every: timedelta) -> bool:
    """Count what is old anew and put it by; whether it was counted. count: yields JSON."""
    found = read(parts, name)
    if found is not None and not found.is_old(now=now, every=every):
        return False
    began = time.monotonic()
    told = count()
    noted = {"told": told, "at": now.isoformat(), "took_s": time.monotonic() - began}
    with suppress(redis.RedisError):
        parts.redis.set(_key(name), json.dumps(noted))
    return True


def _key(name: str) -> str:
    return f"ikusei:kept:{name}"
