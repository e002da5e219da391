"""Submit a form: what a visitor sent becomes an entry, once, or goes back with what to mend.

The page that was sent names its version in a signed token, so an old page is read by the words that stood on it.
Whoever looks like a machine gets the same page of thanks as everybody: the entry is kept aside, with reasons.
Source: issue "forms"; LAW-03.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b

from sqlalchemy import Connection

from campaigns.parts import Parts
from campaigns.rules import form_answers
from campaigns.rules.form_answers import Answers, Manner
from campaigns.rules.forms import Consent, Door
from campaigns.rules.matching import email_key
from campaigns.services import accept_entry, count_forms, form_mails, show_form, wake
from campaigns.services.accept_entry import Accepted
from campaigns.services.show_form import Page, Unknown
from campaigns.storage import form_entries, forms, refusals
from campaigns.storage.form_entries import Entry, NewEntry
from campaigns.storage.forms import Form, Version


@dataclass(frozen=True, slots=True)
class Sent:
    """What came. keeps_address: the mailbox that was filled in is meant. trap: of a field that nobody sees."""

    token: str
    fields: Mapping[str, Sequence[str]]
    lang: str = "ja"
    trap: str = ""
    consents: bool = False
    keeps_address: bool = False
    visitor: str = ""
    ua: str = ""
    net: str = ""
    is_crawler: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """answers: with errors when it goes back. entry_id: None when nothing was kept. is_old: the page was too old
    or not ours; it is shown afresh with what was typed."""

    form: Form
    shown: Version
    door: Door
    answers: Answers
    entry_id: int | None = None
    is_old: bool = False

    @property
    def is_done(self) -> bool:
        return not self.answers.errors and not self.is_old and self.door in (Door.OPEN, Door.WAITING)


def run(parts: Parts, public_key: str, sent: Sent, *, now: datetime) -> Outcome:
    """Take what was sent. Raises Unknown."""
    page = show_form.read_page(parts, sent.token, now=now)
    accepted: Accepted | None = None
    with parts.engine.begin() as tx:
        form = show_form.published(tx, public_key)
        shown = forms.version(tx, page.version_id) if page else None
        if page is None or shown is None or shown.form_id != form.id:
            newest = forms.numbered(tx, form.id, form.published_no)
            if newest is None:
                raise Unknown(public_key)
            kept = form_answers.read(newest.design, sent.fields)
            return Outcome(form, newest, show_form.door_of(tx, parts, form, now=now), kept, is_old=True)
        answers = form_answers.read(shown.design, _fields(tx, sent, page.person_id))
        if answers.errors:
            return Outcome(form, shown, show_form.door_of(tx, parts, form, now=now), answers)
        key = email_key(str(answers.values["email"]))
        lately = count_forms.attempt(parts, net=sent.net, email_key=key)
        if lately.from_net > count_forms.FLOOD:
            count_forms.note(parts, form.id, "refused", now=now)
            return Outcome(form, shown, Door.OPEN, answers)
        manner = Manner(
            trap=sent.trap,
            age=now - page.at,
            is_filled_in=sent.keeps_address,
            from_net=lately.from_net,
            to_address=lately.to_address,
            is_crawler=sent.is_crawler,
        )
        why = form_answers.machine(shown.design, answers.values, manner)
        entry, is_new, door = _keep(tx, parts, form, shown, sent, page, answers, why, now=now)
        if entry is not None and is_new:
            accepted = _begin(tx, parts, form, shown, entry, now=now)
    if accepted is not None:
        accept_entry.follow(parts, accepted, now=now)
    elif entry is not None:
        wake.ask(parts, "deliver")
    return Outcome(form, shown, door, answers, entry.id if entry else None)


def _begin(
    tx: Connection, parts: Parts, form: Form, shown: Version, entry: Entry, *, now: datetime
) -> Accepted | None:
    """What a new entry sets off: its confirmation is asked for, or it counts at once, or it is kept aside."""
    if entry.state == "aside":
        return None
    if entry.state == "pending":
        form_mails.confirm(tx, parts, form, shown.design, entry, now=now)
        if accept_entry.is_told_of(form):
            accept_entry.tell(tx, parts, form, shown, entry, now=now)
        return None
    return accept_entry.run(tx, parts, form, shown, entry, now=now)


def _fields(tx: Connection, sent: Sent, person_id: int | None) -> dict[str, Sequence[str]]:
    """What was sent, with the mailbox that was filled in where that is meant and no other was typed."""
    fields = dict(sent.fields)
    if sent.keeps_address and person_id and not "".join(fields.get("email", ())).strip():
        _id, subject = refusals.of_person(tx, person_id) or (0, None)
        fields["email"] = [subject.email] if subject and subject.email else []
    return fields


def _keep(
    tx: Connection,
    parts: Parts,
    form: Form,
    shown: Version,
    sent: Sent,
    page: Page,
    answers: Answers,
    why: Sequence[str],
    *,
    now: datetime,
) -> tuple[Entry | None, bool, Door]:
    """Write the entry, or find the one that this page became before, and whether it is new. None: full or closed."""
    entry_key = _entry_key(page, answers)
    before = form_entries.sent_before(tx, entry_key)
    if before is not None:
        return before, False, Door.OPEN
    if form.handling.capacity is not None:
        forms.get(tx, form.id, for_update=True)  # the last seat is given once
    door = show_form.door_of(tx, parts, form, email=str(answers.values["email"]), now=now)
    if door in (Door.CLOSED, Door.FULL):
        return None, False, door
    new = NewEntry(
        entry_key=entry_key,
        form_id=form.id,
        version_id=shown.id,
        state="aside" if why else _state(shown, door),
        lang=shown.design.lang([sent.lang]),
        answers=answers.values,
        reasons=why,
        consents=shown.design.consent is Consent.SENDING
        or (sent.consents and shown.design.consent is Consent.TICK),
        awaits="all" if not why and _state(shown, door) == "pending" else "",
        delivery_id=page.delivery_id,
        visitor=sent.visitor,
        ua=sent.ua,
        net=sent.net,
    )
    entry_id = form_entries.add(tx, new, now=now)
    if entry_id is None:  # the same page, sent twice at the same moment
        return form_entries.sent_before(tx, entry_key), False, door
    return form_entries.get(tx, entry_id), True, door


def _state(shown: Version, door: Door) -> str:
    if shown.design.confirms:
        return "pending"
    return "waiting" if door is Door.WAITING else "done"


def _entry_key(page: Page, answers: Answers) -> str:
    """One page sent twice is one entry; mended and sent again after a step back, it is another."""
    said = json.dumps(dict(answers.values), sort_keys=True, ensure_ascii=False)
    digest = blake2b(said.encode("utf-8", "replace"), digest_size=8).hexdigest()
    return f"{page.version_id}:{int(page.at.timestamp())}:{page.nonce:x}:{digest}"
