"""Advance: people who stand at a wait, a branch or a task go on as far as today allows, before mails are chosen.

`rules.flow.advance` decides; its facts are read set-based, and only for enrolments that stand at such a row.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, time
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from campaigns.rules import flow
from campaigns.rules.conditions import Facts
from campaigns.rules.flow import Arrival, Graph, Place, TaskToDo
from campaigns.rules.planning import Today
from campaigns.rules.workdays import Calendar
from campaigns.storage import advancing, plan_writes
from campaigns.storage.advancing import NewTask
from campaigns.storage.plan_writes import Pointer
from campaigns.storage.planning import EnrollmentRow, PersonRow

DUE_AT = time(17, 30)  # the end of a desk's day
SENDS = flow.MAILS | {flow.SHELF}


def run(
    tx: Connection,
    rows: Sequence[EnrollmentRow],
    *,
    people: Mapping[int, PersonRow],
    graphs: Mapping[int, Graph],
    clock: Today,
    now: datetime,
    zone: ZoneInfo,
) -> dict[int, EnrollmentRow | None]:
    """Move those who are due; their new rows by enrolment, None for those who came to the end."""
    due = [row for row in rows if row.due_on <= clock.day and not sends(row, graphs)]
    if not due:
        return {}
    known = facts(tx, due, people=people, zone=zone)
    moved: dict[int, EnrollmentRow | None] = {}
    pointers: dict[Pointer, int] = {}
    moves: list[tuple[int, int]] = []
    tasks: list[NewTask] = []
    for row in due:
        place = Place(row.position, row.entered_on or clock.day)
        graph = graphs[row.version_id]
        arrival = flow.advance(graph, place, known[row.id], today=clock.day)
        pointer = pointer_after(row, arrival, graph, clock)
        moves.append((row.id, pointers.setdefault(pointer, len(pointers) + 1)))
        tasks.extend(_task(row, one, calendar=clock.calendar, now=now, zone=zone) for one in arrival.tasks)
        moved[row.id] = (
            None
            if pointer.status == "done"
            else row._replace(
                position=pointer.position,
                due_month=pointer.due_month,
                due_on=pointer.due_on,
                entered_on=pointer.entered_on,
            )
        )
    plan_writes.point(tx, moves, list(pointers))
    advancing.add_tasks(tx, tasks, now=now)
    return moved


def sends(row: EnrollmentRow, graphs: Mapping[int, Graph]) -> bool:
    """Whether the enrolment stands at a row that mails."""
    node = graphs[row.version_id].nodes.get(row.position)
    return node is not None and node.step.kind in SENDS


def pointer_after(row: EnrollmentRow, arrival: Arrival, graph: Graph, clock: Today) -> Pointer:
    """Where the enrolment stands after it went on, and when it is looked at again."""
    position, entered = arrival.place
    node = graph.nodes.get(position)
    if node is None:
        return Pointer(flow.END, row.due_month, 0, entered, row.round, "done")
    if node.step.kind in SENDS:
        due = max(row.start_month + node.step.offset_months, clock.month)  # no month that is over
        return Pointer(position, due, 0, entered, row.round, "active")
    # Never the same day again, or the planner would ask for ever.
    return Pointer(position, row.due_month, max(arrival.ask_on, clock.day + 1), entered, row.round, "active")


def _task(
    row: EnrollmentRow, task: TaskToDo, *, calendar: Calendar, now: datetime, zone: ZoneInfo
) -> NewTask:
    day: date = calendar.add_business_days(now.astimezone(zone).date(), task.due_days)
    due_at = datetime.combine(day, DUE_AT, tzinfo=zone)
    team = "inside" if task.who in ("", "inside") else "field"
    return NewTask(row.id, task.step_key, task.kind, team, task.who == "owner", task.title, due_at)


def facts(
    tx: Connection, rows: Sequence[EnrollmentRow], *, people: Mapping[int, PersonRow], zone: ZoneInfo
) -> dict[int, Facts]:
    """What branches ask of these enrolments, by id."""
    sent = advancing.sent(tx, [row.id for row in rows], zone=zone.key)
    asked = [
        (row.id, row.person_id, date.fromordinal(sent[row.id][0][1])) for row in rows if sent.get(row.id)
    ]
    signs = advancing.signs(tx, asked, zone=zone.key) if asked else {}
    companies = {company for row in rows if (company := people[row.person_id].company_id) is not None}
    trades = advancing.trades(tx, sorted(companies)) if companies else {}
    found = {}
    for row in rows:
        person = people[row.person_id]
        trade = trades.get(person.company_id or 0)
        found[row.id] = Facts(
            row.start_month,
            tuple(sent.get(row.id, ())),
            tuple(signs.get(row.id, ())),
            row.rank,
            person.company_class,
            trade.industry if trade else "",
            trade.size if trade else "",
            person.buying_role,
        )
    return found
