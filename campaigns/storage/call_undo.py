"""Taking a call's result back: what stood before it, and how it is put back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

SNAPSHOT = """
select jsonb_build_object(
  'person', (select jsonb_build_object('id', id, 'phone_invalid', phone_invalid, 'do_not_call', do_not_call,
                    'excluded_reason', excluded_reason) from people where id = :id),
  'leads', (select coalesce(jsonb_agg(jsonb_build_object('id', id, 'state', state, 'refused_until', refused_until,
                    'no_call_before', no_call_before, 'no_hand_off_before', no_hand_off_before,
                    'recycles', recycles, 'timeframe', timeframe)), '[]') from product_leads where person_id = :id),
  'tasks', (select coalesce(jsonb_agg(jsonb_build_object('id', id, 'state', state, 'due_at', due_at,
                    'not_before', not_before, 'promised_at', promised_at, 'tries', tries, 'outcome', outcome,
                    'done_at', done_at, 'done_by', done_by)), '[]')
             from tasks where person_id = :id and state in ('open', 'snoozed')),
  'hand_offs', (select coalesce(jsonb_agg(jsonb_build_object('id', h.id, 'state', h.state,
                    'held_reason', h.held_reason, 'p_win', h.p_win, 'bar', h.bar,
                    'asked_by_customer', h.asked_by_customer, 'reasons', h.reasons,
                    'returned_reason', h.returned_reason, 'created_at', h.created_at,
                    'resolved_at', h.resolved_at)), '[]')
             from hand_offs h join product_leads l on l.id = h.lead_id where l.person_id = :id),
  'affiliations', (select coalesce(jsonb_agg(jsonb_build_object('id', id, 'ended_on', ended_on)), '[]')
             from affiliations where person_id = :id))
"""


def snapshot(tx: Connection, person_id: int) -> dict[str, Any]:
    """What a result may change about a person, as it stands: for undo."""
    found: dict[str, Any] = tx.execute(text(SNAPSHOT), {"id": person_id}).scalar_one()
    return found


RESTORE = (
    """
    update people p set phone_invalid = r.phone_invalid, do_not_call = r.do_not_call,
           excluded_reason = r.excluded_reason, version = p.version + 1
      from jsonb_populate_record(null::people, cast(:person as jsonb)) r where p.id = r.id
       and (p.phone_invalid, p.do_not_call, p.excluded_reason)
           is distinct from (r.phone_invalid, r.do_not_call, r.excluded_reason)
    """,
    """
    update tasks set state = 'cancelled', outcome = 'undone', done_at = :now, version = version + 1
     where person_id = :id and created_at = :at and state in ('open', 'snoozed')
       and id <> all(select (r->>'id')::bigint from jsonb_array_elements(cast(:tasks as jsonb)) r)
    """,
    """
    update tasks t set state = r.state, due_at = r.due_at, not_before = r.not_before, promised_at = r.promised_at,
           tries = r.tries, outcome = r.outcome, done_at = r.done_at, done_by = r.done_by, version = t.version + 1
      from jsonb_populate_recordset(null::tasks, cast(:tasks as jsonb)) r where t.id = r.id
       and (t.state, t.tries, t.due_at) is distinct from (r.state, r.tries, r.due_at)
    """,
    """
    delete from hand_offs h using product_leads l
     where l.id = h.lead_id and l.person_id = :id and h.created_at = :at and h.state in ('held', 'offered')
       and h.id <> all(select (r->>'id')::bigint from jsonb_array_elements(cast(:hand_offs as jsonb)) r)
    """,
    """
    update hand_offs h set state = r.state, held_reason = r.held_reason, p_win = r.p_win, bar = r.bar,
           asked_by_customer = r.asked_by_customer, reasons = r.reasons, returned_reason = r.returned_reason,
           created_at = r.created_at, resolved_at = r.resolved_at
      from jsonb_populate_recordset(null::hand_offs, cast(:hand_offs as jsonb)) r where h.id = r.id
    """,
    """
    update product_leads l set state = r.state, refused_until = r.refused_until, no_call_before = r.no_call_before,
           no_hand_off_before = r.no_hand_off_before, recycles = r.recycles, timeframe = r.timeframe,
           version = l.version + 1
      from jsonb_populate_recordset(null::product_leads, cast(:leads as jsonb)) r where l.id = r.id
    """,
    """
    update affiliations f set ended_on = r.ended_on
      from jsonb_populate_recordset(null::affiliations, cast(:affiliations as jsonb)) r where f.id = r.id
    """,
    "update alerts set seen_at = :now where person_id = :id and at = :at and seen_at is null",
)


def restore(tx: Connection, before: Mapping[str, Any], *, at: datetime, now: datetime) -> None:
    """Put back what stood before a result recorded at that instant; what it made is taken away."""
    values = {
        key: json.dumps(before[key]) for key in ("person", "leads", "tasks", "hand_offs", "affiliations")
    }
    for statement in RESTORE:
        tx.execute(text(statement), {**values, "id": before["person"]["id"], "at": at, "now": now})


@dataclass(frozen=True, slots=True)
class LastCall:
    """A user's last recorded call, with what stood before it. task_version: as the record left it."""

    attempt_id: int
    task_id: int
    person_id: int
    at: datetime
    result: str
    note: str
    before: dict[str, Any]
    task_version: int
    current_version: int


def last_of(tx: Connection, *, user_id: int | None, since: datetime) -> LastCall | None:
    """The last call that this user recorded since then and that can be undone."""
    row = tx.execute(
        text(
            """
            select a.id as attempt_id, a.task_id, a.person_id, a.at, a.result, a.note,
                   cast(v.old as jsonb) as before, cast(v.new as int) as task_version,
                   t.version as current_version
              from call_attempts a
              join tasks t on t.id = a.task_id
              join audit_log g on g.noun = 'call' and g.noun_id = a.id and g.action = 'record'
              join audit_values v on v.audit_id = g.id and v.field = 'before' and v.old is not null
             where a.user_id is not distinct from :me and a.at >= :since
             order by a.at desc, a.id desc limit 1
            """
        ),
        {"me": user_id, "since": since},
    ).first()
    return LastCall(**row._mapping) if row else None


def forget(tx: Connection, attempt_id: int) -> None:
    """Take back a call that was recorded by a slip: the attempt and its touchpoint never happened."""
    tx.execute(text("delete from touchpoints where source_key = :key"), {"key": f"call:{attempt_id}"})
    tx.execute(text("delete from call_attempts where id = :id"), {"id": attempt_id})
