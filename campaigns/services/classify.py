"""Classify: A to E of every company, computed nightly, after an import and after an edit.

Source: spec 2.6. Locked classes stay as people set them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from campaigns.parts import Parts
from campaigns.rules import classes
from campaigns.storage import audit, companies


@dataclass(frozen=True, slots=True)
class Classified:
    """companies: looked at; moved: ids of those with a new class."""

    companies: int
    moved: tuple[int, ...]


def run(parts: Parts, *, now: datetime, user_id: int | None = None) -> Classified:
    """One load, the rule, one UPDATE. Twice changes nothing. The day is the installation's."""
    today = now.astimezone(parts.settings.tz).date()
    with parts.engine.begin() as tx:
        customers = companies.customers(tx)
        moved = companies.set_classes(tx, classes.classify(customers, today=today))
        if moved:
            audit.note(
                tx,
                noun="companies",
                noun_id=None,
                action="classify",
                user_id=user_id,
                now=now,
                changes={"moved": (None, len(moved))},
            )
    return Classified(len(customers), tuple(moved))
