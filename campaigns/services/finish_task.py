"""Finish a task that is no call: a fax sent, a visit made, something checked. The rank moves at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from campaigns.parts import Parts
from campaigns.rules.touchpoints import Kind
from campaigns.services import await_reply, draft_catalogues, rerank
from campaigns.services.record_call import NoSuchTask, TaskTaken
from campaigns.storage import audit, calls, tasks, touchpoints
from campaigns.storage.touchpoints import NewTouch


@dataclass(frozen=True, slots=True)
class Ending:
    """state the task ends in; touch it leaves; fax_invalid: the number is wrong. waiting, of a reply: over, or on."""

    state: str = "done"
    touch: Kind | None = None
    fax_invalid: bool = False
    waiting: Literal["", "over", "on"] = ""


ENDINGS: Mapping[str, Mapping[str, Ending]] = {
    "fax": {
        "sent": Ending(touch=Kind.FAX_SENT),
        "wrong": Ending(fax_invalid=True),
        "not_needed": Ending(state="cancelled"),
    },
    "visit": {
        "visited": Ending(touch=Kind.VISIT),
        "quote": Ending(touch=Kind.QUOTE_REQUEST),
        "not_needed": Ending(state="cancelled"),
    },
    "mail": {"sent": Ending(touch=Kind.MAIL_BY_REP), "not_needed": Ending(state="cancelled")},
    "invite": {"invited": Ending(), "not_needed": Ending(state="cancelled")},
    "check": {"done": Ending(), "not_needed": Ending(state="cancelled")},
    "intro": {"introduced": Ending(), "declined": Ending(), "not_needed": Ending(state="cancelled")},
    "reply": {
        "answered": Ending(waiting="over"),
        "silent": Ending(waiting="on"),
        "not_needed": Ending(state="cancelled", waiting="over"),
    },
    "review": {"done": Ending(), "not_needed": Ending(state="cancelled")},
}


def run(
    parts: Parts,
    *,
    task_id: int,
    version: int,
    outcome: str,
    note: str = "",
    user_id: int | None,
    now: datetime,
) -> int:
    """End the task with its touch; returns the person. Raises NoSuchTask, TaskTaken, KeyError."""
    with parts.engine.begin() as tx:
        subject = calls.lock(tx, task_id)
        if subject is None or subject.kind not in ENDINGS:
            raise NoSuchTask(task_id)
        ending = ENDINGS[subject.kind][outcome]
        if subject.version != version or subject.state not in ("open", "snoozed"):
            raise TaskTaken(subject)
        tasks.finish(tx, task_id, state=ending.state, outcome=outcome, user_id=user_id, now=now, note=note)
        if ending.touch is not None:
            touch = NewTouch(
                source_key=f"task:{task_id}",
                person_id=subject.person_id,
                kind=ending.touch,
                at=now,
                product_id=subject.product_id,
                task_id=task_id,
                note=note,
                actor_id=user_id,
            )
            touchpoints.put(tx, [touch], now=now)
            draft_catalogues.for_touches(tx, [touch], now=now)
        if ending.fax_invalid:
            tasks.fax_is_wrong(tx, subject.person_id)
        if ending.waiting == "over":
            await_reply.over(tx, subject)
        elif ending.waiting == "on":
            await_reply.ask_again(tx, parts, subject, note=note, user_id=user_id, now=now)
        rerank.for_people(
            tx, [subject.person_id], now=now, zone=parts.settings.tz, base_url=parts.settings.base_url
        )
        audit.note(
            tx,
            noun="task",
            noun_id=task_id,
            action="finish",
            user_id=user_id,
            now=now,
            changes={"outcome": ("", outcome)},
        )
    return subject.person_id
