"""Planning: the values that a decision is made of, the clock of a run, and what follows after a mail.

Plain values in, plain values out: the planner feeds `decisions` from SQL, the simulation from a snapshot with the
clock passed in. Days are date ordinals (0: none), months as in `schedule`. Named tuples, as there.
Source: spec 3.1, 3.2.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from campaigns.rules import schedule
from campaigns.rules.candidates import Candidate
from campaigns.rules.scenarios import ContentKind
from campaigns.rules.schedule import WINDOWS
from campaigns.rules.tones import TONE_EVERY
from campaigns.rules.workdays import Calendar

DECIDE_AT = time(6, 0)  # decisions are taken at six in the morning (spec 3.2)
VETO_DAYS = (
    2  # business days for which the owner of an A, B or C2 company sees a mail before it goes (3.1.12)
)
NEVER = 0  # no day: nothing is left to decide
# The step key of a mail in the place of a row, by the reason that its delivery tells; no row's key has a colon.
IN_PLACE = {"silent:permission": "permission_asked", "silent:shelf": "shelf_instead"}

# What a mail that cannot go ends in, and whether its enrolment goes on to the next row.
ENDS: dict[str, tuple[str, bool]] = {
    "expired": ("expired", True),
    "content_repeated": ("cancelled", True),
    "no_consent": ("no_consent", False),
    "no_address": ("suppressed", False),
    "address_hard": ("suppressed", False),
    "address_complaint": ("suppressed", False),
}
REFUSED = frozenset({"refused_global", "refused_product", "refused_new_products"})
STOPPED = REFUSED | {"person_excluded", "product_inactive"}


class Today(NamedTuple):
    """The clock of a run. earliest: the first day on which a mail decided now can go; cap: mails a month."""

    day: int
    month: int
    earliest: int
    earliest_seen: int  # where the owner sees each mail beforehand
    calendar: Calendar
    cap: int


class Next(NamedTuple):
    """The row that follows a mail.

    kind: mail; shelf; stay (on the shelf, one round later); same (the mail goes in the row's place, and the row
    waits); other (a wait, a branch, a task); end (position 0).
    """

    position: int = 0
    kind: str = "end"
    offset_months: int = 0
    want_day: int = 1


THE_END = Next()


class Mail(NamedTuple):
    """A mail row of a version, as everybody who comes to it finds it. step_key: part of its origin."""

    step_key: str
    want_day: int = 10
    tone: str = "info"
    valid_until: int = 0
    content_id: int | None = None
    content_kind: str = ""
    next: Next = THE_END
    version_id: int = 0
    scenario_id: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Ask:
    """A mail that asks for somebody's month; without the enrolment's id, so that many people share one.

    Two asks are the same if they are one object: whoever makes them keeps one of each (see `Decider`).
    """

    mail: Mail
    product_id: int
    due_month: int
    start_month: int
    round: int = 1
    rank: str = "nurture"
    priority: int = 5
    block: str | None = None
    not_before: int = 0
    tone_every: int = TONE_EVERY

    def candidate(self, place: int) -> Candidate:
        """The ask as the rule of `schedule` wants it, numbered by its place among the person's asks."""
        mail = self.mail
        return Candidate(
            place,
            self.product_id,
            self.due_month,
            mail.want_day,
            self.rank,
            self.priority,
            mail.tone,
            mail.valid_until,
            self.block,
            self.not_before,
            self.tone_every,
        )


class Person(NamedTuple):
    """What binds a person in all months.

    every: months between two mails as the person asked. last_month: of the last counted mail, 0 if none;
    silent: counted mails since the last human sign. taken: (month, product) of slots that count, and slots:
    (month, number) of all, both of the person or of somebody else at the same mailbox, from this month on.
    """

    company_class: str = "-"
    next_free_on: int = 0
    every: int = 1
    last_month: int = 0
    silent: int = 0
    recent_tones: tuple[str, ...] = ()
    taken: tuple[tuple[int, int], ...] = ()
    slots: tuple[tuple[int, int], ...] = ()


class Written(NamedTuple):
    """A mail that reached a state. place: among the asks. day: of a planned one; slot_no: None without a slot."""

    place: int
    ask: Ask
    state: str
    reason: str
    month: int
    day: int = 0
    slot_no: int | None = None


class Move(NamedTuple):
    """An enrolment that goes on to its next row, after the mail of a month and day, or without one."""

    place: int
    position: int
    due_month: int
    due_on: int
    entered_on: int
    round: int
    status: str


class Held(NamedTuple):
    """An ask that waits: why, and the product that goes first if one does."""

    place: int
    reason: str
    by_product_id: int | None


@dataclass(frozen=True, slots=True, eq=False)
class Decision:
    """What is decided for a person; enrolments by their place among the asks.

    plan_at: the next decision, NEVER when nothing is left; it is the promise to all that are held.
    stopped: enrolments that end, and why. is_early: asked before the day; who is held stays as it was.
    """

    plan_at: int
    written: tuple[Written, ...] = ()
    moves: tuple[Move, ...] = ()
    held: tuple[Held, ...] = ()
    stopped: tuple[tuple[int, str], ...] = ()
    is_early: bool = False


def today(now: datetime, *, zone: ZoneInfo, calendar: Calendar, cap: int = 1) -> Today:
    """The clock for decisions taken now (aware)."""
    local = now.astimezone(zone)
    day = local.date()
    first = first_day(now, zone=zone)
    return Today(
        day=day.toordinal(),
        month=schedule.month_of_day(day),
        earliest=first.toordinal(),
        earliest_seen=calendar.add_business_days(day, VETO_DAYS).toordinal(),
        calendar=calendar,
        cap=cap,
    )


def due_day(now: datetime, *, zone: ZoneInfo) -> date:
    """Up to which day decisions are due: before six the day's own wait, what is overdue does not."""
    local = now.astimezone(zone)
    return local.date() if local.time() >= DECIDE_AT else local.date() - timedelta(days=1)


def first_day(now: datetime, *, zone: ZoneInfo, windows: tuple[tuple[int, int], ...] = WINDOWS) -> date:
    """The first day on which a mail decided now can go: tomorrow, once today's hours for mail are over."""
    local = now.astimezone(zone)
    over = local.hour * 60 + local.minute >= max(end for _, end in windows)
    return local.date() + timedelta(days=1) if over else local.date()


def go_on(place: int, ask: Ask, *, month: int, day: int) -> Move:
    """The enrolment's next row after a mail of that month and day.

    A missed month is lost: the next mail comes at least a month later, in its order (spec 3.1.7). Other rows
    are looked at on the morning after the mail.
    """
    after = ask.mail.next
    if after.kind == "end":
        return Move(place, after.position, ask.due_month, 0, day, ask.round, "done")
    if after.kind == "other":
        return Move(place, after.position, month + 1, day + 1, day, ask.round, "active")
    if after.kind == "stay":
        return Move(place, after.position, month + 1, 0, day, ask.round + 1, "active")
    due = max(ask.start_month + after.offset_months, month + 1)
    return Move(place, after.position, due, 0, day, ask.round, "active")


def in_place(row: Mail, *, content_id: int, kind: str, tone: str) -> Mail | None:
    """The mail that goes in a row's place to somebody silent for twelve; None where the row keeps its own.

    A thank-you mail answers a meeting, and what has a last day (an invitation, a broadcast) cannot wait.
    Source: spec 3.1.12 "evergreen twice a year + re-permission mail once".
    """
    if row.content_kind == ContentKind.THANKS or row.valid_until:
        return None
    key = "silent:permission" if kind == ContentKind.PERMISSION else "silent:shelf"
    return row._replace(
        step_key=key, content_id=content_id, content_kind=kind, tone=tone, next=Next(kind="same")
    )


def earlier(day: int, other: int) -> int:
    """The earlier of two days, either of which may be NEVER."""
    return min(day, other) if day and other else day or other
