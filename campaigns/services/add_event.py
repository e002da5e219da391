"""Add an event: the exhibition, seminar or campaign at which people were met."""

from __future__ import annotations

from datetime import date, datetime

from campaigns.parts import Parts
from campaigns.storage import audit, import_facts


def run(
    parts: Parts,
    *,
    name: str,
    starts_on: date | None,
    ends_on: date | None,
    user_id: int | None,
    now: datetime,
) -> int:
    """The id of the event of this name and first day; a second press finds the first one."""
    with parts.engine.begin() as tx:
        found = import_facts.find_event(tx, name=name, starts_on=starts_on)
        if found is not None:
            return found
        if starts_on and ends_on and ends_on < starts_on:
            starts_on, ends_on = ends_on, starts_on
        event_id = import_facts.add_event(tx, name=name, starts_on=starts_on, ends_on=ends_on, now=now)
        audit.note(tx, noun="event", noun_id=event_id, action="add", user_id=user_id, now=now)
    return event_id
