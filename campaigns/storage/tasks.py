"""Tasks that people do: lists, results, follow-ups."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime

from sqlalchemy import Connection, text


@dataclass(frozen=True, slots=True)
class Task:
    """A task with its person, for lists. due_at aware UTC; score 0..222."""

    id: int
    version: int
    kind: str
    state: str
    team: str
    cause: str
    why: tuple[int, ...]
    priority: int
    due_at: datetime
    not_before: datetime | None
    promised_at: datetime | None
    tries: int
    outcome: str
    note: str
    assignee_id: int | None
    assignee: str
    created_by: int | None
    escalated_at: datetime | None
    person_id: int
    name: str
    company_id: int | None
    company: str
    company_class: str
    department: str
    title: str
    fax: str
    fax_invalid: bool
    product_id: int | None
    product: str
    colour_no: int
    lead_id: int | None
    rank: str
    score: float


COLUMNS = """
select t.id, t.version, t.kind, t.state, t.team, t.cause, t.why, t.priority, t.due_at, t.not_before,
       t.promised_at, t.tries, t.outcome, t.note, t.assignee_id, coalesce(u.name, '') as assignee, t.created_by,
       t.escalated_at, t.person_id, p.full_name as name, co.id as company_id, coalesce(co.name, '') as company,
       coalesce(co.class, '-') as company_class, coalesce(f.department, '') as department,
       coalesce(f.title, '') as title, coalesce(nullif(p.fax, ''), co.fax, '') as fax,
       (p.fax_invalid or p.do_not_fax) as fax_invalid, t.product_id, coalesce(pr.name, '') as product,
       coalesce(pr.colour_no, 1) as colour_no, t.lead_id, coalesce(l.rank, 'unobserved') as rank,
       coalesce(l.score, 0) as score
  from tasks t
  join people p on p.id = t.person_id
  left join users u on u.id = t.assignee_id
  left join products pr on pr.id = t.product_id
  left join product_leads l on l.id = t.lead_id
  left join affiliations f on f.person_id = p.id and f.is_current
  left join companies co on co.id = f.company_id
"""


def _all(tx: Connection, where: str, **values: object) -> list[Task]:
    rows = tx.execute(text(COLUMNS + where), values)
    return [Task(**{**row._mapping, "why": tuple(int(i) for i in row.why)}) for row in rows]


def open_of(
    tx: Connection, kind: str, *, now: datetime, product_id: int | None = None, limit: int = 500
) -> list[Task]:
    """Open tasks of a kind that may be done now, the most urgent first. Index ix_tasks_open_due_at."""
    return _all(
        tx,
        " where t.kind = :kind and t.state = 'open' and (t.not_before is null or t.not_before <= :now)"
        " and (cast(:product as bigint) is null or t.product_id = :product)"
        " order by t.priority, t.due_at, t.id limit :n",
        kind=kind,
        now=now,
        product=product_id,
        n=limit,
    )


def of_person(tx: Connection, person_id: int) -> list[Task]:
    """Open tasks of a person, the next one first."""
    return _all(
        tx,
        " where t.person_id = :id and t.state in ('open', 'snoozed') order by t.due_at, t.id",
        id=person_id,
    )


def get(tx: Connection, task_id: int) -> Task | None:
    return next(iter(_all(tx, " where t.id = :id", id=task_id)), None)


def open_counts(tx: Connection) -> dict[str, int]:
    """Open tasks by kind."""
    rows = tx.execute(text("select kind, count(*) as n from tasks where state = 'open' group by kind"))
    return {row.kind: int(row.n) for row in rows}


def finish(
    tx: Connection,
    task_id: int,
    *,
    state: str,
    outcome: str,
    user_id: int | None,
    now: datetime,
    note: str = "",
) -> None:
    """End a task: done or cancelled. Words that were taken back go with it."""
    tx.execute(
        text(
            "update tasks set state = :state, outcome = :outcome, done_at = :now, done_by = :me, draft = null,"
            " note = case when :note = '' then note else :note end, version = version + 1 where id = :id"
        ),
        {"id": task_id, "state": state, "outcome": outcome, "now": now, "me": user_id, "note": note},
    )


def again(
    tx: Connection,
    task_id: int,
    *,
    due_at: datetime,
    not_before: datetime | None = None,
    promised_at: datetime | None = None,
    is_try: bool = False,
) -> None:
    """The task stays open: another try, or a promise. Its new day can be missed anew, and is told then."""
    tx.execute(
        text(
            "update tasks set due_at = :due_at, not_before = :not_before, promised_at = :promised_at,"
            " tries = tries + :try, reminded_at = null, escalated_at = null, version = version + 1 where id = :id"
        ),
        {
            "id": task_id,
            "due_at": due_at,
            "not_before": not_before,
            "promised_at": promised_at,
            "try": int(is_try),
        },
    )


@dataclass(frozen=True, slots=True)
class NewTask:
    """A task that follows from a result, or that somebody asks for. not_before: it is not offered earlier.

    assignee_id: None for whoever the rule gives it to (services/assign). created_by: who asked for it by hand.
    """

    kind: str
    cause: str
    due_at: datetime
    not_before: datetime | None = None
    promised_at: datetime | None = None
    team: str = "inside"
    priority: int = 2
    note: str = ""
    assignee_id: int | None = None
    created_by: int | None = None


ADD = """
insert into tasks (kind, person_id, origin_person_id, company_id, product_id, lead_id, team, assignee_id, state,
       cause, why, priority, due_at, not_before, promised_at, note, created_by, created_at)
select q.kind, :person, :person, cast(:company as bigint), cast(:product as bigint), cast(:lead as bigint), q.team,
       q.assignee_id, 'open', q.cause, to_jsonb(cast(:why as bigint[])), q.priority, q.due_at, q.not_before,
       q.promised_at, q.note, q.created_by, :now
  from unnest(cast(:kind as text[]), cast(:cause as text[]), cast(:due_at as timestamptz[]),
              cast(:not_before as timestamptz[]), cast(:promised_at as timestamptz[]), cast(:team as text[]),
              cast(:priority as int[]), cast(:note as text[]), cast(:assignee_id as bigint[]),
              cast(:created_by as bigint[]))
       as q(kind, cause, due_at, not_before, promised_at, team, priority, note, assignee_id, created_by)
on conflict (lead_id, kind) where state in ('open', 'snoozed') and lead_id is not null
"""
KEPT = ADD + "do nothing returning id"
# A time that was agreed on stands, the newest one; without any, the sooner day. Whoever had the task keeps it.
TAKEN_OVER = (
    ADD
    + """do update set state = 'open', cause = excluded.cause, why = excluded.why,
   priority = least(tasks.priority, excluded.priority),
   due_at = case when excluded.not_before is not null then excluded.due_at
                 else coalesce(excluded.promised_at, tasks.promised_at, least(tasks.due_at, excluded.due_at)) end,
   promised_at = case when excluded.not_before is null then coalesce(excluded.promised_at, tasks.promised_at) end,
   not_before = excluded.not_before,
   note = coalesce(nullif(excluded.note, ''), tasks.note),
   assignee_id = coalesce(tasks.assignee_id, excluded.assignee_id),
   reminded_at = null, escalated_at = null, version = tasks.version + 1
returning id"""
)


def add(
    tx: Connection,
    tasks: Sequence[NewTask],
    *,
    person_id: int,
    company_id: int | None,
    product_id: int | None,
    lead_id: int | None,
    why: Sequence[int],
    now: datetime,
    takes_over: bool = False,
) -> list[int]:
    """Tasks about one lead; returns the ids of those written. An open one of the same kind (uq_tasks_open) is kept
    instead; takes_over: it becomes this one, since what a person was promised is not left to an older reason."""
    if not tasks:
        return []
    columns = {field.name: [getattr(task, field.name) for task in tasks] for field in fields(NewTask)}
    about = {"person": person_id, "company": company_id, "product": product_id, "lead": lead_id}
    statement = TAKEN_OVER if takes_over else KEPT
    rows = tx.execute(text(statement), {**columns, **about, "why": list(why), "now": now})
    return [row.id for row in rows]


def cancel_others(
    tx: Connection, person_id: int, *, kinds: Sequence[str], outcome: str, now: datetime
) -> int:
    """Open tasks of a person that have lost their ground: no number, no calls, gone."""
    done = tx.execute(
        text(
            "update tasks set state = 'cancelled', outcome = :outcome, done_at = :now, draft = null, version = version + 1"
            " where person_id = :id and state in ('open', 'snoozed') and kind = any(:kinds)"
        ),
        {"id": person_id, "outcome": outcome, "now": now, "kinds": list(kinds)},
    )
    return int(done.rowcount)


def fax_is_wrong(tx: Connection, person_id: int) -> None:
    """The fax went to nobody: no more faxes to this person until the number changes."""
    tx.execute(
        text("update people set fax_invalid = true, version = version + 1 where id = :id"), {"id": person_id}
    )


def cancel_of_lead(tx: Connection, lead_id: int, *, kinds: Sequence[str], outcome: str, now: datetime) -> int:
    """Open tasks of one lead that somebody else does now."""
    done = tx.execute(
        text(
            "update tasks set state = 'cancelled', outcome = :outcome, done_at = :now, draft = null, version = version + 1"
            " where lead_id = :id and state in ('open', 'snoozed') and kind = any(:kinds)"
        ),
        {"id": lead_id, "outcome": outcome, "now": now, "kinds": list(kinds)},
    )
    return int(done.rowcount)
