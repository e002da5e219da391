"""Enrol people in the scenarios of a product.

Joining is by audience (class, event, industry, size, role, rank) and asks for no date: the planner decides when
the first mail goes. People of companies with a field rep wait for its owner's yes (spec 3.1.14).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection

from campaigns.parts import Parts
from campaigns.rules.schedule import month_of
from campaigns.storage import alerts, enrollments

# Ranks move while the system runs; two days are more than the minute's work ever waits.
NEWS = timedelta(days=2)


def audience(parts: Parts, scenario_id: int, *, now: datetime) -> int:
    """Enrol everybody whom a scenario is for; returns how many are new."""
    with parts.engine.begin() as tx:
        return len(_enrol(tx, parts, now=now, scenario=scenario_id))


def people(parts: Parts, person_ids: Sequence[int], *, now: datetime, product_id: int | None = None) -> int:
    """Enrol these people in the active scenarios (of one product); returns how many are new."""
    with parts.engine.begin() as tx:
        return len(_enrol(tx, parts, now=now, product=product_id, people=person_ids))


def moved(parts: Parts, *, now: datetime) -> int:
    """Enrol those whose rank has just risen or fallen to where a scenario begins; returns how many are new."""
    with parts.engine.begin() as tx:
        found = enrollments.moved(tx, since=now - NEWS)
        return sum(
            len(_enrol(tx, parts, now=now, scenario=scenario, people=people))
            for scenario, people in found.items()
        )


def answer(parts: Parts, enrollment_ids: Sequence[int], *, yes: bool, user_id: int, now: datetime) -> int:
    """The owner's yes or no to people of companies of class A, B and C2; how many were still waiting for it."""
    zone = parts.settings.tz
    today = now.astimezone(zone).date()
    with parts.engine.begin() as tx:
        people = enrollments.answer(
            tx, enrollment_ids, yes=yes, user_id=user_id, month=month_of(now, zone), today=today, now=now
        )
        if yes:
            enrollments.pace(tx, people, today=today)
    return len(people)


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
    today = now.astimezone(zone).date()
    new = enrollments.enrol(
        tx,
        now=now,
        today=today,
        month=month_of(now, zone),
        scenario=scenario,
        product=product,
        people=people,
    )
    enrollments.pace(tx, new, today=today)
    alerts.tell_owners(tx, now=now)
    return new
