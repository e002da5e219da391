"""Alerts to those whose yes is waited for, and to who asked; each leads to the page where it is answered."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

TELL_APPROVERS = """
insert into alerts (at, kind, product_id, user_id, args)
select :now, 'broadcast_asked', s.product_id, u.id,
       jsonb_build_object('broadcast', s.id, 'name', s.name, 'n', cast(:n as int), 'by', coalesce(a.name, ''))
  from scenarios s
  join users u on u.is_active and u.role in ('marketer', 'admin') and u.id is distinct from :by
  left join users a on a.id = :by
 where s.id = :id
"""


def tell_approvers(tx: Connection, broadcast_id: int, *, people: int, by: int | None, now: datetime) -> None:
    """Everybody who may say yes to a broadcast: all but who asked. people: whom it reaches."""
    tx.execute(text(TELL_APPROVERS), {"id": broadcast_id, "n": people, "by": by, "now": now})


def answered(tx: Connection, broadcast_id: int, *, now: datetime) -> None:
    """Nobody is waited for any more: the alerts of a request are done. Index ix_alerts_kind_at."""
    tx.execute(
        text(
            "update alerts set seen_at = :now where kind = 'broadcast_asked' and seen_at is null"
            " and args->'broadcast' = to_jsonb(cast(:id as bigint))"
        ),
        {"id": broadcast_id, "now": now},
    )


def tell_asker(
    tx: Connection, broadcast_id: int, *, user_id: int | None, yes: bool, reason: str, now: datetime
) -> None:
    """Who asked learns the answer. reason: of a no."""
    tx.execute(
        text(
            "insert into alerts (at, kind, product_id, user_id, args)"
            " select :now, :kind, s.product_id, u.id,"
            " jsonb_build_object('broadcast', s.id, 'name', s.name, 'reason', cast(:reason as text))"
            " from scenarios s join users u on u.id = :user where s.id = :id"
        ),
        {
            "id": broadcast_id,
            "user": user_id,
            "kind": "broadcast_approved" if yes else "broadcast_refused",
            "reason": reason,
            "now": now,
        },
    )


# One line an owner and scenario while it is unread, however many people join later.
TELL_OWNERS = """
insert into alerts (at, kind, product_id, user_id, args)
select :now, 'owner_asked', s.product_id, q.owner_user_id,
       jsonb_build_object('scenario', s.id, 'name', s.name, 'n', q.n)
  from (select e.scenario_id, co.owner_user_id, count(*) as n
          from enrollments e
          join affiliations f on f.person_id = e.person_id and f.is_current
          join companies co on co.id = f.company_id
         where e.status = 'asked' and e.created_at = :now and co.owner_user_id is not null
         group by 1, 2) q
  join scenarios s on s.id = q.scenario_id
 where not exists (select 1 from alerts a where a.user_id = q.owner_user_id and a.seen_at is null
                      and a.kind = 'owner_asked' and a.args->'scenario' = to_jsonb(q.scenario_id))
"""


def tell_owners(tx: Connection, *, now: datetime) -> None:
    """Owners whose people were enrolled at this instant and wait for their yes. Index ix_enrollments_asked."""
    tx.execute(text(TELL_OWNERS), {"now": now})


@dataclass(frozen=True, slots=True)
class Request:
    """A broadcast that waits for a second person. people: whom it reaches."""

    id: int
    name: str
    asked_name: str
    asked_at: datetime
    people: int


def requests(tx: Connection, *, user_id: int, limit: int) -> tuple[Request, ...]:
    """Broadcasts that this user may say yes to, the oldest first. Index ix_broadcasts_asked."""
    rows = tx.execute(
        text(
            "select s.id, s.name, coalesce(u.name, '') as asked_name, b.asked_at, b.people"
            " from broadcasts b join scenarios s on s.id = b.scenario_id left join users u on u.id = b.asked_by"
            " where b.state = 'asked' and b.asked_by is distinct from :user"
            " order by b.asked_at, s.id limit :n"
        ),
        {"user": user_id, "n": limit},
    )
    return tuple(Request(**row._mapping) for row in rows)
