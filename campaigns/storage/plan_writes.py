"""What the planner writes, a batch at a time: mails, slots, gaps, pointers and the next decisions.

The unique keys have the last word: nobody counts first and inserts later. Source: design 3, 4.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, text

from campaigns.storage.bulk import as_array

# A column of a batch as one string: psycopg takes .02 s a list of 10,000, this .001 on both sides.
BETWEEN, NOTHING = "\x1f", "\x1e"


def _unpacked(kinds: Sequence[tuple[str, str]]) -> str:
    """SQL of the arrays of packed columns. kinds: (name of the parameter, type)."""
    return ", ".join(
        f"cast(string_to_array(:{name}, '{BETWEEN}', '{NOTHING}') as {kind}[])" for name, kind in kinds
    )


def _packed(kinds: Sequence[tuple[str, str]], rows: Sequence[tuple[object, ...]]) -> dict[str, str]:
    """The parameters of `_unpacked`: one string a column."""
    columns = zip(*rows, strict=True) if rows else ((),) * len(kinds)
    return {
        name: BETWEEN.join([NOTHING if value is None else str(value) for value in column])
        for (name, _), column in zip(kinds, columns, strict=True)
    }


class Kind(NamedTuple):
    """What the mails of many people have in common. valid_until: a date as ISO text; slot_no: None without a slot."""

    klass: str
    product_id: int
    content_id: int | None
    published_mail_id: int | None
    step_key: str
    tone: str
    month: int
    valid_until: str | None
    state: str
    reason: str
    round: int
    slot_no: int | None


class Row(NamedTuple):
    """A mail to write. day, send_at: ordinal and second since 1970, None unless planned.

    kind: its place among the kinds, from 1.
    """

    person_id: int
    address_id: int | None
    enrollment_id: int
    day: int | None
    send_at: int | None
    kind: int


_KIND = [
    ("klass", "text"),
    ("product_id", "bigint"),
    ("content_id", "bigint"),
    ("published_mail_id", "bigint"),
    ("step_key", "text"),
    ("tone", "text"),
    ("month", "int"),
    ("valid_until", "date"),
    ("state", "text"),
    ("reason", "text"),
    ("round", "int"),
    ("slot_no", "smallint"),
]
_ROW = [
    ("person_id", "bigint"),
    ("address_id", "bigint"),
    ("enrollment_id", "bigint"),
    ("day", "int"),
    ("send_at", "bigint"),
    ("kind", "int"),
]


def _shared(kinds: Sequence[tuple[str, str]]) -> str:
    """SQL of one row `k` of arrays, made once a statement: what many rows share is sent once."""
    arrays = ", ".join(
        f"cast(string_to_array(:k_{name}, '{BETWEEN}', '{NOTHING}') as {kind}[]) as {name}"
        for name, kind in kinds
    )
    return f"k as materialized (select {arrays})"


def _packed_shared(kinds: Sequence[tuple[str, str]], rows: Sequence[tuple[object, ...]]) -> dict[str, str]:
    return {f"k_{name}": column for name, column in _packed(kinds, rows).items()}


_ROWS = f"unnest({_unpacked(_ROW)}) as r({', '.join(name for name, _ in _ROW)})"
_COLUMNS = """origin, class, person_id, address_id, product_id, enrollment_id, content_id, published_mail_id,
       step_key, tone, month, valid_until, send_at, state, reason, created_at"""
_ORIGIN = "'enr:' || r.enrollment_id || '/' || k.step_key[r.kind] || '/round:' || k.round[r.kind]"
_VALUES = """k.klass[r.kind], r.person_id, r.address_id, k.product_id[r.kind], r.enrollment_id, k.content_id[r.kind],
       k.published_mail_id[r.kind], k.step_key[r.kind], k.tone[r.kind], k.month[r.kind], k.valid_until[r.kind],
       to_timestamp(r.send_at), k.state[r.kind], k.reason[r.kind], :now"""

# A day's ordinal as a date.
_DAY = "date '0001-01-01' + ({0} - 1)"
_GAP_END = f"greatest(a.next_free_on, {_DAY.format('{0}.day + :gap')})"
_IS_FREE = f"a.next_free_on is null or a.next_free_on <= {_DAY.format('{0}.day')}"

# Plain inserts: `on conflict` looks every row up in every unique index before it is written, 5 us a slot.
AT_ONCE = f"""
with {_shared(_KIND)},
asked as materialized (
  select r.*, nextval('deliveries_id_seq') as id, {_ORIGIN} as origin from k, {_ROWS}),
r as materialized (
  select asked.* from asked where not exists (select from deliveries d where d.origin = asked.origin offset 0)),
mails as (
  insert into deliveries (id, {_COLUMNS}) overriding system value
  select r.id, r.origin, {_VALUES} from r, k),
slots as (
  insert into mail_slots (person_id, address_id, product_id, month, slot_no, delivery_id)
  select r.person_id, r.address_id, k.product_id[r.kind], k.month[r.kind], k.slot_no[r.kind], r.id
    from r, k where r.day is not null),
free as (
  update addresses a set next_free_on = {_GAP_END.format("r")} from r, k
   where a.id = r.address_id and r.day is not null and (k.slot_no[r.kind] = 0 or {_IS_FREE.format("r")})
  returning 1)
select array(select enrollment_id from r), (select count(day) from r) = (select count(*) from free)
"""  # noqa: S608 - constants of this module


def at_once(
    tx: Connection, rows: Sequence[Row], kinds: Sequence[Kind], *, now: datetime, days: int
) -> set[int] | None:
    """Mail, slot and gap of all rows that are new; their enrolments. days: the gap.

    None if a gap was moved by somebody else meanwhile; a taken slot raises IntegrityError. Either way all of it
    is to be rolled back and written a step at a time. In the order of mailboxes, so that two planners who share
    some wait for each other one way only.
    """
    rows = sorted(rows, key=lambda row: (row.address_id or 0, row.enrollment_id))
    values = {**_packed(_ROW, rows), **_packed_shared(_KIND, kinds), "now": now, "gap": days}
    enrollments, is_whole = tx.execute(text(AT_ONCE), values).one()
    return set(enrollments) if is_whole else None


WRITE = f"""
with {_shared(_KIND)}
insert into deliveries ({_COLUMNS})
select {_ORIGIN}, {_VALUES} from k, {_ROWS}
on conflict (origin) do update
   set class = excluded.class, address_id = excluded.address_id, content_id = excluded.content_id,
       published_mail_id = excluded.published_mail_id, tone = excluded.tone, month = excluded.month,
       valid_until = excluded.valid_until, send_at = excluded.send_at, state = excluded.state,
       reason = excluded.reason, until = null
 where deliveries.state in ('carried_over', 'no_consent')
    or deliveries.state = 'cancelled' and deliveries.reason = 'planned_anew'
returning enrollment_id, id
"""  # noqa: S608 - constants of this module


def write(tx: Connection, rows: Sequence[Row], kinds: Sequence[Kind], *, now: datetime) -> dict[int, int]:
    """Insert or revive the mails; returns {enrolment: delivery id} of those written."""
    if not rows:
        return {}
    values = {**_packed(_ROW, rows), **_packed_shared(_KIND, kinds), "now": now}
    result = tx.execute(text(WRITE), values)
    assert result.cursor is not None
    found = dict(result.cursor.fetchall())
    result.close()
    return found


_SLOT = [
    ("person_id", "bigint"),
    ("address_id", "bigint"),
    ("product_id", "bigint"),
    ("month", "int"),
    ("slot_no", "smallint"),
    ("delivery_id", "bigint"),
]

SLOTS = f"""
insert into mail_slots (person_id, address_id, product_id, month, slot_no, delivery_id)
select * from unnest({_unpacked(_SLOT)})
on conflict do nothing
returning delivery_id
"""  # noqa: S608 - constants of this module


def take_slots(tx: Connection, rows: Sequence[tuple[int, int | None, int, int, int | None, int]]) -> set[int]:
    """Take slots (person, address, product, month, number, delivery); the deliveries that got theirs.

    In the order of mailboxes, so that two planners who share some wait for each other one way only.
    """
    if not rows:
        return set()
    rows = sorted(rows, key=lambda row: (row[1] or 0, row[5]))
    return {row[0] for row in tx.execute(text(SLOTS), _packed(_SLOT, rows))}


_GAP = [("address_id", "bigint"), ("day", "int"), ("anyway", "boolean")]

MOVE_GAP = f"""
update addresses a set next_free_on = {_GAP_END.format("q")}
  from unnest({_unpacked(_GAP)}) as q(id, day, anyway)
 where a.id = q.id and (q.anyway or {_IS_FREE.format("q")})
returning a.id
"""  # noqa: S608 - constants of this module


def move_gap(tx: Connection, rows: Sequence[tuple[int, int, str]], *, days: int) -> set[int]:
    """Move next_free_on of mailboxes (address, day sent, "t" for a thank-you mail); those that may be written to.

    A conditional UPDATE: a mailbox whose gap was moved meanwhile by another person's mail is not moved again.
    """
    if not rows:
        return set()
    rows = sorted(rows)
    return {row[0] for row in tx.execute(text(MOVE_GAP), {**_packed(_GAP, rows), "gap": days})}


def take_back(tx: Connection, ids: Sequence[int], *, until: str) -> None:
    """These lost their slot to another transaction: the slot is free again, and they wait, visibly.

    A mail in the place of a row does not wait: its row does.
    """
    if ids:
        values = {"ids": as_array(ids), "until": until}
        tx.execute(
            text("delete from mail_slots where delivery_id = any(cast(:ids as bigint[]))"),
            {"ids": values["ids"]},
        )
        tx.execute(
            text(
                "update deliveries set state = case when step_key like 'silent:%' then 'cancelled'"
                " else 'carried_over' end, reason = case when step_key like 'silent:%' then 'planned_anew'"
                " else 'address_taken' end, until = case when step_key like 'silent:%' then null"
                " else cast(:until as date) end, send_at = null where id = any(cast(:ids as bigint[]))"
            ),
            values,
        )


class Pointer(NamedTuple):
    """Where enrolments stand from now on. due_on, entered_on: ordinals, 0 for none; status: active, done."""

    position: int
    due_month: int
    due_on: int
    entered_on: int
    round: int
    status: str


_POINTER = [
    ("position", "int"),
    ("due_month", "int"),
    ("due_on", "int"),
    ("entered_on", "int"),
    ("round", "int"),
    ("status", "text"),
]
_MOVE = [("enrollment_id", "bigint"), ("pointer", "int")]

POINT = f"""
with {_shared(_POINTER)}
update enrollments e
   set position = k.position[q.pointer], due_month = k.due_month[q.pointer],
       due_on = {_DAY.format("nullif(k.due_on[q.pointer], 0)")},
       entered_on = {_DAY.format("nullif(k.entered_on[q.pointer], 0)")}, round = k.round[q.pointer],
       status = k.status[q.pointer], reason = case k.status[q.pointer] when 'done' then 'finished' else '' end
  from k, unnest({_unpacked(_MOVE)}) as q(enrollment_id, pointer)
 where e.id = q.enrollment_id
"""  # noqa: S608 - constants of this module


def point(tx: Connection, rows: Sequence[tuple[int, int]], pointers: Sequence[Pointer]) -> None:
    """Enrolments go on or end: (enrolment, place of its pointer, from 1)."""
    if rows:
        tx.execute(text(POINT), {**_packed(_MOVE, rows), **_packed_shared(_POINTER, pointers)})


def stop(tx: Connection, rows: Sequence[tuple[int, str]]) -> None:
    """(enrolment, reason): these end where they stand."""
    if rows:
        kinds = [("id", "bigint"), ("reason", "text")]
        tx.execute(
            text(
                "update enrollments e set status = 'stopped', reason = q.reason"  # noqa: S608
                f" from unnest({_unpacked(kinds)}) as q(id, reason) where e.id = q.id"
            ),
            _packed(kinds, rows),
        )


KEEP = "="  # who waits stays as it is
_PACE = [("person_id", "bigint"), ("plan_at", "int"), ("free_on", "int"), ("held", "text")]

SET_PACE = f"""
update pace set plan_at = case when q.plan_at = 0 then date '9999-12-31' else {_DAY.format("q.plan_at")} end,
       next_free_on = greatest(pace.next_free_on, {_DAY.format("q.free_on")}),
       held = case when q.held = '{KEEP}' then pace.held else cast(q.held as jsonb) end
  from unnest({_unpacked(_PACE)}) as q(person_id, plan_at, free_on, held)
 where pace.person_id = q.person_id
"""  # noqa: S608 - constants of this module


def set_pace(tx: Connection, rows: Sequence[tuple[int, int, int | None, str | None]]) -> None:
    """(person, day of the next decision or 0, the gap's end if moved, who waits as JSON or `KEEP`)."""
    if rows:
        tx.execute(text(SET_PACE), _packed(_PACE, rows))
