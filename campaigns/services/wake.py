"""Wake the workers up for what somebody waits for at a page: said here after the commit, heard by the scheduler.

The queue is the scheduler's, so a page does not know it. A word that is lost costs nothing but the wait for the
minute's tick, which does the same work.
"""

from __future__ import annotations

from contextlib import suppress

import redis

from campaigns.parts import Parts

WANTED = "ikusei:wanted"


def ask(parts: Parts, *names: str) -> None:
    """These jobs are wanted now. Names as in `campaigns.jobs`."""
    with suppress(redis.RedisError):
        parts.redis.sadd(WANTED, *names)


def asked(parts: Parts) -> tuple[str, ...]:
    """What was wanted since the last look; each is told once, whoever looks. Raises redis.RedisError."""
    found = parts.redis.spop(WANTED, 16)
    return tuple(sorted(name.decode() for name in found or ()))  # type: ignore[union-attr]
