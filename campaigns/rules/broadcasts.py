"""Broadcasts: one mail about one theme of one product to many people on one day, under the one law.

What must be true before it may go, when a second person has to agree, and how an A/B test is decided: the
size of its sample stands before it begins, nobody looks meanwhile, and a tie says so.
Source: S2-14, S2-15, S2-17; spec 3.1.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from math import ceil, sqrt
from statistics import NormalDist, median
from zoneinfo import ZoneInfo

from campaigns.rules.audience import EVERYBODY, Audience
from campaigns.rules.rescheduling import nearby
from campaigns.rules.scenarios import DEFAULT_CLASSES
from campaigns.rules.schedule import WINDOWS, last_day, month_of_day
from campaigns.rules.tones import Tone, is_hard_class
from campaigns.rules.workdays import Calendar

MASS_SHARE = 0.5  # of all people: more than this asks for a second person (S2-15)
ALPHA, POWER = 0.05, 0.80
LIFT = 0.5  # the difference an A/B test is to see: half as many clicks again
RATE_FALLBACK = 0.03  # human clicks per mail where a product has too little past of its own
RATE_MIN_SENT = 200
SAMPLE_MIN = 20
WAIT_HOURS = (24, 48, 72, 120)
ALARM_RATE = 0.005
ALARM_TIMES = 3
ALARM_MIN = 2  # one refusal alone is no rate
MEDIAN_MIN_SENT = 100


class State(StrEnum):
    """asked: waits for a second person; approved: people are being enrolled; testing: the samples are out;
    sending: everybody's turn has come."""

    DRAFT = "draft"
    ASKED = "asked"
    REFUSED = "refused"
    APPROVED = "approved"
    TESTING = "testing"
    SENDING = "sending"
    DONE = "done"
    CANCELLED = "cancelled"


EDITABLE = frozenset({State.DRAFT.value, State.REFUSED.value})
# May be cancelled; a large one stays approved until the next minute's work, or for as long as no worker runs.
RUNNING = frozenset({State.APPROVED.value, State.TESTING.value, State.SENDING.value})


@dataclass(frozen=True, slots=True)
class Plan:
    """A broadcast as it stands in its form. ab: "", subject, content; sample_n: people of each arm.

    event_id: people met there, None for all. invites_to: the event that its mail invites to; whose answers come in
    by the links of that mail. valid_until: who has no month free by then is left out.
    """

    name: str = ""
    product_id: int | None = None
    theme: str = ""
    classes: tuple[str, ...] = DEFAULT_CLASSES
    event_id: int | None = None
    invites_to: int | None = None
    audience: Audience = EVERYBODY
    content_id: int | None = None
    content_tone: str = Tone.INFO.value
    send_on: date | None = None
    valid_until: date | None = None
    ab: str = ""
    content_b_id: int | None = None
    subject_b: str = ""
    sample_n: int = 0
    wait_hours: int = 48


@dataclass(frozen=True, slots=True)
class Problem:
    """What stands against it, at which field of its form. code and args are data."""

    field: str
    code: str
    args: Mapping[str, object]


def check(
    plan: Plan, *, people: int, earliest: date, calendar: Calendar, zone: ZoneInfo
) -> tuple[Problem, ...]:
    """Everything that stands against sending. people: of the audience. earliest: the first day for mail."""
    return (
        *_check_head(plan, people),
        *_check_days(plan, earliest, calendar),
        *_check_ab(plan, people, calendar, zone),
    )


def _check_head(plan: Plan, people: int) -> Iterable[Problem]:
    for name in ("name", "product_id", "theme", "content_id"):
        if not getattr(plan, name):
            yield Problem(name, f"{name}_missing", {})
    if not plan.classes:
        yield Problem("classes", "classes_missing", {})
    elif not people:
        yield Problem("classes", "nobody", {})
    barred = [c for c in plan.classes if not is_hard_class(c)]
    if plan.content_tone == Tone.SALES_HARD and barred:
        yield Problem("content_id", "sales_hard_for_class", {"classes": "・".join(barred)})


def _check_days(plan: Plan, earliest: date, calendar: Calendar) -> Iterable[Problem]:
    if plan.send_on is None:
        yield Problem("send_on", "send_on_missing", {})
        return
    code = "past" if plan.send_on < earliest else ""
    if not code and not calendar.is_business_day(plan.send_on):
        code = "closed"
    if code:
        instead = nearby(max(plan.send_on, earliest), plan.send_on, earliest=earliest, calendar=calendar)
        yield Problem("send_on", f"send_on_{code}", {"day": plan.send_on, "instead": instead})
    if plan.valid_until is not None and plan.valid_until < plan.send_on:
        yield Problem("valid_until", "valid_until_early", {})


def _check_ab(plan: Plan, people: int, calendar: Calendar, zone: ZoneInfo) -> Iterable[Problem]:
    if not plan.ab:
        return
    if plan.ab == "subject" and not plan.subject_b.strip():
        yield Problem("subject_b", "subject_b_missing", {})
    if plan.ab == "content" and plan.content_b_id is None:
        yield Problem("content_b_id", "content_b_missing", {})
    elif plan.ab == "content" and plan.content_b_id == plan.content_id:
        yield Problem("content_b_id", "content_b_same", {})
    if plan.sample_n < SAMPLE_MIN:
        yield Problem("sample_n", "sample_small", {"least": SAMPLE_MIN})
    elif 2 * plan.sample_n >= people:
        yield Problem("sample_n", "sample_large", {"most": max((people - 1) // 2, 0), "people": people})
    if plan.send_on is not None:
        latest = latest_test_day(plan.send_on, plan.wait_hours, calendar=calendar, zone=zone)
        if latest is None or plan.send_on > latest:
            yield Problem("send_on", "decided_too_late", {"hours": plan.wait_hours, "latest": latest})


def decide_at(send_on: date, wait_hours: int, *, zone: ZoneInfo) -> datetime:
    """When a test is decided: so many hours after the samples' last hour for mail (aware)."""
    end = max(end for _, end in WINDOWS)
    return datetime.combine(send_on, time(end // 60, end % 60), tzinfo=zone) + timedelta(hours=wait_hours)


def latest_test_day(send_on: date, wait_hours: int, *, calendar: Calendar, zone: ZoneInfo) -> date | None:
    """The last day of the month on which a test can begin, so that the rest still gets its mail in the month."""
    last = calendar.previous_business_day(last_day(month_of_day(send_on)))
    for back in range(31):
        day = last - timedelta(days=back)
        if day.month != send_on.month:
            return None
        decided = decide_at(day, wait_hours, zone=zone).date()
        if calendar.is_business_day(day) and decided < last:
            return day
    return None


def needs_second(people: int, everybody: int) -> bool:
    """Whether so many of all people ask for a second person's approval: more than half of them."""
    return people > MASS_SHARE * everybody


def sample_size(rate: float, *, lift: float = LIFT) -> int:
    """People of each arm, so that a rate that rises by `lift` is seen four times out of five.

    Two-sided test of two proportions at 5 %, power 80 %, normal approximation with pooled variance.
    """
    a = min(max(rate, 0.001), 0.5)
    b = min(a * (1 + lift), 0.95)
    mean = (a + b) / 2
    z_alpha, z_power = NormalDist().inv_cdf(1 - ALPHA / 2), NormalDist().inv_cdf(POWER)
    spread = z_alpha * sqrt(2 * mean * (1 - mean)) + z_power * sqrt(a * (1 - a) + b * (1 - b))
    return ceil((spread / (b - a)) ** 2)


@dataclass(frozen=True, slots=True)
class Arm:
    """One arm of a test: mails sent, people who clicked (human ones only)."""

    sent: int
    clicked: int

    @property
    def rate(self) -> float:
        return self.clicked / self.sent if self.sent else 0.0


@dataclass(frozen=True, slots=True)
class Verdict:
    """winner: a or b; a tie gives A, the first choice. p: of the two-sided test."""

    winner: str
    is_tie: bool
    p: float


def decide(a: Arm, b: Arm) -> Verdict:
    """The winner by human clicks: a two-proportion z-test at 5 %."""
    if not a.sent or not b.sent:
        return Verdict("a", True, 1.0)
    pooled = (a.clicked + b.clicked) / (a.sent + b.sent)
    spread = sqrt(pooled * (1 - pooled) * (1 / a.sent + 1 / b.sent))
    if not spread:
        return Verdict("a", True, 1.0)
    p = 2 * (1 - NormalDist().cdf(abs(a.rate - b.rate) / spread))
    if p >= ALPHA:
        return Verdict("a", True, p)
    return Verdict("b" if b.rate > a.rate else "a", False, p)


def usual_rate(rates: Sequence[tuple[int, int]]) -> float | None:
    """The median refusal rate of a product's mailings. rates: (refusals, mails sent)."""
    known = [refused / sent for refused, sent in rates if sent >= MEDIAN_MIN_SENT]
    return median(known) if known else None


def is_alarming(refused: int, sent: int, usual: float | None) -> bool:
    """Refusals of one mail above 0.5 %, or three times what is usual for the product (S2-17)."""
    if refused < ALARM_MIN or not sent:
        return False
    rate = refused / sent
    return rate > ALARM_RATE or (usual is not None and usual > 0 and rate > ALARM_TIMES * usual)
