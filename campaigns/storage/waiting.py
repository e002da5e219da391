"""Who waits for a mail: enrolments that gave way at the last decision, for whom, why and until when.

A loser costs no row: its reason stands in `pace.held`, {enrolment: [reason, product that goes first or null]},
and its promise is the date of the person's next decision, `pace.plan_at`. What lost its month after it had
already got a row is a delivery in state carried_over, and is no part of this.

Beyond LIVE people the counts are those of waiting_counts, which the minute's work keeps.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection, text

# One row an enrolment that waits, of those still under way. Key: enrollments.id.
HELD = """
select pa.person_id, e.id as enrollment_id, e.product_id, e.scenario_id, e.version_id, e.position, e.due_month,
       h.value->>0 as reason, cast(h.value->>1 as bigint) as by_product_id,
       case when pa.plan_at < date '9999-12-31' then pa.plan_at end as until
  from pace pa
 cross join lateral jsonb_each(pa.held) h
  join enrollments e on e.id = cast(h.key as bigint) and e.status = 'active'
 where pa.held is not null
"""
LIVE = 20_000

LIVE_COUNTS = f"""
select h.product_id, coalesce(h.by_product_id, 0) as by_product_id, h.reason, min(h.until) as until, count(*) as n
  from ({HELD}) h group by 1, 2, 3
"""  # noqa: S608 - a constant of this module
# The kept figures, else a pass over those who wait: the database looks for kept ones once, and begins the pass
# only if there are none. by_product_id: 0 if no product goes first.
COUNTS = f"""
select product_id, by_product_id, reason, until, n from waiting_counts where product_id > 0
 union all
select h.product_id, coalesce(h.by_product_id, 0), h.reason, min(h.until), count(*)
  from ({HELD} and not exists (select 1 from waiting_counts)) h group by 1, 2, 3
"""  # noqa: S608 - a constant of this module


def counted_at(tx: Connection) -> datetime | None:
    """When the kept figures were counted; None when none are kept."""
    found: datetime | None = tx.execute(text("select max(counted_at) from waiting_counts")).scalar_one()
    return found


def keep(tx: Connection, *, now: datetime) -> bool:
    """Count anew if the people are too many to be counted for a page, and forget the old count; whether it was.

    A row of product 0 stands for the count itself: nobody waits is an answer too.
    """
    many = "select count(*) from (select 1 from pace limit :n) q"
    tx.execute(text("delete from waiting_counts"))
    if tx.execute(text(many), {"n": LIVE + 1}).scalar_one() <= LIVE:
        return False
    query = f"""
        insert into waiting_counts (product_id, by_product_id, reason, until, n, counted_at)
        select q.*, :now from ({LIVE_COUNTS} union all select 0, 0, '', null, 0) q
        on conflict do nothing
    """  # noqa: S608 - constants of this module
    tx.execute(text(query), {"now": now})
    return True


@dataclass(frozen=True, slots=True)
class Count:
    """How many enrolments of a product wait for one reason. until: the first of their promises."""

    product_id: int
    by_product_id: int | None
    by_product: str | None
    colour_no: int
    reason: str
    n: int
    until: date | None


def counts(tx: Connection) -> tuple[Count, ...]:
    """By product, reason and the product that goes first; the most first."""
    rows = tx.execute(
        text(
            f"""
            select h.product_id, pr.id as by_product_id, pr.name as by_product, coalesce(pr.colour_no, 2) as colour_no,
                   h.reason, h.n, h.until
              from ({COUNTS}) h
              left join products pr on pr.id = h.by_product_id
             order by h.n desc, h.product_id, h.by_product_id, h.reason
            """  # noqa: S608 - a constant of this module
        )
    )
    return tuple(Count(**row._mapping) for row in rows)


@dataclass(frozen=True, slots=True)
class Line:
    """Somebody who waits for a mail of a product. until: the promise; None while nobody decides.

    rank, by_rank: in the product and in the one that goes first, '' where none is known.
    """

    person_id: int
    person: str
    company: str | None
    enrollment_id: int
    product_id: int
    product: str
    scenario: str
    step_key: str
    title: str
    due_month: int
    reason: str
    by_product: str | None
    until: date | None
    colour_no: int
    to: str
    rank: str
    by_rank: str


WANTED = """
   and (cast(:product as bigint) is null or e.product_id = :product)
   and (cast(:scenario as bigint) is null or e.scenario_id = :scenario)
   and (cast(:step as text) is null or exists (
        select 1 from steps w where w.version_id = e.version_id and w.position = e.position and w.key = :step))
"""


def number(
    tx: Connection,
    *,
    product_id: int | None = None,
    scenario_id: int | None = None,
    step_key: str | None = None,
) -> int:
    """How many wait; a scenario's by a pass over those who wait."""
    if scenario_id is None and step_key is None:
        query = f"select coalesce(sum(n), 0) from ({COUNTS}) h where cast(:id as bigint) is null or product_id = :id"  # noqa: S608
        return int(tx.execute(text(query), {"id": product_id}).scalar_one())
    values = {"product": product_id, "scenario": scenario_id, "step": step_key}
    query = f"select count(*) from ({HELD} {WANTED}) h"  # noqa: S608 - constants of this module
    return int(tx.execute(text(query), values).scalar_one())


LINES = f"""
select h.person_id, p.full_name as person, co.name as company, h.enrollment_id, h.product_id, pr.name as product,
       sc.name as scenario, coalesce(s.key, '') as step_key, coalesce(c.title, s.title, '') as title, h.due_month,
       h.reason, by_pr.name as by_product, h.until, pr.colour_no, coalesce(a.email, '') as to,
       coalesce(l.rank, '') as rank, coalesce(by_l.rank, '') as by_rank
  from ({HELD} {WANTED}
          and (cast(:people as bigint[]) is null or pa.person_id = any(:people))
          and (cast(:reason as text) is null or h.value->>0 = :reason)
         order by pa.plan_at, pa.person_id, e.id limit :limit offset :skip) h
  join people p on p.id = h.person_id
  join products pr on pr.id = h.product_id
  join scenarios sc on sc.id = h.scenario_id
  left join steps s on s.version_id = h.version_id and s.position = h.position
  left join contents c on c.id = s.content_id
  left join products by_pr on by_pr.id = h.by_product_id
  left join addresses a on a.id = p.address_id
  left join product_leads l on l.person_id = h.person_id and l.product_id = h.product_id
  left join product_leads by_l on by_l.person_id = h.person_id and by_l.product_id = h.by_product_id
  left join affiliations f on f.person_id = h.person_id and f.is_current
  left join companies co on co.id = f.company_id
 order by h.until nulls last, h.person_id, h.enrollment_id
"""  # noqa: S608 - a constant of this module


def lines(
    tx: Connection,
    *,
    product_id: int | None = None,
    scenario_id: int | None = None,
    step_key: str | None = None,
    people: Sequence[int] | None = None,
    reason: str | None = None,
    limit: int = 100,
    skip: int = 0,
) -> tuple[Line, ...]:
    """Who waits, the nearest promise first."""
    values = {
        "product": product_id,
        "scenario": scenario_id,
        "step": step_key,
        "people": None if people is None else list(people),
        "reason": reason,
        "limit": limit,
        "skip": skip,
    }
    return tuple(Line(**row._mapping) for row in tx.execute(text(LINES), values))
