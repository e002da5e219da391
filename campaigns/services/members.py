"""Members: the people a simulation lives through and the world they share, with all that decisions ask about them.

Days are ordinals.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time
from typing import NamedTuple

from campaigns.rules import planning as rule
from campaigns.rules.actions import Kind
from campaigns.rules.chances import Rates
from campaigns.rules.conditions import Sign
from campaigns.rules.decisions import Decider
from campaigns.rules.handoff import TeamState
from campaigns.rules.outcomes import NO_CALL_DAYS
from campaigns.rules.planning import Decision
from campaigns.rules.ranks import ProductRules, Refusal
from campaigns.rules.scenarios import ContentKind
from campaigns.rules.schedule import gap_days
from campaigns.rules.touchpoints import Touch
from campaigns.services.gather import Known
from campaigns.storage import snapshot
from campaigns.storage.planning import EnrollmentRow, PersonRow, Shelved
from campaigns.storage.ranks import Product

TONES = 12  # the last mails whose tones are asked for
KEPT_MAX = 100_000  # decisions kept; then the memory begins anew
REACT_AT = time(10, 0)  # local: when a drawn reaction comes, on the day after the mail


class Cut(NamedTuple):
    """The score above which a product's leads are its top tenth. values: from the first day on, one in `every` days."""

    first: int
    every: int
    values: tuple[float, ...]

    def on(self, day: int) -> float:
        """The cut of a day, on the straight line between two values."""
        place, over = divmod(max(day - self.first, 0), self.every)
        before, after = (self.values[min(at, len(self.values) - 1)] for at in (place, place + 1))
        return before + (after - before) * over / self.every


@dataclass(frozen=True, slots=True)
class Setting:
    """What is simulated. version: the draft, else the version in force; positions: old row -> new row, by version.

    cuts: by product, as far as they were foreseen.
    """

    scenario: int
    product: int
    version: int | None
    seed: int
    months: int
    positions: Mapping[int, Mapping[int, int]] = field(default_factory=dict)
    cuts: Mapping[int, Cut] = field(default_factory=dict)


@dataclass(slots=True)
class Lead:
    """A person's standing for a product. next_change: instant at which time may move the rank.

    open: the day on which a task of that kind falls due; it is taken to be done then. no_call_before, last_fax:
    days, 0 for none.
    """

    rank: str
    stage: str
    next_change: datetime | None = None
    refusal: Refusal | None = None
    acquired_at: datetime | None = None
    no_call_before: int = 0
    no_hand_off_before: int = 0
    last_fax: int = 0
    is_offered: bool = False
    open: dict[str, int] = field(default_factory=dict)

    def take_up(self, kind: str, day: int) -> None:
        """A task that is done on its day, and brings no news."""
        self.open[kind] = day
        if kind == Kind.CALL:
            self.no_call_before = max(self.no_call_before, day + NO_CALL_DAYS)
        elif kind == Kind.FAX:
            self.last_fax = day


@dataclass(slots=True)
class Going:
    """A planned mail on its way. row: the enrolment as it stood when the mail was chosen."""

    enrollment: int
    product: int
    content_id: int | None
    step_key: str
    tone: str
    month: int
    slot_no: int
    is_counted: bool  # False for a thank-you mail: no gap holds it back once it has its day
    row: EnrollmentRow | None = None


@dataclass(slots=True)
class Member:
    """A person under simulation; the enrolments are replaced as time goes on.

    tones: of the last counted mails, newest first, with commas between. sent: (KEY, day) by enrolment, planned
    mails included. finished: enrolments that came to their end. next_change: the earliest of the leads'. bound: what
    decisions ask of the person and no day changes.
    """

    row: PersonRow
    plan_at: int
    last_month: int
    tones: str
    enrolled: dict[int, EnrollmentRow] = field(default_factory=dict)
    industry: str = ""
    size: str = ""
    ways: snapshot.Ways = snapshot.NO_WAYS
    leads: dict[int, Lead] = field(default_factory=dict)
    touches: list[Touch] = field(default_factory=list)
    refused: dict[int, str] = field(default_factory=dict)
    seen: set[int] = field(default_factory=set)  # contents
    sent: dict[int, list[tuple[str, int]]] = field(default_factory=dict)
    signs: dict[int, list[Sign]] = field(default_factory=dict)
    silent: int = 0
    pending: dict[int, list[Going]] = field(default_factory=dict)  # by sending day
    finished: set[int] = field(default_factory=set)
    next_change: datetime | None = None
    bound: tuple[object, ...] = field(init=False)

    def __post_init__(self) -> None:
        row = self.row
        self.bound = (
            row.address_id is None,
            row.address_status,
            row.is_excluded,
            row.company_class,
            row.every,
        )

    def look_ahead(self) -> None:
        """Note when time may next move one of the ranks."""
        moments = [lead.next_change for lead in self.leads.values() if lead.next_change is not None]
        self.next_change = min(moments, default=None)


class Aside(NamedTuple):
    """What concerns few, of one enrolment. shelved: the shelf's next content; instead: what goes in the row's place."""

    refused: str | None
    is_repeated: bool
    shelved: Shelved | None
    instead: Shelved | None


@dataclass(frozen=True, slots=True)
class Made:
    """A decision and when the next one is due. places: of the enrolments it speaks of, among the person's."""

    decision: Decision
    plan_at: int
    places: tuple[int, ...]


@dataclass(slots=True)
class World:
    """What all people share. base: products, flows, ways, shelves; shelf: contents in the order it gives them.

    questions: the contents that ask whether to go on. teams: sales' state by product. react: False for people who
    never react.
    """

    base: Known
    seed: int
    rates: Mapping[int, Rates]
    products: Mapping[int, Product]
    teams: Mapping[int, TeamState]
    shelf: Sequence[tuple[Shelved, int | None]]
    questions: frozenset[int]
    crowds: frozenset[tuple[int, int]]
    last: int
    cuts: Mapping[int, Cut] = field(default_factory=dict)
    react: bool = True
    days: dict[int, Known] = field(default_factory=dict)
    mornings: dict[int, datetime] = field(default_factory=dict)
    made: dict[tuple[object, ...], Made] = field(default_factory=dict)
    joined_tones: dict[tuple[str, str], str] = field(default_factory=dict)
    rules: dict[tuple[int, str, int], ProductRules] = field(default_factory=dict)

    def rules_on(self, day: int, product: int, industry: str) -> ProductRules:
        """The product's rules with the cut that was made in the night of that day."""
        cut = self.cuts.get(product)
        if cut is None or day < cut.first:
            return self.products[product].rules_for(industry)
        found = self.rules.get((product, industry, day))
        if found is None:
            found = replace(self.products[product].rules_for(industry), warm_cut=cut.on(day))
            self.rules[product, industry, day] = found
        return found

    def on(self, day: int) -> Known:
        """What is known on a day, its decisions at six in the morning."""
        found = self.days.get(day)
        if found is None:
            found = self.days[day] = self.base if day == self.base.clock.day else self._known(day)
        return found

    def _known(self, day: int) -> Known:
        base = self.base
        now = self.at(day)
        clock = rule.today(now, zone=base.zone, calendar=base.clock.calendar, cap=base.clock.cap)
        first_days = dict.fromkeys(base.first_days, day)
        return replace(
            base, clock=clock, now=now, decider=Decider(clock), first_days=first_days, people={}, kinds={}
        )

    def morning(self, day: int) -> datetime:
        """The instant at which people react on a day."""
        found = self.mornings.get(day)
        if found is None:
            found = self.mornings[day] = self.at(day, REACT_AT)
        return found

    def at(self, day: int, hour: time = rule.DECIDE_AT) -> datetime:
        """The instant of an hour of a day, by default that of decisions."""
        return datetime.combine(date.fromordinal(day), hour, tzinfo=self.base.zone).astimezone(UTC)

    @property
    def gap(self) -> int:
        """Days between two counted mails."""
        return gap_days(self.base.clock.cap)

    def tones(self, tone: str, before: str) -> str:
        """The tones after one more mail."""
        found = self.joined_tones.get((tone, before))
        if found is None:
            some = [tone, *before.split(",")] if before else [tone]
            found = self.joined_tones[tone, before] = ",".join(some[:TONES])
        return found

    def shelved(self, product: int, seen: Set[int]) -> Shelved | None:
        """The shelf's next content for somebody, the product's own before those of all products."""
        return self._unseen(product, seen, is_question=False)

    def instead(self, product: int, seen: Set[int]) -> Shelved | None:
        """What goes in a row's place to somebody silent for twelve mails: once a question, then the shelf."""
        return self._unseen(product, seen, is_question=self.questions.isdisjoint(seen))

    def _unseen(self, product: int, seen: Set[int], *, is_question: bool) -> Shelved | None:
        for owner in (product, None):
            for content, belongs_to in self.shelf:
                is_kind = (content.content_kind == ContentKind.PERMISSION) is is_question
                if belongs_to == owner and is_kind and content.content_id not in seen:
                    return content
        return None

    def keep(self, key: tuple[object, ...], made: Made) -> None:
        """Remember a decision. Most people of a product stand at the same few rows with the same few pasts."""
        if len(self.made) >= KEPT_MAX:
            self.made.clear()
            self.days.clear()  # they keep pasts and asks of their own
        self.made[key] = made
