"""Faxes on their way: batches, their numbers, and the gateway's settings. Asked for by number or batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, text

from campaigns.storage import tables as t

LOCK = 5_518_204_773  # two batches at once: the second sees whom the first takes


def lock(tx: Connection) -> None:
    tx.execute(text("select pg_advisory_xact_lock(:key)"), {"key": LOCK})


@dataclass(frozen=True, slots=True)
class NewItem:
    """A number of a batch with everybody behind it: (person, task)."""

    number: str
    company_id: int | None
    people: tuple[tuple[int, int | None], ...]
    retry_of: int | None = None


def add_batch(tx: Connection, values: Mapping[str, object], items: Sequence[NewItem], *, state: str) -> int:
    """The batch with its numbers; state: waiting for the gateway, or handed at once as a list."""
    batch_id = int(
        tx.execute(insert(t.fax_batches).values(**values).returning(t.fax_batches.c.id)).scalar_one()
    )
    rows = tx.execute(
        text(
            "insert into fax_items (batch_id, number, company_id, product_id, state, retry_of, handed_at, created_at)"
            " select :batch, q.number, q.company, :product, :state, q.retry_of,"
            " case when :state = 'handed' then cast(:now as timestamptz) end, :now"
            " from unnest(cast(:numbers as text[]), cast(:companies as bigint[]), cast(:retries as bigint[]))"
            " with ordinality as q(number, company, retry_of, no) order by q.no returning id, number"
        ),
        {
            "batch": batch_id,
            "product": values["product_id"],
            "state": state,
            "now": values["created_at"],
            "numbers": [item.number for item in items],
            "companies": [item.company_id for item in items],
            "retries": [item.retry_of for item in items],
        },
    )
    ids = {str(row.number): int(row.id) for row in rows}
    people = [(ids[item.number], person, task) for item in items for person, task in item.people]
    tx.execute(
        text(
            "insert into fax_item_people (item_id, person_id, origin_person_id, task_id)"
            " select q.item, q.person, q.person, q.task from unnest(cast(:items as bigint[]),"
            " cast(:people as bigint[]), cast(:tasks as bigint[])) as q(item, person, task)"
        ),
        {
            "items": [one[0] for one in people],
            "people": [one[1] for one in people],
            "tasks": [one[2] for one in people],
        },
    )
    return batch_id


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch. states: state -> numbers, as `items` tells it."""

    id: int
    document_id: int
    title: str
    product_id: int
    product: str
    colour_no: int
    way: str
    sheet: Any
    left_out: Mapping[str, int]
    stopped_at: datetime | None
    by: str
    created_at: datetime
    states: Mapping[str, int]


# What became of a number: its result, else its mail's state, else its own.
STATE = """case when i.result <> '' then i.result when i.state <> 'handed' then i.state
  when i.delivery_id is null then case when i.sent_at is null then 'listed' else 'sent' end
  when d.id is null then 'listed'
  when d.state in ('planned', 'handing', 'retry') then 'sending' when d.state = 'sent' then 'sent'
  when d.state = 'in_doubt' then 'in_doubt' else 'failed' end"""
BATCHES = f"""
select b.id, b.document_id, b.sheet ->> 'title' as title, b.product_id, pr.name as product, pr.colour_no, b.way,
       b.sheet, b.left_out, b.stopped_at, coalesce(u.name, '') as by, b.created_at,
       coalesce((select jsonb_object_agg(q.state, q.n) from (select {STATE} as state, count(*) as n from fax_items i
         left join deliveries d on d.id = i.delivery_id where i.batch_id = b.id group by 1) q), '{{}}'::jsonb) as states
  from fax_batches b join products pr on pr.id = b.product_id left join users u on u.id = b.created_by
"""  # noqa: S608 - constants of this module


def batches(tx: Connection, *, limit: int, offset: int = 0) -> list[Batch]:
    rows = tx.execute(
        text(BATCHES + " order by b.id desc limit :n offset :offset"), {"n": limit, "offset": offset}
    )
    return [Batch(**row._mapping) for row in rows]


def batch(tx: Connection, batch_id: int) -> Batch | None:
    row = tx.execute(text(BATCHES + " where b.id = :id"), {"id": batch_id}).one_or_none()
    return None if row is None else Batch(**row._mapping)


@dataclass(frozen=True, slots=True)
class Item:
    """A number of a batch. names, person_ids, task_ids: everybody behind it, in the same order. has_reply: a sheet came
    back with a wish."""

    id: int
    batch_id: int
    number: str
    company_id: int | None
    company: str
    department: str
    title: str
    names: tuple[str, ...]
    person_ids: tuple[int, ...]
    task_ids: tuple[int | None, ...]
    state: str
    stopped_for: str
    result_at: datetime | None
    handed_at: datetime | None
    sent_at: datetime | None
    delivery_id: int | None
    has_reply: bool


ITEMS = f"""
select i.id, i.batch_id, i.number, i.company_id, coalesce(co.name, '') as company,
       case when count(p.id) = 1 then coalesce(min(f.department), '') else '' end as department,
       case when count(p.id) = 1 then coalesce(min(f.title), '') else '' end as title,
       array_agg(p.full_name order by p.id) as names, array_agg(p.id order by p.id) as person_ids,
       array_agg(x.task_id order by p.id) as task_ids,
       {STATE} as state, i.stopped_for, i.result_at, i.handed_at, i.sent_at, i.delivery_id,
       bool_or(exists (select 1 from touchpoints r where r.source_key = 'fax_reply:' || i.id || ':' || x.origin_person_id)) as has_reply
  from fax_items i
  left join deliveries d on d.id = i.delivery_id
  left join companies co on co.id = i.company_id
  join fax_item_people x on x.item_id = i.id
  join people p on p.id = x.person_id
  left join affiliations f on f.person_id = p.id and f.is_current
 where {{where}}
 group by i.id, co.id, d.id order by i.id
"""  # noqa: S608 - constants of this module


def _items(tx: Connection, where: str, **values: object) -> list[Item]:
    rows = tx.execute(text(ITEMS.format(where=where)), values)
    return [
        Item(
            **{
                **row._mapping,
                "names": tuple(row.names),
                "person_ids": tuple(row.person_ids),
                "task_ids": tuple(row.task_ids),
            }
        )
        for row in rows
    ]


def items(tx: Connection, batch_id: int) -> list[Item]:
    return _items(tx, "i.batch_id = :id", id=batch_id)


def item(tx: Connection, item_id: int) -> Item | None:
    return next(iter(_items(tx, "i.id = :id", id=item_id)), None)


def take(tx: Connection, *, limit: int) -> list[Item]:
    """The next numbers for the gateway, locked: another worker passes over them. Index ix_fax_items_waiting."""
    ids = [
        int(row.id)
        for row in tx.execute(
            text(
                "select id from fax_items where state = 'waiting' order by id limit :n for update skip locked"
            ),
            {"n": limit},
        )
    ]
    return of_ids(tx, ids)


def of_ids(tx: Connection, item_ids: Sequence[int]) -> list[Item]:
    return _items(tx, "i.id = any(:ids)", ids=list(item_ids)) if item_ids else []


def leave_out(tx: Connection, pairs: Sequence[tuple[int, int]]) -> None:
    """These people (number, person) get no sheet of it; the others behind the number do."""
    tx.execute(
        text(
            "delete from fax_item_people x using unnest(cast(:items as bigint[]), cast(:people as bigint[]))"
            " as q(item, person) where x.item_id = q.item and x.person_id = q.person"
        ),
        {"items": [item for item, _person in pairs], "people": [person for _item, person in pairs]},
    )


def handed_since(tx: Connection, since: datetime) -> int:
    """How many numbers went to the gateway since then."""
    return int(
        tx.execute(
            text("select count(*) from fax_items where delivery_id is not null and handed_at > :since"),
            {"since": since},
        ).scalar_one()
    )


def hand(tx: Connection, item_id: int, delivery_id: int, *, now: datetime) -> None:
    tx.execute(
        text(
            "update fax_items set state = 'handed', delivery_id = :delivery, handed_at = :now"
            " where id = :id and state = 'waiting'"
        ),
        {"id": item_id, "delivery": delivery_id, "now": now},
    )


def stop_items(tx: Connection, item_ids: Sequence[int], *, why: str) -> None:
    """why: refused, excluded, unprintable, too_long."""
    tx.execute(
        text(
            "update fax_items set state = 'stopped', stopped_for = :why"
            " where id = any(:ids) and state = 'waiting'"
        ),
        {"ids": list(item_ids), "why": why},
    )


def stop_batch(tx: Connection, batch_id: int, *, now: datetime) -> int:
    """What waits goes no more; returns how many numbers."""
    tx.execute(
        text("update fax_batches set stopped_at = coalesce(stopped_at, :now) where id = :id"),
        {"id": batch_id, "now": now},
    )
    done = tx.execute(
        text(
            "update fax_items set state = 'stopped', stopped_for = 'by_hand'"
            " where batch_id = :id and state = 'waiting'"
        ),
        {"id": batch_id},
    )
    return int(done.rowcount)


def stop_number(tx: Connection, number: str) -> None:
    """A refused number waits in no batch any more."""
    tx.execute(
        text(
            "update fax_items set state = 'stopped', stopped_for = 'refused'"
            " where number = :number and state = 'waiting'"
        ),
        {"number": number},
    )


def settings(tx: Connection) -> Mapping[str, Any]:
    found: Mapping[str, Any] = tx.execute(text("select fax from house")).scalar_one()
    return found


def save_settings(tx: Connection, values: Mapping[str, Any]) -> None:
    tx.execute(t.house.update().values(fax=dict(values)))
