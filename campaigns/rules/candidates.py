"""Candidates: which product gets a person's one mail of the month, and why the others wait.

choose() works on plain ints (months as in `schedule`, date ordinals) and named tuples, because the planner calls
it a million times a run: a frozen dataclass of 14 fields takes 2.2 us to make, a named tuple 0.5.
Source: spec 3.1 to 3.3.
"""

from collections.abc import Sequence
from typing import NamedTuple

from campaigns.rules.ranks import ORDER
from campaigns.rules.schedule import MonthPlan, month_plan
from campaigns.rules.tones import TONE_EVERY, blocked_tone
from campaigns.rules.workdays import Calendar

STARVED_MONTHS = 3
NO_OWN_DAYS = Calendar()


class Candidate(NamedTuple):
    """A due step that asks for the person's month.

    due_month: the month in which it first could have gone. priority: 1 is high. valid_until: ordinal of the
    last day it makes sense, 0 for ever. block: reason code if the person may not get it at all (refusal,
    consent, state), else None. not_before: ordinal of the first day its product's hours leave, 0 for any.
    """

    enrollment_id: int
    product_id: int
    due_month: int
    want_day: int
    rank: str = "nurture"
    priority: int = 5
    tone: str = "info"
    valid_until: int = 0
    block: str | None = None
    not_before: int = 0
    tone_every: int = TONE_EVERY


class Situation(NamedTuple):
    """What binds a person in the month that is decided.

    earliest: first ordinal day on which a mail may still go. next_free_on: ordinal of the gap's end, 0 if
    none. taken: products whose mail of this month is planned, sent or in doubt. last_month: month of the
    last counted mail, 0 if none; every, slowed_by: from rhythm(). recent_tones: newest first.
    """

    month: int
    earliest: int
    calendar: Calendar = NO_OWN_DAYS
    next_free_on: int = 0
    taken: tuple[int, ...] = ()
    cap_max: int = 1
    last_month: int = 0
    every: int = 1
    recent_tones: tuple[str, ...] = ()
    company_class: str = "-"
    slowed_by: str = "less_often"


class Winner(NamedTuple):
    """The step that gets the month, its day as an ordinal, and by what it won ("alone" if unopposed)."""

    enrollment_id: int
    product_id: int
    day: int
    reason: str


class CarriedOver(NamedTuple):
    """A step that gave way. until: ordinal of the next decision, which is for the given month."""

    enrollment_id: int
    by_product_id: int | None
    reason: str
    until: int
    month: int


class Blocked(NamedTuple):
    """A step that may not go. until: ordinal of the day it is asked again, None if never by itself."""

    enrollment_id: int
    reason: str
    until: int | None = None


class Choice(NamedTuple):
    winner: Winner | None = None
    carried: tuple[CarriedOver, ...] = ()
    blocked: tuple[Blocked, ...] = ()


# The order among candidates (spec 3.2); the first differing position is the loser's reason.
POSITIONS = ("starved", "expiring", "rank", "priority", "waiting", "product_id", "enrollment_id")


def sort_key(candidate: Candidate, plan: MonthPlan) -> tuple[int, ...]:
    """Who goes first: three months of waiting and longest, then what expires this month, then the rest."""
    waiting = max(plan.month - candidate.due_month, 0)
    return (
        -waiting if waiting >= STARVED_MONTHS else 0,
        0 if 0 < candidate.valid_until <= plan.last else 1,
        ORDER[candidate.rank],
        candidate.priority,
        -waiting,
        candidate.product_id,
        candidate.enrollment_id,
    )


def choose(candidates: Sequence[Candidate], *, ctx: Situation) -> Choice:
    """Which of a person's due steps gets the month, and why the others wait.

    One mail a call; where cap_max is above 1 the planner asks again with the winner among the taken ones.
    A missed month is lost: there is never a second mail to catch up. Source: spec 3.1, 3.2, 3.3.
    """
    plan = month_plan(ctx.month, ctx.calendar)
    open_ones: list[Candidate] = []
    blocked: list[Blocked] = []
    for candidate in candidates:
        reason = _block_of(candidate, ctx, plan)
        if reason is None:
            open_ones.append(candidate)
        else:
            again = next_decision(candidates, ctx, ctx.month + 1) if reason in ASKED_AGAIN else None
            blocked.append(Blocked(candidate.enrollment_id, reason, again))
    if not open_ones:
        return Choice(blocked=tuple(blocked))
    held, month = _held(ctx, plan), ctx.month + 1
    if held == ctx.slowed_by:
        month = ctx.last_month + ctx.every
    until = next_decision(open_ones, ctx, month)
    if held is not None:
        by = ctx.taken[0] if held == "month_taken" else None
        waits = tuple(CarriedOver(c.enrollment_id, by, held, until, month) for c in open_ones)
        return Choice(carried=waits, blocked=tuple(blocked))
    ranked = sorted(((sort_key(c, plan), c) for c in open_ones), key=lambda pair: pair[0])
    (best, first), others = ranked[0], ranked[1:]
    carried = tuple(
        CarriedOver(c.enrollment_id, first.product_id, _difference(best, key), until, month)
        for key, c in others
    )
    day = _day_of(first, ctx, plan)
    won_by = _difference(best, others[0][0]) if others else "alone"
    return Choice(Winner(first.enrollment_id, first.product_id, day, won_by), carried, tuple(blocked))


# Reasons that time or the next mail may lift; the others end the step or wait for somebody's act.
ASKED_AGAIN = frozenset({"tone_ratio", "tone_hard", "not_due", "product_taken"})


def _block_of(candidate: Candidate, ctx: Situation, plan: MonthPlan) -> str | None:
    """Why a candidate is out before the ordering, or None."""
    if candidate.block is not None:
        return candidate.block
    if candidate.due_month > ctx.month:
        return "not_due"
    if candidate.valid_until and candidate.valid_until < (_day_of(candidate, ctx, plan) or ctx.earliest):
        return "expired"
    if candidate.product_id in ctx.taken and len(ctx.taken) < ctx.cap_max:
        return "product_taken"
    return blocked_tone(
        candidate.tone,
        recent=ctx.recent_tones,
        company_class=ctx.company_class,
        rank=candidate.rank,
        every=candidate.tone_every,
    )


def _held(ctx: Situation, plan: MonthPlan) -> str | None:
    """Why the person gets no mail at all in this month, or None."""
    if len(ctx.taken) >= ctx.cap_max:
        return "month_taken"
    if ctx.every > 1 and ctx.last_month and ctx.month < ctx.last_month + ctx.every:
        return ctx.slowed_by
    last_open = plan.table.previous_open(plan.last)
    if ctx.next_free_on > last_open:
        return "gap"
    return "month_over" if ctx.earliest > last_open else None


def _day_of(candidate: Candidate, ctx: Situation, plan: MonthPlan) -> int:
    """Ordinal of the sending day: the wanted one, later if the gap or today asks for it; 0 if none is left.

    Like the wanted day itself it follows the calendar, but backwards at the month's end.
    """
    floor = max(ctx.earliest, ctx.next_free_on, candidate.not_before)
    target = max(plan.wanted[candidate.want_day], floor)
    if target > plan.last:
        return 0
    found = plan.table.next_open(target)
    if found:
        return found
    last_open = plan.table.previous_open(plan.last)
    return last_open if last_open >= floor else 0


def next_decision(candidates: Sequence[Candidate], ctx: Situation, month: int) -> int:
    """Ordinal of the day on which the person's mail of a later month is chosen, at the earliest tomorrow."""
    want = min((c.want_day for c in candidates), default=1)
    return max(month_plan(month, ctx.calendar).decide[want], ctx.earliest + 1)


def _difference(best: tuple[int, ...], key: tuple[int, ...]) -> str:
    """The first position in which a candidate is behind the best one."""
    differing = (name for name, a, b in zip(POSITIONS, best, key, strict=True) if a != b)
    return next(differing, POSITIONS[-1])
