"""What became of a broadcast's people, what those who got it did, and the rates it is measured against."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection, text

from campaigns.rules.broadcasts import RATE_FALLBACK, RATE_MIN_SENT
from campaigns.storage.advancing import SHOWN

FIGURES = f"""
with q as (
  select coalesce(d.step_key, st.key) as key, d.id as delivery_id, d.person_id,
         case when d.state = 'sent' then 'sent'
              when d.state in ('planned', 'handing', 'retry') then 'planned'
              when d.state in ('in_doubt', 'expired', 'failed') then d.state
              when d.state = 'cancelled' and d.reason = 'content_repeated' then 'had'
              when d.state in ('suppressed', 'no_consent', 'cancelled') then 'blocked'
              when e.status in ('asked', 'paused', 'active') and exists (
                   select 1 from deliveries x where x.person_id = e.person_id and x.content_id = st.content_id
                      and x.class <> 'transactional'
                      and x.state in ('planned', 'handing', 'sent', 'retry', 'in_doubt')) then 'had'
              when e.status = 'asked' then 'asked'
              when e.status = 'paused' then 'rest'
              when e.status = 'active' and l.state in ('hot', 'offered', 'with_sales', 'opportunity', 'paused')
                   then 'sales'
              when e.status = 'active' then 'waiting'
              else 'blocked' end as bucket
    from enrollments e
    left join steps st on st.version_id = e.version_id and st.position = e.position
    left join product_leads l on l.person_id = e.person_id and l.product_id = e.product_id
    left join lateral (select * from deliveries where enrollment_id = e.id order by id desc limit 1) d on true
   where e.scenario_id = :id),
 r as (
  select q.delivery_id, bool_or(tp.kind = 'mail_open' and {SHOWN.format("tp")}) as opened, bool_or(tp.kind = 'mail_click') as clicked_all,
         bool_or(tp.kind = 'mail_click' and tp.validity > 0) as clicked,
         bool_or(tp.kind = 'mail_reply' and tp.validity > 0) as replied
    from q join touchpoints tp on tp.person_id = q.person_id and tp.delivery_id = q.delivery_id
   where q.bucket = 'sent'
   group by q.delivery_id)
select coalesce(q.key, 'A') as key, q.bucket, count(*) as n, count(*) filter (where r.opened) as opened,
       count(*) filter (where r.clicked) as clicked, count(*) filter (where r.clicked_all) as clicked_all,
       count(*) filter (where r.replied) as replied,
       count(*) filter (where exists (select 1 from suppressions x where x.delivery_id = q.delivery_id
                                       and x.scope <> 'new_products')) as refused
  from q left join r on r.delivery_id = q.delivery_id
 group by 1, 2
"""  # noqa: S608 - a constant of the storage layer


TOLD = ("opened", "clicked", "clicked_all", "replied", "refused")


@dataclass(frozen=True, slots=True)
class Figures:
    """What became of its people, everybody in one bucket, and what those who got it did.

    buckets: sent, planned, waiting, sales (with sales, who may give them back), asked, rest, in_doubt, expired,
    failed, had (the same mail before), blocked. arms: KEY -> sent, opened,
    (machines left out), clicked (by people), clicked_all (by machines too), replied, refused.
    """

    buckets: Mapping[str, int]
    arms: Mapping[str, Mapping[str, int]]

    @property
    def people(self) -> int:
        return sum(self.buckets.values())

    def total(self, name: str) -> int:
        return sum(arm.get(name, 0) for arm in self.arms.values())


def figures(tx: Connection, id: int) -> Figures:
    """Counted anew, by index ix_enrollments_scenario_id: as long as its people are many."""
    buckets: dict[str, int] = {}
    arms: dict[str, dict[str, int]] = {}
    for row in tx.execute(text(FIGURES), {"id": id}):
        buckets[row.bucket] = buckets.get(row.bucket, 0) + row.n
        if row.bucket == "sent":
            told = {name: row._mapping[name] for name in TOLD}
            arms[row.key] = {"sent": row.n, **told}
    return Figures(buckets, arms)


# Refusals are few and name their mail; what was sent is added up by day.
RATES = """
select coalesce(r.n, 0) as refused, m.sent
  from (select scenario_id, sum(sent) as sent from mail_days
         where product_id = :product and scenario_id <> :id and day >= cast(:since as date) group by scenario_id) m
  left join (select e.scenario_id, count(*) as n from suppressions x
              join deliveries d on d.id = x.delivery_id join enrollments e on e.id = d.enrollment_id
             where d.product_id = :product and x.at >= cast(:since as date) group by e.scenario_id) r
    on r.scenario_id = m.scenario_id
"""


def refusal_rates(tx: Connection, id: int, *, product_id: int, since: date) -> list[tuple[int, int]]:
    """(refusals, mails sent) of each other scenario and broadcast of the product."""
    rows = tx.execute(text(RATES), {"id": id, "product": product_id, "since": since})
    return [(int(row.refused), int(row.sent)) for row in rows]


# A year of the product, at most so many mails: the rate is for a proposal, and newer mails say more.
CLICKS = """
with d as (
  select id, person_id from deliveries
   where state = 'sent' and sent_at >= :since and product_id = :product and class <> 'transactional'
   order by sent_at desc limit 5000)
select count(*) as sent, count(*) filter (where exists (
       select 1 from touchpoints tp where tp.person_id = d.person_id and tp.delivery_id = d.id
          and tp.kind = 'mail_click' and tp.validity > 0)) as clicked
  from d
"""


def click_rate(tx: Connection, product_id: int, *, since: datetime) -> tuple[float, int]:
    """Human clicks per mail of a product's last mails, and how many mails; a fallback with 0 where they are few."""
    row = tx.execute(text(CLICKS), {"product": product_id, "since": since}).one()
    if row.sent < RATE_MIN_SENT or not row.clicked:
        return RATE_FALLBACK, 0
    return row.clicked / row.sent, int(row.sent)


@dataclass(frozen=True, slots=True)
class Theme:
    """All broadcasts about one theme, added up."""

    theme: str
    broadcasts: int
    sent: int
    opened: int
    clicked: int
    refused: int
    alarms: int


THEMES = """
select b.theme, count(*) as broadcasts, sum(a.sent) as sent, sum(a.opened) as opened, sum(a.clicked) as clicked,
       sum(a.refused) as refused, count(*) filter (where (b.result->>'alarm')::boolean) as alarms
  from broadcasts b
  cross join lateral (
       select coalesce(sum((x.value->>'sent')::int), 0) as sent, coalesce(sum((x.value->>'opened')::int), 0) as opened,
              coalesce(sum((x.value->>'clicked')::int), 0) as clicked,
              coalesce(sum((x.value->>'refused')::int), 0) as refused
         from jsonb_each(coalesce(b.result->'arms', '{}')) x) a
 where b.state in ('sending', 'done', 'cancelled') and b.theme <> ''
 group by b.theme having sum(a.sent) > 0 order by sum(a.sent) desc, b.theme limit 50
"""


def themes(tx: Connection) -> tuple[Theme, ...]:
    """Themes by how much was sent about them. Tests that run tell nothing yet."""
    return tuple(Theme(*row) for row in tx.execute(text(THEMES)))
