"""What a warning of a rival needs: whom to visit, and how soon."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, text


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
