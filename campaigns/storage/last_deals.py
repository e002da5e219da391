"""The day of a company's last deal, as orders move it. Others come by lists and by hand (`classes`, `companies`)."""

from __future__ import annotations

from sqlalchemy import Connection, text

# Another order of the company that came in on its last day.
_SAME = """from opportunities e where e.company_id = o.company_id and e.result = 'won' and e.id <> o.id
            and cast(e.closed_at at time zone :zone as date) = co.last_deal_on"""
NOTE = f"""
with o as (select o.id, o.company_id, cast(o.closed_at at time zone :zone as date) as day, co.last_deal_on,
                  exists (select 1 {_SAME}) as is_order, (select max(e.deal_before) {_SAME}) as kept
             from opportunities o join companies co on co.id = o.company_id where o.id = :id),
kept as (update opportunities t set deal_before = case when o.is_order then o.kept else o.last_deal_on end
           from o where t.id = o.id)
update companies co set last_deal_on = greatest(co.last_deal_on, o.day), version = co.version + 1
  from o where co.id = o.company_id
"""  # noqa: S608 - constants
FORGET = """
update companies co set version = co.version + 1,
       last_deal_on = greatest(o.deal_before, (select max(cast(e.closed_at at time zone :zone as date))
         from opportunities e where e.company_id = o.company_id and e.result = 'won' and e.id <> o.id))
  from opportunities o
 where o.id = :id and o.result = 'won' and co.id = o.company_id
   and co.last_deal_on = cast(o.closed_at at time zone :zone as date)
"""


def note(tx: Connection, opportunity_id: int, *, zone: str) -> None:
    """An order came in: the company is a current customer from that day.

    What was known without any order (`deal_before`) is kept, for the case that this one is taken back: where the last
    deal is that of an earlier order, it is what that one kept.
    """
    tx.execute(text(NOTE), {"id": opportunity_id, "zone": zone})


def forget(tx: Connection, opportunity_id: int, *, zone: str) -> None:
    """The order is about to be taken back: the last deal is that of the orders left, or what was known without any.

    A day that is not this order's own (a later order, a list, somebody's entry) stays.
    """
    tx.execute(text(FORGET), {"id": opportunity_id, "zone": zone})
