"""Invite one person to the event that lies ahead: they join the invitation that runs, by the one law of the month.

It is what the task 来場案内 asks for; pressing it ends the task. Source: spec 3.6.
"""

from __future__ import annotations

from datetime import datetime

from campaigns.parts import Parts
from campaigns.rules.schedule import month_of
from campaigns.services.record_call import NoSuchTask, TaskTaken
from campaigns.storage import audit, calls, enrollments, event_invites, next_actions, tasks
from campaigns.storage.event_invites import Ahead


class InviteError(ValueError):
    """code: no_event (none lies ahead, or they know of it), no_mail (nothing invites to it yet), left_out (the
    invitation is not for them: its audience, a refusal, no mailbox)."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def ahead(parts: Parts, lead_id: int, *, now: datetime) -> Ahead | None:
    """The event that a task of this lead invites to, as it stands now."""
    with parts.engine.connect() as tx:
        return event_invites.next_of(tx, lead_id, today=now.astimezone(parts.settings.tz).date())


def run(parts: Parts, task_id: int, *, version: int, user_id: int, now: datetime) -> bool:
    """Send the invitation and end the task; False where the company's owner is asked first.

    Raises InviteError, NoSuchTask, TaskTaken."""
    zone = parts.settings.tz
    today = now.astimezone(zone).date()
    with parts.engine.begin() as tx:
        subject = calls.lock(tx, task_id)
        if subject is None or subject.kind != "invite" or subject.lead_id is None:
            raise NoSuchTask(task_id)
        if subject.version != version or subject.state not in ("open", "snoozed"):
            raise TaskTaken(subject)
        event = event_invites.next_of(tx, subject.lead_id, today=today)
        if event is None:
            raise InviteError("no_event")
        if event.scenario_id is None:
            raise InviteError("no_mail")
        joined = enrollments.enrol(
            tx,
            now=now,
            today=today,
            month=month_of(now, zone),
            scenario=event.scenario_id,
            people=[subject.person_id],
        )
        enrollments.pace(tx, joined, today=today)
        is_asked = not joined and event_invites.is_asked(tx, subject.person_id, event.scenario_id)
        if not joined and not is_asked:
            raise InviteError("left_out")
        tasks.finish(tx, task_id, state="done", outcome="invited", user_id=user_id, now=now, note=event.name)
        audit.note(tx, noun="task", noun_id=task_id, action="invite", user_id=user_id, now=now,
                   changes={"event": (None, event.event_id)})  # fmt: skip
    return not is_asked


def forget(parts: Parts, *, now: datetime) -> int:
    """Take back invitations that have lost their event; how many."""
    with parts.engine.begin() as tx:
        today = now.astimezone(parts.settings.tz).date()
        return event_invites.end_stale(tx, causes=next_actions.CAUSES, today=today, now=now)
