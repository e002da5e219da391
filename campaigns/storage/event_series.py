"""Events that come every month: what the next one is made from, and which months have theirs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select, text, update

from campaigns.rules import audience as audiences
from campaigns.rules.audience import EVERYBODY, Audience
from campaigns.rules.events import Cost, Kind
from campaigns.rules.recurring import USUAL, Recurrence
from campaigns.rules.scenarios import DEFAULT_CLASSES
from campaigns.storage import tables as t

_s = t.event_series.c


@dataclass(frozen=True, slots=True)
class Template:
    """What each month's event and its invitation are made from. apply_days: sign-up ends so many days before, None:
    on the day. product_id None: no invitation is drafted. content_id: the mail that is copied, None for the shipped
    one. met_event_id: only people met there. invite_days: the invitation goes so many days before."""

    name: str
    recurrence: Recurrence = USUAL
    kind: str = Kind.PRIVATE_SHOW.value
    venue: str = ""
    owner_user_id: int | None = None
    costs: tuple[Cost, ...] = ()
    capacity: int | None = None
    has_waiting_list: bool = False
    apply_days: int | None = None
    product_id: int | None = None
    content_id: int | None = None
    classes: tuple[str, ...] = DEFAULT_CLASSES
    audience: Audience = EVERYBODY
    met_event_id: int | None = None
    invite_days: int = 21


@dataclass(frozen=True, slots=True)
class Series:
    """stopped_at: since nothing is made any more."""

    id: int
    template: Template
    stopped_at: datetime | None
    version: int


_RULE = ("rule", "nth", "weekday", "day")
_PLAIN = (
    "name", "kind", "venue", "owner_user_id", "capacity", "has_waiting_list", "apply_days", "product_id",
    "content_id", "met_event_id", "invite_days",
)  # fmt: skip


def _series(row: Any) -> Series:
    found = row._mapping
    template = Template(
        recurrence=Recurrence(**{name: found[name] for name in _RULE}),
        costs=tuple(Cost(**cost) for cost in found["costs"]),
        classes=tuple(found["classes"]),
        audience=audiences.from_json(found["audience"]),
        **{name: found[name] for name in _PLAIN},
    )
    return Series(row.id, template, row.stopped_at, row.version)


def _values(template: Template) -> dict[str, Any]:
    return {
        **{name: getattr(template, name) for name in _PLAIN},
        **asdict(template.recurrence),
        "costs": [asdict(cost) for cost in template.costs],
        "classes": list(template.classes),
        "audience": audiences.to_json(template.audience),
    }


def get(tx: Connection, series_id: int, *, lock: bool = False) -> Series | None:
    query = select(t.event_series).where(_s.id == series_id)
    row = tx.execute(query.with_for_update() if lock else query).one_or_none()
    return None if row is None else _series(row)


def running(tx: Connection) -> list[Series]:
    rows = tx.execute(select(t.event_series).where(_s.stopped_at.is_(None)).order_by(_s.id))
    return [_series(row) for row in rows]


def add(tx: Connection, template: Template, *, user_id: int | None, now: datetime) -> int:
    made = insert(t.event_series).values(**_values(template), created_by=user_id, created_at=now)
    return int(tx.execute(made.returning(_s.id)).scalar_one())


def save(tx: Connection, series_id: int, template: Template, *, version: int) -> bool:
    """Change what the next ones are made from; False when somebody else saved first."""
    done = tx.execute(
        update(t.event_series)
        .where(_s.id == series_id, _s.version == version)
        .values(**_values(template), version=_s.version + 1)
    )
    return done.rowcount == 1


def set_stopped(tx: Connection, series_id: int, *, at: datetime | None) -> None:
    """Stop it, or let it go on (at None)."""
    tx.execute(update(t.event_series).where(_s.id == series_id).values(stopped_at=at, version=_s.version + 1))


def belongs(tx: Connection, event_id: int, *, series_id: int, month: int) -> None:
    """An event that stood before is the first of its series."""
    values = {"series_id": series_id, "series_month": month}
    tx.execute(update(t.events).where(t.events.c.id == event_id).values(**values))


ADD_EVENT = """
insert into events (name, kind, starts_on, venue, apply_by, owner_user_id, cost_yen, costs, capacity,
       has_waiting_list, series_id, series_month, created_at)
values (:name, :kind, :starts_on, :venue, :apply_by, :owner, :cost_yen, cast(:costs as jsonb), :capacity,
       :has_waiting_list, :series, :month, :now)
on conflict (series_id, series_month) do nothing
returning id
"""


def add_event(
    tx: Connection,
    values: Mapping[str, object],
    *,
    costs: Sequence[Cost],
    series_id: int,
    month: int,
    now: datetime,
) -> int | None:
    """A month's event; None when it has been made before."""
    told = {
        **values,
        "costs": json.dumps([asdict(cost) for cost in costs], ensure_ascii=False),
        "cost_yen": sum(cost.yen for cost in costs),
        "series": series_id,
        "month": month,
        "now": now,
    }
    return tx.execute(text(ADD_EVENT), told).scalar()


def events_of(tx: Connection, series_id: int) -> list[tuple[int, str]]:
    """Its events (id, name), the latest first."""
    e = t.events.c
    rows = tx.execute(select(e.id, e.name).where(e.series_id == series_id).order_by(e.series_month.desc()))
    return [(row.id, row.name) for row in rows]
