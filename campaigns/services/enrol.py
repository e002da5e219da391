"""Enrol people in the scenarios of a product.

Joining is by audience (class, event) and asks for no date: the planner decides when the first mail goes.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection

from campaigns.parts import Parts
from campaigns.rules.schedule import month_of
from campaigns.storage import enrollments


def audience(parts: Parts, scenario_id: int, *, now: datetime) -> int:
    """Enrol everybody whom a scenario is for; returns how many are new."""
    with parts.engine.begin() as tx:
        return len(_enrol(tx, parts, now=now, scenario=scenario_id))


def people(parts: Parts, person_ids: Sequence[int], *, now: datetime, product_id: int | None = None) -> int:
    """Enrol these people in the active scenarios (of one product); returns how many are new."""
    with parts.engine.begin() as tx:
        return len(_enrol(tx, parts, now=now, product=product_id, people=person_ids))


def _enrol(
    tx: Connection,
    parts: Parts,
    *,
    now: datetime,
    scenario: int | None = None,
    product: int | None = None,
    people: Sequence[int] | None = None,
) -> list[int]:
    zone = parts.settings.tz
    new = enrollments.enrol(
        tx, now=now, month=month_of(now, zone), scenario=scenario, product=product, people=people
    )
    enrollments.pace(tx, new, today=now.astimezone(zone).date())
    return new
