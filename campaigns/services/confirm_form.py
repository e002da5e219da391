"""Confirm an entry by the link in its mail: looking changes nothing, since scanners follow links; the press counts.

With double opt-in the whole entry waits: until the mailbox has answered nobody knows who typed its address, so
neither person nor touchpoint nor rank comes of it. The touchpoint then has the instant at which the form was
sent. Otherwise only a consent waits that stands against an earlier refusal.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import Connection

from campaigns.parts import Parts
from campaigns.rules.forms import CONFIRM_WITHIN
from campaigns.services import accept_entry
from campaigns.services.accept_entry import Accepted
from campaigns.storage import form_entries, forms, products
from campaigns.storage.form_entries import Entry
from campaigns.storage.forms import Form, Version
from campaigns.storage.products import Sender
from campaigns.storage.tracking import KEPT_DAYS
from tracking_pixel import BadToken
from tracking_pixel.tokens import TokenKind

CALLERS_KEPT = timedelta(days=KEPT_DAYS)


@dataclass(frozen=True, slots=True)
class Asked:
    """What a link in a mail asks. state: open, done (pressed before), expired. of: all, consent."""

    form: Form
    shown: Version
    entry: Entry
    state: str
    of: str
    sender: Sender | None


def look(parts: Parts, token: str, *, now: datetime) -> Asked | None:
    """What would be confirmed; None for a link that is not ours."""
    with parts.engine.connect() as tx:
        return _asked(tx, parts, token, now=now)


def run(parts: Parts, token: str, *, now: datetime) -> Asked | None:
    """Confirm it; pressed twice, it counts once."""
    accepted: Accepted | None = None
    with parts.engine.begin() as tx:
        asked = _asked(tx, parts, token, for_update=True, now=now)
        if asked is None or asked.state != "open":
            return asked
        if asked.of == "all":
            state = accept_entry.seat(tx, asked.form, asked.entry)
            seated = replace(asked.entry, state=state, confirmed_at=now)
            accepted = accept_entry.run(tx, parts, asked.form, asked.shown, seated, now=now)
        else:
            accepted = accept_entry.consent_confirmed(
                tx, parts, asked.form, asked.shown, asked.entry, now=now
            )
    accept_entry.follow(parts, accepted, now=now)
    return replace(asked, entry=accepted.entry, state="done")


def expire(parts: Parts, *, now: datetime) -> int:
    """The night's work: let go of what nobody has confirmed in two weeks (how many).

    Likewise of who sent old entries, and of what was kept aside until then, as long as raw hits are kept.
    """
    with parts.engine.begin() as tx:
        form_entries.let_go_aside(tx, before=now - CALLERS_KEPT)
        form_entries.forget_callers(tx, before=now - CALLERS_KEPT)
        return form_entries.expire(tx, before=now - CONFIRM_WITHIN)


def _asked(
    tx: Connection, parts: Parts, token: str, *, for_update: bool = False, now: datetime
) -> Asked | None:
    try:
        (entry_id,) = parts.signer.read(token, TokenKind.CONFIRM).ids
    except (BadToken, ValueError):
        return None
    entry = form_entries.get(tx, entry_id, for_update=for_update)
    form = forms.get(tx, entry.form_id) if entry else None
    shown = forms.version(tx, entry.version_id) if entry else None
    if entry is None or form is None or shown is None:
        return None
    sender = products.sender_of(tx, form.handling.product_id)
    if entry.confirmed_at is not None:
        return Asked(form, shown, entry, "done", "all", sender)
    is_late = now - entry.at > CONFIRM_WITHIN or not entry.awaits
    return Asked(form, shown, entry, "expired" if is_late else "open", entry.awaits, sender)
