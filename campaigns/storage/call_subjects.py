"""What a file of call results is compared with: the calls of its leads, who works here, and which rows are known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text


@dataclass(frozen=True, slots=True)
class LeadCall:
    """A lead and its open call, if it has one. calls: to the person so far.

    by, at, result: of the last call to the person; all empty without one.
    """

    lead_id: int
    person_id: int
    name: str
    company: str
    task_id: int | None
    is_waiting: bool
    do_not_call: bool
    phone_invalid: bool
    is_excluded: bool
    calls: int
    by: str
    at: datetime | None
    result: str


OF = """
select l.id as lead_id, l.person_id, p.full_name as name, coalesce(co.name, '') as company, t.id as task_id,
       p.do_not_call, p.phone_invalid, p.excluded_reason <> '' as is_excluded, c.calls, coalesce(u.name, '') as by,
       a.at, coalesce(a.result, '') as result, coalesce(a.settles_at is not null, false) as is_waiting
  from product_leads l
  join people p on p.id = l.person_id
  left join affiliations f on f.person_id = p.id and f.is_current
  left join companies co on co.id = f.company_id
  left join tasks t on t.lead_id = l.id and t.kind = 'call' and t.state = 'open'
  cross join lateral (select count(*)::int as calls from call_attempts x where x.person_id = p.id) c
  left join lateral (select at, result, user_id, settles_at from call_attempts x where x.person_id = p.id
                      order by at desc, id desc limit 1) a on true
  left join users u on u.id = a.user_id
 where l.id = any(:ids)
"""


def of_leads(tx: Connection, lead_ids: Sequence[int]) -> dict[int, LeadCall]:
    """By lead. ix_tasks_lead_id, ix_call_attempts_person_id."""
    rows = tx.execute(text(OF), {"ids": sorted(set(lead_ids))})
    return {row.lead_id: LeadCall(**row._mapping) for row in rows}


def known(tx: Connection, keys: Sequence[str]) -> set[str]:
    """Which rows have been read before. uq_call_attempts_source_key."""
    rows = tx.execute(
        text("select source_key from call_attempts where source_key <> '' and source_key = any(:keys)"),
        {"keys": sorted(set(keys))},
    )
    return {row.source_key for row in rows}


def callers(tx: Connection) -> dict[str, list[int]]:
    """Users by name, and by mail address in small letters; who works here no more only where nobody else is called so."""
    now: dict[str, list[int]] = {}
    once: dict[str, list[int]] = {}
    for row in tx.execute(text("select id, name, lower(email) as email, is_active from users order by id")):
        for key in (row.name, row.email):
            (now if row.is_active else once).setdefault(key, []).append(int(row.id))
    return once | now
