"""Outlook: what lies ahead of a person in a scenario, mails, tasks, waits and branches, as things stand today.

Which arm of a branch comes is known only when the person gets there, so both are told; where today's rank or
company would already decide, the likely one is marked. Months are the earliest ones: another product may go
first. Source: spec 3.1 (order of steps, a mail a month), 3.6; S1-19.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from campaigns.rules import conditions, flow
from campaigns.rules.conditions import Facts
from campaigns.rules.flow import BRANCH, ELSE, END, JUMP, MAILS, SHELF, TASKS, WAIT, YES, Node
from campaigns.rules.scenarios import Step
from campaigns.rules.workdays import clamp_day


@dataclass(frozen=True, slots=True)
class Arm:
    """What comes if a branch answers so. is_likely: it would, as things stand.

    goes_to: KEY of the row behind the arm when that is not simply the next one, 'end' when it ends there.
    """

    name: str
    stops: tuple[Stop, ...]
    is_likely: bool = False
    goes_to: str = ""


@dataclass(frozen=True, slots=True)
class Stop:
    """A row ahead. month: of a mail, the earliest; None for other rows.

    until: the day (ordinal) on which a wait ends or a branch is decided, where that is known, else 0.
    left_out: why a task would not be made as things stand, ''. arms: of a branch.
    """

    step: Step
    month: int | None = None
    until: int = 0
    left_out: str = ""
    arms: tuple[Arm, ...] = ()


@dataclass(frozen=True, slots=True)
class Place:
    """Where a person stands. entered: the day (ordinal) on which the row was come to; due_month: of its mail.

    floor: the first month that is free for a mail; every_months: 1, or 2 for whoever asked for fewer mails.
    facts: what branches ask; None where nothing is known.
    """

    position: int
    entered: int
    start_month: int
    due_month: int
    floor: int
    every_months: int
    facts: Facts | None
    today: int


@dataclass(frozen=True, slots=True)
class Chance:
    """A mail that a month may bring. branch, arm: on what it depends, None and '' when on nothing."""

    step: Step
    branch: Step | None = None
    arm: str = ""

    @property
    def title(self) -> str:
        return self.step.content_title


def stops(steps: Sequence[Step], place: Place) -> tuple[Stop, ...]:
    """Everything that may still come, in order; rows that only lead elsewhere are followed, not told."""
    return tuple(_Walk(steps, place).to_the_end())


def chances(ahead: Sequence[Stop]) -> dict[int, tuple[Chance, ...]]:
    """The mails ahead by their earliest month; several where a branch decides which."""
    found: dict[int, tuple[Chance, ...]] = {}
    for month, chance in _chances(ahead, None, ""):
        found[month] = (*found.get(month, ()), chance)
    return found


def _chances(ahead: Sequence[Stop], branch: Step | None, arm: str) -> Iterator[tuple[int, Chance]]:
    for stop in ahead:
        if stop.month is not None:
            yield stop.month, Chance(stop.step, branch, arm)
        for way in stop.arms:
            yield from _chances(way.stops, stop.step, way.name)


class _Walk:
    """A way through the rows; each is told once, so that a draft's circle ends too."""

    def __init__(self, steps: Sequence[Step], place: Place) -> None:
        self.graph = flow.graph(steps)
        self.place = place
        self.seen: set[int] = set()
        self.inside = _arms_of(steps)

    def to_the_end(self) -> list[Stop]:
        found, _exits, _floor = self._go(self.place.position, self.place.floor, None)
        return found

    def _go(
        self, position: int, floor: int, home: tuple[int, str] | None
    ) -> tuple[list[Stop], set[int], int]:
        """The rows from a position on, in an arm as far as it goes; the rows behind them, and the floor then.

        Where the arms of a branch lead to different rows, the nearest is told first.
        """
        found: list[Stop] = []
        todo, exits = {position}, set[int]()
        while todo:
            position = min(todo)
            todo.discard(position)
            if position == END or (home is not None and home not in self.inside[position]):
                exits.add(position)
                continue
            if position in self.seen:
                continue
            self.seen.add(position)
            node = self.graph.node(position)
            if node.step.kind == BRANCH:
                stop, after, floor = self._branch(node, floor)
                found.append(stop)
                todo |= after
                continue
            if node.step.kind != JUMP:
                stop, floor = self._row(node.step, floor)
                found.append(stop)
            todo.add(node.next)
        return found, exits, floor

    def _row(self, step: Step, floor: int) -> tuple[Stop, int]:
        place, is_here = self.place, step.position == self.place.position
        if step.kind in MAILS or step.kind == SHELF:
            due = place.due_month if is_here else place.start_month + step.offset_months
            month = max(due, floor)
            return Stop(step, month), month + max(1, place.every_months)
        if step.kind == WAIT and is_here:
            sent = place.facts.sent[-1][1] if place.facts and place.facts.sent else 0
            return Stop(step, until=max(place.entered, sent) + step.wait_days), floor
        if step.kind in TASKS and place.facts is not None:
            return Stop(step, left_out=flow.no_task(step, place.facts)), floor
        return Stop(step), floor

    def _branch(self, node: Node, floor: int) -> tuple[Stop, set[int], int]:
        """A branch with both arms, and the rows at which they go on."""
        step = node.step
        likely, until = self._answer(step)
        ways = [
            (name, *self._go(first, floor, (step.position, name)))
            for name, first in ((YES, node.yes), (ELSE, node.other))
        ]
        exits = set[int]().union(*(after for _, _, after, _ in ways))
        on = min(exits - {END}, default=END)
        arms = tuple(
            Arm(name, tuple(rows), likely == name, self._leads(after, on)) for name, rows, after, _ in ways
        )
        return Stop(step, until=until, arms=arms), exits, max(reached for *_, reached in ways)

    def _answer(self, step: Step) -> tuple[str, int]:
        """The arm that would come today, '' while it is open, and the day on which it will be known.

        A reaction to a mail that is still to be sent is open; so is one whose days are not over.
        """
        facts, condition = self.place.facts, step.condition
        is_here = step.position == self.place.position
        if facts is None or condition is None or (condition.is_reaction and not is_here):
            return "", 0
        said = conditions.answer(condition, facts, wait_days=step.wait_days, today=self.place.today)
        if said is None:
            return "", conditions.ask_on(condition, facts, wait_days=step.wait_days)
        is_dated = not condition.is_reaction and step.offset_months > 0
        return (YES if said else ELSE), self._day_of(step) if is_dated else 0

    def _day_of(self, step: Step) -> int:
        month = self.place.start_month + step.offset_months
        return clamp_day(month // 12, month % 12 + 1, step.want_day).toordinal()

    def _leads(self, after: set[int], on: int) -> str:
        """Where an arm goes on, '' when that is the row told next."""
        if on != END and on in after:
            return ""
        position = min(after, default=END)
        return flow.GO_END if position == END else self.graph.node(position).step.key


def _arms_of(steps: Sequence[Step]) -> dict[int, frozenset[tuple[int, str]]]:
    """By position, all arms a row stands in: (position of the branch, arm), outer ones too."""
    found: dict[int, frozenset[tuple[int, str]]] = {}
    for step, (parent, arm) in zip(steps, flow.homes(steps), strict=True):
        if parent < 0:
            found[step.position] = frozenset()
        else:
            above = steps[parent].position
            found[step.position] = found[above] | {(above, arm)}
    return found
