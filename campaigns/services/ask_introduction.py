"""Ask for an introduction: a task with who is known there, to bring us to the role that nobody has. Source: S0-12."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from campaigns.parts import Parts
from campaigns.rules.tracking import ROLES, asked_roles, with_role
from campaigns.services import edit_task, write_diary
from campaigns.services.author import Gone
from campaigns.services.edit_task import TaskError, Wanted
from campaigns.storage import catalogues, closed_days, task_lists, timeline
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
        standing = next((task for task in stored.of_person(tx, person.id) if task.kind == "intro"), None)
        due_on = closed_days.load(tx).add_business_days(now.astimezone(parts.settings.tz).date(), DAYS)
    if standing is not None:
        return Asked(person.name, is_new=_add_role(parts, standing.id, role))
    wanted = Wanted(kind="intro", on=due_on, assignee_id=found.owner_user_id or user.id, note=role)
    try:
        edit_task.add(parts, person.id, wanted, user_id=user.id, now=now)
    except TaskError:  # gone, or refuses
        raise CannotAsk from None
    return Asked(person.name, is_new=True)


def _add_role(parts: Parts, task_id: int, role: str) -> bool:
    """A further role to a task that stands; False where it asks for it already."""
    with parts.engine.begin() as tx:
        task_lists.lock(tx, task_id)
        task = stored.get(tx, task_id)
        if task is None or role in asked_roles(task.note):
            return False
        task_lists.change(tx, task_id, {"note": with_role(task.note, role)})
    return True
