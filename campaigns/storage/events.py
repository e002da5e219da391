"""Events: exhibitions, private shows and seminars, with the scenarios that invite to them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, insert, select, text, update

from campaigns.rules.events import Plan
from campaigns.storage import tables as t

_e = t.events.c
_PLAN = tuple(field.name for field in fields(Plan))


@dataclass(frozen=True, slots=True)
class Event:
    """One event as it is edited."""

    id: int
    plan: Plan
    version: int


@dataclass(frozen=True, slots=True)
class Line:
    """One event in the list. scenarios: (id, name) of those that invite to it, by their newest version."""

    id: int
    plan: Plan
    owner: str
    scenarios: tuple[tuple[int, str], ...]


def _plan(row: Any) -> Plan:
    return Plan(**{name: row._mapping[name] for name in _PLAN})


def _event(row: Any) -> Event | None:
    return None if row is None else Event(row.id, _plan(row), row.version)


_COLUMNS = (_e.id, *(_e[name] for name in _PLAN), _e.version)


def get(tx: Connection, event_id: int) -> Event | None:
    return _event(tx.execute(select(*_COLUMNS).where(_e.id == event_id)).one_or_none())


def find(tx: Connection, *, name: str, starts_on: date | None) -> Event | None:
    """The event of this name and first day; of two the older."""
    wanted = (_e.name == name, _e.starts_on.is_not_distinct_from(starts_on))
    return _event(tx.execute(select(*_COLUMNS).where(*wanted).order_by(_e.id).limit(1)).one_or_none())


def add(tx: Connection, plan: Plan, *, now: datetime) -> int:
    values = {name: getattr(plan, name) for name in _PLAN}
    made = insert(t.events).values(**values, created_at=now).returning(_e.id)
    return int(tx.execute(made).scalar_one())


def save(tx: Connection, event_id: int, plan: Plan, *, version: int) -> bool:
    """Change an event; False when somebody else saved first."""
    values = {name: getattr(plan, name) for name in _PLAN}
    done = tx.execute(
        update(t.events)
        .where(_e.id == event_id, _e.version == version)
        .values(**values, version=_e.version + 1)
    )
    return done.rowcount == 1


LISTING = """
select e.id, e.name, e.kind, e.starts_on, e.ends_on, e.venue, e.apply_by, e.owner_user_id, e.cost_yen,
       coalesce(u.name, '') as owner, coalesce(i.scenarios, '[]'::jsonb) as scenarios
  from events e
  left join users u on u.id = e.owner_user_id
  left join (
       select q.event_id, jsonb_agg(jsonb_build_array(q.id, q.name) order by q.id) as scenarios
         from (select distinct st.event_id, sc.id, sc.name
                 from scenarios sc
                 join lateral (select id from scenario_versions where scenario_id = sc.id
                                order by no desc limit 1) newest on true
                 join steps st on st.version_id = newest.id and st.event_id is not null
                where sc.status <> 'ended') q
        group by q.event_id) i on i.event_id = e.id
 order by e.starts_on desc nulls first, e.id desc
"""


def listing(tx: Connection) -> tuple[Line, ...]:
    """Every event, the latest first. Events and scenarios are hundreds at the most: one pass over each."""
    return tuple(
        Line(row.id, _plan(row), row.owner, tuple((int(id), str(name)) for id, name in row.scenarios))
        for row in tx.execute(text(LISTING))
    )


def names(tx: Connection, event_ids: Iterable[int]) -> dict[int, str]:
    """Names of these events, by id."""
    return {row.id: row.name for row in tx.execute(select(_e.id, _e.name).where(_e.id.in_(set(event_ids))))}


def named(tx: Connection, names: Iterable[str]) -> dict[str, int]:
    """Events of these names; of two with one name the newer."""
    rows = tx.execute(select(_e.id, _e.name).where(_e.name.in_(set(names) - {""})).order_by(_e.id))
    return {row.name: row.id for row in rows}
