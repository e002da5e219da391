"""People of a company: who may be named as its decider, what role somebody has, which roles nobody has."""

from __future__ import annotations

from sqlalchemy import Connection, text


def is_company(tx: Connection, company_id: int) -> bool:
    return tx.execute(text("select 1 from companies where id = :id"), {"id": company_id}).first() is not None


def works_at(tx: Connection, person_id: int, company_id: int) -> bool:
    """Whether this person works there now."""
    return (
        tx.execute(
            text(
                "select 1 from affiliations where person_id = :person and company_id = :company and is_current"
            ),
            {"person": person_id, "company": company_id},
        ).first()
        is not None
    )


def give_role(tx: Connection, person_id: int, company_id: int, *, role: str) -> None:
    """A role in buying, where nobody has told another one."""
    tx.execute(
        text(
            "update affiliations set buying_role = :role where person_id = :person and company_id = :company"
            " and is_current and buying_role = ''"
        ),
        {"role": role, "person": person_id, "company": company_id},
    )


def roles(tx: Connection, company_id: int) -> frozenset[str]:
    """Roles in buying that somebody there is known for."""
    rows = tx.execute(
        text(
            "select distinct f.buying_role from affiliations f join people p on p.id = f.person_id"
            " and p.merged_into is null and p.excluded_reason = ''"
            " where f.company_id = :id and f.is_current and f.buying_role <> ''"
        ),
        {"id": company_id},
    )
    return frozenset(row.buying_role for row in rows)


def first(tx: Connection, company_id: int) -> int | None:
    """Somebody who works there: who was heard of last."""
    row = tx.execute(
        text(
            "select p.id from affiliations f join people p on p.id = f.person_id and p.merged_into is null"
            " and p.excluded_reason = '' where f.company_id = :id and f.is_current"
            " order by (select max(l.last_touch_at) from product_leads l where l.person_id = p.id) desc nulls last,"
            " p.id limit 1"
        ),
        {"id": company_id},
    ).first()
    return None if row is None else int(row.id)


def of_name(tx: Connection, company_id: int, name_key: str) -> int | None:
    """Somebody of this name who works there now."""
    row = tx.execute(
        text(
            "select p.id from affiliations f join people p on p.id = f.person_id and p.merged_into is null"
            " where f.company_id = :id and f.is_current and p.name_key = :name order by p.id limit 1"
        ),
        {"id": company_id, "name": name_key},
    ).first()
    return None if row is None else int(row.id)
