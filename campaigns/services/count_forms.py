"""Count what comes to public forms: looks and starts for the figures, entries for the limits.

Looks are counted in Redis, not in the database, since a page that is only looked at writes nothing there; the
minute's work takes them over. While Redis is away nothing is counted and nothing is limited: an entry that
cannot be judged by its number is still taken.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from hashlib import blake2b
from typing import cast

import redis

from campaigns.parts import Parts
from campaigns.storage import forms

COUNTS = "ikusei:forms:counts"
TAKEN = "ikusei:forms:taken"
WHAT = ("views", "starts", "refused")
NET_WINDOW = timedelta(minutes=10)
ADDRESS_WINDOW = timedelta(hours=1)
# More from one network within the window is no longer kept: a flood must not fill the database.
FLOOD = 100


@dataclass(frozen=True, slots=True)
class Attempts:
    """Entries of the last while, this one included. 0: Redis is away."""

    from_net: int = 0
    to_address: int = 0


def note(parts: Parts, form_id: int, what: str, *, now: datetime) -> None:
    """One more look, start or entry that was not kept. Never raises."""
    day = now.astimezone(parts.settings.tz).date()
    with suppress(redis.RedisError):
        parts.redis.hincrby(COUNTS, f"{form_id}:{day.isoformat()}:{what}", 1)


def attempt(parts: Parts, *, net: str, email_key: str) -> Attempts:
    """Note an entry of a network for a mail address; how many there were lately. The address is kept as a hash."""
    mark = blake2b(email_key.encode(), key=parts.secret, digest_size=12).hexdigest()
    keys = {
        f"ikusei:forms:net:{net}": NET_WINDOW,
        f"ikusei:forms:address:{mark}": ADDRESS_WINDOW,
    }
    try:
        pipe = parts.redis.pipeline(transaction=True)
        for key, window in keys.items():
            pipe.incr(key)
            pipe.expire(key, window, nx=True)
        found = pipe.execute()
    except redis.RedisError:
        return Attempts()
    return Attempts(int(found[0]) if net else 0, int(found[2]))


def settle(parts: Parts) -> int:
    """Take the counts over into the database; how many rows. Raises redis.RedisError.

    They are set aside first and deleted after the commit. A crash between commit and delete counts a minute
    twice; these are figures of looks, so that is borne.
    """
    if not parts.redis.exists(TAKEN):
        try:
            parts.redis.rename(COUNTS, TAKEN)
        except redis.ResponseError:  # nothing was counted
            return 0
    taken = cast("dict[bytes, bytes]", parts.redis.hgetall(TAKEN))
    rows = [row for key, value in taken.items() if (row := _row(key.decode(), int(value))) is not None]
    if rows:
        with parts.engine.begin() as tx:
            forms.count(tx, rows)
    parts.redis.delete(TAKEN)
    return len(rows)


def _row(key: str, count: int) -> tuple[int, date, str, int] | None:
    form, _, rest = key.partition(":")
    day, _, what = rest.partition(":")
    if what not in WHAT:
        return None
    return int(form), date.fromisoformat(day), what, count
