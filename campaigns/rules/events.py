"""Events: exhibitions, private shows and seminars, where people are met and to which they are invited."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

NAME_MAX = 200
COST_MAX = 10**11


class Kind(StrEnum):
    """What is held."""

    EXHIBITION = "exhibition"
    PRIVATE_SHOW = "private_show"
    SEMINAR = "seminar"


@dataclass(frozen=True, slots=True)
class Plan:
    """What an event's form says. starts_on None: the day is not fixed yet. apply_by: the last day to sign up.
    cost_yen: all that it costs us; 0 where nobody has said."""

    name: str
    kind: str = Kind.EXHIBITION.value
    starts_on: date | None = None
    ends_on: date | None = None
    venue: str = ""
    apply_by: date | None = None
    owner_user_id: int | None = None
    cost_yen: int = 0

    @property
    def last_day(self) -> date | None:
        return self.ends_on or self.starts_on


def check(plan: Plan) -> dict[str, str]:
    """What is wrong, by field: missing, unknown, first_day_missing, before_first_day, after_last_day."""
    wrong = {}
    if not plan.name:
        wrong["name"] = "missing"
    if plan.kind not in list(Kind):
        wrong["kind"] = "unknown"
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
