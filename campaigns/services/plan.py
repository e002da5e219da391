"""Plan: decide for each due person which step gets the month, and write slot, delivery and step together.

A hybrid: SQL reads a batch of due people, `rules.schedule.choose` decides per person on plain values, SQL
writes the batch. Each batch is one short transaction; two planners share the work by SKIP LOCKED. Nobody
counts first and inserts later: the unique keys of mail_slots decide. Source: design 3, 4; spec 3.1, 3.2.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta

from sqlalchemy import Connection, select

from campaigns.parts import Parts
from campaigns.rules import schedule
from campaigns.rules.schedule import WINDOWS, Candidate, CarriedOver, MonthPlan, Situation, month_plan
from campaigns.rules.workdays import Calendar
from campaigns.storage import planning
from campaigns.storage.planning import DueStep, History, Row
from campaigns.storage.tables import house

BATCH = 10_000
NEVER = date(9999, 12, 31)  # nothing left to decide: the row stays, since it holds the person's gap
DECIDE_AT = time(6, 0)  # decisions are taken at six in the morning (spec 3.2)
LAST_MINUTE = max(end for _, end in WINDOWS)  # of a day's hours for mail; after it a mail goes tomorrow

# What a step that cannot go ends in, and whether the enrolment goes on to its next step.
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


@dataclass(frozen=True, slots=True)
class Planned:
    """What one run decided: people looked at, and deliveries by state."""

    people: int = 0
    states: Counter[str] = field(default_factory=Counter)


@dataclass(slots=True)
class _Writes:
    """What a batch of decisions comes to."""

    # By origin: this month's answer gives way to next month's where both are decided on one day.
    rows: dict[str, Row] = field(default_factory=dict)
    steps: list[tuple[int, int]] = field(default_factory=list)  # moved without a slot
    winners: dict[str, DueStep] = field(default_factory=dict)  # by origin
    stops: dict[int, str] = field(default_factory=dict)
    pace: dict[int, date] = field(default_factory=dict)
    ended: set[int] = field(default_factory=set)  # enrolments whose step has ended today
    earliest: date = date.min  # the first day on which a mail decided now can go


def run(parts: Parts, *, now: datetime, limit: int | None = None) -> Planned:
    """Decide for everybody who is due now."""
    zone, calendar = parts.settings.tz, Calendar()
    local = now.astimezone(zone)
    # Before six the day's decisions wait; what is overdue from yesterday does not.
    today = local.date() if local.time() >= DECIDE_AT else local.date() - timedelta(days=1)
    total, states = 0, Counter[str]()
    while limit is None or total < limit:
        with parts.engine.begin() as tx:
            people = planning.due_people(tx, today=today, limit=BATCH)
            if people:
                states += _batch(tx, people, now=now, local=local, calendar=calendar, parts=parts)
        total += len(people)
        if len(people) < BATCH:
            break
    return Planned(total, states)


def _first_day(local: datetime) -> date:
    """The first day on which a mail decided now can go: tomorrow, once today's hours for mail are over."""
    over = local.hour * 60 + local.minute >= LAST_MINUTE
    return local.date() + timedelta(days=1) if over else local.date()


def _batch(
    tx: Connection, people: Sequence[int], *, now: datetime, local: datetime, calendar: Calendar, parts: Parts
) -> Counter[str]:
    day, month = local.date(), schedule.month_of(now, parts.settings.tz)
    cap = int(tx.execute(select(house.c.cap_max)).scalar() or 1)
    steps: dict[int, list[DueStep]] = defaultdict(list)
    for step in planning.due_steps(tx, people):
        steps[step.person_id].append(step)
    past = planning.history(tx, people, month=month)
    writes = _Writes(earliest=_first_day(local))
    for person in people:
        if steps[person]:
            _decide(writes, steps[person], past[person], day=day, month=month, cap=cap, calendar=calendar)
        else:
            writes.pace[person] = NEVER
    _spread(writes, calendar=calendar)
    return _write(tx, writes, now=now, day=day, cap=cap, calendar=calendar, parts=parts)


def _decide(
    writes: _Writes,
    steps: list[DueStep],
    past: History,
    *,
    day: date,
    month: int,
    cap: int,
    calendar: Calendar,
) -> None:
    """One person: what is due this month, or next month if its decision day has come."""
    again = _decision_day(steps, month, calendar=calendar)
    if again is not None and again > day:
        writes.pace[past.person_id] = again
        return
    won: DueStep | None = None
    for plan_for in (month, month + 1):
        due = [
            step for step in steps if step.due_month <= plan_for and step.enrollment_id not in writes.ended
        ]
        decide = month_plan(plan_for, calendar).decide
        if plan_for > month and not any(decide[step.want_day] <= day.toordinal() for step in due):
            break
        if due:
            won = _choose(writes, due, past, day=day, month=plan_for, cap=cap, calendar=calendar)
        if won is not None:
            month = plan_for
            break
    if past.person_id not in writes.pace:
        after = month if won is not None and _has_room(steps, won, past, month=month, cap=cap) else month + 1
        _set_pace(writes, steps, won, past.person_id, day=day, month=month, after=after, calendar=calendar)


def _has_room(steps: list[DueStep], won: DueStep, past: History, *, month: int, cap: int) -> bool:
    """Whether the month may be asked for once more, tomorrow: a cap above one, or a thank-you mail that lost."""
    if 1 + sum(1 for m, _ in past.taken if m == month) < cap:
        return True
    thanks = (step for step in steps if step.content_kind == "thanks" and step is not won)
    return month not in past.courtesy_months and any(step.due_month <= month for step in thanks)


def _set_pace(
    writes: _Writes,
    steps: list[DueStep],
    won: DueStep | None,
    person: int,
    *,
    day: date,
    month: int,
    after: int,
    calendar: Calendar,
) -> None:
    """The day of the person's next decision: the earliest of the steps that are left; NEVER without one.

    after: the month from which steps that did not win are asked again.
    """
    days = []
    for step in steps:
        due, want = max(step.due_month, after), step.want_day
        if step is won:
            due, want = _next_month(step, month), step.next_want_day or 1
        if due and step.enrollment_id not in writes.stops:
            days.append(month_plan(due, calendar).decide[want])
    writes.pace[person] = max(date.fromordinal(min(days)), day + timedelta(days=1)) if days else NEVER


def _decision_day(steps: list[DueStep], month: int, *, calendar: Calendar) -> date | None:
    """When this month's decision falls, if something is due this month; it must not be taken before."""
    plan = month_plan(month, calendar)
    days = [plan.decide[step.want_day] for step in steps if step.due_month <= month]
    return date.fromordinal(min(days)) if days else None


def _choose(
    writes: _Writes, due: list[DueStep], past: History, *, day: date, month: int, cap: int, calendar: Calendar
) -> DueStep | None:
    """Ask the rule and note the answer; the step that has the month now, if any."""
    by_id = {step.enrollment_id: step for step in due}
    ctx = Situation(
        month=month,
        earliest=writes.earliest.toordinal(),
        calendar=calendar,
        next_free_on=past.next_free_on.toordinal() if past.next_free_on else 0,
        taken=tuple(product for m, product in past.taken if m == month),
        cap_max=cap,
        last_month=past.last_month,
        every=schedule.every_months(past.every_months, past.silent_mails),
        recent_tones=past.recent_tones,
        company_class=due[0].company_class,
    )
    choice = schedule.choose([_candidate(step) for step in due], ctx=ctx)
    for blocked in choice.blocked:
        _note_blocked(writes, by_id[blocked.enrollment_id], blocked.reason, month=month, until=blocked.until)
    plan = month_plan(month, calendar)
    courtesy, courtesy_day = _courtesy(
        choice.carried, by_id, past, day=writes.earliest.toordinal(), plan=plan
    )
    for carried in choice.carried:
        step = by_id[carried.enrollment_id]
        if step is not courtesy:
            _note(
                writes,
                step,
                "carried_over",
                carried.reason,
                month,
                by=carried.by_product_id,
                until=carried.until,
            )
    if courtesy is not None:
        # The thank-you mail of an exhibition: once, although the month has its mail (spec 3.1.2).
        _win(writes, courtesy, month, courtesy_day, 0)
    if choice.winner is not None:
        won = by_id[choice.winner.enrollment_id]
        _win(writes, won, month, choice.winner.day, past.free_slot(month), why=choice.winner.reason)
        return won
    return courtesy


def _courtesy(
    carried: Sequence[CarriedOver], by_id: dict[int, DueStep], past: History, *, day: int, plan: MonthPlan
) -> tuple[DueStep | None, int]:
    """The thank-you mail that goes as the month's exception, and its business day (an ordinal)."""
    if plan.month in past.courtesy_months:
        return None, 0
    for step in (by_id[c.enrollment_id] for c in carried if c.reason in ("month_taken", "gap")):
        target = max(day, plan.wanted[step.want_day])
        open_day = plan.table.next_open(target) if target <= plan.last else 0
        if step.content_kind == "thanks" and open_day:
            return step, open_day
    return None, 0


def _candidate(step: DueStep) -> Candidate:
    return Candidate(
        enrollment_id=step.enrollment_id,
        product_id=step.product_id,
        due_month=step.due_month,
        want_day=step.want_day,
        rank=step.rank,
        priority=step.priority,
        tone=step.tone,
        valid_until=step.valid_until.toordinal() if step.valid_until else 0,
        block=step.block,
    )


def _note_blocked(writes: _Writes, step: DueStep, reason: str, *, month: int, until: int | None) -> None:
    if reason == "not_due":
        return
    if reason in STOPPED:
        _note(writes, step, "suppressed" if reason in REFUSED else "cancelled", reason, month)
        writes.stops[step.enrollment_id] = reason
        writes.ended.add(step.enrollment_id)
    elif reason in ENDS:
        state, moves = ENDS[reason]
        _note(writes, step, state, reason, month)
        if moves:
            writes.steps.append((step.enrollment_id, _next_month(step, month - 1)))
            writes.ended.add(step.enrollment_id)
            writes.pace[step.person_id] = date.min  # asked again at once: the next step takes the month
    else:  # the sales stage, or the tone: it waits, and is asked again with the next month's decision
        again = until or month_plan(month + 1, Calendar()).decide[step.want_day]
        _note(writes, step, "carried_over", reason, month, until=again)


def _note(
    writes: _Writes,
    step: DueStep,
    state: str,
    reason: str,
    month: int,
    *,
    by: int | None = None,
    until: int | None = None,
    send_on: int | None = None,
    slot_no: int | None = None,
) -> None:
    origin, later = _origin(step), send_on or until
    writes.rows[origin] = Row(
        origin=origin,
        klass="courtesy" if step.content_kind == "thanks" else "counted",
        person_id=step.person_id,
        address_id=step.address_id,
        product_id=step.product_id,
        enrollment_id=step.enrollment_id,
        content_id=step.content_id,
        step_key=step.step_key,
        tone=step.tone,
        month=month,
        valid_until=step.valid_until,
        send_at=None,
        state=state,
        reason=reason,
        by_product_id=by,
        until=date.fromordinal(later) if later else None,
        slot_no=slot_no,
    )


def _origin(step: DueStep) -> str:
    """Why the mail exists: the step's key survives new versions; the round serves the evergreen shelf."""
    return f"enr:{step.enrollment_id}/{step.step_key}/round:1"


def _win(
    writes: _Writes, step: DueStep, month: int, day: int, slot_no: int, *, why: str = "courtesy"
) -> None:
    _note(writes, step, "planned", why, month, send_on=day, slot_no=slot_no)
    writes.winners[_origin(step)] = step


def _next_month(step: DueStep, month: int) -> int:
    """Month in which the step after this one is due; 0 when this was the last.

    A missed month is lost: the next step comes at least a month later, in its order (spec 3.1.7).
    """
    if step.next_offset is None:
        return 0
    return max(step.start_month + step.next_offset, month + 1)


def _spread(writes: _Writes, *, calendar: Calendar) -> None:
    """The same mail to more than five people of one company goes over three business days."""
    groups: dict[tuple[int | None, int | None], list[Row]] = defaultdict(list)
    for row in writes.rows.values():
        if row.state == "planned":
            groups[writes.winners[row.origin].company_id, row.content_id].append(row)
    for (company, _), rows in groups.items():
        if company is None or len(rows) <= 5:
            continue
        for nth, row in enumerate(rows):
            assert row.until is not None
            table = month_plan(row.month, calendar).table
            ordinal = schedule.company_day(row.until.toordinal(), place=nth, people=len(rows), table=table)
            later = date.fromordinal(ordinal)
            if row.valid_until is None or later <= row.valid_until:
                writes.rows[row.origin] = replace(row, until=later)


def _write(
    tx: Connection, writes: _Writes, *, now: datetime, day: date, cap: int, calendar: Calendar, parts: Parts
) -> Counter[str]:
    """Slot, delivery, gap and step move: one transaction, and the unique keys have the last word."""
    zone = parts.settings.tz
    rows = [
        replace(
            row, send_at=schedule.send_at(row.until, key=row.person_id, zone=zone, not_before=now), until=None
        )
        if row.state == "planned" and row.until is not None
        else row
        for row in writes.rows.values()
    ]
    ids = planning.write(tx, rows, now=now)
    asked = [(ids[row.origin], row) for row in rows if row.state == "planned" and row.origin in ids]
    days = {id: _local_day(row, parts) for id, row in asked}
    got = planning.take_slots(tx, asked)
    free = planning.move_gap(tx, [(id, days[id]) for id in got], days=schedule.gap_days(cap))
    lost = [id for id, _ in asked if id not in free]
    if lost:
        # Another person at the same mailbox was first. The slot, if taken, is given back.
        planning.give_back(tx, lost)
        last = max(row.month for id, row in asked if id not in free)
        until = max(date.fromordinal(month_plan(last + 1, calendar).decide[1]), day + timedelta(days=1))
        planning.carry_over(tx, lost, reason="address_taken", until=until)
        writes.pace |= {row.person_id: until for id, row in asked if id not in free}
    # An origin that ended some other time (a step put back by hand) is not mailed again: on to the next.
    past = [row for row in rows if row.state == "planned" and row.origin not in ids]
    won = [row for id, row in asked if id in free] + past
    moved = [(row.enrollment_id, _next_month(writes.winners[row.origin], row.month)) for row in won]
    planning.move_steps(tx, moved + writes.steps)
    planning.stop(tx, list(writes.stops.items()))
    planning.set_pace(
        tx, [(person, max(at, now.astimezone(zone).date())) for person, at in writes.pace.items()]
    )
    states = Counter(row.state for row in rows if row.origin in ids)
    states["planned"] -= len(lost)
    states["carried_over"] += len(lost)
    return states


def _local_day(row: Row, parts: Parts) -> date:
    assert row.send_at is not None
    return row.send_at.astimezone(parts.settings.tz).date()
