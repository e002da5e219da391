"""Who stands behind a figure of a scenario's row: waiting, sent, held, unsent, reacted, tasks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection, text

from campaigns.storage.step_counts import HELD, STANDS, UNSENT


@dataclass(frozen=True, slots=True)
class Line:
    """A person behind a figure. at: when it happened; on: the day of the next decision. reason: of a mail that
    waits or did not go. version: number of the version somebody waits by."""

    person_id: int
    name: str
    company: str
    at: datetime | None
    on: date | None
    state: str
    reason: str
    version: int


# Each yields person_id, at, on, state, reason, version of the next people by their id: uq_enrollments_person_id_scenario_id is walked
# in its order, and no further than the page goes.
_NEXT = "and e.person_id > :after order by e.person_id limit :n"
_WAITING = f"""
select e.person_id, null::timestamptz as at, coalesce(e.due_on, p.plan_at) as on_day, e.status as state,
       coalesce(p.held->(e.id::text)->>0, '') as reason, v.no as version
  from enrollments e join steps s on s.version_id = e.version_id and s.position = e.position
  join scenario_versions v on v.id = e.version_id
  left join pace p on p.person_id = e.person_id
 where e.scenario_id = :scenario and s.key = :key and e.status in ('active', 'asked') {_NEXT}
"""  # noqa: S608 - constants
_MAILS = f"""
select e.person_id, coalesce(d.sent_at, d.created_at) as at, null::date as on_day, d.state, d.reason, 0 as version
  from enrollments e join deliveries d on d.enrollment_id = e.id {{stands}}
 where e.scenario_id = :scenario and d.step_key = :key and {{which}} {_NEXT}
"""  # noqa: S608 - constants
_HELD = f"""
({_MAILS.format(stands=STANDS, which=HELD)})
union all
(select e.person_id, null, p.plan_at, 'carried_over', p.held->(e.id::text)->>0, 0
  from enrollments e join steps s on s.version_id = e.version_id and s.position = e.position
  join pace p on p.person_id = e.person_id and p.held is not null and p.held ? (e.id::text)
 where e.scenario_id = :scenario and s.key = :key and e.status = 'active'
   and not exists (select 1 from deliveries d where d.enrollment_id = e.id and d.step_key = s.key
                      and d.state in ('retry', 'in_doubt', 'carried_over', 'suppressed', 'no_consent')) {_NEXT})
"""  # noqa: S608 - constants
# The touches are looked up by the person: ix_touchpoints_person_id_at.
_REACTED = f"""
select e.person_id, t.at, null::date as on_day, 'sent' as state, '' as reason, 0 as version
  from enrollments e join deliveries d on d.enrollment_id = e.id
 cross join lateral (select max(t.at) as at from touchpoints t
        where t.person_id = e.person_id and t.delivery_id = d.id and t.validity > 0 and t.depth > 0) t
 where e.scenario_id = :scenario and d.step_key = :key and t.at is not null {_NEXT}
"""  # noqa: S608 - constants
_TASKS = f"""
select e.person_id, k.due_at as at, null::date as on_day, k.state, '' as reason, 0 as version
  from enrollments e join tasks k on k.enrollment_id = e.id
 where e.scenario_id = :scenario and k.step_key = :key {_NEXT}
"""  # noqa: S608 - constants
SHOWN: Mapping[str, str] = {
    "waiting": _WAITING,
    "sent": _MAILS.format(stands="", which="d.state = 'sent'"),
    "held": _HELD,
    "unsent": _MAILS.format(stands=STANDS, which=UNSENT),
    "reacted": _REACTED,
    "tasks": _TASKS,
}


def page(
    tx: Connection, scenario_id: int, key: str, *, show: str, after: int, limit: int
) -> tuple[Line, ...]:
    """People behind a figure, by their id from `after` on."""
    rows = tx.execute(
        text(
            "select q.person_id, p.full_name as name, coalesce(co.name, '') as company, q.at, q.on_day, q.state, q.reason, q.version"  # noqa: S608
            f"  from (select * from ({SHOWN[show]}) x order by person_id limit :n) q"
            "  join people p on p.id = q.person_id"
            "  left join affiliations f on f.person_id = p.id and f.is_current"
            "  left join companies co on co.id = f.company_id"
            " order by q.person_id"
        ),
        {"scenario": scenario_id, "key": key, "after": after, "n": limit},
    )
    return tuple(Line(*row) for row in rows)
