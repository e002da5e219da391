"""Ask for an introduction: a task with who is known there, to bring us to the role that nobody has. Source: S0-12."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from campaigns.parts import Parts
from campaigns.rules.tracking import ROLES
from campaigns.services import edit_task, write_diary
from campaigns.services.author import Gone
from campaigns.services.edit_task import TaskError, Wanted
from campaigns.storage import catalogues, closed_days, timeline
from campaigns.storage import tasks as stored
from campaigns.storage.users import User

DAYS = 5  # business days


class CannotAsk(RuntimeError):
    """Nobody is known there who could introduce somebody."""


@dataclass(frozen=True, slots=True)
class Asked:
    """Who is asked. is_new: False where such a task stands already."""

    name: str
    is_new: bool


def run(parts: Parts, catalogue_id: int, *, role: str, user: User, now: datetime) -> Asked:
    """role: of rules.tracking.ROLES; another one is no role to ask for. Raises Gone, CannotAsk."""
    if role not in ROLES:
        raise Gone
    with parts.engine.connect() as tx:
        found = catalogues.get(tx, catalogue_id)
        if found is None:
            raise Gone
        person_id = write_diary.somebody(tx, found.company_id)
        person = timeline.person(tx, person_id) if person_id is not None else None
        if person is None:
            raise CannotAsk
        if any(task.kind == "intro" for task in stored.of_person(tx, person.id)):
            return Asked(person.name, is_new=False)
        due_on = closed_days.load(tx).add_business_days(now.astimezone(parts.settings.tz).date(), DAYS)
    wanted = Wanted(kind="intro", on=due_on, assignee_id=found.owner_user_id or user.id, note=role)
    try:
        edit_task.add(parts, person.id, wanted, user_id=user.id, now=now)
    except TaskError:  # gone, or refuses
        raise CannotAsk from None
    return Asked(person.name, is_new=True)
