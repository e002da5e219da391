"""Write a previewed list, inside the caller's transaction: companies, people, consents, touches, leads.

Empty never overwrites; names and numbers only fill blanks; the affiliation follows the newer card.
Source: spec 6.2.6.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from campaigns.parts import Parts
from campaigns.rules import imports
from campaigns.rules.drafts import Draft
from campaigns.rules.imports import Entry, Facts, Result, Settings
from campaigns.rules.subscriptions import Scope
from campaigns.rules.touchpoints import KINDS, Kind
from campaigns.services import draft_catalogues, import_refusals
from campaigns.services.company_book import CompanyBook
from campaigns.storage import import_facts, import_writes
from campaigns.storage import imports as storage
from campaigns.storage import people as persons
from campaigns.storage.bulk import reserve
from campaigns.storage.import_writes import NewConsent, NewRefusal, NewTouch
from campaigns.storage.imports import Batch, Change
from campaigns.storage.people import NewAffiliation, NewPerson, Person

FILLED = ("kana", "tel", "tel_direct", "mobile", "fax")
NAMED = ("family", "given", "full_name", "name_key")
Rows = Sequence[tuple[int, Draft]]


def people(
    parts: Parts,
    tx: Connection,
    batch: Batch,
    settings: Settings,
    rows: Rows,
    facts: Facts,
    *,
    now: datetime,
    user_id: int | None,
) -> list[int]:
    """Write the people of a list; returns their ids."""
    writer = _Writer(parts, tx, batch, settings, now=now, user_id=user_id)
    return writer.write(imports.entries(rows, facts, settings))


class _Writer:
    """One import in one transaction. Ids of new rows are reserved first, so that rows can name each other."""

    def __init__(
        self,
        parts: Parts,
        tx: Connection,
        batch: Batch,
        settings: Settings,
        *,
        now: datetime,
        user_id: int | None,
    ) -> None:
        self.parts, self.tx, self.batch, self.settings = parts, tx, batch, settings
        self.now, self.user_id = now, user_id
        self.zone: ZoneInfo = parts.settings.tz
        self.day_at = self._batch_day()
        self.changes: list[Change] = []
        self.changed: dict[tuple[str, str], dict[int, object]] = {}

    def _batch_day(self) -> datetime:
        """When people without a day of their own were met: at noon of the event's first day, else now."""
        started = import_facts.event_day(self.tx, self.settings.event_id)
        if started is None:
            return self.now
        return min(self.now, datetime.combine(started, time(12), tzinfo=self.zone))

    def write(self, entries: Sequence[Entry]) -> list[int]:
        new = [entry for entry in entries if entry.person_id is None]
        ids = dict(zip((e.line for e in new), reserve(self.tx, "people", len(new)), strict=True))
        person_of = {entry.line: entry.person_id or ids[entry.line] for entry in entries}
        known = persons.known(self.tx, [e.person_id for e in entries if e.person_id is not None])
        companies = self._companies(entries)
        boxes = self._addresses(entries)
        persons.add(
            self.tx, [_new_person(e, ids[e.line], boxes) for e in new], batch_id=self.batch.id, now=self.now
        )
        affiliations = [a for e in entries for a in self._affiliation(e, person_of[e.line], companies, known)]
        for entry in entries:
            if entry.person_id is not None:
                self._fill(entry.draft, known[entry.person_id], boxes)
        self._apply()
        persons.add_affiliations(self.tx, affiliations, batch_id=self.batch.id)
        pairs = [(person_of[e.line], boxes[key]) for e in entries for key in e.draft.keys]
        persons.add_further_addresses(self.tx, pairs, batch_id=self.batch.id)
        self._consents(entries, person_of, boxes)
        self._touches(entries, person_of)
        self._reviews(entries, person_of)
        self._refusals(entries, person_of, boxes)
        self._results(entries, person_of)
        return sorted(set(person_of.values()))

    def _companies(self, entries: Sequence[Entry]) -> dict[int, int]:
        """Company id of each entry, by its line. Same corporate number, else same core name and legal form."""
        drafts = {e.line: e.draft for e in entries if e.draft.core}
        found = persons.companies(
            self.tx, {d.core for d in drafts.values()}, {d.hojin_no for d in drafts.values() if d.hojin_no}
        )
        book = CompanyBook(found)
        of_line = {line: book.find_or_add(draft) for line, draft in drafts.items()}
        for company, id in zip(book.added, reserve(self.tx, "companies", len(book.added)), strict=True):
            company.id = id
        persons.add_companies(self.tx, book.added, batch_id=self.batch.id, now=self.now)
        for company, name, value in book.filled:
            self._change("companies", company.id, name, None if name == "hojin_no" else "", value)
        return {line: company.id for line, company in of_line.items()}

    def _addresses(self, entries: Sequence[Entry]) -> dict[str, int]:
        boxes = {
            key: (email, self.parts.key_hash(key), odd) for e in entries for email, key, odd in e.draft.mails
        }
        return persons.add_addresses(self.tx, boxes, batch_id=self.batch.id, now=self.now)

    def _affiliation(
        self, entry: Entry, person_id: int, companies: dict[int, int], known: dict[int, Person]
    ) -> list[NewAffiliation]:
        """The affiliation to add, if any. A newer card ends the one that stood; an older one is history."""
        company_id = companies.get(entry.line)
        if company_id is None:
            return []
        draft, day = entry.draft, self._day(entry)
        fresh = NewAffiliation(person_id, company_id, draft.site, draft.department, draft.title, day)
        person = known.get(person_id)
        if person is None or person.affiliation_id is None:
            return [fresh]
        stood = person.affiliation
        last = stood.get("card_on")
        is_newer = not isinstance(last, date) or day >= last
        if person.company_id == company_id:
            if is_newer:
                said = {
                    "department": draft.department,
                    "title": draft.title,
                    "site": draft.site,
                    "card_on": day,
                }
                for name, value in said.items():
                    if value:
                        self._change("affiliations", person.affiliation_id, name, stood.get(name), value)
            return []
        if not is_newer:
            return [
                NewAffiliation(person_id, company_id, draft.site, draft.department, draft.title, day, False)
            ]
        self._change("affiliations", person.affiliation_id, "is_current", True, False)
        self._change("affiliations", person.affiliation_id, "ended_on", stood.get("ended_on"), day)
        return [fresh]

    def _day(self, entry: Entry) -> date:
        return date.fromisoformat(entry.draft.card_on) if entry.draft.card_on else self._local(self.day_at)

    def _local(self, at: datetime) -> date:
        return at.astimezone(self.zone).date()

    def _fill(self, draft: Draft, person: Person, boxes: dict[str, int]) -> None:
        names = NAMED if not person.values["name_key"] else ()
        for name in (*names, *FILLED):
            value = getattr(draft, name)
            if value and not person.values[name]:
                self._change("people", person.id, name, person.values[name], value)
        if person.values["address_id"] is None and draft.keys:
            self._change("people", person.id, "address_id", None, boxes[draft.keys[0]])

    def _change(self, noun: str, id: int, name: str, old: object, new: object) -> None:
        if old != new:
            self.changes.append(Change(noun, id, name, old, new))
            self.changed.setdefault((noun, name), {})[id] = new

    def _apply(self) -> None:
        for (noun, name), values in self.changed.items():
            persons.change(self.tx, noun, name, values)
        storage.put_changes(self.tx, self.batch.id, self.changes)

    def _consents(self, entries: Sequence[Entry], person_of: dict[int, int], boxes: dict[str, int]) -> None:
        found = [
            NewConsent(
                boxes[key],
                person_of[e.line],
                e.consent.basis,
                self._at(e.touches[0].at),
                e.consent.method,
                e.consent.wording,
                self._evidence(e),
            )
            for e in entries
            if e.consent is not None
            for key in e.draft.keys
        ]
        import_writes.add_consents(
            self.tx,
            found,
            batch_id=self.batch.id,
            event_id=self.settings.event_id,
            user_id=self.user_id,
            now=self.now,
        )

    def _evidence(self, entry: Entry) -> dict[str, object]:
        """What proves the consent: the list and its line, and who gave the list (LAW-03, LAW-24)."""
        proof: dict[str, object] = {"batch": self.batch.id, "line": entry.line, "file": self.batch.file_name}
        if self.settings.purpose_published:
            proof["purpose_published"] = True
        if self.settings.third_party:
            proof |= {"giver": self.settings.giver, "given_on": self.settings.given_on}
        return proof

    def _at(self, iso: str) -> datetime:
        return min(self.now, datetime.fromisoformat(iso)) if iso else self.day_at

    def _touches(self, entries: Sequence[Entry], person_of: dict[int, int]) -> None:
        found = []
        first: dict[int, datetime] = {}
        for entry in entries:
            id = person_of[entry.line]
            for touch in entry.touches:
                row = KINDS[Kind(touch.kind)]
                at = self._at(touch.at)
                key = f"import:{self.batch.id}:{touch.line}"
                found.append(NewTouch(key, id, touch.kind, row.channel.value, row.depth, at, touch.memo))
                first[id] = min(at, first.get(id, at))
        import_writes.add_touches(
            self.tx,
            found,
            batch_id=self.batch.id,
            product_id=self.settings.product_id,
            event_id=self.settings.event_id,
            user_id=self.user_id,
            now=self.now,
        )
        draft_catalogues.for_touches(self.tx, found, now=self.now)
        if self.settings.product_id is not None:
            import_writes.add_leads(
                self.tx, first, product_id=self.settings.product_id, batch_id=self.batch.id, now=self.now
            )

    def _reviews(self, entries: Sequence[Entry], person_of: dict[int, int]) -> None:
        of_line = {line: person_of[e.line] for e in entries for line in e.lines}
        pairs = [(person_of[e.line], twin) for e in entries for twin in e.twins]
        pairs += [(person_of[e.line], of_line[line]) for e in entries for line in e.twin_lines]
        import_writes.add_match_candidates(
            self.tx, pairs, reason="same_mailbox", batch_id=self.batch.id, now=self.now
        )

    def _refusals(self, entries: Sequence[Entry], person_of: dict[int, int], boxes: dict[str, int]) -> None:
        """Who said no in the list itself is refused from everything."""
        found = [
            NewRefusal(self.parts.key_hash(key), boxes[key], person_of[e.line], e.draft.opt_words)
            for e in entries
            if e.draft.asks_stop
            for key in e.draft.keys
        ]
        refused = [refusal.address_id for refusal in found if refusal.address_id is not None]
        if found:
            import_writes.add_refusals(
                self.tx,
                found,
                scope=Scope.GLOBAL,
                product_id=None,
                batch_id=self.batch.id,
                user_id=self.user_id,
                now=self.now,
            )
            import_refusals.follow(self.parts, self.tx, refused, None, now=self.now)

    def _results(self, entries: Sequence[Entry], person_of: dict[int, int]) -> None:
        found: list[tuple[int, str, int | None]] = []
        for entry in entries:
            id = person_of[entry.line]
            found.append((entry.line, entry.result.value, id))
            found += [(line, Result.DUPLICATE.value, id) for line in entry.lines[1:]]
        storage.set_rows(self.tx, self.batch.id, found)


def _new_person(entry: Entry, id: int, boxes: dict[str, int]) -> NewPerson:
    draft = entry.draft
    return NewPerson(
        id=id,
        family=draft.family,
        given=draft.given,
        full_name=draft.full_name,
        kana=draft.kana,
        name_key=draft.name_key,
        tel=draft.tel,
        tel_direct=draft.tel_direct,
        mobile=draft.mobile,
        fax=draft.fax,
        address_id=boxes[draft.keys[0]] if draft.keys else None,
    )
