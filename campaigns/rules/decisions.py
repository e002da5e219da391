"""Deciding for one person: which of the due mails gets the month, who gives way and until when, what comes next.

Values as in `planning`; the rule among rivals is `candidates.choose`. Source: spec 3.1, 3.2.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from campaigns.rules import candidates
from campaigns.rules.candidates import Candidate, Choice, Situation
from campaigns.rules.planning import (
    ENDS,
    IN_PLACE,
    NEVER,
    REFUSED,
    STOPPED,
    Ask,
    Decision,
    Held,
    Move,
    Person,
    Today,
    Written,
    earlier,
    go_on,
)
from campaigns.rules.scenarios import FIELD_CLASSES, ContentKind
from campaigns.rules.schedule import ASK_AFTER, MonthPlan, month_plan, rhythm


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
    benchmark come to some hundred different cases. It also keeps the one `Ask` of each kind; alike: the ask of
    those of whom nothing special is known, by what they have in common, for whoever makes asks.
    """

    MOST = 100_000  # then the memory begins anew

    def __init__(self, clock: Today) -> None:
        self.clock = clock
        self._made: dict[tuple[Person, tuple[Ask, ...]], Decision] = {}
        self._asks: dict[tuple[object, ...], Ask] = {}
        self.alike: dict[tuple[object, ...], Ask] = {}

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
        due, silent = self._asking(due)
        every, slowed_by = rhythm(person.every, silent)
        ctx = Situation(
            plan.month,
            clock.earliest_seen if is_seen else clock.earliest,
            clock.calendar,
            person.next_free_on,
            tuple(product for month, product in person.taken if month == plan.month),
            clock.cap,
            person.last_month,
            every,
            person.recent_tones,
            person.company_class,
            slowed_by,
        )
        choice = candidates.choose(due, ctx=ctx)
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

    def _asking(self, due: list[Candidate]) -> tuple[list[Candidate], int]:
        """Who is to be asked whether to go on gets that mail before any other, and not half a year later.

        due: with the others held back. silent: the mails that count for the rhythm.
        """
        kinds = [self.asks[c.enrollment_id].mail.content_kind for c in due]
        if not any(k == ContentKind.PERMISSION and c.block is None for k, c in zip(kinds, due, strict=True)):
            return due, self.person.silent
        free = (ContentKind.PERMISSION, ContentKind.THANKS)
        held = [
            c if k in free or c.block else c._replace(block="permission_first")
            for k, c in zip(kinds, due, strict=True)
        ]
        return held, min(self.person.silent, ASK_AFTER - 1)

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
        is_in_place = ask.mail.next.kind == "same"
        why = IN_PLACE[ask.mail.step_key] if is_in_place else reason
        self.written[place] = Written(place, ask, "planned", why, month, day, slot_no)
        if is_in_place:
            self.held[place] = Held(place, "resting", None)
        else:
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
