"""Explain: for each month, why a person did or did not get a mail, and what comes next.

Writes nothing. What a delivery tells is told as it stands; months without one are explained from what is
known (`rules.explaining`). The newest decision of a delivery replaces the one before, so that a month in which
a mail was carried over and which it has left since is found again by the mail that went first.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from campaigns.parts import Parts
from campaigns.rules import explaining, outlook
from campaigns.rules import scenarios as rule
from campaigns.rules.conditions import Facts
from campaigns.rules.deliveries import COUNTING, FINAL, HOLDING
from campaigns.rules.explaining import Course, Held, Part, Span, Why, Won
from campaigns.rules.matching import email_key
from campaigns.rules.outlook import Place, Stop
from campaigns.rules.schedule import month_end, month_of, month_start
from campaigns.services import advance, gather
from campaigns.services.arrival import clean
from campaigns.storage import deliveries, outbox, planning
from campaigns.storage import explain as stored
from campaigns.storage import steps as every_step
from campaigns.storage.deliveries import Line, Placed
from campaigns.storage.explain import Act, Consent, Enrollment, Listed, Mailbox, Person, Refusal, Step


class Unknown(LookupError):
    """Nobody here has this address, or no such person."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What a month brought from one scenario. line: the delivery, None when there is none: then why says why."""

    product: str
    colour_no: int
    scenario: str
    line: Line | None
    why: Why | None


@dataclass(frozen=True, slots=True)
class Road:
    """What lies ahead of a person in one scenario. block: what forbids its mails now, ''. steps: all its rows."""

    product: str
    colour_no: int
    scenario: str
    block: str
    steps: tuple[rule.Step, ...]
    stops: tuple[Stop, ...]


@dataclass(frozen=True, slots=True)
class Month:
    """month: year * 12 + month - 1; tense: past, present, future."""

    month: int
    tense: str
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class Explained:
    """One person. missing: products in whose list the person stands without being in a scenario."""

    person: Person
    refusals: tuple[Refusal, ...]
    consents: tuple[Consent, ...]
    missing: tuple[str, ...]
    is_sending_paused: bool
    months: tuple[Month, ...]
    roads: tuple[Road, ...]


def address(
    parts: Parts, email: str, *, first: int, last: int, now: datetime
) -> tuple[Mailbox, tuple[Explained, ...]]:
    """Everybody at an address, for the months first to last. Raises Unknown."""
    with parts.engine.connect() as tx:
        mailbox = stored.mailbox(tx, email_key(clean(email)))
        people = stored.people_at(tx, mailbox.id) if mailbox else ()
        if mailbox is None or not people:
            raise Unknown
        return mailbox, tuple(
            _explain(tx, parts, person, first=first, last=last, now=now) for person in people
        )


def person(parts: Parts, person_id: int, *, first: int, last: int, now: datetime) -> Explained:
    """One person, for the months first to last. Raises Unknown."""
    with parts.engine.connect() as tx:
        found = stored.person(tx, person_id)
        if found is None:
            raise Unknown
        return _explain(tx, parts, found, first=first, last=last, now=now)


@dataclass(frozen=True, slots=True)
class _Known:
    """All that was read about a person."""

    person: Person
    enrollments: tuple[Enrollment, ...]
    placed: tuple[Placed, ...]
    steps: dict[int, list[Step]]
    refusals: tuple[Refusal, ...]
    consents: tuple[Consent, ...]
    acts: tuple[Act, ...]
    products: tuple[Listed, ...]
    blocks: dict[int, str]
    rows: dict[int, tuple[rule.Step, ...]]
    entered: dict[int, int]
    facts: dict[int, Facts]


def _explain(
    tx: Connection, parts: Parts, person: Person, *, first: int, last: int, now: datetime
) -> Explained:
    known = _read(tx, person, gather.known(tx, parts, now=now))
    this = month_of(now, parts.settings.tz)
    roads = {e.id: _stops(known, e, parts, now=now) for e in known.enrollments if not _ended(e)}
    ways = [(e, _course(known, e, roads.get(e.id, ()), parts)) for e in known.enrollments]
    enrolled = {e.product_id for e in known.enrollments}
    return Explained(
        person=person,
        refusals=tuple(r for r in known.refusals if r.lifted_at is None),
        consents=tuple(c for c in known.consents if c.withdrawn_at is None),
        missing=tuple(one.name for one in known.products if one.id not in enrolled),
        is_sending_paused=outbox.stops(tx).paused,
        months=tuple(_month(known, ways, month, this=this, parts=parts) for month in range(first, last + 1)),
        roads=tuple(
            Road(e.product, e.colour_no, e.scenario, course.block, known.rows[e.version_id], roads[e.id])
            for e, course in ways
            if roads.get(e.id)
        ),
    )


def _read(tx: Connection, person: Person, rules: gather.Known) -> _Known:
    enrollments = stored.enrollments(tx, person.id)
    steps: dict[int, list[Step]] = defaultdict(list)
    for step in stored.steps(tx, [e.version_id for e in enrollments]):
        steps[step.version_id].append(step)
    active = planning.enrollments(tx, [person.id])
    asked = planning.people(
        tx, [person.id], month=rules.clock.month, today=rules.now.astimezone(rules.zone).date()
    )
    return _Known(
        person,
        enrollments,
        deliveries.of_person(tx, person.id),
        steps,
        stored.refusals(tx, person.id),
        stored.consents(tx, person.id),
        stored.acts(
            tx,
            products=[e.product_id for e in enrollments],
            scenarios=[e.scenario_id for e in enrollments],
        ),
        stored.known_products(tx, person.id),
        gather.blocks(tx, [person.id], rules),
        {e.version_id: every_step.of(tx, e.version_id) for e in enrollments if not _ended(e)},
        {row.id: row.entered_on for row in active},
        advance.facts(tx, active, people={row.id: row for row in asked}, zone=rules.zone),
    )


def _month(
    known: _Known, ways: Sequence[tuple[Enrollment, Course]], month: int, *, this: int, parts: Parts
) -> Month:
    entries: list[Entry] = []
    for enrollment, course in ways:
        mine = [p for p in known.placed if p.enrollment_id == enrollment.id and p.month == month]
        entries.extend(_entry(enrollment, p.line, None) for p in mine)
        if not mine:
            entries.append(_entry(enrollment, None, _why(course, month, this=this, parts=parts)))
    # Answers and notices, and mails of no scenario: they stand in the month in which they left.
    zone = parts.settings.tz
    for place in known.placed:
        at = place.line.sent_at or place.line.send_at
        own = place.month or (month_of(at, zone) if at else 0)
        if place.enrollment_id is None and own == month:
            line = place.line
            entries.append(Entry(line.product_name or "", line.colour_no, "", line, None))
    tense = "past" if month < this else "present" if month == this else "future"
    return Month(month, tense, tuple(entries))


def _entry(enrollment: Enrollment, line: Line | None, why: Why | None) -> Entry:
    return Entry(enrollment.product, enrollment.colour_no, enrollment.scenario, line, why)


def _why(course: Course, month: int, *, this: int, parts: Parts) -> Why:
    zone = parts.settings.tz
    if month < this:
        return explaining.past(course, month, first=month_start(month, zone), last=month_end(month, zone))
    if month == this:
        return explaining.present(course, month)
    return explaining.ahead(course, month)


def _counted(known: _Known) -> list[Placed]:
    """The mails that have, or had, a month's slot."""
    return [p for p in known.placed if p.klass == "counted" and p.line.state in HOLDING]


def _stops(known: _Known, enrollment: Enrollment, parts: Parts, *, now: datetime) -> tuple[Stop, ...]:
    """What lies ahead in a scenario that goes on."""
    local = now.astimezone(parts.settings.tz)
    this, today = month_of(now, parts.settings.tz), local.date().toordinal()
    used = {p.month for p in _counted(known) if p.enrollment_id != enrollment.id or p.line.state in COUNTING}
    place = Place(
        position=enrollment.position,
        entered=known.entered.get(enrollment.id, 0) or today,
        start_month=enrollment.start_month,
        due_month=enrollment.due_month,
        floor=this + 1 if this in used else this,
        every_months=known.person.every_months,
        facts=known.facts.get(enrollment.id),
        today=today,
    )
    return outlook.stops(known.rows[enrollment.version_id], place)


def _course(known: _Known, enrollment: Enrollment, stops: Sequence[Stop], parts: Parts) -> Course:
    steps = _on_the_way(known.steps[enrollment.version_id], enrollment.position)
    mine = {p.step_key: p for p in known.placed if p.enrollment_id == enrollment.id}
    counted = _counted(known)
    return Course(
        enrolled_month=month_of(enrollment.created_at, parts.settings.tz),
        start_month=enrollment.start_month,
        due_month=enrollment.due_month,
        position=enrollment.position,
        ended=_ended(enrollment),
        block=_block(known, enrollment),
        every_months=known.person.every_months,
        parts=tuple(
            Part(step.position, step.offset_months, step.title, _own_month(mine.get(step.key)))
            for step in steps
        ),
        spans=tuple(_spans(known, enrollment)),
        pauses=tuple(_pauses(known, enrollment)),
        won={
            p.month: Won(p.line.product_name or "", p.line.reason)
            for p in counted
            if p.enrollment_id != enrollment.id
        },
        mailed=frozenset(p.month for p in counted if p.line.state in COUNTING),
        held=_held(known, enrollment),
        chances=outlook.chances(stops),
    )


def _on_the_way(steps: Sequence[Step], position: int) -> list[Step]:
    """The mails that are behind a person or will come for certain: those of a branch ahead may not."""
    here = next(((s.parent_key, s.arm) for s in steps if s.position == position), ("", ""))
    return [s for s in steps if s.position <= position or not s.parent_key or (s.parent_key, s.arm) == here]


def _held(known: _Known, enrollment: Enrollment) -> Held | None:
    """What the planner said at its last decision, if this enrolment gave way then."""
    if enrollment.status != "active" or str(enrollment.id) not in known.person.held:
        return None
    reason, product_id = known.person.held[str(enrollment.id)]
    first = next((one for one in known.products if one.id == product_id), None)
    mine = next((one.rank for one in known.products if one.id == enrollment.product_id), "")
    return Held(
        reason,
        first.name if first else "",
        known.person.plan_at,
        (first.rank, mine) if first else ("", mine),
    )


def _own_month(place: Placed | None) -> int | None:
    """The month that a step's mail has or had; None while it still waits for one."""
    if place is None or place.line.state not in FINAL | HOLDING or place.line.state == "no_consent":
        return None
    return place.month


def _ended(enrollment: Enrollment) -> str:
    """Why the way through the scenario is over; '' while it goes on."""
    if enrollment.status == "done":
        return "no_step_left"
    if enrollment.status == "stopped":
        return enrollment.reason or "stopped"
    if enrollment.scenario_status == "ended":
        return "scenario_ended"
    return "" if enrollment.is_product_active else "product_inactive"


def _block(known: _Known, enrollment: Enrollment) -> str:
    """What forbids the next mail now: asked by the planner's own query where it would ask."""
    if enrollment.status == "asked":
        return "owner_asked"
    if enrollment.is_product_paused:
        return "product_paused"
    if enrollment.scenario_status == "paused":
        return "scenario_paused"
    return known.blocks.get(enrollment.id, "")


def _spans(known: _Known, enrollment: Enrollment) -> list[Span]:
    """What forbade mails of this scenario, and when; the strongest first."""
    found = [
        Span(f"refused_{one.scope}", one.at, one.lifted_at)
        for one in known.refusals
        if one.scope == "global"
        or (one.scope == "product" and one.product_id == enrollment.product_id)
        or (one.scope == "new_products" and enrollment.created_at > one.at)
    ]
    person = known.person
    if person.address_status in ("hard", "complaint") and person.address_status_at is not None:
        found.append(Span(f"address_{person.address_status}", person.address_status_at))
    # Without any consent yet; a withdrawn one forbids from its end on, unless another stands.
    covering = [c for c in known.consents if c.product_id in (None, enrollment.product_id)]
    if not covering:
        found.append(Span("no_consent", enrollment.created_at))
    elif all(c.withdrawn_at for c in covering):
        found.append(Span("no_consent", max(c.withdrawn_at for c in covering if c.withdrawn_at)))
    elif min(c.obtained_at for c in covering) > enrollment.created_at:
        found.append(Span("no_consent", enrollment.created_at, min(c.obtained_at for c in covering)))
    return found


def _pauses(known: _Known, enrollment: Enrollment) -> list[Span]:
    """When staff held the scenario, its product or everything."""
    found: list[Span] = []
    for noun, id, code in (
        ("scenario", enrollment.scenario_id, "scenario_paused"),
        ("product", enrollment.product_id, "product_paused"),
        ("sending", None, "sending_paused"),
    ):
        log = [(act.action, act.at) for act in known.acts if act.noun == noun and act.noun_id == id]
        found.extend(explaining.pauses(log, code=code))
    return found
