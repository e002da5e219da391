"""Refuse measuring: a person wants their mails without a pixel and plain links, and their visits not recorded.

Mail goes on as before. What they read until then stays; it may be erased on request. Source: LAW-27.
"""

from __future__ import annotations

from datetime import datetime

from campaigns.parts import Parts
from campaigns.storage import audit, outbox, refusals


def run(parts: Parts, *, delivery_id: int, refuses: bool, now: datetime) -> bool | None:
    """What the recipient of this mail has pressed; whether it is new, None when there is no such mail."""
    with parts.engine.begin() as tx:
        subject = refusals.of_delivery(tx, delivery_id)
        if subject is None:
            return None
        people = refusals.set_measuring(tx, subject, refuses=refuses)
        # Mails that are being made are made anew.
        outbox.bump_stops(tx)
        for person_id in people:
            audit.note(
                tx,
                noun="person",
                noun_id=person_id,
                action="refused_measuring" if refuses else "measuring_undone",
                user_id=None,
                now=now,
            )
    return bool(people)
