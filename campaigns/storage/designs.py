"""What the designer needs: a draft's rows as a whole, what undo goes back to, what rows may choose from.

A published version is never written.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection, delete, insert, select, text

from campaigns.rules import conditions
from campaigns.rules.scenarios import Step
from campaigns.storage import steps
from campaigns.storage import tables as t

DEPTH = 50  # steps back that are kept a scenario
_NAMES = tuple(column.name for column in t.steps.c if column.name not in ("id", "version_id"))
_COLUMNS = ", ".join(_NAMES)


@dataclass(frozen=True, slots=True)
class Undoable:
    """The change that undo would take back, and by whom it was."""

    id: int
    label: str
    by: str | None


def replace(tx: Connection, version_id: int, rows: Sequence[Step]) -> None:
    """The rows of a draft are these from now on; keys stay, ids do not."""
    _clear(tx, version_id)
    if rows:
        tx.execute(insert(t.steps), [{"version_id": version_id, **_values(row)} for row in rows])


def remember(
    tx: Connection, scenario_id: int, version_id: int, *, label: str, user_id: int | None, now: datetime
) -> None:
    """Keep the rows as they stand, before they change; the oldest beyond DEPTH are forgotten."""
    tx.execute(
        text(
            "insert into design_history (scenario_id, user_id, at, label, rows)"
            " select :scenario, :user, :now, :label,"
            "        coalesce(jsonb_agg(to_jsonb(s) - 'id' - 'version_id' order by s.position), '[]')"
            "   from steps s where s.version_id = :version"
        ),
        {"scenario": scenario_id, "user": user_id, "now": now, "label": label, "version": version_id},
    )
    h = t.design_history
    kept = select(h.c.id).where(h.c.scenario_id == scenario_id).order_by(h.c.id.desc()).limit(DEPTH)
    tx.execute(delete(h).where(h.c.scenario_id == scenario_id, h.c.id.not_in(kept)))


def last(tx: Connection, scenario_id: int) -> Undoable | None:
    """The newest change since the last publishing: what went out is not taken back by a key."""
    h, u, v = t.design_history, t.users, t.scenario_versions
    published = select(v.c.published_at).where(v.c.scenario_id == scenario_id, v.c.published_at > h.c.at)
    row = tx.execute(
        select(h.c.id, h.c.label, u.c.name.label("by"))
        .outerjoin(u, u.c.id == h.c.user_id)
        .where(h.c.scenario_id == scenario_id, ~published.exists())
        .order_by(h.c.id.desc())
        .limit(1)
    ).one_or_none()
    return None if row is None else Undoable(*row)


def restore(tx: Connection, version_id: int, undoable: Undoable) -> None:
    """The rows of a draft are again what they were before that change, which is forgotten."""
    _clear(tx, version_id)
    tx.execute(
        text(
            f"insert into steps (version_id, {_COLUMNS}) select :version, {_COLUMNS}"  # noqa: S608 - constants
            "  from design_history h, jsonb_populate_recordset(null::steps, h.rows) where h.id = :id"
        ),
        {"version": version_id, "id": undoable.id},
    )
    tx.execute(delete(t.design_history).where(t.design_history.c.id == undoable.id))


def is_same(tx: Connection, version_id: int, other_id: int) -> bool:
    """Whether two versions hold the same rows."""
    query = text(
        f"select not exists ((select {_COLUMNS} from steps where version_id = :a"  # noqa: S608 - constants
        f" except select {_COLUMNS} from steps where version_id = :b) union all"
        f" (select {_COLUMNS} from steps where version_id = :b"
        f" except select {_COLUMNS} from steps where version_id = :a))"
    )
    return bool(tx.execute(query, {"a": version_id, "b": other_id}).scalar_one())


def _values(step: Step) -> dict[str, object]:
    return {name: getattr(step, name) for name in _NAMES if name != "condition"} | {
        "condition": conditions.to_json(step.condition)
    }


def _clear(tx: Connection, version_id: int) -> None:
    tx.execute(delete(t.steps).where(t.steps.c.version_id == version_id, steps.in_draft()))


@dataclass(frozen=True, slots=True)
class Event:
    """What an invitation may invite to."""

    id: int
    name: str
    starts_on: date | None
    apply_by: date | None


def events(tx: Connection, *, today: date, chosen: Sequence[int]) -> tuple[Event, ...]:
    """Events to come, those without a day, and those that rows name already; the next one first."""
    e = t.events
    rows = tx.execute(
        select(e.c.id, e.c.name, e.c.starts_on, e.c.apply_by)
        .where((e.c.starts_on >= today) | e.c.starts_on.is_(None) | e.c.id.in_(chosen))
        .order_by(e.c.starts_on.asc().nulls_last(), e.c.id)
    )
    return tuple(Event(*row) for row in rows)


def roles(tx: Connection, content_ids: Sequence[int]) -> dict[int, tuple[str, ...]]:
    """Which buying roles have words of their own in these contents."""
    cv = t.content_variants
    rows = tx.execute(
        select(cv.c.content_id, cv.c.buying_role)
        .where(cv.c.content_id.in_(content_ids), cv.c.buying_role != "", cv.c.subject != "")
        .distinct()
        .order_by(cv.c.content_id, cv.c.buying_role)
    )
    found: dict[int, tuple[str, ...]] = {}
    for content_id, role in rows:
        found[content_id] = (*found.get(content_id, ()), role)
    return found
