"""Conditions: what a branch asks of a person, and what the person answers.

A reaction is watched from the day a mail went out; everything else is read on the day the person comes to the
branch. Only human signs reach this module: whoever makes `Facts` leaves out touches whose validity is 0.
Days are date ordinals, 0 for none. Source: S2-01, S2-05; issue "Scenarios a marketer trusts", part 1.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple

from campaigns.rules import touchpoints
from campaigns.rules.ranks import ORDER, Rank
from campaigns.rules.touchpoints import KINDS, Group, Kind


class On(StrEnum):
    """What is asked. Up to RANK_FELL: what has happened since a mail."""

    OPENED = "opened"
    CLICKED = "clicked"
    VISITED = "visited"
    REPLIED = "replied"
    NO_REACTION = "no_reaction"
    RANK_ROSE = "rank_rose"
    RANK_FELL = "rank_fell"
    RANK = "rank"
    CLASS = "class"
    INDUSTRY = "industry"
    SIZE = "size"
    ROLE = "role"


# Plain strings, here and below: the hash of an enum's member costs a call, and the planner asks for each person.
RANK_MOVES = frozenset({On.RANK_ROSE.value, On.RANK_FELL.value})
REACTIONS = RANK_MOVES | {on.value for on in (On.OPENED, On.CLICKED, On.VISITED, On.REPLIED, On.NO_REACTION)}
# A touch wakes whoever stands at a branch; a rank can move by time alone, so a branch on it looks by itself.
LOOK_DAYS = 3
_SILENCE = On.NO_REACTION.value
MAX_WATCH_DAYS = 60
# Any other human touch, a talk at a stand say: no reaction by itself, yet nobody who came to us is silent.
OTHER = "other"
# An opened mail shows less than a click: images load in a preview pane. It answers `opened` alone.
LOUD = frozenset({On.CLICKED.value, On.VISITED.value, On.REPLIED.value, OTHER})
# Who clicked in a mail or answered it has opened it, whether or not the images were loaded.
ANSWERS: Mapping[str, frozenset[str]] = {
    On.OPENED.value: frozenset({On.OPENED.value, On.CLICKED.value, On.REPLIED.value}),
    On.CLICKED.value: frozenset({On.CLICKED.value}),
    On.VISITED.value: frozenset({On.VISITED.value}),
    On.REPLIED.value: frozenset({On.REPLIED.value}),
    On.NO_REACTION.value: LOUD,
    **{on: frozenset({on}) for on in RANK_MOVES},
}
_SIGNS: Mapping[Kind, str] = {
    Kind.MAIL_OPEN: On.OPENED.value,
    Kind.MAIL_CLICK: On.CLICKED.value,
    Kind.MAIL_REPLY: On.REPLIED.value,
}
_FIELDS: Mapping[str, str] = {
    On.RANK.value: "rank",
    On.CLASS.value: "company_class",
    On.INDUSTRY.value: "industry",
    On.SIZE.value: "size",
    On.ROLE.value: "role",
}
_RANKS = frozenset(rank.value for rank in Rank)
# Ranks somebody may be called at or visited; at the others it drives people away (S1-19).
ASKING = frozenset({Rank.HOT.value, Rank.WARM.value})


@dataclass(frozen=True, slots=True)
class Condition:
    """What a branch asks. of: KEY of the mail that is watched, '' for the last one; values: one must hold."""

    on: str = ""
    of: str = ""
    values: tuple[str, ...] = ()

    @property
    def is_reaction(self) -> bool:
        return self.on in REACTIONS


class Sign(NamedTuple):
    """A human touch, or a move of the rank. on: opened, clicked, visited, replied, other, rank_rose, rank_fell;
    key: KEY of the mail it answers, or ''."""

    on: str
    key: str
    day: int


class Facts(NamedTuple):
    """A person on the way through a scenario.

    start_month: of the enrolment, as in `schedule`. sent: (KEY, sending day) of its mails, oldest first, those
    that are planned included. signs: the human touches and moves of the rank since the first of them. size: the
    employees' band.
    """

    start_month: int = 0
    sent: tuple[tuple[str, int], ...] = ()
    signs: tuple[Sign, ...] = ()
    rank: str = Rank.UNOBSERVED.value
    company_class: str = "-"
    industry: str = ""
    size: str = ""
    role: str = ""


def move_of(old: str, new: str) -> str:
    """What a change of rank is called in a `Sign`."""
    return On.RANK_ROSE.value if ORDER[new] < ORDER[old] else On.RANK_FELL.value


def sign_of(kind: str, *, by_mail: bool = False) -> str:
    """What a touch of that kind is called in a `Sign`; '' if the person showed nothing by it.

    by_mail: it was done by a link in a mail of ours. Whoever answers an invitation there has clicked in it as surely
    as anybody can: a scanner follows the link, but presses nothing.
    """
    found = Kind(kind)
    if by_mail and (found in touchpoints.ANSWERS or found is Kind.SEMINAR_APPLY):
        return On.CLICKED.value
    if found in _SIGNS:
        return _SIGNS[found]
    if KINDS[found].group in (Group.WEB, Group.FORM):
        return On.VISITED.value
    return OTHER if KINDS[found].is_sign else ""


def watched(condition: Condition, facts: Facts) -> tuple[str, int]:
    """KEY and sending day of the mail whose echo is watched; ('', 0) when the person got none."""
    for one in reversed(facts.sent):
        if condition.of in ("", one[0]):
            return one
    return "", 0


def ask_on(condition: Condition, facts: Facts, *, wait_days: int) -> int:
    """The first day on which a reaction that did not come will not come any more; 0 if no mail is watched."""
    day = watched(condition, facts)[1]
    return day + wait_days + 1 if day else 0


def answer(condition: Condition, facts: Facts, *, wait_days: int, today: int) -> bool | None:
    """Yes or no; None while the days in which a reaction may come are not over.

    A mail that never went out has no echo: `no_reaction` is true of it, the other reactions are not.
    """
    if not condition.is_reaction:
        name = _FIELDS.get(condition.on)
        return name is not None and getattr(facts, name) in condition.values
    is_silence = condition.on == _SILENCE
    key, day = watched(condition, facts)
    if not day:
        return is_silence
    wanted = ANSWERS[condition.on]
    for sign in facts.signs:
        # A visit or a talk may belong to no mail; one that another mail led to is no echo of this one.
        if sign.on in wanted and sign.key in ("", key) and day <= sign.day <= day + wait_days:
            return not is_silence
    return is_silence if today > day + wait_days else None


def asks_who_asks(condition: Condition, arm: str) -> bool:
    """Whether everybody in this arm reacted or has a rank at which a call is welcome. Source: S1-19."""
    if condition.on == On.RANK:
        inside = frozenset(condition.values) if arm == "yes" else _RANKS - frozenset(condition.values)
        return inside <= ASKING
    if condition.on == On.NO_REACTION:
        return arm == "else"
    return arm == "yes" and condition.on in (On.CLICKED, On.VISITED, On.REPLIED)


def faults(
    condition: Condition | None, *, wait_days: int, known: Mapping[str, frozenset[str]]
) -> Iterator[str]:
    """Codes of what is wrong with a branch's condition. known: the values a condition may name, by what it asks."""
    if condition is None or condition.on not in set(On):
        yield "condition_missing"
    elif condition.is_reaction:
        if not 1 <= wait_days <= MAX_WATCH_DAYS:
            yield "watch_out_of_range"
    elif not condition.values:
        yield "values_missing"
    elif condition.on in known and not known[condition.on].issuperset(condition.values):
        yield "value_unknown"


def to_json(condition: Condition | None) -> dict[str, object]:
    """What the step's row keeps."""
    if condition is None:
        return {}
    return {"on": condition.on, "of": condition.of, "values": list(condition.values)}


def from_json(stored: Mapping[str, Any]) -> Condition | None:
    """The condition of a step's row; None when it has none."""
    if not stored:
        return None
    return Condition(stored.get("on", ""), stored.get("of", ""), tuple(stored.get("values", ())))
