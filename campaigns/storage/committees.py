"""Buying committees: the people of a company who have a score for a product, and the roles among them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from campaigns.rules import scores
from campaigns.storage.bulk import statement


@dataclass(frozen=True, slots=True)
class Committee:
    """scores: highest first. roles: distinct roles in buying, as stored."""

    scores: tuple[float, ...]
    roles: tuple[str, ...]

    @property
    def score(self) -> float:
        """Source: spec 2.5.4."""
        return scores.committee(self.scores, roles=len(self.roles))


MEMBERS = """
select f.company_id, l.product_id, array_agg(l.score order by l.score desc) as scores,
       array_remove(array_agg(distinct nullif(f.buying_role, '')), null) as roles
  from {of}
  join affiliations f on f.company_id = q.company_id and f.is_current
  join people p on p.id = f.person_id and p.merged_into is null and p.excluded_reason = ''
  join product_leads l on l.person_id = f.person_id and l.score > 0 {more}
 group by 1, 2
"""
OF_PAIRS = MEMBERS.format(
    of="unnest(cast(:companies as bigint[]), cast(:products as bigint[])) as q(company_id, product_id)",
    more="and l.product_id = q.product_id",
)
OF_COMPANY = MEMBERS.format(of="(select cast(:company as bigint) as company_id) q", more="")


def of(tx: Connection, pairs: Sequence[tuple[int, int]]) -> dict[tuple[int, int], Committee]:
    """By (company, product); without anybody who has a score there is none."""
    asked = sorted(set(pairs))
    if not asked:
        return {}
    values = {"companies": [company for company, _ in asked], "products": [product for _, product in asked]}
    rows = tx.execute(statement(OF_PAIRS), values)
    return {(row.company_id, row.product_id): Committee(tuple(row.scores), tuple(row.roles)) for row in rows}


def of_company(tx: Connection, company_id: int) -> dict[int, Committee]:
    """By product."""
    rows = tx.execute(statement(OF_COMPANY), {"company": company_id})
    return {row.product_id: Committee(tuple(row.scores), tuple(row.roles)) for row in rows}


@dataclass(frozen=True, slots=True)
class Product:
    id: int
    name: str
    colour_no: int


def products(tx: Connection, product_ids: Sequence[int]) -> list[Product]:
    """Active products among these."""
    rows = tx.execute(
        statement(
            "select id, name, colour_no from products where id = any(:ids) and is_active order by priority, id"
        ),
        {"ids": list(product_ids)},
    )
    return [Product(**row._mapping) for row in rows]
