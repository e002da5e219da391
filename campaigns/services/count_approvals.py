"""Count what waits for a yes of anybody: of a small installation while the page waits, of a big one by a job.

One owner's own companies are few, and counted at once whatever the installation's size.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection

from campaigns.parts import Parts
from campaigns.services import kept
from campaigns.storage import approvals, sizes
from campaigns.storage.approvals import Counts

NAME = "approvals"
EVERY = timedelta(minutes=1)


def read(tx: Connection, parts: Parts, *, owner_id: int | None, before: datetime) -> Counts:
    """What waits for this owner; None: for anybody. What no job has counted yet is counted now."""
    if owner_id is None and sizes.is_big(tx):
        found = kept.read(parts, NAME)
        if found is not None:
            return Counts(**found.told)
    return approvals.counts(tx, owner_id=owner_id, before=before)


def run(parts: Parts, *, before: datetime, now: datetime) -> bool:
    """Count anew when a big installation's figures are old; for a job. Whether it counted."""
    with parts.engine.connect() as tx:
        if not sizes.is_big(tx):
            return False

    def count() -> dict[str, int]:
        with parts.engine.connect() as tx:
            found = approvals.counts(tx, owner_id=None, before=before)
        return {"people": found.people, "mails": found.mails}

    return kept.renew(parts, NAME, count, now=now, every=EVERY)
