"""To which event a lead can still be invited by one person, beside what goes to many.

An event of the product is one whose invitation about the product is running; an event of the house is one to which no
mail invites. Left out: who answered, and who takes part in a broadcast or scenario that invites. Source: spec 3.6.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection, text

from campaigns.storage.bulk import statement

# Earlier nobody decides; until then the broadcast to many has time to go.
AHEAD_DAYS = 45


@dataclass(frozen=True, slots=True)
class Ahead:
    """An event a lead can be invited to. answer_by: the last day for an answer. scenario_id: the invitation that runs,
    None where no mail invites."""

    event_id: int
    name: str
    starts_on: date
    venue: str
    answer_by: date
    scenario_id: int | None


# Events of the next weeks are a handful; everything else is asked of the leads given. ix_event_mailings_event_id,
# uq_event_answers_event_id_person_id, uq_enrollments_person_id_scenario_id.
AHEAD = """
with event as materialized (
  select v.id, v.name, v.starts_on, v.venue, coalesce(v.apply_by, v.ends_on, v.starts_on) as answer_by
    from events v
   where v.kind in ('private_show', 'seminar') and v.closed_at is null
     and v.starts_on between cast(:today as date) and cast(:today as date) + cast(:days as int)
     and coalesce(v.apply_by, v.ends_on, v.starts_on) >= cast(:today as date)),
ahead as materialized (
  select v.*, m.product_id, m.scenario_id
    from event v
    join event_mailings m on m.event_id = v.id and m.purpose = 'invitation'
    join broadcasts b on b.scenario_id = m.scenario_id and b.state in ('testing', 'sending')
   union all
  select v.*, null, null from event v
   where not exists (select 1 from steps st where st.event_id = v.id)),
inviting as materialized (
  select distinct v.id as event_id, sv.scenario_id
    from event v join steps st on st.event_id = v.id join scenario_versions sv on sv.id = st.version_id)
"""
# Expects the aliases l (a lead) and a (of ahead).
FITS = """
  (a.product_id is null or a.product_id = l.product_id)
  and not exists (select 1 from event_answers w where w.event_id = a.id and w.person_id = l.person_id)
  and not exists (select 1 from touchpoints x where x.event_id = a.id and x.person_id = l.person_id and x.validity > 0)
  and not exists (select 1 from inviting i join enrollments e
                      on e.scenario_id = i.scenario_id and e.person_id = l.person_id where i.event_id = a.id)
"""
LEADS = f"{AHEAD} select l.id from product_leads l where l.id = any(:ids) and exists (select 1 from ahead a where {FITS})"  # noqa: S608 - constants
NEXT = f"""{AHEAD}
select a.id as event_id, a.name, a.starts_on, a.venue, a.answer_by, a.scenario_id
  from product_leads l join ahead a on {FITS}
 where l.id = :lead order by a.scenario_id is null, a.starts_on, a.id limit 1
"""  # noqa: S608 - constants
ENDED = f"""{AHEAD}
update tasks t set state = 'cancelled', outcome = 'no_event', done_at = :now, version = t.version + 1
 where t.kind = 'invite' and t.state in ('open', 'snoozed') and t.cause = any(:causes)
   and not exists (select 1 from product_leads l join ahead a on {FITS} where l.id = t.lead_id)
"""  # noqa: S608 - constants


def leads(tx: Connection, lead_ids: Sequence[int], *, today: date) -> frozenset[int]:
    """Those of these leads for whom an event lies ahead."""
    if not lead_ids:
        return frozenset()
    values = {"ids": list(lead_ids), "today": today, "days": AHEAD_DAYS}
    return frozenset(tx.execute(statement(LEADS), values).scalars())


def next_of(tx: Connection, lead_id: int, *, today: date) -> Ahead | None:
    """The event to invite this lead to: one whose mail runs before one without, then the soonest."""
    row = tx.execute(statement(NEXT), {"lead": lead_id, "today": today, "days": AHEAD_DAYS}).one_or_none()
    return None if row is None else Ahead(**row._mapping)


def end_stale(tx: Connection, *, causes: Sequence[str], today: date, now: datetime) -> int:
    """Take back the matrix's invitations that have lost their event: it is over, or the person knows of it."""
    values = {"causes": list(causes), "today": today, "days": AHEAD_DAYS, "now": now}
    return int(tx.execute(statement(ENDED), values).rowcount)


def is_asked(tx: Connection, person_id: int, scenario_id: int) -> bool:
    """Whether the person's part in it waits for the yes of the company's owner."""
    row = tx.execute(
        text("select status from enrollments where person_id = :person and scenario_id = :scenario"),
        {"person": person_id, "scenario": scenario_id},
    ).one_or_none()
    return row is not None and row.status == "asked"
