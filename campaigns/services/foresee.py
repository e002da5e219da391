"""Foresee: the coming months of people who share a mailbox, day by day, by the planner's own functions.

Nothing is read or written here: everybody comes as `Member`, taken from a snapshot. `gather` makes the case of a
decision, `rules.planning` decides, `advance` and `rules.flow` walk between two mails, `rules.ranks` ranks. What
the world does is drawn: a reaction comes on the morning after its mail. Days are ordinals.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time

from campaigns.rules import chances, conditions, flow, schedule
from campaigns.rules import planning as rule
from campaigns.rules.chances import Rates
from campaigns.rules.conditions import Facts, Sign
from campaigns.rules.deliveries import SILENT_STATES
from campaigns.rules.planning import Decider, Decision, Today, Written
from campaigns.rules.ranks import ProductRules, Rank, rank
from campaigns.rules.schedule import month_of_day, month_plan
from campaigns.rules.simulating import Event
from campaigns.rules.touchpoints import Kind, Touch
from campaigns.services import advance, gather
from campaigns.services.gather import Known
from campaigns.storage.planning import EnrollmentRow, PersonRow, Shelved

REACT_AT = time(10, 0)  # local: when a drawn reaction comes, on the day after the mail
COUNTED = 12  # mails that tone and fatigue look back on


@dataclass(slots=True)
class Lead:
    """A person's standing for a product. next_change: instant at which time may move the rank."""

    rank: str
    stage: str
    next_change: datetime | None = None
    refused_until: datetime | None = None
    acquired_at: datetime | None = None


@dataclass(slots=True)
class Going:
    """A planned mail on its way."""

    enrollment: int
    product: int
    content_id: int | None
    step_key: str
    title: str
    tone: str
    month: int
    slot_no: int


@dataclass(slots=True)
class Member:
    """A person under simulation; the row and the enrolments are replaced as time goes on."""

    row: PersonRow
    enrolled: dict[int, EnrollmentRow]
    plan_at: int
    industry: str = ""
    size: str = ""
    has_phone: bool = True
    leads: dict[int, Lead] = field(default_factory=dict)
    touches: list[Touch] = field(default_factory=list)
    refused: dict[int, str] = field(default_factory=dict)
    seen: set[int] = field(default_factory=set)  # contents
    sent: dict[int, list[tuple[str, int]]] = field(
        default_factory=dict
    )  # by enrolment, planned ones included
    signs: dict[int, list[Sign]] = field(default_factory=dict)
    tones: list[str] = field(default_factory=list)  # newest first
    silent: int = 0
    pending: dict[int, list[Going]] = field(default_factory=dict)  # by sending day


@dataclass(slots=True)
class World:
    """What all people share. base: products, flows, ways, shelves; shelf: contents in the order it gives them."""

    base: Known
    seed: int
    rates: Mapping[int, Rates]
    rules: Mapping[int, Callable[[str], ProductRules]]
    shelf: Sequence[tuple[Shelved, int | None]]
    crowds: frozenset[tuple[int, int]]
    last: int
    days: dict[int, Known] = field(default_factory=dict)
    react: bool = True

    def on(self, day: int) -> Known:
        """What is known on a day, its decisions at six in the morning."""
        found = self.days.get(day)
        if found is None:
            base = self.base
            if day == base.clock.day:
                found = base
            else:
                at = datetime.combine(date.fromordinal(day), rule.DECIDE_AT, tzinfo=base.zone).astimezone(UTC)
                clock = rule.today(at, zone=base.zone, calendar=base.clock.calendar, cap=base.clock.cap)
                found = replace(
                    base,
                    clock=clock,
                    now=at,
                    decider=Decider(clock),
                    first_days=dict.fromkeys(base.first_days, day),
                    people={},
                )
            self.days[day] = found
        return found


def run(group: Sequence[Member], world: World) -> list[Event]:
    """Everything that happens to the people of one mailbox until the world's last day."""
    return _Living(group, world).run()


class _Living:
    """One mailbox while time goes on."""

    def __init__(self, group: Sequence[Member], world: World) -> None:
        self.group = sorted(group, key=lambda one: one.row.id)
        self.world = world
        self.log: list[Event] = []
        self.slots: set[tuple[int, int, int]] = set()
        self.free_on = 0
        self.queue: list[tuple[int, int, int]] = []  # (day, 1 reaction | 2 sending, place of the member)
        self.reactions: dict[tuple[int, int], list[tuple[Going, chances.Drawn]]] = {}
        for place, one in enumerate(self.group):
            self.free_on = max(self.free_on, one.row.next_free_on)
            for text in filter(None, one.row.taken.split(",")):
                month, product, slot = map(int, text.split(":"))
                self.slots.add((month, product, slot))
            for day in one.pending:
                heapq.heappush(self.queue, (day, 2, place))

    def run(self) -> list[Event]:
        while day := self._next_day():
            self._decide_all(day)
            while self.queue and self.queue[0][0] <= day:
                _, what, place = heapq.heappop(self.queue)
                if what == 1:
                    self._react(self.group[place], day)
                    self._decide_all(day)
                else:
                    self._send(place, day)
        self._rerank_all(self.world.last)
        return self.log

    def _next_day(self) -> int:
        day = self.queue[0][0] if self.queue else 0
        for one in self.group:
            if one.plan_at and (one.plan_at < day or not day):
                day = one.plan_at
        if not day or day > self.world.last:
            return 0
        return max(day, self.world.base.clock.day)

    def _decide_all(self, day: int) -> None:
        for _ in range(len(self.group) * 40):  # a row that cannot go makes room for the next, on the same day
            for one in self.group:
                if one.plan_at and one.plan_at <= day:
                    self._decide(one, day)
                    break
            else:
                return
        raise RuntimeError("a simulated person is asked for ever")

    def _decide(self, one: Member, day: int) -> None:
        known = self.world.on(day)
        self._age(one, known.now)
        rows = self._walked(one, known)
        row = self._row(one, known.clock)
        told = gather.Told(
            {row.id: one.silent},
            one.refused,
            self._repeated(one, rows, known),
            self._shelved(one, rows, known),
        )
        case = gather.case(row, rows, known, told)
        decision = known.decider.decide(case.person, case.asks)
        self._write(one, case, decision, known)

    def _row(self, one: Member, clock: Today) -> PersonRow:
        taken = ",".join(f"{m}:{p}:{s}" for m, p, s in sorted(self.slots, key=_by_slot) if m >= clock.month)
        row, tones = one.row, ",".join(one.tones[:COUNTED])
        # As _replace of next_free_on, tones and taken would, in a third of the time.
        return PersonRow(
            *row[:8], self.free_on, row.every, row.last_month, tones, taken, row.is_clear, row.yields
        )

    def _walked(self, one: Member, known: Known) -> list[EnrollmentRow]:
        """The enrolments after those between two mails went on as far as the day allows."""
        clock, rows = known.clock, []
        for row in list(one.enrolled.values()):
            if row.due_on > clock.day or advance.sends(row, known.flows):
                rows.append(row)
                continue
            graph = known.flows[row.version_id]
            place = flow.Place(row.position, row.entered_on or clock.day)
            arrival = flow.advance(graph, place, self._facts(one, row), today=clock.day)
            for task in arrival.tasks:
                self._note(one, row, clock.month, clock.day, "task", task.kind)
            pointer = advance.pointer_after(row, arrival, graph, clock)
            if pointer.status == "done":
                del one.enrolled[row.id]
                continue
            row = row._replace(
                position=pointer.position,
                due_month=pointer.due_month,
                due_on=pointer.due_on,
                entered_on=pointer.entered_on,
            )
            one.enrolled[row.id] = row
            rows.append(row)
        return rows

    def _facts(self, one: Member, row: EnrollmentRow) -> Facts:
        person = one.row
        return Facts(
            row.start_month,
            tuple(one.sent.get(row.id, ())),
            tuple(one.signs.get(row.id, ())),
            row.rank,
            person.company_class,
            one.industry,
            one.size,
            person.buying_role,
        )

    def _repeated(self, one: Member, rows: Sequence[EnrollmentRow], known: Known) -> set[tuple[int, int]]:
        if not one.seen:
            return set()
        ways = [known.ways.get((row.version_id, row.position)) for row in rows]
        return {
            (one.row.id, mail.content_id) for mail in ways if mail is not None and mail.content_id in one.seen
        }

    def _shelved(self, one: Member, rows: Sequence[EnrollmentRow], known: Known) -> dict[int, Shelved]:
        found = {}
        for row in rows:
            if (row.version_id, row.position) in known.shelves:
                mine = [s for s, product in self.world.shelf if product == row.product_id]
                mine += [s for s, product in self.world.shelf if product is None]
                content = next((s for s in mine if s.content_id not in one.seen), None)
                if content:
                    found[row.id] = content
        return found

    def _write(self, one: Member, case: gather.Case, decision: Decision, known: Known) -> None:
        clock = known.clock
        one.plan_at = rule.earlier(decision.plan_at, case.wake)
        if decision.is_early:
            return
        for written in decision.written:
            row = one.enrolled[case.enrollments[written.place]]
            if written.day:
                self._plan(one, row, written, known)
            else:
                self._note(one, row, written.month, clock.day, "not_sent", written.reason)
        for move in decision.moves:
            id = case.enrollments[move.place]
            if move.status == "done":
                one.enrolled.pop(id)
                continue
            one.enrolled[id] = one.enrolled[id]._replace(
                position=move.position,
                due_month=move.due_month,
                due_on=move.due_on,
                entered_on=move.entered_on,
                round=move.round,
            )
        month = max((w.month for w in decision.written if w.day), default=clock.month)
        for held in decision.held:
            row = one.enrolled[case.enrollments[held.place]]
            self._note(
                one, row, max(month, row.due_month), clock.day, "held", held.reason, held.by_product_id
            )
        for place, _ in decision.stopped:
            one.enrolled.pop(case.enrollments[place], None)

    def _plan(self, one: Member, row: EnrollmentRow, written: Written, known: Known) -> None:
        mail = written.ask.mail
        day = self._spread(one.row, written, known)
        going = Going(
            row.id, row.product_id, mail.content_id, mail.step_key, mail.content_kind, mail.tone,
            written.month, written.slot_no or 0,
        )  # fmt: skip
        self.slots.add((written.month, row.product_id, going.slot_no))
        self.free_on = max(self.free_on, day + schedule.gap_days(known.clock.cap))
        if mail.content_id is not None:
            one.seen.add(mail.content_id)
        one.sent.setdefault(row.id, []).append((mail.step_key, day))
        one.pending.setdefault(day, []).append(going)
        heapq.heappush(self.queue, (day, 2, self.group.index(one)))

    def _spread(self, row: PersonRow, written: Written, known: Known) -> int:
        """The mail's day; one of three business days where many of the company get it, as the planner does."""
        mail = written.ask.mail
        if (row.company_id, mail.scenario_id) not in self.world.crowds:
            return written.day
        table = month_plan(written.month, known.clock.calendar).table
        later = schedule.company_day(written.day, place=row.id, people=6, table=table)
        return later if not mail.valid_until or later <= mail.valid_until else written.day

    def _send(self, place: int, day: int) -> None:
        one = self.group[place]
        for going in one.pending.pop(day, ()):
            reason = self._forbidden(one, going)
            if reason:
                self.slots.discard((going.month, going.product, going.slot_no))
                self._log(one, going, day, "not_sent", reason)
                continue
            self._log(one, going, day, "sent", going.step_key)
            one.tones.insert(0, going.tone)
            del one.tones[COUNTED:]
            one.silent = min(one.silent + 1, COUNTED)
            month = self.world.on(day).clock.month
            if month > one.row.last_month:
                one.row = one.row._replace(last_month=month)
            rates = self.world.rates.get(going.product)
            if rates is None or not self.world.react:
                continue
            drawn = chances.draw(
                rates, seed=self.world.seed, person=one.row.id, product=going.product, month=month
            )
            if drawn != chances.NOTHING:
                self.reactions.setdefault((place, day + 1), []).append((going, drawn))
                heapq.heappush(self.queue, (day + 1, 1, place))

    def _forbidden(self, one: Member, going: Going) -> str:
        """What came between decision and sending."""
        if going.enrollment in one.refused:
            return one.refused[going.enrollment]
        lead = one.leads.get(going.product)
        return f"lead_{lead.stage}" if lead and lead.stage in SILENT_STATES else ""

    def _react(self, one: Member, day: int) -> None:
        at = datetime.combine(date.fromordinal(day), REACT_AT, tzinfo=self.world.base.zone).astimezone(UTC)
        for going, drawn in self.reactions.pop((self.group.index(one), day), ()):
            kinds = [
                kind
                for kind, came in (
                    (Kind.MAIL_OPEN, drawn.opens),
                    (Kind.MAIL_CLICK, drawn.clicks),
                    (Kind.MAIL_REPLY, drawn.replies),
                )
                if came
            ]
            for kind in kinds:
                one.touches.append(Touch(kind, at, going.product))
                for enrollment in one.enrolled:
                    key = going.step_key if enrollment == going.enrollment else ""
                    sign = Sign(conditions.sign_of(kind), key, day)
                    one.signs.setdefault(enrollment, []).append(sign)
            if drawn.clicks or drawn.replies:
                one.silent = 0
                self._rank(one, going.product, at)
            if drawn.unsubscribes:
                self._refuse(one, going, day)
            self._look_again(one, day)

    def _refuse(self, one: Member, going: Going, day: int) -> None:
        for member in self.group:
            for row in member.enrolled.values():
                if row.product_id == going.product:
                    member.refused[row.id] = "refused_product"
                    member.plan_at = day
        self._log(one, going, day, "refused", "refused_product")

    def _look_again(self, one: Member, day: int) -> None:
        waiting = [row for row in one.enrolled.values() if row.due_on > day]
        for row in waiting:
            one.enrolled[row.id] = row._replace(due_on=day)
        if waiting:
            one.plan_at = rule.earlier(one.plan_at, day)

    def _age(self, one: Member, now: datetime) -> None:
        """Ranks whose time has come."""
        for product, lead in one.leads.items():
            if lead.next_change is not None and lead.next_change <= now:
                self._rank(one, product, now)

    def _rerank_all(self, day: int) -> None:
        at = datetime.combine(date.fromordinal(day), rule.DECIDE_AT, tzinfo=self.world.base.zone)
        for one in self.group:
            self._age(one, at.astimezone(UTC))

    def _rank(self, one: Member, product: int, now: datetime) -> None:
        lead = one.leads.get(product)
        rules = self.world.rules.get(product)
        if lead is None or rules is None or (lead.refused_until and now < lead.refused_until):
            return
        ranked = rank(one.touches, rules(one.industry), now=now, acquired_at=lead.acquired_at)
        lead.next_change = ranked.next_change_at
        if ranked.rank == lead.rank:
            return
        lead.rank = ranked.rank.value
        if ranked.rank is Rank.HOT and lead.stage in ("new", "nurturing"):
            lead.stage = "hot"
        elif ranked.rank is not Rank.HOT and lead.stage == "hot":
            lead.stage = "nurturing"
        day = now.astimezone(self.world.base.zone).date()
        month, on = month_of_day(day), day.toordinal()
        self.log.append(Event(one.row.id, 0, product, month, on, "rank", lead.rank))
        if lead.rank in conditions.ASKING and one.has_phone:
            self.log.append(Event(one.row.id, 0, product, month, on, "task", "call"))
        for row in list(one.enrolled.values()):
            if row.product_id == product:
                one.enrolled[row.id] = row._replace(rank=lead.rank, stage=lead.stage)

    def _note(
        self,
        one: Member,
        row: EnrollmentRow,
        month: int,
        day: int,
        what: str,
        code: str,
        by: int | None = None,
    ) -> None:
        self.log.append(Event(one.row.id, row.id, row.product_id, month, day, what, code, by))

    def _log(self, one: Member, going: Going, day: int, what: str, code: str) -> None:
        month = self.world.on(day).clock.month
        self.log.append(
            Event(one.row.id, going.enrollment, going.product, month, day, what, code, None, going.content_id)
        )


def _by_slot(slot: tuple[int, int, int]) -> tuple[int, int]:
    return slot[0], slot[2]
