"""Rescheduling: planned mails with what binds their day, and putting them on another one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection, text

from campaigns.storage import holds, settling

MOST = 100_000  # mails of one move; more of them are moved by moving again


@dataclass(frozen=True, slots=True)
class Movable:
    """A planned mail with what binds its day. before, after: days of the nearest other mails of the person."""

    id: int
    person_id: int
    address_id: int | None
    company_id: int | None
    company_class: str
    klass: str
    day: date
    valid_until: date | None
    windows: Sequence[Sequence[int]]
    before: date | None
    after: date | None


# Others of the person or the mailbox: only the months beside this one can be nearer than the gap.
MOVABLE = """
with d as (
  select d.id, d.person_id, d.address_id, d.product_id, d.class, d.month, d.valid_until,
         (d.send_at at time zone :zone)::date as day
    from deliveries d left join enrollments e on e.id = d.enrollment_id
   where d.state = 'planned' and d.class <> 'transactional' and d.person_id is not null
     and d.send_at >= :begin and d.send_at < :end
     and (cast(:ids as bigint[]) is null or d.id = any(:ids))
     and (cast(:scenario as bigint) is null or e.scenario_id = :scenario)
     and (:key = '' or d.step_key = :key)
   order by d.id limit :limit)
select d.id, d.person_id, d.address_id, f.company_id, coalesce(co.class, '-') as company_class, d.class as klass,
       d.day, d.valid_until, p.windows,
       (select max(o.day) from lateral (
          select (coalesce(x.sent_at, x.send_at) at time zone :zone)::date as day
            from mail_slots s join deliveries x on x.id = s.delivery_id
           where s.month between d.month - 1 and d.month + 1 and s.delivery_id <> d.id
             and (s.person_id = d.person_id or s.address_id = d.address_id)) o where o.day <= d.day) as before,
       (select min(o.day) from lateral (
          select (coalesce(x.sent_at, x.send_at) at time zone :zone)::date as day
            from mail_slots s join deliveries x on x.id = s.delivery_id
           where s.month between d.month - 1 and d.month + 1 and s.delivery_id <> d.id
             and (s.person_id = d.person_id or s.address_id = d.address_id)) o where o.day > d.day) as after
  from d
  join products p on p.id = d.product_id
  left join affiliations f on f.person_id = d.person_id and f.is_current
  left join companies co on co.id = f.company_id
 order by d.id
"""


@dataclass(frozen=True, slots=True)
class Group:
    """Planned mails of a day: by id, or all of a scenario's step. begin, end: the day's instants."""

    begin: datetime
    end: datetime
    ids: tuple[int, ...] | None = None
    scenario_id: int | None = None
    step_key: str = ""


def movable(tx: Connection, group: Group, *, zone: str) -> list[Movable]:
    """The planned mails of a group, in their order, held until the transaction ends. Index ix_deliveries_due.

    What a worker has in hand meanwhile is left to it.
    """
    values = {
        "begin": group.begin,
        "end": group.end,
        "zone": zone,
        "ids": None if group.ids is None else list(group.ids),
        "scenario": group.scenario_id,
        "key": group.step_key,
        "limit": MOST,
    }
    ids = list(tx.execute(text(f"select q.id from ({MOVABLE}) q"), values).scalars())  # noqa: S608
    holds.lock_people(tx, ids)
    tx.execute(text("select id from deliveries where id = any(:ids) order by id for update"), {"ids": ids})
    # Asked again behind the locks: what was planned, moved or sent meanwhile is seen as it is.
    return [Movable(**row._mapping) for row in tx.execute(text(MOVABLE), {**values, "ids": ids})]


def move(tx: Connection, rows: Sequence[tuple[int, datetime]], *, zone: str) -> None:
    """(delivery id, instant): send then; the gap of person and mailbox goes along."""
    if not rows:
        return
    ids = [id for id, _ in rows]
    tx.execute(
        text(
            "update deliveries d set send_at = q.at from unnest(cast(:ids as bigint[]),"
            " cast(:at as timestamptz[])) as q(id, at) where d.id = q.id and d.state = 'planned'"
        ),
        {"ids": ids, "at": [at for _, at in rows]},
    )
    for table, column, key in (("pace", "person_id", "person_id"), ("addresses", "id", "address_id")):
        # A gap that reaches further than this mail's own (a colleague's letter) stays.
        gap_end = settling.GAP_END.format(column=key, id=f"x.{column}")
        tx.execute(
            text(
                f"update {table} x set next_free_on = {gap_end} from deliveries d"  # noqa: S608
                f" where d.id = any(:ids) and x.{column} = d.{key}"
            ),
            {"ids": ids, "zone": zone},
        )


def hurry_decisions(tx: Connection, days: Sequence[tuple[date, date]]) -> int:
    """(day, earlier day): decisions due on the one are due on the other; how many people. Index ix_pace_plan_at."""
    done = tx.execute(
        text(
            "update pace set plan_at = q.earlier from unnest(cast(:days as date[]), cast(:earlier as date[]))"
            " as q(day, earlier) where pace.plan_at = q.day"
        ),
        {"days": [day for day, _ in days], "earlier": [earlier for _, earlier in days]},
    )
    return done.rowcount


def cap_max(tx: Connection) -> int:
    """Counted mails a person may get in a month."""
    return int(tx.execute(text("select cap_max from house")).scalar() or 1)
