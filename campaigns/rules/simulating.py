"""Simulating: what foreseen events come to by month, and the finding that each picture shows.

Months and days as in `schedule`. Only plain values; `services.foresee` makes the events.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any, NamedTuple

from campaigns.rules.candidates import POSITIONS
from campaigns.rules.ranks import Rank
from campaigns.rules.schedule import last_day

HALF = 6  # months
RANKS = tuple(rank.value for rank in Rank)
TASKS = ("call", "visit", "fax")


class Event(NamedTuple):
    """What happened to a person on a day. A named tuple, since a year of many people has millions.

    what: sent (code: KEY of the row; content), held or not_sent (code: the reason; by: the product that goes first), task
    (code: call, fax, visit; on the day it is due), rank (code: the new one), refused.
    """

    person: int
    enrollment: int
    product: int
    month: int
    day: int
    what: str
    code: str = ""
    by: int | None = None
    content: int | None = None


@dataclass(slots=True)
class Tally:
    """Sums of one scenario's mails, and of its product's ranks.

    first: the month in which it begins; it and the `months` after it are counted. not_sent and held: months in which
    somebody's turn came and went.
    """

    product: int
    first: int
    months: int
    people: int = 0
    refused: int = 0
    sent: Counter[int] = field(default_factory=Counter)
    held: Counter[tuple[int, int]] = field(default_factory=Counter)  # by month and product
    waits: Counter[tuple[int, str]] = field(default_factory=Counter)  # by month and reason
    not_sent: Counter[tuple[int, str]] = field(default_factory=Counter)
    tasks: Counter[tuple[int, str]] = field(default_factory=Counter)
    first_half: Counter[tuple[str, str]] = field(default_factory=Counter)
    second_half: Counter[tuple[str, str]] = field(default_factory=Counter)
    moved: Counter[tuple[int, str]] = field(default_factory=Counter)  # by month and rank: came less went

    def add(self, events: Iterable[Event], began: Mapping[int, str], own: Set[int]) -> None:
        """Some people's events, in time order for each person.

        began: rank by person today; own: the scenario's enrolments. Tasks are those of all products and scenarios,
        since one desk does them.
        """
        outcome: dict[tuple[int, int], Event] = {}
        moves: dict[int, list[Event]] = defaultdict(list)
        for event in events:
            if event.what == "task":
                self.tasks[event.month, event.code] += 1
            elif event.product != self.product:
                continue
            elif event.what == "rank":
                moves[event.person].append(event)
            elif event.what == "refused":
                self.refused += 1
            elif event.enrollment in own:
                place = event.enrollment, event.month
                if place not in outcome or outcome[place].what != "sent":
                    outcome[place] = event
        for event in outcome.values():
            self._count(event)
        self._move(moves, began)

    def merge(self, other: Tally) -> None:
        """Add the sums of other people of the same product and months."""
        self.people += other.people
        self.refused += other.refused
        for name in ("sent", "held", "waits", "not_sent", "tasks", "first_half", "second_half", "moved"):
            getattr(self, name).update(getattr(other, name))

    def _count(self, event: Event) -> None:
        if event.what == "sent":
            self.sent[event.month] += 1
        elif event.by is not None and (event.by != self.product or event.code in POSITIONS):
            self.held[event.month, event.by] += 1
        elif event.what == "held" and not event.code.startswith(("lead_", "address_", "no_")):
            self.waits[event.month, event.code] += 1
        else:
            self.not_sent[event.month, event.code] += 1

    def _move(self, moves: Mapping[int, Sequence[Event]], began: Mapping[int, str]) -> None:
        middle = last_day(self.first + HALF).toordinal()
        self.people += len(began)
        for person, rank in began.items():
            half = end = rank
            for event in moves.get(person, ()):
                self.moved[event.month, end] -= 1
                self.moved[event.month, event.code] += 1
                end = event.code
                if event.day <= middle:
                    half = event.code
            self.first_half[rank, half] += 1
            self.second_half[half, end] += 1

    def result(self) -> dict[str, Any]:
        """Everything as JSON; lists have a place for each month."""
        months = list(range(self.first, self.first + self.months + 1))

        def rows(counted: Counter[Any], names: Iterable[Any]) -> dict[str, list[int]]:
            return {str(name): [counted[month, name] for month in months] for name in names}

        products = sorted({by for _, by in self.held}, key=lambda by: (-self._of(self.held, by), by))
        return {
            "months": months,
            "product": self.product,
            "people": self.people,
            "refused": self.refused,
            "sent": [self.sent[month] for month in months],
            "held": rows(self.held, products),
            "waits": rows(self.waits, sorted({code for _, code in self.waits})),
            "not_sent": rows(self.not_sent, sorted({code for _, code in self.not_sent})),
            "tasks": rows(self.tasks, TASKS),
            "ranks": {rank: self._people(rank, months) for rank in RANKS},
            "now_half": [[a, b, n] for (a, b), n in sorted(self.first_half.items())],
            "half_end": [[a, b, n] for (a, b), n in sorted(self.second_half.items())],
        }

    def _people(self, rank: str, months: Sequence[int]) -> list[int]:
        """People of a rank at the end of each month."""
        began = sum(n for (now, _), n in self.first_half.items() if now == rank)
        return list(accumulate((self.moved[month, rank] for month in months), initial=began))[1:]

    @staticmethod
    def _of(counted: Counter[tuple[int, int]], name: int) -> int:
        return sum(n for (_, one), n in counted.items() if one == name)


def ranks_at(result: Mapping[str, Any], when: str) -> dict[str, int]:
    """People by rank: now, half or end."""
    pairs, place = {"now": ("now_half", 0), "half": ("now_half", 1), "end": ("half_end", 1)}[when]
    found = dict.fromkeys(RANKS, 0)
    for row in result[pairs]:
        found[row[place]] += row[2]
    return found


def most_not_sent(result: Mapping[str, Any]) -> tuple[str, int] | None:
    """(reason, turns) of the reason for which most mails do not go out at all."""
    found = [(sum(row), code) for code, row in result["not_sent"].items() if sum(row)]
    if not found:
        return None
    n, code = max(found)
    return code, n


def most_held(result: Mapping[str, Any]) -> tuple[int, int, int] | None:
    """(month, product, people) of the month in which one other product takes the most; None if none does."""
    found = [
        (n, -month, int(product))
        for product, row in result["held"].items()
        for month, n in zip(result["months"], row, strict=True)
        if n
    ]
    if not found:
        return None
    n, month, product = max(found)
    return -month, product, n


class Desk(NamedTuple):
    """The callers' month. new: calls that fall due in it; waiting: left over from before; left: for the next one."""

    month: int
    new: int
    waiting: int
    capacity: int

    @property
    def left(self) -> int:
        return max(self.new + self.waiting - self.capacity, 0)

    @property
    def done_waiting(self) -> int:
        """What was left over is called first."""
        return min(self.waiting, self.capacity)

    @property
    def done_new(self) -> int:
        return self.new + self.waiting - self.left - self.done_waiting


def desks(result: Mapping[str, Any]) -> list[Desk]:
    """Each month's calls against the callers' capacity; what is beyond it waits for the next month."""
    found: list[Desk] = []
    for month, new, room in zip(result["months"], result["tasks"]["call"], result["capacity"], strict=True):
        found.append(Desk(month, new, found[-1].left if found else 0, room))
    return found


def outlook(events: Iterable[Event], person: int, months: Sequence[int]) -> dict[int, list[Event]]:
    """One person's year: what matters in each month; of one enrolment the mail, or why there was none.

    What an enrolment is told last counts.
    """
    found: dict[int, dict[tuple[str, int], Event]] = {month: {} for month in months}
    for event in events:
        if event.person != person or event.month not in found:
            continue
        is_mail = event.what in ("sent", "held", "not_sent")
        key = ("mail", event.enrollment) if is_mail else (event.what, event.product)
        if is_mail and key in found[event.month] and found[event.month][key].what == "sent":
            continue
        found[event.month][key] = event
    return {month: list(rows.values()) for month, rows in found.items()}
