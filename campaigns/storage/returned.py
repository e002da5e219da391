"""What came back about a mail that was sent: bounces, complaints, and what follows for mailbox and scenario.

Locks are taken in one order: the delivery, its address, the day's counts, the scenario, the stop counter.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, text

from campaigns.rules.returns import Mailed, Week

# Enough for 180 days of monthly mails of several products, answers included.
HISTORY_MAX = 50


@dataclass(frozen=True, slots=True)
class Before:
    """A delivery as it was before this bounce or complaint. day: of its sending, in the installation's zone."""

    bounce: str
    was_complained: bool
    address_id: int | None
    product_id: int
    scenario_id: int
    day: date


# Locked, so that two bounces of one mail are one after the other.
BEFORE = """
select d.bounce, d.complained_at is not null as was_complained, d.address_id,
       coalesce(d.product_id, 0) as product_id,
       coalesce((select e.scenario_id from enrollments e where e.id = d.enrollment_id), 0) as scenario_id,
       (coalesce(d.sent_at, d.settled_at, d.send_at, d.created_at) at time zone :zone)::date as day
  from deliveries d where d.id = :id for update of d
"""


def before(tx: Connection, delivery_id: int, *, zone: ZoneInfo) -> Before | None:
    """The delivery, locked until the transaction ends."""
    row = tx.execute(text(BEFORE), {"id": delivery_id, "zone": zone.key}).first()
    return Before(**row._mapping) if row else None


def bounced(tx: Connection, delivery_id: int, *, hardness: str, words: str, now: datetime) -> None:
    """The mail came back. hardness: hard, soft, or "" where it was our own fault.

    A bounce proves that the mail had left, so nothing is in doubt any more; it is never sent again.
    """
    tx.execute(
        text(
            "update deliveries set bounce = case when bounce = 'hard' or :hardness = '' then bounce"
            " else :hardness end,"
            " bounce_text = case when bounce = 'hard' and :hardness <> 'hard' then bounce_text else :words end,"
            " bounced_at = coalesce(bounced_at, :now),"
            " reason = case when state = 'in_doubt' then 'bounced' else reason end,"
            " settled_at = case when state = 'in_doubt' then :now else settled_at end,"
            " sent_at = case when state = 'in_doubt' then coalesce(sent_at, :now) else sent_at end,"
            " state = case when state = 'in_doubt' then 'sent' else state end where id = :id"
        ),
        {"id": delivery_id, "hardness": hardness, "words": words, "now": now},
    )


def lock_address(tx: Connection, address_id: int) -> None:
    """Soft bounces of two mails to one mailbox are counted one after the other."""
    tx.execute(text("select 1 from addresses where id = :id for update"), {"id": address_id})


# A bounce may be quicker than the settling of its own mail, which is still in a worker's hands then.
# By person: ix_deliveries_person_id; there is no index by address, and a mailbox has few people.
HISTORY = """
select coalesce(d.sent_at, d.settled_at, d.created_at) as sent_at,
       case when d.bounce = 'soft' then d.bounced_at end as came_back,
       d.bounce = 'hard' or (d.bounce = '' and d.bounced_at is not null) as is_unclear,
       greatest((select max(e.at) from tracking_events e where e.delivery_id = d.id),
                (select max(t.at) from touchpoints t
                  where t.person_id = d.person_id and t.delivery_id = d.id and t.kind = 'mail_reply')) as seen_at
  from deliveries d
 where d.person_id in (select id from people where address_id = :address
                        union select person_id from deliveries where id = :delivery)
   and d.address_id = :address and d.state in ('sent', 'handing')
 order by d.sent_at desc nulls last limit :most
"""


def history(tx: Connection, address_id: int, *, delivery_id: int) -> list[Mailed]:
    """The last mails to a mailbox and what became of them."""
    rows = tx.execute(text(HISTORY), {"address": address_id, "delivery": delivery_id, "most": HISTORY_MAX})
    return [Mailed(**row._mapping) for row in rows]


def set_soft(tx: Connection, address_id: int, *, count: int, reason: str, now: datetime) -> None:
    """The mailbox took no mail for now. Dead and complaining ones do not become merely soft again."""
    tx.execute(
        text(
            "update addresses set soft_count = :count, soft_at = :now,"
            " status_reason = case when status in ('hard', 'complaint') then status_reason else :reason end,"
            " status_at = case when status in ('hard', 'complaint') then status_at else :now end,"
            " status = case when status in ('hard', 'complaint') then status else 'soft' end where id = :id"
        ),
        {"id": address_id, "count": count, "reason": reason, "now": now},
    )


def set_dead(tx: Connection, address_id: int, *, reason: str, now: datetime) -> bool:
    """Nobody is written to there again; False when it was so before."""
    row = tx.execute(
        text(
            "update addresses set status = 'hard', status_reason = :reason, status_at = :now"
            " where id = :id and status not in ('hard', 'complaint') returning id"
        ),
        {"id": address_id, "reason": reason, "now": now},
    ).first()
    return row is not None


def alive(tx: Connection, delivery_ids: Sequence[int]) -> int:
    """Signs of life: soft bounces before them count no more. Mails that came back themselves are no sign."""
    done = tx.execute(
        text(
            """
            update addresses a set soft_count = 0, status = case when a.status = 'soft' then 'ok' else a.status end,
                   status_reason = case when a.status = 'soft' then 'alive' else a.status_reason end
              from deliveries d
             where d.id = any(:ids) and a.id = d.address_id and d.bounce = ''
               and (a.soft_count > 0 or a.status = 'soft')
            """
        ),
        {"ids": list(delivery_ids)},
    )
    return done.rowcount


def complained(tx: Connection, delivery_id: int, *, now: datetime) -> None:
    """The recipient called the mail spam: the mailbox is never written to again."""
    values = {"id": delivery_id, "now": now}
    tx.execute(
        text(
            "update deliveries set complained_at = coalesce(complained_at, :now),"
            " reason = case when state = 'in_doubt' then 'seen' else reason end,"
            " settled_at = case when state = 'in_doubt' then :now else settled_at end,"
            " sent_at = case when state = 'in_doubt' then coalesce(sent_at, :now) else sent_at end,"
            " state = case when state = 'in_doubt' then 'sent' else state end where id = :id"
        ),
        values,
    )
    tx.execute(
        text(
            "update addresses a set status = 'complaint', status_reason = 'complaint', status_at = :now"
            " from deliveries d where d.id = :id and a.id = d.address_id"
        ),
        values,
    )


def count(tx: Connection, mail: Before, *, soft: int = 0, hard: int = 0, complaints: int = 0) -> None:
    """Add to the counts of the day that the mail was sent on."""
    tx.execute(
        text(
            "insert into mail_days (day, product_id, scenario_id, soft, hard, complaints)"
            " values (:day, :product, :scenario, :soft, :hard, :complaints)"
            " on conflict (day, product_id, scenario_id) do update set"
            " soft = greatest(0, mail_days.soft + :soft), hard = mail_days.hard + :hard,"
            " complaints = mail_days.complaints + :complaints"
        ),
        {
            "day": mail.day,
            "product": mail.product_id,
            "scenario": mail.scenario_id,
            "soft": soft,
            "hard": hard,
            "complaints": complaints,
        },
    )


def lock_scenario(tx: Connection, scenario_id: int) -> None:
    """Complaints about mails of different days are weighed one after the other."""
    tx.execute(text("select 1 from scenarios where id = :id for no key update"), {"id": scenario_id})


def week(tx: Connection, scenario_id: int, *, first: date, last: date) -> Week:
    """Mails and complaints of a scenario between two days, both included."""
    row = tx.execute(
        text(
            "select coalesce(sum(sent), 0) as sent, coalesce(sum(complaints), 0) as complaints from mail_days"
            " where scenario_id = :id and day between :first and :last"
        ),
        {"id": scenario_id, "first": first, "last": last},
    ).one()
    return Week(int(row.sent), int(row.complaints))


@dataclass(frozen=True, slots=True)
class DailyAlert:
    """An alert of which one a day is enough. about: what it is about, besides the product."""

    kind: str
    product_id: int | None
    user_id: int | None
    about: str
    args: dict[str, object]


def add_daily_alert(tx: Connection, alert: DailyAlert, *, since: datetime, now: datetime) -> bool:
    """Tell once since the start of the day; False when it was told. Waits for a twin of this transaction."""
    mark = f"{alert.kind}:{alert.product_id or 0}:{alert.about}"
    tx.execute(text("select pg_advisory_xact_lock(hashtextextended(:mark, 0))"), {"mark": mark})
    row = tx.execute(
        text(
            """
            insert into alerts (at, kind, product_id, user_id, args)
            select :now, :kind, cast(:product as bigint), cast(:user as bigint), cast(:args as jsonb)
             where not exists (select 1 from alerts where kind = :kind and at >= :since and args ->> 'mark' = :mark)
            returning id
            """
        ),
        {
            "now": now,
            "since": since,
            "kind": alert.kind,
            "product": alert.product_id,
            "user": alert.user_id,
            "mark": mark,
            "args": json.dumps({**alert.args, "mark": mark}),
        },
    ).first()
    return row is not None


def add_dead_checks(tx: Connection, delivery_ids: Sequence[int], *, due_at: datetime, now: datetime) -> int:
    """メールアドレス入手: a task for everybody whom these mails showed to be out of reach. One open a person.

    Only for mailboxes that are dead now; nobody whose address was changed meanwhile is asked about.
    """
    done = tx.execute(
        text(
            """
            insert into tasks (kind, person_id, origin_person_id, company_id, product_id, team, state, cause,
                   priority, due_at, created_at)
            select distinct on (p.id) 'check', p.id, p.id, f.company_id, d.product_id, 'inside', 'open',
                   'address_dead', 3, cast(:due_at as timestamptz), cast(:now as timestamptz)
              from unnest(cast(:ids as bigint[])) as q(id)
              join deliveries d on d.id = q.id
              join addresses a on a.id = d.address_id and a.status = 'hard'
              join people p on p.address_id = a.id and p.merged_into is null and p.excluded_reason = ''
              left join affiliations f on f.person_id = p.id and f.is_current
             where not exists (select 1 from tasks t where t.person_id = p.id and t.kind = 'check'
                     and t.cause = 'address_dead' and t.state in ('open', 'snoozed'))
             order by p.id, d.id
            """
        ),
        {"ids": list(delivery_ids), "due_at": due_at, "now": now},
    )
    return done.rowcount
