"""Publishing: a draft becomes the version in force, its mails are frozen, those who wait go on in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime

from sqlalchemy import Connection, insert, select, text, update

from campaigns.rules.scenarios import Status, Version
from campaigns.rules.versions import Move
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


def frozen(tx: Connection, version_id: int) -> dict[tuple[str, str, str], tuple[str, str, str]]:
    """The mails of a version: (KEY, language, buying role) -> (subject, HTML, text)."""
    m = t.published_mails
    rows = tx.execute(
        select(m.c.step_key, m.c.lang, m.c.buying_role, m.c.subject, m.c.html, m.c.text).where(
            m.c.version_id == version_id
        )
    )
    return {(key, lang, role): (subject, html, words) for key, lang, role, subject, html, words in rows}


UNDER_WAY = "('active', 'paused', 'asked')"


def waiting_at(tx: Connection, version_id: int) -> dict[int, int]:
    """People under way in a version, by the row at which they wait."""
    rows = tx.execute(
        text(
            "select position, count(*) as n from enrollments"  # noqa: S608 - a constant of this module
            f" where version_id = :id and status in {UNDER_WAY} group by position"
        ),
        {"id": version_id},
    )
    return {row.position: row.n for row in rows}


def planned_at(tx: Connection, version_id: int) -> dict[str, int]:
    """Planned mails that have not left, of people in a version, by their row. Index ix_enrollments_scenario_id."""
    rows = tx.execute(
        text(
            """
            select d.step_key, count(*) as n from scenario_versions v
              join enrollments e on e.scenario_id = v.scenario_id and e.version_id = v.id
              join deliveries d on d.enrollment_id = e.id and d.state in ('planned', 'retry')
             where v.id = :id group by d.step_key
            """
        ),
        {"id": version_id},
    )
    return {row.step_key: row.n for row in rows}


def lock_people(tx: Connection, version_id: int) -> None:
    """Hold the planner's rows of everybody in a version, in the order in which others take them.

    The planner skips who is held. Had it read somebody before, it would write where that person goes on in the
    version they have left.
    """
    tx.execute(
        text(
            "select 1 from pace where person_id in (select person_id from enrollments"  # noqa: S608 - a constant
            f" where version_id = :id and status in {UNDER_WAY}) order by person_id for update"
        ),
        {"id": version_id},
    )


MOVE = f"""
update enrollments e
   set version_id = :version,
       position = case when q.place = 0 then :end else q.place end,
       -- A row that moved is due accordingly, but not before this month.
       due_month = case when q.shift = 0 then e.due_month else greatest(e.due_month + q.shift, :month) end,
       due_on = case when q.same then e.due_on end,
       entered_on = case when q.same then e.entered_on else :today end,
       round = case when q.same then e.round else 1 end,
       status = case when q.place = 0 then 'done' else e.status end,
       reason = case when q.place = 0 then 'finished' else e.reason end
  from unnest(cast(:old as int[]), cast(:new as int[]), cast(:shift as int[]), cast(:same as boolean[]))
       as q(old, place, shift, same)
 where e.version_id = :before and e.status in {UNDER_WAY} and e.position = q.old
"""  # noqa: S608 - a constant of this module


def move_enrollments(
    tx: Connection,
    *,
    old_version_id: int,
    new_version_id: int,
    moves: Sequence[Move],
    end: int,
    month: int,
    today: date,
) -> int:
    """Those who wait in the old version at a row that is moved go on in the new one; how many.

    end: the position behind the last row, where a person is done.
    """
    if not moves:
        return 0
    values = {
        "before": old_version_id,
        "version": new_version_id,
        "old": [move.old for move in moves],
        "new": [move.new for move in moves],
        "shift": [move.shift for move in moves],
        "same": [move.is_same for move in moves],
        "end": end,
        "month": month,
        "today": today,
    }
    return tx.execute(text(MOVE), values).rowcount


def close_gone(tx: Connection, version_id: int, *, now: datetime) -> None:
    """Mails that waited for a row which is gone, or was skipped, are no longer waited for."""
    tx.execute(
        text(
            """
            update deliveries d set state = 'cancelled', reason = 'row_gone', until = null, settled_at = :now
              from enrollments e
             where e.version_id = :version and d.enrollment_id = e.id and d.state in ('carried_over', 'no_consent')
               and not exists (select 1 from steps s where s.version_id = e.version_id
                      and s.key = d.step_key and s.position >= e.position and e.status <> 'done')
            """
        ),
        {"version": version_id, "now": now},
    )


def plan_soon(tx: Connection, scenario_id: int, *, today: date) -> None:
    """Let the planner look at this scenario's people today: early is harmless."""
    e = t.enrollments
    people = select(e.c.person_id).where(e.c.scenario_id == scenario_id, e.c.status == "active")
    tx.execute(
        update(t.pace).where(t.pace.c.person_id.in_(people), t.pace.c.plan_at > today).values(plan_at=today)
    )
