"""Settle a doubt: a person says whether a mail arrived; and stop or start everything.

A mail in doubt is never resent by itself. "It arrived" makes it sent; "it did not" makes it failed and
gives the month's slot back. Source: design 3.
"""

from __future__ import annotations

from datetime import datetime

from campaigns.parts import Parts
from campaigns.storage import audit, deliveries, outbox


def answer(parts: Parts, delivery_id: int, *, arrived: bool, user_id: int | None, now: datetime) -> bool:
    """Write a person's answer; False when the mail was answered before, by an open or by somebody else."""
    today = now.astimezone(parts.settings.tz).date()
    with parts.engine.begin() as tx:
        if not deliveries.resolve(tx, delivery_id, arrived=arrived, now=now):
            return False
        if not arrived:
            outbox.free_slots(tx, [delivery_id], today=today, zone=parts.settings.zone)
        audit.note(
            tx,
            noun="delivery",
            noun_id=delivery_id,
            action="said_arrived" if arrived else "said_not_arrived",
            user_id=user_id,
            now=now,
        )
        return True


def pause(parts: Parts, *, paused: bool, reason: str, user_id: int | None, now: datetime) -> bool:
    """Stop or start all sending. Bodies under way are finished; none starts more than a second later."""
    with parts.engine.begin() as tx:
        if not deliveries.set_paused(tx, paused=paused, reason=reason):
            return False
        action = "pause" if paused else "resume"
        changes = {"paused": (not paused, paused), "reason": ("", reason)}
        audit.note(tx, noun="sending", noun_id=None, action=action, user_id=user_id, now=now, changes=changes)
        return True
