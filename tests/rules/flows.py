"""Random flows, made by the designer's own moves: what a marketer can make, and the oddest of it."""

from __future__ import annotations

from itertools import count
from typing import Any

from hypothesis import strategies as st

from campaigns.rules import designing, flow
from campaigns.rules.conditions import Condition
from campaigns.rules.scenarios import Step
from tests.rules.rows import row

KINDS = st.sampled_from(
    ["mail", "mail", "mail", "branch", "branch", "call", "fax", "wait", "jump", "invite", "shelf"]
)
CONDITIONS = st.sampled_from(
    [
        Condition("clicked"),
        Condition("no_reaction"),
        Condition("opened"),
        Condition("rank", values=("hot", "warm")),
        Condition("class", values=("A",)),
    ]
)


def _new(draw: st.DrawFn, key: str) -> Step:
    kind = draw(KINDS)
    changes: dict[str, Any] = {"kind": kind, "key": key}
    if kind == flow.BRANCH:
        changes["condition"] = draw(CONDITIONS)
    if kind == flow.JUMP:
        changes["goto_key"] = flow.GO_END
    return row(1, **changes)


@st.composite
def flows(draw: st.DrawFn, *, most: int = 14, forward: bool = True) -> tuple[Step, ...]:
    """Rows after some of the designer's moves. forward: targets stand further down, so that nothing circles."""
    keys = (f"k{n}" for n in count(1))
    steps: tuple[Step, ...] = ()
    for _ in range(draw(st.integers(0, most))):
        step = _new(draw, next(keys))
        place: dict[str, Any] = {}
        if steps:
            other = draw(st.sampled_from(steps))
            place = {"after": other.key}
            if other.kind == flow.BRANCH and draw(st.booleans()):
                place = {"into": (other.key, draw(st.sampled_from(["yes", "else"])))}
        steps = designing.insert(steps, step, **place)
        move = draw(st.sampled_from(["", "", "up", "down", "copy", "remove"]))
        if move and steps:
            key = draw(st.sampled_from(steps)).key
            if move == "remove":
                steps = designing.remove(steps, key)
            elif move == "copy" and len(steps) < 30:
                steps = designing.duplicate(steps, key, new_key=lambda: next(keys))[0]
            else:
                steps = designing.move(steps, key, up=move == "up")
    return _aim(draw, steps, forward=forward)


def _aim(draw: st.DrawFn, steps: tuple[Step, ...], *, forward: bool) -> tuple[Step, ...]:
    """Some rows go on elsewhere than to the next one."""
    for step in steps:
        if step.kind != flow.SHELF and draw(st.integers(0, 5)) == 0:
            # A branch that goes on inside itself circles as well: its arms end where it goes on.
            inside = designing.below(steps, step.key)
            later = [o.key for o in steps if o.position > step.position and o.key not in inside]
            targets = later if forward else [o.key for o in steps]
            steps = designing.change(steps, step.key, goto_key=draw(st.sampled_from([flow.GO_END, *targets])))
        elif step.goto_key and step.goto_key != flow.GO_END:
            steps = designing.change(steps, step.key, goto_key="" if step.kind != flow.JUMP else flow.GO_END)
    return steps
