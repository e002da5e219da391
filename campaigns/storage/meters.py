"""Figures for the operator's monitoring: sums that are kept, and partial indexes; never a count of everything."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text


@dataclass(frozen=True, slots=True)
class ProductMails:
    """A product's mails of all time, out of mail_days. Product 0: mails without one."""

    product_id: int
    name: str
    sent: int
    failed: int
    in_doubt: int
    soft: int
    hard: int
    complaints: int


PRODUCTS = """
select m.product_id, coalesce(p.name, '') as name, m.sent, m.failed, m.in_doubt, m.soft, m.hard, m.complaints
  from (select product_id, sum(sent) as sent, sum(failed) as failed, sum(in_doubt) as in_doubt, sum(soft) as soft,
               sum(hard) as hard, sum(complaints) as complaints from mail_days group by product_id) m
  left join products p on p.id = m.product_id order by m.product_id
"""


def products(tx: Connection) -> tuple[ProductMails, ...]:
    """One row a product: days times scenarios are added up, a few thousand rows a year."""
    return tuple(ProductMails(*row) for row in tx.execute(text(PRODUCTS)))


@dataclass(frozen=True, slots=True)
class Queue:
    """What waits now. oldest_due_at: of the mails that are due; oldest_claim_at: of the open claims."""

    due: int
    oldest_due_at: datetime | None
    handing: int
    claims: int
    oldest_claim_at: datetime | None
    stops: int
    is_paused: bool
    paused_products: int
    paused_scenarios: int


QUEUE = """
select d.n as due, d.oldest as oldest_due_at,
       (select count(*) from deliveries where state = 'handing') as handing,
       c.n as claims, c.oldest as oldest_claim_at, s.n as stops, s.paused as is_paused,
       (select count(*) from products where is_paused and is_active) as paused_products,
       (select count(*) from scenarios where status = 'paused') as paused_scenarios
  from stops s,
       (select count(*) as n, min(send_at) as oldest from deliveries
         where state in ('planned', 'retry') and send_at <= :now) d,
       (select count(*) as n, min(claimed_at) as oldest from claims where settled_at is null) c
 where s.id = 1
"""


def queue(tx: Connection, *, now: datetime) -> Queue:
    """Indexes ix_deliveries_due, ix_deliveries_handing, ix_claims_open."""
    return Queue(*tx.execute(text(QUEUE), {"now": now}).one())
