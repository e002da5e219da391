"""Add an event: the exhibition, private show or seminar at which people are met; and change one.

What is wrong with a form comes back as {field: code}: those of `rules.events.check`, and taken.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import date, datetime

from sqlalchemy import Connection

from campaigns.parts import Parts
from campaigns.rules import events as rule
from campaigns.rules.events import Plan
from campaigns.services.author import Gone, Stale
from campaigns.services.catalogue import Invalid
from campaigns.storage import audit, events, users
from campaigns.storage.events import Event, Line
from campaigns.storage.users import User


@dataclass(frozen=True, slots=True)
class Listing:
    """Events to come, the next one first and those without a day last; and those that are over, the latest first."""

    ahead: tuple[Line, ...]
    over: tuple[Line, ...]


def listing(parts: Parts, *, now: datetime) -> Listing:
    today = now.astimezone(parts.settings.tz).date()
    with parts.engine.connect() as tx:
        lines = events.listing(tx)
    ahead = [line for line in lines if not rule.is_over(line.plan, today=today)]
    ahead.sort(key=lambda line: (line.plan.starts_on is None, line.plan.starts_on or date.max, line.id))
    return Listing(tuple(ahead), tuple(line for line in lines if rule.is_over(line.plan, today=today)))


def find(parts: Parts, event_id: int) -> Event:
    """Raises Gone."""
    with parts.engine.connect() as tx:
        return _get(tx, event_id)


def owners(parts: Parts) -> tuple[User, ...]:
    """Who may be in charge of an event."""
    with parts.engine.connect() as tx:
        return tuple(user for user in users.every(tx) if user.is_active)


def run(parts: Parts, plan: Plan, *, user_id: int | None, now: datetime) -> int:
    """The id of the new event; a second press finds the first one's. Raises Invalid."""
    wrong = rule.check(plan)
    if wrong:
        raise Invalid(wrong)
    with parts.engine.begin() as tx:
        found = events.find(tx, name=plan.name, starts_on=plan.starts_on)
        if found is not None and found.plan == plan:
            return found.id
        if found is not None:
            raise Invalid({"name": "taken"})
        event_id = events.add(tx, plan, now=now)
        audit.note(tx, noun="event", noun_id=event_id, action="add", user_id=user_id, now=now)
    return event_id


def met(
    parts: Parts,
    *,
    name: str,
    starts_on: date | None,
    ends_on: date | None,
    user_id: int | None,
    now: datetime,
) -> int:
    """The event that a list comes from: the one of this name and first day, else a new one."""
    if ends_on is not None:
        days = sorted(day for day in (starts_on, ends_on) if day)
        starts_on, ends_on = days[0], days[-1]
    with parts.engine.connect() as tx:
        found = events.find(tx, name=name, starts_on=starts_on)
    if found is not None:
        return found.id
    return run(parts, Plan(name, starts_on=starts_on, ends_on=ends_on), user_id=user_id, now=now)


def change(
    parts: Parts, event_id: int, plan: Plan, *, version: int, user_id: int | None, now: datetime
) -> None:
    """Save what the form says. Raises Invalid, Stale with the event as it stands, Gone."""
    wrong = rule.check(plan)
    if wrong:
        raise Invalid(wrong)
    with parts.engine.begin() as tx:
        old = _get(tx, event_id)
        same = events.find(tx, name=plan.name, starts_on=plan.starts_on)
        if same is not None and same.id != event_id:
            raise Invalid({"name": "taken"})
        if not events.save(tx, event_id, plan, version=version):
            raise Stale(old)
        was, is_now = asdict(old.plan), asdict(plan)
        changes = {name: (was[name], is_now[name]) for name in is_now}
        audit.note(
            tx, noun="event", noun_id=event_id, action="save", user_id=user_id, now=now, changes=changes
        )


def _get(tx: Connection, event_id: int) -> Event:
    found = events.get(tx, event_id)
    if found is None:
        raise Gone
    return found
