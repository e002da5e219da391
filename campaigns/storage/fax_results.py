"""What fax services tell back about the numbers that were handed to them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text


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


def set_result(
    tx: Connection, item_id: int, *, result: str, at: datetime, pages: int
) -> list[tuple[int, int | None]]:
    """What the service told; returns the people and tasks behind the number. Empty when it says the same again."""
    done = tx.execute(
        text(
            "update fax_items set result = :result, result_at = :at, pages = :pages"
            " where id = :id and state = 'handed' and result <> :result"
        ),
        {"id": item_id, "result": result, "at": at, "pages": pages},
    )
    if not done.rowcount:
        return []
    rows = tx.execute(
        text("select person_id, task_id from fax_item_people where item_id = :id"), {"id": item_id}
    )
    return [(int(row.person_id), row.task_id) for row in rows]


def number_is_wrong(tx: Connection, number: str, person_ids: Sequence[int]) -> None:
    """A person's own number is theirs to correct; a company's is taken for wrong for those behind the fax alone."""
    tx.execute(
        text(
            "update people set fax_invalid = true, version = version + 1 where id = any(:ids) and not fax_invalid"
        ),
        {"ids": list(person_ids)},
    )
