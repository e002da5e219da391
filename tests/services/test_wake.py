"""What a page waits for is begun by the scheduler at once, and no second time."""

from __future__ import annotations

from datetime import datetime

import pytest
import redis
from rq import Queue

from campaigns import jobs, scheduler
from campaigns.parts import QUEUE, Parts
from campaigns.services import run_simulations, wake
from tests import world


def queued(parts: Parts) -> list[str]:
    return [job.args[0] for job in Queue(QUEUE, connection=parts.redis).jobs]


def one_round(parts: Parts) -> None:
    """The scheduler looks once, within a minute that it has ticked for already."""
    rounds = iter([False, True])
    scheduler.run(parts, until=lambda: next(rounds))


def test_what_was_wanted_is_told_once(parts: Parts) -> None:
    wake.ask(parts, "simulate")
    wake.ask(parts, "simulate", "count")
    assert wake.asked(parts) == ("count", "simulate")
    assert wake.asked(parts) == ()


def test_a_simulation_that_is_asked_for_does_not_wait_for_the_minute(
    parts: Parts, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scheduler, "tick", lambda parts: None)
    made = world.build(parts, count=2)
    id = run_simulations.ask(parts, made.scenario, seed=1, rates=None, user_id=None, now=now)
    assert id is not None
    one_round(parts)
    assert queued(parts) == ["simulate"]


def test_the_minutes_tick_begins_no_simulation_a_second_time(parts: Parts, now: datetime) -> None:
    made = world.build(parts, count=2)
    run_simulations.ask(parts, made.scenario, seed=1, rates=None, user_id=None, now=now)
    one_round(parts)
    assert queued(parts).count("simulate") == 1
    jobs.use(parts)
    assert run_simulations.work(parts, now=now) == 1
    assert run_simulations.work(parts, now=now) == 0


def test_without_redis_the_simulation_is_still_noted_down(
    parts: Parts, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_args: object) -> None:
        raise redis.ConnectionError

    made = world.build(parts, count=2)
    monkeypatch.setattr(parts.redis, "sadd", away)
    assert run_simulations.ask(parts, made.scenario, seed=1, rates=None, user_id=None, now=now) is not None
