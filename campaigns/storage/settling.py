"""Settling: the ends of claimed deliveries, with everything that hangs on them: slot, gap, enrolment, day sums.

Every statement takes a batch.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, text

from campaigns.rules.schedule import REP_DAYS
from campaigns.rules.touchpoints import Kind
from campaigns.storage import holds


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of one claimed delivery. sent_at: when it was handed over; send_at: when to try again.

    is_gone: the server said that there is no such mailbox; refusals for our own sake do not touch the address.
    """

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
    is_gone: bool = False


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
          coalesce((select scenario_id from enrollments e where e.id = d.enrollment_id), 0) as scenario_id,
          -- Whether it left so late that the gap must move; as a rule the planner's gap holds already.
          d.state in ('sent', 'in_doubt') and d.class <> 'transactional' and not coalesce(
            (d.sent_at at time zone :zone)::date + (select case when cap_max > 1 then 7 else 21 end from house)
            <= all (array[(select next_free_on from pace p where p.person_id = d.person_id),
                          (select next_free_on from addresses a where a.id = d.address_id)]), false) as is_late
"""
HOLDING = "('planned', 'handing', 'sent', 'retry', 'in_doubt')"
# Unsent for now: the step is asked again, so the enrolment goes back to it.
WAITING = ("carried_over", "no_consent")
COUNTED = ("sent", "in_doubt")
KEPT = ("planned", "retry", *COUNTED)


def settle(
    tx: Connection, rows: Iterable[Settled], *, token: str, now: datetime, zone: str
) -> dict[int, tuple[int, int]]:
    """Write the ends of a claim's deliveries and free the slots of the unsent.

    Returns what was settled: id -> (product, scenario), 0 for none, as `count_day` wants them.

    Only rows that this claim still holds are touched, so a second settling changes nothing.
    """
    batch = list(rows)
    if not batch:
        return {}
    values: dict[str, object] = {
        name: [getattr(row, name) for row in batch]
        for name in ("id", "state", "reason", "code", "text", "sent_at", "send_at", "until", "account")
    }
    values["attempted"] = [int(row.attempted) for row in batch]
    leaving = [row.id for row in batch if row.state not in KEPT]
    if leaving:
        holds.lock_people(tx, leaving)
    owners, late = {}, []
    for row in tx.execute(text(SETTLE), {**values, "token": token, "now": now, "zone": zone}).all():
        owners[row.id] = row.product_id, row.scenario_id
        if row.is_late:
            late.append(row.id)
    done = [row for row in batch if row.id in owners]
    today = now.astimezone(ZoneInfo(zone)).date()
    rewind(tx, [row.id for row in done if row.state in WAITING])
    free_slots(tx, [row.id for row in done if row.state not in KEPT], today=today, zone=zone)
    _move_gap(tx, late, zone=zone)
    return owners


def count_day(
    tx: Connection, rows: Iterable[Settled], owners: Mapping[int, tuple[int, int]], *, today: date
) -> None:
    """Add what this batch brought to the day's sums. Last in its transaction: every sender adds to these rows."""
    sums: dict[tuple[int, int], Counter[str]] = {}
    for row in rows:
        if row.id in owners and row.state in ("sent", "failed", "in_doubt"):
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


# Which time the shelf gave a mail, as its origin says.
_ROUND = "nullif(split_part({0}.origin, '/round:', 2), '')::int"


def rewind(tx: Connection, ids: Sequence[int]) -> None:
    """The step of a mail that waits after all is the enrolment's next step again; of several the earliest.

    So is the round of a shelf. Where a later step or round holds a month already, or the step is gone, the mail
    is cancelled instead: steps keep their order (spec 3.1.7), and nothing waits for a decision that never
    comes. A mail that went in the place of a row is cancelled as well: its row never moved.
    """
    if not ids:
        return
    tx.execute(
        text(
            f"""
            update enrollments e
               set position = s.position, due_month = d.month, due_on = null, status = 'active', reason = '',
                   round = coalesce((
                     select min({_ROUND.format("o")}) from deliveries o
                       join steps k on k.version_id = e.version_id and k.key = o.step_key and k.kind = 'shelf'
                      where o.enrollment_id = e.id and o.id = any(:ids)), e.round)
              from deliveries d, steps s
             where d.id = any(:ids) and e.id = d.enrollment_id
               and s.version_id = e.version_id and s.key = d.step_key
               and (s.position < e.position or e.position = 0
                    or s.kind = 'shelf' and s.position = e.position and {_ROUND.format("d")} < e.round)
               and (e.status = 'active' or e.reason = 'finished')
               and not exists (
                   select 1 from deliveries o join steps later on later.version_id = e.version_id
                          and later.key = o.step_key and later.position > s.position
                    where o.enrollment_id = e.id and o.state in {HOLDING})
               and not exists (
                   select 1 from deliveries o where s.kind = 'shelf' and o.enrollment_id = e.id
                      and o.step_key = d.step_key and o.id <> d.id
                      and (o.state in {HOLDING} and {_ROUND.format("o")} > {_ROUND.format("d")}
                           or o.id = any(:ids) and {_ROUND.format("o")} < {_ROUND.format("d")}))
               and not exists (
                   select 1 from deliveries o join steps sooner on sooner.version_id = e.version_id
                          and sooner.key = o.step_key and sooner.position < s.position
                    where o.enrollment_id = e.id and o.id = any(:ids))
            """  # noqa: S608 - a constant of this module
        ),
        {"ids": list(ids)},
    )
    tx.execute(
        text(
            f"""
            update deliveries d set state = 'cancelled', until = null,
                   reason = case when d.step_key like 'silent:%' then 'planned_anew' else 'overtaken' end
              from enrollments e
             where d.id = any(:ids) and e.id = d.enrollment_id
               and not exists (select 1 from steps s where s.version_id = e.version_id
                      and s.key = d.step_key and s.position >= e.position and e.status in ('active', 'paused')
                      and (s.kind <> 'shelf' or {_ROUND.format("d")} >= e.round))
            """  # noqa: S608 - a constant of this module
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


# A rep's own mail to the person keeps ours away as well (3.1.2). Index ix_touchpoints_person_id_at.
REP_END = f"""
    (select (max(t.at) at time zone :zone)::date + {REP_DAYS} from touchpoints t
      where t.person_id = p.person_id and t.kind = '{Kind.MAIL_BY_REP.value}')
"""  # noqa: S608 - constants of the rules


def free_slots(tx: Connection, ids: Sequence[int], *, today: date, zone: str) -> None:
    """Give back slot and gap of those among `ids` that no longer hold them, and ask the planner again.

    today: a hint for the planner's queue; zone: the installation's, by name.
    """
    if not ids:
        return
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
            f"update pace p set next_free_on = greatest({GAP_END.format(column='person_id', id='p.person_id')},"  # noqa: S608
            f" {REP_END}),"
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


def mark_addresses_hard(tx: Connection, reasons: Mapping[int, str], *, now: datetime) -> None:
    """The receiving server said at once that these mailboxes do not exist. reasons: in words, by delivery."""
    if reasons:
        tx.execute(
            text(
                "update addresses a set status = 'hard', status_reason = q.reason, status_at = :now"
                " from unnest(cast(:ids as bigint[]), cast(:reasons as text[])) as q(id, reason)"
                " join deliveries d on d.id = q.id where a.id = d.address_id"
            ),
            {"ids": list(reasons), "reasons": list(reasons.values()), "now": now},
        )


def attempts(tx: Connection, ids: Sequence[int]) -> dict[int, int]:
    """How often each was tried before."""
    rows = tx.execute(text("select id, attempts from deliveries where id = any(:ids)"), {"ids": list(ids)})
    return {row.id: row.attempts for row in rows}
