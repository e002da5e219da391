"""Schedule: months, days and hours of mails, and which product gets a person's one mail of the month.

Months are ints, year * 12 + (month - 1), of the installation's zone. choose() works on plain ints (months,
date ordinals) and named tuples, because the planner calls it a million times a run: a frozen dataclass of 14
fields takes 2.2 us to make, a named tuple 0.5.
Source: spec 3.1 to 3.3.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from campaigns.rules.ranks import ORDER
from campaigns.rules.tones import TONE_EVERY, blocked_tone
from campaigns.rules.workdays import BusinessTable, Calendar, clamp_day

TOKYO = ZoneInfo("Asia/Tokyo")
# Minutes after midnight: 09:30-11:30 and 13:00-16:30.
WINDOWS: tuple[tuple[int, int], ...] = ((570, 690), (780, 990))
GAP_DAYS = 21
GAP_DAYS_MANY = 7
STARVED_MONTHS = 3
DECISION_LEAD = 3
# Counted mails without a human sign -> months between mails.
FATIGUE: tuple[tuple[int, int], ...] = ((12, 6), (6, 2))
NO_OWN_DAYS = Calendar()


def month_of(instant: datetime, zone: ZoneInfo = TOKYO) -> int:
    """The month of an aware instant in a zone: 31 Jan 15:00 UTC is February in Tokyo."""
    if instant.tzinfo is None:
        raise ValueError("an instant needs its zone")
    local = instant.astimezone(zone)
    return local.year * 12 + local.month - 1


def month_of_day(day: date) -> int:
    return day.year * 12 + day.month - 1


def month_label(month: int) -> str:
    """2026-11."""
    return f"{month // 12:04d}-{month % 12 + 1:02d}"


def parse_month(label: str) -> int:
    """The month of a label "2026-11"."""
    return month_of_day(date.fromisoformat(f"{label}-01"))


def first_day(month: int) -> date:
    return date(month // 12, month % 12 + 1, 1)


def last_day(month: int) -> date:
    return first_day(month + 1) - timedelta(days=1)


def month_start(month: int, zone: ZoneInfo = TOKYO) -> datetime:
    """The month's first instant, UTC."""
    return datetime.combine(first_day(month), time(0), tzinfo=zone).astimezone(UTC)


def month_end(month: int, zone: ZoneInfo = TOKYO) -> datetime:
    """The first instant after the month, UTC."""
    return month_start(month + 1, zone)


def wanted_day(month: int, want_day: int, calendar: Calendar) -> date:
    """The step's wanted day in a month: clamped to its end, then modified following. Source: spec 3.1.8."""
    return calendar.modified_following(clamp_day(month // 12, month % 12 + 1, want_day))


def decision_day(wanted: date, calendar: Calendar) -> date:
    """The day, at 06:00, on which the month's mail is chosen: three business days before the wanted one."""
    return calendar.add_business_days(wanted, -DECISION_LEAD)


def gap_days(cap_max: int) -> int:
    """Days between two counted mails: 21, or 7 where an admin allowed more than one a month."""
    return GAP_DAYS if cap_max <= 1 else GAP_DAYS_MANY


def every_months(preference: int, silent_mails: int) -> int:
    """Months between two mails: what the person asked for ("less often" is 2), slowed down by fatigue.

    silent_mails: counted mails since the last valid human sign. Source: spec 3.1.12, 3.4.
    """
    slow = next((months for mails, months in FATIGUE if silent_mails >= mails), 1)
    return max(preference, slow, 1)


def _mix(key: int, day: int) -> int:
    """A well spread 64-bit number from two ints (splitmix64); the same on every host and run."""
    z = (key * 0x9E3779B97F4A7C15 + day * 0xBF58476D1CE4E5B9 + 0x94D049BB133111EB) & 0xFFFFFFFFFFFFFFFF
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & 0xFFFFFFFFFFFFFFFF
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & 0xFFFFFFFFFFFFFFFF
    return z ^ (z >> 31)


@lru_cache(maxsize=1024)
def _open_spans(
    day: int, zone: ZoneInfo, windows: tuple[tuple[int, int], ...]
) -> tuple[tuple[int, int], ...]:
    """A day's hours for mail as seconds since 1970; by the wall clock, so a clock change keeps its hours."""
    midnight = datetime.combine(date.fromordinal(day), time(0), tzinfo=zone)
    return tuple(
        (
            int((midnight + timedelta(minutes=start)).timestamp()),
            int((midnight + timedelta(minutes=end)).timestamp()),
        )
        for start, end in windows
    )


def send_second(
    day: int, *, key: int, zone: ZoneInfo, windows: tuple[tuple[int, int], ...] = WINDOWS, not_before: int = 0
) -> int:
    """Second since 1970 at which a day's (an ordinal) mail goes out, spread evenly over the windows by its key.

    not_before narrows the windows to what is left of them; when nothing is left, it is the answer itself.
    """
    spans = _open_spans(day, zone, windows or WINDOWS)
    if not_before >= spans[0][0]:
        spans = tuple((max(start, not_before + 1), end) for start, end in spans if end > not_before)
        if not spans:
            return not_before
    place = _mix(key, day) % sum(end - start for start, end in spans)
    for start, end in spans:
        if place < end - start:
            break
        place -= end - start
    return start + place


def send_at(
    day: date,
    *,
    key: int,
    zone: ZoneInfo = TOKYO,
    windows: tuple[tuple[int, int], ...] = WINDOWS,
    not_before: datetime | None = None,
) -> datetime:
    """The instant of `send_second`, aware, UTC."""
    floor = 0 if not_before is None else int(not_before.timestamp())
    second = send_second(day.toordinal(), key=key, zone=zone, windows=windows, not_before=floor)
    return datetime.fromtimestamp(second, UTC)


@dataclass(frozen=True, slots=True)
class MonthPlan:
    """One month as ordinals. wanted[d], decide[d]: the day to send and to decide for want_day d (1..31)."""

    month: int
    first: int
    last: int
    wanted: tuple[int, ...]
    decide: tuple[int, ...]
    table: BusinessTable = field(repr=False)


@lru_cache(maxsize=64)
def month_plan(month: int, calendar: Calendar) -> MonthPlan:
    """The month's ordinals and tables, made once."""
    first, last = first_day(month), last_day(month)
    days = [wanted_day(month, d, calendar) for d in range(1, 32)]
    return MonthPlan(
        month=month,
        first=first.toordinal(),
        last=last.toordinal(),
        wanted=(0, *(d.toordinal() for d in days)),
        decide=(0, *(decision_day(d, calendar).toordinal() for d in days)),
        table=calendar.table(first, last),
    )


def company_day(day: int, *, place: int, people: int, table: BusinessTable) -> int:
    """Day of the place-th (from 0) person of a company who gets the same mail.

    More than five people are spread over three business days, inside the month. Source: spec 3.1.11.
    """
    if people <= 5 or place % 3 == 0:
        return day
    later = day
    for _ in range(place % 3):
        after = table.next_open(later + 1) if later < table.last else 0
        later = after or later
    return later


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
    last counted mail, 0 if none; every: months between two, from every_months(). recent_tones: newest first.
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
    if held == "less_often":
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
        return "less_often"
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
