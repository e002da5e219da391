"""People between two mails of a scenario: what a branch asks about them, and the tasks their rows create."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, datetime
from typing import NamedTuple

from sqlalchemy import Connection, text

from campaigns.rules.conditions import Sign, move_of, sign_of
from campaigns.storage.bulk import as_array

_DAY = "(cast({0} at time zone :zone as date) - date '0001-01-01') + 1"

SENT = f"""
select d.enrollment_id, d.step_key, {_DAY.format("coalesce(d.sent_at, d.send_at)")} as day
  from unnest(cast(:enrollments as bigint[])) as q(id)
  join deliveries d on d.enrollment_id = q.id
 where d.class <> 'transactional' and d.state in ('planned', 'handing', 'retry', 'sent', 'in_doubt')
 order by d.enrollment_id, coalesce(d.sent_at, d.send_at), d.id
"""  # noqa: S608 - constants of this module


def sent(tx: Connection, enrollments: Sequence[int], *, zone: str) -> dict[int, list[tuple[str, int]]]:
    """(KEY, sending day) of their mails, oldest first, planned ones included. Index ix_deliveries_enrollment_id."""
    found: dict[int, list[tuple[str, int]]] = defaultdict(list)
    for row in tx.execute(text(SENT), {"enrollments": as_array(enrollments), "zone": zone}).all():
        found[row.enrollment_id].append((row.step_key, row.day))
    return found


# No open is known to be a person's (validity 0), so one that is not known to be a machine's answers "has opened".
# It raises no rank and ends no silence (spec 45, O1).
SHOWN = "({0}.validity > 0 or ({0}.kind = 'mail_open' and {0}.validity_reason not like 'machine%'))"

SIGNS = f"""
select q.enrollment_id, t.kind, {_DAY.format("t.at")} as day,
       coalesce((select d.step_key from deliveries d
                  where d.id = t.delivery_id and d.enrollment_id = q.enrollment_id), '') as step_key
  from unnest(cast(:enrollments as bigint[]), cast(:people as bigint[]), cast(:since as date[]))
       as q(enrollment_id, person_id, since)
  join touchpoints t on t.person_id = q.person_id
 where {SHOWN.format("t")} and t.at >= cast(q.since as timestamp) at time zone :zone
 order by q.enrollment_id, t.at, t.id
"""  # noqa: S608 - constants of this module


MOVES = f"""
select q.enrollment_id, c.old, c.new, {_DAY.format("c.at")} as day
  from unnest(cast(:enrollments as bigint[]), cast(:people as bigint[]), cast(:since as date[]))
       as q(enrollment_id, person_id, since)
  join enrollments e on e.id = q.enrollment_id
  join product_leads l on l.person_id = q.person_id and l.product_id = e.product_id
  join rank_changes c on c.lead_id = l.id and c.at >= cast(q.since as timestamp) at time zone :zone
 where c.old <> c.new order by q.enrollment_id, c.at, c.id
"""  # noqa: S608 - constants of this module


def signs(tx: Connection, rows: Sequence[tuple[int, int, date]], *, zone: str) -> dict[int, list[Sign]]:
    """Human touches, and moves of the rank for the enrolment's product. rows: (enrolment, person, first day).

    Indexes ix_touchpoints_person_id_at, ix_rank_changes_lead_id.
    """
    found: dict[int, list[Sign]] = defaultdict(list)
    values = {
        "enrollments": as_array(row[0] for row in rows),
        "people": as_array(row[1] for row in rows),
        "since": as_array(row[2].isoformat() for row in rows),
        "zone": zone,
    }
    for row in tx.execute(text(SIGNS), values).all():
        on = sign_of(row.kind, by_mail=bool(row.step_key))
        if on:
            found[row.enrollment_id].append(Sign(on, row.step_key, row.day))
    for row in tx.execute(text(MOVES), values).all():
        found[row.enrollment_id].append(Sign(move_of(row.old, row.new), "", row.day))
    return found


class Trade(NamedTuple):
    """What a company is."""

    industry: str
    size: str


def trades(tx: Connection, companies: Sequence[int]) -> dict[int, Trade]:
    rows = tx.execute(
        text("select id, industry, employees_band from companies where id = any(cast(:ids as bigint[]))"),
        {"ids": as_array(companies)},
    )
    return {row.id: Trade(row.industry, row.employees_band) for row in rows}


class NewTask(NamedTuple):
    """A task of a scenario's row. team: inside, field; to_owner: for the owner of the company."""

    enrollment_id: int
    step_key: str
    kind: str
    team: str
    to_owner: bool
    note: str
    due_at: datetime


TASKS = """
insert into tasks (kind, person_id, origin_person_id, company_id, product_id, lead_id, team, assignee_id, state,
       cause, enrollment_id, step_key, note, priority, due_at, created_at)
select q.kind, e.person_id, e.person_id, f.company_id, e.product_id, l.id, q.team,
       case when q.to_owner then co.owner_user_id end, 'open', 'step', e.id, q.step_key, q.note, 3, q.due_at, :now
  from unnest(cast(:enrollment as bigint[]), cast(:key as text[]), cast(:kind as text[]), cast(:team as text[]),
              cast(:to_owner as boolean[]), cast(:note as text[]), cast(:due as timestamptz[]))
       as q(enrollment_id, step_key, kind, team, to_owner, note, due_at)
  join enrollments e on e.id = q.enrollment_id
  left join product_leads l on l.person_id = e.person_id and l.product_id = e.product_id
  left join affiliations f on f.person_id = e.person_id and f.is_current
  left join companies co on co.id = f.company_id
on conflict (lead_id, kind) where state in ('open', 'snoozed') and lead_id is not null do nothing
"""


def add_tasks(tx: Connection, tasks: Sequence[NewTask], *, now: datetime) -> None:
    """Tasks of rows that people came to; an open one of the same lead and kind serves as well (uq_tasks_open)."""
    if tasks:
        names = ("enrollment", "key", "kind", "team", "to_owner", "note", "due")
        columns = {name: list(column) for name, column in zip(names, zip(*tasks, strict=True), strict=True)}
        tx.execute(text(TASKS), {**columns, "now": now})


UNDER_WAY = text(
    """
    select person_id from pace where person_id = any(cast(:ids as bigint[])) and exists (select 1
      from enrollments e where e.person_id = pace.person_id and e.status = 'active' and e.due_on > :today)
     order by person_id for update
    """
)


def look_again(tx: Connection, people: Sequence[int], *, today: date) -> None:
    """A human sign came: whoever stands at a branch or a wait is looked at today; early is harmless.

    Locks pace before enrolments, as the planner does.
    """
    if not people:
        return
    found = tx.execute(UNDER_WAY, {"ids": as_array(people), "today": today}).scalars()
    values = {"ids": as_array(found), "today": today}
    if values["ids"] == "{}":
        return
    tx.execute(
        text(
            "update pace set plan_at = :today where plan_at > :today and person_id = any(cast(:ids as bigint[]))"
        ),
        values,
    )
    tx.execute(
        text(
            "update enrollments set due_on = :today where person_id = any(cast(:ids as bigint[]))"
            " and status = 'active' and due_on > :today"
        ),
        values,
    )
