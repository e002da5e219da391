"""What another action matrix would ask of people today, beside what the present one asks. Source: issue "inside sales"."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from campaigns.rules.actions import Action, Kind, LeadFacts, Row, next_actions
from campaigns.rules.ranks import TRIGGERS, Rank, Ranked
from campaigns.rules.touchpoints import Kind as TouchKind


@dataclass(frozen=True, slots=True)
class Difference:
    """Of one lead. added: asked from now on and not open already; removed: asked no more, what is open stays;
    moved: asked with another day, priority or team."""

    added: tuple[Action, ...] = ()
    removed: tuple[Action, ...] = ()
    moved: tuple[Action, ...] = ()


def differ(
    ranked: Ranked,
    facts: LeadFacts,
    *,
    old: Sequence[Row],
    new: Sequence[Row],
    triggers: Mapping[TouchKind, timedelta] = TRIGGERS,
) -> Difference:
    """Both matrices asked about the same lead as it stands.

    What is open already is left out of neither, so that a task of yesterday does not hide a change; but it is not
    added once more. A silent lead is asked as one of the day's quota, and a visit as if the gate let the lead through.
    """
    bare = replace(facts, open_kinds=frozenset(), may_remeasure=ranked.rank is Rank.UNOBSERVED)
    before, after = _asked(ranked, bare, old, triggers), _asked(ranked, bare, new, triggers)
    return Difference(
        added=tuple(
            action for kind, action in after.items() if kind not in before and kind not in facts.open_kinds
        ),
        removed=tuple(action for kind, action in before.items() if kind not in after),
        moved=tuple(
            action
            for kind, action in after.items()
            if kind in before and kind not in facts.open_kinds and _moved(before[kind], action)
        ),
    )


def _asked(
    ranked: Ranked, facts: LeadFacts, matrix: Sequence[Row], triggers: Mapping[TouchKind, timedelta]
) -> dict[Kind, Action]:
    found = {one.kind: one for one in next_actions(ranked, facts, matrix=matrix, triggers=triggers)}
    if Kind.HANDOFF in found:
        through = replace(facts, has_been_offered=True)
        found |= {one.kind: one for one in next_actions(ranked, through, matrix=matrix, triggers=triggers)}
    return found


def _moved(old: Action, new: Action) -> bool:
    return (old.due_on, old.priority, old.team) != (new.due_on, new.priority, new.team)
