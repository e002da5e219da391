"""Simulate: the coming twelve months as if a scenario's draft were published now; nothing is written.

The audience is read in parts and lived through by `foresee`; mailboxes stay together, since they share one month.
All products of these people take part. Everything is read from one snapshot of the database.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import Connection, select, text

from campaigns.parts import Parts
from campaigns.rules import flow
from campaigns.rules.chances import Rates
from campaigns.rules.schedule import last_day, month_of
from campaigns.rules.simulating import Event, Tally, outlook
from campaigns.services import foresee, gather, read_members
from campaigns.services.members import Cut, Member, Setting, World
from campaigns.storage import gate, ranks, simulations, snapshot, steps
from campaigns.storage import tables as t

MONTHS = 12
PART = 2_000  # people read at a time: some 20 MB
HISTORY = timedelta(days=730)  # over which past rates are counted
Step = Callable[[int, int], None]


class Cancelled(Exception):
    """Somebody cancelled it, or the process is to stop."""


@dataclass(frozen=True, slots=True)
class Audience:
    """Who is simulated: people by mailbox, a part at a time. new: those who would join."""

    parts: Sequence[Sequence[tuple[int, ...]]]
    new: frozenset[int]
    crowds: frozenset[tuple[int, int]]

    @property
    def total(self) -> int:
        return sum(map(people_of, self.parts))


@dataclass(frozen=True, slots=True)
class Lived:
    """What became of a part. began: by person, the rank today for the product; own: the scenario's enrolments."""

    members: list[Member]
    log: list[Event]
    began: dict[int, str]
    own: frozenset[int]

    def add_to(self, found: Tally) -> None:
        found.add(self.log, self.began, self.own)


def people_of(part: Sequence[tuple[int, ...]]) -> int:
    return sum(map(len, part))


def setting(tx: Connection, scenario_id: int, *, seed: int, months: int = MONTHS) -> Setting | None:
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
    return Setting(scenario_id, found.product_id, draft, seed, months, positions)


@contextmanager
def looking(parts: Parts, snapshot_id: str = "") -> Iterator[Connection]:
    """A transaction that sees one state of the database all along. snapshot_id: that of another process."""
    with parts.engine.connect().execution_options(isolation_level="REPEATABLE READ") as tx:
        if snapshot_id:
            tx.execute(text(f"set transaction snapshot '{snapshot_id}'"))
        yield tx


def export(tx: Connection) -> str:
    """The id under which other processes see the same state, as long as this transaction lasts."""
    return str(tx.execute(text("select pg_export_snapshot()")).scalar_one())


def audience(
    tx: Connection, wanted: Setting, *, now: datetime, only: Sequence[int] | None = None
) -> Audience:
    """Who takes part or would join, with all others at their mailboxes."""
    joining = snapshot.joining(tx, wanted.scenario, now=now)
    everybody = sorted({*joining, *snapshot.taking_part(tx, wanted.scenario)})
    if only is not None:
        everybody = sorted({*everybody} & {*only})
        joining = sorted({*joining} & {*only})
    boxes = snapshot.mailboxes(tx, everybody) if everybody else []
    crowds = snapshot.crowds(tx, wanted.scenario, everybody)
    return Audience([*parts_of(boxes)], frozenset(joining), frozenset(crowds))


def parts_of(boxes: Sequence[tuple[int, ...]]) -> Iterator[list[tuple[int, ...]]]:
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


def past_rates(tx: Connection, parts: Parts, *, now: datetime) -> dict[int, Rates]:
    """How people have reacted to each product's mails."""
    return snapshot.rates(tx, since=now.astimezone(parts.settings.tz).date() - HISTORY)


def world(
    tx: Connection,
    parts: Parts,
    wanted: Setting,
    *,
    now: datetime,
    rates: Mapping[int, Rates],
    crowds: frozenset[tuple[int, int]],
    react: bool = True,
) -> World:
    """What all people share."""
    known = gather.known(tx, parts, now=now)
    products = list(tx.execute(select(t.products.c.id)).scalars())
    return World(
        base=known,
        seed=wanted.seed,
        rates=rates,
        products=ranks.products(tx, products, now=now),
        teams=gate.states(tx, products, week=now, now=now),
        shelf=snapshot.shelf(tx),
        questions=snapshot.questions(tx),
        crowds=crowds,
        last=last_day(month_of(now, parts.settings.tz) + wanted.months).toordinal(),
        cuts=wanted.cuts,
        react=react,
    )


def live(
    tx: Connection, part: Sequence[tuple[int, ...]], shared: World, wanted: Setting, new: frozenset[int]
) -> Lived:
    """Live through the mailboxes of a part."""
    groups = read_members.read(tx, part, shared, wanted, new)
    everybody = [one for group in groups for one in group]
    began = {one.row.id: one.leads[wanted.product].rank for one in everybody if wanted.product in one.leads}
    own = frozenset(
        row.id for one in everybody for row in one.enrolled.values() if row.scenario_id == wanted.scenario
    )
    log = [event for group in groups for event in foresee.run(group, shared)]
    return Lived(everybody, log, began, own)


def run(
    parts: Parts,
    wanted: Setting,
    *,
    now: datetime,
    rates: Mapping[int, Rates] | None = None,
    react: bool = True,
    only: Sequence[int] | None = None,
) -> Iterator[Lived]:
    """Live through every mailbox in this process, a part at a time.

    only: these people (and who shares their mailboxes) instead of everybody.
    """
    with looking(parts) as tx:
        who = audience(tx, wanted, now=now, only=only)
        given = rates if rates is not None else past_rates(tx, parts, now=now)
        shared = world(tx, parts, wanted, now=now, rates=given, crowds=who.crowds, react=react)
        for part in who.parts:
            yield live(tx, part, shared, wanted, who.new)


def tally(parts: Parts, wanted: Setting, *, now: datetime) -> Tally:
    """Sums of nobody yet."""
    return Tally(wanted.product, month_of(now, parts.settings.tz), wanted.months)


@contextmanager
def uncollected() -> Iterator[None]:
    """Nothing here is in a circle: looking for circles among so many small values takes a third of the time."""
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()


def year(
    parts: Parts, one: simulations.Simulation, person: int, *, now: datetime
) -> dict[int, list[Event]] | None:
    """One person's year with the same seed and rates; None for somebody who takes no part."""
    with parts.engine.connect() as tx:
        wanted = setting(tx, one.scenario_id, seed=one.seed)
    if wanted is None or wanted.version is None:
        return None
    wanted = replace(wanted, cuts={int(id): Cut(*cut) for id, cut in one.result["cuts"].items()})
    for lived in run(parts, wanted, now=now, rates=one.rates, only=[person]):
        if any(member.row.id == person for member in lived.members):
            return outlook(lived.log, person, one.result["months"])
    return None
