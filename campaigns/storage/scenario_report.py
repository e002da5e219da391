"""Scenarios: who came in, where they stand, who reached the goal and who left."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

from campaigns.storage.report_rows import Cell, Facts, binds, counted, month

# The goal counts from the day on which somebody came in, for this product or for none.
_GOAL = """tp.kind = s.goal_kind and tp.validity > 0 and tp.at >= e.created_at
           and (tp.product_id is null or tp.product_id = e.product_id)"""
_EACH = f"(select min(tp.at) from touchpoints tp where tp.person_id = e.person_id and {_GOAL})"  # noqa: S608
_NEAR = """e.person_id in (select tp.person_id from touchpoints tp
  where tp.validity > 0 and tp.kind in (select goal_kind from scenarios))"""
_ALL = f"""left join (
    select e.id, min(tp.at) as at from touchpoints tp join enrollments e on e.person_id = tp.person_id
      join scenarios s on s.id = e.scenario_id
     where {_GOAL} and tp.kind in (select goal_kind from scenarios) group by 1) g on g.id = e.id"""  # noqa: S608
_FACTS = f"""
select e.person_id, e.created_at as at, null::bigint as delivery_id, s.name as what, e.product_id,
       e.scenario_id, {month("e.created_at")} as month, e.status, e.reason,
       case when e.status in ('active', 'asked', 'paused') then coalesce(st.key, '') else '' end as step_key,
       {{goal}} as reached_at
  from enrollments e join scenarios s on s.id = e.scenario_id
  left join steps st on st.version_id = e.version_id and st.position = e.position {{touches}}
 where e.created_at >= :since and e.created_at < :until and (:product = 0 or e.product_id = :product) and {{near}}
"""  # noqa: S608
MEASURES: Mapping[str, str] = {
    "people": "true",
    "active": "f.status = 'active'",
    "asked": "f.status = 'asked'",
    "paused": "f.status = 'paused'",
    "done": "f.status = 'done'",
    "stopped": "f.status = 'stopped'",
    "reached": "f.reached_at is not null",
}
STATUSES = ("active", "asked", "paused", "done", "stopped")  # everybody is in exactly one
DIMS: Mapping[str, str] = {"scenario": "f.scenario_id = :scenario", "step": "f.step_key = :step"}
ROWS = Facts(
    _FACTS.replace("{goal}", _EACH).replace("{touches}", ""),
    MEASURES,
    DIMS,
    {"reached": _NEAR},
    when={"reached": "f.reached_at"},
)
COUNTED = Facts(_FACTS.replace("{goal}", "g.at").replace("{touches}", _ALL), MEASURES, DIMS)


@dataclass(frozen=True, slots=True)
class Enrolled:
    """People who came into one scenario in one month. step_key: where those under way stand, '' for the others."""

    month: int
    product_id: int
    scenario_id: int
    step_key: str
    figures: Mapping[str, int]


COUNT = f"""
select f.month, f.product_id, f.scenario_id, f.step_key, {counted(MEASURES)}
  from ({COUNTED.query()}) f group by 1, 2, 3, 4
"""  # noqa: S608


def count(tx: Connection, *, since: datetime, until: datetime, zone: str) -> list[Enrolled]:
    values = binds(Cell("scenarios", "people", since, until), zone)
    return [
        Enrolled(
            row.month,
            row.product_id,
            row.scenario_id,
            row.step_key,
            {name: row._mapping[name] for name in MEASURES},
        )
        for row in tx.execute(text(COUNT), values)
    ]


@dataclass(frozen=True, slots=True)
class Step:
    """A row of a scenario's newest published version."""

    key: str
    position: int
    kind: str
    title: str


STEPS = """
select s.key, s.position, s.kind, coalesce(nullif(s.title, ''), c.title, '') as title
  from steps s join scenario_versions v on v.id = s.version_id
  join scenarios sc on sc.id = v.scenario_id and sc.published_no = v.no
  left join contents c on c.id = s.content_id
 where v.scenario_id = :scenario order by s.position
"""


def steps(tx: Connection, scenario_id: int) -> list[Step]:
    return [Step(*row) for row in tx.execute(text(STEPS), {"scenario": scenario_id})]


@dataclass(frozen=True, slots=True)
class Named:
    """goal_kind: the touch that is its goal. ab: of a broadcast, subject or content; '' without a test."""

    name: str
    kind: str
    status: str
    goal_kind: str
    ab: str


def named(tx: Connection) -> dict[int, Named]:
    rows = tx.execute(
        text(
            "select s.id, s.name, s.kind, s.status, s.goal_kind, coalesce(b.ab, '') as ab from scenarios s"
            " left join broadcasts b on b.scenario_id = s.id"
        )
    )
    return {row.id: Named(*row[1:]) for row in rows}
