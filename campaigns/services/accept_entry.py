"""Accept an entry: the person, the touchpoint, the consent, the mails, the word to the owner; in one transaction.

It happens when the form is sent, or when the mail address is confirmed, or when the staff release an entry that
was kept aside; always with the instant at which the form was sent. Consent that stands against a refusal waits
for a confirmation from the mailbox: only the person's own new consent lifts a refusal. Source: LAW-01, LAW-03,
LAW-05; S1-12; issue "forms".
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection

from campaigns.parts import Parts
from campaigns.rules import form_answers
from campaigns.rules.forms import WAITED_FOR, Consent, Design
from campaigns.rules.subscriptions import Basis
from campaigns.services import enrol, form_mails, join_visits, meet, refuse, rerank, wake
from campaigns.services.form_mails import To
from campaigns.services.meet import Met
from campaigns.storage import (
    form_entries,
    forms,
    leads,
    next_actions,
    permission,
    refusals,
    touchpoints,
    visits,
)
from campaigns.storage.form_entries import Entry
from campaigns.storage.forms import Form, Version
from campaigns.storage.next_actions import Alert
from campaigns.storage.refusals import Subject
from campaigns.storage.touchpoints import NewTouch

# Refusals that the person's own confirmed consent lifts. A complaint, a dead mailbox and the word of an admin stay.
LIFTED = ("user_link", "one_click", "reply", "phone", "card", "import", "erasure")
NOTE_MAX = 2000


@dataclass(frozen=True, slots=True)
class Accepted:
    """entry: as it stands now. enrols: for which product the person may join scenarios, after the commit."""

    entry: Entry
    enrols: int | None = None


def run(tx: Connection, parts: Parts, form: Form, shown: Version, entry: Entry, *, now: datetime) -> Accepted:
    """Everything that follows from an entry that counts. entry.state: done or waiting."""
    design, handling = shown.design, form.handling
    met = meet.run(
        parts,
        tx,
        entry.answers,
        product_id=handling.product_id,
        delivery_id=entry.delivery_id,
        kind=design.kind.touch.value,
        now=now,
    )
    touchpoints.put(tx, [_touch(form, design, entry, met)], now=now)
    moved = join_visits.join(
        tx,
        visitor=entry.visitor,
        person_id=met.person_id,
        how="form",
        source=f"form:{entry.id}",
        at=entry.at,
        now=now,
    ) if entry.visitor else []  # fmt: skip
    asks = entry.consents and met.is_refused and _may_lift(tx, form, design, met)
    consent_id = None
    if entry.consents and not met.is_refused and entry.consent_id is None:
        consent_id = _consent(tx, form, shown, entry, met.person_id, met.address_id, now=now)
    form_entries.settle(
        tx,
        entry.id,
        state=entry.state,
        person_id=met.person_id,
        differences=met.differences,
        consent_id=consent_id,
        awaits="consent" if asks else "",
        confirmed_at=entry.confirmed_at,
    )
    # Who confirms an entry was told of when it came in.
    is_news = entry.confirmed_at is None and is_told_of(form)
    rerank.for_people(
        tx,
        sorted({met.person_id, *moved}),
        now=now,
        zone=parts.settings.tz,
        base_url=parts.settings.base_url,
        told=[(handling.owner_user_id, met.person_id)] if is_news and handling.owner_user_id else (),
    )
    settled = form_entries.get(tx, entry.id)
    assert settled is not None
    form_mails.thanks(tx, parts, form, design, settled, _to(tx, settled, met), asks_to_resume=asks, now=now)
    if is_news:
        tell(tx, parts, form, shown, settled, now=now)
    is_mailable = consent_id is not None or (met.has_consent and not met.is_refused)
    return Accepted(settled, handling.product_id if is_mailable else None)


def follow(parts: Parts, accepted: Accepted, *, now: datetime) -> None:
    """After the commit: join the scenarios that are for them, and let the mails go."""
    person_id = accepted.entry.person_id
    if accepted.enrols is not None and person_id is not None:
        enrol.people(parts, [person_id], now=now, product_id=accepted.enrols)
    wake.ask(parts, "deliver")


def consent_confirmed(
    tx: Connection, parts: Parts, form: Form, shown: Version, entry: Entry, *, now: datetime
) -> Accepted:
    """The mailbox has said yes once more: lift what it had refused, and record the consent."""
    subject = refusals.of_address(tx, email_key=meet.mailbox(entry.answers))
    if subject is None or subject.address_id is None or entry.person_id is None:
        return Accepted(entry)  # erased since
    address_id = subject.address_id
    _lift(tx, parts, form, shown.design, replace(subject, person_id=entry.person_id), now=now)
    consent_id = _consent(tx, form, shown, entry, entry.person_id, address_id, now=now)
    form_entries.settle(tx, entry.id, state=entry.state, consent_id=consent_id, awaits="", confirmed_at=now)
    settled = form_entries.get(tx, entry.id)
    assert settled is not None
    return Accepted(settled, form.handling.product_id)


def is_told_of(form: Form) -> bool:
    """The owner learns of an inquiry or a request for a quote whatever is set, of others when it is wanted."""
    return form.kind in WAITED_FOR or form.handling.tells_owner


def tell(tx: Connection, parts: Parts, form: Form, shown: Version, entry: Entry, *, now: datetime) -> None:
    """The one notice to the owner about an entry; it says as well when the sender is a hot lead now."""
    alert = Alert(
        kind=f"form_{form.kind.value}",
        person_id=entry.person_id,
        product_id=form.handling.product_id,
        lead_id=None,
        user_id=form.handling.owner_user_id,
        args={"form": form.id, "entry": entry.id, "name": form.handling.name},
    )
    next_actions.add_alerts(tx, [alert], now=now)
    labels = form_answers.labelled(shown.design, entry.answers, entry.lang)
    is_hot = entry.person_id is not None and leads.is_hot(
        tx, entry.person_id, product_id=form.handling.product_id
    )
    form_mails.tell_owner(tx, parts, form, entry, labels, is_hot=is_hot, now=now)


def seat(tx: Connection, form: Form, entry: Entry) -> str:
    """done, or waiting when all seats are taken by others. The form's row is held: the last seat is given once."""
    if form.handling.capacity is None:
        return "done"
    forms.get(tx, form.id, for_update=True)
    taken, own = form_entries.seats(tx, form.id, email=str(entry.answers["email"]))
    return "done" if own == "done" or taken < form.handling.capacity else "waiting"


def _touch(form: Form, design: Design, entry: Entry, met: Met) -> NewTouch:
    themes = form_answers.themes(design, entry.answers)
    said = [str(entry.answers.get(name, "")) for name in ("message", "ask_line", "ask_text")]
    return NewTouch(
        source_key=f"form:{entry.id}",
        person_id=met.person_id,
        kind=design.kind.touch,
        at=entry.at,
        product_id=form.handling.product_id,
        event_id=form.handling.event_id,
        title=form.handling.name,
        note="\n".join(filter(None, said))[:NOTE_MAX],
        tags=tuple(dict.fromkeys((*form.handling.tags, *themes))),
    )


def _to(tx: Connection, entry: Entry, met: Met) -> To:
    measured = visits.may_measure(tx, met.person_id)
    return To(
        email=str(entry.answers["email"]),
        person_id=met.person_id,
        address_id=met.address_id,
        tracks=measured is not None and measured[1],
    )


def _consent(
    tx: Connection,
    form: Form,
    shown: Version,
    entry: Entry,
    person_id: int,
    address_id: int,
    *,
    now: datetime,
) -> int:
    """Write the consent with the words that stood on the page, and where the page is kept (LAW-03)."""
    said = shown.design.said(entry.lang)
    proof: dict[str, object] = {
        "form": form.id,
        "form_version": shown.no,
        "version_id": shown.id,
        "entry": entry.id,
        "lang": entry.lang,
        "ticked": shown.design.consent is Consent.TICK,
        "purpose": said.purpose,
        "net": entry.net,
    }
    if entry.confirmed_at is not None or entry.awaits:
        proof["confirmed_at"] = (entry.confirmed_at or now).isoformat()
    return permission.record(
        tx,
        address_id=address_id,
        person_id=person_id,
        basis=Basis.OPT_IN.value,
        product_id=form.handling.product_id if shown.design.for_product else None,
        obtained_at=now,
        method="web",
        wording=said.consent,
        evidence=proof,
        event_id=form.handling.event_id,
        now=now,
    )


def _is_narrow(form: Form, design: Design) -> bool:
    return design.for_product and form.handling.product_id is not None


def _may_lift(tx: Connection, form: Form, design: Design, met: Met) -> bool:
    """Whether nothing stands against mail but what this consent, confirmed by the mailbox, can lift.

    Consent to one product's mail leaves a refusal of everything as it is; one of new products gives way to it
    (storage/permission).
    """
    scopes = (
        ["product", "new_products"] if _is_narrow(form, design) else ["product", "global", "new_products"]
    )
    return not refusals.is_for_good(tx, met.key_hash, met.person_id, scopes=scopes, reasons=LIFTED)


def _lift(
    tx: Connection, parts: Parts, form: Form, design: Design, subject: Subject, *, now: datetime
) -> None:
    """For the scope that the consent names: one for a product leaves a refusal of everything as it is."""
    product_id = form.handling.product_id
    scopes = ["product"] if _is_narrow(form, design) else ["product", "global", "new_products"]
    refusals.lift(
        tx,
        subject.key_hash,
        scopes=scopes,
        product_id=product_id,
        reasons=LIFTED,
        why="consent",
        now=now,
        person_id=subject.person_id,
    )
    for scope in ("product", "global"):
        if scope in scopes and (scope == "global" or product_id is not None):
            of = product_id if scope == "product" else None
            refuse.resume(tx, parts, subject, scope=scope, product_id=of, now=now)
