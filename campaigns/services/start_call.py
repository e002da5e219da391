"""Start a call by hand: somebody asks to call a person whom the matrix leaves alone. Source: S1-19, manual."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from campaigns.parts import Parts
from campaigns.storage import attempts, audit, tasks, timeline
from campaigns.storage.tasks import NewTask

# What a result that waits for its effects will have forbidden.
BARS = {"dnc": "do_not_call", "wrong": "phone_invalid", "left": "excluded"}


class MayNotCall(RuntimeError):
    """code: do_not_call, phone_invalid, no_phone, excluded; paused, unless whoever asks has seen that it is."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def why_not(person: timeline.Person) -> str | None:
    """Why nobody may call this person, or None."""
    if person.do_not_call:
        return "do_not_call"
    if person.phone_invalid:
        return "phone_invalid"
    if person.excluded_reason:
        return "excluded"
    return None if person.tel or person.tel_direct or person.mobile or person.company_tel else "no_phone"


def run(
    parts: Parts,
    person_id: int,
    *,
    product_id: int | None,
    user_id: int | None,
    now: datetime,
    despite_pause: bool = False,
) -> int:
    """The open call to this person about this product (None: any), made if there is none; returns the task.

    A product of which the person is no lead stands for the nearest one. Whoever asks for a call makes it.
    despite_pause: it was said to them that nobody acts on this lead for now. Raises MayNotCall, LookupError.
    """
    with parts.engine.begin() as tx:
        person = timeline.person(tx, person_id)
        if person is None:
            raise LookupError(person_id)
        leads = timeline.leads(tx, person_id)
        lead = next((one for one in leads if one.product_id == product_id), leads[0] if leads else None)
        about = lead.product_id if lead else None
        found = _open(tx, person_id, about if product_id else None)
        if found is not None:
            return found
        if code := why_not(person) or BARS.get(attempts.waiting_of(tx, person_id)):
            raise MayNotCall(code)
        if lead and lead.paused_until and not despite_pause:
            raise MayNotCall("paused")
        made = tasks.add(
            tx,
            [
                NewTask(
                    kind="call",
                    cause="by_hand",
                    due_at=now,
                    priority=3,
                    assignee_id=user_id,
                    created_by=user_id,
                )
            ],
            person_id=person_id,
            company_id=person.company_id,
            product_id=about,
            lead_id=lead.id if lead else None,
            why=[t.id for t in timeline.touches(tx, person_id)[:5] if t.validity > 0][::-1],
            now=now,
        )
        # None: a colleague has asked for the same call in this very moment.
        task_id = made[0] if made else _open(tx, person_id, about)
        assert task_id is not None
        audit.note(tx, noun="task", noun_id=task_id, action="by_hand", user_id=user_id, now=now)
    return task_id


def _open(tx: Connection, person_id: int, product_id: int | None) -> int | None:
    """The open call to a person about a product, or about any."""
    calls = (task for task in tasks.of_person(tx, person_id) if task.kind == "call")
    return next((task.id for task in calls if product_id in (None, task.product_id)), None)
