"""Show a person: one timeline over all products and events, and for each product how far it has come and why.

A dozen statements whatever the number of touches. Source: S3-07, S3-13, S3-15, S3-16, S3-22, S3-23.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from campaigns.parts import Parts
from campaigns.rules import balance, hot_rules, interests, ranks, rounding, scores
from campaigns.rules.balance import Balance
from campaigns.rules.interests import Interest
from campaigns.rules.schedule import month_of
from campaigns.rules.touchpoints import CAPS, SALES_STEPS, Channel, Group, Kind
from campaigns.rules.touchpoints import Touch as Counted
from campaigns.storage import companies, tasks, timeline, visits
from campaigns.storage.companies import Member
from campaigns.storage.tasks import Task
from campaigns.storage.timeline import Change, Consent, Lead, Person, Place, Refusal, Slot, Touch
from campaigns.storage.visits import PageRead

MONTHS_BACK, MONTHS_AHEAD = 4, 1
TALK = frozenset({Kind.MAIL_REPLY})
SHOWS = ("product", "all", "talk", "online", "offline")
USUAL_DAYS = interests.USUAL_CYCLE_DAYS
PAGES = 4


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the timeline shows. show: of SHOWS; kind, actor_id: of these alone, where given."""

    show: str = "product"
    kind: str = ""
    actor_id: int | None = None


@dataclass(frozen=True, slots=True)
class Shown:
    """A touchpoint with what it is worth today for the chosen product; None where it counts for nothing."""

    touch: Touch
    points: float | None


@dataclass(frozen=True, slots=True)
class Part:
    """A group's share of the score, as it is shown, with its cap. points: of its touches today, before the cap."""

    group: Group
    score: float
    cap: float
    points: float

    @property
    def is_capped(self) -> bool:
        """Whether a reader sees that the touches' points do not add up to the share."""
        return round(self.points, 1) > round(self.score, 1)


@dataclass(frozen=True, slots=True)
class View:
    """The person for one product, of this minute. resolved, won: leads of this band known so far.

    heavy: the three touches that weigh most. tasks: open ones of this product, the next first.
    """

    lead: Lead
    parts: tuple[Part, ...]
    score: float
    band: int
    resolved: int
    won: int
    heavy: tuple[Shown, ...]
    tasks: tuple[Task, ...]


@dataclass(frozen=True, slots=True)
class Page:
    """All of a person's page. view: the chosen product's, None when there is none; views: every product's.

    kinds, actors: what the timeline may be narrowed to. tasks: of no product, or without a lead.
    """

    person: Person
    view: View | None
    views: tuple[View, ...]
    shown: tuple[Shown, ...]
    hidden: int
    kinds: tuple[str, ...]
    actors: tuple[tuple[int, str], ...]
    changes: tuple[Change, ...]
    interests: tuple[tuple[Interest, tuple[Touch, ...]], ...]
    pages: tuple[PageRead, ...]
    balance: Balance
    tasks: tuple[Task, ...]
    slots: tuple[Slot, ...]
    months: tuple[int, ...]
    consents: tuple[Consent, ...]
    refusals: tuple[Refusal, ...]
    places: tuple[Place, ...]
    colleagues: tuple[Member, ...]

    @property
    def lead(self) -> Lead | None:
        return self.view.lead if self.view else None

    @property
    def leads(self) -> tuple[Lead, ...]:
        return tuple(view.lead for view in self.views)


def run(
    parts: Parts,
    person_id: int,
    *,
    now: datetime,
    product_id: int | None = None,
    wanted: Wanted = Wanted(),
    limit: int = 40,
) -> Page | None:
    """The page of a person; None when there is none. limit: touches shown."""
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
        pages = visits.pages_of(tx, person_id, limit=PAGES)
        members = companies.members(tx, person.company_id, limit=20) if person.company_id else []
    known = {kind.value: kind for kind in Kind}
    counted = [_counted(touch, known[touch.kind]) for touch in touches if touch.kind in known]
    lead = next((one for one in leads if one.product_id == product_id), leads[0] if leads else None)
    days = lead.cycle_days if lead else USUAL_DAYS
    spent = {one.product_id: _engagement(counted, one, now=now) for one in leads}
    views = tuple(_view(one, spent[one.product_id], touches, open_tasks) for one in leads)
    points = dict(spent[lead.product_id].by_touch) if lead else {}
    # What is measured for another product, or by a machine, counts for nothing here and says so by a dash.
    shown = [
        Shown(touch, points.get(touch.id) or None) for touch in touches if _is_shown(touch, lead, wanted)
    ]
    narrowed = wanted.kind or wanted.actor_id or wanted.show in ("online", "offline", "talk")
    return Page(
        person=person,
        view=next((view for view in views if view.lead is lead), None),
        views=views,
        shown=tuple(shown[:limit]),
        hidden=max(0, len(shown) - limit),
        kinds=tuple(dict.fromkeys(touch.kind for touch in touches)),
        actors=tuple(dict.fromkeys((t.actor_id, t.actor) for t in touches if t.actor_id is not None)),
        changes=()
        if narrowed
        else tuple(
            c for c in changes if wanted.show != "product" or lead is None or c.product_id == lead.product_id
        ),
        interests=_interests(touches, counted, now=now, days=days),
        pages=tuple(pages),
        balance=balance.of(counted, days=days, now=now),
        tasks=tuple(open_tasks),
        slots=tuple(slots),
        months=tuple(months),
        consents=tuple(consents),
        refusals=tuple(refusals),
        places=tuple(places),
        colleagues=tuple(member for member in members if member.person_id != person_id),
    )


def _counted(touch: Touch, kind: Kind) -> Counted:
    return Counted(
        kind=kind,
        at=touch.at,
        product_id=touch.product_id,
        validity=touch.validity,
        active_s=touch.active_s,
        id=touch.id,
    )


def _engagement(touches: Sequence[Counted], lead: Lead, *, now: datetime) -> scores.Engagement:
    """The score of this minute, by the same function that ranks; so its parts always add up to it."""
    fitting = (one for names, one in hot_rules.variants(lead.hot_rules) if lead.industry in names)
    table = next(fitting, hot_rules.criteria(lead.hot_rules)).table
    return scores.engagement(
        touches, product_id=lead.product_id, cycle_days=lead.cycle_days, now=now, table=table
    )


def _view(lead: Lead, spent: scores.Engagement, touches: Sequence[Touch], open_tasks: Sequence[Task]) -> View:
    band = ranks.band_of(spent.total, lead.edges)
    scores_shown = rounding.shares([spent.by_group.get(group, 0.0) for group in CAPS], places=1)
    groups = [
        Part(group, score, cap, spent.sums.get(group, 0.0))
        for (group, cap), score in zip(CAPS.items(), scores_shown, strict=True)
    ]
    points = {id: left for id, left in spent.by_touch if left > 0}
    worth = [Shown(touch, points[touch.id]) for touch in touches if touch.id in points]
    return View(
        lead=lead,
        parts=tuple(sorted(groups, key=lambda part: -part.score)),
        score=spent.total,
        band=band,
        resolved=lead.resolved[band] if band < len(lead.resolved) else 0,
        won=lead.won[band] if band < len(lead.won) else 0,
        heavy=tuple(sorted(worth, key=lambda one: -(one.points or 0.0))[:3]),
        tasks=tuple(task for task in open_tasks if task.product_id == lead.product_id),
    )


def _is_shown(touch: Touch, lead: Lead | None, wanted: Wanted) -> bool:
    if wanted.kind and touch.kind != wanted.kind:
        return False
    if wanted.actor_id is not None and touch.actor_id != wanted.actor_id:
        return False
    if wanted.show == "talk":
        return (touch.channel == Channel.OFFLINE and touch.kind not in SALES_STEPS) or touch.kind in TALK
    if wanted.show in (Channel.ONLINE, Channel.OFFLINE):
        return touch.channel == wanted.show
    if wanted.show == "product" and lead is not None:
        return touch.product_id in (None, lead.product_id)
    return True


def _interests(
    touches: Sequence[Touch], counted: Sequence[Counted], *, now: datetime, days: int
) -> tuple[tuple[Interest, tuple[Touch, ...]], ...]:
    """The strongest themes, each with the touches behind it, the newest first. Source: S3-16."""
    by_id = {touch.id: touch for touch in touches}
    reads = (interests.Read(one, by_id[one.id].tags) for one in counted if by_id[one.id].tags)
    found = interests.profile(reads, now=now, cycle_days=days)
    return tuple((one, tuple(by_id[id] for id in one.touch_ids)) for one in found)
