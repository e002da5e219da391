"""Show a person: one timeline over all products and events, and why the rank is what it is.

A dozen statements whatever the number of touches. Source: S3-07, S3-13, S3-16, S3-22.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from campaigns.parts import Parts
from campaigns.rules import hot_rules, ranks
from campaigns.rules.schedule import month_of
from campaigns.rules.touchpoints import CAPS, KINDS, Group, Kind
from campaigns.rules.touchpoints import Touch as Counted
from campaigns.storage import companies, tasks, timeline
from campaigns.storage.companies import Member
from campaigns.storage.tasks import Task
from campaigns.storage.timeline import Change, Consent, Lead, Person, Place, Refusal, Slot, Touch

MONTHS_BACK, MONTHS_AHEAD = 4, 1
TALK = frozenset({Kind.MAIL_REPLY})


@dataclass(frozen=True, slots=True)
class Shown:
    """A touchpoint with what it is worth today for the chosen product; None where it counts for nothing."""

    touch: Touch
    points: float | None


@dataclass(frozen=True, slots=True)
class Part:
    """A group's share of the score, with its cap."""

    group: Group
    score: float
    cap: float


@dataclass(frozen=True, slots=True)
class Balance:
    """Touches of the last cycle by channel. Source: S3-22."""

    online: int
    offline: int
    visits: int
    days: int


@dataclass(frozen=True, slots=True)
class Page:
    """All of a person's page. lead: the chosen product's, None when there is none."""

    person: Person
    leads: tuple[Lead, ...]
    lead: Lead | None
    parts: tuple[Part, ...]
    score: float
    p_win: float
    band: int
    shown: tuple[Shown, ...]
    hidden: int
    changes: tuple[Change, ...]
    heavy: tuple[Shown, ...]
    interests: tuple[tuple[str, float], ...]
    balance: Balance
    tasks: tuple[Task, ...]
    slots: tuple[Slot, ...]
    months: tuple[int, ...]
    consents: tuple[Consent, ...]
    refusals: tuple[Refusal, ...]
    places: tuple[Place, ...]
    colleagues: tuple[Member, ...]


def run(
    parts: Parts,
    person_id: int,
    *,
    now: datetime,
    product_id: int | None = None,
    show: str = "product",
    limit: int = 40,
) -> Page | None:
    """The page of a person; None when there is none. show: product, all or talk. limit: touches shown."""
    month = month_of(now, parts.settings.tz)
    months = range(month - MONTHS_BACK, month + MONTHS_AHEAD + 1)
    with parts.engine.connect() as tx:
        person = timeline.person(tx, person_id)
        if person is None:
            return None
        leads = timeline.leads(tx, person_id)
        touches = timeline.touches(tx, person_id)
        changes = timeline.changes(tx, person_id)
        open_tasks = tasks.of_person(tx, person_id)
        slots = timeline.slots(tx, person_id, first=months[0], last=months[-1])
        consents = timeline.consents(tx, person_id)
        refusals = timeline.refusals(tx, person_id)
        places = timeline.places(tx, person_id)
        members = companies.members(tx, person.company_id, limit=20) if person.company_id else []
    lead = next((one for one in leads if one.product_id == product_id), leads[0] if leads else None)
    spent = _engagement(touches, lead, now=now)
    points = dict(spent.by_touch) if spent else {}
    # What is measured for another product, or by a machine, counts for nothing here and says so by a dash.
    shown = [Shown(touch, points.get(touch.id) or None) for touch in touches if _is_shown(touch, lead, show)]
    score = spent.total if spent else 0.0
    return Page(
        person=person,
        leads=tuple(leads),
        lead=lead,
        parts=_parts_of(spent),
        score=score,
        p_win=lead.p_win if lead else 0.0,
        band=ranks.band_of(score, lead.edges) if lead else 0,
        shown=tuple(shown[:limit]),
        hidden=max(0, len(shown) - limit),
        changes=tuple(
            c for c in changes if show != "product" or lead is None or c.product_id == lead.product_id
        ),
        heavy=_heavy(touches, points),
        interests=_interests(touches),
        balance=_balance(touches, lead.cycle_days if lead else 365, now=now),
        tasks=tuple(open_tasks),
        slots=tuple(slots),
        months=tuple(months),
        consents=tuple(consents),
        refusals=tuple(refusals),
        places=tuple(places),
        colleagues=tuple(member for member in members if member.person_id != person_id),
    )


def _engagement(touches: Sequence[Touch], lead: Lead | None, *, now: datetime) -> ranks.Engagement | None:
    """The score of this minute, by the same function that ranks; so its parts always add up to it."""
    if lead is None:
        return None
    known = {kind.value: kind for kind in Kind}
    counted = [
        Counted(
            kind=known[t.kind],
            at=t.at,
            product_id=t.product_id,
            validity=t.validity,
            active_s=t.active_s,
            id=t.id,
        )
        for t in touches
        if t.kind in known
    ]
    fitting = (one for names, one in hot_rules.variants(lead.hot_rules) if lead.industry in names)
    table = next(fitting, hot_rules.criteria(lead.hot_rules)).table
    return ranks.engagement(
        counted, product_id=lead.product_id, cycle_days=lead.cycle_days, now=now, table=table
    )


def _parts_of(spent: ranks.Engagement | None) -> tuple[Part, ...]:
    if spent is None:
        return ()
    found = [Part(group, spent.by_group.get(group, 0.0), cap) for group, cap in CAPS.items()]
    return tuple(sorted(found, key=lambda part: -part.score))


def _is_shown(touch: Touch, lead: Lead | None, show: str) -> bool:
    if show == "talk":
        return touch.channel == "offline" or touch.kind in TALK
    if show == "product" and lead is not None:
        return touch.product_id in (None, lead.product_id)
    return True


def _heavy(touches: Sequence[Touch], points: dict[int, float]) -> tuple[Shown, ...]:
    """The three touches that weigh most today."""
    worth = [Shown(touch, points[touch.id]) for touch in touches if points.get(touch.id, 0.0) > 0]
    return tuple(sorted(worth, key=lambda one: -(one.points or 0.0))[:3])


def _interests(touches: Sequence[Touch]) -> tuple[tuple[str, float], ...]:
    """The three pages read longest by a human: (title, active seconds). Source: S3-16."""
    seconds: dict[str, float] = {}
    for touch in touches:
        if touch.kind in (Kind.WEB_VIEW, Kind.WEB_VIEW_KEY) and touch.validity > 0:
            name = touch.title or touch.url
            if not name:
                continue
            seconds[name] = seconds.get(name, 0.0) + touch.active_s
    return tuple(sorted(seconds.items(), key=lambda item: -item[1])[:3])


def _balance(touches: Sequence[Touch], days: int, *, now: datetime) -> Balance:
    since = now - timedelta(days=days)
    recent = [t for t in touches if t.at > since and t.validity > 0 and t.depth > 0]
    signs = [t for t in recent if t.kind in {kind.value for kind, row in KINDS.items() if row.is_sign}]
    return Balance(
        online=sum(t.channel == "online" for t in signs),
        offline=sum(t.channel == "offline" for t in signs),
        visits=sum(t.kind == Kind.VISIT for t in signs),
        days=days,
    )
