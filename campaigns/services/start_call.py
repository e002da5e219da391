"""Start a call by hand: somebody asks to call a person whom the matrix leaves alone. Source: S1-19, manual."""

from __future__ import annotations

from datetime import datetime

from campaigns.parts import Parts
from campaigns.storage import attempts, audit, tasks, timeline
from campaigns.storage.tasks import NewTask

# What a result that waits for its effects will have forbidden.
BARS = {"dnc": "do_not_call", "wrong": "phone_invalid", "left": "excluded"}


class MayNotCall(RuntimeError):
    """code: do_not_call, phone_invalid, no_phone, excluded."""

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


def run(parts: Parts, person_id: int, *, product_id: int | None, user_id: int | None, now: datetime) -> int:
    """The open call to this person, made if there is none; returns the task. Raises MayNotCall, LookupError."""
    with parts.engine.begin() as tx:
        person = timeline.person(tx, person_id)
        if person is None:
            raise LookupError(person_id)
        found = next((t for t in tasks.of_person(tx, person_id) if t.kind == "call"), None)
        if found is not None:
            return found.id
        if code := why_not(person) or BARS.get(attempts.waiting_of(tx, person_id)):
            raise MayNotCall(code)
        leads = timeline.leads(tx, person_id)
        lead = next((one for one in leads if one.product_id == product_id), leads[0] if leads else None)
        tasks.add(
            tx,
            [NewTask(kind="call", cause="by_hand", due_at=now, priority=3)],
            person_id=person_id,
            company_id=person.company_id,
            product_id=lead.product_id if lead else product_id,
            lead_id=lead.id if lead else None,
            why=[t.id for t in timeline.touches(tx, person_id)[:5] if t.validity > 0][::-1],
            now=now,
        )
        task = next(t for t in tasks.of_person(tx, person_id) if t.kind == "call")
        audit.note(tx, noun="task", noun_id=task.id, action="by_hand", user_id=user_id, now=now)
    return task.id
