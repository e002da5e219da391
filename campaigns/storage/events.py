"""Events: exhibitions, private shows and seminars, with the scenarios that invite to them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, insert, select, text, update

from campaigns.rules.events import Cost, Plan
from campaigns.storage import tables as t

_e = t.events.c
_PLAN = (
    "name", "kind", "starts_on", "ends_on", "venue", "apply_by", "owner_user_id", "costs", "capacity",
    "has_waiting_list", "follow_up",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Event:
    """One event as it is edited. series_id: of those that come every month. closed_at: since nobody met there is
    without owner and next action."""

    id: int
    plan: Plan
    version: int
    series_id: int | None = None
    closed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """One event in the list. scenarios: (id, name) of those that invite to it, by their newest version."""

    id: int
    plan: Plan
    owner: str
    scenarios: tuple[tuple[int, str], ...]
    series_id: int | None = None
    closed_at: datetime | None = None


def _plan(row: Any) -> Plan:
    values = {name: row._mapping[name] for name in _PLAN}
    return Plan(**{**values, "costs": tuple(Cost(**cost) for cost in values["costs"])})


def _values(plan: Plan) -> dict[str, Any]:
    """A plan as the table keeps it; the sum stands beside the lines, since reports add it up."""
    values = {name: getattr(plan, name) for name in _PLAN}
    return {**values, "costs": [asdict(cost) for cost in plan.costs], "cost_yen": plan.cost_yen}


def _event(row: Any) -> Event | None:
    return None if row is None else Event(row.id, _plan(row), row.version, row.series_id, row.closed_at)


_COLUMNS = (_e.id, *(_e[name] for name in _PLAN), _e.version, _e.series_id, _e.closed_at)


def get(tx: Connection, event_id: int, *, lock: bool = False) -> Event | None:
    """One event. lock: its row is held until the transaction ends, so that the last seat is given once."""
    query = select(*_COLUMNS).where(_e.id == event_id)
    return _event(tx.execute(query.with_for_update() if lock else query).one_or_none())


def find(tx: Connection, *, name: str, starts_on: date | None) -> Event | None:
    """The event of this name and first day; of two the older."""
    wanted = (_e.name == name, _e.starts_on.is_not_distinct_from(starts_on))
    return _event(tx.execute(select(*_COLUMNS).where(*wanted).order_by(_e.id).limit(1)).one_or_none())


def add(tx: Connection, plan: Plan, *, now: datetime) -> int:
    made = insert(t.events).values(**_values(plan), created_at=now).returning(_e.id)
    return int(tx.execute(made).scalar_one())


def save(tx: Connection, event_id: int, plan: Plan, *, version: int) -> bool:
    """Change an event; False when somebody else saved first."""
    done = tx.execute(
        update(t.events)
        .where(_e.id == event_id, _e.version == version)
        .values(**_values(plan), version=_e.version + 1)
    )
    return done.rowcount == 1


def set_closed(tx: Connection, event_id: int, *, at: datetime | None, user_id: int | None) -> None:
    """Close an event, or open it again (at None)."""
    values = {"closed_at": at, "closed_by": user_id if at else None, "version": _e.version + 1}
    tx.execute(update(t.events).where(_e.id == event_id).values(**values))


LISTING = """
select e.id, e.name, e.kind, e.starts_on, e.ends_on, e.venue, e.apply_by, e.owner_user_id, e.costs,
       e.capacity, e.has_waiting_list, e.follow_up, e.series_id, e.closed_at, coalesce(u.name, '') as owner, coalesce(i.scenarios, '[]'::jsonb) as scenarios
  from events e
  left join users u on u.id = e.owner_user_id
  left join (
       select q.event_id, jsonb_agg(jsonb_build_array(q.id, q.name) order by q.id) as scenarios
         from (select distinct st.event_id, sc.id, sc.name
                 from scenarios sc
                 join lateral (select id from scenario_versions where scenario_id = sc.id
                                order by no desc limit 1) newest on true
                 join steps st on st.version_id = newest.id and st.event_id is not null
                where sc.kind = 'scenario' and sc.status <> 'ended') q
        group by q.event_id) i on i.event_id = e.id
 order by e.starts_on desc nulls first, e.id desc
"""


def listing(tx: Connection) -> tuple[Line, ...]:
    """Every event, the latest first. Events and scenarios are hundreds at the most: one pass over each."""
    return tuple(
        Line(
            row.id,
            _plan(row),
            row.owner,
            tuple((int(id), str(name)) for id, name in row.scenarios),
            row.series_id,
            row.closed_at,
        )
        for row in tx.execute(text(LISTING))
    )


INVITING = """
select distinct sc.id, sc.name from scenarios sc
  join lateral (select id from scenario_versions where scenario_id = sc.id order by no desc limit 1) newest on true
  join steps st on st.version_id = newest.id and st.event_id = :event
 where sc.kind = 'scenario' and sc.status <> 'ended' order by 1
"""


def inviting(tx: Connection, event_id: int) -> list[tuple[int, str]]:
    """Scenarios (id, name) whose newest version invites to it."""
    return [(row.id, row.name) for row in tx.execute(text(INVITING), {"event": event_id})]


def names(tx: Connection, event_ids: Iterable[int]) -> dict[int, str]:
    """Names of these events, by id."""
    return {row.id: row.name for row in tx.execute(select(_e.id, _e.name).where(_e.id.in_(set(event_ids))))}


def named(tx: Connection, names: Iterable[str]) -> dict[str, int]:
    """Events of these names; of two with one name the newer."""
    rows = tx.execute(select(_e.id, _e.name).where(_e.name.in_(set(names) - {""})).order_by(_e.id))
    return {row.name: row.id for row in rows}
