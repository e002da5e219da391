"""The figures beside a scenario's rows, and its audience.

A small scenario is counted when its page is shown. Beyond BIG enrolments (or leads, for the audience) counting
takes longer than a page may (1,000,000 people: 4 s), so a job keeps the figures here with the time they are of.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import Connection, text

from campaigns.rules import audience as audiences
from campaigns.rules.scenarios import Scenario
from campaigns.storage import reach
from campaigns.storage.reach import Reach

BIG = 10_000


@dataclass(frozen=True, slots=True)
class RowCount:
    """What happened at one row, over all versions. held: did not go, or gave way to another product."""

    waiting: int = 0
    sent: int = 0
    held: int = 0
    reacted: int = 0
    tasks: int = 0


@dataclass(frozen=True, slots=True)
class Figures:
    """Counts by row key, people by the status of their enrolment, and when they were counted.

    at: None when they are of this moment. is_known: False while a big scenario was never counted.
    """

    rows: Mapping[str, RowCount]
    enrolled: Mapping[str, int]
    at: datetime | None = None
    is_known: bool = True


@dataclass(frozen=True, slots=True)
class Due:
    """A big scenario whose figures are old."""

    scenario_id: int
    counted_at: datetime | None
    took_s: float


# Everybody of a scenario stands at a row: the key of the version each is in.
WAITING = """
select s.key, q.n from (
  select version_id, position, count(*) as n from enrollments
   where scenario_id = :scenario and status in ('active', 'asked') group by 1, 2) q
  join steps s on s.version_id = q.version_id and s.position = q.position
"""
MAILS = """
select d.step_key as key, count(*) filter (where d.state = 'sent') as sent,
       count(*) filter (where d.state in ('suppressed', 'no_consent', 'expired', 'cancelled', 'failed',
                                          'retry', 'in_doubt', 'carried_over')) as held
  from enrollments e join deliveries d on d.enrollment_id = e.id
 where e.scenario_id = :scenario group by 1
"""
# Who gave way at the last decision keeps no row: the pace says so, by the enrolment's id.
GAVE_WAY = """
select s.key, count(*) as n
  from enrollments e
  join pace p on p.person_id = e.person_id and p.held is not null and p.held ? (e.id::text)
  join steps s on s.version_id = e.version_id and s.position = e.position
 where e.scenario_id = :scenario and e.status = 'active' group by 1
"""
REACTED = """
select d.step_key as key, count(distinct t.person_id) as n
  from touchpoints t join deliveries d on d.id = t.delivery_id
  join enrollments e on e.id = d.enrollment_id
 where e.scenario_id = :scenario and t.validity > 0 and t.depth > 0 group by 1
"""
TASKS = """
select k.step_key as key, count(*) as n
  from tasks k join enrollments e on e.id = k.enrollment_id
 where e.scenario_id = :scenario and k.step_key <> '' group by 1
"""
ENROLLED = "select status, count(*) as n from enrollments where scenario_id = :scenario group by 1"


def read(tx: Connection, scenario_id: int) -> Figures:
    """The figures of a scenario: of this moment, or kept ones when it is big."""
    if not _is_big(tx, "enrollments", "scenario_id", scenario_id):
        return count(tx, scenario_id)
    kept = tx.execute(
        text(
            "select step_key, waiting, sent, held, reacted, tasks, more, counted_at from step_counts"
            " where scenario_id = :scenario"
        ),
        {"scenario": scenario_id},
    ).all()
    rows = {r.step_key: RowCount(r.waiting, r.sent, r.held, r.reacted, r.tasks) for r in kept if r.step_key}
    head = next((r for r in kept if not r.step_key), None)
    if head is None or head.counted_at is None:
        return Figures({}, {}, is_known=False)
    return Figures(rows, head.more["enrolled"], head.counted_at)


def read_reach(tx: Connection, scenario: Scenario) -> Reach:
    """The audience: of this moment, or a kept one when the product has many leads."""
    if not _is_big(tx, "product_leads", "product_id", scenario.product_id):
        return reach.count(tx, scenario)
    head = tx.execute(
        text("select more, counted_at from step_counts where scenario_id = :scenario and step_key = ''"),
        {"scenario": scenario.id},
    ).one_or_none()
    if head is None or head.more.get("of") != _fingerprint(scenario):
        return Reach(0, 0, (), is_known=False)
    kept = head.more["reach"]
    groups = tuple((code, n) for code, n in kept["groups"])
    return Reach(kept["everybody"], kept["can_send"], groups, kept["roles"], head.counted_at)


def count(tx: Connection, scenario_id: int) -> Figures:
    """Count anew; six statements however many people."""
    values = {"scenario": scenario_id}
    found: dict[str, dict[str, int]] = {}

    def add(key: str, name: str, n: int) -> None:
        row = found.setdefault(key, {})
        row[name] = row.get(name, 0) + n

    for row in tx.execute(text(MAILS), values):
        add(row.key, "sent", row.sent)
        add(row.key, "held", row.held)
    for query, name in ((WAITING, "waiting"), (GAVE_WAY, "held"), (REACTED, "reacted"), (TASKS, "tasks")):
        for row in tx.execute(text(query), values):
            add(row.key, name, row.n)
    enrolled = {row.status: row.n for row in tx.execute(text(ENROLLED), values)}
    return Figures({key: RowCount(**row) for key, row in found.items()}, enrolled)


def due(tx: Connection, *, now: datetime) -> tuple[Due, ...]:
    """Big scenarios whose figures are older than a minute, and than 20 times what counting took."""
    rows = tx.execute(
        text(
            "select s.id, case when c.more ? 'again' then null else c.counted_at end as counted_at,"
            "       coalesce((c.more->>'took_s')::float, 0) as took_s from scenarios s"
            "  left join step_counts c on c.scenario_id = s.id and c.step_key = ''"
            " where (select count(*) from (select 1 from enrollments e where e.scenario_id = s.id"
            "         limit :big) q) >= :big"
            "    or (select count(*) from (select 1 from product_leads l where l.product_id = s.product_id"
            "         limit :big) q) >= :big"
        ),
        {"big": BIG + 1},
    ).all()
    return tuple(
        Due(row.id, row.counted_at, row.took_s)
        for row in rows
        if row.counted_at is None or (now - row.counted_at).total_seconds() >= max(60.0, 20 * row.took_s)
    )


def ask_again(tx: Connection, scenario_id: int) -> None:
    """The audience is another one now: count at the next opportunity."""
    tx.execute(
        text(
            "update step_counts set more = more || '{\"again\": true}' where scenario_id = :id and step_key = ''"
        ),
        {"id": scenario_id},
    )


def keep(
    tx: Connection, scenario: Scenario, figures: Figures, reached: Reach, *, took_s: float, now: datetime
) -> None:
    """Put the figures by for the pages, in the place of the older ones."""
    more = {
        "enrolled": dict(figures.enrolled),
        "of": _fingerprint(scenario),
        "reach": {
            "everybody": reached.everybody,
            "can_send": reached.can_send,
            "groups": reached.groups,
            "roles": dict(reached.roles),
        },
        "took_s": round(took_s, 2),
    }
    lines = [
        {"key": key, "more": "{}", **asdict(row), "scenario": scenario.id, "now": now}
        for key, row in {"": RowCount(), **figures.rows}.items()
    ]
    lines[0]["more"] = json.dumps(more)
    tx.execute(text("delete from step_counts where scenario_id = :id"), {"id": scenario.id})
    tx.execute(
        text(
            "insert into step_counts (scenario_id, step_key, waiting, sent, held, reacted, tasks, more, counted_at)"
            " values (:scenario, :key, :waiting, :sent, :held, :reacted, :tasks, cast(:more as jsonb), :now)"
        ),
        lines,
    )


def _fingerprint(scenario: Scenario) -> str:
    return json.dumps(
        [sorted(scenario.classes), scenario.event_id, audiences.to_json(scenario.audience)],
        ensure_ascii=False,
    )


def _is_big(tx: Connection, table: str, column: str, id: int) -> bool:
    query = f"select count(*) from (select 1 from {table} where {column} = :id limit :big) q"  # noqa: S608
    return int(tx.execute(text(query), {"id": id, "big": BIG + 1}).scalar_one()) > BIG
