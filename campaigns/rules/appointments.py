"""Visits that are agreed on: what may stand in the diary, what a report says, and what follows from it.

Source: S2-09, S0-08, S0-12, S0-28.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType

from campaigns.rules.touchpoints import Kind

LENGTH = timedelta(hours=1)
LONGEST = timedelta(hours=12)
FAR = timedelta(days=730)
PLACE_MAX, NOTE_MAX = 300, 4000
# After so many visits without anything else to do one waits for an answer (S0-08).
VISITS_BEFORE_WAITING = 2


class AppointmentError(ValueError):
    """What is wrong, by field: starts past, far; ends order, long; staff none, unknown; guests unknown; person unknown."""

    def __init__(self, errors: Mapping[str, str]) -> None:
        super().__init__(", ".join(f"{field}: {code}" for field, code in errors.items()))
        self.errors = dict(errors)


def wrong_times(starts_at: datetime, ends_at: datetime, *, now: datetime) -> dict[str, str]:
    """What is wrong with the times, by field. A visit that has begun is no plan any more: it is reported."""
    errors: dict[str, str] = {}
    if starts_at <= now:
        errors["starts"] = "past"
    elif starts_at > now + FAR:
        errors["starts"] = "far"
    if ends_at <= starts_at:
        errors["ends"] = "order"
    elif ends_at - starts_at > LONGEST:
        errors["ends"] = "long"
    return errors


class Result(StrEnum):
    """What a visit came to, in the order of the buttons."""

    TALKED = "talked"
    INTEREST = "interest"
    QUOTE = "quote"
    ABSENT = "absent"


class Next(StrEnum):
    """What follows a visit."""

    VISIT = "visit"
    CALL = "call"
    QUOTE = "quote"
    HAND_OFF = "hand_off"
    WAIT = "wait"
    NONE = "none"


# What the visit leaves on the timeline. Who was not there was not met.
TOUCHES: Mapping[Result, tuple[Kind, ...]] = MappingProxyType(
    {
        Result.TALKED: (Kind.VISIT,),
        Result.INTEREST: (Kind.VISIT,),
        Result.QUOTE: (Kind.VISIT, Kind.QUOTE_REQUEST),
        Result.ABSENT: (),
    }
)

# Business days until the follow-up is due.
DAYS: Mapping[Next, int] = MappingProxyType({Next.CALL: 5, Next.VISIT: 10, Next.QUOTE: 2})


@dataclass(frozen=True, slots=True)
class Known:
    """visits: to this lead so far, this one included. has_open_task: something else is to be done for it.
    is_with_sales: sales have it already."""

    visits: int = 1
    has_open_task: bool = False
    is_with_sales: bool = False


def proposals(result: Result, known: Known) -> tuple[Next, ...]:
    """What may follow, the one we propose first.

    After two or three visits with nothing left to do one waits for their answer instead of pressing on (S0-08).
    """
    waits = known.visits >= VISITS_BEFORE_WAITING and not known.has_open_task
    if result is Result.ABSENT:
        order = [Next.CALL, Next.VISIT, Next.NONE]
    elif result is Result.QUOTE:
        order = [Next.QUOTE, Next.VISIT, Next.WAIT, Next.CALL, Next.NONE]
    elif result is Result.INTEREST:
        first = [] if known.is_with_sales else [Next.HAND_OFF]
        order = [*first, Next.VISIT, Next.CALL, Next.WAIT, Next.NONE]
    else:
        order = [Next.CALL, Next.VISIT, Next.WAIT, Next.NONE]
    if waits and result in (Result.TALKED, Result.INTEREST):
        order = [Next.WAIT, *(one for one in order if one is not Next.WAIT)]
    return tuple(order)
