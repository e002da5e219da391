"""Drafting catalogues: one a company, with a sheet for each product that was talked about."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, text

from campaigns.rules.tracking import DRAFTING

KINDS = sorted(kind.value for kind in DRAFTING)

# In the order of their companies, so that two imports never wait for each other.
DRAFT = """
insert into catalogues (company_id, owner_user_id, touched_at, created_at)
select id, owner_user_id, :now, :now from companies where id = any(:ids) order by id
on conflict (company_id) do update set touched_at = excluded.touched_at
 where catalogues.touched_at < excluded.touched_at
returning xmax = 0 as is_new
"""
# Index ix_touchpoints_company_signals.
SHEETS = """
insert into asica_sheets (catalogue_id, product_id, stage_at)
select k.id, t.product_id, :now
  from catalogues k
  join touchpoints t on t.company_id = k.company_id and t.depth >= 2 and t.validity > 0
 where k.company_id = any(:ids) and t.kind = any(:kinds) and t.product_id is not null
 group by 1, 2 order by 1, 2
on conflict (catalogue_id, product_id) do nothing
"""


def put(tx: Connection, company_ids: Sequence[int], *, now: datetime) -> int:
    """A catalogue for each that has none; those that stand have been touched now. Returns how many are new."""
    rows = tx.execute(text(DRAFT), {"ids": list(company_ids), "now": now}).all()
    tx.execute(text(SHEETS), {"ids": list(company_ids), "kinds": KINDS, "now": now})
    return sum(row.is_new for row in rows)


def companies_of(tx: Connection, person_ids: Sequence[int]) -> list[int]:
    """Where these people work now."""
    rows = tx.execute(
        text(
            "select distinct company_id from affiliations where person_id = any(:ids) and is_current order by 1"
        ),
        {"ids": list(person_ids)},
    )
    return [row.company_id for row in rows]
