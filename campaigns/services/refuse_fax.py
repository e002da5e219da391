"""Refuse faxes: a number gets none any more, whosever it is. Source: LAW 4.4."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from campaigns.parts import Parts
from campaigns.rules import faxes as rule
from campaigns.services.set_up_fax import FaxError
from campaigns.storage import audit, fax_refusals, faxes, tasks


def run(parts: Parts, number: str, *, evidence: str, user_id: int | None, now: datetime) -> tuple[str, bool]:
    """No more faxes to this number: what waits stops, open fax tasks end. The digits, and whether it is new.

    Raises FaxError number_odd."""
    digits = rule.key(number)
    if not rule.is_number(digits):
        raise FaxError("number_odd")
    with parts.engine.begin() as tx:
        return digits, within(tx, digits, evidence=evidence, user_id=user_id, now=now)


def within(tx: Connection, digits: str, *, evidence: str, user_id: int | None, now: datetime) -> bool:
    """The same within a transaction; False when it stands already."""
    is_new = fax_refusals.add(tx, digits, evidence=evidence, user_id=user_id, now=now)
    faxes.stop_number(tx, digits)
    for task_id in fax_refusals.tasks_of_number(tx, digits):
        tasks.finish(tx, task_id, state="cancelled", outcome="refused", user_id=user_id, now=now)
    audit.note(tx, noun="fax_refusal", noun_id=None, action="add", user_id=user_id, now=now,
               changes={"number": (None, digits)})  # fmt: skip
    return is_new


def lift(parts: Parts, refusal_id: int, *, user_id: int | None, now: datetime) -> str:
    with parts.engine.begin() as tx:
        number = fax_refusals.lift(tx, refusal_id)
        if number:
            audit.note(tx, noun="fax_refusal", noun_id=refusal_id, action="lift", user_id=user_id, now=now,
                       changes={"number": (number, None)})  # fmt: skip
    return number


def is_refused(tx: Connection, number: str) -> bool:
    return bool(fax_refusals.of(tx, [rule.key(number)]))
