"""Foresee: the coming months of people who share a mailbox, day by day, by the planner's own functions.

Nothing is read or written here: everybody comes as `Member`, taken from a snapshot. `choose` asks the planner's rule,
`respond` ranks. What the world does is drawn: a reaction comes on the morning after its mail. Days are ordinals.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence

from campaigns.rules import chances, schedule
from campaigns.rules import planning as rule
from campaigns.rules.chances import Drawn
from campaigns.rules.deliveries import SILENT_STATES
from campaigns.rules.planning import Written
from campaigns.rules.scenarios import ContentKind
from campaigns.rules.schedule import month_plan
from campaigns.rules.simulating import Event
from campaigns.rules.tones import Tone, blocked_tone
from campaigns.services import choose, respond
from campaigns.services.gather import Known
from campaigns.services.members import Going, Made, Member, World
from campaigns.storage.planning import EnrollmentRow, PersonRow

COUNTED = 12  # mails that tone and fatigue look back on
REACTION, SENDING = 1, 2  # what the queue holds, in the order of a day
ASKED_MAX = 40  # decisions of a person on one day: more is a circle


def run(group: Sequence[Member], world: World) -> list[Event]:
    """Everything that happens to the people of one mailbox until the world's last day."""
    return _Living(group, world).run()


class _Living:
    """One mailbox while time goes on.

    slots: (month, number, product) from this month on, in their order. days: on which mails chosen here go.
    queue: (day, what, place of the member).
    """

    __slots__ = (
        "days",
        "free_on",
        "gap",
        "group",
        "last_sent",
        "log",
        "queue",
        "reactions",
        "read_free_on",
        "slots",
        "world",
    )

    def __init__(self, group: Sequence[Member], world: World) -> None:
        self.group = sorted(group, key=_id)
        self.world = world
        self.log: list[Event] = []
        self.days: list[int] = []
        self.last_sent = 0
        self.gap = world.gap
        self.queue: list[tuple[int, int, int]] = []
        self.reactions: dict[tuple[int, int], list[tuple[Going, Drawn]]] = {}
        self.free_on = self.read_free_on = max([one.row.next_free_on for one in self.group])
        taken = {_slot(text) for one in self.group if one.row.taken for text in one.row.taken.split(",")}
        for one in self.group:  # a mail that is late goes in this month, and takes it
            taken |= {(g.month, g.slot_no, g.product) for some in one.pending.values() for g in some}
        self.slots: tuple[tuple[int, int, int], ...] = tuple(sorted(taken))
        for place, one in enumerate(self.group):
            for day in one.pending:
                heapq.heappush(self.queue, (day, SENDING, place))

    def run(self) -> list[Event]:
        world, queue = self.world, self.queue
        while day := self._next_day():
            self._decide_all(day)
            while queue and queue[0][0] <= day:
                _, what, place = heapq.heappop(queue)
                if what == REACTION:
                    self._react(place, day)
                    self._decide_all(day)
                else:
                    self._send(place, day)
        end = world.at(world.last)
        for one in self.group:
            respond.age(one, end, world, self.log)
        return self.log

    def _next_day(self) -> int:
        """The next day on which something happens; 0 when the simulated time is over."""
        day = self.queue[0][0] if self.queue else 0
        for one in self.group:
            if one.plan_at and (one.plan_at < day or not day):
                day = one.plan_at
        if not day or day > self.world.last:
            return 0
        return max(day, self.world.base.clock.day)

    def _decide_all(self, day: int) -> None:
        # A row that cannot go makes room for the next one, on the same day.
        for _ in range(len(self.group) * ASKED_MAX):
            for one in self.group:
                if 0 < one.plan_at <= day:
                    self._decide(one, day)
                    break
            else:
                return
        raise RuntimeError("a simulated person is asked for ever")

    # --- a decision -------------------------------------------------------------------------------------------

    def _decide(self, one: Member, day: int) -> None:
        world = self.world
        known = world.days.get(day) or world.on(day)
        clock = known.clock
        if one.next_change is not None and one.next_change <= known.now:
            respond.age(one, known.now, world, self.log)
        if self.slots and self.slots[0][0] < clock.month:
            self.slots = tuple([slot for slot in self.slots if slot[0] >= clock.month])
        rows, made = choose.made(one, known, world, slots=self.slots, free_on=self.free_on, log=self.log)
        self._write(one, rows, made, known)

    def _write(self, one: Member, rows: Sequence[EnrollmentRow], made: Made, known: Known) -> None:
        """Do what was decided: mails on their way, enrolments at their next rows, why the others wait."""
        one.plan_at = made.plan_at
        decision, places, day = made.decision, made.places, known.clock.day
        if decision.is_early:
            return
        month = known.clock.month
        for written in decision.written:
            row = rows[places[written.place]]
            if written.day:
                month = max(month, written.month)
                self._plan(one, row, written, known)
            else:
                self._note(row, written.month, day, "not_sent", written.reason)
        for move in decision.moves:
            row = rows[places[move.place]]
            if move.status == "done":
                del one.enrolled[row.id]
                one.finished.add(row.id)
                continue
            one.enrolled[row.id] = EnrollmentRow(
                *row[:5], move.position, row.start_month, move.due_month, move.due_on, move.entered_on,
                move.round, row.rank, row.stage,
            )  # fmt: skip
        planned = {written.place for written in decision.written if written.day}
        for held in decision.held:
            if held.place in planned:
                continue  # a mail goes in the row's place
            row = rows[places[held.place]]
            self._note(row, max(month, row.due_month), day, "held", held.reason, held.by_product_id)
        for place, _ in decision.stopped:
            one.enrolled.pop(rows[places[place]].id, None)

    def _plan(self, one: Member, row: EnrollmentRow, written: Written, known: Known) -> None:
        mail, slot_no = written.ask.mail, written.slot_no or 0
        day = self._spread(one.row, written, known)
        self.slots = tuple(sorted((*self.slots, (written.month, slot_no, row.product_id))))
        self.days.append(day)
        self.free_on = max(self.free_on, day + self.gap)
        if mail.content_id is not None:
            one.seen.add(mail.content_id)
        one.sent.setdefault(row.id, []).append((mail.step_key, day))
        going = Going(
            row.id, row.product_id, mail.content_id, mail.step_key, mail.tone, written.month, slot_no,
            mail.content_kind != ContentKind.THANKS, row,
        )  # fmt: skip
        one.pending.setdefault(day, []).append(going)
        heapq.heappush(self.queue, (day, SENDING, self.group.index(one) if len(self.group) > 1 else 0))

    def _spread(self, row: PersonRow, written: Written, known: Known) -> int:
        """The mail's day; one of three business days where many of the company get it, as the planner does."""
        mail = written.ask.mail
        if (row.company_id, mail.scenario_id) not in self.world.crowds:
            return written.day
        table = month_plan(written.month, known.clock.calendar).table
        later = schedule.company_day(written.day, place=row.id, people=6, table=table)
        return later if not mail.valid_until or later <= mail.valid_until else written.day

    # --- a mail -----------------------------------------------------------------------------------------------

    def _send(self, place: int, day: int) -> None:
        one, world = self.group[place], self.world
        for going in one.pending.pop(day, ()):
            reason = self._forbidden(one, going, day)
            if reason:
                self._take_back(one, going, day)
                self._log(one, going, day, "not_sent", reason)
                continue
            self._log(one, going, day, "sent", going.step_key)
            self.last_sent = day
            one.tones = world.tones(going.tone, one.tones)
            one.silent = min(one.silent + 1, COUNTED)
            one.last_month = max(one.last_month, going.month)
            rates = world.rates.get(going.product)
            if rates is None or not world.react:
                continue
            drawn = chances.draw(
                rates, seed=world.seed, person=one.row.id, product=going.product, month=going.month
            )
            if drawn is not chances.NOTHING:
                self.reactions.setdefault((place, day + 1), []).append((going, drawn))
                heapq.heappush(self.queue, (day + 1, REACTION, place))

    def _forbidden(self, one: Member, going: Going, day: int) -> str:
        """What came between decision and sending: the questions of `rules.deliveries.may_send` that time can answer."""
        if going.enrollment in one.refused:
            return one.refused[going.enrollment]
        lead = one.leads.get(going.product)
        if lead and lead.stage in SILENT_STATES:
            return f"lead_{lead.stage}"
        if going.is_counted and self.last_sent and day < self.last_sent + self.gap:
            return "gap"  # a thank-you mail went meanwhile, as the month's exception
        if going.tone == Tone.INFO:
            return ""
        recent = one.tones.split(",") if one.tones else ()
        every = self.world.base.products[going.product].tone_every
        rank = lead.rank if lead else "unobserved"
        blocked = blocked_tone(
            going.tone, recent=recent, company_class=one.row.company_class, rank=rank, every=every
        )
        return blocked or ""

    def _take_back(self, one: Member, going: Going, day: int) -> None:
        """A mail that may not go: its month is free again, and its row is the enrolment's next one, in order."""
        self._free(one, going, day)
        now, then = one.enrolled.get(going.enrollment), going.row
        if then is None or (now is None and going.enrollment not in one.finished):
            return
        is_waiting = any(
            other.enrollment == going.enrollment for some in one.pending.values() for other in some
        )
        if is_waiting or (now is not None and now.position < then.position):
            return
        lead = one.leads.get(going.product)
        rank, stage = (lead.rank, lead.stage) if lead else (then.rank, then.stage)
        one.finished.discard(going.enrollment)
        one.enrolled[going.enrollment] = then._replace(
            due_month=going.month, due_on=0, rank=rank, stage=stage
        )

    def _free(self, one: Member, going: Going, day: int) -> None:
        """Give back the month, the gap and the content of a mail that does not go; the planner is asked again."""
        slot = going.month, going.slot_no, going.product
        self.slots = tuple([other for other in self.slots if other != slot])
        chosen = [at for key, at in one.sent.get(going.enrollment, ()) if key == going.step_key]
        if chosen and chosen[-1] in self.days:
            self.days.remove(chosen[-1])
            one.sent[going.enrollment].remove((going.step_key, chosen[-1]))
        else:  # chosen before today: the mail before it left its gap free by then
            self.read_free_on = min(self.read_free_on, day)
        self.free_on = max(self.read_free_on, max(self.days) + self.gap if self.days else 0)
        if going.content_id is not None:
            one.seen.discard(going.content_id)
        one.plan_at = rule.earlier(one.plan_at, day)

    # --- what people do ---------------------------------------------------------------------------------------

    def _react(self, place: int, day: int) -> None:
        one = self.group[place]
        for going, drawn in self.reactions.pop((place, day), ()):
            respond.react(one, going, drawn, day, self.world, self.log)
            if drawn.unsubscribes:
                self._refuse(one, going, day)
            _look_again(one, day)

    def _refuse(self, one: Member, going: Going, day: int) -> None:
        """Everybody at the mailbox leaves the product's scenarios at once, and another product may have the month."""
        for member in self.group:
            for id in [id for id, row in member.enrolled.items() if row.product_id == going.product]:
                del member.enrolled[id]
            for pending in member.pending.values():
                for other in [other for other in pending if other.product == going.product]:
                    pending.remove(other)
                    self._free(member, other, day)
                    self._log(member, other, day, "not_sent", "refused_product")
            if member.plan_at:
                member.plan_at = min(member.plan_at, day)
        self._log(one, going, day, "refused", "refused_product")

    def _note(
        self, row: EnrollmentRow, month: int, day: int, what: str, code: str, by: int | None = None
    ) -> None:
        self.log.append(Event(row.person_id, row.id, row.product_id, month, day, what, code, by))

    def _log(self, one: Member, going: Going, day: int, what: str, code: str) -> None:
        month, content = going.month, going.content_id
        self.log.append(
            Event(one.row.id, going.enrollment, going.product, month, day, what, code, None, content)
        )


def _id(one: Member) -> int:
    return one.row.id


def _slot(text: str) -> tuple[int, int, int]:
    month, product, slot = map(int, text.split(":"))
    return month, slot, product


def _look_again(one: Member, day: int) -> None:
    """Somebody showed something: who stands at a branch or a wait is looked at today."""
    waiting = [row for row in one.enrolled.values() if row.due_on > day]
    for row in waiting:
        one.enrolled[row.id] = row._replace(due_on=day)
    if waiting:
        one.plan_at = rule.earlier(one.plan_at, day)
