"""Check in: the personal QR code of an event. Staff who scan it record that somebody came; for others it is a pass.

The code holds a signed token of person and event, nothing that a stranger could read. Scanned twice it is one
touchpoint. Source: S3-20; issue "forms".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from campaigns.parts import Parts
from campaigns.rules import events as event_rule
from campaigns.rules.events import Plan
from campaigns.services import form_mails, rerank
from campaigns.services.author import Gone
from campaigns.storage import (
    audit,
    check_ins,
    event_mailings,
    events,
    form_entries,
    forms,
    products,
    touchpoints,
)
from campaigns.storage.check_ins import Guest
from campaigns.storage.forms import Form
from campaigns.storage.products import Sender
from campaigns.storage.touchpoints import NewTouch
from tracking_pixel import BadToken
from tracking_pixel.tokens import TokenKind

CAME = tuple(event_rule.scanned(kind).value for kind in event_rule.Kind)


@dataclass(frozen=True, slots=True)
class Pass:
    """A pass as it is scanned. form: by which one signs up for the event, if there is an open one."""

    event_id: int
    event: Plan
    is_over: bool
    guest: Guest
    form: Form | None
    sender: Sender | None


def look(parts: Parts, token: str, *, now: datetime) -> Pass | None:
    """Whose pass it is; None for a code that is not ours. Changes nothing."""
    with parts.engine.connect() as tx:
        return _pass(tx, parts, token, now=now)


def run(parts: Parts, token: str, *, user_id: int, now: datetime) -> tuple[Pass, bool] | None:
    """Somebody came: write the touch and rank them anew. False: they were checked in before."""
    with parts.engine.begin() as tx:
        found = _pass(tx, parts, token, now=now)
        if found is None:
            return None
        person_id = found.guest.person_id
        form_entries.hold(tx, f"check-in:{found.event_id}:{person_id}")
        before = _pass(tx, parts, token, now=now)
        if before is None or before.guest.came_at is not None:
            return before or found, False
        kind = event_rule.scanned(found.event.kind)
        touch = NewTouch(
            source_key=f"check-in:{found.event_id}:{person_id}",
            person_id=person_id,
            kind=kind,
            at=now,
            product_id=found.form.handling.product_id
            if found.form
            else event_mailings.product_of(tx, found.event_id),
            event_id=found.event_id,
            tags=found.form.handling.tags if found.form else (),
            actor_id=user_id,
        )
        touchpoints.put(tx, [touch], now=now)
        rerank.for_people(tx, [person_id], now=now, zone=parts.settings.tz, base_url=parts.settings.base_url)
        audit.note(
            tx,
            noun="person",
            noun_id=person_id,
            action="check_in",
            user_id=user_id,
            now=now,
            changes={"event": (None, found.event_id)},
        )
        after = _pass(tx, parts, token, now=now)
    return after or found, True


@dataclass(frozen=True, slots=True)
class Sheet:
    """Everybody of an event, with the address in each one's code."""

    event: Plan
    guests: Sequence[tuple[Guest, str]]
    sender: Sender | None


def sheet(parts: Parts, event_id: int) -> Sheet:
    """Badges to print. Raises Gone."""
    with parts.engine.connect() as tx:
        event = events.get(tx, event_id)
        if event is None:
            raise Gone
        guests = check_ins.guests(tx, event_id, came=CAME)
        sender = products.sender_of(tx, None)
    return Sheet(
        event.plan,
        tuple((guest, form_mails.pass_url(parts, guest.person_id, event_id)) for guest in guests),
        sender,
    )


def _pass(tx: Connection, parts: Parts, token: str, *, now: datetime) -> Pass | None:
    try:
        person_id, event_id = parts.signer.read(token, TokenKind.BADGE).ids
    except (BadToken, ValueError):
        return None
    event = events.get(tx, event_id)
    guest = check_ins.guest(tx, person_id, event_id, came=CAME)
    if event is None or guest is None:
        return None
    form = forms.of_event(tx, event_id)
    today = now.astimezone(parts.settings.tz).date()
    return Pass(
        event_id=event_id,
        event=event.plan,
        is_over=event_rule.is_over(event.plan, today=today),
        guest=guest,
        form=form,
        sender=products.sender_of(tx, form.handling.product_id if form else None),
    )
