"""Note that a simulation's numbers were taken out; they name nobody (LAW-23)."""

from __future__ import annotations

from datetime import datetime

from campaigns.parts import Parts
from campaigns.storage import audit


def note(parts: Parts, id: int, *, rows: int, user_id: int | None, now: datetime) -> None:
    with parts.engine.begin() as tx:
        audit.note_export(
            tx, kind="simulation", wanted={"id": id}, rows=rows, person_ids=(), user_id=user_id, now=now
        )
