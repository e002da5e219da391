"""The scheduler: a one-minute tick that wakes workers up, and the sweep after crashes.

It may run on every host: the due row decides, not the clock's owner. It holds no state; killed and
started again it finds the same work.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta

import redis as redis_errors
import structlog
from sqlalchemy.exc import SQLAlchemyError

from campaigns import jobs
from campaigns.parts import Parts
from campaigns.services import deliver, judge, nightly, settle_calls, sweep, wake

log = structlog.get_logger()

EVERY_MINUTE = (
    "plan",
    "faxes",
    "deliver",
    "observe",
    "rerank",
    "tasks",
    "intake",
    "count",
    "reports",
    "broadcasts",
    "calls",
    "calendar",
    "simulate",
)
TICKED = "ikusei:ticked"  # the minute of the last tick, for who waits for it (the demo)


def run(parts: Parts, *, until: Callable[[], bool]) -> None:
    """Sweep every second, tick every minute of the installation's clock."""
    minute: object = None
    next_sweep = 0.0
    while not until():
        try:
            if time.monotonic() >= next_sweep:
                next_sweep = time.monotonic() + 1.0
                _sweep(parts)
            now = parts.clock.now()
            if now.replace(second=0, microsecond=0) != minute:
                minute = now.replace(second=0, microsecond=0)
                tick(parts)
            elif parts.stream.waiting():
                jobs.ask(parts, "observe")
            jobs.ask(parts, *wake.asked(parts))
        except (SQLAlchemyError, redis_errors.RedisError, OSError) as error:
            # Without the database or Redis nothing can be done now; everything waits where it is.
            log.warning("scheduler waits", error=type(error).__name__)
            time.sleep(1.0)
        time.sleep(0.2)


def tick(parts: Parts) -> None:
    """Ask for everything that is done every minute; the night's work once a day."""
    now = parts.clock.now()
    names = [*EVERY_MINUTE]
    if nightly.is_due(parts, now=now):
        names.insert(0, "nightly")
    jobs.ask(parts, *names)
    parts.redis.set(TICKED, (now - timedelta(seconds=now.second)).isoformat())


def _sweep(parts: Parts) -> None:
    now = parts.clock.now()
    if sweep.run(parts, now=now) or deliver.is_due(parts, now=now):
        jobs.ask(parts, "deliver")
    if settle_calls.is_due(parts, now=now):
        jobs.ask(parts, "calls")
    if judge.is_due(parts, now=now):
        jobs.ask(parts, "observe")
