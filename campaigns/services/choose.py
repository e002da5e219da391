"""Choose: the planner's decision for a simulated person, by the very functions that plan, kept for all who are alike.

`gather` makes the case, `rules.decisions` decides, `advance` and `rules.flow` walk between two mails. Days are ordinals.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from campaigns.rules import decisions, flow
from campaigns.rules import planning as rule
from campaigns.rules.conditions import Facts
from campaigns.rules.schedule import ASK_AFTER
from campaigns.rules.simulating import Event
from campaigns.services import advance, gather, respond
from campaigns.services.gather import Known
from campaigns.services.members import Aside, Made, Member, World
from campaigns.storage.planning import EnrollmentRow, PersonRow

Slots = tuple[tuple[int, int, int], ...]


def made(
    one: Member, known: Known, world: World, *, slots: Slots, free_on: int, log: list[Event]
) -> tuple[list[EnrollmentRow], Made]:
    """A person's enrolments, gone on as far as the day allows, and what is decided about them.

    slots: (month, number, product) of the mailbox, from this month on; free_on: the day from which its gap is over.
    """
    rows = list(one.enrolled.values())
    told = _told(one, rows, known, world)
    found = world.made.get(key := _key(one, rows, told, known, slots, free_on))
    if found is None and any(_walks(row, known) for row in rows):
        rows = _walked(one, known, log)
        told = _told(one, rows, known, world)
        found = world.made.get(key := _key(one, rows, told, known, slots, free_on))
    if found is None:
        found = _decided(one, rows, told, known, slots, free_on)
        world.keep(key, found)
    return rows, found


def _key(
    one: Member,
    rows: Sequence[EnrollmentRow],
    told: tuple[Aside, ...] | None,
    known: Known,
    slots: Slots,
    free_on: int,
) -> tuple[object, ...]:
    """All that a day's decision depends on, and no names: two people of one key are decided alike."""
    return (
        known.clock.day,
        one.bound,
        one.last_month,
        one.tones,
        one.silent,
        free_on,
        slots,
        tuple([row[2:] for row in rows]),
        told,
    )


def _told(one: Member, rows: Sequence[EnrollmentRow], known: Known, world: World) -> tuple[Aside, ...] | None:
    """What concerns few, for each enrolment; None where it concerns none."""
    seen, ways, shelves = one.seen, known.ways, known.shelves
    is_worn, asides = one.silent >= ASK_AFTER, []
    is_plain = not is_worn and not one.refused
    for row in rows:
        mail = ways.get(place := row[4:6])
        is_shelf = place in shelves
        is_repeated = mail is not None and mail.content_id in seen
        is_plain = is_plain and not is_shelf and not is_repeated
        asides.append((row, is_repeated, is_shelf, is_worn and mail is not None))
    if is_plain:
        return None
    return tuple(
        Aside(
            one.refused.get(row.id),
            is_repeated,
            world.shelved(row.product_id, seen) if is_shelf else None,
            world.instead(row.product_id, seen) if is_tired else None,
        )
        for row, is_repeated, is_shelf, is_tired in asides
    )


def _decided(
    one: Member,
    rows: Sequence[EnrollmentRow],
    told: tuple[Aside, ...] | None,
    known: Known,
    slots: Slots,
    free_on: int,
) -> Made:
    """The rule's answer."""
    asides = list(zip(rows, told or (), strict=False))
    repeated = [row for row, aside in asides if aside.is_repeated]
    contents = {known.ways[row.version_id, row.position].content_id for row in repeated}
    taken = ",".join(f"{month}:{product}:{slot}" for month, slot, product in slots)
    person: PersonRow = one.row._replace(
        next_free_on=free_on, last_month=one.last_month, tones=one.tones, taken=taken
    )
    case = gather.case(
        person,
        rows,
        known,
        gather.Told(
            {person.id: one.silent},
            {row.id: aside.refused for row, aside in asides if aside.refused},
            {(person.id, content) for content in contents if content is not None},
            {row.id: aside.shelved for row, aside in asides if aside.shelved},
            {row.id: aside.instead for row, aside in asides if aside.instead},
        ),
    )
    decision = decisions.decide(case.person, case.asks, clock=known.clock)
    at = {row.id: place for place, row in enumerate(rows)}
    places = tuple(at[id] for id in case.enrollments)
    return Made(decision, rule.earlier(decision.plan_at, case.wake), places)


def _walks(row: EnrollmentRow, known: Known) -> bool:
    """Whether the enrolment stands between two mails and may go on today."""
    return row.due_on <= known.clock.day and (row.version_id, row.position) not in known.ways


def _walked(one: Member, known: Known, log: list[Event]) -> list[EnrollmentRow]:
    """The enrolments after those between two mails went on as far as the day allows."""
    clock, rows = known.clock, []
    for row in list(one.enrolled.values()):
        if not _walks(row, known):
            rows.append(row)
            continue
        graph = known.flows[row.version_id]
        place = flow.Place(row.position, row.entered_on or clock.day)
        arrival = flow.advance(graph, place, _facts(one, row), today=clock.day)
        for task in arrival.tasks:
            _note_task(one, row, task, clock, log)
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


def _facts(one: Member, row: EnrollmentRow) -> Facts:
    """What a branch asks about somebody."""
    return Facts(
        row.start_month,
        tuple(one.sent.get(row.id, ())),
        tuple(one.signs.get(row.id, ())),
        row.rank,
        one.row.company_class,
        one.industry,
        one.size,
        one.row.buying_role,
    )


def _note_task(
    one: Member, row: EnrollmentRow, task: flow.TaskToDo, clock: rule.Today, log: list[Event]
) -> None:
    """A row's call, FAX or visit; an open one of the same lead and kind serves as well."""
    lead = one.leads.get(row.product_id)
    if lead is not None and lead.open.get(task.kind, 0) >= clock.day:
        return
    due = clock.calendar.add_business_days(date.fromordinal(clock.day), task.due_days)
    respond.note_task(one, row.id, row.product_id, task.kind, due, log)
