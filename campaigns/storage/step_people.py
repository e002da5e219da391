"""Who stands behind a figure of a scenario's row: waiting, sent, held, reacted, tasks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection, text


@dataclass(frozen=True, slots=True)
class Line:
    """A person behind a figure. at: when it happened; on: the day of the next decision."""

    person_id: int
    name: str
    company: str
    at: datetime | None
    on: date | None
    state: str


# Each yields person_id, at, on, state; a page is cut by the person's id.
_WAITING = """
select e.person_id, null::timestamptz as at, coalesce(e.due_on, p.plan_at) as on_day, e.status as state
  from enrollments e join steps s on s.version_id = e.version_id and s.position = e.position
  left join pace p on p.person_id = e.person_id
 where e.scenario_id = :scenario and s.key = :key and e.status in ('active', 'asked')
"""
_MAILS = """
select e.person_id, coalesce(d.sent_at, d.created_at) as at, null::date as on_day, d.state
  from enrollments e join deliveries d on d.enrollment_id = e.id
 where e.scenario_id = :scenario and d.step_key = :key and d.state {states}
"""
_HELD = f"""
{_MAILS.format(states="in ('suppressed','no_consent','expired','cancelled','failed','retry','in_doubt','carried_over')")}
union all
select e.person_id, null, p.plan_at, 'carried_over'
  from enrollments e join steps s on s.version_id = e.version_id and s.position = e.position
  join pace p on p.person_id = e.person_id and p.held is not null and p.held ? (e.id::text)
 where e.scenario_id = :scenario and s.key = :key and e.status = 'active'
"""  # noqa: S608 - constants
_REACTED = """
select t.person_id, max(t.at) as at, null::date as on_day, 'sent' as state
  from enrollments e join deliveries d on d.enrollment_id = e.id
  join touchpoints t on t.delivery_id = d.id and t.validity > 0 and t.depth > 0
 where e.scenario_id = :scenario and d.step_key = :key group by t.person_id
"""
_TASKS = """
select e.person_id, k.due_at as at, null::date as on_day, k.state
  from enrollments e join tasks k on k.enrollment_id = e.id
 where e.scenario_id = :scenario and k.step_key = :key
"""
SHOWN: Mapping[str, str] = {
    "waiting": _WAITING,
    "sent": _MAILS.format(states="= 'sent'"),
    "held": _HELD,
    "reacted": _REACTED,
    "tasks": _TASKS,
}


def page(
    tx: Connection, scenario_id: int, key: str, *, show: str, after: int, limit: int
) -> tuple[Line, ...]:
    """People behind a figure, by their id from `after` on."""
    rows = tx.execute(
        text(
            "select q.person_id, p.full_name as name, coalesce(co.name, '') as company, q.at, q.on_day, q.state"  # noqa: S608
            f"  from (select * from ({SHOWN[show]}) x where person_id > :after order by person_id limit :n) q"
            "  join people p on p.id = q.person_id"
            "  left join affiliations f on f.person_id = p.id and f.is_current"
            "  left join companies co on co.id = f.company_id"
            " order by q.person_id"
        ),
        {"scenario": scenario_id, "key": key, "after": after, "n": limit},
    )
    return tuple(Line(*row) for row in rows)
