"""What the pages of the import wizard show: batches, rows with reasons, and what may be chosen."""

from __future__ import annotations

from dataclasses import dataclass

from campaigns.parts import Parts
from campaigns.rules.imports import BatchKind, Result
from campaigns.storage import import_facts
from campaigns.storage import imports as storage
from campaigns.storage.import_facts import Choice
from campaigns.storage.imports import Batch, Row

REMARKS = 50

__all__ = ["Choices", "Row", "choices", "errors", "recent", "remarks"]


@dataclass(frozen=True, slots=True)
class Choices:
    """Events, the newest first, and products that are sold."""

    events: list[Choice]
    products: list[Choice]


def choices(parts: Parts) -> Choices:
    with parts.engine.connect() as tx:
        return Choices(import_facts.events(tx), import_facts.products(tx))


def recent(parts: Parts) -> list[Batch]:
    with parts.engine.connect() as tx:
        return storage.recent(tx, kinds=(BatchKind.PEOPLE, BatchKind.REFUSALS))


def errors(parts: Parts, batch_id: int, *, limit: int | None) -> list[Row]:
    """Rows that stay out."""
    with parts.engine.connect() as tx:
        return storage.rows(tx, batch_id, results=[Result.ERROR], limit=limit)


def remarks(parts: Parts, batch_id: int) -> list[Row]:
    """The first rows that come in with a remark; doubles are told by their count alone."""
    with parts.engine.connect() as tx:
        return [row for row in storage.remarked(tx, batch_id) if row.result != Result.DUPLICATE][:REMARKS]
