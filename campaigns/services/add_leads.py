"""Add leads: people who fit a product's target profile, or were met at an event, become its leads.

Its active scenarios that are for them take them in, as after an import.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from campaigns.parts import Parts
from campaigns.services import enrol
from campaigns.storage import audit, new_leads, scenarios
from campaigns.storage.new_leads import Chosen

AT_ONCE = 50_000  # people of one press, so that it is answered within seconds


@dataclass(frozen=True, slots=True)
class Ahead:
    """What a press would do. people: who would become leads; events: to choose from, as (id, name)."""

    people: int
    is_about: bool
    events: tuple[tuple[int, str], ...]
    scenarios: int


@dataclass(frozen=True, slots=True)
class Done:
    """people: new leads; enrolled: of them, who joined a scenario at once. has_more: somebody is left for another
    press."""

    people: int
    enrolled: int
    has_more: bool


def ahead(
    parts: Parts, product_id: int, profile: Mapping[str, Sequence[str]], *, event_id: int | None
) -> Ahead:
    """Look before; writes nothing. With an event, the target profile is not asked."""
    with parts.engine.connect() as tx:
        people, is_about = new_leads.count(tx, _chosen(product_id, profile, event_id))
        return Ahead(people, is_about, scenarios.choices(tx)[1], scenarios.running(tx, product_id))


def run(
    parts: Parts,
    product_id: int,
    profile: Mapping[str, Sequence[str]],
    *,
    event_id: int | None,
    user_id: int | None,
    now: datetime,
) -> Done:
    """One set-based insert; the scenarios take them in after its commit."""
    with parts.engine.begin() as tx:
        people = new_leads.add(tx, _chosen(product_id, profile, event_id), most=AT_ONCE, now=now)
        changes = {"leads": (None, len(people)), "event_id": (None, event_id)}
        audit.note(
            tx,
            noun="product_leads",
            noun_id=product_id,
            action="add",
            user_id=user_id,
            now=now,
            changes=changes,
        )
    enrolled = enrol.people(parts, people, now=now, product_id=product_id) if people else 0
    return Done(len(people), enrolled, len(people) == AT_ONCE)


def _chosen(product_id: int, profile: Mapping[str, Sequence[str]], event_id: int | None) -> Chosen:
    return Chosen(product_id, {} if event_id else profile, event_id)
