"""The figures beside a scenario's rows, and its audience.

A small scenario is counted when its page is shown. Beyond BIG enrolments (or leads, for the audience) counting
takes longer than a page may (1,000,000 people: 4 s), so a job keeps the figures here with the time they are of.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import date, datetime

from sqlalchemy import Connection, text

from campaigns.rules import audience as audiences
from campaigns.rules.remedies import Waiting
from campaigns.rules.scenarios import Scenario
from campaigns.storage import reach, remedies
from campaigns.storage.reach import Reach
from campaigns.storage.sizes import BIG

# Leads of a product, beyond which its audience is not counted while a page waits: 10,000 take 140 ms, since what each
# has read is looked up.
LEADS = 4_000


@dataclass(frozen=True, slots=True)
class RowCount:
    """What happened at one row, over all versions.

    held: mails that are held and will come, gave way to another product or are in doubt; unsent: mails that did not
    go and never will. reacted: people by a human sign; reacted_all: machines' requests included.
    """

    waiting: int = 0
    sent: int = 0
    held: int = 0
    unsent: int = 0
    reacted: int = 0
    tasks: int = 0
    reacted_all: int = 0


@dataclass(frozen=True, slots=True)
class Figures:
    """Counts by row key, people by the status of their enrolment, and when they were counted.

    at: None when they are of this moment. is_known: False while a big scenario was never counted. waits: those
    who stand at mails, by when they can get one. older: those who wait by a version that is no longer in force, by
    row key: (number of the version, people), the newest first.
    """

    rows: Mapping[str, RowCount]
    enrolled: Mapping[str, int]
    at: datetime | None = None
    is_known: bool = True
    waits: Mapping[str, tuple[Waiting, ...]] = field(default_factory=dict)
    older: Mapping[str, tuple[tuple[int, int], ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Due:
    """A big scenario whose figures are old."""

    scenario_id: int
    counted_at: datetime | None
    took_s: float


# Everybody of a scenario stands at a row: the key of the version each is in.
WAITING = """
select s.key, v.no, v.no < sc.published_no as is_older, q.n from (
  select version_id, position, count(*) as n from enrollments
   where scenario_id = :scenario and status in ('active', 'asked') group by 1, 2) q
  join steps s on s.version_id = q.version_id and s.position = q.position
  join scenario_versions v on v.id = q.version_id
  join scenarios sc on sc.id = v.scenario_id
 order by v.no desc
"""
# A mail that did not go is held while its person stands at its row, who may get it yet: whoever has no consent, or
# is with sales. On the shelf, where all rounds are of one row, only such reasons say so.
HELD = """(d.state in ('retry', 'in_doubt', 'carried_over')
         or d.state in ('suppressed', 'no_consent') and s.key = d.step_key
         or d.state in ('expired', 'cancelled', 'failed') and s.key = d.step_key and s.kind <> 'shelf')"""
UNSENT = f"(d.state in ('suppressed', 'no_consent', 'expired', 'cancelled', 'failed') and {HELD} is not true)"
# The row at which somebody stands who is under way.
STANDS = """left join steps s on s.version_id = e.version_id and s.position = e.position
                   and e.status in ('active', 'asked', 'paused')"""
MAILS = f"""
select d.step_key as key, count(*) filter (where d.state = 'sent') as sent,
       count(*) filter (where {HELD}) as held, count(*) filter (where {UNSENT}) as unsent
  from enrollments e join deliveries d on d.enrollment_id = e.id {STANDS}
 where e.scenario_id = :scenario group by 1
"""  # noqa: S608 - constants of this module
# Who gave way at the last decision keeps no row: the pace says so, by the enrolment's id. Nobody is held twice.
GAVE_WAY = """
select s.key, count(*) as n
  from enrollments e
  join pace p on p.person_id = e.person_id and p.held is not null and p.held ? (e.id::text)
  join steps s on s.version_id = e.version_id and s.position = e.position
 where e.scenario_id = :scenario and e.status = 'active'
   and not exists (select 1 from deliveries d where d.enrollment_id = e.id and d.step_key = s.key
                      and d.state in ('retry', 'in_doubt', 'carried_over', 'suppressed', 'no_consent'))
 group by 1
"""
REACTED = """
select d.step_key as key, count(distinct t.person_id) filter (where t.validity > 0) as reacted,
       count(distinct t.person_id) as reacted_all
  from touchpoints t join deliveries d on d.id = t.delivery_id
  join enrollments e on e.id = d.enrollment_id
 where e.scenario_id = :scenario and t.depth > 0 group by 1
"""
TASKS = """
select k.step_key as key, count(*) as n
  from tasks k join enrollments e on e.id = k.enrollment_id
 where e.scenario_id = :scenario and k.step_key <> '' group by 1
"""
ENROLLED = "select status, count(*) as n from enrollments where scenario_id = :scenario group by 1"


def read(tx: Connection, scenario_id: int) -> Figures:
    """The figures of a scenario: of this moment, or kept ones when it is big."""
    if not _is_big(tx, "enrollments", "scenario_id", scenario_id, most=BIG):
        return count(tx, scenario_id)
    kept = tx.execute(
        text(
            "select step_key, waiting, sent, held, unsent, reacted, tasks, reacted_all, more, counted_at from step_counts"
            " where scenario_id = :scenario"
        ),
        {"scenario": scenario_id},
    ).all()
    rows = {
        r.step_key: RowCount(r.waiting, r.sent, r.held, r.unsent, r.reacted, r.tasks, r.reacted_all)
        for r in kept
        if r.step_key
    }
    head = next((r for r in kept if not r.step_key), None)
    if head is None or head.counted_at is None:
        return Figures({}, {}, is_known=False)
    older = {key: tuple((no, n) for no, n in lines) for key, lines in head.more["older"].items()}
    return Figures(
        rows, head.more["enrolled"], head.counted_at, waits=_waits(head.more.get("waits", {})), older=older
    )


def read_reach(tx: Connection, scenario: Scenario) -> Reach:
    """The audience: of this moment, or a kept one when the product has many leads."""
    if not _is_big(tx, "product_leads", "product_id", scenario.product_id, most=min(BIG, LEADS)):
        return reach.count(tx, scenario)
    head = tx.execute(
        text("select more, counted_at from step_counts where scenario_id = :scenario and step_key = ''"),
        {"scenario": scenario.id},
    ).one_or_none()
    if head is None or head.more.get("of") != _fingerprint(tx, scenario):
        return Reach(0, 0, (), is_known=False)
    kept = head.more["reach"]
    groups = tuple((code, n) for code, n in kept["groups"])
    return Reach(
        kept["everybody"],
        kept["can_send"],
        groups,
        kept["roles"],
        kept["joining"],
        kept["field"],
        {int(content): n for content, n in kept["read"].items()},
        head.counted_at,
    )


def count(tx: Connection, scenario_id: int) -> Figures:
    """Count anew; seven statements however many people."""
    values = {"scenario": scenario_id}
    found: dict[str, dict[str, int]] = {}

    def add(key: str, name: str, n: int) -> None:
        row = found.setdefault(key, {})
        row[name] = row.get(name, 0) + n

    older: dict[str, tuple[tuple[int, int], ...]] = {}
    for row in tx.execute(text(MAILS), values):
        for name in ("sent", "held", "unsent"):
            add(row.key, name, row._mapping[name])
    for row in tx.execute(text(WAITING), values):
        add(row.key, "waiting", row.n)
        if row.is_older:
            older[row.key] = (*older.get(row.key, ()), (row.no, row.n))
    for row in tx.execute(text(REACTED), values):
        add(row.key, "reacted", row.reacted)
        add(row.key, "reacted_all", row.reacted_all)
    for query, name in ((GAVE_WAY, "held"), (TASKS, "tasks")):
        for row in tx.execute(text(query), values):
            add(row.key, name, row.n)
    enrolled = {row.status: row.n for row in tx.execute(text(ENROLLED), values)}
    rows = {key: RowCount(**row) for key, row in found.items()}
    return Figures(rows, enrolled, waits=remedies.waiting(tx, scenario_id), older=older)


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
            "         limit :leads) q) >= :leads"
        ),
        {"big": BIG + 1, "leads": min(BIG, LEADS) + 1},
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
        "waits": {
            key: [(one.month, one.free_on and one.free_on.isoformat(), one.n) for one in lines]
            for key, lines in figures.waits.items()
        },
        "older": figures.older,
        "of": _fingerprint(tx, scenario),
        "reach": {
            "everybody": reached.everybody,
            "can_send": reached.can_send,
            "groups": reached.groups,
            "roles": dict(reached.roles),
            "joining": reached.joining,
            "field": reached.field,
            "read": dict(reached.read),
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
            "insert into step_counts (scenario_id, step_key, waiting, sent, held, unsent, reacted, tasks,"
            " reacted_all, more, counted_at) values (:scenario, :key, :waiting, :sent, :held, :unsent, :reacted,"
            " :tasks, :reacted_all, cast(:more as jsonb), :now)"
        ),
        lines,
    )


def _waits(kept: Mapping[str, list[tuple[int, str | None, int]]]) -> dict[str, tuple[Waiting, ...]]:
    return {
        key: tuple(Waiting(month, date.fromisoformat(day) if day else None, n) for month, day, n in lines)
        for key, lines in kept.items()
    }


def _fingerprint(tx: Connection, scenario: Scenario) -> str:
    """What the audience's figures depend on."""
    told = reach.contents(tx, scenario.id)
    return json.dumps(
        [
            sorted(scenario.classes),
            scenario.event_id,
            audiences.to_json(scenario.audience),
            told.ids,
            told.is_whole,
        ],
        ensure_ascii=False,
    )


def _is_big(tx: Connection, table: str, column: str, id: int, *, most: int) -> bool:
    query = f"select count(*) from (select 1 from {table} where {column} = :id limit :big) q"  # noqa: S608
    return int(tx.execute(text(query), {"id": id, "big": most + 1}).scalar_one()) > most
