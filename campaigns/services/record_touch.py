"""Record a touch by hand: a talk at a show, a visit, a request by phone. The rank moves at once.

Source: S3-11, S3-14.
"""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

from sqlalchemy import Connection

from campaigns.parts import Parts
from campaigns.rules.schedule import REP_DAYS
from campaigns.rules.touchpoints import Kind
from campaigns.services import rerank
from campaigns.storage import audit, overdue, touchpoints
from campaigns.storage.touchpoints import NewTouch

# What people see and hear; what machines measure (opens, clicks, views) is not theirs to enter.
BY_HAND = (
    Kind.BOOTH_TALK,
    Kind.BOOTH_TALK_PROSPECT,
    Kind.CARD_EXCHANGE,
    Kind.BADGE_SCAN,
    Kind.SEMINAR_APPLY,
    Kind.SEMINAR_ATTEND,
    Kind.DOC_REQUEST,
    Kind.INQUIRY,
    Kind.QUOTE_REQUEST,
    Kind.CALL_CONNECTED,
    Kind.CALL_INTEREST,
    Kind.VISIT,
    Kind.MAIL_REPLY,
    Kind.FAX_SENT,
    Kind.MAIL_BY_REP,
)
AHEAD = timedelta(minutes=5)


class TouchError(ValueError):
    """code: kind_by_machine or in_the_future."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


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
) -> bool:
    """Write the touch and rank the person anew; False when this form was sent before.

    key: names this form for ever, so that pressing twice is one touch. at: when it happened, UTC.
    """
    if kind not in BY_HAND:
        raise TouchError("kind_by_machine")
    if at > now + AHEAD:
        raise TouchError("in_the_future")
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
        if not touchpoints.put(tx, [touch], now=now):
            return False
        if kind is Kind.MAIL_BY_REP:
            _rest(tx, parts, person_id, at=touch.at, now=now)
        rerank.for_people(tx, [person_id], now=now, zone=parts.settings.tz, base_url=parts.settings.base_url)
        audit.note(
            tx,
            noun="person",
            noun_id=person_id,
            action="touch",
            user_id=user_id,
            now=now,
            changes={"kind": (None, kind.value)},
        )
    return True


def _rest(tx: Connection, parts: Parts, person_id: int, *, at: datetime, now: datetime) -> None:
    """Somebody has just got a mail that a rep wrote: ours wait for a week, and those planned within it go back."""
    zone = parts.settings.tz
    until = at.astimezone(zone).date() + timedelta(days=REP_DAYS)
    first = datetime.combine(until, time(), tzinfo=zone).astimezone(UTC)
    ids = overdue.of_person(tx, person_id, before=first)
    overdue.put_back(
        tx, ids, reason="rep_wrote", now=now, today=now.astimezone(zone).date(), zone=parts.settings.zone
    )
    overdue.rest(tx, person_id, until=until)
