"""The outbox: claiming deliveries, the facts of the last question, and settling what came of them.

Every statement takes a batch. What must be fast names its index.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, text

from campaigns.rules.deliveries import SendFacts
from campaigns.rules.tones import Tone
from campaigns.storage import permission


@dataclass(frozen=True, slots=True)
class Stops:
    """The stop counter: it moves with every refusal, pause and erasure."""

    n: int
    paused: bool


def stops(tx: Connection) -> Stops:
    """The counter now: one row, read before each body (at most 200 ms old)."""
    row = tx.execute(text("select n, paused from stops where id = 1")).one()
    return Stops(row.n, row.paused)


def bump_stops(tx: Connection) -> None:
    """A commit that forbids mails moves the counter, so running batches load their facts again."""
    tx.execute(text("update stops set n = n + 1 where id = 1"))


def is_due(tx: Connection, *, now: datetime) -> bool:
    """Whether anything waits to be handed over. Index ix_deliveries_due."""
    return bool(
        tx.execute(
            text(
                "select exists (select 1 from deliveries where state in ('planned', 'retry')"
                " and send_at <= :now) and not (select paused from stops where id = 1)"
            ),
            {"now": now},
        ).scalar()
    )


def claim(tx: Connection, *, token: str, now: datetime, limit: int) -> list[int]:
    """Take the next due deliveries into `handing`, in one conditional UPDATE. Index ix_deliveries_due."""
    rows = tx.execute(
        text(
            """
            with due as materialized (
              select id from deliveries
               where state in ('planned', 'retry') and send_at <= :now
                 and not (select paused from stops where id = 1)
               order by send_at, id limit :n for update skip locked)
            update deliveries d set state = 'handing', claim_token = :token
              from due where d.id = due.id
            returning d.id, d.send_at
            """
        ),
        {"token": token, "now": now, "n": limit},
    ).all()
    return [row.id for row in sorted(rows, key=lambda row: (row.send_at, row.id))]


def note_claim(
    tx: Connection,
    *,
    token: str,
    host: str,
    journal_dir: str,
    boot_id: str,
    worker: str,
    size: int,
    now: datetime,
    lease_until: datetime,
) -> None:
    """The claim's row, in the commit that takes the deliveries: where its journal lies."""
    tx.execute(
        text(
            "insert into claims (token, host, journal_dir, boot_id, worker, size, claimed_at, lease_until)"
            " values (:token, :host, :journal_dir, :boot_id, :worker, :size, :now, :lease_until)"
        ),
        {
            "token": token,
            "host": host,
            "journal_dir": journal_dir,
            "boot_id": boot_id,
            "worker": worker,
            "size": size,
            "now": now,
            "lease_until": lease_until,
        },
    )


def rekey(tx: Connection, ids: Sequence[int], *, month: int) -> None:
    """A mail that slipped over the month's edge needs the new month's slot; it moves there if it is free.

    Where it is not, slot and month stay as they are, and `may_send` answers month_passed.
    """
    tx.execute(
        text(
            """
            with moved as (
              update mail_slots s set month = :month
                from deliveries d
               where d.id = any(:ids) and s.delivery_id = d.id and s.month < :month
                 and not exists (select 1 from mail_slots o where o.month = :month
                       and (o.person_id = s.person_id or o.address_id = s.address_id))
                 and not exists (select 1 from mail_slots o join deliveries od on od.id = o.delivery_id
                       where o.month = s.month and o.address_id = s.address_id and o.id < s.id
                         and od.id = any(:ids))
              returning s.delivery_id)
            update deliveries d set month = :month from moved where d.id = moved.delivery_id
            """
        ),
        {"ids": list(ids), "month": month},
    )


FACTS = f"""
select d.id, d.class as klass, d.valid_until, d.tone, d.month, coalesce(sl.month, 0) as slot_month,
       coalesce(a.status, 'unknown') as address_status,
       case when p.merged_into is not null or p.excluded_reason <> '' then 'excluded'
            else coalesce(l.state, 'nurturing') end as lead_state,
       coalesce(l.rank, 'nurture') as rank, coalesce(co.class, '-') as company_class,
       coalesce(pr.is_active, true) as is_product_active,
       coalesce(sp.legal_name <> '' and sp.postal_address <> '' and sp.inquiry <> ''
                and sp.from_address <> '', false) as is_profile_complete,
       coalesce(sc.status in ('paused', 'ended'), false) as is_paused,
       case when d.class = 'transactional' then null else
         {permission.refusal(product="d.product_id", enrolled="coalesce(e.created_at, d.created_at)")}
       end as refusal,
       d.class = 'transactional' or {permission.consent(product="d.product_id")} as has_consent,
       (select coalesce(array_agg(x.tone), '{{}}') from (
          select tone from deliveries b where b.person_id = d.person_id and b.class <> 'transactional'
             and b.state in ('sent', 'in_doubt') order by b.sent_at desc limit 11) x) as recent_tones,
       -- A mail that left late moves the gap after the next one was planned: asked again here.
       case when d.class = 'counted' then (
         select (max(o.sent_at) at time zone :zone)::date
                + (select case when cap_max > 1 then 7 else 21 end from house)
           from (select delivery_id from mail_slots where person_id = d.person_id and month >= d.month - 1
                 union
                 select delivery_id from mail_slots where address_id = d.address_id and month >= d.month - 1) m
           join deliveries o on o.id = m.delivery_id and o.id <> d.id and o.state in ('sent', 'in_doubt')
       ) end as next_free_on
  from unnest(cast(:ids as bigint[])) as q(id)
  join deliveries d on d.id = q.id
  left join people p on p.id = d.person_id
  left join addresses a on a.id = d.address_id
  left join products pr on pr.id = d.product_id
  left join sender_profiles sp on sp.id = pr.sender_profile_id
  left join enrollments e on e.id = d.enrollment_id
  left join scenarios sc on sc.id = e.scenario_id
  left join product_leads l on l.person_id = d.person_id and l.product_id = d.product_id
  left join affiliations f on f.person_id = d.person_id and f.is_current
  left join companies co on co.id = f.company_id
  left join mail_slots sl on sl.delivery_id = d.id
"""  # noqa: S608 - constants of the storage layer


def facts(tx: Connection, ids: Sequence[int], *, zone: ZoneInfo) -> dict[int, SendFacts]:
    """All that may forbid these mails, for the whole batch in one query."""
    found = {}
    for row in tx.execute(text(FACTS), {"ids": list(ids), "zone": zone.key}):
        transactional = row.klass == "transactional"
        found[row.id] = SendFacts(
            address_status=row.address_status,
            refusal=row.refusal,
            has_consent=row.has_consent,
            is_transactional=transactional,
            lead_state=row.lead_state,
            is_product_active=row.is_product_active,
            is_profile_complete=transactional or row.is_profile_complete,
            is_paused=row.is_paused,
            valid_until=row.valid_until,
            slot_month=None if transactional else row.slot_month,
            tone=Tone(row.tone),
            company_class=row.company_class,
            rank=row.rank,
            recent_tones=tuple(row.recent_tones),
            next_free_on=row.next_free_on,
            zone=zone,
        )
    return found


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of one claimed delivery. at: when it was sent, or when to try again."""

    id: int
    state: str
    reason: str = ""
    code: int | None = None
    text: str = ""
    sent_at: datetime | None = None
    send_at: datetime | None = None
    until: date | None = None
    attempted: bool = False


SETTLE = """
update deliveries d
   set state = q.state, reason = q.reason, smtp_code = coalesce(q.code, d.smtp_code),
       smtp_text = case when q.text = '' then d.smtp_text else q.text end,
       sent_at = coalesce(q.sent_at, d.sent_at), send_at = coalesce(q.send_at, d.send_at),
       until = q.until, attempts = d.attempts + q.attempted, claim_token = null, settled_at = :now
  from unnest(cast(:id as bigint[]), cast(:state as text[]), cast(:reason as text[]), cast(:code as int[]),
              cast(:text as text[]), cast(:sent_at as timestamptz[]), cast(:send_at as timestamptz[]),
              cast(:until as date[]), cast(:attempted as int[]))
       as q(id, state, reason, code, text, sent_at, send_at, until, attempted)
 where d.id = q.id and d.state = 'handing' and d.claim_token = :token
returning d.id
"""

HOLDING = "('planned', 'handing', 'sent', 'retry', 'in_doubt')"
# Unsent for now: the step is asked again, so the enrolment goes back to it.
WAITING = ("carried_over", "no_consent")
COUNTED = ("sent", "in_doubt")
KEPT = ("planned", "retry", *COUNTED)


def settle(tx: Connection, rows: Iterable[Settled], *, token: str, now: datetime, zone: str) -> list[int]:
    """Write the ends of a claim's deliveries and free the slots of the unsent; returns the ids settled.

    Only rows that this claim still holds are touched, so a second settling changes nothing.
    """
    batch = list(rows)
    if not batch:
        return []
    values: dict[str, object] = {
        name: [getattr(row, name) for row in batch]
        for name in ("id", "state", "reason", "code", "text", "sent_at", "send_at", "until")
    }
    values["attempted"] = [int(row.attempted) for row in batch]
    _lock(tx, [row.id for row in batch if row.state not in KEPT])
    done = [row.id for row in tx.execute(text(SETTLE), {**values, "token": token, "now": now})]
    settled = set(done)
    _rewind(tx, [row.id for row in batch if row.id in settled and row.state in WAITING])
    free_slots(tx, done, today=now.astimezone(ZoneInfo(zone)).date(), zone=zone)
    _move_gap(tx, [row for row in batch if row.id in settled and row.state in COUNTED], zone=zone)
    return done


def _lock(tx: Connection, ids: Sequence[int]) -> None:
    """Lock pace and enrolments of what gives its slot back, before the deliveries: the planner's order."""
    if ids:
        for query in (
            "select 1 from pace where person_id in (select person_id from deliveries where id = any(:ids))"
            " order by person_id for update",
            "select 1 from enrollments where id in (select enrollment_id from deliveries where id = any(:ids))"
            " order by id for update",
        ):
            tx.execute(text(query), {"ids": list(ids)})


def _rewind(tx: Connection, ids: Sequence[int]) -> None:
    """The step of a mail that waits after all is the enrolment's next step again.

    Where a later step holds a month already, or the step is gone, the mail is cancelled instead: steps
    keep their order (spec 3.1.7), and nothing waits for a decision that never comes.
    """
    if not ids:
        return
    tx.execute(
        text(
            f"""
            update enrollments e
               set position = s.position, due_month = d.month, status = 'active', reason = ''
              from deliveries d, steps s
             where d.id = any(:ids) and e.id = d.enrollment_id
               and s.version_id = e.version_id and s.key = d.step_key and s.position < e.position
               and (e.status = 'active' or e.reason = 'finished')
               and not exists (
                   select 1 from deliveries o join steps later on later.version_id = e.version_id
                          and later.key = o.step_key and later.position > s.position
                    where o.enrollment_id = e.id and o.state in {HOLDING})
            """  # noqa: S608 - a constant of this module
        ),
        {"ids": list(ids)},
    )
    tx.execute(
        text(
            """
            update deliveries d set state = 'cancelled', reason = 'overtaken', until = null
              from enrollments e
             where d.id = any(:ids) and e.id = d.enrollment_id
               and not exists (select 1 from steps s where s.version_id = e.version_id
                      and s.key = d.step_key and s.position = e.position and e.status in ('active', 'paused'))
            """
        ),
        {"ids": list(ids)},
    )


def _move_gap(tx: Connection, rows: Sequence[Settled], *, zone: str) -> None:
    """A mail that left later than planned moves the gap along: 21 days count from the hand-over."""
    values = {"ids": [row.id for row in rows], "at": [row.sent_at for row in rows], "zone": zone}
    for query in (
        "update pace x set next_free_on = q.free_on from q where x.person_id = q.person_id",
        "update addresses x set next_free_on = q.free_on from q where x.id = q.address_id",
    ):
        tx.execute(
            text(
                f"""
                with q as (
                  select d.person_id, d.address_id,
                         (r.at at time zone :zone)::date
                         + (select case when cap_max > 1 then 7 else 21 end from house) as free_on
                    from unnest(cast(:ids as bigint[]), cast(:at as timestamptz[])) as r(id, at)
                    join deliveries d on d.id = r.id and d.class <> 'transactional')
                {query} and (x.next_free_on is null or x.next_free_on < q.free_on)
                """  # noqa: S608 - constants of this function
            ),
            values,
        )


# The end of the gap after the last mail that holds a slot, in the installation's zone; null without one.
GAP_END = """
    (select (max(coalesce(d.sent_at, d.send_at)) at time zone :zone)::date
            + (select case when cap_max > 1 then 7 else 21 end from house)
       from mail_slots s join deliveries d on d.id = s.delivery_id
      where s.{column} = {id})
"""


def free_slots(tx: Connection, ids: Sequence[int], *, today: date, zone: str) -> None:
    """Give back slot and gap of those among `ids` that no longer hold them, and ask the planner again.

    today: a hint for the planner's queue; zone: the installation's, by name.
    """
    freed = tx.execute(
        text(
            f"""
            delete from mail_slots s using deliveries d
             where d.id = any(:ids) and s.delivery_id = d.id and d.state not in {HOLDING}
            returning s.person_id, s.address_id
            """  # noqa: S608 - a constant of this module
        ),
        {"ids": list(ids)},
    ).all()
    if not freed:
        return
    people = [row.person_id for row in freed]
    # The gap goes back to what the last other mail asks for, sent or planned.
    tx.execute(
        text(
            f"update pace p set next_free_on = {GAP_END.format(column='person_id', id='p.person_id')},"  # noqa: S608
            " plan_at = least(plan_at, cast(:today as date)) where p.person_id = any(:people)"
        ),
        {"people": people, "today": today, "zone": zone},
    )
    tx.execute(
        text(
            f"update addresses a set next_free_on = {GAP_END.format(column='address_id', id='a.id')}"  # noqa: S608
            " where a.id = any(:addresses)"
        ),
        {"addresses": [row.address_id for row in freed], "zone": zone},
    )


def mark_addresses_hard(tx: Connection, ids: Sequence[int], *, now: datetime) -> None:
    """The receiving server said at once that these mailboxes do not exist."""
    if ids:
        tx.execute(
            text(
                "update addresses a set status = 'hard', status_reason = d.smtp_text, status_at = :now"
                " from deliveries d where d.id = any(:ids) and a.id = d.address_id"
            ),
            {"ids": list(ids), "now": now},
        )


def close_claim(tx: Connection, token: str, *, verdict: str, now: datetime) -> None:
    """The claim is over."""
    tx.execute(
        text("update claims set settled_at = :now, verdict = :verdict where token = :token"),
        {"token": token, "verdict": verdict, "now": now},
    )


@dataclass(frozen=True, slots=True)
class Claim:
    """An open claim: who holds which journal, until when at the least."""

    token: str
    host: str
    journal_dir: str
    boot_id: str
    lease_until: datetime


def open_claims(tx: Connection) -> list[Claim]:
    """Claims that nobody has settled. Index ix_claims_open."""
    rows = tx.execute(
        text(
            "select token, host, journal_dir, boot_id, lease_until from claims where settled_at is null"
            " order by claimed_at limit 200"
        )
    )
    return [Claim(**row._mapping) for row in rows]


def still_open(tx: Connection, tokens: Sequence[str]) -> set[str]:
    """Those of the tokens whose claim is open."""
    rows = tx.execute(
        text("select token from claims where token = any(:tokens) and settled_at is null"),
        {"tokens": list(tokens)},
    )
    return {row.token for row in rows}


def lock_claim(tx: Connection, token: str) -> bool:
    """Take the claim for settling; False if another sweep has it or it is settled."""
    row = tx.execute(
        text("select 1 from claims where token = :token and settled_at is null for update skip locked"),
        {"token": token},
    ).first()
    return row is not None


def held(tx: Connection, token: str) -> list[int]:
    """Deliveries in this claim's hands. Index ix_deliveries_handing."""
    rows = tx.execute(
        text("select id from deliveries where claim_token = :token and state = 'handing' order by id"),
        {"token": token},
    )
    return [row.id for row in rows]


def attempts(tx: Connection, ids: Sequence[int]) -> dict[int, int]:
    """How often each was tried before."""
    rows = tx.execute(text("select id, attempts from deliveries where id = any(:ids)"), {"ids": list(ids)})
    return {row.id: row.attempts for row in rows}
