"""Record a touch by hand: a talk at a show, a visit, a request by phone. The rank moves at once.

What was recorded in error is taken back by a reversal: the touch stays on the timeline, says why, and counts for
nothing. Source: S0-28, S3-11, S3-14.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

from sqlalchemy import Connection

from campaigns.parts import Parts
from campaigns.rules import entering
from campaigns.rules.schedule import REP_DAYS
from campaigns.rules.touchpoints import Kind
from campaigns.services import draft_catalogues, rerank
from campaigns.storage import audit, entered, overdue
from campaigns.storage.entered import Entered
from campaigns.storage.touchpoints import NewTouch


@dataclass(frozen=True, slots=True)
class Recorded:
    """id: of the touch. is_new: False when this form was sent before."""

    id: int
    is_new: bool


def run(
    parts: Parts,
    *,
    person_id: int,
    kind: Kind,
    at: datetime,
    key: str,
    product_id: int | None = None,
    event_id: int | None = None,
    note: str = "",
    user_id: int | None,
    now: datetime,
) -> Recorded:
    """Write the touch and rank the person anew. Raises entering.TouchError.

    key: names this form for ever, so that pressing twice is one touch. at: when it happened, UTC.
    """
    entering.check(kind, at, now=now)
    touch = NewTouch(
        source_key=f"hand:{person_id}:{key}",
        person_id=person_id,
        kind=kind,
        at=min(at, now),
        product_id=product_id,
        event_id=event_id,
        note=note,
        actor_id=user_id,
    )
    with parts.engine.begin() as tx:
        new = entered.add(tx, [touch], now=now)
        if not new:
            return Recorded(entered.standing(tx, [touch.source_key])[touch.source_key].id, is_new=False)
        rest(tx, parts, [touch], now=now)
        draft_catalogues.for_touches(tx, [touch], now=now)
        rerank.for_people(
            tx,
            [person_id],
            now=now,
            zone=parts.settings.tz,
            base_url=parts.settings.base_url,
            pairs=set() if product_id is None else {(person_id, product_id)},
        )
        audit.note(
            tx,
            noun="person",
            noun_id=person_id,
            action="touch",
            user_id=user_id,
            now=now,
            changes={"kind": (None, kind.value)},
        )
    return Recorded(new[touch.source_key].id, is_new=True)


def rest(tx: Connection, parts: Parts, touches: Iterable[NewTouch], *, now: datetime) -> None:
    """Who has just got a mail that a rep wrote: ours wait for a week, and those planned within it go back."""
    zone = parts.settings.tz
    today = now.astimezone(zone).date()
    for touch in touches:
        until = touch.at.astimezone(zone).date() + timedelta(days=REP_DAYS)
        if touch.kind is not Kind.MAIL_BY_REP or until < today:
            continue
        first = datetime.combine(until, time(), tzinfo=zone).astimezone(UTC)
        ids = overdue.of_person(tx, touch.person_id, before=first)
        overdue.put_back(tx, ids, reason="rep_wrote", now=now, today=today, zone=parts.settings.zone)
        overdue.rest(tx, touch.person_id, until=until)


def look(parts: Parts, touch_id: int) -> Entered | None:
    """A touch with its source and its reversal."""
    with parts.engine.connect() as tx:
        return entered.one(tx, touch_id)


def withdraw(
    parts: Parts, touch_id: int, *, reason: str, user_id: int | None, now: datetime
) -> Entered | None:
    """Take a touch back and rank the person anew. Twice changes nothing. None when there is no such touch."""
    with parts.engine.begin() as tx:
        found = entered.one(tx, touch_id)
        if found is None or not entered.withdraw(tx, touch_id, reason=reason, user_id=user_id, now=now):
            return found
        rerank.for_people(
            tx, [found.person_id], now=now, zone=parts.settings.tz, base_url=parts.settings.base_url
        )
        audit.note(
            tx,
            noun="person",
            noun_id=found.person_id,
            action="touch_withdrawn",
            user_id=user_id,
            now=now,
            changes={"kind": (found.kind, None), "reason": (None, reason)},
        )
    return found
