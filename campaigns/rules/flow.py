"""The flow of a scenario: which row comes after which, and where a person stands in it today.

Rows are in table order. A row of a branch names it (parent_key) and its arm (yes, else). After a row comes its
goto_key if it has one, else the next row of the same list, else what follows the branch: arms merge. `graph`
never raises, whatever the draft looks like; what is wrong with it is for `flow_checks` to say.
Source: issue "Scenarios a marketer trusts", part 1; S1-11, S1-19, S3-20.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

from campaigns.rules import conditions
from campaigns.rules.conditions import ASKING, Facts
from campaigns.rules.ranks import Rank
from campaigns.rules.scenarios import FIELD_CLASSES, Step
from campaigns.rules.workdays import clamp_day

END = 0  # the position behind all rows
GO_END = "end"  # as a goto_key
YES, ELSE = "yes", "else"
BRANCH, WAIT, JUMP, SHELF = "branch", "wait", "jump", "shelf"
MAILS = frozenset({"mail", "invite"})
TASKS = frozenset({"call", "fax", "visit"})
KINDS = MAILS | TASKS | {BRANCH, WAIT, JUMP, SHELF}


@dataclass(frozen=True, slots=True)
class Node:
    """A row in the flow: where it goes on, by position; END is the end.

    next: of a branch, where its arms merge. yes, other: the first row of each arm of a branch, `next` where
    the arm is empty.
    """

    step: Step
    next: int = END
    yes: int = END
    other: int = END

    @property
    def ways(self) -> tuple[int, ...]:
        """Where a person may go from here."""
        return (self.yes, self.other) if self.step.kind == BRANCH else (self.next,)


@dataclass(frozen=True, slots=True)
class Graph:
    """All rows by position. first: where a person begins, END without any row."""

    nodes: dict[int, Node]
    first: int = END

    def node(self, position: int) -> Node:
        return self.nodes[position]


class Place(NamedTuple):
    """Where a person stands. entered: the day (ordinal) on which the row was come to."""

    position: int
    entered: int


class TaskToDo(NamedTuple):
    """A call, a FAX or a visit to arrange. due_days: business days; who: inside, field, owner."""

    position: int
    step_key: str
    kind: str
    title: str
    who: str
    due_days: int


class LeftOut(NamedTuple):
    """A task that is not made, and why: `rank` for somebody who asks for no call yet (S1-19)."""

    position: int
    reason: str


class Arrival(NamedTuple):
    """Where a person came to. ask_on: the day to look again (early is harmless), 0 if a mail or nothing waits.

    passed: the rows that are behind the person since, in order; a jump and a branch are among them.
    """

    place: Place
    tasks: tuple[TaskToDo, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    ask_on: int = 0
    passed: tuple[int, ...] = ()


def homes(steps: Sequence[Step]) -> tuple[tuple[int, str], ...]:
    """The list each row stands in: (place of its branch in steps, arm), or (-1, '') for the trunk.

    A row whose branch is not above it in the table belongs to the trunk.
    """
    above: dict[str, int] = {}
    found = []
    for place, step in enumerate(steps):
        is_inside = step.arm in (YES, ELSE) and step.parent_key in above
        found.append((above[step.parent_key], step.arm) if is_inside else (-1, ""))
        if step.kind == BRANCH:
            above[step.key] = place
    return tuple(found)


def labels(steps: Sequence[Step]) -> tuple[str, ...]:
    """What the rows are called: 1, 2, 3 of the trunk; 3a, 3b in the arms of 3 in table order; deeper 3a1, 3a1a."""
    made: list[str] = []
    used: dict[int, int] = {}
    for parent, _ in homes(steps):
        number = used[parent] = used.get(parent, 0) + 1
        above = made[parent] if parent >= 0 else ""
        made.append(above + (_letters(number) if above[-1:].isdigit() else str(number)))
    return tuple(made)


def _letters(number: int) -> str:
    """1 -> a, 26 -> z, 27 -> aa."""
    found = ""
    while number:
        number, rest = divmod(number - 1, 26)
        found = chr(97 + rest) + found
    return found


def graph(steps: Sequence[Step]) -> Graph:
    """The rows with their ways, by position."""
    lists: dict[tuple[int, str], list[int]] = {}
    home = homes(steps)
    for place, mine in enumerate(home):
        lists.setdefault(mine, []).append(place)
    following = {a: b for rows in lists.values() for a, b in pairwise(rows)}
    at = {step.key: step.position for step in steps}
    after: list[int] = []
    for place, step in enumerate(steps):  # a branch stands above its rows, so its own way is known
        if step.goto_key == GO_END or step.kind == SHELF:
            after.append(END)
        elif step.goto_key in at:
            after.append(at[step.goto_key])
        elif place in following:
            after.append(steps[following[place]].position)
        else:
            parent = home[place][0]
            after.append(after[parent] if parent >= 0 else END)
    nodes = {}
    for place, step in enumerate(steps):
        yes, other = (
            steps[rows[0]].position if (rows := lists.get((place, arm))) else after[place]
            for arm in (YES, ELSE)
        )
        nodes[step.position] = (
            Node(step, after[place], yes, other) if step.kind == BRANCH else Node(step, after[place])
        )
    return Graph(nodes, steps[0].position if steps else END)


def advance(graph: Graph, place: Place, facts: Facts, *, today: int) -> Arrival:
    """Walk on over everything that can be decided today (an ordinal).

    Stops at a mail, an invitation, the shelf, the end, or at what must be asked again. A mail row is never
    passed: whoever sends it moves the person on to `node.next`, entered on the sending day.
    """
    position, entered = place
    tasks: list[TaskToDo] = []
    left_out: list[LeftOut] = []
    passed: list[int] = []
    ask_on = 0
    while len(passed) <= len(graph.nodes):  # a draft may run in a circle; what is published cannot
        node = graph.nodes.get(position)
        if node is None or node.step.kind in MAILS or node.step.kind == SHELF:
            break
        step = node.step
        ask_on, after = _ask(node, entered, facts, today)
        if ask_on:
            break
        if step.kind in TASKS:
            reason = no_task(step, facts)
            if reason:
                left_out.append(LeftOut(position, reason))
            else:
                tasks.append(TaskToDo(position, step.key, step.kind, step.title, step.who, step.due_days))
        passed.append(position)
        position, entered = after, max(today, entered)
    else:
        position = END
    return Arrival(Place(position, entered), tuple(tasks), tuple(left_out), ask_on, tuple(passed))


def _ask(node: Node, entered: int, facts: Facts, today: int) -> tuple[int, int]:
    """The day to ask again, or 0 and the next position."""
    step = node.step
    if step.kind == WAIT:
        sent = facts.sent[-1][1] if facts.sent else 0
        until = max(entered, sent) + step.wait_days
        return (until, 0) if today < until else (0, node.next)
    if step.kind != BRANCH:
        return 0, node.next
    condition = step.condition
    if condition is None:
        return 0, node.other
    if not condition.is_reaction and step.offset_months > 0:
        month = facts.start_month + step.offset_months
        day = clamp_day(month // 12, month % 12 + 1, step.want_day).toordinal()
        if today < day:
            return day, 0
    said = conditions.answer(condition, facts, wait_days=step.wait_days, today=today)
    if said is None:
        until = conditions.ask_on(condition, facts, wait_days=step.wait_days)
        is_move = condition.on in conditions.RANK_MOVES
        return min(until, today + conditions.LOOK_DAYS) if is_move else until, 0
    return 0, node.yes if said else node.other


def no_task(step: Step, facts: Facts) -> str:
    """Why the person is not called, visited or faxed at this row, or ''.

    A call before its time loses the customer (S1-19, spec 3.6). Customers of the field are left to their owner,
    who said yes to the scenario.
    """
    if facts.rank == Rank.DECLINED:
        return "declined"
    if step.kind == "fax" or facts.rank in ASKING or facts.company_class in FIELD_CLASSES:
        return ""
    return "rank"


def reach(graph: Graph) -> dict[int, frozenset[int]]:
    """The rows that may come after each row, at any distance; a row in a circle is among its own."""
    found: dict[int, set[int]] = {p: {way for way in n.ways if way} for p, n in graph.nodes.items()}
    changed = True
    while changed:
        changed = False
        for position in sorted(found, reverse=True):
            more = set().union(*(found[way] for way in graph.nodes[position].ways if way)) - found[position]
            if more:
                found[position] |= more
                changed = True
    return {position: frozenset(rows) for position, rows in found.items()}


def resume_positions(old: Sequence[Step], new: Sequence[Step]) -> dict[int, int]:
    """Where a person waiting at a position of the old version waits in the new one; END: all rows are done.

    At the same KEY if it lives on, wherever it stands now. Else behind the last row before it that lives on, or
    at the first row: at the first one that is no mail of an earlier month and does not lead back to a row that
    may be behind the person.
    """
    before, after = graph(old), graph(new)
    at = {step.key: step.position for step in new}
    old_reach, new_reach = reach(before), reach(after)
    moves: dict[int, int] = {}
    for step in old:
        if step.key in at:
            moves[step.position] = at[step.key]
            continue
        done = {
            at[other.key] for other in old if step.position in old_reach[other.position] and other.key in at
        }
        moves[step.position] = _behind(before, after, step, at=at, done=done, ahead=new_reach)
    return moves


def _behind(
    before: Graph,
    after: Graph,
    step: Step,
    *,
    at: dict[str, int],
    done: set[int],
    ahead: dict[int, frozenset[int]],
) -> int:
    position = _entry(before, after, step.position, at)
    for _ in range(len(after.nodes)):
        node = after.nodes.get(position)
        if node is None:
            break
        is_late = node.step.kind in MAILS and node.step.offset_months < step.offset_months
        if position not in done and not (ahead[position] & done) and not is_late:
            return position
        position = node.next
    return END


def _entry(before: Graph, after: Graph, position: int, at: dict[str, int]) -> int:
    """What now follows the nearest row before the position that lives on; the first row if none does."""
    seen, layer = {position}, [position]
    while layer:
        found = sorted(
            (p for p, n in before.nodes.items() if p not in seen and any(way in layer for way in n.ways)),
            reverse=True,
        )
        kept = next((p for p in found if before.nodes[p].step.key in at), None)
        if kept is not None:
            way, node = before.nodes[kept], after.nodes[at[before.nodes[kept].step.key]]
            if node.step.kind != BRANCH or way.step.kind != BRANCH:
                return node.next
            return node.yes if way.yes in layer else node.other
        seen.update(found)
        layer = found
    return after.first
