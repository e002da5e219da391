"""Remember the forgotten: people who may be written to, and for whom nothing has happened or is planned (S1-07).

Each gets a task to decide what to do, or becomes a product's lead, whose scenarios then take them in.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from campaigns.parts import Parts
from campaigns.rules.reports import Period
from campaigns.services import assign, enrol, show_report
from campaigns.services.follow_rank import DUE_TIME
from campaigns.services.show_report import Asked, Number
from campaigns.storage import audit, closed_days, new_leads, products, task_lists
from campaigns.storage.report_rows import Line

AT_ONCE = 5_000
DUE_DAYS = 5  # business days


class NoProduct(ValueError):
    """No active product of ours."""


@dataclass(frozen=True, slots=True)
class Done:
    """people: who are remembered now; enrolled: of them, who joined a scenario at once."""

    people: int
    enrolled: int = 0


def number(product_id: int = 0) -> Number:
    """The number whose rows they are."""
    return Number("forgotten", "all", Asked(Period.ALL, product_id))


def page(
    parts: Parts, *, product_id: int, now: datetime, limit: int, offset: int
) -> tuple[list[Line], int | None]:
    return show_report.lines(parts, number(product_id), now=now, limit=limit, offset=offset)


def review(parts: Parts, person_ids: Sequence[int] | None, *, user_id: int, now: datetime) -> Done:
    """A task for each; person_ids None for all of them, AT_ONCE at a time. Twice is harmless."""
    today = now.astimezone(parts.settings.tz).date()
    with parts.engine.begin() as tx:
        ids = _still(parts, tx, person_ids, now=now)
        day = closed_days.load(tx).add_business_days(today, DUE_DAYS)
        due_at = datetime.combine(day, DUE_TIME, tzinfo=parts.settings.tz)
        made = task_lists.add_reviews(tx, ids, due_at=due_at, by=user_id, now=now)
        assign.new(tx, made, today=today)
        _note(tx, "review", len(made), user_id=user_id, now=now)
    return Done(len(made))


def nurture(
    parts: Parts, person_ids: Sequence[int] | None, *, product_id: int, user_id: int, now: datetime
) -> Done:
    """Leads of a product; its scenarios take them in after the commit. Raises NoProduct."""
    with parts.engine.begin() as tx:
        if product_id not in dict(products.names(tx, only_active=True)):
            raise NoProduct(product_id)
        ids = _still(parts, tx, person_ids, now=now)
        added = new_leads.add_these(tx, product_id, ids, now=now)
        _note(tx, "nurture", len(added), user_id=user_id, now=now)
    # Who is its lead already may still be in no scenario.
    enrolled = enrol.people(parts, ids, now=now, product_id=product_id) if ids else 0
    return Done(len(added), enrolled)


def _still(parts: Parts, tx: Connection, person_ids: Sequence[int] | None, *, now: datetime) -> list[int]:
    """Those of them who are forgotten at this moment, at most AT_ONCE."""
    lines = show_report.every(parts, tx, number(), now=now, most=AT_ONCE if person_ids is None else 1_000_000)
    found = [line.person_id for line in lines if line.person_id is not None]
    if person_ids is None:
        return found
    wanted = set(person_ids)
    return [id for id in found if id in wanted]


def _note(tx: Connection, action: str, n: int, *, user_id: int, now: datetime) -> None:
    audit.note(
        tx,
        noun="forgotten",
        noun_id=None,
        action=action,
        user_id=user_id,
        now=now,
        changes={"people": (0, n)},
    )
