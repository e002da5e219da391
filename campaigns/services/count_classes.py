"""Count for the page of the classes which companies we can write to; in a big house a job keeps it."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection

from campaigns.parts import Parts
from campaigns.services import kept
from campaigns.storage import classes, sizes

NAME = "classes"
EVERY = timedelta(minutes=30)


def completeness(parts: Parts, tx: Connection) -> dict[str, tuple[int, int]] | None:
    """(companies, with a name and a mailbox that takes mail) by class; None while they are being counted."""
    if not sizes.is_big(tx):
        return classes.completeness(tx)
    found = kept.read(parts, NAME)
    return {cls: (pair[0], pair[1]) for cls, pair in found.told.items()} if found else None


def run(parts: Parts, *, now: datetime) -> bool:
    """Count anew when a big installation's figures are old; for a job. Whether it counted."""
    with parts.engine.connect() as tx:
        if not sizes.is_big(tx):
            return False
        return kept.renew(parts, NAME, lambda: classes.completeness(tx), now=now, every=EVERY)
