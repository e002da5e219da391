"""Mails that were planned and have not left: put back, so that the planner asks for their month anew.

A mail that is put back keeps its row and its origin; its slot and its gap are free, and its step is the
enrolment's next one again. Nothing of it is lost, and nothing of it goes by its old date.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from sqlalchemy import Connection, text

from campaigns.storage import holds, settling

# Index ix_deliveries_due: what waits is small beside what was sent, and what is late is its beginning.
LATE = """
select d.id from deliveries d {join}
 where d.state in ('planned', 'retry') and d.send_at < :before and d.class <> 'transactional' and {which}
 order by d.send_at, d.id limit :n
"""
_WHICH = {
    "all": ("", "true"),
    "product": ("", "d.product_id = :id"),
    "scenario": ("join enrollments e on e.id = d.enrollment_id", "e.scenario_id = :id"),
}


def late(
    tx: Connection, *, before: datetime, limit: int, kind: str = "all", id: int | None = None
) -> list[int]:
    """Planned mails whose time lies before that instant, the oldest first. kind, id: as of a hold."""
    join, which = _WHICH[kind]
    query = LATE.format(join=join, which=which)
    return list(tx.execute(text(query), {"before": before, "n": limit, "id": id}).scalars())


def of_person(tx: Connection, person_id: int, *, before: datetime) -> list[int]:
    """A person's planned mails of scenarios before that instant, by their slots."""
    rows = tx.execute(
        text(
            "select d.id from mail_slots s join deliveries d on d.id = s.delivery_id"
            " where s.person_id = :id and d.state in ('planned', 'retry') and d.send_at < :before"
            " and d.class = 'counted'"
        ),
        {"id": person_id, "before": before},
    )
    return list(rows.scalars())


def planned_at(tx: Connection, version_id: int, keys: Sequence[str]) -> list[int]:
    """Planned mails of these rows, of people in this version. Index ix_deliveries_due."""
    return list(
        tx.execute(
            text(
                """
                select d.id from deliveries d join enrollments e on e.id = d.enrollment_id
                 where d.state in ('planned', 'retry') and d.step_key = any(:keys) and e.version_id = :version
                 order by d.id
                """
            ),
            {"version": version_id, "keys": list(keys)},
        ).scalars()
    )


def put_back(
    tx: Connection, ids: Sequence[int], *, reason: str, now: datetime, today: date, zone: str
) -> int:
    """Let these mails be planned anew; how many were.

    What a worker has in hand meanwhile is left to it. Locks pace, enrolments, deliveries in this order, as the
    planner does.
    """
    if not ids:
        return 0
    ids = _with_later(tx, ids)
    holds.lock_people(tx, ids)
    done = list(
        tx.execute(
            text(
                """
                update deliveries set state = 'carried_over', reason = :reason, until = :today, send_at = null,
                       settled_at = :now
                 where id = any(:ids) and state in ('planned', 'retry') returning id
                """
            ),
            {"ids": list(ids), "reason": reason, "today": today, "now": now},
        ).scalars()
    )
    settling.rewind(tx, done)
    settling.free_slots(tx, done, today=today, zone=zone)
    return len(done)


def _with_later(tx: Connection, ids: Sequence[int]) -> list[int]:
    """These, and what is planned besides for the same enrolments: a later step must not overtake."""
    rows = tx.execute(
        text(
            """
            select id from deliveries where id = any(:ids)
            union
            select o.id from deliveries d join deliveries o on o.enrollment_id = d.enrollment_id
             where d.id = any(:ids) and o.state in ('planned', 'retry')
            """
        ),
        {"ids": list(ids)},
    )
    return list(rows.scalars())


def rest(tx: Connection, person_id: int, *, until: date) -> None:
    """Nobody mails a person before that day."""
    tx.execute(
        text("update pace set next_free_on = greatest(next_free_on, :until) where person_id = :id"),
        {"id": person_id, "until": until},
    )
