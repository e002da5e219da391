"""Export an event: the people of an event's filter as a CSV, logged with who was in it (LAW-22, LAW-23)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from campaigns.parts import Parts
from campaigns.services import export_lines
from campaigns.services.author import Gone
from campaigns.storage import event_people, events
from campaigns.storage.event_people import Line

MOST = 50_000


@dataclass(frozen=True, slots=True)
class Words:
    """The file in its reader's language."""

    head: Sequence[str]
    cells: Callable[[Line], Sequence[object]]


def run(parts: Parts, event_id: int, *, show: str, words: Words, user_id: int, now: datetime) -> bytes:
    """The latest 50,000 of a filter. Raises Gone."""
    with parts.engine.begin() as tx:
        if events.get(tx, event_id) is None or show not in event_people.SETS:
            raise Gone
        return export_lines.run(
            tx,
            event_people.every(tx, event_id, show, most=MOST),
            kind="event_people",
            wanted={"event": event_id, "show": show},
            head=words.head,
            cells=words.cells,
            user_id=user_id,
            now=now,
        )
