from __future__ import annotations

from datetime import datetime

import pytest
from rq import Queue

from campaigns import jobs
from campaigns.parts import QUEUE, Parts


def waiting(parts: Parts) -> list[str]:
    return [job.args[0] for job in Queue(QUEUE, connection=parts.redis).jobs]


def test_a_job_that_waits_is_not_queued_again(parts: Parts) -> None:
    jobs.ask(parts, "deliver", "plan")
    jobs.ask(parts, "deliver")
    assert waiting(parts) == ["deliver", "plan"]


def test_a_job_asked_for_while_it_runs_waits_for_its_next_turn(
    parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs.use(parts)
    monkeypatch.setitem(jobs.JOBS, "deliver", lambda parts, now: jobs.ask(parts, "deliver"))
    jobs.ask(parts, "deliver")
    parts.redis.delete(Queue(QUEUE, connection=parts.redis).key)  # a worker took it
    jobs.run("deliver")
    assert waiting(parts) == ["deliver"]


def test_a_job_lost_with_its_worker_is_asked_for_at_once(parts: Parts) -> None:
    """A worker took it and was killed before it began: only the mark is left."""
    jobs.ask(parts, "deliver")
    parts.redis.delete(Queue(QUEUE, connection=parts.redis).key)
    jobs.ask(parts, "deliver")
    assert waiting(parts) == ["deliver"]


def test_a_call_that_cannot_be_settled_costs_nobody_the_mornings_list(
    parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []

    def fails(parts: Parts, *, now: datetime) -> int:
        raise ExceptionGroup("calls", [ValueError("one")])

    def tell(parts: Parts, *, now: datetime) -> int:
        done.append("told")
        return 0

    monkeypatch.setattr("campaigns.services.settle_calls.run", fails)
    monkeypatch.setattr("campaigns.services.line_calls.tidy", lambda parts, now: done.append("tidy"))
    monkeypatch.setattr("campaigns.services.tell_callers.run", tell)
    jobs.use(parts)
    with pytest.raises(ExceptionGroup):
        jobs.run("calls")
    assert done == ["tidy", "told"]
