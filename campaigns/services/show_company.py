"""Show a company: its people by their role in buying, who is missing, what it comes to, and all that happened.

A dozen statements, each by an index that begins with the company, however many companies there are. Source: S0-09, S0-11.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from campaigns.parts import Parts
from campaigns.rules import tracking
from campaigns.rules.interests import Interest
from campaigns.services import company_interests, roll_up
from campaigns.services.roll_up import Rolled
from campaigns.storage import (
    appointments,
    asica,
    catalogues,
    companies,
    company_people,
    company_tasks,
    opportunities,
)
from campaigns.storage.appointments import Appointment
from campaigns.storage.asica import Sheet
from campaigns.storage.catalogues import Catalogue
from campaigns.storage.companies import Company, Member
from campaigns.storage.company_tasks import CompanyTouch, NextTask, Shown, Stay
from campaigns.storage.opportunities import Opportunity

TOUCHES = 30


@dataclass(frozen=True, slots=True)
class Page:
    """All of a company's page. groups: people by role in buying, those without one last. more: older touches."""

    company: Company
    groups: Sequence[tuple[str, Sequence[Member]]]
    members: int
    uncovered: Sequence[str]
    rolled: Sequence[Rolled]
    interests: Sequence[Interest]
    catalogue: Catalogue | None
    sheets: Sequence[Sheet]
    tasks: Sequence[NextTask]
    appointments: Sequence[Appointment]
    opportunities: Sequence[Opportunity]
    events: Sequence[Shown]
    former: Sequence[Stay]
    touches: Sequence[CompanyTouch]
    more: bool


def run(
    parts: Parts, company_id: int, *, now: datetime, before: tuple[datetime, int] | None = None
) -> Page | None:
    """The page of a company; None when there is none. before: touches older than that one."""
    with parts.engine.connect() as tx:
        found = companies.get(tx, company_id)
        if found is None:
            return None
        members = companies.members(tx, company_id)
        catalogue = catalogues.of_company(tx, company_id)
        touches = company_tasks.touches(tx, company_id, before=before, limit=TOUCHES + 1)
        return Page(
            company=found,
            groups=_groups(members),
            members=len(members),
            uncovered=tracking.uncovered(company_people.roles(tx, company_id)),
            rolled=roll_up.company(parts, company_id, now=now),
            interests=company_interests.run(parts, company_id, now=now),
            catalogue=catalogue,
            sheets=asica.sheets(tx, catalogue.id) if catalogue else (),
            tasks=company_tasks.open_of(tx, company_id),
            appointments=appointments.of_company(tx, company_id, limit=5),
            opportunities=opportunities.of_company(tx, company_id),
            events=company_tasks.events(tx, company_id),
            former=company_tasks.former(tx, company_id),
            touches=touches[:TOUCHES],
            more=len(touches) > TOUCHES,
        )


def _groups(members: Sequence[Member]) -> list[tuple[str, list[Member]]]:
    """By role, in the order in which a purchase needs them; other roles after those, people without one last."""
    order = {role: place for place, role in enumerate(tracking.ROLES)}
    found: dict[str, list[Member]] = {}
    for member in members:
        found.setdefault(member.buying_role, []).append(member)
    return sorted(found.items(), key=lambda group: (not group[0], order.get(group[0], len(order)), group[0]))
