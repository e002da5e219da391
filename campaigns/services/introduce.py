"""Introduce: note who brought us to a person. Their open task 紹介依頼 ends by it. Source: S0-12."""

from __future__ import annotations

from datetime import datetime

from campaigns.parts import Parts
from campaigns.storage import audit, introductions, tasks

NOTE_MAX = 1000


def run(
    parts: Parts, *, from_id: int, to_id: int, note: str = "", user_id: int | None, now: datetime
) -> bool:
    """False when it is known already. Raises LookupError where the two do not work together, or are one."""
    with parts.engine.begin() as tx:
        if from_id not in {id for id, _name in introductions.colleagues(tx, to_id)}:
            raise LookupError(from_id)
        day = now.astimezone(parts.settings.tz).date()
        note = note.strip()[:NOTE_MAX]
        if not introductions.add(
            tx, from_id=from_id, to_id=to_id, day=day, note=note, user_id=user_id, now=now
        ):
            return False
        for task in tasks.of_person(tx, from_id):
            if task.kind == "intro":
                tasks.finish(tx, task.id, state="done", outcome="introduced", user_id=user_id, now=now)
        audit.note(
            tx,
            noun="person",
            noun_id=to_id,
            action="introduced",
            user_id=user_id,
            now=now,
            changes={"from": (None, from_id)},
        )
    return True
