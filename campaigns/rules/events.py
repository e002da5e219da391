"""Events: exhibitions, private shows and seminars, where people are met and to which they are invited."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from campaigns.rules import forms, touchpoints
from campaigns.rules.forms import Door

NAME_MAX = 200
COST_MAX = 10**11
COSTS_MAX = 20
SEATS_MAX = 100_000
WORDS_MAX = 2000
# What says that somebody was there; at an exhibition that is who was met.
CAME = (
    touchpoints.Kind.BADGE_SCAN,
    touchpoints.Kind.CARD_EXCHANGE,
    touchpoints.Kind.BOOTH_TALK,
    touchpoints.Kind.BOOTH_TALK_PROSPECT,
    touchpoints.Kind.SEMINAR_ATTEND,
)
# What says that somebody wants something of us.
ASKED = (touchpoints.Kind.DOC_REQUEST, touchpoints.Kind.INQUIRY, touchpoints.Kind.QUOTE_REQUEST)
# From this depth on somebody is a prospect, and may not be left without owner and next action (S0-01).
GAP_DEPTH = 3


class Kind(StrEnum):
    """What is held."""

    EXHIBITION = "exhibition"
    PRIVATE_SHOW = "private_show"
    SEMINAR = "seminar"


class Answer(StrEnum):
    """What somebody who was invited says."""

    YES = "yes"
    MAYBE = "maybe"
    NO = "no"


@dataclass(frozen=True, slots=True)
class Cost:
    """One line of what an event costs: booth, fitting, print."""

    label: str
    yen: int


@dataclass(frozen=True, slots=True)
class Plan:
    """What an event's form says. starts_on None: the day is not fixed yet. apply_by: the last day to sign up.
    capacity: seats, None for as many as come. follow_up: how the people met are followed afterwards."""

    name: str
    kind: str = Kind.EXHIBITION.value
    starts_on: date | None = None
    ends_on: date | None = None
    venue: str = ""
    apply_by: date | None = None
    owner_user_id: int | None = None
    costs: tuple[Cost, ...] = ()
    capacity: int | None = None
    has_waiting_list: bool = False
    follow_up: str = ""

    @property
    def last_day(self) -> date | None:
        return self.ends_on or self.starts_on

    @property
    def answer_by(self) -> date | None:
        """The last day on which an answer can be given or changed."""
        return self.apply_by or self.last_day

    @property
    def cost_yen(self) -> int:
        """All that it costs us; 0 where nobody has said."""
        return sum(cost.yen for cost in self.costs)


def check(plan: Plan) -> dict[str, str]:
    """What is wrong, by field: missing, unknown, not_seats, first_day_missing, before_first_day,
    after_last_day."""
    wrong = {}
    if not plan.name:
        wrong["name"] = "missing"
    if plan.kind not in list(Kind):
        wrong["kind"] = "unknown"
    if plan.capacity is not None and not 1 <= plan.capacity <= SEATS_MAX:
        wrong["capacity"] = "not_seats"
    if plan.ends_on is not None and plan.starts_on is None:
        wrong["starts_on"] = "first_day_missing"
    elif plan.ends_on is not None and plan.starts_on is not None and plan.ends_on < plan.starts_on:
        wrong["ends_on"] = "before_first_day"
    elif plan.apply_by is not None and plan.last_day is not None and plan.apply_by > plan.last_day:
        wrong["apply_by"] = "after_last_day"
    return wrong


def is_over(plan: Plan, *, today: date) -> bool:
    """Whether its last day has passed; an event without a day is still to come."""
    return plan.last_day is not None and plan.last_day < today


def door(plan: Plan, *, is_closed: bool, capacity: int | None, taken: int, today: date) -> Door:
    """Whether a yes is taken now, by the rules of forms. capacity: of whoever gives out the seats."""
    return forms.door(
        state="closed" if is_closed else "open",
        closes_on=plan.answer_by,
        event_over=is_over(plan, today=today),
        capacity=capacity,
        taken=taken,
        has_waiting_list=plan.has_waiting_list,
        today=today,
    )


def touch_of(kind: str, answer: Answer) -> touchpoints.Kind:
    """What an answer leaves on the timeline. Whoever says yes to a seminar or a private show signs up for it; that
    somebody may come by at an exhibition, may come or does not come, is worth no points."""
    if answer is Answer.YES:
        is_visit = kind == Kind.EXHIBITION.value
        return touchpoints.Kind.RSVP_YES if is_visit else touchpoints.Kind.SEMINAR_APPLY
    return touchpoints.Kind.RSVP_NO if answer is Answer.NO else touchpoints.Kind.RSVP_MAYBE


def scanned(kind: str) -> touchpoints.Kind:
    """What being checked in means: taking part; at an exhibition no more than that a badge was read."""
    if kind == Kind.EXHIBITION.value:
        return touchpoints.Kind.BADGE_SCAN
    return touchpoints.Kind.SEMINAR_ATTEND
