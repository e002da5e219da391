"""Count who waits for a mail, where they are too many to be counted for a page: for the job of every minute."""

from __future__ import annotations

from datetime import datetime, timedelta

from campaigns.parts import Parts
from campaigns.storage import waiting

KEPT = timedelta(minutes=5)


def run(parts: Parts, *, now: datetime) -> bool:
    """Count anew when the kept figures are old; whether figures were kept."""
    with parts.engine.begin() as tx:
        counted = waiting.counted_at(tx)
        if counted is not None and now - counted < KEPT:
            return False
        return waiting.keep(tx, now=now)
