"""Planning one person: which of the due mails gets the month, who gives way and until when, what comes next.

Plain values in, plain values out: the planner feeds it from SQL, the simulation from a snapshot with the clock
passed in. Days are date ordinals (0: none), months as in `schedule`. Named tuples, as there. Source: spec 3.1, 3.2.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from campaigns.rules import schedule
from campaigns.rules.scenarios import FIELD_CLASSES
from campaigns.rules.schedule import (
    WINDOWS,
    Candidate,
    Choice,
    MonthPlan,
    Situation,
    every_months,
    month_plan,
)
from campaigns.rules.tones import TONE_EVERY
from campaigns.rules.workdays import Calendar

DECIDE_AT = time(6, 0)  # decisions are taken at six in the morning (spec 3.2)
VETO_DAYS = (
    2  # business days for which the owner of an A, B or C2 company sees a mail before it goes (3.1.12)
)
SHELF_MONTHS = 2  # the evergreen shelf gives a mail every second month
NEVER = 0  # no day: nothing is left to decide

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

    kind: mail; shelf; stay (on the shelf, one round later); other (a wait, a branch, a task); end (position 0).
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
        return Move(place, after.position, month + SHELF_MONTHS, 0, day, ask.round + 1, "active")
    step = SHELF_MONTHS if after.kind == "shelf" else 1
    due = max(ask.start_month + after.offset_months, month + step)
    return Move(place, after.position, due, 0, day, ask.round, "active")


def earlier(day: int, other: int) -> int:
    """The earlier of two days, either of which may be NEVER."""
    return min(day, other) if day and other else day or other


def decide(person: Person, asks: Sequence[Ask], *, clock: Today) -> Decision:
    """What is due this month, or next month if its decision day has come."""
    if not asks:
        return Decision(NEVER)
    plan = month_plan(clock.month, clock.calendar)
    again = min((plan.decide[a.mail.want_day] for a in asks if a.due_month <= clock.month), default=0)
    if again > clock.day:
        return Decision(again, is_early=True)
    return _Deciding(person, asks, clock).run()


class Decider:
    """Decisions of one clock, each made once: the same facts have the same answer.

    Most people of a product stand at the same few rows with the same few pasts: 1,000,000 people in the
    benchmark come to some hundred different cases. It also keeps the one `Ask` of each kind.
    """

    MOST = 100_000  # then the memory begins anew

    def __init__(self, clock: Today) -> None:
        self.clock = clock
        self._made: dict[tuple[Person, tuple[Ask, ...]], Decision] = {}
        self._asks: dict[tuple[object, ...], Ask] = {}

    def ask(self, *values: Any) -> Ask:
        """The ask of these values, in the order of its fields."""
        found = self._asks.get(values)
        if found is None:
            found = self._asks[values] = Ask(*values)
        return found

    def decide(self, person: Person, asks: tuple[Ask, ...]) -> Decision:
        key = person, asks
        found = self._made.get(key)
        if found is None:
            if len(self._made) >= self.MOST:
                self._made.clear()
            found = self._made[key] = decide(person, asks, clock=self.clock)
        return found


class _Deciding:
    """One person's decision while it is made."""

    __slots__ = (
        "again",
        "asks",
        "candidates",
        "clock",
        "gone",
        "held",
        "moves",
        "person",
        "stopped",
        "written",
    )

    def __init__(self, person: Person, asks: Sequence[Ask], clock: Today) -> None:
        self.person, self.asks, self.clock = person, asks, clock
        self.candidates = [ask.candidate(place) for place, ask in enumerate(asks)]
        self.written: dict[int, Written] = {}  # next month's answer replaces this month's
        self.moves: dict[int, Move] = {}
        self.held: dict[int, Held] = {}
        self.stopped: dict[int, str] = {}
        self.gone: set[int] = set()  # rows that ended today
        self.again = False  # the next row takes the month: asked again at once

    def run(self) -> Decision:
        won: int | None = None
        month = self.clock.month
        for asked in (month, month + 1):
            due = [c for c in self.candidates if c.due_month <= asked and c.enrollment_id not in self.gone]
            plan = month_plan(asked, self.clock.calendar)
            if asked > month and not any(plan.decide[c.want_day] <= self.clock.day for c in due):
                break
            if due:
                won = self._choose(due, plan)
            if won is not None:
                month = asked
                break
        return Decision(
            self.clock.day if self.again else self._plan_at(won, month),
            tuple(self.written.values()),
            tuple(self.moves.values()),
            tuple(self.held.values()),
            tuple(self.stopped.items()),
        )

    def _choose(self, due: list[Candidate], plan: MonthPlan) -> int | None:
        """Ask the rule and note the answer; the place of the mail that has the month now, if any."""
        person, clock = self.person, self.clock
        is_seen = person.company_class in FIELD_CLASSES
        ctx = Situation(
            plan.month,
            clock.earliest_seen if is_seen else clock.earliest,
            clock.calendar,
            person.next_free_on,
            tuple(product for month, product in person.taken if month == plan.month),
            clock.cap,
            person.last_month,
            every_months(person.every, person.silent),
            person.recent_tones,
            person.company_class,
        )
        choice = schedule.choose(due, ctx=ctx)
        for blocked in choice.blocked:
            self._note_blocked(blocked.enrollment_id, blocked.reason, plan.month)
        courtesy, day = self._courtesy(choice, ctx.earliest, plan)
        for carried in choice.carried:
            if carried.enrollment_id != courtesy:
                place = carried.enrollment_id
                self.held[place] = Held(place, carried.reason, carried.by_product_id)
        if courtesy is not None:
            # The thank-you mail of an exhibition: once, although the month has its mail (spec 3.1.2).
            self._win(courtesy, "courtesy", plan.month, day, 0)
        if choice.winner is None:
            return courtesy
        won = choice.winner.enrollment_id
        self._win(won, choice.winner.reason, plan.month, choice.winner.day, self._free_slot(plan.month))
        return won

    def _courtesy(self, choice: Choice, earliest: int, plan: MonthPlan) -> tuple[int | None, int]:
        """The place of the thank-you mail that goes as the month's exception, and its business day."""
        for carried in choice.carried:
            mail = self.asks[carried.enrollment_id].mail
            if mail.content_kind != "thanks" or carried.reason not in ("month_taken", "gap"):
                continue
            if any(month == plan.month and slot == 0 for month, slot in self.person.slots):
                return None, 0
            target = max(earliest, plan.wanted[mail.want_day])
            found = plan.table.next_open(target) if target <= plan.last else 0
            if found:
                return carried.enrollment_id, found
        return None, 0

    def _note_blocked(self, place: int, reason: str, month: int) -> None:
        ask = self.asks[place]
        if reason == "not_due":
            return
        if reason in STOPPED:
            state = "suppressed" if reason in REFUSED else "cancelled"
            self.written[place] = Written(place, ask, state, reason, month)
            self.stopped[place] = reason
            self.gone.add(place)
            return
        state, moves = ENDS.get(reason, ("", False))
        if state:
            self.written[place] = Written(place, ask, state, reason, month)
        if moves:
            self.moves[place] = go_on(place, ask, month=month - 1, day=self.clock.day - 1)
            self.held.pop(place, None)
            self.gone.add(place)
            self.again = True
        else:  # the sales stage, the tone, the mailbox: it waits, and is asked again with the next month's decision
            self.held[place] = Held(place, reason, None)

    def _win(self, place: int, reason: str, month: int, day: int, slot_no: int) -> None:
        ask = self.asks[place]
        self.written[place] = Written(place, ask, "planned", reason, month, day, slot_no)
        self.moves[place] = go_on(place, ask, month=month, day=day)
        self.held.pop(place, None)

    def _free_slot(self, month: int) -> int:
        """The lowest free number: an earlier one may have been given back while a later one is held."""
        used = {slot for m, slot in self.person.slots if m == month}
        return next(number for number in range(1, len(used) + 2) if number not in used)

    def _plan_at(self, won: int | None, month: int) -> int:
        """The next decision: the earliest of the rows that are left; NEVER without one."""
        after = month if won is not None and self._has_room(won, month) else month + 1
        found = NEVER
        for place, ask in enumerate(self.asks):
            if place in self.stopped:
                continue
            move = self.moves.get(place)
            if move is None:
                due, want, on = max(ask.due_month, after), ask.mail.want_day, 0
            elif move.status == "done":
                continue
            else:
                due, want, on = move.due_month, ask.mail.next.want_day, move.due_on
            found = earlier(found, on or month_plan(due, self.clock.calendar).decide[want])
        return max(found, self.clock.day + 1) if found else NEVER

    def _has_room(self, won: int, month: int) -> bool:
        """Whether the month may be asked for once more, tomorrow: a cap above one, or a thank-you mail that lost."""
        taken = [m for m, _ in self.person.taken if m == month]
        if 1 + len(taken) < self.clock.cap:
            return True
        if any(m == month and slot == 0 for m, slot in self.person.slots):
            return False
        return any(
            place != won and ask.mail.content_kind == "thanks" and ask.due_month <= month
            for place, ask in enumerate(self.asks)
        )
