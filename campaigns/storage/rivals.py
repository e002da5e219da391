"""Rivals: what warns of one, whom to visit then, and how soon."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text


@dataclass(frozen=True, slots=True)
class Risk:
    """A rival may get the order. level: mid, high, as the company's catalogue says; "" where an opportunity warns."""

    level: str
    rival: str
    catalogue_id: int | None
    opportunity_id: int | None


RISK = """
select coalesce(k.rival_risk, '') as level, coalesce(nullif(o.lost_to, ''), k.competitors, '') as rival,
       k.id as catalogue_id, o.id as opportunity_id
  from (select 1) one
  left join catalogues k on k.company_id = :company and k.rival_risk in ('mid', 'high')
  left join lateral (select o.id, o.lost_to from opportunities o join product_leads l on l.id = o.lead_id
                      where l.person_id = :person and o.result = '' and o.rival_risk order by o.id desc limit 1) o on true
 where k.id is not null or o.id is not null
"""


def risk(tx: Connection, person_id: int, *, company_id: int | None) -> Risk | None:
    """What warns that a rival may get this person's order; None where nothing does."""
    row = tx.execute(text(RISK), {"person": person_id, "company": company_id}).first()
    return Risk(**row._mapping) if row else None


def contact(tx: Connection, company_id: int) -> int | None:
    """Whom of the company we were in touch with last; the decider where nobody was."""
    found: int | None = tx.execute(
        text(
            "select p.id from affiliations f join people p on p.id = f.person_id"
            " left join lateral (select max(l.last_touch_at) as at from product_leads l"
            " where l.person_id = p.id) q on true"
            " where f.company_id = :id and f.is_current and p.merged_into is null and p.excluded_reason = ''"
            " order by q.at desc nulls last, f.buying_role = '決裁' desc, p.id limit 1"
        ),
        {"id": company_id},
    ).scalar()
    return found


def hasten_visit(tx: Connection, lead_id: int, *, due_at: datetime, priority: int) -> None:
    """A visit stands open already: it is due sooner, and more urgent. Index uq_tasks_open."""
    tx.execute(
        text(
            "update tasks set due_at = least(due_at, :due_at), priority = :priority, not_before = null,"
            " version = version + 1 where lead_id = :id and kind = 'visit' and state in ('open', 'snoozed')"
        ),
        {"id": lead_id, "due_at": due_at, "priority": priority},
    )
