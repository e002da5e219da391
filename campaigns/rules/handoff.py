"""The hand-off gate: which leads sales get now, and why the others wait.

Source: spec 3.5, S2-10 to S2-13, S2-21. Sales that are fed whiffs stop following; sales that are hungry
take more. Nothing held is lost: it stays in nurture or gets a qualification call.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum

from campaigns.rules.reasons import Reason
from campaigns.rules.workdays import Calendar

WINS_PRIOR, RESOLVED_PRIOR = 2, 8
LAST_RESOLVED = 20
TRUST_FLOOR = 0.20
BAR_MAX = 0.60
STALE = timedelta(days=14)
# How often sales are asked how much they take.
ASKED_EVERY = timedelta(days=7)
# Business days in which sales accept or return what they are offered.
ANSWER_DAYS = 3
REST_DAYS = 60


class Appetite(StrEnum):
    HUNGRY = "hungry"
    NORMAL = "normal"
    SELECTIVE = "selective"


class ReturnCode(StrEnum):
    """Why sales send a lead back: one click. Source: S2-22."""

    TOO_EARLY = "too_early"
    NO_BUDGET = "no_budget"
    NO_AUTHORITY = "no_authority"
    NO_NEED = "no_need"
    UNREACHABLE = "unreachable"
    NOT_TARGET = "not_target"
    ALREADY_OURS = "already_ours"
    OTHER = "other"


TARGETS = {Appetite.HUNGRY: 0.10, Appetite.NORMAL: 0.20, Appetite.SELECTIVE: 0.30}


@dataclass(frozen=True, slots=True)
class TeamState:
    """A sales team's state for a product.

    set_at: when the sales manager last said so, None for never. wins, resolved: of its last 20 resolved
    hand-offs. handed_this_week: those that the gate let through; inquiries do not count.
    """

    appetite: Appetite = Appetite.NORMAL
    set_at: datetime | None = None
    capacity_per_week: int = 5
    handed_this_week: int = 0
    wins: int = 0
    resolved: int = 0


@dataclass(frozen=True, slots=True)
class Offer:
    """A hot lead that asks for a rep. is_explicit: the customer asked (inquiry, quote request)."""

    lead_id: int
    p_win: float
    is_explicit: bool = False


@dataclass(frozen=True, slots=True)
class Placed:
    """offered: goes to sales now. reason: asked, over_bar, under_bar, no_capacity."""

    lead_id: int
    offered: bool
    reason: Reason


def trust(wins: int, resolved: int) -> float:
    """How far sales may trust us: the win rate of the last resolved hand-offs, with a prior of .25."""
    return (wins + WINS_PRIOR) / (resolved + RESOLVED_PRIOR)


def appetite_now(team: TeamState, *, now: datetime) -> Appetite:
    """The team's appetite; what was said more than 14 days ago, or never, counts as normal. Source: S2-12."""
    if team.set_at is None or now - team.set_at > STALE:
        return Appetite.NORMAL
    return team.appetite


def bar(team: TeamState, *, now: datetime) -> float:
    """The win rate from which a lead is handed over."""
    surcharge = max(0.0, TRUST_FLOOR - trust(team.wins, team.resolved))
    return min(BAR_MAX, TARGETS[appetite_now(team, now=now)] + surcharge)


def place(offers: Sequence[Offer], team: TeamState, *, now: datetime) -> list[Placed]:
    """What happens to each lead, best first. Explicit requests always go, and take no capacity."""
    least = bar(team, now=now)
    left = max(0, team.capacity_per_week - team.handed_this_week)
    placed = [Placed(o.lead_id, True, Reason("asked")) for o in offers if o.is_explicit]
    for offer in sorted((o for o in offers if not o.is_explicit), key=lambda o: (-o.p_win, o.lead_id)):
        values = {"p_win": offer.p_win, "bar": least}
        if offer.p_win < least:
            placed.append(Placed(offer.lead_id, False, Reason("under_bar", values)))
        elif left == 0:
            capacity = {**values, "capacity": team.capacity_per_week}
            placed.append(Placed(offer.lead_id, False, Reason("no_capacity", capacity)))
        else:
            left -= 1
            placed.append(Placed(offer.lead_id, True, Reason("over_bar", values)))
    return placed


def freed_by(p_win: float, held_reason: str, team: TeamState, *, now: datetime) -> tuple[Reason, ...]:
    """What would let a held lead through, the nearest first.

    next_week: its place, with the capacity. appetite: the pickiest one at which its win rate would suffice.
    rise: the win rate it lacks. asks: an inquiry or a request for a quote, which passes at once.
    """
    if held_reason == "no_capacity":
        return (Reason("next_week", {"capacity": team.capacity_per_week}), Reason("asks"))
    found = []
    lower = [one for one in reversed(Appetite) if TARGETS[one] < TARGETS[appetite_now(team, now=now)]]
    for appetite in lower:
        least = bar(replace(team, appetite=appetite, set_at=now), now=now)
        if p_win >= least:
            found.append(Reason("appetite", {"appetite": appetite.value, "bar": least}))
            break
    gap = bar(team, now=now) - p_win
    if gap > 0:
        found.append(Reason("rise", {"gap": gap}))
    return (*found, Reason("asks"))


def answer_due(offered_on: date, calendar: Calendar) -> date:
    """The last day on which sales answer an offer made that day."""
    return calendar.add_business_days(offered_on, ANSWER_DAYS)


def reminding(today: date, calendar: Calendar) -> date:
    """Reps are reminded today of what is due up to this day, the next business day: before the manager hears of it."""
    return calendar.add_business_days(today, 1)
