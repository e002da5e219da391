"""ASICA: the five stages in which a company buys, and what to find out in each.

Assignment, Solution, Inspection, Consent, Action (課題, 解決, 検証, 承認, 行動). A sheet may go back; each move is an
entry. Only people move it, never a click. Source: S0-07, S0-20, S0-21; spec 2.4.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from enum import StrEnum

ANSWER_MAX = 2000


class Stage(StrEnum):
    ASSIGNMENT = "assignment"
    SOLUTION = "solution"
    INSPECTION = "inspection"
    CONSENT = "consent"
    ACTION = "action"


PROMPTS: Mapping[Stage, tuple[str, ...]] = {
    Stage.ASSIGNMENT: ("requirements", "needs", "issues_ahead", "impact", "ability", "complaints"),
    Stage.SOLUTION: ("solution", "merits", "cost", "comparison", "documents"),
    Stage.INSPECTION: ("inspectors", "method", "findings", "doubts"),
    Stage.CONSENT: ("route", "interests", "handed", "ringi", "opponents"),
    Stage.ACTION: ("order_on", "amount", "terms", "result"),
}
# A solution without a word about the issue is a guess: the warning may be overridden. Complaints are a source for
# issues, not one of them.
ASKED_FIRST = PROMPTS[Stage.ASSIGNMENT][:5]


def is_prompt(stage: Stage, prompt: str) -> bool:
    return prompt in PROMPTS[stage]


def way(old: Stage, new: Stage) -> str:
    """A move as a touch keeps it: assignment>solution."""
    return f"{old}>{new}"


def stages_of(kept: str) -> tuple[Stage, ...]:
    """The stage that an ASICA touch is about, or the two of a move."""
    return tuple(Stage(one) for one in kept.split(">"))


def lacks_assignment(stage: Stage, *, now_at: Stage, answered: Collection[str]) -> bool:
    """Whether moving on to this stage skips the issue: the sheet is at Assignment, and none of its five prompts
    is answered. answered: prompts with an answer."""
    leaves = now_at == Stage.ASSIGNMENT and stage != Stage.ASSIGNMENT
    return leaves and not any(prompt in answered for prompt in ASKED_FIRST)
