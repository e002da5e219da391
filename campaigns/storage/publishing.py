"""Publishing: a draft becomes the version in force, its mails are frozen, those who wait go on in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime

from sqlalchemy import Connection, Integer, case, column, func, insert, select, update, values

from campaigns.rules.scenarios import Status, Version
from campaigns.storage import tables as t


def freeze(tx: Connection, version: Version, *, user_id: int | None, now: datetime) -> bool:
    """Publish a draft: it is in force from now on, and its scenario active. False when it was frozen before."""
    v, s = t.scenario_versions, t.scenarios
    done = tx.execute(
        update(v)
        .where(v.c.id == version.id, v.c.published_at.is_(None))
        .values(published_at=now, published_by=user_id)
    )
    if done.rowcount != 1:
        return False
    tx.execute(
        update(s)
        .where(s.c.id == version.scenario_id)
        .values(status=Status.ACTIVE.value, published_no=version.no)
    )
    return True


def add_published_mails(tx: Connection, rows: Sequence[Mapping[str, object]]) -> None:
    """Frozen mails of a version. rows: values by column."""
    if rows:
        tx.execute(insert(t.published_mails), [dict(row) for row in rows])


def move_enrollments(
    tx: Connection,
    *,
    old_version_id: int,
    new_version_id: int,
    moves: Sequence[tuple[int, int, int]],
    end: int,
    month: int,
) -> int:
    """Everybody who waits in the old version waits in the new one; how many.

    moves: (old position, new position, months by which the row moved). end: the position behind the last
    row, where a person is done. A row that moved is due accordingly, but not before this month.
    """
    if not moves:
        return 0
    e = t.enrollments
    rows = values(
        column("old", Integer), column("new", Integer), column("shift", Integer), name="moves"
    ).data(list(moves))
    shifted = func.greatest(e.c.due_month + rows.c.shift, month)
    moved = tx.execute(
        update(e)
        .where(
            e.c.version_id == old_version_id,
            e.c.status.in_(("active", "paused")),
            e.c.position == rows.c.old,
        )
        .values(
            version_id=new_version_id,
            position=rows.c.new,
            due_month=case((rows.c.shift == 0, e.c.due_month), else_=shifted),
            status=case((rows.c.new >= end, "done"), else_=e.c.status),
        )
    )
    return moved.rowcount


def plan_soon(tx: Connection, scenario_id: int, *, today: date) -> None:
    """Let the planner look at this scenario's people today: early is harmless."""
    e = t.enrollments
    people = select(e.c.person_id).where(e.c.scenario_id == scenario_id, e.c.status == "active")
    tx.execute(
        update(t.pace).where(t.pace.c.person_id.in_(people), t.pace.c.plan_at > today).values(plan_at=today)
    )
