"""The night's work is due once a day of the installation's zone, whoever asks first."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select, update

from campaigns.parts import Parts
from campaigns.storage.tables import house


def is_due(parts: Parts, *, now: datetime) -> bool:
    """Claim today's nightly run: True for one caller a day, by a conditional UPDATE."""
    start = now.astimezone(parts.settings.tz).replace(hour=0, minute=0, second=0, microsecond=0)
    stale = house.c.last_nightly_at.is_(None) | (house.c.last_nightly_at < start)
    with parts.engine.connect() as tx:
        if not tx.execute(select(house.c.id).where(stale)).first():
            return False
    with parts.engine.begin() as tx:
        done = tx.execute(update(house).where(house.c.id == 1, stale).values(last_nightly_at=now))
    return done.rowcount == 1
