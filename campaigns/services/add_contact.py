"""Add a contact: somebody of a known company whom a colleague there named, with who introduced them.

What is typed is read as a row of a list would be. Nobody is made twice: a mailbox or a name that is known there is
shown instead. A contact has no consent to mail by being added. Source: S0-09, S0-12.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from campaigns.parts import Parts
from campaigns.rules import drafts
from campaigns.rules.drafts import Context, Draft
from campaigns.rules.reasons import Reason
from campaigns.rules.tracking import ROLES
from campaigns.services import introduce
from campaigns.services.author import Gone
from campaigns.storage import audit, companies, company_people, form_entries, import_facts
from campaigns.storage import people as persons
from campaigns.storage.bulk import reserve
from campaigns.storage.import_facts import Keys
from campaigns.storage.people import NewAffiliation, NewPerson

FIELDS = ("name", "kana", "email", "tel", "mobile", "department", "title")


class ContactError(ValueError):
    """reasons: what is wrong with what was typed. person_id: whom it already means."""

    def __init__(self, reasons: tuple[Reason, ...] = (), *, person_id: int | None = None) -> None:
        super().__init__("a contact that cannot be added")
        self.reasons, self.person_id = reasons, person_id


def run(parts: Parts, company_id: int, form: Mapping[str, str], *, user_id: int, now: datetime) -> int:
    """form: FIELDS, buying_role and from (who introduced them). Returns the person. Raises ContactError, Gone."""
    with parts.engine.begin() as tx:
        company = companies.get(tx, company_id)
        if company is None:
            raise Gone
        draft = _read(parts, company.name, form, now=now)
        form_entries.hold(tx, draft.keys[0] if draft.keys else f"{company_id}:{draft.name_key}")
        mailboxes = {key: parts.key_hash(key) for key in draft.keys}
        known = import_facts.facts(tx, Keys(mailboxes, []), product_id=None).people
        twin = known[0].id if known else company_people.of_name(tx, company_id, draft.name_key)
        if twin is not None:
            raise ContactError(person_id=twin)
        boxes = persons.add_addresses(
            tx,
            {key: (email, mailboxes[key], odd) for email, key, odd in draft.mails},
            batch_id=None,
            now=now,
        )
        (person_id,) = reserve(tx, "people", 1)
        persons.add(tx, [_person(person_id, draft, boxes)], batch_id=None, now=now)
        place = NewAffiliation(
            person_id, company_id, "", draft.department, draft.title, now.astimezone(parts.settings.tz).date()
        )
        persons.add_affiliations(tx, [place], batch_id=None, source="hand")
        if form.get("buying_role") in ROLES:
            company_people.give_role(tx, person_id, company_id, role=form["buying_role"])
        audit.note(tx, noun="person", noun_id=person_id, action="add", user_id=user_id, now=now)
    introducer = form.get("from", "")
    if introducer.isascii() and introducer.isdigit() and len(introducer) < 16:
        introduce.run(parts, from_id=int(introducer), to_id=person_id, user_id=user_id, now=now)
    return person_id


def _read(parts: Parts, company: str, form: Mapping[str, str], *, now: datetime) -> Draft:
    values = [*(form.get(name, "").strip()[:200] for name in FIELDS), company]
    columns = {name: place for place, name in enumerate((*FIELDS, "company"))}
    zone = parts.settings.tz
    context = Context(columns, labels=(), zone=zone, now=now, year=now.astimezone(zone).year)
    found = drafts.draft(values, context)
    if found.draft is None:
        raise ContactError(found.reasons)
    if not found.draft.name_key:
        raise ContactError((Reason("name_missing", {"field": "name"}),))
    return found.draft


def _person(person_id: int, draft: Draft, boxes: Mapping[str, int]) -> NewPerson:
    return NewPerson(
        id=person_id,
        family=draft.family,
        given=draft.given,
        full_name=draft.full_name,
        kana=draft.kana,
        name_key=draft.name_key,
        tel=draft.tel,
        tel_direct="",
        mobile=draft.mobile,
        fax="",
        address_id=boxes[draft.keys[0]] if draft.keys else None,
    )
