"""Meet: the person behind an entry of a form, found or made.

By mail address first, with the rules of the import; a name and company alone find nobody, since anybody can type
them: such a pair is shown for review. Blanks are filled, nothing that we know is overwritten: what differs is
kept with the entry. Source: spec 5.1; S3-01.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime

from sqlalchemy import Connection

from campaigns.parts import Parts
from campaigns.rules import drafts, imports
from campaigns.rules.drafts import Context, Draft
from campaigns.rules.forms import PERSONAL
from campaigns.rules.imports import Entry, Facts, Settings
from campaigns.rules.matching import email_key, name_key, names_conflict
from campaigns.services.company_book import CompanyBook
from campaigns.storage import form_entries, import_facts, import_writes, refusals
from campaigns.storage import people as persons
from campaigns.storage.bulk import reserve
from campaigns.storage.import_facts import Keys
from campaigns.storage.people import NewAffiliation, NewPerson, Person

FILLED = ("kana", "tel")
NAMED = ("family", "given", "full_name", "name_key")
PLACE = ("department", "title")


@dataclass(frozen=True, slots=True)
class Met:
    """Whose entry it is. differences: field -> (what we know, what was entered).

    is_refused: a refusal stands against mail about the form's product. has_consent: mail about it is allowed already.
    """

    person_id: int
    address_id: int
    key_hash: bytes
    is_new: bool
    differences: Mapping[str, tuple[str, str]]
    is_refused: bool
    has_consent: bool


def run(
    parts: Parts,
    tx: Connection,
    answers: Mapping[str, object],
    *,
    product_id: int | None,
    delivery_id: int | None,
    kind: str,
    now: datetime,
) -> Met:
    """Find or make the person, inside the caller's transaction. delivery_id: the mail whose link led to the form."""
    draft = read(answers, parts=parts, now=now)
    key = draft.keys[0]
    key_hash = parts.key_hash(key)
    # Two entries with one new address at once would else make two people.
    form_entries.hold(tx, key)
    facts = import_facts.facts(
        tx, Keys({key: key_hash}, [(draft.name_key, draft.core)]), product_id=product_id
    )
    (entry,) = imports.entries([(1, draft)], facts, Settings(kind=kind))
    entry, doubt = _only_by_mailbox(entry, facts, key)
    addressed = _of_mail(tx, delivery_id, draft, facts)
    if addressed is not None:
        entry = replace(entry, person_id=addressed, twins=())
    boxes = persons.add_addresses(
        tx, {key: (draft.mails[0][0], key_hash, draft.mails[0][2])}, batch_id=None, now=now
    )
    today = now.astimezone(parts.settings.tz).date()
    company_id = _company(tx, draft, now=now)
    if entry.person_id is None:
        person_id, differences = _add(tx, draft, boxes[key], company_id, today=today, now=now), {}
    else:
        person_id = entry.person_id
        known = persons.known(tx, [person_id])[person_id]
        differences = _fill(tx, draft, known, boxes[key], company_id, answers, today=today)
    import_writes.add_match_candidates(
        tx, [(person_id, twin) for twin in entry.twins], reason=doubt, batch_id=None, now=now
    )
    return Met(
        person_id=person_id,
        address_id=boxes[key],
        key_hash=key_hash,
        is_new=entry.person_id is None,
        differences=differences,
        is_refused=key in facts.refused,
        has_consent=key in facts.consented,
    )


def mailbox(answers: Mapping[str, object]) -> str:
    """The key of the mailbox that was entered."""
    return email_key(str(answers.get("email", "")))


def read(answers: Mapping[str, object], *, parts: Parts, now: datetime) -> Draft:
    """The answers as a row of a list would be read; what no list could hold leaves the mail address alone."""
    said = {name: str(answers.get(name, "")) for name in PERSONAL}
    names = [name for name in PERSONAL if said[name]]
    zone = parts.settings.tz
    for kept in (names, ["email"]):
        columns = {name: place for place, name in enumerate(kept)}
        context = Context(columns, labels=(), zone=zone, now=now, year=now.astimezone(zone).year)
        found = drafts.draft([said[name] for name in kept], context).draft
        if found is not None and found.mails:
            return found
    raise ValueError("an entry without a mail address")


def _only_by_mailbox(entry: Entry, facts: Facts, key: str) -> tuple[Entry, str]:
    """Somebody known by name and company alone is not taken for the sender, but shown for review, with the reason."""
    known = next((one for one in facts.people if one.id == entry.person_id), None)
    if known is None or key in known.keys:
        return entry, "same_mailbox"
    return replace(entry, person_id=None, twins=(known.id,)), "same_name"


def _of_mail(tx: Connection, delivery_id: int | None, draft: Draft, facts: Facts) -> int | None:
    """The one of several people at a mailbox to whom the mail went that led here."""
    subject = refusals.of_delivery(tx, delivery_id) if delivery_id else None
    if subject is None or subject.person_id is None or email_key(subject.email or "") != draft.keys[0]:
        return None
    known = next((one for one in facts.people if one.id == subject.person_id), None)
    if known is None or names_conflict(known.name_key, draft.name_key):
        return None
    return known.id


def _company(tx: Connection, draft: Draft, *, now: datetime) -> int | None:
    """The company of this name, made if it is new; nothing of a known one changes."""
    if not draft.core:
        return None
    form_entries.hold(tx, f"company:{draft.core}")
    book = CompanyBook(persons.companies(tx, [draft.core], []))
    company = book.find_or_add(draft)
    for added, id in zip(book.added, reserve(tx, "companies", len(book.added)), strict=True):
        added.id = id
    persons.add_companies(tx, book.added, batch_id=None, now=now)
    return company.id


def _add(
    tx: Connection, draft: Draft, address_id: int, company_id: int | None, *, today: date, now: datetime
) -> int:
    (person_id,) = reserve(tx, "people", 1)
    made = NewPerson(
        id=person_id,
        family=draft.family,
        given=draft.given,
        full_name=draft.full_name,
        kana=draft.kana,
        name_key=draft.name_key,
        tel=draft.tel,
        tel_direct="",
        mobile="",
        fax="",
        address_id=address_id,
    )
    persons.add(tx, [made], batch_id=None, now=now)
    _affiliate(tx, person_id, company_id, draft, today=today)
    return person_id


def _affiliate(tx: Connection, person_id: int, company_id: int | None, draft: Draft, *, today: date) -> None:
    if company_id is not None:
        place = NewAffiliation(person_id, company_id, draft.site, draft.department, draft.title, today)
        persons.add_affiliations(tx, [place], batch_id=None, source="form")


def _fill(
    tx: Connection,
    draft: Draft,
    known: Person,
    address_id: int,
    company_id: int | None,
    answers: Mapping[str, object],
    *,
    today: date,
) -> dict[str, tuple[str, str]]:
    """Fill blanks of a known person; returns what differs."""
    differences: dict[str, tuple[str, str]] = {}
    names = NAMED if not known.values["name_key"] else ()
    for name in (*names, *FILLED):
        _put(tx, "people", known.id, name, known.values[name], getattr(draft, name), differences)
    if known.values["address_id"] is None:
        persons.change(tx, "people", "address_id", {known.id: address_id})
    if not names and draft.name_key and name_key(str(known.values["full_name"])) != draft.name_key:
        differences["name"] = (str(known.values["full_name"]), draft.full_name)
    if known.affiliation_id is None:
        _affiliate(tx, known.id, company_id, draft, today=today)
    elif company_id in (None, known.company_id):
        for name in PLACE:
            old = known.affiliation.get(name)
            _put(tx, "affiliations", known.affiliation_id, name, old, getattr(draft, name), differences)
    else:
        differences["company"] = (
            import_facts.company_name(tx, known.company_id),
            str(answers.get("company", "")),
        )
    return differences


def _put(
    tx: Connection,
    noun: str,
    id: int,
    name: str,
    old: object,
    new: str,
    differences: dict[str, tuple[str, str]],
) -> None:
    if new and not old:
        persons.change(tx, noun, name, {id: new})
    elif new and old != new:
        differences[name] = (str(old), new)
