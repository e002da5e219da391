"""Roll up: what a company's people come to together, for its page and for the order of visits.

Several people in several roles are a buying committee; it raises nobody's own rank. Source: spec 2.5.4.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from campaigns.parts import Parts
from campaigns.rules import surges as surge_rule
from campaigns.storage import committees, surges, tasks
from campaigns.storage.committees import Committee
from campaigns.storage.surges import Told
from campaigns.storage.tasks import Task


@dataclass(frozen=True, slots=True)
class Rolled:
    """A company for a product. told: its last surge, if that is not over yet."""

    product_id: int
    product: str
    colour_no: int
    committee: Committee
    told: Told | None


def company(parts: Parts, company_id: int, *, now: datetime) -> list[Rolled]:
    """The company for each active product of which somebody there has a score, the furthest first."""
    with parts.engine.connect() as tx:
        found = committees.of_company(tx, company_id)
        told = surges.of_company(tx, company_id, since=now - surge_rule.TOLD_AGAIN_AFTER)
        products = committees.products(tx, sorted(found))
    rolled = [Rolled(one.id, one.name, one.colour_no, found[one.id], told.get(one.id)) for one in products]
    return sorted(rolled, key=lambda one: -one.committee.score)


def visits(
    parts: Parts, *, now: datetime, product_id: int | None = None
) -> tuple[list[Task], dict[int, Committee]]:
    """Open visits: of equal priority the company first that has gone furthest; its committee by task."""
    with parts.engine.connect() as tx:
        found = tasks.open_of(tx, "visit", now=now, product_id=product_id)
        pairs = {
            one.id: (one.company_id, one.product_id) for one in found if one.company_id and one.product_id
        }
        known = committees.of(tx, list(pairs.values()))
    by_task = {id: known[pair] for id, pair in pairs.items() if pair in known}

    def place(task: Task) -> tuple[int, float, datetime, int]:
        score = by_task[task.id].score if task.id in by_task else 0.0
        return task.priority, -score, task.due_at, task.id

    # A promised time is kept, whoever else has gone further.
    promised = [task for task in found if task.promised_at]
    others = sorted((task for task in found if not task.promised_at), key=place)
    return sorted(promised, key=lambda task: (task.promised_at or task.due_at, task.id)) + others, by_task
