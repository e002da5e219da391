"""Show a form to a visitor: the version, whether it takes entries, what a token fills in; and the thanks afterwards.

A page that is shown carries a signed token that names it; sent back, it says which words stood on it and when.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection

from campaigns.parts import Parts
from campaigns.rules import events as event_rule
from campaigns.rules import forms as rule
from campaigns.rules.events import Plan
from campaigns.rules.forms import Door
from campaigns.rules.subscriptions import mask
from campaigns.storage import directory, events, form_entries, forms, products, refusals
from campaigns.storage.forms import Form, Version
from campaigns.storage.products import Sender
from tracking_pixel import BadToken, Expired
from tracking_pixel.links import read_visit
from tracking_pixel.tokens import TokenKind

PAGE_AGE = timedelta(days=30)  # of a page that is sent


class Unknown(LookupError):
    """There is no such form, or it was never published."""


@dataclass(frozen=True, slots=True)
class Filled:
    """What a link in a mail fills in: the mailbox masked and the company; nothing else of the person is shown.

    A forwarded mail shows its next reader no more than the part behind the @ told already.
    """

    person_id: int
    delivery_id: int | None
    masked: str
    company: str


@dataclass(frozen=True, slots=True)
class Public:
    """A form as a visitor may see it. token: of the page that is sent back."""

    form: Form
    shown: Version
    door: Door
    token: str
    sender: Sender | None
    event: Plan | None = None
    filled: Filled | None = None


def show(
    parts: Parts,
    public_key: str,
    *,
    ik: str = "",
    badge: str = "",
    version_id: int | None = None,
    now: datetime,
) -> Public:
    """The form behind an address. Raises Unknown.

    ik, badge: the token of a mail's click, or of a QR code, which fill it in. version_id: the one that is shown
    again; else the newest.
    """
    with parts.engine.connect() as tx:
        form = published(tx, public_key)
        shown = forms.version(tx, version_id) if version_id else None
        if shown is None or shown.form_id != form.id:
            shown = forms.numbered(tx, form.id, form.published_no)
        if shown is None:
            raise Unknown(public_key)
        filled = _filled(tx, parts, ik, badge, now=now)
        door, sender = door_of(tx, parts, form, now=now), products.sender_of(tx, form.handling.product_id)
        event = events.get(tx, form.handling.event_id) if form.handling.event_id else None
    token = page_token(parts, shown.id, filled, now=now)
    return Public(
        form,
        shown,
        door,
        token,
        sender,
        event.plan if event else None,
        filled,
    )


def page_token(parts: Parts, version_id: int, filled: Filled | None, *, now: datetime) -> str:
    """Names one page as it is shown now; nobody else can make one."""
    nonce = secrets.randbits(48)
    delivery_id, person_id = (filled.delivery_id or 0, filled.person_id) if filled else (0, 0)
    return parts.signer.sign(TokenKind.FORM, version_id, int(now.timestamp()), nonce, delivery_id, person_id)


@dataclass(frozen=True, slots=True)
class Page:
    version_id: int
    at: datetime
    nonce: int
    delivery_id: int | None
    person_id: int | None


def read_page(parts: Parts, token: str, *, now: datetime) -> Page | None:
    """The page that was sent; None when it is not ours or too old."""
    try:
        version_id, at_s, nonce, delivery_id, person_id = parts.signer.read(token, TokenKind.FORM).ids
        at = datetime.fromtimestamp(at_s, UTC)
    except (BadToken, ValueError, OverflowError, OSError):
        return None
    if not timedelta() <= now - at + timedelta(seconds=1) <= PAGE_AGE:
        return None
    return Page(version_id, at, nonce, delivery_id or None, person_id or None)


def finished(parts: Parts, public_key: str, token: str) -> tuple[Version, str, Sender | None]:
    """Words, the entry's state as its sender may know it, and who stands behind the form; for the page of thanks.

    An entry that was kept aside, or not kept at all, looks as if it had come through. Raises Unknown.
    """
    try:
        (entry_id,) = parts.signer.read(token, TokenKind.ENTRY).ids
    except (BadToken, ValueError):
        raise Unknown(public_key) from None
    with parts.engine.connect() as tx:
        form = published(tx, public_key)
        entry = form_entries.get(tx, entry_id)
        shown = forms.version(tx, entry.version_id) if entry else None
        shown = shown or forms.numbered(tx, form.id, form.published_no)
        sender = products.sender_of(tx, form.handling.product_id)
    if shown is None or shown.form_id != form.id:
        raise Unknown(public_key)
    state = entry.state if entry and entry.state in ("done", "waiting", "pending") else ""
    return shown, state or ("pending" if shown.design.confirms else "done"), sender


def published(tx: Connection, public_key: str) -> Form:
    form = forms.by_key(tx, public_key)
    if form is None or not form.published_no:
        raise Unknown(public_key)
    return form


def door_of(tx: Connection, parts: Parts, form: Form, *, email: str = "", now: datetime) -> Door:
    """Whether the form takes entries. email: whoever has a seat keeps it."""
    today = now.astimezone(parts.settings.tz).date()
    handling = form.handling
    event = events.get(tx, handling.event_id) if handling.event_id else None
    taken, own = (0, "")
    if handling.capacity is not None:
        taken, own = form_entries.seats(tx, form.id, email=email)
    found = rule.door(
        state=form.state,
        closes_on=handling.closes_on,
        event_over=event is not None and event_rule.is_over(event.plan, today=today),
        capacity=None if own in form_entries.SEATED else handling.capacity,
        taken=taken,
        has_waiting_list=handling.has_waiting_list,
        today=today,
    )
    return found


def _filled(tx: Connection, parts: Parts, ik: str, badge: str, *, now: datetime) -> Filled | None:
    """Whom the mail went to whose link was clicked, or whose QR code it is; None for tokens old or not ours."""
    person_id: int | None = None
    delivery_id: int | None = None
    try:
        if ik:
            delivery_id = read_visit(parts.signer, ik, now=now).delivery_id
            sent_to = refusals.of_delivery(tx, delivery_id)
            person_id = sent_to.person_id if sent_to else None
        elif badge:
            person_id = parts.signer.read(badge, TokenKind.BADGE).ids[0]
    except (BadToken, Expired, ValueError):
        return None
    _id, subject = (refusals.of_person(tx, person_id) if person_id else None) or (0, None)
    if person_id is None or subject is None or not subject.email:
        return None
    return Filled(person_id, delivery_id, mask(subject.email), directory.company_of(tx, person_id))
