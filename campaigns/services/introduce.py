"""Introduce: note who brought us to a person. Their open task 紹介依頼 ends by it, unless it asks for another role.

Source: S0-12.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from campaigns.parts import Parts
from campaigns.rules.tracking import asked_roles, without_role
from campaigns.storage import audit, introductions, task_lists, tasks

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
        _met(tx, from_id, introductions.role_of(tx, to_id), user_id=user_id, now=now)
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


def _met(tx: Connection, from_id: int, role: str, *, user_id: int | None, now: datetime) -> None:
    """A task that names roles goes on until each is met; one in free words was for whoever it brought."""
    for task in tasks.of_person(tx, from_id):
        if task.kind != "intro":
            continue
        roles = asked_roles(task.note)
        if not roles or roles == (role,):
            tasks.finish(tx, task.id, state="done", outcome="introduced", user_id=user_id, now=now)
        elif role in roles:
            task_lists.change(tx, task.id, {"note": without_role(task.note, role)})
