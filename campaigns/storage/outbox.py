"""The outbox: claiming deliveries, the facts of the last question, and settling what came of them.

Every statement takes a batch. What must be fast names its index.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any
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


class Lane(StrEnum):
    """Which mails a sender takes. express: answers and notices, which never wait behind a campaign."""

    ALL = "all"
    EXPRESS = "express"
    BULK = "bulk"


# ix_deliveries_due and ix_deliveries_due_express are partial on just these conditions.
_LANES = {
    Lane.ALL: "",
    Lane.EXPRESS: " and class = 'transactional'",
    Lane.BULK: " and class <> 'transactional'",
}


def is_due(tx: Connection, *, now: datetime, lane: Lane = Lane.ALL) -> bool:
    """Whether anything waits to be handed over. Indexes ix_deliveries_due, ix_deliveries_due_express."""
    return bool(
        tx.execute(
            text(
                "select exists (select 1 from deliveries where state in ('planned', 'retry')"  # noqa: S608
                f" and send_at <= :now{_LANES[lane]}) and not (select paused from stops where id = 1)"
            ),
            {"now": now},
        ).scalar()
    )


@dataclass(frozen=True, slots=True)
class Due:
    """One delivery of a claim. month: whose slot it holds so far."""

    id: int
    month: int


def claim(tx: Connection, *, token: str, now: datetime, limit: int, lane: Lane = Lane.ALL) -> list[Due]:
    """Take the next due deliveries into `handing`, in one conditional UPDATE. Indexes as `is_due`."""
    rows = tx.execute(
        text(
            f"""
            with due as materialized (
              select id from deliveries
               where state in ('planned', 'retry') and send_at <= :now{_LANES[lane]}
                 and not (select paused from stops where id = 1)
               order by send_at, id limit :n for update skip locked)
            update deliveries d set state = 'handing', claim_token = :token
              from due where d.id = due.id
            returning d.id, d.send_at, d.month
            """  # noqa: S608 - a constant of this module
        ),
        {"token": token, "now": now, "n": limit},
    ).all()
    return [Due(row.id, row.month) for row in sorted(rows, key=lambda row: (row.send_at, row.id))]


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
       case when sc.status = 'ended' then 'scenario_ended' when pr.is_paused then 'product_paused'
            when sc.status = 'paused' then 'scenario_paused' else '' end as hold,
       case when d.class = 'transactional' then null else
         {permission.refusal(product="d.product_id", enrolled="coalesce(e.created_at, d.created_at)")}
       end as refusal,
       d.class = 'transactional' or {permission.consent(product="d.product_id")} as has_consent,
       case when d.tone = 'info' then '{{}}' else (select coalesce(array_agg(x.tone), '{{}}') from (
          select tone from deliveries b where b.person_id = d.person_id and b.class <> 'transactional'
             and b.state in ('sent', 'in_doubt') order by b.sent_at desc limit 11) x) end as recent_tones,
       -- A mail that left late moves the gap after the next one was planned: asked again here.
       -- Scalar subqueries, not joins: with the statistics of a moment ago ("nothing is sent yet") the planner
       -- would read every sent mail once a row.
       case when d.class = 'counted' then (
         select (max((select o.sent_at from deliveries o
                       where o.id = m.delivery_id and o.state in ('sent', 'in_doubt')))
                 at time zone :zone)::date
                + (select case when cap_max > 1 then 7 else 21 end from house)
           from (select delivery_id from mail_slots where person_id = d.person_id and month >= d.month - 1
                 union all
                 select delivery_id from mail_slots where address_id = d.address_id and month >= d.month - 1) m
          where m.delivery_id <> d.id
       ) end as next_free_on,
       d.attempts, coalesce(a.domain, '') as domain, coalesce(sp.smtp_account, '') as account,
       case when sp.warmup_from is not null then sp.id end as warmed_profile, sp.warmup_from, sp.warmup_first
  from deliveries d
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
 where d.id = any(:ids)
"""  # noqa: S608 - constants of the storage layer


_FACTS = text(FACTS)


@dataclass(frozen=True, slots=True)
class WarmUp:
    """A sender profile whose domain is new. first: the most mails of the first day."""

    profile_id: int
    start: date
    first: int


@dataclass(frozen=True, slots=True)
class Known:
    """facts: for the last question. attempts: refusals so far. domain: where the mailbox is, "" when unknown.

    account: the SMTP account its sender asks for, "" for any. warm_up: of its sender's domain, if there is one.
    """

    facts: SendFacts
    attempts: int
    domain: str
    account: str
    warm_up: WarmUp | None


def facts(tx: Connection, ids: Sequence[int], *, zone: ZoneInfo) -> dict[int, Known]:
    """All that may forbid these mails, for the whole batch in one query."""
    rows = tx.execute(_FACTS, {"ids": list(ids), "zone": zone.key})
    return {row[0]: _known(row, zone) for row in rows}


def _known(row: Sequence[Any], zone: ZoneInfo) -> Known:
    """By place, since a batch has hundreds of rows: the order of `FACTS`."""
    (_, klass, valid_until, tone, _, slot_month, address_status, lead_state, rank, company_class) = row[:10]
    is_product_active, is_complete, hold, refusal, has_consent, tones, next_free_on = row[10:17]
    attempts, domain, account, warmed, warmup_from, warmup_first = row[17:]
    transactional = klass == "transactional"
    return Known(
        SendFacts(
            address_status=address_status,
            refusal=refusal,
            has_consent=has_consent,
            is_transactional=transactional,
            lead_state=lead_state,
            is_product_active=is_product_active,
            is_profile_complete=transactional or is_complete,
            hold=hold,
            valid_until=valid_until,
            slot_month=None if transactional else slot_month,
            tone=_TONES[tone],
            company_class=company_class,
            rank=rank,
            recent_tones=tuple(tones),
            next_free_on=next_free_on,
            zone=zone,
        ),
        attempts,
        domain,
        account,
        None if warmed is None or transactional else WarmUp(warmed, warmup_from, warmup_first),
    )


_TONES = {tone.value: tone for tone in Tone}


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
    account: str = ""


SETTLE = """
update deliveries d
   set state = q.state, reason = q.reason, smtp_code = coalesce(q.code, d.smtp_code),
       smtp_text = case when q.text = '' then d.smtp_text else q.text end,
       sent_at = coalesce(q.sent_at, d.sent_at), send_at = coalesce(q.send_at, d.send_at),
       until = q.until, attempts = d.attempts + q.attempted, claim_token = null, settled_at = :now,
       account = case when q.account = '' then d.account else q.account end
  from unnest(cast(:id as bigint[]), cast(:state as text[]), cast(:reason as text[]), cast(:code as int[]),
              cast(:text as text[]), cast(:sent_at as timestamptz[]), cast(:send_at as timestamptz[]),
              cast(:until as date[]), cast(:attempted as int[]), cast(:account as text[]))
       as q(id, state, reason, code, text, sent_at, send_at, until, attempted, account)
 where d.id = q.id and d.state = 'handing' and d.claim_token = :token
returning d.id, coalesce(d.product_id, 0) as product_id,
          coalesce((select scenario_id from enrollments e where e.id = d.enrollment_id), 0) as scenario_id
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
        for name in ("id", "state", "reason", "code", "text", "sent_at", "send_at", "until", "account")
    }
    values["attempted"] = [int(row.attempted) for row in batch]
    _lock(tx, [row.id for row in batch if row.state not in KEPT])
    owners = {
        row.id: (row.product_id, row.scenario_id)
        for row in tx.execute(text(SETTLE), {**values, "token": token, "now": now})
    }
    done = [row for row in batch if row.id in owners]
    today = now.astimezone(ZoneInfo(zone)).date()
    _rewind(tx, [row.id for row in done if row.state in WAITING])
    free_slots(tx, [row.id for row in done if row.state not in KEPT], today=today, zone=zone)
    _move_gap(tx, [row.id for row in done if row.state in COUNTED], zone=zone)
    _count_day(tx, done, owners, today=today)
    return [row.id for row in done]


def _count_day(
    tx: Connection, rows: Sequence[Settled], owners: Mapping[int, tuple[int, int]], *, today: date
) -> None:
    """Add what this batch brought to the day's sums. Last in its transaction: every sender adds to these rows."""
    sums: dict[tuple[int, int], Counter[str]] = {}
    for row in rows:
        if row.state in ("sent", "failed", "in_doubt"):
            sums.setdefault(owners[row.id], Counter())[row.state] += 1
    if not sums:
        return
    keys = sorted(sums)
    tx.execute(
        text(
            """
            insert into mail_days as m (day, product_id, scenario_id, sent, failed, in_doubt)
            select cast(:day as date), q.* from unnest(cast(:product as bigint[]), cast(:scenario as bigint[]),
                   cast(:sent as int[]), cast(:failed as int[]), cast(:in_doubt as int[])) as q
            on conflict (day, product_id, scenario_id) do update
               set sent = m.sent + excluded.sent, failed = m.failed + excluded.failed,
                   in_doubt = m.in_doubt + excluded.in_doubt
            """
        ),
        {
            "day": today,
            "product": [product for product, _ in keys],
            "scenario": [scenario for _, scenario in keys],
            **{state: [sums[key][state] for key in keys] for state in ("sent", "failed", "in_doubt")},
        },
    )


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


MOVE_GAP = """
with q as materialized (
  select d.person_id, d.address_id,
         (d.sent_at at time zone :zone)::date
         + (select case when cap_max > 1 then 7 else 21 end from house) as free_on
    from deliveries d where d.id = any(:ids) and d.class <> 'transactional'),
people as (
  update pace x set next_free_on = q.free_on from q
   where x.person_id = q.person_id and (x.next_free_on is null or x.next_free_on < q.free_on))
update addresses x set next_free_on = q.free_on from q
 where x.id = q.address_id and (x.next_free_on is null or x.next_free_on < q.free_on)
"""


def _move_gap(tx: Connection, ids: Sequence[int], *, zone: str) -> None:
    """A mail that left later than planned moves the gap along: 21 days count from the hand-over."""
    if ids:
        tx.execute(text(MOVE_GAP), {"ids": list(ids), "zone": zone})


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
