"""Holds: what staff paused or stopped, how much it touches, and ending it a batch of people at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection, text

# Nothing has left, and something may still happen to it.
WAITING = "('planned', 'retry', 'carried_over')"


@dataclass(frozen=True, slots=True)
class Held:
    """One thing that staff paused. kind: all, product, scenario. by, since: from the log, None when unknown."""

    kind: str
    id: int | None
    name: str
    colour_no: int
    reason: str
    by: str | None
    since: datetime | None


@dataclass(frozen=True, slots=True)
class Reach:
    """What a stop ends: mails that have not left, people who take part."""

    mails: int
    people: int


HELD = """
with held as (
  select 'all' as kind, cast(null as bigint) as id, '' as name, 0 as colour_no, paused_reason as reason,
         'sending' as noun, 0 as place from stops where paused
  union all
  select 'product', id, name, colour_no, paused_reason, 'product', 1 from products where is_paused and is_active
  union all
  select 'scenario', s.id, s.name, p.colour_no, '', 'scenario', 2
    from scenarios s join products p on p.id = s.product_id where s.status = 'paused')
select h.kind, h.id, h.name, h.colour_no, coalesce(nullif(h.reason, ''), l.reason, '') as reason,
       l.by, l.at as since
  from held h
  left join lateral (
       select a.at, u.name as by,
              (select v.new from audit_values v where v.audit_id = a.id and v.field = 'reason') as reason
         from audit_log a left join users u on u.id = a.user_id
        where a.noun = h.noun and a.noun_id is not distinct from h.id and a.action in ('pause', 'paused')
        order by a.id desc limit 1) l on true
 order by h.place, h.name, h.id
"""


def held(tx: Connection) -> tuple[Held, ...]:
    """Everything that is paused, the widest first. Index ix_audit_log_noun_noun_id."""
    return tuple(Held(**row._mapping) for row in tx.execute(text(HELD)))


def set_paused_all(tx: Connection, *, paused: bool, reason: str) -> bool:
    """Pause or resume everything; False when it stood so before."""
    done = tx.execute(
        text(
            "update stops set paused = :paused, paused_reason = :reason"
            " where id = 1 and (paused <> :paused or paused_reason <> :reason)"
        ),
        {"paused": paused, "reason": reason},
    )
    return done.rowcount == 1


def set_paused_product(tx: Connection, product_id: int, *, paused: bool, reason: str) -> bool:
    """Pause or resume a product; False when it stood so before. The edit's version stays: no field of a form."""
    done = tx.execute(
        text(
            "update products set is_paused = :paused, paused_reason = :reason"
            " where id = :id and (is_paused <> :paused or paused_reason <> :reason)"
        ),
        {"id": product_id, "paused": paused, "reason": reason},
    )
    return done.rowcount == 1


def set_status(tx: Connection, scenario_id: int, *, old: str, new: str) -> bool:
    """A published scenario goes from one status to another; False when it stands elsewhere."""
    done = tx.execute(
        text("update scenarios set status = :new where id = :id and status = :old and published_no > 0"),
        {"id": scenario_id, "old": old, "new": new},
    )
    return done.rowcount == 1


def name_of(tx: Connection, kind: str, id: int | None) -> str | None:
    """The name of a product or scenario; None when there is none. '' for everything."""
    if kind == "all":
        return ""
    table = {"product": "products", "scenario": "scenarios"}[kind]
    return tx.execute(text(f"select name from {table} where id = :id"), {"id": id}).scalar()  # noqa: S608


def plan_soon(tx: Connection, product_id: int, *, today: date) -> None:
    """The planner looks at everybody of a product today; early is harmless."""
    tx.execute(
        text(
            "update pace set plan_at = :today where plan_at > :today and person_id in"
            " (select person_id from enrollments where product_id = :id and status = 'active')"
        ),
        {"id": product_id, "today": today},
    )


def running(tx: Connection, kind: str, id: int | None) -> list[int]:
    """Scenarios of the target that are running or paused, or ended with people still in them."""
    rows = tx.execute(
        text(
            """
            select s.id from scenarios s
             where (:kind = 'all' or :kind = 'product' and s.product_id = :id or :kind = 'scenario' and s.id = :id)
               and (s.status in ('active', 'paused') or s.status = 'ended' and exists (
                    select 1 from enrollments e where e.scenario_id = s.id and e.status in ('active', 'paused')))
             order by s.id
            """
        ),
        {"kind": kind, "id": id},
    )
    return [row.id for row in rows]


def reach(tx: Connection, scenarios: Sequence[int]) -> Reach:
    """What ending these scenarios touches. Indexes ix_enrollments_scenario_id, ix_deliveries_enrollment_id."""
    row = tx.execute(
        text(
            f"""
            select (select count(*) from enrollments e join deliveries d on d.enrollment_id = e.id
                     where e.scenario_id = any(:ids) and d.state in {WAITING}) as mails,
                   (select count(distinct person_id) from enrollments
                     where scenario_id = any(:ids) and status in ('active', 'paused')) as people
            """  # noqa: S608 - a constant of this module
        ),
        {"ids": list(scenarios)},
    ).one()
    return Reach(row.mails, row.people)


def end_scenarios(tx: Connection, scenarios: Sequence[int]) -> None:
    """From the commit on nothing more is planned for them, and no body of theirs starts."""
    tx.execute(
        text("update scenarios set status = 'ended' where id = any(:ids) and status in ('active', 'paused')"),
        {"ids": list(scenarios)},
    )


def ended(tx: Connection) -> list[int]:
    """Ended scenarios with people still in them: a stop that was cut off. Index ix_enrollments_scenario_id."""
    rows = tx.execute(
        text(
            "select s.id from scenarios s where s.status = 'ended' and exists (select 1 from enrollments e"
            " where e.scenario_id = s.id and e.status in ('active', 'paused')) order by s.id"
        )
    )
    return [row.id for row in rows]


@dataclass(frozen=True, slots=True)
class Batch:
    """Enrolments to end, in the order of their ids. last: where the next batch begins; 0 when done."""

    enrollments: tuple[int, ...]
    last: int


def next_batch(tx: Connection, scenarios: Sequence[int], *, after: int, limit: int) -> Batch:
    """The next enrolments that are under way or whose last mail has not left. Key: enrollments.id."""
    rows = tx.execute(
        text(
            f"""
            select e.id, e.status in ('active', 'paused') or exists (
                   select 1 from deliveries d where d.enrollment_id = e.id and d.state in {WAITING}) as waits
              from enrollments e where e.scenario_id = any(:ids) and e.id > :after order by e.id limit :n
            """  # noqa: S608 - a constant of this module
        ),
        {"ids": list(scenarios), "after": after, "n": limit},
    ).all()
    return Batch(tuple(row.id for row in rows if row.waits), rows[-1].id if len(rows) == limit else 0)


def end_batch(tx: Connection, enrollments: Sequence[int], *, now: datetime) -> list[int]:
    """End these enrolments and what they have planned; returns the deliveries cancelled.

    Locks pace, enrolments and deliveries in this order, as the planner does. What a worker has in hand is
    not touched: the stop counter makes it ask again before each body.
    """
    ids = {"ids": list(enrollments)}
    for query in (
        "select 1 from pace where person_id in (select person_id from enrollments where id = any(:ids))"
        " order by person_id for update",
        "select 1 from enrollments where id = any(:ids) order by id for update",
        "update enrollments set status = 'stopped', reason = 'scenario_ended'"
        " where id = any(:ids) and status in ('active', 'paused')",
    ):
        tx.execute(text(query), ids)
    rows = tx.execute(
        text(
            f"""
            update deliveries set state = 'cancelled', reason = 'scenario_ended', until = null, settled_at = :now
             where enrollment_id = any(:ids) and state in {WAITING} returning id
            """  # noqa: S608 - a constant of this module
        ),
        {**ids, "now": now},
    )
    return [row.id for row in rows]


def lock_people(tx: Connection, deliveries: Sequence[int]) -> None:
    """Lock pace and enrolments of deliveries that may give their slot back: the planner's order."""
    for query in (
        "select 1 from pace where person_id in (select person_id from deliveries where id = any(:ids))"
        " order by person_id for update",
        "select 1 from enrollments where id in (select enrollment_id from deliveries where id = any(:ids))"
        " order by id for update",
    ):
        tx.execute(text(query), {"ids": list(deliveries)})
