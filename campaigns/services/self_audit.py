"""Self-audit: prove that every due mail is in exactly one visible state, and that the laws hold.

Each check is a query that counts violations; all must be zero. The deliveries page shows the result.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from sqlalchemy import text

from campaigns.parts import Parts
from campaigns.rules.schedule import month_of_day
from campaigns.services import kept
from campaigns.storage import sizes

log = structlog.get_logger()

NAME = "self_audit"
EVERY = timedelta(minutes=10)

CHECKS: dict[str, str] = {
    # A state that waits must carry the date on which it is looked at again.
    "undated": """
        select count(*) from deliveries
         where (state in ('planned', 'retry') and send_at is null)
            or (state = 'carried_over' and until is null)
            or state = 'handing' and claim_token is null""",
    # Whatever holds a month must have its slot row, and nothing else may.
    "slotless": """
        select count(*) from deliveries d left join mail_slots s on s.delivery_id = d.id
         where d.class <> 'transactional' and d.state in ('planned', 'handing', 'retry', 'sent', 'in_doubt')
           and s.delivery_id is null and d.enrollment_id is not null""",
    "idle_slots": """
        select count(*) from mail_slots s join deliveries d on d.id = s.delivery_id
         where d.state not in ('planned', 'handing', 'retry', 'sent', 'in_doubt')""",
    # More counted mails a month than the cap allows; in past months it may have been higher.
    "over_cap": """
        select count(*) from (
          select person_id, month from deliveries
           where class = 'counted' and state in ('sent', 'in_doubt')
           group by person_id, month
          having count(*) > (select case when month >= :month then cap_max else 3 end from house)) x""",
    # A mail was due in an earlier month, and nothing says why it has not gone.
    "unseen": """
        select count(*) from enrollments e join scenarios s on s.id = e.scenario_id and s.status = 'active'
          join products pr on pr.id = e.product_id and not pr.is_paused
          join pace p on p.person_id = e.person_id
         where e.status = 'active' and e.due_on is null and e.due_month < :month and p.plan_at > :today
           and not coalesce(p.held ? cast(e.id as text), false)
           -- Put back at the hand-over: its own row says why.
           and not exists (select 1 from deliveries d
                            where d.enrollment_id = e.id and d.state = 'carried_over' offset 0)""",
    # Who gave way has a dated promise.
    "unpromised": """
        select count(*) from pace p cross join lateral jsonb_object_keys(p.held) k
          join enrollments e on e.id = cast(k as bigint) and e.status = 'active'
         where p.plan_at = '9999-12-31'""",
    # Somebody takes part, but no decision will ever be taken.
    "forgotten": """
        select count(*) from enrollments e join scenarios s on s.id = e.scenario_id and s.status = 'active'
          join products pr on pr.id = e.product_id and not pr.is_paused
          left join pace p on p.person_id = e.person_id
         where e.status = 'active' and coalesce(p.plan_at, '9999-12-31') = '9999-12-31'""",
    # Carried over to a day that has passed, and its step is not one the planner asks for next or later.
    "left_behind": """
        select count(*) from deliveries d left join enrollments e on e.id = d.enrollment_id
         where d.state = 'carried_over' and d.until < cast(:late as timestamptz)::date
           and not exists (select 1 from steps s where s.version_id = e.version_id and s.key = d.step_key
                              and s.position >= e.position and e.status in ('active', 'paused'))""",
    "overdue": """
        select count(*) from deliveries where state in ('planned', 'retry') and send_at < :late
           and not (select paused from stops)""",
}


@dataclass(frozen=True, slots=True)
class Audit:
    """Violations by check; sound when all are zero. at: when they were looked for."""

    found: Mapping[str, int]
    at: datetime

    @property
    def is_sound(self) -> bool:
        return not any(self.found.values())


def run(parts: Parts, *, now: datetime) -> Audit:
    """Count the violations of each check."""
    local = now.astimezone(parts.settings.tz)
    values = {"late": now - timedelta(hours=1), "month": month_of_day(local.date()), "today": local.date()}
    with parts.engine.connect() as tx:
        found = {
            name: int(
                tx.execute(
                    text(query), {key: value for key, value in values.items() if f":{key}" in query}
                ).scalar()
                or 0
            )
            for name, query in CHECKS.items()
        }
    audit = Audit(found, now)
    if not audit.is_sound:
        log.error("self-audit", **{name: n for name, n in found.items() if n})
    return audit


def read(parts: Parts, *, now: datetime) -> Audit | None:
    """For a page: of this moment, or what a job found in a big installation; None while it has not looked yet."""
    with parts.engine.connect() as tx:
        if not sizes.is_big(tx):
            return run(parts, now=now)
    found = kept.read(parts, NAME)
    return Audit(found.told, found.at) if found else None


def renew(parts: Parts, *, now: datetime) -> bool:
    """Look again when a big installation's findings are old; for a job. Whether it looked."""
    with parts.engine.connect() as tx:
        if not sizes.is_big(tx):
            return False
    return kept.renew(parts, NAME, lambda: dict(run(parts, now=now).found), now=now, every=EVERY)
