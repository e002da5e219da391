"""Plan: decide for each due person which mail gets the month, and write slot, delivery and pointer together.

A hybrid: SQL reads a batch of due people (`gather`), `rules.decisions.decide` decides per person on plain
values, SQL writes the batch. Each batch is one short transaction; planners share the work by SKIP LOCKED.
Nobody counts first and inserts later: the unique keys of mail_slots decide. Source: design 3, 4; spec 3.1, 3.2.
"""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import NamedTuple

from sqlalchemy import Connection, text
from sqlalchemy.exc import IntegrityError

from campaigns.parts import Parts
from campaigns.rules import planning as rule
from campaigns.rules import schedule
from campaigns.rules.planning import Decision, Held, Today, Written, earlier
from campaigns.rules.schedule import month_plan
from campaigns.services import gather
from campaigns.services.gather import Case, Known
from campaigns.storage import outbox, plan_writes, planning
from campaigns.storage.plan_writes import KEEP, Kind, Pointer, Row

BATCH = 10_000
# From here on a run leaves enough dead rows behind to slow the next reading of the queue: 0.2 s at 1,000,000.
MANY = 50_000
CROWD = 5  # people of a company who may get the same mail on one day (spec 3.1.11)


@dataclass(frozen=True, slots=True)
class Planned:
    """What one run decided: people looked at, and deliveries by state; waiting: enrolments that gave way."""

    people: int = 0
    states: Counter[str] = field(default_factory=Counter)
    waiting: int = 0


def run(parts: Parts, *, now: datetime, limit: int | None = None) -> Planned:
    """Decide for everybody who is due now; for nobody while everything is paused, since no promise would hold."""
    with parts.engine.connect() as tx:
        if outbox.stops(tx).paused:
            return Planned()
    with _uncollected():
        planned = _run(parts, now=now, limit=limit)
    if planned.people >= MANY and not _is_anybody_due(parts, now):
        tidy(parts)  # by the last of several planners: two at once do the same work twice
    return planned


def _is_anybody_due(parts: Parts, now: datetime) -> bool:
    with parts.engine.connect() as tx:
        return planning.is_anybody_due(tx, today=rule.due_day(now, zone=parts.settings.tz))


@contextmanager
def _uncollected() -> Iterator[None]:
    """Without the cycle collector: it walked a batch's 200,000 tuples again and again, 28 of 64 us a person."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _run(parts: Parts, *, now: datetime, limit: int | None) -> Planned:
    total, waiting, states = 0, 0, Counter[str]()
    known: Known | None = None
    while limit is None or total < limit:
        with parts.engine.begin() as tx:
            people = planning.due_people(tx, today=rule.due_day(now, zone=parts.settings.tz), limit=BATCH)
            if not people:
                break
            known = known or gather.known(tx, parts, now=now)
            done = _batch(tx, people, known)
        total, waiting, states = total + done.people, waiting + done.waiting, states + done.states
        if not done.people:
            break  # all of them wait for somebody at their mailbox whom another planner has in hand
    return Planned(total, states, waiting)


def tidy(parts: Parts) -> None:
    """Clear the queue of what a big run left behind, and let the database count the outbox anew."""
    with parts.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as tx:
        tx.execute(text("vacuum (skip_locked, index_cleanup on, truncate off) pace"))
        tx.execute(text("analyze (skip_locked) deliveries, mail_slots, enrollments"))


def _batch(tx: Connection, people: Sequence[int], known: Known) -> Planned:
    tx.execute(text(planning.BY_INDEX))
    found = gather.cases(tx, people, known, moves=True)
    decide = known.decider.decide
    return _write(tx, found, [decide(case.person, case.asks) for case in found], known)


class _Going(NamedTuple):
    """A mail that is to go. place: of its case in the batch."""

    place: int
    written: Written
    row: Row
    day: int


def _write(tx: Connection, cases: Sequence[Case], decisions: Sequence[Decision], known: Known) -> Planned:
    """Slot, delivery, gap and pointer: one transaction, and the unique keys have the last word."""
    crowded = _crowded(tx, cases, decisions, known)
    kinds: dict[Kind, int] = {}
    rows: list[Row] = []
    states: dict[int, str] = {}  # by enrolment
    going: dict[int, _Going] = {}
    for place, (case, decision) in enumerate(zip(cases, decisions, strict=True)):
        for written in decision.written:
            enrollment = case.enrollments[written.place]
            kind = _kind(case, written, known)
            number = kinds.setdefault(kind, len(kinds) + 1)
            day, send_at = _when(case, written, known, crowded) if written.day else (None, None)
            row = Row(case.row.id, case.row.address_id, enrollment, day, send_at, number)
            rows.append(row)
            states[enrollment] = written.state
            if day:
                going[enrollment] = _Going(place, written, row, day)
    done = _at_once(tx, rows, list(kinds), known)
    ids = plan_writes.write(
        tx, [row for row in rows if row.enrollment_id not in done], list(kinds), now=known.now
    )
    lost = _take(tx, [(id, going[one]) for one, id in ids.items() if one in going], known)
    counts = Counter(states[id] for id in (*done, *ids))
    counts["planned"] -= len(lost)
    counts["carried_over"] += len(lost)
    waiting = _move(tx, cases, decisions, going, lost, known)
    return Planned(len(cases), +counts, waiting)


def _at_once(tx: Connection, rows: Sequence[Row], kinds: Sequence[Kind], known: Known) -> set[int]:
    """The enrolments whose mail, slot and gap were written in one statement: none if anybody came between."""
    if not rows:
        return set()
    savepoint = tx.begin_nested()
    try:
        done = plan_writes.at_once(tx, rows, kinds, now=known.now, days=schedule.gap_days(known.clock.cap))
    except IntegrityError:
        done = None
    if done is None:
        savepoint.rollback()
        return set()
    savepoint.commit()
    return done


def _kind(case: Case, written: Written, known: Known) -> Kind:
    """What the mail shares with those of other people."""
    ask = written.ask
    mail = ask.mail
    frozen = known.published_mail(mail, case.row) if written.day else None
    key = written, frozen
    found = known.kinds.get(key)
    if found is None:
        found = known.kinds[key] = Kind(
            "courtesy" if mail.content_kind == "thanks" else "counted",
            ask.product_id,
            mail.content_id,
            frozen,
            mail.step_key,
            mail.tone,
            written.month,
            date.fromordinal(mail.valid_until).isoformat() if mail.valid_until else None,
            written.state,
            written.reason,
            # A mail in the place of a row is told apart by its month: the row waits in its round.
            written.month if mail.next.kind == "same" else ask.round,
            written.slot_no,
        )
    return found


def _when(case: Case, written: Written, known: Known, crowded: set[tuple[int, int]]) -> tuple[int, int]:
    """Day and second of a planned mail. One of three business days where many of the company get it."""
    day, ask = written.day, written.ask
    if crowded and case.row.company_id is not None and (case.row.company_id, ask.mail.scenario_id) in crowded:
        # By the person's id, so that no order of workers matters.
        table = month_plan(written.month, known.clock.calendar).table
        later = schedule.company_day(day, place=case.row.id, people=CROWD + 1, table=table)
        if not ask.mail.valid_until or later <= ask.mail.valid_until:
            day = later
    windows = known.products[ask.product_id].windows
    second = schedule.send_second(
        day, key=case.row.id, zone=known.zone, windows=windows, not_before=known.now_s
    )
    return day, second


def _take(tx: Connection, asked: Sequence[tuple[int, _Going]], known: Known) -> dict[int, _Going]:
    """Take slots and gaps; what lost them to another person at the same mailbox, by place of the case."""
    slots = []
    for id, (_, written, row, _) in asked:
        slots.append(
            (row.person_id, row.address_id, written.ask.product_id, written.month, written.slot_no, id)
        )
    got = plan_writes.take_slots(tx, slots)
    gaps = [
        (one.row.address_id or 0, one.day, "t" if one.written.slot_no == 0 else "f")
        for id, one in asked
        if id in got
    ]
    free = plan_writes.move_gap(tx, gaps, days=schedule.gap_days(known.clock.cap))
    lost = {id: one for id, one in asked if id not in got or one.row.address_id not in free}
    if lost:
        until = date.fromordinal(_next_month(known.clock))
        plan_writes.take_back(tx, sorted(lost), until=until.isoformat())
    return {one.place: one for one in lost.values()}


def _next_month(clock: Today) -> int:
    return max(month_plan(clock.month + 1, clock.calendar).decide[1], clock.day + 1)


def _move(
    tx: Connection,
    cases: Sequence[Case],
    decisions: Sequence[Decision],
    going: dict[int, _Going],
    lost: dict[int, _Going],
    known: Known,
) -> int:
    """Pointers, stops, gaps and the next decisions; returns how many enrolments gave way."""
    gap = schedule.gap_days(known.clock.cap)
    free_on = {one.place: one.day + gap for one in going.values() if one.place not in lost}
    pointers: dict[Pointer, int] = {}
    moves, stops, paces, waiting = [], [], [], 0
    for place, (case, decision) in enumerate(zip(cases, decisions, strict=True)):
        beaten = lost.get(place)
        ids, plan_at, held = case.enrollments, earlier(decision.plan_at, case.wake), decision.held
        for move in decision.moves:
            if beaten is None or move.place != beaten.written.place:
                pointer = Pointer._make(move[1:])
                moves.append((ids[move.place], pointers.setdefault(pointer, len(pointers) + 1)))
        for at, reason in decision.stopped:
            stops.append((ids[at], reason))
        if beaten is not None:
            plan_at = _next_month(known.clock)
            held = (*held, Held(beaten.written.place, "address_taken", None))
        waiting += len(held)
        paces.append(
            (case.row.id, plan_at, free_on.get(place), KEEP if decision.is_early else _held(held, ids))
        )
    plan_writes.point(tx, moves, list(pointers))
    plan_writes.stop(tx, stops)
    plan_writes.set_pace(tx, paces)
    return waiting


def _held(held: Sequence[Held], ids: Sequence[int]) -> str | None:
    """{enrolment: [reason, product that goes first]} as JSON; reasons are plain codes."""
    if not held:
        return None
    parts = [f'"{ids[place]}":["{reason}",{"null" if by is None else by}]' for place, reason, by in held]
    return "{" + ",".join(parts) + "}"


def _crowded(
    tx: Connection, cases: Sequence[Case], decisions: Sequence[Decision], known: Known
) -> set[tuple[int, int]]:
    """(company, scenario) whose same mail goes over three business days (spec 3.1.11). Asked once a company."""
    companies = {
        case.row.company_id
        for case, decision in zip(cases, decisions, strict=True)
        if case.row.company_id is not None and decision.written
    }
    companies -= known.companies
    if companies:
        known.companies |= companies
        known.crowds |= planning.crowds(tx, companies)
    return known.crowds
