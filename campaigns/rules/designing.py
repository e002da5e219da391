"""Designing: what happens to the rows of a month table when one is added, moved, copied or taken out.

Rows are a flat list in table order and a tree in meaning: a branch owns two arms of rows. Every change here
takes the rows and returns new ones, with positions 1, 2, 3 ...; nothing is written. Up and down are each
other's inverse, and lead into an arm, from arm to arm, and out of the branch again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from campaigns.rules.flow import BRANCH, ELSE, MAILS, YES
from campaigns.rules.scenarios import Step

ARMS = (YES, ELSE)
DATED = MAILS  # rows that stand in a month of their own


class Missing(Exception):
    """No row has that key."""


@dataclass(slots=True)
class Node:
    """A row with the rows of its arms; only a branch has any."""

    step: Step
    arms: dict[str, list[Node]] = field(default_factory=lambda: {arm: [] for arm in ARMS})


@dataclass(frozen=True, slots=True)
class Spot:
    """A place between rows: in which list, at which index, and under which branch and arm that list stands."""

    rows: list[Node]
    index: int
    parent: str
    arm: str


def tree(steps: Sequence[Step]) -> list[Node]:
    """The rows of the trunk, each with its arms. A row whose branch is gone belongs to the trunk."""
    nodes = {step.key: Node(step) for step in steps}
    trunk: list[Node] = []
    for step in steps:
        parent = nodes.get(step.parent_key)
        home = parent.arms[step.arm] if parent and parent.step.kind == BRANCH and step.arm in ARMS else trunk
        home.append(nodes[step.key])
    return trunk


def flat(trunk: Sequence[Node]) -> tuple[Step, ...]:
    """The rows in table order, numbered, each naming its branch and arm."""
    return tuple(
        replace(step, position=position, parent_key=parent, arm=arm)
        for position, (step, parent, arm) in enumerate(_walk(trunk, "", ""), start=1)
    )


def spots(steps: Sequence[Step]) -> tuple[tuple[Step | None, str, str], ...]:
    """What the table shows in order: each row, and an empty arm as (None, its branch, its arm)."""
    return tuple(_shown(tree(steps), "", ""))


def below(steps: Sequence[Step], key: str) -> frozenset[str]:
    """Keys of the rows inside a branch, however deep."""
    trunk = tree(steps)
    spot = _find(trunk, key)
    return frozenset(step.key for step, _p, _a in _walk([spot.rows[spot.index]], "", "")) - {key}


def insert(
    steps: Sequence[Step],
    step: Step,
    *,
    after: str = "",
    before: str = "",
    into: tuple[str, str] | None = None,
) -> tuple[Step, ...]:
    """A row behind or before another, as the last of an arm, or as the last of all; later months make room."""
    trunk = tree(steps)
    spot = _spot(trunk, after=after, before=before, into=into)
    if step.kind in DATED:
        offset, day = _next_month(_before(trunk, spot))
        step = replace(step, offset_months=offset, want_day=day)
    spot.rows.insert(spot.index, Node(step))
    if step.kind in DATED:
        _make_room(trunk, step.key, step.offset_months)
    return flat(trunk)


def remove(steps: Sequence[Step], key: str) -> tuple[Step, ...]:
    """Without the row, and without its arms when it is a branch."""
    trunk = tree(steps)
    spot = _find(trunk, key)
    del spot.rows[spot.index]
    return flat(trunk)


def move(steps: Sequence[Step], key: str, *, up: bool) -> tuple[Step, ...]:
    """One place up or down, through the arms of a branch on the way; at the end of the table nothing happens.

    Two mails that change places leave month and day with the place: what is told moves.
    """
    trunk = tree(steps)
    here = _find(trunk, key)
    node = here.rows[here.index]
    neighbour = here.index - 1 if up else here.index + 1
    if 0 <= neighbour < len(here.rows):
        other = here.rows[neighbour]
        del here.rows[here.index]
        if other.step.kind == BRANCH:
            home = other.arms["else" if up else "yes"]
            home.insert(len(home) if up else 0, node)
        else:
            here.rows.insert(neighbour, node)
            _swap_months(node, other)
        return flat(trunk)
    if not here.parent:
        return flat(trunk)
    branch = _find(trunk, here.parent)
    del here.rows[here.index]
    if (here.arm == "yes") == up:
        branch.rows.insert(branch.index if up else branch.index + 1, node)
        return flat(trunk)
    home = branch.rows[branch.index].arms["yes" if up else "else"]
    home.insert(len(home) if up else 0, node)
    return flat(trunk)


def duplicate(steps: Sequence[Step], key: str, *, new_key: Callable[[], str]) -> tuple[tuple[Step, ...], str]:
    """The rows with a copy behind the row, arms included, and the copy's key. A mail comes a month later."""
    trunk = tree(steps)
    spot = _find(trunk, key)
    original = spot.rows[spot.index]
    keys = {step.key: new_key() for step, _p, _a in _walk([original], "", "")}
    copied = _copy(original, keys)
    if copied.step.kind in DATED:
        copied.step = replace(copied.step, offset_months=copied.step.offset_months + 1)
    spot.rows.insert(spot.index + 1, copied)
    if copied.step.kind in DATED:
        _make_room(trunk, copied.step.key, copied.step.offset_months)
    return flat(trunk), keys[key]


def change(steps: Sequence[Step], key: str, **values: object) -> tuple[Step, ...]:
    """A row with other values. A branch that becomes something else lets go of its rows: they stay behind it."""
    trunk = tree(steps)
    spot = _find(trunk, key)
    node = spot.rows[spot.index]
    was_branch = node.step.kind == BRANCH
    node.step = replace(node.step, **values)  # type: ignore[arg-type]
    if was_branch and node.step.kind != BRANCH:
        spot.rows[spot.index + 1 : spot.index + 1] = [*node.arms["yes"], *node.arms["else"]]
        node.arms = {arm: [] for arm in ARMS}
    return flat(trunk)


def _walk(rows: Sequence[Node], parent: str, arm: str) -> Iterator[tuple[Step, str, str]]:
    for node in rows:
        yield node.step, parent, arm
        for name in ARMS:
            yield from _walk(node.arms[name], node.step.key, name)


def _shown(rows: Sequence[Node], parent: str, arm: str) -> Iterator[tuple[Step | None, str, str]]:
    for node in rows:
        yield node.step, parent, arm
        if node.step.kind != BRANCH:
            continue
        for name in ARMS:
            if node.arms[name]:
                yield from _shown(node.arms[name], node.step.key, name)
            else:
                yield None, node.step.key, name


def _find(rows: list[Node], key: str, parent: str = "", arm: str = "") -> Spot:
    found = _search(rows, key, parent, arm)
    if found is None:
        raise Missing(key)
    return found


def _search(rows: list[Node], key: str, parent: str, arm: str) -> Spot | None:
    for index, node in enumerate(rows):
        if node.step.key == key:
            return Spot(rows, index, parent, arm)
        for name in ARMS:
            found = _search(node.arms[name], key, node.step.key, name)
            if found is not None:
                return found
    return None


def _spot(trunk: list[Node], *, after: str, before: str, into: tuple[str, str] | None) -> Spot:
    if into is not None:
        branch = _find(trunk, into[0])
        node = branch.rows[branch.index]
        if node.step.kind != BRANCH or into[1] not in ARMS:
            raise Missing(into[0])
        home = node.arms[into[1]]
        return Spot(home, len(home), into[0], into[1])
    if after or before:
        found = _find(trunk, after or before)
        return replace(found, index=found.index + 1) if after else found
    return Spot(trunk, len(trunk), "", "")


def _before(trunk: list[Node], spot: Spot) -> list[Step]:
    """The dated rows that come before a place on the way to it; of a branch passed by, both arms."""
    rows = [step for step, _p, _a in _walk(spot.rows[: spot.index], "", "") if step.kind in DATED]
    if not spot.parent:
        return rows
    return [*_before(trunk, _find(trunk, spot.parent)), *rows]


def _next_month(before: Sequence[Step]) -> tuple[int, int]:
    """Month offset and wanted day proposed for a new mail: a month after the latest, on its day."""
    if not before:
        return 0, 1
    last = max(before, key=lambda step: step.offset_months)
    return last.offset_months + 1, last.want_day if last.want_day > 1 else 10


def _make_room(trunk: list[Node], key: str, offset: int) -> None:
    """Mails behind a new one move on where the months would no longer go up."""
    spot: Spot | None = _find(trunk, key)
    latest: int | None = offset
    while spot is not None and latest is not None:
        latest = _push(spot.rows[spot.index + 1 :], latest)
        spot = _find(trunk, spot.parent) if spot.parent else None


def _push(rows: Sequence[Node], latest: int) -> int | None:
    """The month that stands after these rows; None as soon as one of them had room enough."""
    for node in rows:
        if node.step.kind in DATED:
            if node.step.offset_months > latest:
                return None
            latest += 1
            node.step = replace(node.step, offset_months=latest)
        if node.step.kind == BRANCH:
            ends = [end for arm in ARMS if (end := _push(node.arms[arm], latest)) is not None]
            if not ends:
                return None
            latest = max(ends)
    return latest


def _swap_months(a: Node, b: Node) -> None:
    if a.step.kind in DATED and b.step.kind in DATED:
        at_a = (a.step.offset_months, a.step.want_day)
        a.step = replace(a.step, offset_months=b.step.offset_months, want_day=b.step.want_day)
        b.step = replace(b.step, offset_months=at_a[0], want_day=at_a[1])


def _copy(node: Node, keys: dict[str, str]) -> Node:
    step = replace(
        node.step,
        id=0,
        key=keys[node.step.key],
        goto_key=keys.get(node.step.goto_key, node.step.goto_key),
    )
    return Node(step, {arm: [_copy(inner, keys) for inner in node.arms[arm]] for arm in ARMS})
