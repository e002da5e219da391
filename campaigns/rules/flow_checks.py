"""What is wrong with a flow: rows out of place, targets that are not there, circles, and what breaks on a path.

Paths are walked with a small state, such as "information mails since the last sales mail": there are too many
of them to be listed. Source: S1-07, S1-19, S4-18, S4-21; spec 3.1, 3.3.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from campaigns.rules import conditions, flow
from campaigns.rules.conditions import Condition, On
from campaigns.rules.contents import ROLES
from campaigns.rules.flow import BRANCH, ELSE, END, GO_END, JUMP, MAILS, WAIT, YES, Graph, Node
from campaigns.rules.ranks import Rank
from campaigns.rules.scenarios import CLASSES, FIELD_CLASSES, SILENCE_MONTHS, Problem, Step
from campaigns.rules.tones import Tone

State = TypeVar("State", bound=Hashable)
WAITED_MAX = 1_000  # days: longer waits are all alike
Labels = Mapping[int, str]
KNOWN: Mapping[str, frozenset[str]] = {
    On.RANK: frozenset(rank.value for rank in Rank),
    On.CLASS: frozenset(CLASSES),
    On.ROLE: frozenset(ROLES) - {""},
}


def check(steps: Sequence[Step], *, labels: Labels, every: int) -> Iterator[Problem]:
    """Everything wrong with the flow of these rows, in no order. every: one mail in so many may sell."""
    graph = flow.graph(steps)
    reach = flow.reach(graph)
    last = last_mails(graph)
    yield from _check_places(steps)
    yield from _check_targets(steps, graph, reach, labels)
    yield from _check_branches(graph, reach, last, labels)
    # In a circle every row comes before every other: what follows is asked of the rows without the way back.
    if any(position in rows for position, rows in reach.items()):
        graph = _straight(graph, reach)
        reach, last = flow.reach(graph), last_mails(graph)
    yield from _check_watches(graph)
    yield from _check_months(graph, last, labels)
    yield from _check_contents(steps, reach, labels)
    yield from _check_tones(graph, every)
    yield from _check_calls(graph)


def _straight(graph: Graph, reach: Mapping[int, frozenset[int]]) -> Graph:
    """The flow without the ways that lead back inside a circle."""

    def on(position: int, way: int) -> int:
        return END if way and way <= position and position in reach[way] | {way} else way

    nodes = {
        position: replace(
            node, next=on(position, node.next), yes=on(position, node.yes), other=on(position, node.other)
        )
        for position, node in graph.nodes.items()
    }
    return Graph(nodes, graph.first)


def _check_watches(graph: Graph) -> Iterator[Problem]:
    """A branch that people always come to after its days are over watches nothing: all go by what was seen so far."""

    def go(node: Node, _arm: str, waited: int) -> int:
        if node.step.kind in MAILS:
            return 0
        # The first wait counts from the mail, a further one from when it was come to.
        return (
            min(waited + node.step.wait_days, WAITED_MAX)
            if node.step.kind == WAIT and waited >= 0
            else waited
        )

    for position, states in walk(graph, -1, go).items():
        step = graph.nodes[position].step
        watches = step.kind == BRANCH and step.condition is not None and step.condition.is_reaction
        if not watches or not states or (step.condition and step.condition.of):
            continue
        if min(states) >= max(step.wait_days, 1):
            args = {"n": step.wait_days, "waited": min(states)}
            yield Problem("watch_over", position, args, is_error=False)


def is_dated(step: Step) -> bool:
    """Whether the row's month and day say anything: of a mail, or of a branch that is decided on a day."""
    return step.kind in MAILS or _is_timed(step)


def _is_timed(step: Step) -> bool:
    is_reaction = step.condition is not None and step.condition.is_reaction
    return step.kind == BRANCH and not is_reaction and step.offset_months != 0


def walk(graph: Graph, start: State, go: Callable[[Node, str, State], State]) -> dict[int, frozenset[State]]:
    """With which states a person may come to each row. go: the state behind a row, by the arm that is taken."""
    found: dict[int, set[State]] = {position: set() for position in graph.nodes}
    todo = [(graph.first, start)]
    while todo:
        position, state = todo.pop()
        if position == END or state in found[position]:
            continue
        found[position].add(state)
        node = graph.nodes[position]
        arms = (YES, ELSE) if node.step.kind == BRANCH else ("",)
        todo += [(way, go(node, arm, state)) for arm, way in zip(arms, node.ways, strict=True)]
    return {position: frozenset(states) for position, states in found.items()}


def last_mails(graph: Graph) -> dict[int, frozenset[tuple[int, int]]]:
    """Rows that may come last before each: (a mail, a branch with a day since then), 0 for none."""

    def go(node: Node, _arm: str, state: tuple[int, int]) -> tuple[int, int]:
        if node.step.kind in MAILS:
            return node.step.position, 0
        return (state[0], node.step.position) if _is_timed(node.step) else state

    return walk(graph, (0, 0), go)


def _check_places(steps: Sequence[Step]) -> Iterator[Problem]:
    """The rows of a branch stand right behind it, one arm after the other."""
    homes = flow.homes(steps)
    for step, (parent, _) in zip(steps, homes, strict=True):
        if parent < 0 and (step.parent_key or step.arm):
            yield Problem("row_lost", step.position, {})
    for place, wanted in enumerate(_in_order(homes)):
        if wanted != place:
            yield Problem("row_out_of_place", steps[place].position, {})
            return  # the rows below it follow from it


def _in_order(homes: Sequence[tuple[int, str]]) -> Iterator[int]:
    """Places of the rows as they should stand: each branch with its arms, then what follows it."""
    lists: dict[int, dict[str, list[int]]] = {}
    for place, (parent, arm) in enumerate(homes):
        lists.setdefault(parent, {}).setdefault(arm, []).append(place)
    todo = [place for rows in lists.get(-1, {}).values() for place in rows][::-1]
    while todo:
        place = todo.pop()
        yield place
        todo += [inner for rows in lists.get(place, {}).values() for inner in rows][::-1]


def _check_targets(
    steps: Sequence[Step], graph: Graph, reach: Mapping[int, frozenset[int]], labels: Labels
) -> Iterator[Problem]:
    at = {step.key: step.position for step in steps}
    circles = {position for position, rows in reach.items() if position in rows}
    named = False
    for step in steps:
        if step.kind == JUMP and not step.goto_key:
            yield Problem("jump_without_target", step.position, {})
        elif step.goto_key and step.goto_key != GO_END and step.goto_key not in at:
            yield Problem("target_missing", step.position, {})
        target = at.get(step.goto_key, END)
        if (
            target
            and step.position in circles
            and (target == step.position or step.position in reach[target])
        ):
            named = True
            yield Problem("loop", step.position, {"other": labels[target]})
    if circles and not named:
        first = min(circles)
        yield Problem("loop", first, {"other": labels[first]})
    if graph.first != END:
        for position in sorted(set(graph.nodes) - reach[graph.first] - {graph.first}):
            yield Problem("unreachable", position, {})


def _check_branches(
    graph: Graph,
    reach: Mapping[int, frozenset[int]],
    last: Mapping[int, frozenset[tuple[int, int]]],
    labels: Labels,
) -> Iterator[Problem]:
    mails = {node.step.key: position for position, node in graph.nodes.items() if node.step.kind in MAILS}
    for position, node in graph.nodes.items():
        step = node.step
        if step.kind != BRANCH:
            continue
        if node.yes == node.other == node.next:
            yield Problem("branch_empty", position, {})
        for code in conditions.faults(step.condition, wait_days=step.wait_days, known=KNOWN):
            yield Problem(code, position, {"most": conditions.MAX_WATCH_DAYS})
        if step.condition is None or not step.condition.is_reaction:
            continue
        yield from _check_watched(step.condition, position, mails, reach, last[position], labels)


def _check_watched(
    condition: Condition,
    position: int,
    mails: Mapping[str, int],
    reach: Mapping[int, frozenset[int]],
    last: frozenset[tuple[int, int]],
    labels: Labels,
) -> Iterator[Problem]:
    """The mail whose echo is watched is sent before, on some path at least."""
    if not condition.of:
        if last and not any(mail for mail, _ in last):
            yield Problem("no_mail_before", position, {})
    elif condition.of not in mails:
        yield Problem("watched_missing", position, {})
    elif position not in reach[mails[condition.of]]:
        yield Problem("watched_not_before", position, {"other": labels[mails[condition.of]]})


def _check_months(
    graph: Graph, last: Mapping[int, frozenset[tuple[int, int]]], labels: Labels
) -> Iterator[Problem]:
    """Months go strictly up on every path: a product mails a person at most once a month."""
    for position, node in graph.nodes.items():
        step, said = node.step, set[str]()
        if not is_dated(step):
            continue
        for mail, branch in sorted(last[position]):
            for other, code, gap in _gaps(graph, step, mail, branch):
                if code not in said:
                    said.add(code)
                    args: dict[str, str | int] = {"other": labels[other]}
                    if code == "long_silence":
                        args["months"] = gap
                    yield Problem(code, position, args, is_error=code != "long_silence")


def _gaps(graph: Graph, step: Step, mail: int, branch: int) -> Iterator[tuple[int, str, int]]:
    """What is wrong between a dated row and the mail or branch before it: the row, the code and the months."""
    if branch and step.offset_months < graph.nodes[branch].step.offset_months:
        yield branch, "month_goes_back", 0
    if not mail:
        return
    gap = step.offset_months - graph.nodes[mail].step.offset_months
    if gap < 0:
        yield mail, "month_goes_back", gap
    elif step.kind not in MAILS:
        return
    elif gap == 0:
        yield mail, "same_month", gap
    elif gap > SILENCE_MONTHS:
        yield mail, "long_silence", gap


def _check_contents(
    steps: Sequence[Step], reach: Mapping[int, frozenset[int]], labels: Labels
) -> Iterator[Problem]:
    """Never the same item twice to one person (S4-18); in arms that exclude each other it may stand twice."""
    first = steps[0].position if steps else END
    come = {first} | reach.get(first, frozenset())
    mails = [s for s in steps if s.kind in MAILS and s.content_id is not None and s.position in come]
    for step in mails:
        for other in mails:
            is_same = other.content_id == step.content_id and other.position != step.position
            if is_same and step.position in reach[other.position]:
                yield Problem("content_twice", step.position, {"other": labels[other.position]})
                break


def _check_tones(graph: Graph, every: int) -> Iterator[Problem]:
    """Sales-coloured mails come at most once in so many, and the first ones are information (S4-21)."""

    def go(node: Node, _arm: str, state: tuple[int, bool]) -> tuple[int, bool]:
        if node.step.kind not in MAILS:
            return state
        return (min(state[0] + 1, every), state[1]) if node.step.tone == Tone.INFO else (0, True)

    for position, states in walk(graph, (0, False), go).items():
        step = graph.nodes[position].step
        if step.kind not in MAILS or step.tone == Tone.INFO:
            continue
        short = [sold for info, sold in states if info < every - 1]
        if short:
            code = "sales_too_often" if all(short) else "sales_too_early"
            yield Problem(code, position, {"every": every, "info": every - 1})


def _check_calls(graph: Graph) -> Iterator[Problem]:
    """A call or a visit that nobody asked for loses the customer: a reaction or the rank comes first (S1-19).

    Customers of the field have an owner who knows them, and who said yes to the scenario.
    """

    def go(node: Node, arm: str, state: bool) -> bool:
        condition = node.step.condition
        if state or condition is None or not arm:
            return state
        is_field = arm == YES and condition.on == On.CLASS and FIELD_CLASSES.issuperset(condition.values)
        return is_field or conditions.asks_who_asks(condition, arm)

    for position, states in walk(graph, False, go).items():
        if graph.nodes[position].step.kind in ("call", "visit") and False in states:
            yield Problem("call_unasked", position, {}, is_error=False)
