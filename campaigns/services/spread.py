"""Spread: the parts of a simulation over several processes, the sums of each added up.

A part is the same whoever lives through it: draws hang on the person alone, and all processes read one snapshot. So
the number of processes changes nothing but the time. Children end by themselves when their parent is gone.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from typing import Any

from campaigns import parts as composition
from campaigns.parts import Parts
from campaigns.rules.chances import Rates
from campaigns.rules.simulating import Tally
from campaigns.services import simulate
from campaigns.services.members import Setting
from campaigns.services.simulate import Audience, Step
from campaigns.settings import Settings

PROCESSES_MAX = 4
ALONE_MAX = 3 * simulate.PART  # people for whom a second process would cost more than it saves
AHEAD = 2  # parts a process is given at a time, so that it never waits for the next one
TELL_S = 0.5  # how often somebody is asked whether to go on


class Ended(RuntimeError):
    """A process of the simulation went away before its work was done."""


@dataclass(frozen=True, slots=True)
class Task:
    """What each process needs to know. snapshot_id: of the state of the database that all of them see."""

    settings: Settings
    wanted: Setting
    now: datetime
    rates: Mapping[int, Rates]
    crowds: frozenset[tuple[int, int]]
    snapshot_id: str


def total(
    parts: Parts,
    wanted: Setting,
    *,
    now: datetime,
    rates: Mapping[int, Rates] | None = None,
    step: Step = lambda done, total: None,
    processes: int | None = None,
) -> Tally:
    """What comes of everybody. step: told (people done, all of them) again and again; it may raise `Cancelled`.

    processes: None for as many as there are cores, and one for a small audience.
    """
    with simulate.looking(parts) as tx:
        who = simulate.audience(tx, wanted, now=now)
        given = rates if rates is not None else simulate.past_rates(tx, parts, now=now)
        number = _number(who, processes)
        step(0, who.total)
        if number > 1:
            task = Task(parts.settings, wanted, now, given, who.crowds, simulate.export(tx))
            return _shared(task, who, number, simulate.tally(parts, wanted, now=now), step)
        found, done = simulate.tally(parts, wanted, now=now), 0
        shared = simulate.world(tx, parts, wanted, now=now, rates=given, crowds=who.crowds)
        with simulate.uncollected():
            for part in who.parts:
                lived = simulate.live(tx, part, shared, wanted, who.new)
                lived.add_to(found)
                done += simulate.people_of(part)
                step(done, who.total)
        return found


def _number(who: Audience, wanted: int | None) -> int:
    if wanted is None:
        cores = len(os.sched_getaffinity(0))
        wanted = min(cores, PROCESSES_MAX) if who.total > ALONE_MAX else 1
    return min(wanted, len(who.parts))


def _shared(task: Task, who: Audience, number: int, found: Tally, step: Step) -> Tally:
    """The parent's side: hands out parts, tells how far they are, adds up."""
    left = iter(who.parts)
    done = 0
    with _children(task, number) as ends:
        open_ends = list(ends)
        for _ in range(AHEAD):
            for end in open_ends:
                _hand(end, next(left, None), who.new)
        while open_ends:
            ready = wait(open_ends, timeout=TELL_S)
            for end in [one for one in open_ends if one in ready]:
                answer = _answer(end)
                if isinstance(answer, Tally):
                    found.merge(answer)
                    open_ends.remove(end)
                else:
                    done += answer
                    _hand(end, next(left, None), who.new)
            step(done, who.total)
    return found


def _hand(end: Connection, part: Sequence[tuple[int, ...]] | None, new: frozenset[int]) -> None:
    """A part with those of it who would join; None for no more."""
    try:
        end.send(part and (part, frozenset(id for box in part for id in box if id in new)))
    except OSError as error:
        raise Ended from error


def _answer(end: Connection) -> Any:
    try:
        return end.recv()
    except (EOFError, OSError) as error:
        raise Ended from error


@contextmanager
def _children(task: Task, number: int) -> Iterator[list[Connection]]:
    """Processes of their own, as fresh as a worker's; gone when the block is left."""
    context = get_context(
        "spawn"
    )  # a fork would share the database connections, and threads in the middle of things
    ends, children = [], []
    try:
        for _ in range(number):
            mine, theirs = context.Pipe()
            child = context.Process(target=_child, args=(task, theirs), daemon=True)
            child.start()
            theirs.close()
            ends.append(mine)
            children.append(child)
        yield ends
    finally:
        for end in ends:
            end.close()
        for child in children:
            child.terminate()
            child.join()


def _child(task: Task, end: Connection) -> None:
    """A process's side: parts in, counts out, the sums at the end."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C reaches the parent as well, and the parent decides
    parts = composition.build(task.settings)
    try:
        _live(parts, task, end)
    except (EOFError, BrokenPipeError, ConnectionResetError):
        pass  # the parent is gone
    finally:
        parts.engine.dispose()


def _live(parts: Parts, task: Task, end: Connection) -> None:
    found = simulate.tally(parts, task.wanted, now=task.now)
    with simulate.looking(parts, task.snapshot_id) as tx, simulate.uncollected():
        shared = simulate.world(tx, parts, task.wanted, now=task.now, rates=task.rates, crowds=task.crowds)
        while (given := end.recv()) is not None:
            part, new = given
            lived = simulate.live(tx, part, shared, task.wanted, new)
            lived.add_to(found)
            end.send(simulate.people_of(part))
    end.send(found)
