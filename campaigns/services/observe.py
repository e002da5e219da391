"""Observe: events in, judged touchpoints and fresh ranks out.

Reading, storing, judging and ranking are safe to repeat: an event counts once by its uid, a touchpoint
once by its source key, and an entry of the stream is acknowledged only after all of it is committed.
Source: design 1, 3, 4; spec 45, A7 and A8.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta

import redis
import structlog
from sqlalchemy import Connection

from campaigns.parts import STREAM, Parts
from campaigns.rules.key_pages import is_key
from campaigns.rules.touchpoints import Kind
from campaigns.services import rerank
from campaigns.storage import ranks, returned, touchpoints, tracking
from campaigns.storage.touchpoints import NewTouch
from campaigns.storage.tracking import Mailed, Stored
from tracking_pixel import bots
from tracking_pixel.bots import Judged, Verdict
from tracking_pixel.events import Event, EventKind
from tracking_pixel.links import TRAP_LINK, VISIT_DAYS
from tracking_pixel.stream import Consumer

log = structlog.get_logger()

# A batch ends a run after this many rounds; the next tick goes on.
ROUNDS = 50
# A click stands that long before a rank may act on it, so that the rest of a scanner's burst can arrive
# and speak against it (spec 45, C6). Within that time its leads are only marked for the next tick.
HOLD = timedelta(seconds=6)
# Beats may name a click for as long as its landing token lives.
JUDGED_DAYS = VISIT_DAYS + 1


@dataclass(frozen=True, slots=True)
class Observed:
    """What a run did. entries: read from the stream; stored: events new to the database."""

    entries: int = 0
    stored: int = 0
    touched: int = 0
    resolved: int = 0
    ranked: int = 0

    def __add__(self, other: Observed) -> Observed:
        return Observed(
            *(getattr(self, field.name) + getattr(other, field.name) for field in fields(Observed))
        )


def run(parts: Parts, *, now: datetime, limit: int = 1000) -> Observed:
    """Take in what waits, oldest first. Without Redis nothing is done and nothing is lost."""
    parts.stream.drain()
    consumer = Consumer(parts.redis, STREAM)
    total = Observed()
    for _ in range(ROUNDS):
        try:
            entries = consumer.claim_stale(limit) or consumer.read(limit)
            if not entries:
                break
            done = take(parts, [entry.event for entry in entries if entry.event], now=now)
            consumer.ack([entry.id for entry in entries])
        except redis.RedisError as error:
            log.warning("event stream unreachable", error=type(error).__name__)
            break
        total += Observed(entries=len(entries)) + done
    return total


def take(parts: Parts, events: Sequence[Event], *, now: datetime) -> Observed:
    """Store and judge these events in one transaction, then rank the people they touched."""
    with parts.engine.begin() as tx:
        seen = _take(tx, events, now=now)
    ranked = rerank.people(parts, seen.ready, now=now)
    return Observed(
        stored=seen.stored, touched=len(seen.ready) + seen.held, resolved=seen.resolved, ranked=ranked.leads
    )


@dataclass(frozen=True, slots=True)
class _Seen:
    stored: int
    resolved: int
    ready: list[int]
    held: int


def _take(tx: Connection, events: Sequence[Event], *, now: datetime) -> _Seen:
    known = tracking.mailed(tx, sorted({event.delivery_id for event in events}))
    mine = [event for event in events if event.delivery_id in known]
    ids = sorted({event.delivery_id for event in mine})
    stored = tracking.add(tx, mine, {id: mail.person_id for id, mail in known.items()})
    resolved = tracking.arrived(tx, ids, now=now)
    returned.alive(tx, ids)
    since = min((event.at for event in mine), default=now) - timedelta(days=JUDGED_DAYS)
    fresh: list[tuple[int, Judged]] = []
    touches: list[NewTouch] = []
    clicked: list[int] = []
    for id, rows in tracking.of_deliveries(tx, ids, since=since).items():
        judged = bots.judge([row.event for row in rows], sent_at=known[id].sent_at)
        fresh += [
            (row.id, verdict) for row, verdict in zip(rows, judged, strict=True) if _moved(row, verdict)
        ]
        made = touches_of(known[id], [row.event for row in rows], judged)
        touches += made
        if any(touch.kind is Kind.MAIL_CLICK and touch.validity > 0 for touch in made):
            clicked.append(id)
    tracking.judge(tx, fresh)
    touchpoints.put(tx, touches, now=now)
    tracking.mailboxes_work(tx, clicked, now=now)
    # Everybody in the batch, also if nothing moved: the run before may have died before its ranking.
    ready, held = _split(mine, known, now=now)
    ranks.ask_again(tx, held, at=now + HOLD)
    return _Seen(stored=stored, resolved=resolved, ready=ready, held=len(held))


def _split(
    events: Iterable[Event], known: dict[int, Mailed], *, now: datetime
) -> tuple[list[int], list[int]]:
    """People to be ranked now, and those of whom only clicks of the last seconds are known."""
    ready: set[int] = set()
    held: set[int] = set()
    for event in events:
        person_id = known[event.delivery_id].person_id
        if event.kind is EventKind.CLICK and timedelta(0) <= now - event.at < HOLD:
            held.add(person_id)
        elif event.kind is not EventKind.OPEN:
            ready.add(person_id)
    return sorted(ready - held), sorted(held)


def _moved(row: Stored, judged: Judged) -> bool:
    return (row.verdict, row.reasons) != (judged.verdict.value, judged.reasons)


def touches_of(mail: Mailed, events: Sequence[Event], judged: Sequence[Judged]) -> list[NewTouch]:
    """The touchpoints of one delivery's events: one for all opens, one a link, one a page view."""
    groups: dict[str, list[tuple[Event, Judged]]] = {}
    for event, verdict in zip(events, judged, strict=True):
        key = _source_key(event)
        if key:
            groups.setdefault(key, []).append((event, verdict))
    made = (_touch(mail, key, pairs) for key, pairs in groups.items())
    return [touch for touch in made if touch]


def _source_key(event: Event) -> str:
    if event.kind is EventKind.OPEN:
        return f"open:{event.delivery_id}"
    if event.kind is EventKind.CLICK:
        return "" if event.link_no == TRAP_LINK else f"click:{event.delivery_id}:{event.link_no}"
    return f"view:{event.delivery_id}:{event.visit}"


def _touch(mail: Mailed, key: str, pairs: Sequence[tuple[Event, Judged]]) -> NewTouch | None:
    """One touchpoint of all events with its key: the first by a person, else the first.

    A page whose view was lost, while its beats arrived, is a view from its first beat on.
    """
    humans = [pair for pair in pairs if pair[1].verdict is Verdict.HUMAN]
    event, judged = min(humans or pairs, key=lambda pair: (pair[0].at, pair[0].uid))
    beats = [other for other, _ in pairs if other.kind is EventKind.BEAT]
    return NewTouch(
        source_key=key,
        person_id=mail.person_id,
        kind=_kind(event),
        at=event.at,
        product_id=mail.product_id,
        delivery_id=mail.delivery_id,
        validity=1.0 if humans else 0.0,
        validity_reason=_reason(judged),
        active_s=sum(beat.active_s for beat in beats),
        url=event.url,
        title=event.title,
    )


def _kind(event: Event) -> Kind:
    if event.kind is EventKind.OPEN:
        return Kind.MAIL_OPEN
    if event.kind is EventKind.CLICK:
        return Kind.MAIL_CLICK
    return Kind.WEB_VIEW_KEY if is_key(event.url, event.title) else Kind.WEB_VIEW


def _reason(judged: Judged) -> str:
    """`verdict:rule,rule`; empty for a person against whom nothing speaks."""
    if judged.verdict is Verdict.HUMAN and not judged.reasons:
        return ""
    return f"{judged.verdict.value}:{','.join(judged.reasons)}".rstrip(":")
