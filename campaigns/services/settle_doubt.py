"""Settle a doubt: a person says whether a mail arrived.

A mail in doubt is never resent by itself. "It arrived" makes it sent; "it did not" makes it failed and
gives the month's slot back. Source: design 3.
"""

from __future__ import annotations

from datetime import datetime

from campaigns.parts import Parts
from campaigns.storage import audit, deliveries, holds, settling


def answer(parts: Parts, delivery_id: int, *, arrived: bool, user_id: int | None, now: datetime) -> bool:
    """Write a person's answer; False when the mail was answered before, by an open or by somebody else."""
    today = now.astimezone(parts.settings.tz).date()
    with parts.engine.begin() as tx:
        # Before the delivery itself: the planner and the sender take their locks in this order.
        holds.lock_people(tx, [delivery_id])
        if not deliveries.resolve(tx, delivery_id, arrived=arrived, now=now):
            return False
        if not arrived:
            settling.free_slots(tx, [delivery_id], today=today, zone=parts.settings.zone)
        audit.note(
            tx,
            noun="delivery",
            noun_id=delivery_id,
            action="said_arrived" if arrived else "said_not_arrived",
            user_id=user_id,
            now=now,
        )
        return True
