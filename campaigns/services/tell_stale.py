"""Tell of catalogues without news: each owner of their own, and who leads sales of all, at most once a week.

Part of the night's work. Source: S0-27.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from campaigns.parts import Parts
from campaigns.rules import tracking
from campaigns.services import tell_staff
from campaigns.storage import catalogue_owners, house, stale_catalogues
from campaigns.storage.stale_catalogues import KIND, Stale

# The night's work does not come at the same minute: seven nights, not seven days to the second.
TOLD_EVERY = tracking.TOLD_EVERY - timedelta(hours=12)


def run(parts: Parts, *, now: datetime) -> int:
    """Returns how many were told. Twice a night tells nobody twice."""
    with parts.engine.begin() as tx:
        days = house.get(tx).stale_days
        before = tracking.stale_since(now, days=days)
        stale_catalogues.refresh(tx, before=before, now=now)
        found = stale_catalogues.by_owner(tx, before=before)
        if not found:
            return 0
        whole = Stale(
            None,
            sum(one.n for one in found),
            min(found, key=lambda one: one.oldest_at).oldest,
            min(one.oldest_at for one in found),
        )
        readers = {one.owner_id: one for one in found if one.owner_id is not None}
        leaders = set(catalogue_owners.managers(tx))
        readers |= dict.fromkeys(leaders, whole)
        known = stale_catalogues.told(tx, list(readers), since=now - TOLD_EVERY)
        for user_id, one in readers.items():
            if user_id not in known:
                page = "/catalogues?show=stale" + ("" if user_id in leaders else "&mine=1")
                tell_staff.run(
                    tx,
                    KIND,
                    [user_id],
                    args={"name": one.oldest, "n": one.n, "days": days, "page": page, "by": ""},
                    key=now.date().isoformat(),
                    page=page,
                    base_url=parts.settings.base_url,
                    now=now,
                )
    return len(set(readers) - known)
