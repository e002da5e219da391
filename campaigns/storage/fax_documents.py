"""Fax documents: what is faxed, written once and sent to many."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, insert, text

from campaigns.storage import tables as t


@dataclass(frozen=True, slots=True)
class Document:
    """What is faxed. points: a line each. sender_profile_id None: the product's."""

    id: int
    version: int
    title: str
    body: str
    points: str
    product_id: int | None
    product: str
    colour_no: int
    sender_profile_id: int | None
    is_retired: bool
    batches: int
    created_at: datetime


DOCUMENTS = """
select d.id, d.version, d.title, d.body, d.points, d.product_id, coalesce(pr.name, '') as product,
       coalesce(pr.colour_no, 1) as colour_no, d.sender_profile_id, d.is_retired,
       (select count(*) from fax_batches b where b.document_id = d.id) as batches, d.created_at
  from fax_documents d left join products pr on pr.id = d.product_id
"""


def listed(tx: Connection) -> list[Document]:
    rows = tx.execute(
        text(DOCUMENTS + " where not d.is_retired order by d.created_at desc, d.id desc limit 200")
    )
    return [Document(**row._mapping) for row in rows]


def of_product(tx: Connection, product_id: int, *, limit: int = 5) -> list[Document]:
    """What can be sent about a product, the newest first."""
    rows = tx.execute(
        text(
            DOCUMENTS + " where not d.is_retired and (d.product_id = :product or d.product_id is null)"
            " order by d.product_id is null, d.created_at desc, d.id desc limit :n"
        ),
        {"product": product_id, "n": limit},
    )
    return [Document(**row._mapping) for row in rows]


def get(tx: Connection, document_id: int) -> Document | None:
    row = tx.execute(text(DOCUMENTS + " where d.id = :id"), {"id": document_id}).one_or_none()
    return None if row is None else Document(**row._mapping)


def add(tx: Connection, values: Mapping[str, object]) -> int:
    done = tx.execute(insert(t.fax_documents).values(**values).returning(t.fax_documents.c.id))
    return int(done.scalar_one())


def save(tx: Connection, document_id: int, values: Mapping[str, object], *, version: int) -> bool:
    c = t.fax_documents.c
    done = tx.execute(
        t.fax_documents.update()
        .where(c.id == document_id, c.version == version)
        .values(version=c.version + 1, **values)
    )
    return bool(done.rowcount)
