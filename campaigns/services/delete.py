"""Delete what was made by mistake: a scenario never published, a product or a content on which nothing hangs.

What was sent, or is part of what was published, stays: it explains what people got.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from campaigns.parts import Parts
from campaigns.services.author import Gone
from campaigns.storage import audit, deletion
from campaigns.storage.deletion import Thing

NOUNS: dict[str, Callable[[Connection, int], Thing | None]] = {
    "scenario": deletion.scenario,
    "product": deletion.product,
    "content": deletion.content,
}


def look(parts: Parts, noun: str, id: int) -> Thing:
    """What would go, and what keeps it. Raises Gone."""
    with parts.engine.begin() as tx:
        return _thing(tx, noun, id)


def run(parts: Parts, noun: str, id: int, *, user_id: int | None, now: datetime) -> Thing:
    """Delete it, unless something ties it: then nothing changes, and the thing names the ties. Raises Gone."""
    try:
        with parts.engine.begin() as tx:
            thing = _thing(tx, noun, id)
            if thing.ties:
                return thing
            deletion.delete(tx, thing)
            changes = {"name": (thing.name, None)}
            audit.note(tx, noun=noun, noun_id=id, action="delete", user_id=user_id, now=now, changes=changes)
    except IntegrityError:
        # Somebody tied to it between the look and the delete; the next look sees by what.
        return look(parts, noun, id)
    return thing


def _thing(tx: Connection, noun: str, id: int) -> Thing:
    found = NOUNS[noun](tx, id)
    if found is None:
        raise Gone
    return found
