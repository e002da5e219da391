"""What the planner reads and writes, a batch at a time.

Cost grows with what is due: `pace` holds one narrow row a person with the day of the next decision.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection, text

from campaigns.storage import permission


@dataclass(frozen=True, slots=True)
class DueStep:
    """A candidate: an active enrolment of a due person with the step that comes next."""

    person_id: int
    address_id: int | None
    company_id: int | None
    company_class: str
    enrollment_id: int
    product_id: int
    priority: int
    due_month: int
    start_month: int
    position: int
    step_key: str
    want_day: int
    tone: str
    content_id: int | None
    content_kind: str
    valid_until: date | None
    rank: str
    lead_state: str
    block: str | None
    next_offset: int | None
    next_want_day: int | None


@dataclass(frozen=True, slots=True)
class History:
    """What has gone to a person and its mailbox: months as integers, tones newest first.

    taken, slots: from the month of the decision on, of the person or of somebody else at the same mailbox.
    """

    person_id: int
    next_free_on: date | None
    every_months: int
    last_month: int
    silent_mails: int
    recent_tones: tuple[str, ...]
    taken: tuple[tuple[int, int], ...]  # (month, product_id) of slots that count
    slots: tuple[tuple[int, int], ...]  # (month, slot_no)

    @property
    def courtesy_months(self) -> tuple[int, ...]:
        return tuple(month for month, slot in self.slots if slot == 0)

    def free_slot(self, month: int) -> int:
        """The lowest free number: an earlier one may have been given back while a later one is held."""
        used = {slot for m, slot in self.slots if m == month}
        return next(number for number in range(1, len(used) + 2) if number not in used)


def due_people(tx: Connection, *, today: date, limit: int) -> list[int]:
    """Lock the next people whose decision is due. Index ix_pace_plan_at; SKIP LOCKED lets two planners share."""
    rows = tx.execute(
        text(
            "select person_id from pace where plan_at <= :today order by plan_at, person_id limit :n"
            " for update skip locked"
        ),
        {"today": today, "n": limit},
    )
    return [row.person_id for row in rows]


STEPS = f"""
select p.id as person_id, p.address_id, f.company_id, coalesce(co.class, '-') as company_class,
       e.id as enrollment_id, e.product_id, pr.priority, e.due_month, e.start_month, e.position,
       s.key as step_key, s.want_day, s.tone, s.content_id, coalesce(ct.kind, '') as content_kind,
       s.valid_until, coalesce(l.rank, 'unobserved') as rank, coalesce(l.state, 'new') as lead_state,
       case
         when p.merged_into is not null or p.excluded_reason <> '' then 'person_excluded'
         when a.id is null then 'no_address'
         when a.status in ('hard', 'complaint') then 'address_' || a.status
         when not pr.is_active then 'product_inactive'
         when l.rank = 'declined' then 'lead_declined'
         when l.state in ('hot', 'offered', 'with_sales', 'opportunity', 'paused') then 'lead_' || l.state
         when s.content_id is not null and exists (
              select 1 from deliveries d where d.person_id = p.id and d.content_id = s.content_id
                 and d.class <> 'transactional'
                 and d.state in ('planned', 'handing', 'sent', 'retry', 'in_doubt')
                 -- Asked row by row: without the offset the whole table is hashed for each batch.
                 offset 0) then 'content_repeated'
         else coalesce({permission.refusal(product="e.product_id", enrolled="e.created_at")},
              case when {permission.consent(product="e.product_id")} then null else 'no_consent' end)
       end as block,
       n.offset_months as next_offset, n.want_day as next_want_day
  from unnest(cast(:people as bigint[])) with ordinality as q(id, place)
  join people p on p.id = q.id
  join enrollments e on e.person_id = p.id and e.status = 'active'
  join scenarios sc on sc.id = e.scenario_id and sc.status = 'active'
  join steps s on s.version_id = e.version_id and s.position = e.position
  join products pr on pr.id = e.product_id and not pr.is_paused
  left join steps n on n.version_id = e.version_id and n.position = e.position + 1
  left join contents ct on ct.id = s.content_id
  left join addresses a on a.id = p.address_id
  left join affiliations f on f.person_id = p.id and f.is_current
  left join companies co on co.id = f.company_id
  left join product_leads l on l.person_id = p.id and l.product_id = e.product_id
 order by q.place, e.id
"""  # noqa: S608 - constants of the storage layer


def due_steps(tx: Connection, people: Sequence[int]) -> list[DueStep]:
    """The candidates of these people, in their order."""
    return [DueStep(*row) for row in tx.execute(text(STEPS), {"people": list(people)})]


HISTORY = """
select p.id as person_id, greatest(pa.next_free_on, a.next_free_on) as next_free_on,
       greatest(coalesce(pa.every_months, 1), coalesce(a.every_months, 1)) as every_months,
       coalesce(h.last_month, 0) as last_month, coalesce(h.silent, 0) as silent_mails,
       coalesce(h.tones, '{}') as recent_tones, coalesce(m.taken, '{}') as taken_pairs
  from unnest(cast(:people as bigint[])) as q(id)
  join people p on p.id = q.id
  join pace pa on pa.person_id = p.id
  left join addresses a on a.id = p.address_id
  left join lateral (
       select max(d.month) as last_month,
              array_agg(d.tone order by d.sent_at desc nulls first) as tones,
              count(*) filter (where d.sent_at > coalesce(sign.at, '-infinity')) as silent
         from (select max(t.at) as at from touchpoints t where t.person_id = p.id
                  and t.validity > 0 and t.depth >= 1) sign,
              (select month, tone, sent_at from deliveries
                where person_id = p.id and class <> 'transactional' and state in ('sent', 'in_doubt')
                order by sent_at desc limit 12) d) h on true
  left join lateral (
       select array_agg(array[s.month, s.product_id, s.slot_no]) as taken
         from (select month, product_id, slot_no from mail_slots where person_id = p.id and month >= :month
               union
               select month, product_id, slot_no from mail_slots
                where address_id = p.address_id and month >= :month) s) m on true
"""


def history(tx: Connection, people: Sequence[int], *, month: int) -> dict[int, History]:
    """Slots from `month` on, and the last counted mails, of each person."""
    found: dict[int, History] = {}
    for row in tx.execute(text(HISTORY), {"people": list(people), "month": month}):
        pairs = [(int(m), int(product), int(slot)) for m, product, slot in row.taken_pairs]
        found[row.person_id] = History(
            person_id=row.person_id,
            next_free_on=row.next_free_on,
            every_months=row.every_months,
            last_month=row.last_month,
            silent_mails=row.silent_mails,
            recent_tones=tuple(row.recent_tones),
            taken=tuple((m, product) for m, product, slot in pairs if slot != 0),
            slots=tuple((m, slot) for m, _, slot in pairs),
        )
    return found


@dataclass(frozen=True, slots=True)
class Row:
    """A decision to write: one due step in one state. slot_no is None where no slot is taken."""

    origin: str
    klass: str
    person_id: int
    address_id: int | None
    product_id: int
    enrollment_id: int
    content_id: int | None
    step_key: str
    tone: str
    month: int
    valid_until: date | None
    send_at: datetime | None
    state: str
    reason: str
    by_product_id: int | None
    until: date | None
    slot_no: int | None


# A column of a batch as one string: psycopg takes .02 s a list of 10,000, which was 1.3 s of every 20,000 people.
BETWEEN, NOTHING = "\x1f", "\x1e"


def _packed(values: Sequence[object]) -> str:
    return BETWEEN.join(NOTHING if value is None else str(value) for value in values)


def _unpacked(kinds: Sequence[tuple[str, str]]) -> str:
    """SQL of the arrays of packed columns. kinds: (name of the parameter, type)."""
    return ", ".join(
        f"cast(string_to_array(:{name}, '{BETWEEN}', '{NOTHING}') as {kind}[])" for name, kind in kinds
    )


WRITE = """
insert into deliveries (origin, class, person_id, address_id, product_id, enrollment_id, content_id,
       published_mail_id, step_key, tone, month, valid_until, send_at, state, reason, reason_args, until,
       created_at)
select r.origin, r.class, r.person_id, r.address_id, r.product_id, r.enrollment_id, r.content_id,
       case when r.state = 'planned' then (
        select m.id from published_mails m join enrollments e on e.version_id = m.version_id
          join people p on p.id = e.person_id
          left join affiliations f on f.person_id = p.id and f.is_current
         where e.id = r.enrollment_id and m.step_key = r.step_key
         order by (m.lang = p.preferred_lang) desc,
                  (m.buying_role = coalesce(f.buying_role, '')) desc, (m.buying_role = '') desc, m.id
         limit 1) end,
       r.step_key, r.tone, r.month, r.valid_until, r.send_at, r.state, r.reason,
       case when r.by_product is null then '{{}}'::jsonb else jsonb_build_object('product_id', r.by_product) end,
       r.until, :now
  from unnest({columns})
       as r(origin, class, person_id, address_id, product_id, enrollment_id, content_id, step_key, tone,
            month, valid_until, send_at, state, reason, by_product, until)
on conflict (origin) do update
   set class = excluded.class, address_id = excluded.address_id, content_id = excluded.content_id,
       published_mail_id = excluded.published_mail_id, tone = excluded.tone, month = excluded.month,
       valid_until = excluded.valid_until, send_at = excluded.send_at, state = excluded.state,
       reason = excluded.reason, reason_args = excluded.reason_args, until = excluded.until
 where deliveries.state in ('carried_over', 'no_consent')
returning id, origin
""".format(  # noqa: S608 - constants of this module
    columns=_unpacked(
        [
            ("origin", "text"),
            ("class", "text"),
            ("person_id", "bigint"),
            ("address_id", "bigint"),
            ("product_id", "bigint"),
            ("enrollment_id", "bigint"),
            ("content_id", "bigint"),
            ("step_key", "text"),
            ("tone", "text"),
            ("month", "int"),
            ("valid_until", "date"),
            ("send_at", "timestamptz"),
            ("state", "text"),
            ("reason", "text"),
            ("by_product", "bigint"),
            ("until", "date"),
        ]
    )
)

SLOTS = """
insert into mail_slots (person_id, address_id, product_id, month, slot_no, delivery_id)
select * from unnest({columns})
on conflict do nothing
returning delivery_id
""".format(
    columns=_unpacked(
        [
            ("person_id", "bigint"),
            ("address_id", "bigint"),
            ("product_id", "bigint"),
            ("month", "int"),
            ("slot_no", "smallint"),
            ("delivery_id", "bigint"),
        ]
    )
)


def write(tx: Connection, rows: Sequence[Row], *, now: datetime) -> dict[str, int]:
    """Insert or revive the decisions; returns {origin: delivery id} of those written."""
    if not rows:
        return {}
    columns = {
        name: _packed([getattr(row, field) for row in rows])
        for name, field in [
            ("origin", "origin"),
            ("class", "klass"),
            ("person_id", "person_id"),
            ("address_id", "address_id"),
            ("product_id", "product_id"),
            ("enrollment_id", "enrollment_id"),
            ("content_id", "content_id"),
            ("step_key", "step_key"),
            ("tone", "tone"),
            ("month", "month"),
            ("valid_until", "valid_until"),
            ("send_at", "send_at"),
            ("state", "state"),
            ("reason", "reason"),
            ("by_product", "by_product_id"),
            ("until", "until"),
        ]
    }
    return {row.origin: row.id for row in tx.execute(text(WRITE), {**columns, "now": now})}


def take_slots(tx: Connection, rows: Sequence[tuple[int, Row]]) -> set[int]:
    """Take the month's slots for (delivery id, row); returns the delivery ids that got theirs.

    In the order of mailboxes, so that two planners who share some wait for each other one way only.
    """
    if not rows:
        return set()
    rows = sorted(rows, key=lambda row: (row[1].address_id or 0, row[0]))
    columns: dict[str, Sequence[object]] = {
        "person_id": [row.person_id for _, row in rows],
        "address_id": [row.address_id for _, row in rows],
        "product_id": [row.product_id for _, row in rows],
        "month": [row.month for _, row in rows],
        "slot_no": [row.slot_no for _, row in rows],
        "delivery_id": [id for id, _ in rows],
    }
    packed = {name: _packed(values) for name, values in columns.items()}
    return {row.delivery_id for row in tx.execute(text(SLOTS), packed)}


def carry_over(tx: Connection, ids: Sequence[int], *, reason: str, until: date) -> None:
    """These lost their slot to another transaction: they wait, visibly."""
    tx.execute(
        text(
            "update deliveries set state = 'carried_over', reason = :reason, until = :until, send_at = null"
            " where id = any(:ids)"
        ),
        {"ids": list(ids), "reason": reason, "until": until},
    )


def move_gap(tx: Connection, rows: Sequence[tuple[int, date]], *, days: int) -> set[int]:
    """Move next_free_on of the people and mailboxes of (delivery id, sending day); returns the ids that may go.

    A conditional UPDATE: a mailbox whose gap was moved meanwhile by another person's mail is not moved
    again, and its delivery is not among the returned.
    """
    if not rows:
        return set()
    values = {"ids": [id for id, _ in rows], "days": [day for _, day in rows], "gap": days}
    moved = tx.execute(
        text(
            """
            with q as (select * from unnest(cast(:ids as bigint[]), cast(:days as date[])) as q(id, day))
            update addresses a set next_free_on = greatest(a.next_free_on, q.day + cast(:gap as int))
              from q join deliveries d on d.id = q.id
             where a.id = d.address_id
               and (a.next_free_on is null or a.next_free_on <= q.day or d.class = 'courtesy')
            returning d.id
            """
        ),
        values,
    )
    ids = {row.id for row in moved}
    tx.execute(
        text(
            """
            with q as (select * from unnest(cast(:ids as bigint[]), cast(:days as date[])) as q(id, day))
            update pace set next_free_on = greatest(next_free_on, q.day + cast(:gap as int))
              from q join deliveries d on d.id = q.id where pace.person_id = d.person_id
            """
        ),
        {"ids": list(ids), "days": [day for id, day in rows if id in ids], "gap": days},
    )
    return ids


def move_steps(tx: Connection, rows: Sequence[tuple[int, int]]) -> None:
    """(enrolment id, month of the next step or 0 when there is none): on to the next step."""
    if rows:
        tx.execute(
            text(
                """
                update enrollments e
                   set position = e.position + 1,
                       due_month = case when q.month = 0 then e.due_month else q.month end,
                       status = case when q.month = 0 then 'done' else e.status end,
                       reason = case when q.month = 0 then 'finished' else e.reason end
                  from unnest(cast(:ids as bigint[]), cast(:months as int[])) as q(id, month)
                 where e.id = q.id
                """
            ),
            {"ids": [id for id, _ in rows], "months": [month for _, month in rows]},
        )


def stop(tx: Connection, rows: Sequence[tuple[int, str]]) -> None:
    """(enrolment id, reason): these enrolments end."""
    if rows:
        tx.execute(
            text(
                "update enrollments e set status = 'stopped', reason = q.reason"
                " from unnest(cast(:ids as bigint[]), cast(:reasons as text[])) as q(id, reason)"
                " where e.id = q.id"
            ),
            {"ids": [id for id, _ in rows], "reasons": [reason for _, reason in rows]},
        )


def set_pace(tx: Connection, rows: Sequence[tuple[int, date]]) -> None:
    """(person, day of the next decision)."""
    if rows:
        tx.execute(
            text(
                "update pace set plan_at = q.day from unnest(cast(:ids as bigint[]), cast(:days as date[]))"
                " as q(id, day) where pace.person_id = q.id"
            ),
            {"ids": [id for id, _ in rows], "days": [day for _, day in rows]},
        )


def give_back(tx: Connection, ids: Sequence[int]) -> None:
    """The slots of these deliveries are free again."""
    if ids:
        tx.execute(text("delete from mail_slots where delivery_id = any(:ids)"), {"ids": list(ids)})


def hurry(tx: Connection, people: Sequence[int], *, today: date) -> None:
    """Whatever changed a person's prospects moves the next decision to today; early is harmless."""
    if people:
        tx.execute(
            text(
                """
                insert into pace (person_id, plan_at)
                select distinct e.person_id, cast(:today as date) from enrollments e
                 where e.person_id = any(:ids) and e.status = 'active'
                 order by e.person_id
                on conflict (person_id) do update set plan_at = least(pace.plan_at, excluded.plan_at)
                """
            ),
            {"ids": list(people), "today": today},
        )
