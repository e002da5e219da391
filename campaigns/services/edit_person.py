"""Edit a person: fields, flags and the place of work, with who, when, old and new (S3-04).

A save that comes second is not written: it shows both values (S3-03).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from email_validator import EmailNotValidError, validate_email
from sqlalchemy import Connection

from campaigns.parts import Parts
from campaigns.rules.matching import email_key, name_key
from campaigns.services import line_calls, rerank
from campaigns.storage import audit, directory, tasks, timeline
from campaigns.storage.timeline import Person

TEXTS = (
    "family",
    "given",
    "kana",
    "honorific",
    "tel",
    "tel_direct",
    "mobile",
    "fax",
    "note",
    "excluded_reason",
)
FLAGS = ("do_not_call", "do_not_fax", "do_not_track", "phone_invalid", "fax_invalid")
PLACE = ("site", "department", "title", "buying_role")
# Which open tasks a field takes back when it is set, and with which outcome.
ENDED_BY: Mapping[str, tuple[tuple[str, ...], str]] = {
    "excluded_reason": (("call", "fax", "visit", "mail", "invite", "check", "intro"), "excluded"),
    "do_not_call": (("call",), "do_not_call"),
    "phone_invalid": (("call",), "wrong"),
    "do_not_fax": (("fax",), "do_not_fax"),
    "fax_invalid": (("fax",), "wrong"),
}
FIELDS = (*TEXTS, *FLAGS, "preferred_lang", "email", *PLACE)


class EditError(ValueError):
    """A field that cannot be saved. field, code: email_odd, name_missing, lang_unknown."""

    def __init__(self, field: str, code: str) -> None:
        super().__init__(f"{field}: {code}")
        self.field, self.code = field, code


class Stale(RuntimeError):
    """Somebody else saved first. current: what stands now."""

    def __init__(self, current: Person) -> None:
        super().__init__(f"person {current.id} has moved")
        self.current = current


def save(
    parts: Parts,
    person_id: int,
    values: Mapping[str, str | bool],
    *,
    version: int,
    user_id: int | None,
    now: datetime,
) -> Person:
    """Save the fields given (FIELDS); returns the person as saved. Raises EditError, Stale, LookupError."""
    with parts.engine.begin() as tx:
        old = timeline.person(tx, person_id)
        if old is None:
            raise LookupError(person_id)
        fields = {name: values[name] for name in FIELDS if name in values}
        changes = {
            name: (getattr(old, name), new) for name, new in fields.items() if getattr(old, name) != new
        }
        row: dict[str, object] = {
            name: new for name, (_, new) in changes.items() if name not in (*PLACE, "email")
        }
        _check(fields, old)
        if "family" in changes or "given" in changes:
            row["full_name"] = full_name(fields, old)
            row["name_key"] = name_key(str(row["full_name"]))
        if "email" in changes:
            row["address_id"] = _mailbox(tx, parts, str(fields["email"]), now=now)
        # A new number is a new chance: the old one's verdict does not bind it.
        if {"tel", "tel_direct", "mobile"} & changes.keys() and "phone_invalid" not in changes:
            row["phone_invalid"] = False
        if "fax" in changes and "fax_invalid" not in changes:
            row["fax_invalid"] = False
        if not directory.save(tx, person_id, row, version=version):
            raise Stale(old)
        directory.save_affiliation(
            tx, person_id, {name: new for name, (_, new) in changes.items() if name in PLACE}
        )
        audit.note(
            tx, noun="person", noun_id=person_id, action="edit", user_id=user_id, now=now, changes=changes
        )
        rerank.for_people(tx, [person_id], now=now, zone=parts.settings.tz, base_url=parts.settings.base_url)
        _end_tasks(tx, person_id, row, now=now)
        saved = timeline.person(tx, person_id)
    assert saved is not None
    return saved


def _end_tasks(tx: Connection, person_id: int, changed: Mapping[str, object], *, now: datetime) -> None:
    """What nobody may do any more is nobody's task: else it would be told late, or sent."""
    ended = False
    for name, (kinds, outcome) in ENDED_BY.items():
        if changed.get(name):
            ended |= bool(tasks.cancel_others(tx, person_id, kinds=kinds, outcome=outcome, now=now))
    if ended:
        line_calls.for_people(tx, [person_id], now=now)


def full_name(fields: Mapping[str, str | bool], old: Person) -> str:
    """Family and given name as they are shown."""
    family, given = str(fields.get("family", old.family)), str(fields.get("given", old.given))
    return f"{family} {given}".strip()


def _check(fields: Mapping[str, str | bool], old: Person) -> None:
    if ("family" in fields or "given" in fields) and not full_name(fields, old) and old.name:
        raise EditError("family", "name_missing")
    if fields.get("preferred_lang", "ja") not in ("ja", "en"):
        raise EditError("preferred_lang", "lang_unknown")


def _mailbox(tx: Connection, parts: Parts, email: str, *, now: datetime) -> int | None:
    """The mailbox's row, or None for an empty field. No consent comes with it: that is recorded apart."""
    key = email_key(email)
    if not key:
        return None
    try:
        validate_email(key, check_deliverability=False, test_environment=True)
    except EmailNotValidError:
        raise EditError("email", "email_odd") from None
    return directory.mailbox(tx, email=key, key=key, key_hash=parts.key_hash(key), now=now)
