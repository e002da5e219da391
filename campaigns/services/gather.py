"""Gather: what the planner's rule needs to know of the people who are due, as plain values.

A batch is read in a handful of statements; rows of versions, products and frozen mails are the same for
everybody and read once a run. Questions that concern few (refusals, silence, rows that are no mails) are asked
only for those. Source: design 4.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, select

from campaigns.parts import Parts
from campaigns.rules import flow
from campaigns.rules import planning as rule
from campaigns.rules.decisions import Decider
from campaigns.rules.deliveries import SILENT_STATES
from campaigns.rules.flow import Graph
from campaigns.rules.planning import Ask, Mail, Next, Person, Today, Written
from campaigns.rules.scenarios import ContentKind, Step
from campaigns.rules.schedule import ASK_AFTER, FATIGUE, WINDOWS
from campaigns.services import advance
from campaigns.storage import closed_days, planning, steps
from campaigns.storage.plan_writes import Kind
from campaigns.storage.planning import EnrollmentRow, Frozen, PersonRow, ProductRow
from campaigns.storage.tables import house

FATIGUE_FROM = min(mails for mails, *_ in FATIGUE)


class Case(NamedTuple):
    """A person as the rule wants it. enrollments: by place of the ask. wake: when another row is looked at."""

    row: PersonRow
    person: Person
    asks: tuple[Ask, ...]
    enrollments: tuple[int, ...]
    wake: int


@dataclass(slots=True)
class Known:
    """What all people share, read once a run: products, ways by (version, position), frozen mails."""

    clock: Today
    now: datetime
    zone: ZoneInfo
    decider: Decider
    products: dict[int, ProductRow] = field(default_factory=dict)
    first_days: dict[int, int] = field(default_factory=dict)  # by product: when its hours leave room
    ways: dict[tuple[int, int], Mail] = field(default_factory=dict)
    mails: dict[tuple[int, str], list[Frozen]] = field(default_factory=dict)
    shelf: dict[int, list[Frozen]] = field(default_factory=dict)  # frozen mails of the shelf by content
    companies: set[int] = field(default_factory=set)  # asked already how many get the same mail
    crowds: set[tuple[int, int]] = field(default_factory=set)  # (company, scenario) of those where many do
    shelves: set[tuple[int, int]] = field(default_factory=set)  # (version, position) of evergreen shelves
    flows: dict[int, Graph] = field(default_factory=dict)  # by version
    people: dict[tuple[object, ...], Person] = field(default_factory=dict)
    kinds: dict[tuple[Written, int | None], Kind] = field(default_factory=dict)  # of mails already written

    @property
    def now_s(self) -> int:
        return int(self.now.timestamp())

    def read(self, tx: Connection, rows: Sequence[EnrollmentRow]) -> None:
        """Learn what these enrolments need and is not known yet."""
        if not self.products:
            self.products = planning.products(tx)
            self.shelf = planning.shelf(tx)
            for product in self.products.values():
                windows = product.windows or WINDOWS
                self.first_days[product.id] = rule.first_day(
                    self.now, zone=self.zone, windows=windows
                ).toordinal()
        new = {row.version_id: row.scenario_id for row in rows if row.version_id not in self.flows}
        for version, scenario in new.items():
            graph = self.flows[version] = flow.graph(steps.of(tx, version))
            mails = _mails(graph, version_id=version, scenario_id=scenario)
            self.ways |= {(version, position): mail for position, mail in mails.items()}
            self.shelves |= {(version, p) for p, node in graph.nodes.items() if node.step.kind == flow.SHELF}
        if new:
            self.mails |= planning.published(tx, sorted(new))

    def shelf_mail(self, row: Mail, shelved: planning.Shelved) -> Mail:
        """The shelf's row with the content that is next for somebody."""
        return row._replace(
            content_id=shelved.content_id, content_kind=shelved.content_kind, tone=shelved.tone
        )

    def published_mail(self, mail: Mail, row: PersonRow) -> int | None:
        """The frozen mail in the person's language and for its buying role, or the nearest there is."""
        found = self.mails.get((mail.version_id, mail.step_key)) or self.shelf.get(mail.content_id or 0)
        if not found:
            return None
        if len(found) == 1:
            return found[0].id
        return min(
            found, key=lambda m: (m.lang != row.lang, m.role != row.buying_role, m.role != "", m.id)
        ).id


def known(tx: Connection, parts: Parts, *, now: datetime) -> Known:
    """The clock of decisions taken now, and room for the rest."""
    cap = int(tx.execute(select(house.c.cap_max)).scalar() or 1)
    zone = parts.settings.tz
    clock = rule.today(now, zone=zone, calendar=closed_days.load(tx), cap=cap)
    return Known(clock, now, zone, Decider(clock))


def _mails(graph: Graph, *, version_id: int, scenario_id: int) -> dict[int, Mail]:
    """The mail rows of a version by position, each with what follows it in the flow. The shelf is one of them."""
    found = {}
    for position, node in graph.nodes.items():
        row = node.step
        if row.kind not in advance.SENDS:
            continue
        is_shelf = row.kind == flow.SHELF
        after = graph.nodes.get(node.next)
        found[position] = Mail(
            row.key,
            row.want_day,
            row.tone,
            row.last_day.toordinal() if row.last_day else 0,
            row.content_id,
            row.content_kind,
            Next(position, "stay", 0, row.want_day) if is_shelf else _next(after.step if after else None),
            version_id,
            scenario_id,
        )
    return found


def _next(row: Step | None) -> Next:
    if row is None:
        return rule.THE_END
    kind = "mail" if row.kind in flow.MAILS else "shelf" if row.kind == flow.SHELF else "other"
    return Next(row.position, kind, row.offset_months, row.want_day)


def cases(tx: Connection, ids: Sequence[int], known: Known, *, moves: bool = False) -> list[Case]:
    """The people of a batch, in their order. moves: whoever stands between two mails goes on first."""
    clock = known.clock
    people = planning.people(tx, ids, month=clock.month, today=rule.due_day(known.now, zone=known.zone))
    by_id = {row.id: row for row in people if not row.yields}
    rows = planning.enrollments(tx, list(by_id))
    known.read(tx, rows)
    if moves:
        rows = _moved(tx, rows, by_id, known)
    enrolled: dict[int, list[EnrollmentRow]] = defaultdict(list)
    for row in rows:
        enrolled[row.person_id].append(row)
    told = _told(tx, rows, by_id, known)
    return [case(row, enrolled.get(row.id, ()), known, told) for row in by_id.values()]


def _moved(
    tx: Connection, rows: list[EnrollmentRow], people: Mapping[int, PersonRow], known: Known
) -> list[EnrollmentRow]:
    """The enrolments after those between two mails went on as far as today allows."""
    gone = advance.run(
        tx, rows, people=people, graphs=known.flows, clock=known.clock, now=known.now, zone=known.zone
    )
    if not gone:
        return rows
    return [now for row in rows if (now := gone.get(row.id, row)) is not None]


@dataclass(frozen=True, slots=True)
class Told:
    """What was asked for few: silence and refusals, contents that were mailed, the next contents of shelves.

    instead: by enrolment, what goes in the place of the row of somebody silent for twelve mails.
    """

    silent: dict[int, int]
    refused: dict[int, str]
    repeated: set[tuple[int, int]]
    shelf: dict[int, planning.Shelved]
    instead: Mapping[int, planning.Shelved] = field(default_factory=dict)

    def concerns(self, one: EnrollmentRow, ask: Ask) -> bool:
        """Whether anything was told of this enrolment, so that its ask is not that of all who stand where it does."""
        return (
            one.id in self.instead
            or one.id in self.shelf
            or one.id in self.refused
            or (one.person_id, ask.mail.content_id) in self.repeated
        )


def _told(
    tx: Connection, rows: Sequence[EnrollmentRow], people: Mapping[int, PersonRow], known: Known
) -> Told:
    tired = [p.id for p in people.values() if p.tones.count(",") + 1 >= FATIGUE_FROM]
    unclear = [row.id for row in rows if not people[row.person_id].is_clear]
    shelved = [row.id for row in rows if (row.version_id, row.position) in known.shelves]
    silent = planning.silent(tx, tired)
    worn = [row.id for row in rows if silent.get(row.person_id, 0) >= ASK_AFTER]
    return Told(
        silent,
        planning.refusals(tx, unclear),
        planning.repeated(tx, people, contents) if (contents := _contents(rows, known)) else set(),
        planning.shelved(tx, shelved),
        planning.instead(tx, worn),
    )


def _contents(rows: Sequence[EnrollmentRow], known: Known) -> set[int]:
    """The contents of the mails that are next."""
    places = {(row.version_id, row.position) for row in rows}
    return {mail.content_id for place in places if (mail := known.ways.get(place)) and mail.content_id}


def case(row: PersonRow, enrolled: Sequence[EnrollmentRow], known: Known, told: Told) -> Case:
    """What the rule is asked for one person."""
    asks, ids, wake = [], [], rule.NEVER
    unfit = _unfit(row)
    alike = known.decider.alike
    for one in enrolled:
        key = unfit, one[2:]
        ask = alike.get(key)
        if ask is None or told.concerns(one, ask):
            ask = _ask(one, unfit, known, told)
            if ask is None:
                # Never today again: whoever is between two mails went on as far as today allows.
                wake = rule.earlier(wake, max(one.due_on, known.clock.day + 1))
                continue
            if not told.concerns(one, ask):
                alike[key] = ask
        ids.append(one.id)
        asks.append(ask)
    person = _person(row, told.silent.get(row.id, 0), known)
    return Case(row, person, tuple(asks), tuple(ids), wake)


def _ask(one: EnrollmentRow, unfit: str | None, known: Known, told: Told) -> Ask | None:
    """What an enrolment asks for; None between two mails."""
    place = one.version_id, one.position
    mail = known.ways.get(place)
    if mail is None:
        return None
    product = known.products[one.product_id]
    block = unfit or _block(one, product)
    instead = _in_place(mail, one, known, told)
    if instead:
        mail = instead
    elif place in known.shelves:
        shelved = told.shelf.get(one.id)
        block = block or (None if shelved else "shelf_empty")
        mail = known.shelf_mail(mail, shelved) if shelved else mail
    if block is None:
        is_repeated = not instead and (one.person_id, mail.content_id) in told.repeated
        block = "content_repeated" if is_repeated else told.refused.get(one.id)
    return known.decider.ask(
        mail,
        one.product_id,
        one.due_month,
        one.start_month,
        one.round,
        one.rank,
        product.priority,
        block,
        known.first_days[one.product_id],
        product.tone_every,
    )


def _in_place(row: Mail, one: EnrollmentRow, known: Known, told: Told) -> Mail | None:
    """What goes to somebody silent for twelve mails instead of the row; a shelf's row gives its own already."""
    shelved = told.instead.get(one.id)
    if shelved is None or (
        shelved.content_kind != ContentKind.PERMISSION and (one.version_id, one.position) in known.shelves
    ):
        return None
    return rule.in_place(row, content_id=shelved.content_id, kind=shelved.content_kind, tone=shelved.tone)


def _person(row: PersonRow, silent: int, known: Known) -> Person:
    """What binds the person in all months; one object for all who are bound alike."""
    key = row[6], *row[8:13], silent
    found = known.people.get(key)
    if found is None:
        taken = [tuple(map(int, one.split(":"))) for one in row.taken.split(",") if one]
        found = known.people[key] = Person(
            row.company_class,
            row.next_free_on,
            row.every,
            row.last_month,
            silent,
            tuple(row.tones.split(",")) if row.tones else (),
            tuple((month, product) for month, product, slot in taken if slot != 0),
            tuple((month, slot) for month, _, slot in taken),
        )
    return found


def _unfit(row: PersonRow) -> str | None:
    """What keeps every mail from a person."""
    if row.is_excluded:
        return "person_excluded"
    if row.address_id is None:
        return "no_address"
    if row.address_status in ("hard", "complaint"):
        return f"address_{row.address_status}"
    return None


def _block(one: EnrollmentRow, product: ProductRow) -> str | None:
    """What keeps a product's mails from a person."""
    if not product.is_active:
        return "product_inactive"
    if one.rank == "declined":
        return "lead_declined"
    return f"lead_{one.stage}" if one.stage in SILENT_STATES else None


def blocks(tx: Connection, people: Sequence[int], known: Known) -> dict[int, str]:
    """What forbids the next mail now, by enrolment: the planner's own answer, for pages that explain it."""
    return {
        id: ask.block
        for one in cases(tx, people, known)
        for id, ask in zip(one.enrollments, one.asks, strict=True)
        if ask.block is not None
    }
