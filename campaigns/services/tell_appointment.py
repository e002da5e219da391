"""Tell an appointment: one mail with its .ics to everybody who takes part, each named by appointment, change and reader.

They stand in the outbox within the transaction of the change, so the same change is told once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection

from campaigns.parts import Parts
from campaigns.services import guest_words, invite_ics, post
from campaigns.services.post import File
from campaigns.storage import appointments, participants, products
from campaigns.storage.appointments import Appointment

SUBJECTS: Mapping[str, Mapping[str, str]] = {
    "ja": {
        "new": "訪問の予定: {when} {who}",
        "moved": "訪問の予定が変わりました: {when} {who}",
        "off": "訪問は取りやめです: {when} {who}",
        "place": "場所: {place}",
        "when": "{d.month}月{d.day}日（{day}）{d:%H:%M}",
        "days": "月 火 水 木 金 土 日",
    },
    "en": {
        "new": "Visit: {when} {who}",
        "moved": "Visit changed: {when} {who}",
        "off": "Visit cancelled: {when} {who}",
        "place": "Place: {place}",
        "when": "{day} {d.day} {d:%b} {d:%H:%M}",
        "days": "Mon Tue Wed Thu Fri Sat Sun",
    },
}


def readers(tx: Connection, appointment_id: int) -> set[tuple[str, int]]:
    ours = {("user", one.id) for one in participants.staff(tx, appointment_id)}
    return ours | {
        ("person", one.id) for one in participants.guests(tx, appointment_id) if one.is_invited and one.email
    }


def run(
    tx: Connection,
    parts: Parts,
    appointment_id: int,
    what: str,
    *,
    only: set[tuple[str, int]] | None = None,
    before: Appointment | None = None,
    now: datetime,
) -> None:
    """One mail a reader. what: new, moved, off. only, before: those who are out, as it was when they were in."""
    found = appointments.get(tx, appointment_id)
    assert found is not None
    staff, guests = participants.staff(tx, found.id), participants.guests(tx, found.id)
    sender = products.sender_of(tx, found.product_id)
    people = {one.id: one for one in guests}
    us = sender.legal_name if sender and sender.legal_name else "Ikusei"
    for kind, id, email, locale in _mailboxes(tx, appointment_id, only):
        is_guest = kind == "person"
        data = invite_ics.invitation(
            parts,
            replace(before, sequence=found.sequence) if before is not None else found,
            staff=staff,
            guests=guests,
            us=us,
            locale=locale,
            for_guest=is_guest,
            is_cancelled=what == "off",
            now=now,
        )
        guest = people.get(id) if is_guest else None
        if guest is None:
            subject, text = _words(parts, found, what, locale=locale)
        else:
            subject, text = guest_words.mail(
                found,
                guest,
                what,
                when=_when(parts, found.starts_at, locale),
                until=f"{found.ends_at.astimezone(parts.settings.tz):%H:%M}",
                staff=[one.name for one in staff],
                us=us,
                locale=locale,
            )
        post.queue(
            tx,
            origin=f"tx:appointment:{found.id}:{found.sequence}:{kind}:{id}",
            to=email,
            subject=subject,
            text=text,
            now=now,
            person_id=id if is_guest else None,
            product_id=found.product_id,
            file=File(
                "invite.ics", f"text/calendar; method={'CANCEL' if what == 'off' else 'REQUEST'}", data
            ),
        )


def _mailboxes(
    tx: Connection, appointment_id: int, only: set[tuple[str, int]] | None
) -> Sequence[tuple[str, int, str, str]]:
    """kind, id, address and language of each reader."""
    if only is not None:
        return participants.mailboxes(tx, only)
    return participants.mailboxes(tx, readers(tx, appointment_id))


def _when(parts: Parts, at: datetime, locale: str) -> str:
    words = SUBJECTS.get(locale, SUBJECTS["ja"])
    local = at.astimezone(parts.settings.tz)
    return words["when"].format(d=local, day=words["days"].split()[local.weekday()])


def _words(parts: Parts, found: Appointment, what: str, *, locale: str) -> tuple[str, str]:
    """Subject and text for one of ours."""
    words = SUBJECTS.get(locale, SUBJECTS["ja"])
    at = _when(parts, found.starts_at, locale)
    who = invite_ics.who(found, locale)
    lines = [f"{at}  {who}", found.product, found.note]
    if found.place:
        lines.append(words["place"].format(place=found.place))
    lines += ["", f"{parts.settings.base_url}/appointments/{found.id}"]
    return words[what].format(when=at, who=who), "\n".join(lines) + "\n"
