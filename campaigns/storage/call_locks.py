"""Who has whom on the phone: a row a company, or a person of whom no company is known, with the time it ends."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text


@dataclass(frozen=True, slots=True)
class Lock:
    """user: the name of whoever holds it."""

    user_id: int
    user: str
    token: str
    taken_at: datetime
    until: datetime


SUBJECT = """
(select case when f.company_id is null then 'person:' || t.person_id else 'company:' || f.company_id end
   from tasks t left join affiliations f on f.person_id = t.person_id and f.is_current where t.id = :task)
"""
# A lock that has ended, or one's own, is taken over; one's own keeps the time it was taken at.
TAKE = f"""
insert into call_locks as k (subject, task_id, user_id, token, taken_at, until)
select s.subject, :task, :me, :token, :now, :until from {SUBJECT} as s(subject) where s.subject is not null
on conflict (subject) do update set task_id = excluded.task_id, user_id = excluded.user_id, token = excluded.token,
   taken_at = case when k.user_id = excluded.user_id and k.until > :now and k.task_id = excluded.task_id
              then k.taken_at else excluded.taken_at end,
   until = excluded.until
 where k.until <= :now or k.user_id = excluded.user_id
returning subject
"""  # noqa: S608 - of this module's own text


def take(tx: Connection, task_id: int, *, user_id: int, token: str, now: datetime, until: datetime) -> bool:
    """Take a call's company, or its person; False while somebody else has it."""
    row = tx.execute(
        text(TAKE), {"task": task_id, "me": user_id, "token": token, "now": now, "until": until}
    ).first()
    return row is not None


# Whoever stands in line for one row waits no longer than the row before: the next line is as good.
FIRST = f"select pg_try_advisory_xact_lock({6_301_772}, hashtext({SUBJECT}))"


def is_first(tx: Connection, task_id: int) -> bool:
    """Whether nobody else is taking this company in this very moment."""
    return bool(tx.execute(text(FIRST), {"task": task_id}).scalar())


def of(tx: Connection, task_id: int, *, now: datetime) -> Lock | None:
    """Who has the company of this call, or its person."""
    row = tx.execute(
        text(
            "select k.user_id, u.name as user, k.token, k.taken_at, k.until from call_locks k"  # noqa: S608
            f" join users u on u.id = k.user_id where k.subject = {SUBJECT} and k.until > :now"
        ),
        {"task": task_id, "now": now},
    ).first()
    return Lock(**row._mapping) if row else None


def renew(tx: Connection, task_id: int, *, token: str, until: datetime) -> bool:
    """The page is still open; False when it holds nothing any more."""
    done = tx.execute(
        text("update call_locks set until = :until where task_id = :task and token = :token"),
        {"task": task_id, "token": token, "until": until},
    )
    return int(done.rowcount) == 1


def free(tx: Connection, task_id: int, *, user_id: int, token: str | None = None) -> None:
    """Give a call back. token: of the page that leaves; another page of the same user keeps it."""
    tx.execute(
        text(
            "delete from call_locks where task_id = :task and user_id = :me"
            " and (cast(:token as text) is null or token = :token)"
        ),
        {"task": task_id, "me": user_id, "token": token},
    )


def forget(tx: Connection, *, now: datetime) -> int:
    """Remove what has ended."""
    return int(tx.execute(text("delete from call_locks where until <= :now"), {"now": now}).rowcount)


FREE = """
select t.version from tasks t
  join people p on p.id = t.person_id and p.merged_into is null
  left join product_leads l on l.id = t.lead_id
  left join affiliations f on f.person_id = p.id and f.is_current
 where t.id = :task and t.kind = 'call' and t.state = 'open'
   and not p.do_not_call and not p.phone_invalid and p.excluded_reason = ''
   and coalesce(l.state, '') <> 'with_sales'
   and (t.not_before is null or t.not_before <= :now or t.promised_at is not null)
   and not exists (select 1 from call_attempts a where a.person_id = p.id and a.settles_at is not null)
   and (t.promised_at is not null or not exists (
        select 1 from call_attempts a join affiliations o on o.person_id = a.person_id and o.is_current
         where a.at >= :day and a.user_id is distinct from :me and o.company_id = f.company_id))
"""


def is_free(tx: Connection, task_id: int, *, user_id: int, now: datetime, day: datetime) -> bool:
    """Whether this call may be made now as everything stands; asked again after the lock is taken."""
    values = {"task": task_id, "me": user_id, "now": now, "day": day}
    return tx.execute(text(FREE), values).first() is not None
