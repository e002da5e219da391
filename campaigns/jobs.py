"""Jobs: what RQ may run, each safe to run twice and carrying ids only.

A job is asked for by its name (`ask`); while one of that name waits, a second is not queued. The truth
is in the database, so a lost job costs a minute: the next tick asks again.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from datetime import datetime

import structlog
from rq import Queue

from campaigns.parts import QUEUE, Parts
from campaigns.services import (
    approve,
    assign,
    chase_hand_offs,
    classify,
    confirm_form,
    count_classes,
    count_contents,
    count_deliveries,
    count_forms,
    count_home,
    count_leads,
    count_pages,
    count_ranks,
    count_reports,
    count_rows,
    count_waiting,
    deliver,
    enrol,
    escalate,
    hand_over,
    hold,
    intake,
    invite_person,
    join_visits,
    keep_entries,
    line_calls,
    mark_faxes,
    observe,
    pause_lead,
    plan,
    refuse,
    repeat_event,
    rerank,
    run_broadcasts,
    run_simulations,
    self_audit,
    send_faxes,
    settle_calls,
    show_calendar,
    tell_callers,
    tell_late,
    tell_stale,
)

log = structlog.get_logger()
_parts: Parts | None = None
stopping = threading.Event()  # this process was told to stop: begin nothing more

WAITING_S = 3600  # no job waits longer


def use(parts: Parts) -> None:
    """The parts that jobs of this process work with."""
    global _parts
    _parts = parts


def ask(parts: Parts, *names: str) -> None:
    """Queue jobs by name; one that waits already is not queued again.

    The mark names the waiting job, and the queue is asked whether it holds it: a job that a worker had in its
    hands when it or Redis was killed is queued anew at once (a mark alone stopped all work for its 30 s).
    """
    queue = Queue(QUEUE, connection=parts.redis)
    for name in names:
        mark = f"ikusei:waiting:{name}"
        waiting = parts.redis.get(mark)
        if waiting is None or parts.redis.lpos(queue.key, waiting) is None:  # type: ignore[arg-type]
            id = uuid.uuid4().hex
            parts.redis.set(mark, id, ex=WAITING_S)
            queue.enqueue(run, name, job_id=id, job_timeout=600, result_ttl=0, failure_ttl=86_400)


def run(name: str) -> None:
    """Run one job by its name."""
    parts = _parts
    if parts is None:
        raise RuntimeError("jobs.use(parts) was not called in this process")
    # Removed before the work: what comes up meanwhile is asked for anew.
    parts.redis.delete(f"ikusei:waiting:{name}")
    JOBS[name](parts, parts.clock.now())


def _plan(parts: Parts, now: datetime) -> None:
    planned = plan.run(parts, now=now)
    if planned.people:
        ask(parts, "deliver", "count")


def _deliver(parts: Parts, now: datetime) -> None:
    refuse.drain(parts, now=now)
    if deliver.is_due(parts, now=now, lane=deliver.Lane.BULK):
        ask(parts, "deliver")  # another worker may help; alone, this one goes on where it stopped
        deliver.run(parts, lane=deliver.Lane.BULK, until=stopping.is_set)


def _observe(parts: Parts, now: datetime) -> None:
    if observe.is_behind(parts):
        ask(parts, "observe")  # another worker may help
    observe.run(parts, now=now)


def _rerank(parts: Parts, now: datetime) -> None:
    rerank.due(parts, now=now)
    enrol.moved(parts, now=now)


def _tasks(parts: Parts, now: datetime) -> None:
    assign.run(parts, now=now)
    chase_hand_offs.run(parts, now=now)
    escalate.run(parts, now=now)
    if tell_late.run(parts, now=now):
        ask(parts, "deliver")
    pause_lead.due(parts, now=now)


def _intake(parts: Parts, now: datetime) -> None:
    intake.run(parts, now=now)


def _broadcasts(parts: Parts, now: datetime) -> None:
    if run_broadcasts.run(parts, now=now):
        ask(parts, "plan")


def _calls(parts: Parts, now: datetime) -> None:
    try:
        settle_calls.run(parts, now=now)
    finally:  # a call that cannot be settled costs nobody the morning's list
        line_calls.tidy(parts, now=now)
        if tell_callers.run(parts, now=now):
            ask(parts, "deliver")


def _faxes(parts: Parts, now: datetime) -> None:
    if send_faxes.run(parts, now=now):
        ask(parts, "deliver")
    mark_faxes.run(parts, now=now)


def _calendar(parts: Parts, now: datetime) -> None:
    show_calendar.refresh(parts, now=now)


def _count(parts: Parts, now: datetime) -> None:
    count_rows.run(parts, now=now, until=stopping.is_set)
    count_contents.run(parts, now=now)
    count_waiting.run(parts, now=now)
    count_deliveries.run(parts, now=now)
    count_home.run(parts, now=now)
    approve.recount(parts, now=now)
    count_leads.run(parts, now=now)
    count_classes.run(parts, now=now)
    count_pages.run(parts, now=now)
    keep_entries.drain(parts, now=now)
    count_forms.settle(parts)
    self_audit.renew(parts, now=now)


def _reports(parts: Parts, now: datetime) -> None:
    count_reports.run(parts, now=now, until=stopping.is_set)


def _simulate(parts: Parts, now: datetime) -> None:
    run_simulations.work(parts, now=now, until=stopping.is_set)


def _nightly(parts: Parts, now: datetime) -> None:
    count_ranks.run(parts, now=now)  # first: the day that ended, before the night's cut moves anybody
    rerank.nightly(parts, now=now)
    observe.purge(parts, now=now)
    join_visits.nightly(parts, now=now)
    classify.run(parts, now=now)
    tell_stale.run(parts, now=now)
    hand_over.forget(parts, now=now)
    invite_person.forget(parts, now=now)
    chase_hand_offs.ask_appetite(parts, now=now)
    hold.finish(parts, now=now)
    confirm_form.expire(parts, now=now)
    repeat_event.run(parts, now=now)
    line_calls.everything(parts, now=now)
    self_audit.run(parts, now=now)


JOBS: dict[str, Callable[[Parts, datetime], None]] = {
    "plan": _plan,
    "deliver": _deliver,
    "observe": _observe,
    "rerank": _rerank,
    "tasks": _tasks,
    "intake": _intake,
    "count": _count,
    "reports": _reports,
    "broadcasts": _broadcasts,
    "calls": _calls,
    "faxes": _faxes,
    "calendar": _calendar,
    "simulate": _simulate,
    "nightly": _nightly,
}
