"""Who takes part in which scenario."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from sqlalchemy import Connection, text

from campaigns.rules.scenarios import FIELD_CLASSES
from campaigns.storage import audience, permission

FIELD = ", ".join(f"'{one}'" for one in sorted(FIELD_CLASSES))

# Whom scenarios `sc` are for; publishing and the simulation choose by the same words.
CHOSEN = f"""
  join product_leads l on l.product_id = sc.product_id
  join people p on p.id = l.person_id and p.merged_into is null and p.excluded_reason = ''
  join addresses a on a.id = p.address_id
  left join affiliations f on f.person_id = p.id and f.is_current
  left join companies co on co.id = f.company_id
 where coalesce(co.class, '-') = any(sc.classes)
   and {audience.fits("sc.audience")}
   and l.state not in ('won', 'lost', 'excluded')
   and (sc.event_id is null or exists (
        select 1 from touchpoints t where t.person_id = p.id and t.event_id = sc.event_id and t.validity > 0))
   and {permission.refusal(product="sc.product_id", enrolled="cast(:now as timestamptz)")} is null
"""  # noqa: S608 - constants of the storage layer

ENROL = f"""
insert into enrollments (person_id, product_id, scenario_id, version_id, position, start_month, due_month, due_on,
       status, created_at)
select p.id, sc.product_id, sc.id, v.id, 1, :month, :month + s.offset_months,
       case when s.kind not in ('mail', 'invite', 'shelf') then cast(:today as date) end,
       case when co.class in ({FIELD}) then 'asked' else 'active' end, :now
  from scenarios sc
  join scenario_versions v on v.scenario_id = sc.id and v.no = sc.published_no
  join steps s on s.version_id = v.id and s.position = 1
  {CHOSEN}
   and sc.status = 'active'
   and (cast(:scenario as bigint) is null and sc.kind = 'scenario' or sc.id = :scenario)
   and (cast(:product as bigint) is null or sc.product_id = :product)
   and (cast(:people as bigint[]) is null or p.id = any(:people))
 order by p.id  -- two enrolments of the same people wait for each other one way only
on conflict (person_id, scenario_id) do nothing
returning person_id, status
"""  # noqa: S608 - constants of the storage layer


def enrol(
    tx: Connection,
    *,
    now: datetime,
    today: date,
    month: int,
    scenario: int | None = None,
    product: int | None = None,
    people: Sequence[int] | None = None,
) -> list[int]:
    """Enrol the audience of active scenarios; returns the people newly enrolled. Twice is harmless.

    People of a company with a field rep wait for its owner's yes; they are not among the returned.
    """
    values = {
        "now": now,
        "today": today,
        "month": month,
        "scenario": scenario,
        "product": product,
        "people": None if people is None else list(people),
    }
    return [row.person_id for row in tx.execute(text(ENROL), values) if row.status == "active"]


ANSWER = """
update enrollments e
   set status = case when :yes then 'active' else 'stopped' end,
       reason = case when :yes then '' else 'owner_no' end,
       start_month = case when :yes then greatest(e.start_month, :month) else e.start_month end,
       due_month = case when :yes then e.due_month + greatest(:month - e.start_month, 0) else e.due_month end,
       due_on = case when :yes and e.due_on is not null then cast(:today as date) else e.due_on end,
       answered_at = :now, answered_by = :user
 where e.id = any(:ids) and e.status = 'asked'
returning e.person_id
"""


# Scenarios that begin when a rank moves, with the people whose rank has; those who take part already are left out.
MOVED = """
select distinct sc.id as scenario_id, l.person_id
  from scenarios sc
  join rank_changes c on c.at >= :since and c.old <> c.new
   and (coalesce(sc.audience->'rose', '[]') ? c.new or coalesce(sc.audience->'fell', '[]') ? c.new)
  join product_leads l on l.id = c.lead_id and l.product_id = sc.product_id
 where sc.status = 'active' and sc.kind = 'scenario'
   and (sc.audience ? 'rose' or sc.audience ? 'fell')
   and not exists (select 1 from enrollments e where e.person_id = l.person_id and e.scenario_id = sc.id)
"""


def moved(tx: Connection, *, since: datetime) -> dict[int, list[int]]:
    """People by scenario. Index ix_rank_changes_at; without such a scenario nothing is read."""
    found: dict[int, list[int]] = {}
    for row in tx.execute(text(MOVED), {"since": since}):
        found.setdefault(row.scenario_id, []).append(row.person_id)
    return found


def answer(
    tx: Connection, ids: Sequence[int], *, yes: bool, user_id: int, month: int, today: date, now: datetime
) -> list[int]:
    """The owner's answer to those who wait for it; their people. A yes starts the scenario in this month, a
    broadcast not before its own."""
    values = {"ids": sorted(ids), "yes": yes, "user": user_id, "month": month, "today": today, "now": now}
    return list(tx.execute(text(ANSWER), values).scalars())


def pace(tx: Connection, people: Sequence[int], *, today: date) -> None:
    """These people's next decision is today."""
    if people:
        tx.execute(
            text(
                "insert into pace (person_id, plan_at) select distinct id, cast(:today as date)"
                " from unnest(cast(:ids as bigint[])) as q(id) order by id"
                " on conflict (person_id) do update set plan_at = least(pace.plan_at, excluded.plan_at)"
            ),
            {"ids": list(people), "today": today},
        )
