"""Versions: what a new version of a scenario changes, row by row, and where the people of the old one go on.

Rows are the same when they carry the same KEY. Who waits at a row that changed goes on by the marketer's
choice for that row: in the old version to its end, in the new one at the same row, or behind it. Nobody is left
at a row that is not there. Source: issue "Scenarios a marketer trusts", part 3; design 3.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from campaigns.rules import flow
from campaigns.rules.scenarios import Step


class Choice(StrEnum):
    """What becomes of the people who wait at a changed row."""

    MOVE = "move"  # on in the new version, at the same row, or at the next one where the row is gone
    KEEP = "keep"  # to the end of the version they are in
    SKIP = "skip"  # on in the new version, behind the row


class Kind(StrEnum):
    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"
    MOVED = "moved"  # the row stands elsewhere among those that stayed; its fields may have changed as well
    SAME = "same"


# What a row says, in the order of its form. The place (position, parent_key, arm) tells `moved`.
FIELDS = (
    "kind",
    "offset_months",
    "want_day",
    "content_id",
    "tone",
    "valid_until",
    "title",
    "condition",
    "wait_days",
    "who",
    "due_days",
    "event_id",
    "goto_key",
)
WORDS = "words"  # the mail's own text was rewritten, under the same content


@dataclass(frozen=True, slots=True)
class Change:
    """One row in both versions. old None: added; new None: removed. fields: names of FIELDS that differ, WORDS."""

    key: str
    kind: Kind
    old: Step | None
    new: Step | None
    fields: tuple[str, ...] = ()

    @property
    def asks(self) -> bool:
        """Whether people may wait at this row for whom a choice is needed."""
        return self.old is not None and self.kind is not Kind.SAME

    @property
    def may_skip(self) -> bool:
        """A row that is gone is behind everybody already."""
        return self.new is not None


def changes(
    old: Sequence[Step], new: Sequence[Step], *, rewritten: frozenset[str] = frozenset()
) -> tuple[Change, ...]:
    """Every row of both versions in the order of the new one; rows that are gone stand where they stood.

    rewritten: KEYs whose mail has other words than the one that was frozen.
    """
    before = {step.key: step for step in old}
    stayed = _in_order(old, new)
    found = [_change(before.get(step.key), step, stayed, rewritten) for step in new]
    for place, step in enumerate(old):
        if not any(change.key == step.key for change in found):
            after = old[place - 1].key if place else None
            found.insert(_behind(found, after), Change(step.key, Kind.REMOVED, step, None))
    return tuple(found)


def _behind(found: Sequence[Change], key: str | None) -> int:
    return next((place + 1 for place, change in enumerate(found) if change.key == key), 0)


def _change(old: Step | None, new: Step, stayed: frozenset[str], rewritten: frozenset[str]) -> Change:
    if old is None:
        return Change(new.key, Kind.ADDED, None, new)
    fields = tuple(name for name in FIELDS if getattr(old, name) != getattr(new, name))
    if new.key in rewritten and "content_id" not in fields:
        fields = (*fields, WORDS)
    if new.key not in stayed or (old.parent_key, old.arm) != (new.parent_key, new.arm):
        return Change(new.key, Kind.MOVED, old, new, fields)
    return Change(new.key, Kind.CHANGED if fields else Kind.SAME, old, new, fields)


def _in_order(old: Sequence[Step], new: Sequence[Step]) -> frozenset[str]:
    """The most KEYs of both versions that kept their order: the longest increasing run of old places."""
    place = {step.key: index for index, step in enumerate(old)}
    shared = [step.key for step in new if step.key in place]
    tails: list[int] = []  # the smallest old place that ends a run of each length
    ends: list[int] = []  # its index among the shared ones
    back: list[int] = []  # the one before, for each shared one; -1 at the start of a run
    for index, key in enumerate(shared):
        length = bisect_left(tails, place[key])
        back.append(ends[length - 1] if length else -1)
        tails[length : length + 1] = [place[key]]
        ends[length : length + 1] = [index]
    kept, index = set(), ends[-1] if ends else -1
    while index >= 0:
        kept.add(shared[index])
        index = back[index]
    return frozenset(kept)


@dataclass(frozen=True, slots=True)
class Move:
    """People at a row of the old version go on at a row of the new one. new 0: all rows are behind them.

    shift: months by which the row lies later in the new version. is_same: it is the same row, so that what is
    under way there (a wait, a watch) goes on; elsewhere it begins anew.
    """

    old: int
    new: int
    shift: int
    is_same: bool


def moves(old: Sequence[Step], new: Sequence[Step], choices: Mapping[str, Choice]) -> tuple[Move, ...]:
    """Where everybody of the old version goes on, by the row at which they wait; rows that are kept are left out.

    choices: by KEY of the old rows; MOVE for those without one. Who waits at an unchanged row moves, whatever was
    chosen elsewhere.
    """
    resumed = flow.resume_positions(old, new)
    at = {step.key: step for step in new}
    by_position = {step.position: step for step in new}
    graph = flow.graph(new)
    found = []
    for step in old:
        choice = choices.get(step.key, Choice.MOVE)
        if choice is Choice.KEEP:
            continue
        place = resumed[step.position]
        if choice is Choice.SKIP and step.key in at:
            place = graph.node(at[step.key].position).next
        to = by_position.get(place)
        shift = to.offset_months - step.offset_months if to else 0
        is_same = to is not None and to.key == step.key and _goes_on(step, to)
        found.append(Move(step.position, to.position if to else 0, shift, is_same))
    return tuple(found)


def _goes_on(old: Step, new: Step) -> bool:
    """Whether a wait or a watch that is under way is still the same one."""
    return (old.kind, old.wait_days, old.condition) == (new.kind, new.wait_days, new.condition)
