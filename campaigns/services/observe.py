"""Observe: events in, and the deliveries they belong to marked for their verdict.

Reading and storing are safe to repeat: an event counts once by its uid, and an entry of the stream is
acknowledged only after all of it is committed. What the events mean is decided by `judge`, once the requests for
a mail have come to rest. Source: design 1, 3, 4; spec 45, A7 and A8.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta

import redis
import structlog
from sqlalchemy import Connection

from campaigns.parts import STREAM, Parts
from campaigns.services import judge
from campaigns.storage import returned, tracking, verdicts
from tracking_pixel.bots import HITS
from tracking_pixel.events import Event
from tracking_pixel.stream import Consumer

log = structlog.get_logger()

# A batch ends a run after this many rounds; the next tick goes on.
ROUNDS = 50
# A verdict waits that long after the last request for the mail, so that the rest of a scanner's visit and the
# hands at the page can arrive (spec 45, C6); a mail that is never left alone is judged after some minutes, and
# again after each request.
HOLD = timedelta(seconds=90)
HOLD_MAX = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Observed:
    """What a run did. entries: read from the stream; stored: events new to the database; resolved: mails in
    doubt that have arrived."""

    entries: int = 0
    stored: int = 0
    resolved: int = 0

    def __add__(self, other: Observed) -> Observed:
        return Observed(
            *(getattr(self, field.name) + getattr(other, field.name) for field in fields(Observed))
        )


def run(parts: Parts, *, now: datetime, limit: int = 1000) -> Observed:
    """Take in what waits, oldest first, and judge what is due. Without Redis nothing is taken and nothing lost."""
    parts.stream.drain()
    consumer = Consumer(parts.redis, STREAM)
    total = Observed()
    for _ in range(ROUNDS):
        try:
            entries = consumer.claim_stale(limit) or consumer.read(limit)
            if not entries:
                break
            events = [event for entry in entries for event in entry.events]
            done = take(parts, events, now=now)
            consumer.ack([entry.id for entry in entries])
        except redis.RedisError as error:
            log.warning("event stream unreachable", error=type(error).__name__)
            break
        total += Observed(entries=len(entries)) + done
    judge.due(parts, now=now)
    return total


def take(parts: Parts, events: Sequence[Event], *, now: datetime) -> Observed:
    """Store these events in one transaction; their deliveries wait for their verdict."""
    with parts.engine.begin() as tx:
        return _take(tx, events, now=now)


def _take(tx: Connection, events: Sequence[Event], *, now: datetime) -> Observed:
    known = tracking.mailed(tx, sorted({event.delivery_id for event in events}))
    mine = [event for event in events if event.delivery_id in known]
    ids = sorted({event.delivery_id for event in mine})
    stored = tracking.add(tx, mine, {id: mail.person_id for id, mail in known.items()})
    resolved = tracking.arrived(tx, ids, now=now)
    returned.alive(tx, ids)
    due = [(event.delivery_id, _due_at(event, now=now)) for event in mine]
    verdicts.wait(tx, due, now=now, at_most=HOLD_MAX)
    return Observed(stored=stored, resolved=resolved)


def _due_at(event: Event, *, now: datetime) -> datetime:
    """Only requests for links put a verdict off: a page that stays open is no reason to wait."""
    return min(event.at, now) + HOLD if event.kind in HITS else now
