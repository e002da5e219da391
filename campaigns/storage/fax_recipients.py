"""Whom a fax is meant for, and who had one about the product not long ago."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

LIMIT = 30_000  # people of a batch


@dataclass(frozen=True, slots=True)
class Candidate:
    """Somebody a fax is meant for. fax: as written, theirs or their company's. is_excluded: they have left, are none of
    ours, or said no since the task was made."""

    person_id: int
    name: str
    company_id: int | None
    company: str
    department: str
    fax: str
    task_id: int | None
    do_not_fax: bool
    fax_invalid: bool
    is_with_sales: bool
    is_excluded: bool


CANDIDATE = """
select p.id as person_id, p.full_name as name, f.company_id, coalesce(co.name, '') as company,
       coalesce(f.department, '') as department, coalesce(nullif(p.fax, ''), co.fax, '') as fax, {task} as task_id,
       p.do_not_fax, p.fax_invalid, {sales} as is_with_sales, {excluded} as is_excluded
"""
PLACE = """
  left join affiliations f on f.person_id = p.id and f.is_current
  left join companies co on co.id = f.company_id
"""
# Who may get no fax about the product any more, as everything stands at :now. p: people; l: their lead for it, k: the
# task that the fax is for, where there are any. What somebody asked for goes whoever looks after the lead.
BARRED = """(p.excluded_reason <> '' or p.do_not_fax or coalesce(l.state = 'excluded', false)
  or coalesce(k.cause, '') not in ('by_hand', 'material_asked', 'fax_reply') and coalesce(l.rank = 'declined'
     or l.refused_until > :now or l.state in ('paused', 'with_sales', 'opportunity', 'won'), false))"""


def by_tasks(tx: Connection, product_id: int, *, now: datetime) -> list[Candidate]:
    """Open fax tasks of the product that may be done now, the most urgent first. Index ix_tasks_open_due_at."""
    rows = tx.execute(
        text(
            CANDIDATE.format(
                task="k.id",
                sales="false",
                excluded="p.excluded_reason <> '' or coalesce(l.state = 'excluded' or l.rank = 'declined'"
                " and k.cause <> 'by_hand', false)",
            )
            + "  from tasks k join people p on p.id = k.person_id left join product_leads l on l.id = k.lead_id"
            + PLACE
            + " where k.kind = 'fax' and k.state = 'open' and k.product_id = :product"
            " and (k.not_before is null or k.not_before <= :now) and p.merged_into is null"
            " order by k.priority, k.due_at, k.id limit :n"
        ),
        {"product": product_id, "now": now, "n": LIMIT},
    )
    return [Candidate(**row._mapping) for row in rows]


def by_ranks(tx: Connection, product_id: int, ranks: Sequence[str]) -> list[Candidate]:
    """People of these ranks, with their open fax task where there is one. Index ix_product_leads_product_id_rank."""
    rows = tx.execute(
        text(
            CANDIDATE.format(  # noqa: S608 - constants of this module
                task="(select k.id from tasks k where k.lead_id = l.id and k.kind = 'fax'"
                " and k.state in ('open', 'snoozed') limit 1)",
                sales="l.state in ('with_sales', 'opportunity')",
                excluded="false",
            )
            + "  from product_leads l join people p on p.id = l.person_id"
            + PLACE
            + " where l.product_id = :product and l.rank = any(:ranks) and p.merged_into is null"
            " and p.excluded_reason = '' and l.state not in ('excluded', 'won', 'paused')"
            " and (p.fax <> '' or coalesce(co.fax, '') <> '') order by l.score desc, l.id limit :n"
        ),
        {"product": product_id, "ranks": list(ranks), "n": LIMIT},
    )
    return [Candidate(**row._mapping) for row in rows]


def barred(tx: Connection, item_ids: Sequence[int], *, now: datetime) -> set[tuple[int, int]]:
    """(number, person) of these whom no fax may go to any more: they or their lead have changed, or the task is taken back."""
    rows = tx.execute(
        text(
            "select x.item_id, x.person_id from fax_item_people x"  # noqa: S608 - constants of this module
            " join fax_items i on i.id = x.item_id join people p on p.id = x.person_id"
            " left join tasks k on k.id = x.task_id"
            " left join product_leads l on l.person_id = p.id and l.product_id = i.product_id"
            f" where x.item_id = any(:ids) and (coalesce(k.state = 'cancelled', false) or {BARRED})"
        ),
        {"ids": list(item_ids), "now": now},
    )
    return {(int(row.item_id), int(row.person_id)) for row in rows}


def capped(
    tx: Connection, product_id: int, *, company_ids: Sequence[int], numbers: Sequence[str], since: datetime
) -> tuple[set[int], set[str]]:
    """Companies and numbers that got, or are about to get, a fax about the product since then.

    Indexes ix_fax_items_company_id_product_id, ix_fax_items_number; what was faxed by hand, or told by a list, left a
    touch: ix_touchpoints_person_id_at.
    """
    values = {"product": product_id, "companies": list(company_ids), "numbers": list(numbers), "since": since}
    # What arrived, or still may: neither stopped, nor told as failed, nor refused by the gateway.
    counts = (
        "i.state <> 'stopped' and i.result not in ('busy', 'no_answer', 'wrong', 'voice', 'no_paper')"
        " and (i.delivery_id is null or exists (select 1 from deliveries d where d.id = i.delivery_id"
        " and d.state in ('planned', 'handing', 'retry', 'sent', 'in_doubt')))"
    )
    companies = tx.execute(
        text(
            f"select distinct i.company_id as id from fax_items i where i.product_id = :product"  # noqa: S608
            f" and i.company_id = any(:companies) and i.created_at >= :since and {counts}"
            " union select distinct f.company_id from affiliations f join touchpoints t on t.person_id = f.person_id"
            " where f.company_id = any(:companies) and f.is_current and t.kind = 'fax_sent' and t.validity > 0"
            " and t.at >= :since and t.product_id = :product"
        ),
        values,
    )
    by_number = tx.execute(
        text(
            f"select distinct i.number from fax_items i where i.number = any(:numbers)"  # noqa: S608
            f" and i.product_id = :product and i.created_at >= :since and {counts}"
        ),
        values,
    )
    return {int(row.id) for row in companies}, {str(row.number) for row in by_number}
