"""What fax services tell back about the numbers that were handed to them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

from campaigns.storage.fax_recipients import BARRED


@dataclass(frozen=True, slots=True)
class Told:
    """A number that a result may be about: the newest that was handed over."""

    id: int
    number: str
    product_id: int
    result: str
    company: str
    handed_at: datetime | None


TOLD = """
select distinct on (i.number) i.id, i.number, i.product_id, i.result, coalesce(co.name, '') as company, i.handed_at
  from fax_items i left join companies co on co.id = i.company_id where i.state = 'handed'
"""


def told_by_ids(tx: Connection, ids: Sequence[int]) -> dict[int, Told]:
    rows = tx.execute(
        text(TOLD.replace("distinct on (i.number)", "") + " and i.id = any(:ids)"), {"ids": list(ids)}
    )
    return {int(row.id): Told(**row._mapping) for row in rows}


def told_by_numbers(tx: Connection, numbers: Sequence[str]) -> dict[str, Told]:
    """Index ix_fax_items_number."""
    rows = tx.execute(
        text(TOLD + " and i.number = any(:numbers) order by i.number, i.created_at desc, i.id desc"),
        {"numbers": list(numbers)},
    )
    return {str(row.number): Told(**row._mapping) for row in rows}


@dataclass(frozen=True, slots=True)
class Behind:
    """Somebody behind a number. before: the result told until now. was_sent: it counted as sent until now."""

    item_id: int
    product_id: int
    person_id: int
    task_id: int | None
    before: str
    was_sent: bool
    at: datetime


PEOPLE = """
select x.id as item_id, x.product_id, p.person_id, p.task_id, x.before, x.was_sent, x.at
  from done x join fax_item_people p on p.item_id = x.id order by x.id, p.person_id
"""
RESULTS = f"""
with old as (
  select i.id, i.product_id, i.result as before, i.sent_at is not null as was_sent, q.result, q.at, q.pages
    from unnest(cast(:ids as bigint[]), cast(:results as text[]), cast(:ats as timestamptz[]), cast(:pages as int[]))
         as q(id, result, at, pages)
    join fax_items i on i.id = q.id and i.state = 'handed' and i.result <> q.result
   order by i.id for update of i),
done as (
  update fax_items i set result = old.result, result_at = old.at, pages = old.pages,
         sent_at = case when old.result = 'ok' then coalesce(i.sent_at, old.at) else i.sent_at end
    from old where i.id = old.id
  returning i.id, i.product_id, old.before, old.was_sent, old.at)
{PEOPLE}
"""  # noqa: S608 - constants


def set_results(tx: Connection, told: Sequence[tuple[int, str, datetime, int]]) -> list[Behind]:
    """Write what the service told of numbers (id, result, at, pages); everybody behind those of whom it tells news."""
    ids, results, ats, pages = (
        (list(column) for column in zip(*told, strict=True)) if told else ([], [], [], [])
    )
    values = {"ids": ids, "results": results, "ats": ats, "pages": pages}
    return [Behind(**row._mapping) for row in tx.execute(text(RESULTS), values)]


# ix_fax_items_unsent.
GATEWAY = f"""
with done as (
  update fax_items i set sent_at = q.at
    from (select w.id, coalesce(d.sent_at, :now) as at from fax_items w join deliveries d on d.id = w.delivery_id and d.state = 'sent'
           where w.state = 'handed' and w.sent_at is null and w.result = '' and w.delivery_id is not null
           order by w.id limit :n for update of w skip locked) q
   where i.id = q.id
  returning i.id, i.product_id, '' as before, false as was_sent, i.sent_at as at)
{PEOPLE}
"""  # noqa: S608 - constants
LISTED = f"""
with done as (
  update fax_items i set sent_at = :now
    from (select w.id from fax_items w
           where w.batch_id = :batch and w.state = 'handed' and w.delivery_id is null and w.sent_at is null
             and w.result = '' and not exists (select 1 from fax_refusals r where r.number = w.number)
           order by w.id limit :n for update of w) q
   where i.id = q.id
  returning i.id, i.product_id, '' as before, false as was_sent, i.sent_at as at)
{PEOPLE}
"""  # noqa: S608 - constants


def gone(tx: Connection, *, limit: int, now: datetime) -> list[Behind]:
    """Mark what the gateway has got by now; everybody behind it."""
    return [Behind(**row._mapping) for row in tx.execute(text(GATEWAY), {"n": limit, "now": now})]


def confirm(tx: Connection, batch_id: int, *, limit: int, now: datetime) -> list[Behind]:
    """Mark numbers of a list as sent; everybody behind them. What refused meanwhile did not go."""
    rows = tx.execute(text(LISTED), {"batch": batch_id, "n": limit, "now": now})
    return [Behind(**row._mapping) for row in rows]


def lock_leads(tx: Connection, person_ids: Sequence[int]) -> None:
    """Leads before their tasks: the order in which ranks lock, so the two never cross."""
    tx.execute(
        text("select 1 from product_leads where person_id = any(:ids) order by id for update"),
        {"ids": sorted(set(person_ids))},
    )


def end_tasks(
    tx: Connection, task_ids: Sequence[int], *, outcome: str, user_id: int | None, now: datetime
) -> None:
    """These fax tasks are done; one that counted as sent takes the later word."""
    tx.execute(
        text(
            "update tasks set state = 'done', outcome = :outcome, done_at = :now, done_by = :me,"
            " version = version + 1 where id = any(:ids)"
            " and (state in ('open', 'snoozed') or (state = 'done' and outcome = 'sent' and :outcome <> 'sent'))"
        ),
        {"ids": list(task_ids), "outcome": outcome, "me": user_id, "now": now},
    )


# uq_tasks_open: one that was asked for meanwhile stands for it, and of several of one lead the newest. What arrived by
# a second try stays done, and so does what may go to nobody any more.
REOPEN = f"""
update tasks t set state = 'open', outcome = '', done_at = null, done_by = null, due_at = greatest(t.due_at, :now),
       reminded_at = null, escalated_at = null, version = t.version + 1
  from (select distinct on (coalesce(k.lead_id, -k.id)) k.id
          from tasks k join people p on p.id = k.person_id
          left join product_leads l on l.id = k.lead_id
         where k.id = any(:ids) and k.state = 'done' and k.outcome = 'sent' and not {BARRED}
           and not exists (select 1 from tasks o where o.lead_id = k.lead_id and o.kind = k.kind
                              and o.state in ('open', 'snoozed'))
           and not exists (select 1 from fax_item_people x join fax_items i on i.id = x.item_id
                            where x.task_id = k.id and i.sent_at is not null and i.result in ('', 'ok'))
         order by coalesce(k.lead_id, -k.id), k.id desc) again
 where t.id = again.id
"""  # noqa: S608 - constants


def reopen_tasks(tx: Connection, task_ids: Sequence[int], *, now: datetime) -> None:
    """What did not arrive is to be done again, as far as it may be."""
    tx.execute(text(REOPEN), {"ids": list(task_ids), "now": now})


def number_is_wrong(tx: Connection, person_ids: Sequence[int]) -> None:
    """A person's own number is theirs to correct; a company's is taken for wrong for those behind the fax alone."""
    tx.execute(
        text(
            "update people set fax_invalid = true, version = version + 1 where id = any(:ids) and not fax_invalid"
        ),
        {"ids": list(person_ids)},
    )
