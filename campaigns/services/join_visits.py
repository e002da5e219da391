"""Join visits: a browser that our page script has named becomes somebody's, and its pages become touchpoints.

A browser is tied to a person by a click in a mail, once hands were seen at the page, or by a form. What it read in
the 90 days before is theirs too, at the times it happened. A second person in the same browser: what was read
before stays with the first. A page counts once hands were at it; until then it is suspected, and weighs nothing.
Source: S3-15, S3-19; spec 2.5.2; LAW-27.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from campaigns.parts import Parts
from campaigns.rules.page_rules import PageRules, split
from campaigns.rules.schedule import TOKYO
from campaigns.rules.touchpoints import Kind
from campaigns.rules.visits import BEFORE, EVENTS_A_DAY, VIEWS_A_DAY, tie_at
from campaigns.storage import page_rules, ranks, touchpoints, tracking, visits
from campaigns.storage.touchpoints import NewTouch
from campaigns.storage.visits import NewTie, Read, Ties
from tracking_pixel import bots
from tracking_pixel.bots import Verdict
from tracking_pixel.events import Event, EventKind, is_visitor

PAGES = (EventKind.VIEW, EventKind.BEAT)
DAY = timedelta(days=1)
NOTHING = Ties()


@dataclass(frozen=True, slots=True)
class Taken:
    """stored: events new to the database; flooded: counted only; people: whose touchpoints changed."""

    stored: int = 0
    flooded: int = 0
    people: tuple[int, ...] = ()


def part(tx: Connection, events: Sequence[Event]) -> tuple[list[Event], list[Event]]:
    """Events of mails, and events of browsers alone.

    A browser keeps the token of a mail for 30 days. Once somebody else has made themselves known in it, that token
    says nothing more about who reads.
    """
    known = visits.ties(tx, {event.visitor for event in events if _has_both(event)})
    mails: list[Event] = []
    alone: list[Event] = []
    for event in events:
        if event.delivery_id and not (_has_both(event) and _is_outdated(event, known)):
            mails.append(event)
        elif event.kind in PAGES and is_visitor(event.visitor):
            alone.append(replace(event, delivery_id=0))
    return mails, alone


def _has_both(event: Event) -> bool:
    return bool(event.delivery_id and event.visitor) and event.kind in PAGES


def _is_outdated(event: Event, known: Mapping[str, Ties]) -> bool:
    """Is the browser somebody else's by now than whom this mail's click made it?"""
    found = known.get(event.visitor, NOTHING)
    if _source(event) not in found.by_source:
        return False
    holds = tie_at(found.ties, event.at)
    return holds is not None and holds.person_id != found.by_source[_source(event)]


def _source(event: Event) -> str:
    return f"click:{event.delivery_id}:{event.ref}"


# --- browsers that no mail led here ------------------------------------------------------------------------------


def take(tx: Connection, events: Sequence[Event], *, now: datetime, zone: ZoneInfo = TOKYO) -> Taken:
    """Store what browsers read by themselves; of those tied to a person it becomes touchpoints at once.

    Browsers of people who are not to be measured are dropped without a trace. Twice the same changes nothing.
    """
    if not events:
        return Taken()
    known = visits.ties(tx, {event.visitor for event in events})
    wanted = [event for event in events if not _is_nobodys(event, known)]
    kept, flooded = _bounded(tx, wanted, now=now, zone=zone)
    stored = tracking.add(tx, kept, {})
    # Asked again after storing: a form may have tied one of them meanwhile.
    people = _write(tx, {event.visitor for event in kept}, pages={event.visit for event in kept}, now=now)
    ranks.ask_again(tx, people, at=now)
    return Taken(stored, flooded, tuple(people))


def _is_nobodys(event: Event, known: Mapping[str, Ties]) -> bool:
    tie = tie_at(known.get(event.visitor, NOTHING).ties, event.at)
    return tie is not None and tie.person_id is None


def _bounded(
    tx: Connection, events: Sequence[Event], *, now: datetime, zone: ZoneInfo
) -> tuple[list[Event], int]:
    """What a browser may leave on one day; the rest is counted by its site."""
    today = now.astimezone(zone).date()
    since = datetime.combine(today, time(), tzinfo=zone)
    counts = visits.counted(tx, {event.visitor for event in events}, since=since)
    views = Counter({visitor: found[0] for visitor, found in counts.items()})
    total = Counter({visitor: found[1] for visitor, found in counts.items()})
    kept, flooded = [], Counter[str]()
    for event in events:
        views[event.visitor] += event.kind is EventKind.VIEW
        total[event.visitor] += 1
        if views[event.visitor] > VIEWS_A_DAY or total[event.visitor] > EVENTS_A_DAY:
            flooded[split(event.url)[0]] += 1
        else:
            kept.append(event)
    visits.flooded(tx, flooded, day=today)
    return kept, flooded.total()


# --- ties --------------------------------------------------------------------------------------------------------


def tie_clicks(
    tx: Connection, events: Sequence[Event], people: Mapping[int, int], *, now: datetime
) -> list[int]:
    """Browsers in which somebody followed a mail's link and touched the page are that person's.

    events: of mails, stored already. people: person of a delivery. Returns whose touchpoints changed.
    """
    first: dict[tuple[str, str], Event] = {}
    for event in events:
        if _has_both(event) and event.has_input and event.ref and event.delivery_id in people:
            key = (event.visitor, _source(event))
            first[key] = min(first.get(key, event), event, key=lambda one: one.at)
    new = visits.tie(
        tx,
        [
            NewTie(visitor, people[event.delivery_id], "click", source, min(event.at, now))
            for (visitor, source), event in first.items()
        ],
    )
    moved = _write(tx, new, now=now)
    ranks.ask_again(tx, moved, at=now)
    return moved


def join(
    tx: Connection,
    *,
    visitor: str,
    person_id: int,
    how: str,
    now: datetime,
    at: datetime | None = None,
    source: str = "",
) -> list[int]:
    """This person has made themselves known in this browser. Returns the people whose touchpoints changed.

    how: form, or another word for it. at: when, if not now: whoever came after keeps the browser from then on.
    source: names what tied it, so that the same twice is once. What is no
    visitor's name, or nobody's id, changes nothing. Of somebody who is not to be measured the browser is remembered,
    so that its pages are nobody's from now on.
    """
    found = visits.may_measure(tx, person_id) if is_visitor(visitor) else None
    if found is None:
        return []
    whose = found[0]
    visits.hold(tx, visitor)
    ties = visits.ties(tx, {visitor}).get(visitor, NOTHING).ties
    at = at or now
    holds = tie_at(ties, at)
    if holds is None or holds.person_id != (whose if found[1] else None) or holds.at > at:
        visits.tie(tx, [NewTie(visitor, whose, how, source or f"{how}:{at.isoformat()}", at)])
    return _write(tx, {visitor}, now=now)


def nightly(parts: Parts, *, now: datetime) -> list[int]:
    """Write what was stored in the very moment its browser was tied, and so was seen by neither; forget old counts.

    Returns the people whose touchpoints changed.
    """
    with parts.engine.begin() as tx:
        moved = _write(tx, visits.tied_since(tx, now - DAY), now=now)
        ranks.ask_again(tx, moved, at=now)
        visits.forget_floods(tx, before=(now - BEFORE).date())
    return moved


# --- pages as touchpoints ----------------------------------------------------------------------------------------


def _write(
    tx: Connection, visitors: Collection[str], *, pages: Collection[str] | None = None, now: datetime
) -> list[int]:
    """Touchpoints of what these browsers read, for whom they belonged to at that time. pages: of these alone."""
    known = visits.ties(tx, visitors)
    reads = visits.reads(tx, known, since=now - BEFORE, visits=pages)
    rules = page_rules.load(tx) if reads else PageRules(())
    touches = []
    for read in reads:
        tie = tie_at(known[read.visitor].ties, read.at)
        if tie is not None and tie.person_id is not None:
            touches.append(_touch(read, tie.person_id, rules))
    return sorted(set(touchpoints.put(tx, touches, now=now)))


def _touch(read: Read, person_id: int, rules: PageRules) -> NewTouch:
    page = rules.of(read.url, read.title)
    judged = bots.judge_visit(read.ua, has_input=read.touched)
    return NewTouch(
        source_key=f"view:v:{read.visitor}:{read.visit}",
        person_id=person_id,
        kind=Kind.WEB_VIEW_KEY if page.is_key else Kind.WEB_VIEW,
        at=read.at,
        product_id=page.product_id,
        validity=1.0 if judged.verdict is Verdict.HUMAN else 0.0,
        validity_reason=f"{judged.verdict}:{','.join(judged.reasons)}",
        active_s=read.active_s,
        url=read.url,
        title=read.title,
        tags=page.tags,
    )
