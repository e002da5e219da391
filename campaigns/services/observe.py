"""Observe: events in, and the deliveries they belong to marked for their verdict.

Reading and storing are safe to repeat: an event counts once by its uid, and an entry of the stream is
acknowledged only after all of it is committed. Opens have their verdict at once, since it hangs on nothing but
themselves; what the others mean is decided by `judge`, once the requests for a mail have come to rest.
Source: design 1, 3, 4; spec 45, A7 and A8.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import psycopg
import redis
import structlog
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from campaigns.parts import STREAM, Parts
from campaigns.rules.schedule import TOKYO
from campaigns.services import join_visits, judge, rerank
from campaigns.storage import returned, set_aside, touchpoints, tracking, verdicts
from campaigns.storage.tracking import Mailed
from tracking_pixel import bots, counts
from tracking_pixel.bots import HITS, Judged
from tracking_pixel.counts import Count
from tracking_pixel.events import Event, EventKind
from tracking_pixel.stream import Consumer, Entry, Rubbish

log = structlog.get_logger()

# Entries of the stream that one transaction stores, of up to 100 events each.
BATCH = 100
# A job ends after this many rounds; the next tick goes on.
ROUNDS = 50
# A verdict waits that long after the last request for the mail, so that the rest of a scanner's visit and the
# hands at the page can arrive (spec 45, C6); a mail that is never left alone is judged after four minutes, and
# again after each request: with a tick of a minute a signal is told within five (S1-12).
HOLD = timedelta(seconds=90)
HOLD_MAX = timedelta(minutes=4)
# A clock that goes before ours by more than this is wrong.
AHEAD = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Observed:
    """What a run did. entries: read from the stream; stored: events new to the database; resolved: mails in
    doubt that have arrived; set_aside: what is no event; unknown: events of mails that nobody got; ahead: events
    dated later than now."""

    entries: int = 0
    stored: int = 0
    resolved: int = 0
    set_aside: int = 0
    unknown: int = 0
    ahead: int = 0

    def __add__(self, other: Observed) -> Observed:
        return Observed(
            *(getattr(self, field.name) + getattr(other, field.name) for field in fields(Observed))
        )


def is_behind(parts: Parts) -> bool:
    """Does more wait than one worker should take alone?"""
    try:
        return bool(parts.redis.xlen(STREAM) > 2 * BATCH)
    except redis.RedisError:
        return False


def run(parts: Parts, *, now: datetime) -> Observed:
    """Take in what waits, oldest first, and judge what is due. Without Redis nothing is taken and nothing lost."""
    parts.stream.drain()
    total = Observed()
    try:
        for entries in _waiting(Consumer(parts.redis, STREAM)):
            total += _take_entries(parts, entries, now=now)
    except redis.RedisError as error:
        log.warning("event stream unreachable", error=type(error).__name__)
    judge.due(parts, now=now)
    return total


def _waiting(consumer: Consumer) -> Iterator[list[Entry]]:
    """First what a worker took that has died, then what is new."""
    for read in (consumer.claim_stale, consumer.read):
        for _ in range(ROUNDS):
            entries = read(BATCH)
            if not entries:
                break
            yield entries
            consumer.ack([entry.id for entry in entries])


def _take_entries(parts: Parts, entries: Sequence[Entry], *, now: datetime) -> Observed:
    events = [event for entry in entries for event in entry.events]
    rubbish = [one for entry in entries for one in entry.rubbish]
    done = take(parts, events, now=now, rubbish=rubbish) + Observed(entries=len(entries))
    for what, number in ((Count.AHEAD, done.ahead), (Count.UNKNOWN_DELIVERY, done.unknown)):
        if number:
            parts.redis.hincrby(counts.key(STREAM), what.value, number)
    return done


def take(
    parts: Parts, events: Sequence[Event], *, now: datetime, rubbish: Sequence[Rubbish] = ()
) -> Observed:
    """Store these events in one transaction; their deliveries wait for their verdict."""
    for is_last in (False, False, True):
        try:
            with parts.engine.begin() as tx:
                set_aside.add(tx, [(one.raw, one.reason) for one in rubbish], now=now)
                done, people = _take(tx, events, now=now, zone=parts.settings.tz)
            break
        except (psycopg.Error, DBAPIError) as error:
            # Another worker stores the same events, or a planner holds the same people: it goes first.
            if is_last or not _is_crossed(error):
                raise
    rerank.people(parts, people, now=now)
    return done + Observed(set_aside=len(rubbish))


def _is_crossed(error: Exception) -> bool:
    state = getattr(getattr(error, "orig", error), "sqlstate", "")
    return state in ("23505", "40P01", "40001")


def _take(
    tx: Connection, events: Sequence[Event], *, now: datetime, zone: ZoneInfo = TOKYO
) -> tuple[Observed, list[int]]:
    """What was done, and the people whose ranks may move at once."""
    ahead = sum(event.at > now + AHEAD for event in events)
    if ahead:
        events = [replace(event, at=now) if event.at > now + AHEAD else event for event in events]
    of_mails, of_browsers = join_visits.part(tx, events)
    visits = join_visits.take(tx, of_browsers, now=now, zone=zone)
    known = tracking.mailed(tx, sorted({event.delivery_id for event in of_mails}))
    mine = [event for event in of_mails if event.delivery_id in known]
    people = {id: mail.person_id for id, mail in known.items()}
    opens = [event for event in mine if event.kind is EventKind.OPEN]
    judged = {event.uid: bots.judge_open(event.ua) for event in opens}
    stored = tracking.add(tx, mine, people, judged)
    resolved = tracking.arrived(tx, [id for id, mail in known.items() if mail.is_in_doubt], now=now)
    returned.alive(tx, [id for id, mail in known.items() if mail.was_soft])
    touchpoints.put_first(tx, _opened(opens, judged, known), now=now)
    joined = join_visits.tie_clicks(tx, mine, people, now=now)
    verdicts.wait(tx, _due(mine, now=now), now=now, at_most=HOLD_MAX)
    strange = tracking.unknown(tx, {event.delivery_id for event in of_mails} - set(known))
    unknown = sum(event.delivery_id in strange for event in of_mails)
    done = Observed(stored=stored + visits.stored, resolved=resolved, unknown=unknown, ahead=ahead)
    return done, sorted({*visits.people, *joined})


def _due(events: Sequence[Event], *, now: datetime) -> dict[int, datetime]:
    """When these deliveries are judged. Only requests for links put that off: a page that stays open is no reason to
    wait, and an open needs no other's word."""
    last: dict[int, datetime] = {}
    for event in events:
        if event.kind is not EventKind.OPEN:
            at = min(event.at, now) + HOLD if event.kind in HITS else now
            last[event.delivery_id] = max(at, last.get(event.delivery_id, at))
    return last


def _opened(
    opens: Sequence[Event], judged: dict[str, Judged], known: dict[int, Mailed]
) -> Iterator[touchpoints.NewTouch]:
    """One touchpoint for all opens of a mail: its first. It weighs nothing, whoever it was."""
    first: dict[int, Event] = {}
    for event in opens:
        other = first.setdefault(event.delivery_id, event)
        if (event.at, event.uid) < (other.at, other.uid):
            first[event.delivery_id] = event
    for id, event in first.items():
        yield judge.touch(known[id], f"open:{id}", event, judged[event.uid])


def purge(parts: Parts, *, now: datetime) -> int:
    """Delete events and what was set aside after 90 days (LAW-27), some thousands a transaction."""
    total = 0
    while True:
        with parts.engine.begin() as tx:
            deleted = tracking.delete_before(tx, tracking.kept_since(now))
        total += deleted
        if not deleted:
            break
    with parts.engine.begin() as tx:
        set_aside.forget(tx, before=tracking.kept_since(now))
    return total
