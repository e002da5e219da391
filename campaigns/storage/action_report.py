"""What came of each action that people did: a call, a fax, a visit, a mail of their own (S2-02).

A call is every attempt, a visit every appointment that was kept, a fax each person it was sent to; any other action is
the task that was done. connected: the call was answered, the visit met somebody, or a talk followed within
CONNECT_DAYS. met: an appointment was made by it, or within MEET_DAYS. Talks and appointments about another product are
no result of it. won: an order of the same lead afterwards, whenever. Rank: as it was at that moment.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

from campaigns.rules.appointments import Result
from campaigns.rules.outcomes import REACHED
from campaigns.storage.report_rows import Cell, Facts, binds, counted, month

CONNECT_DAYS = 30
MEET_DAYS = 60
_ANSWERED = ", ".join(f"'{result}'" for result in sorted(REACHED))
# ix_call_attempts_at, ix_appointments_starts_at, ix_tasks_done_at, ix_touchpoints_contacts. A visit is dated when it was,
# not when somebody found the time to report it. A fax to a list by ranks has no task: what it leaves is its touch.
_DONE = """
select a.person_id, a.at, 'call' as kind, a.result, t.product_id, t.lead_id, t.id as task_id,
       null::bigint as appointment_id
  from call_attempts a join tasks t on t.id = a.task_id
 where a.at >= :since and a.at < :until
union all
select a.person_id, a.starts_at, 'visit', a.result, a.product_id, a.lead_id, a.task_id, a.id
  from appointments a
 where a.starts_at >= :since and a.starts_at < :until and a.state = 'held'
union all
select t.person_id, t.done_at, t.kind, t.outcome, t.product_id, t.lead_id, t.id, null
  from tasks t
 where t.done_at >= :since and t.done_at < :until and t.state = 'done'
   and t.kind in ('fax', 'visit', 'mail', 'invite', 'intro')
   and not exists (select 1 from appointments a where a.task_id = t.id and a.state = 'held')
union all
select x.person_id, x.at, 'fax', 'sent', x.product_id,
       (select l.id from product_leads l where l.person_id = x.person_id and l.product_id = x.product_id), null, null
  from touchpoints x
 where x.kind = 'fax_sent' and x.at >= :since and x.at < :until and x.validity > 0 and x.task_id is null
   and x.import_batch_id is null
"""
_ABOUT = "({one}.product_id is null or d.product_id is null or {one}.product_id = d.product_id)"
# The last move before it; of a lead that moved only later, what it moved from; else what it is.
_RANK = """coalesce((select c.new from rank_changes c where c.lead_id = d.lead_id and c.at <= d.at
                      order by c.at desc, c.id desc limit 1),
                   (select c.old from rank_changes c where c.lead_id = d.lead_id order by c.at, c.id limit 1),
                   l.rank, 'unobserved')"""
FACTS = f"""
select d.person_id, d.at, null::bigint as delivery_id, coalesce(co.name, '') as what, d.product_id, d.kind,
       {month("d.at")} as month, {_RANK} as rank,
       case when d.kind = 'call' then d.result in ({_ANSWERED})
            when d.appointment_id is not null then d.result <> '{Result.ABSENT}'
            else exists (
         select 1 from touchpoints x where x.person_id = d.person_id and x.kind = any(:talks) and x.validity > 0
            and x.at >= d.at and x.at < d.at + interval '{CONNECT_DAYS} days' and {_ABOUT.format(one="x")})
       end as is_connected,
       d.result = 'appointment' or exists (
         select 1 from appointments a where a.person_id = d.person_id and a.state <> 'cancelled'
            and a.id is distinct from d.appointment_id and {_ABOUT.format(one="a")}
            and a.created_at >= d.at and a.created_at < d.at + interval '{MEET_DAYS} days') as is_met,
       exists (select 1 from opportunities o where o.lead_id = d.lead_id and o.result = 'won' and o.closed_at >= d.at)
         or exists (select 1 from hand_offs h where h.lead_id = d.lead_id and h.state = 'won'
                       and h.resolved_at >= d.at) as is_won
  from ({_DONE}) d
  left join product_leads l on l.id = d.lead_id
  left join affiliations f on f.person_id = d.person_id and f.is_current
  left join companies co on co.id = f.company_id
 where (:product = 0 or d.product_id = :product) and {{near}}
"""  # noqa: S608 - constants
MEASURES: Mapping[str, str] = {
    "done": "true",
    "connected": "f.is_connected",
    "met": "f.is_met",
    "won": "f.is_won",
}
DIMS: Mapping[str, str] = {"kind": "f.kind = :kind", "rank": "f.rank = :rank"}
ROWS = Facts(FACTS, MEASURES, DIMS, near={"kind": "d.kind = :kind"})


@dataclass(frozen=True, slots=True)
class Acted:
    """Actions of one kind to leads of one rank in one month. product_id: 0 for none."""

    kind: str
    rank: str
    month: int
    product_id: int
    figures: Mapping[str, int]


COUNT = f"""
select f.kind, f.rank, f.month, coalesce(f.product_id, 0) as product_id, {counted(MEASURES)}
  from ({FACTS.replace("{near}", "true")}) f group by 1, 2, 3, 4
"""  # noqa: S608 - constants


def count(tx: Connection, *, since: datetime, until: datetime, zone: str) -> list[Acted]:
    values = binds(Cell("actions", "done", since, until), zone)
    return [
        Acted(row.kind, row.rank, row.month, row.product_id, {name: row._mapping[name] for name in MEASURES})
        for row in tx.execute(text(COUNT), values)
    ]
