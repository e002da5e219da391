"""What happened: one row an event of the work, for the overview's months.

people who came in, mails sent, clicks by people, conversations, refusals, leads that became hot, hand-offs, orders
(by the hand-off, or by the opportunity where a rep brought it).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

from campaigns.storage.report_rows import Cell, Facts, binds, month

# Each yields what happened, to whom, when, and about which product; :what leaves one of them.
_PARTS: Mapping[str, str] = {
    "came": """select p.id as person_id, p.created_at as at, null::bigint as delivery_id, null::bigint as product_id,
                      '' as what from people p where p.merged_into is null and p.excluded_reason = ''
                  and p.created_at >= :since and p.created_at < :until""",
    "sent": """select d.person_id, d.sent_at, d.id, d.product_id, coalesce(c.title, '') from deliveries d
                 left join contents c on c.id = d.content_id
                where d.state = 'sent' and d.class <> 'transactional'
                  and d.sent_at >= :since and d.sent_at < :until""",
    # By the name of the mail: an address tells nobody what was read.
    "clicked": """select tp.person_id, tp.at, tp.delivery_id, tp.product_id,
                         coalesce(nullif(c.title, ''), tp.url) from touchpoints tp
                    left join deliveries d on d.id = tp.delivery_id left join contents c on c.id = d.content_id
                   where tp.kind = 'mail_click' and tp.validity > 0 and tp.at >= :since and tp.at < :until""",
    "talked": """select tp.person_id, tp.at, null, tp.product_id, '' from touchpoints tp
                  where tp.kind = any(:talks) and tp.validity > 0 and tp.at >= :since and tp.at < :until""",
    "refused": """select s.person_id, s.at, s.delivery_id, s.product_id, '' from suppressions s
                   where s.scope in ('product', 'global') and s.lifted_at is null
                     and s.reason not in ('bounce', 'admin', 'erasure', 'import')
                     and s.at >= :since and s.at < :until""",
    "hot": """select l.person_id, c.at, null, l.product_id, '' from rank_changes c join product_leads l on l.id = c.lead_id
               where c.new = 'hot' and c.at >= :since and c.at < :until""",
    "handed": """select l.person_id, h.created_at, null, h.product_id, '' from hand_offs h
                   join product_leads l on l.id = h.lead_id where h.state not in ('proposed', 'held', 'withdrawn')
                    and h.created_at >= :since and h.created_at < :until""",
    "won": """select l.person_id, h.resolved_at, null, h.product_id, '' from hand_offs h
                join product_leads l on l.id = h.lead_id
               where h.state = 'won' and h.resolved_at >= :since and h.resolved_at < :until
              union all
              select l.person_id, o.closed_at, null, o.product_id, '' from opportunities o
                join product_leads l on l.id = o.lead_id
               where o.result = 'won' and o.hand_off_id is null and o.closed_at >= :since and o.closed_at < :until""",
}
NAMES = tuple(_PARTS)
# Who came in belongs to no product.
_PRODUCT = "where :product = 0 or q.product_id = :product"
ROWS: Mapping[str, Facts] = {
    name: Facts(
        f"select * from ({_PARTS['came']} and false union all {sql}) q {_PRODUCT}",  # noqa: S608 - constants
        {"all": "true"},
        # The same days of each month, so that a month under way is compared with as much of the one before.
        {"days": "extract(day from f.at at time zone :zone) <= :days"},
    )
    for name, sql in _PARTS.items()
}


@dataclass(frozen=True, slots=True)
class Happened:
    """How often something happened in one month. figures: all, and days: until the same day of the month as today."""

    name: str
    month: int
    product_id: int
    figures: Mapping[str, int]


def count(tx: Connection, *, days: int, since: datetime, until: datetime, zone: str) -> list[Happened]:
    """days: today's day of the month."""
    parts = " union all ".join(
        f"select '{name}' as name, {month('f.at')} as month, coalesce(f.product_id, 0) as product_id, count(*) as every,"  # noqa: S608 - constants
        f" count(*) filter (where {facts.dims['days']}) as days from ({facts.query()}) f group by 2, 3"
        for name, facts in ROWS.items()
    )
    values = binds(Cell("overview", "all", since, until, dims={"days": days}), zone)
    return [
        Happened(row.name, row.month, row.product_id, {"all": row.every, "days": row.days})
        for row in tx.execute(text(parts), values)
    ]


# S1-07: whoever may be written to about any product of theirs, and has had no touch and has no planned step for so many days.
# A machine's click and an opening are no touch; a scenario that stands still, a question nobody answers and a task
# that everybody lets lie are no step.
FORGOTTEN = """
select p.id as person_id, p.created_at as at, null::bigint as delivery_id, null::bigint as product_id, '' as what
  from people p join addresses a on a.id = p.address_id and a.status not in ('hard', 'complaint')
 where p.merged_into is null and p.excluded_reason = '' and p.created_at < :until and p.created_at >= :since
   and exists (select 1 from consents c where c.address_id = a.id and c.withdrawn_at is null)
   and not exists (select 1 from suppressions s where s.key_hash = a.key_hash and s.scope = 'global'
                      and s.lifted_at is null)
   and not exists (select 1 from (
         select m.id from suppressions s join addresses b on b.key_hash = s.key_hash join people m on m.address_id = b.id
          where s.scope = 'product' and s.lifted_at is null
            and not exists (select 1 from product_leads l
                             where l.person_id = m.id and not exists (
                                   select 1 from suppressions r where r.key_hash = s.key_hash and r.lifted_at is null
                                      and r.scope = 'product' and r.product_id = l.product_id))) refused
                    where refused.id = p.id)
   and not exists (select 1 from touchpoints tp where tp.person_id = p.id and tp.at >= :until
                      and tp.validity > 0 and tp.kind <> 'mail_open')
   and not exists (select 1 from deliveries d where d.person_id = p.id and d.class <> 'transactional'
                      and (d.state in ('planned', 'handing', 'retry') or d.state = 'sent' and d.sent_at >= :until))
   and not exists (select 1 from enrollments e join scenarios s on s.id = e.scenario_id and s.status = 'active'
                    where e.person_id = p.id and (e.status = 'active' or e.status = 'asked' and e.created_at >= :until))
   and not exists (select 1 from tasks k where k.person_id = p.id and k.state in ('open', 'snoozed')
                      and (k.due_at >= :until or k.created_at >= :until))
   and (:product = 0 or exists (select 1 from product_leads l where l.person_id = p.id and l.product_id = :product))
 offset 0  -- all that are forgotten are found together, however few of them a page shows
"""
FORGOTTEN_ROWS = Facts(FORGOTTEN, {"all": "true"}, {})


def forgotten(tx: Connection, *, since: datetime, until: datetime, zone: str) -> int:
    """until: so many days ago."""
    values = binds(Cell("forgotten", "all", since, until), zone)
    return int(tx.execute(text(f"select count(*) from ({FORGOTTEN}) q"), values).scalar_one())  # noqa: S608 - constants
