"""How mail flows now: how fast, what waits, and for which domains. Nothing here counts all deliveries."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection, text

# More waits than anybody reads by domain: the oldest of it are looked at, and the page says so.
LOOKED_AT = 10_000


@dataclass(frozen=True, slots=True)
class Course:
    """Whether mail flows. due: to be handed over by now; since: since when the oldest of them.

    today: later on the same day; away: waits because the mail server did not answer; retry: of due and today,
    those that were tried before.
    """

    paused: bool
    paused_reason: str
    due: int
    since: datetime | None
    today: int
    retry: int
    away: int
    handing: int
    next_at: datetime | None


COURSE = """
select s.paused, s.paused_reason, w.due, w.since, w.today, w.retry, w.away,
       (select count(*) from deliveries where state = 'handing') as handing,
       (select min(send_at) from deliveries where state in ('planned', 'retry')) as next_at
  from stops s,
       (select count(*) filter (where send_at <= :now) as due,
               min(send_at) filter (where send_at <= :now) as since,
               count(*) filter (where send_at > :now) as today,
               count(*) filter (where state = 'retry') as retry,
               count(*) filter (where state = 'retry' and reason = 'smtp_away') as away
          from deliveries where state in ('planned', 'retry') and send_at < :tomorrow) w
 where s.id = 1
"""


def course(tx: Connection, *, now: datetime, tomorrow: datetime) -> Course:
    """How sending stands now. tomorrow: the day's end. Indexes ix_deliveries_due, ix_deliveries_handing."""
    return Course(*tx.execute(text(COURSE), {"now": now, "tomorrow": tomorrow}).one())


@dataclass(frozen=True, slots=True)
class Rate:
    """Mails sent in the last minute, hour and by day; mails a minute follow from them."""

    minute: int
    hour: int
    today: int
    yesterday: int
    failed: int
    bounced: int


RATE = """
select s.minute, s.hour, m.today, m.yesterday, m.failed, m.bounced
  from (select coalesce(sum(sent) filter (where settled_at > cast(:now as timestamptz) - interval '1 minute'), 0)
                 as minute,
               coalesce(sum(sent), 0) as hour
          from claims where settled_at <= :now and settled_at > cast(:now as timestamptz) - interval '1 hour') s,
       (select coalesce(sum(sent) filter (where day = :today), 0) as today,
               coalesce(sum(sent) filter (where day < :today), 0) as yesterday,
               coalesce(sum(failed) filter (where day = :today), 0) as failed,
               coalesce(sum(hard + soft) filter (where day = :today), 0) as bounced
          from mail_days where day between cast(:today as date) - 1 and :today) m
"""


def rate(tx: Connection, *, now: datetime, today: date) -> Rate:
    """How fast mail leaves, by its batches. Index ix_claims_settled_at; whole days come from mail_days."""
    return Rate(*tx.execute(text(RATE), {"now": now, "today": today}).one())


@dataclass(frozen=True, slots=True)
class Waiting:
    """Mails of today that wait for a domain. due: those whose time has come; retry: tried before."""

    domain: str
    n: int
    due: int
    retry: int
    code: int | None
    words: str


WAITING = """
select a.domain, count(*) as n, count(*) filter (where q.send_at <= :now) as due,
       count(*) filter (where q.state = 'retry') as retry,
       (array_agg(q.smtp_code order by q.settled_at desc nulls last) filter (where q.state = 'retry'))[1] as code,
       coalesce((array_agg(q.smtp_text order by q.settled_at desc nulls last)
                 filter (where q.state = 'retry'))[1], '') as words
  from (select address_id, send_at, state, smtp_code, smtp_text, settled_at from deliveries
         where state in ('planned', 'retry') and send_at < :tomorrow order by send_at, id limit :most) q
  join addresses a on a.id = q.address_id
 group by a.domain order by retry desc, n desc, a.domain limit :limit
"""


def waiting(tx: Connection, *, now: datetime, tomorrow: datetime, limit: int) -> tuple[Waiting, ...]:
    """Domains for which mail waits today, the troubled first. Index ix_deliveries_due."""
    values = {"now": now, "tomorrow": tomorrow, "most": LOOKED_AT, "limit": limit}
    return tuple(Waiting(*row) for row in tx.execute(text(WAITING), values))
