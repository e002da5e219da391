"""The outbox: claiming deliveries, and the facts of the last question.

Every statement takes a batch. What must be fast names its index.
"""

from __future__ import annotations

from collections.abc import Sequence
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


def claim(
    tx: Connection,
    *,
    token: str,
    now: datetime,
    limit: int,
    lane: Lane = Lane.ALL,
    since: datetime | None = None,
) -> list[Due]:
    """Take the next due deliveries into `handing`, in one conditional UPDATE. Indexes as `is_due`.

    since: campaign mails of before it are left where they are: their day is over (`services.replan`).
    """
    rows = tx.execute(
        text(
            f"""
            with due as materialized (
              select id from deliveries
               where state in ('planned', 'retry') and send_at <= :now{_LANES[lane]}
                 and (cast(:since as timestamptz) is null or send_at >= :since or class = 'transactional')
                 and not (select paused from stops where id = 1)
               order by send_at, id limit :n for update skip locked)
            update deliveries d set state = 'handing', claim_token = :token
              from due where d.id = due.id
            returning d.id, d.send_at, d.month
            """  # noqa: S608 - a constant of this module
        ),
        {"token": token, "now": now, "n": limit, "since": since},
    ).all()
    return [Due(row.id, row.month) for row in sorted(rows, key=lambda row: (row.send_at, row.id))]


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
                 -- of several that slipped, perhaps from different months, the first alone: they all want one slot
                 and not exists (select 1 from mail_slots o
                       where o.delivery_id = any(:ids) and o.month < :month and o.delivery_id < s.delivery_id
                         and (o.person_id = s.person_id or o.address_id = s.address_id))
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
       case when sp.warmup_from is not null then sp.id end as warmed_profile, sp.warmup_from, sp.warmup_first,
       coalesce(pr.tone_every, 4) as tone_every
  from deliveries d
  left join people p on p.id = d.person_id
  left join addresses a on a.id = d.address_id
  left join products pr on pr.id = d.product_id
  left join sender_profiles sp on sp.id = case when d.product_id is null then (select min(id) from sender_profiles)
                                               else pr.sender_profile_id end
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
    return {row[0]: _known(row, zone) for row in rows.all()}


def _known(row: Sequence[Any], zone: ZoneInfo) -> Known:
    """By place, since a batch has hundreds of rows: the order of `FACTS`."""
    (_, klass, valid_until, tone, _, slot_month, address_status, lead_state, rank, company_class) = row[:10]
    is_product_active, is_complete, hold, refusal, has_consent, tones, next_free_on = row[10:17]
    attempts, domain, account, warmed, warmup_from, warmup_first, tone_every = row[17:]
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
            tone_every=tone_every,
            next_free_on=next_free_on,
            zone=zone,
        ),
        attempts,
        domain,
        account,
        None if warmed is None or transactional else WarmUp(warmed, warmup_from, warmup_first),
    )


_TONES = {tone.value: tone for tone in Tone}
