"""Tasks and alerts that come from ranks."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from campaigns.rules.actions import ASKED_BY_CUSTOMER, HANDS_OFF
from campaigns.rules.matrix import CELLS
from campaigns.rules.ranks import Rank
from campaigns.storage.bulk import statement

CAUSES = sorted({*CELLS, *(row.cause for row in ASKED_BY_CUSTOMER)})
# Made for a rank that stood or rose; a fall's own actions are meant for whoever has fallen.
HELD_CAUSES = sorted(
    cause for cause, rank in CELLS.items() if rank in (Rank.HOT, Rank.WARM) and not cause.startswith("fell_")
)


@dataclass(frozen=True, slots=True)
class NewTask:
    """A task of the action matrix. why: ids of the touchpoints that caused it, oldest first."""

    lead_id: int
    kind: str
    team: str
    cause: str
    why: tuple[int, ...]
    priority: int
    due_at: datetime


def add_tasks(tx: Connection, tasks: Sequence[NewTask], *, now: datetime) -> list[int]:
    """Open tasks, one a lead and kind (uq_tasks_open); returns the ids of those that are new."""
    if not tasks:
        return []
    rows = tx.execute(
        statement(
            """
            insert into tasks (kind, person_id, origin_person_id, company_id, product_id, lead_id, team, state,
                   cause, why, priority, due_at, created_at)
            select q.kind, l.person_id, l.person_id, f.company_id, l.product_id, l.id, q.team, 'open', q.cause,
                   cast(q.why as jsonb), q.priority, q.due_at, :now
              from unnest(cast(:lead_id as bigint[]), cast(:kind as text[]), cast(:team as text[]),
                     cast(:cause as text[]), cast(:why as text[]), cast(:priority as int[]),
                     cast(:due_at as timestamptz[])) as q(lead_id, kind, team, cause, why, priority, due_at)
              join product_leads l on l.id = q.lead_id
              left join affiliations f on f.person_id = l.person_id and f.is_current
            on conflict (lead_id, kind) where state in ('open', 'snoozed') and lead_id is not null do nothing
            returning id
            """
        ),
        {
            "lead_id": [task.lead_id for task in tasks],
            "kind": [task.kind for task in tasks],
            "team": [task.team for task in tasks],
            "cause": [task.cause for task in tasks],
            "why": [json.dumps(task.why) for task in tasks],
            "priority": [task.priority for task in tasks],
            "due_at": [task.due_at for task in tasks],
            "now": now,
        },
    )
    return [row.id for row in rows]


def cancel(
    tx: Connection, lead_ids: Sequence[int], declined: Sequence[int], cooled: Sequence[int], *, now: datetime
) -> int:
    """Take back tasks that have lost their ground; promised call-backs stay.

    declined: leads that refused. cooled: leads that have become そのうち客, whom nobody calls, visits or writes to by
    hand (S1-19), not even again; a visit that is agreed stays. Of the others, tasks all of whose touchpoints have turned out to be
    machines'. Tasks that somebody is just working on (locked) are left to that person.
    """
    done = tx.execute(
        statement(
            """
            update tasks t set state = 'cancelled', done_at = :now, draft = null, version = version + 1,
                   outcome = case when t.lead_id = any(:declined) then 'declined' when t.lead_id = any(:cooled) then 'cooled'
                                  else 'retracted' end
              from (select t.id from tasks t
                     where t.lead_id = any(:ids) and t.state in ('open', 'snoozed') and t.promised_at is null
                       and t.cause = any(:causes) and (t.tries = 0 or t.lead_id = any(:cooled))
                       and (t.lead_id = any(:declined)
                            or (t.lead_id = any(:cooled) and t.kind in ('call', 'visit', 'mail', 'invite')
                                and t.cause = any(:held_causes) and not exists (
                                select 1 from appointments a where a.task_id = t.id and a.state = 'planned'))
                            or (t.tries = 0 and jsonb_array_length(t.why) > 0 and not exists (
                                select 1 from jsonb_array_elements_text(t.why) as w(id)
                                  join touchpoints p on p.id = cast(w.id as bigint) where p.validity > 0)))
                       for update skip locked) gone
             where t.id = gone.id
            """
        ),
        {
            "ids": list(lead_ids),
            "declined": list(declined),
            "cooled": list(cooled),
            "causes": CAUSES,
            "held_causes": HELD_CAUSES,
            "now": now,
        },
    )
    return done.rowcount


@dataclass(frozen=True, slots=True)
class Alert:
    """Somebody should look. user_id None: whoever looks first."""

    kind: str
    person_id: int | None
    product_id: int | None
    lead_id: int | None
    user_id: int | None
    args: dict[str, object]


def add_alerts(tx: Connection, alerts: Sequence[Alert], *, now: datetime) -> list[int]:
    """Alerts for the badge; returns their ids, in the order given."""
    if not alerts:
        return []
    rows = tx.execute(
        statement(
            """
            insert into alerts (at, kind, person_id, product_id, lead_id, user_id, args)
            select :now, q.kind, q.person_id, q.product_id, q.lead_id, q.user_id, cast(q.args as jsonb)
              from unnest(cast(:kind as text[]), cast(:person_id as bigint[]), cast(:product_id as bigint[]),
                     cast(:lead_id as bigint[]), cast(:user_id as bigint[]), cast(:args as text[]))
                with ordinality as q(kind, person_id, product_id, lead_id, user_id, args, n)
             order by q.n
            returning id
            """
        ),
        {
            "kind": [alert.kind for alert in alerts],
            "person_id": [alert.person_id for alert in alerts],
            "product_id": [alert.product_id for alert in alerts],
            "lead_id": [alert.lead_id for alert in alerts],
            "user_id": [alert.user_id for alert in alerts],
            "args": [json.dumps(alert.args) for alert in alerts],
            "now": now,
        },
    )
    return sorted(row.id for row in rows)


@dataclass(frozen=True, slots=True)
class Named:
    """How a person is called in a notice."""

    name: str
    company: str


def names(tx: Connection, person_ids: Sequence[int]) -> dict[int, Named]:
    """Names and companies of these people."""
    rows = tx.execute(
        statement(
            "select p.id, p.full_name, coalesce(co.name, '') as company from people p"
            " left join affiliations f on f.person_id = p.id and f.is_current"
            " left join companies co on co.id = f.company_id where p.id = any(:ids)"
        ),
        {"ids": list(person_ids)},
    )
    return {row.id: Named(row.full_name, row.company) for row in rows}


@dataclass(frozen=True, slots=True)
class Reader:
    """A user who is told by mail."""

    user_id: int
    email: str
    locale: str


def readers(tx: Connection, user_ids: Sequence[int]) -> list[Reader]:
    """Active users among these."""
    rows = tx.execute(
        statement("select id, email, locale from users where id = any(:ids) and is_active order by id"),
        {"ids": list(user_ids)},
    )
    return [Reader(row.id, row.email, row.locale) for row in rows]


def remeasure(tx: Connection, *, day: datetime, quota: int) -> dict[int, int]:
    """Silent leads to be called today, {lead id: person id}: best class first, then who was nearest last.

    day: the start of today; calls that the quota has made since then, and those still open that somebody may make,
    count against it.
    """
    rows = tx.execute(
        statement(
            """
            select l.id, l.person_id
              from product_leads l
              join people p on p.id = l.person_id and p.merged_into is null and p.excluded_reason = ''
              join products pr on pr.id = l.product_id and pr.is_active
              left join affiliations f on f.person_id = p.id and f.is_current
              left join companies co on co.id = f.company_id
             where l.rank = 'unobserved' and l.state <> all(:hands_off)
               and not p.do_not_call and not p.phone_invalid
               and p.tel || p.tel_direct || p.mobile || coalesce(co.tel, '') <> ''
               and (l.no_call_before is null or l.no_call_before <= :day)
               and not exists (select 1 from tasks t where t.person_id = p.id and t.kind = 'call'
                                  and (t.state in ('open', 'snoozed') or t.created_at > :day))
             order by array_position(array['A', 'B', 'C1', 'C2', 'D', 'E', '-'], coalesce(co.class, '-')),
                      l.score desc, l.last_touch_at desc nulls last, l.id
             limit greatest(0, :quota - (select count(*) from tasks t join people q on q.id = t.person_id
                                          where t.kind = 'call' and t.cause = 'silent'
                                            and (t.created_at >= :day or t.state in ('open', 'snoozed')
                                                 and not q.do_not_call and not q.phone_invalid
                                                 and q.excluded_reason = '')))
            """
        ),
        {"hands_off": sorted(HANDS_OFF), "day": day, "quota": quota},
    )
    return {row.id: row.person_id for row in rows}


def call_capacity(tx: Connection) -> int:
    """Calls that inside sales can make a day."""
    return int(tx.execute(statement("select call_capacity_per_day from house")).scalar() or 0)
