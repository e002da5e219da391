"""A simulation over several processes: the same result, and nobody is left behind."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable
from datetime import UTC, datetime
from multiprocessing import active_children, get_context
from multiprocessing.connection import Connection

import pytest

from campaigns import parts as composition
from campaigns.parts import Parts
from campaigns.rules.chances import Rates
from campaigns.services import simulate, spread
from campaigns.services.members import Setting
from campaigns.services.simulate import Cancelled
from campaigns.settings import Settings
from tests import world

NOW = datetime(2026, 11, 24, 1, 0, tzinfo=UTC)
LIVELY = Rates(open=0.5, click=0.4, reply=0.2, unsubscribe=0.05)


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Parts of five people, so that a handful of people is enough for several processes."""
    monkeypatch.setattr(simulate, "PART", 5)


def wanted(parts: Parts, *, count: int = 40) -> tuple[Setting, dict[int, Rates]]:
    made = world.build(parts, count=count, offsets=(0, 1, 2, 3, 4, 5, 6))
    with parts.engine.connect() as tx:
        found = simulate.setting(tx, made.scenario, seed=5)
    assert found is not None
    return found, {made.product: LIVELY}


def test_the_number_of_processes_changes_nothing_and_all_tell_how_far_they_are(
    parts: Parts, small_parts: None
) -> None:
    setting, rates = wanted(parts)
    results = []
    for number in (1, 2):
        told: list[tuple[int, int]] = []
        found = spread.total(
            parts,
            setting,
            now=NOW,
            rates=rates,
            processes=number,
            step=lambda done, total, told=told: told.append((done, total)),  # type: ignore[misc]
        )
        results.append(found.result())
        assert (told[0], told[-1]) == ((0, 40), (40, 40))
        assert told == sorted(told)
    assert results[0]["people"] == 40
    assert results[0]["refused"] > 0
    assert results[1] == results[0]


@pytest.mark.parametrize("processes", [1, 2])
def test_cancelling_ends_the_processes_at_once(parts: Parts, small_parts: None, processes: int) -> None:
    setting, rates = wanted(parts)

    def step(done: int, total: int) -> None:
        if done:
            raise Cancelled

    with pytest.raises(Cancelled):
        spread.total(parts, setting, now=NOW, rates=rates, processes=processes, step=step)
    assert active_children() == []


def test_a_process_that_is_killed_fails_the_simulation_and_leaves_none_behind(
    parts: Parts, small_parts: None
) -> None:
    setting, rates = wanted(parts)

    def step(done: int, total: int) -> None:
        for child in active_children()[:1]:
            os.kill(child.pid or 0, signal.SIGKILL)

    with pytest.raises(spread.Ended):
        spread.total(parts, setting, now=NOW, rates=rates, processes=2, step=step)
    assert active_children() == []


def _parent(settings: Settings, setting: Setting, rates: dict[int, Rates], end: Connection) -> None:
    """A worker that tells its children's ids and then does not go on."""
    simulate.PART = 5
    parts = composition.build(settings)

    def step(done: int, total: int) -> None:
        if active_children():
            end.send([child.pid for child in active_children()])
            time.sleep(60)

    spread.total(parts, setting, now=NOW, rates=rates, processes=2, step=step)


def test_children_end_by_themselves_when_their_parent_is_killed(parts: Parts) -> None:
    setting, rates = wanted(parts)
    mine, theirs = get_context("spawn").Pipe()
    parent = get_context("spawn").Process(target=_parent, args=(parts.settings, setting, rates, theirs))
    parent.start()
    theirs.close()
    assert mine.poll(60)
    children = mine.recv()
    parent.kill()
    parent.join()
    assert len(children) == 2
    assert _soon(lambda: not any(_lives(pid) for pid in children))


def _soon(is_so: Callable[[], bool], *, within_s: float = 30.0) -> bool:
    end = time.monotonic() + within_s
    while time.monotonic() < end:
        if is_so():
            return True
        time.sleep(0.05)
    return is_so()


def _lives(pid: int) -> bool:
    """Whether it runs; one that nobody has waited for (a zombie) does not."""
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_it_works_from_a_forked_work_horse(parts: Parts, small_parts: None) -> None:
    setting, rates = wanted(parts)
    expected = spread.total(parts, setting, now=NOW, rates=rates, processes=1).result()
    read, write = os.pipe()
    pid = os.fork()  # as RQ's own worker does for each job
    if pid == 0:
        try:
            own = composition.build(parts.settings)
            found = spread.total(own, setting, now=NOW, rates=rates, processes=2).result()
            os.write(write, json.dumps(found).encode())
        finally:
            os._exit(0)
    os.close(write)
    with os.fdopen(read, "rb") as pipe:
        found = json.loads(pipe.read())
    os.waitpid(pid, 0)
    assert found == json.loads(json.dumps(expected))
