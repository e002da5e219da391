"""Simulate: the coming twelve months as if a scenario's draft were published now; nothing is written.

The audience is read in parts and lived through by `foresee`; mailboxes stay together, since they share one month.
All products of these people take part. What came of it is added up by month.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import Connection, select

from campaigns.parts import Parts
from campaigns.rules import flow
from campaigns.rules import planning as rule
from campaigns.rules.chances import Rates
from campaigns.rules.schedule import first_day, last_day, month_of
from campaigns.rules.simulating import Event, Tally, outlook
from campaigns.services import foresee, gather
from campaigns.services.foresee import Going, Lead, Member, World
from campaigns.storage import advancing, planning, ranks, simulations, snapshot, steps
from campaigns.storage import tables as t
from campaigns.storage.planning import EnrollmentRow
from campaigns.storage.snapshot import LeadRow

MONTHS = 12
PART = 2_000  # people read at a time: some 20 MB
HISTORY = timedelta(days=730)  # over which past rates are counted
NEW = 1 << 62  # ids of enrolments that would be made: above every real one


class Cancelled(Exception):
    """Somebody cancelled it, or the process is to stop."""


@dataclass(frozen=True, slots=True)
class Setting:
    """What is simulated. version: the draft, or None for the version in force; position: old row -> new row."""

    scenario: int
    product: int
    version: int | None
    seed: int
    months: int = MONTHS
    positions: Mapping[int, Mapping[int, int]] | None = None


Step = Callable[[int, int], None]


def setting(tx: Connection, scenario_id: int, *, seed: int) -> Setting | None:
    """The scenario as it would be published: its draft where there is one, else the version in force."""
    sc, v = t.scenarios, t.scenario_versions
    found = tx.execute(select(sc.c.product_id, sc.c.published_no).where(sc.c.id == scenario_id)).one_or_none()
    if found is None:
        return None
    versions = tx.execute(
        select(v.c.id, v.c.no, v.c.published_at).where(v.c.scenario_id == scenario_id)
    ).all()
    draft = next((one.id for one in versions if one.published_at is None), None)
    if draft is None:
        draft = next((one.id for one in versions if one.no == found.published_no), None)
    positions = {}
    if draft is not None:
        new = steps.of(tx, draft)
        used = tx.execute(
            select(t.enrollments.c.version_id).where(t.enrollments.c.scenario_id == scenario_id).distinct()
        ).scalars()
        positions = {one: flow.resume_positions(steps.of(tx, one), new) for one in used if one != draft}
    return Setting(scenario_id, found.product_id, draft, seed, positions=positions)


def run(
    parts: Parts,
    wanted: Setting,
    *,
    now: datetime,
    rates: Mapping[int, Rates] | None = None,
    react: bool = True,
    only: Sequence[int] | None = None,
    step: Step = lambda done, total: None,
) -> Iterator[tuple[list[Member], list[Event], dict[int, str]]]:
    """Live through every mailbox; members, what happened, and the rank each began with, a part at a time.

    only: these people (and who shares their mailboxes) instead of everybody. step: told (done, total) after each
    part; it may raise `Cancelled`.
    """
    with parts.engine.connect() as tx:
        joining = snapshot.joining(tx, wanted.scenario, now=now)
        everybody = sorted({*joining, *snapshot.taking_part(tx, wanted.scenario)})
        if only is not None:
            everybody = sorted({*everybody} & {*only})
            joining = sorted({*joining} & {*only})
        boxes = snapshot.mailboxes(tx, everybody) if everybody else []
        world = _world(tx, parts, wanted, now=now, rates=rates, react=react, everybody=everybody)
        new, total, done = frozenset(joining), sum(map(len, boxes)), 0
        step(0, total)
        for part in _parts_of(boxes):
            groups = _members(tx, part, world, wanted, new)
            members = [one for group in groups for one in group]
            began = {
                one.row.id: one.leads[wanted.product].rank for one in members if wanted.product in one.leads
            }
            log = [event for group in groups for event in foresee.run(group, world)]
            yield members, log, began
            done += len(members)
            step(done, total)


def _parts_of(boxes: Sequence[tuple[int, ...]]) -> Iterator[list[tuple[int, ...]]]:
    part: list[tuple[int, ...]] = []
    people = 0
    for box in boxes:
        part.append(box)
        people += len(box)
        if people >= PART:
            yield part
            part, people = [], 0
    if part:
        yield part


def _world(
    tx: Connection,
    parts: Parts,
    wanted: Setting,
    *,
    now: datetime,
    rates: Mapping[int, Rates] | None,
    react: bool,
    everybody: Sequence[int],
) -> World:
    known = gather.known(tx, parts, now=now)
    month = month_of(now, parts.settings.tz)
    products = list(tx.execute(select(t.products.c.id)).scalars())
    rules = ranks.products(tx, products, now=now)
    today = now.astimezone(parts.settings.tz).date()
    return World(
        base=known,
        seed=wanted.seed,
        rates=rates if rates is not None else snapshot.rates(tx, since=today - HISTORY),
        rules={id: one.rules_for for id, one in rules.items()},
        shelf=snapshot.shelf(tx),
        crowds=frozenset(snapshot.crowds(tx, wanted.scenario, everybody)),
        last=last_day(month + wanted.months).toordinal(),
        react=react,
    )


def _members(
    tx: Connection,
    boxes: Sequence[tuple[int, ...]],
    world: World,
    wanted: Setting,
    new: frozenset[int],
) -> list[list[Member]]:
    """The people of some mailboxes as they stand today, with the draft in the place of the version in force."""
    ids = [person for box in boxes for person in box]
    known, zone = world.base, world.base.zone.key
    people = {row.id: row for row in planning.people(tx, ids, month=known.clock.month, today=date.min)}
    rows = [_redrawn(row, wanted, known.clock.day) for row in planning.enrollments(tx, ids)]
    found = snapshot.leads(tx, ids)
    leads = {id: {one.product_id: _lead(one) for one in some} for id, some in found.items()}
    kept = [row for row in rows if row is not None]
    _learn(tx, known, kept, wanted)
    kept += [_joined(id, leads.get(id, {}), wanted, known) for id in ids if id in new]
    members = _bare(tx, ids, people, leads)
    _fill(tx, members, kept, known, zone=zone)
    for one in members.values():
        if one.row.id in new:
            one.plan_at = rule.earlier(one.plan_at, known.clock.day)
    return [[members[id] for id in box] for box in boxes]


def _learn(tx: Connection, known: gather.Known, rows: Sequence[EnrollmentRow], wanted: Setting) -> None:
    """Flows and products that these enrolments need, the draft's among them."""
    if wanted.version is not None:
        draft = EnrollmentRow(0, 0, wanted.product, wanted.scenario, wanted.version, 1, 0, 0, 0, 0, 1, "", "")
        rows = [*rows, draft]
    known.read(tx, rows)


def _bare(
    tx: Connection,
    ids: Sequence[int],
    people: Mapping[int, planning.PersonRow],
    leads: Mapping[int, dict[int, Lead]],
) -> dict[int, Member]:
    frames, touches, contents = snapshot.frames(tx, ids), snapshot.touches(tx, ids), snapshot.seen(tx, ids)
    silent = planning.silent(tx, ids)
    companies = sorted({row.company_id for row in people.values() if row.company_id is not None})
    trades = advancing.trades(tx, companies)
    members = {}
    for id in ids:
        row, frame = people[id], frames[id]
        trade = trades.get(row.company_id or 0)
        members[id] = Member(
            row,
            {},
            frame.plan_at,
            industry=trade.industry if trade else "",
            size=trade.size if trade else "",
            has_phone=frame.has_phone,
            leads=leads.get(id, {}),
            touches=touches.get(id, []),
            seen=contents.get(id, set()),
            tones=row.tones.split(",") if row.tones else [],
            silent=silent.get(id, 0),
        )
    return members


def _fill(
    tx: Connection,
    members: Mapping[int, Member],
    rows: Sequence[EnrollmentRow],
    known: gather.Known,
    *,
    zone: str,
) -> None:
    """Enrolments with their past: mails, signs, refusals, what is on its way."""
    for row in rows:
        members[row.person_id].enrolled[row.id] = row
    real = [row.id for row in rows if row.id < NEW]
    sent = advancing.sent(tx, real, zone=zone) if real else {}
    asked = [
        (row.id, row.person_id, date.fromordinal(sent[row.id][0][1])) for row in rows if sent.get(row.id)
    ]
    signs = advancing.signs(tx, asked, zone=zone) if asked else {}
    unclear = [row.id for row in rows if row.id < NEW and not members[row.person_id].row.is_clear]
    refused = planning.refusals(tx, unclear)
    for row in rows:
        one = members[row.person_id]
        if row.id in sent:
            one.sent[row.id] = list(sent[row.id])
            one.signs[row.id] = list(signs.get(row.id, ()))
        if row.id in refused:
            one.refused[row.id] = refused[row.id]
    for mail in snapshot.on_their_way(tx, sorted(members), zone=zone):
        going = Going(
            mail.enrollment_id, mail.product_id, mail.content_id, mail.step_key, "", mail.tone, mail.month, mail.slot_no
        )  # fmt: skip
        members[mail.person_id].pending.setdefault(max(mail.day, known.clock.day), []).append(going)


def _lead(row: LeadRow) -> Lead:
    return Lead(row.rank, row.stage, row.next_change, row.refused_until, row.acquired_at)


def _redrawn(row: EnrollmentRow, wanted: Setting, day: int) -> EnrollmentRow | None:
    """The enrolment at its row of the draft; None where all rows are done."""
    if row.scenario_id != wanted.scenario or wanted.version in (None, row.version_id):
        return row
    position = (wanted.positions or {}).get(row.version_id, {}).get(row.position, flow.END)
    if position == flow.END:
        return None
    assert wanted.version is not None
    return row._replace(
        version_id=wanted.version, position=position, due_on=day, entered_on=row.entered_on or day
    )


def _joined(person: int, leads: Mapping[int, Lead], wanted: Setting, known: gather.Known) -> EnrollmentRow:
    """Somebody who would be enrolled, at the first row."""
    assert wanted.version is not None
    graph = known.flows[wanted.version]
    first = graph.nodes.get(graph.first)
    month = known.clock.month
    lead = leads.get(wanted.product)
    return EnrollmentRow(
        person,
        NEW + person,
        wanted.product,
        wanted.scenario,
        wanted.version,
        graph.first,
        month,
        month + (first.step.offset_months if first else 0),
        known.clock.day,
        0,
        1,
        lead.rank if lead else "unobserved",
        lead.stage if lead else "new",
    )


TELL_S = 1.0  # how often the page is told, and asked whether somebody cancelled


def ask(
    parts: Parts,
    scenario_id: int,
    *,
    seed: int,
    rates: Mapping[int, Rates] | None,
    user_id: int | None,
    now: datetime,
) -> int | None:
    """Note down a simulation for a worker; its id, None without such a scenario. rates: None for the past's own."""
    with parts.engine.begin() as tx:
        wanted = setting(tx, scenario_id, seed=seed)
        if wanted is None or wanted.version is None:
            return None
        if rates is None:
            today = now.astimezone(parts.settings.tz).date()
            rates = snapshot.rates(tx, since=today - HISTORY)
        noted = {str(id): asdict(one) for id, one in rates.items()}
        return simulations.add(
            tx, scenario_id, version_id=wanted.version, user_id=user_id, seed=seed, rates=noted, now=now
        )


def cancel(parts: Parts, id: int, *, now: datetime) -> None:
    with parts.engine.begin() as tx:
        simulations.end(tx, id, "cancelled", now=now)


def work(parts: Parts, *, now: datetime, until: Callable[[], bool] = lambda: False) -> int:
    """Do the simulations that wait; how many. One whose worker went away is begun anew."""
    count = 0
    while not until():
        with parts.engine.begin() as tx:
            one = simulations.take(tx, now=now)
        if one is None:
            break
        count += 1
        try:
            result = _whole(parts, one, now=now, until=until)
        except Cancelled:
            if until():
                with parts.engine.begin() as tx:
                    simulations.put_back(tx, one.id)
            continue
        except Exception as error:
            with parts.engine.begin() as tx:
                simulations.end(tx, one.id, "failed", now=parts.clock.now(), error=type(error).__name__)
            raise
        with parts.engine.begin() as tx:
            simulations.end(tx, one.id, "done", now=parts.clock.now(), result=result)
    return count


def total(
    parts: Parts,
    wanted: Setting,
    *,
    now: datetime,
    rates: Mapping[int, Rates] | None = None,
    step: Step = lambda done, total: None,
) -> Tally:
    """What comes of everybody, added up a part at a time.

    Nothing here is in a circle: looking for circles among so many small values would take a third of the time.
    """
    tally = Tally(wanted.product, month_of(now, parts.settings.tz), wanted.months)
    collects = gc.isenabled()
    gc.disable()
    try:
        for _, log, ranked in run(parts, wanted, now=now, rates=rates, step=step):
            tally.add(log, ranked)
    finally:
        if collects:
            gc.enable()
    return tally


def _whole(
    parts: Parts, one: simulations.Simulation, *, now: datetime, until: Callable[[], bool]
) -> dict[str, object]:
    began, told = time.monotonic(), 0.0

    def step(done: int, total: int) -> None:
        nonlocal told
        if until():
            raise Cancelled
        if done not in (0, total) and time.monotonic() - told < TELL_S:
            return
        told = time.monotonic()
        with parts.engine.begin() as tx:
            if not simulations.tell(tx, one.id, done=done, total=total):
                raise Cancelled

    with parts.engine.connect() as tx:
        wanted = setting(tx, one.scenario_id, seed=one.seed)
        rooms = simulations.call_capacity(tx)
        calendar = gather.known(tx, parts, now=now).clock.calendar
    if wanted is None:
        raise Cancelled
    result = total(parts, wanted, now=now, rates=one.rates, step=step).result()
    result["capacity"] = [
        rooms * sum(calendar.is_business_day(day) for day in _days(month)) for month in result["months"]
    ]
    result["seconds"] = round(time.monotonic() - began, 1)
    return result


def _days(month: int) -> Iterator[date]:
    day = first_day(month)
    while day <= last_day(month):
        yield day
        day += timedelta(days=1)


def year(
    parts: Parts, one: simulations.Simulation, person: int, *, now: datetime
) -> dict[int, list[Event]] | None:
    """One person's year with the same seed and rates; None for somebody who takes no part."""
    with parts.engine.connect() as tx:
        wanted = setting(tx, one.scenario_id, seed=one.seed)
    if wanted is None or wanted.version is None:
        return None
    months = one.result["months"]
    for members, log, _ in run(parts, wanted, now=now, rates=one.rates, only=[person]):
        if any(member.row.id == person for member in members):
            return outlook(log, person, months)
    return None


def find(parts: Parts, one: simulations.Simulation, query: str, *, limit: int) -> list[simulations.Named]:
    """People to choose from, by a part of a name."""
    with parts.engine.connect() as tx:
        return simulations.find(tx, one.product_id, query=query, limit=limit)


def who(parts: Parts, one: simulations.Simulation, id: int | None) -> simulations.Named | None:
    """The chosen person, else the first there is."""
    with parts.engine.connect() as tx:
        return next(iter(simulations.find(tx, one.product_id, id=id)), None)


def under_way(parts: Parts) -> list[simulations.Simulation]:
    """Those that wait or run, for today's work."""
    with parts.engine.connect() as tx:
        return simulations.under_way(tx)
