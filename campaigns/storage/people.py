"""People, their mailboxes, companies and affiliations, as a list brings them: read and written by set.

Rows of one import carry its batch id, so that it can be taken back.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from sqlalchemy import Connection, text

from campaigns.storage.bulk import copy, json_text

# What an import may change in rows that stand: noun -> field -> SQL type.
CHANGEABLE: Mapping[str, Mapping[str, str]] = {
    "companies": {
        "hojin_no": "text", "zip": "text", "address": "text", "tel": "text", "fax": "text", "url": "text",
        "industry": "text", "employees_band": "text",
    },
    "people": {
        "family": "text", "given": "text", "full_name": "text", "name_key": "text", "kana": "text",
        "tel": "text", "tel_direct": "text", "mobile": "text", "fax": "text", "address_id": "bigint",
    },
    "affiliations": {
        "department": "text", "title": "text", "site": "text", "card_on": "date", "is_current": "boolean",
        "ended_on": "date",
    },
}  # fmt: skip
VERSIONED = frozenset({"companies", "people"})


@dataclass(slots=True)
class Company:
    """A company that is known or about to be. id is reserved before it is written."""

    id: int
    name: str
    core_key: str
    legal_form: str
    form_position: str = "none"
    values: dict[str, str] = field(default_factory=dict)  # the fields of CHANGEABLE["companies"]


@dataclass(frozen=True, slots=True)
class Person:
    """A known person as far as an import changes them, with the current affiliation."""

    id: int
    values: Mapping[str, object]
    affiliation_id: int | None = None
    company_id: int | None = None
    affiliation: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class NewPerson:
    id: int
    family: str
    given: str
    full_name: str
    kana: str
    name_key: str
    tel: str
    tel_direct: str
    mobile: str
    fax: str
    address_id: int | None


@dataclass(frozen=True, slots=True)
class NewAffiliation:
    person_id: int
    company_id: int
    site: str
    department: str
    title: str
    card_on: date
    is_current: bool = True


@dataclass(frozen=True, slots=True)
class NewConsent:
    address_id: int
    person_id: int
    basis: str
    obtained_at: datetime
    method: str
    wording: str
    evidence: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class NewTouch:
    source_key: str
    person_id: int
    kind: str
    channel: str
    depth: int
    at: datetime
    note: str


@dataclass(frozen=True, slots=True)
class NewRefusal:
    key_hash: bytes
    address_id: int | None
    person_id: int | None
    evidence: str


def companies(tx: Connection, cores: Iterable[str], hojin_nos: Iterable[str]) -> list[Company]:
    """Companies with one of these core names or corporate numbers, the oldest first.

    Indexes: companies (core_key), (hojin_no).
    """
    names = ", ".join(f"coalesce({name}, '') as {name}" for name in CHANGEABLE["companies"])
    found = tx.execute(
        text(
            f"select id, name, core_key, legal_form, form_position, {names} from companies"  # noqa: S608 - constants
            " where core_key = any(:cores) or hojin_no = any(:numbers) order by id"
        ),
        {"cores": sorted(set(cores)), "numbers": sorted(set(hojin_nos))},
    )
    return [
        Company(
            row.id,
            row.name,
            row.core_key,
            row.legal_form,
            row.form_position,
            {name: getattr(row, name) for name in CHANGEABLE["companies"]},
        )
        for row in found
    ]


def add_companies(tx: Connection, found: Sequence[Company], *, batch_id: int, now: datetime) -> None:
    fields = tuple(CHANGEABLE["companies"])
    copy(
        tx,
        "companies",
        ("id", "name", "core_key", "legal_form", "form_position", *fields, "import_batch_id", "created_at"),
        (
            (
                c.id, c.name, c.core_key, c.legal_form, c.form_position,
                *(c.values.get(name, "") or (None if name == "hojin_no" else "") for name in fields),
                batch_id, now,
            )
            for c in found
        ),
    )  # fmt: skip


def add_addresses(
    tx: Connection, boxes: Mapping[str, tuple[str, bytes, bool]], *, batch_id: int, now: datetime
) -> dict[str, int]:
    """Ids of these mailboxes, old and new. boxes: key -> (as written, hash, rfc_invalid)."""
    keys = list(boxes)
    tx.execute(
        text(
            "insert into addresses (email, email_key, key_hash, rfc_invalid, import_batch_id, created_at)"
            " select q.email, q.key, q.hash, q.odd, :batch, :now from unnest(cast(:emails as text[]),"
            " cast(:keys as text[]), cast(:hashes as bytea[]), cast(:odd as boolean[])) as q(email, key, hash, odd)"
            " on conflict (email_key) do nothing"
        ),
        {
            "batch": batch_id,
            "now": now,
            "emails": [boxes[key][0] for key in keys],
            "keys": keys,
            "hashes": [boxes[key][1] for key in keys],
            "odd": [boxes[key][2] for key in keys],
        },
    )
    return address_ids(tx, keys)


def address_ids(tx: Connection, keys: Sequence[str]) -> dict[str, int]:
    found = tx.execute(
        text("select id, email_key from addresses where email_key = any(:keys)"), {"keys": list(keys)}
    )
    return {row.email_key: row.id for row in found}


def known(tx: Connection, ids: Sequence[int]) -> dict[int, Person]:
    """People with their current affiliation, locked until the import is done."""
    people = ", ".join(f"p.{name}" for name in CHANGEABLE["people"])
    own = tuple(CHANGEABLE["affiliations"])
    theirs = ", ".join(f"f.{name} as f_{name}" for name in own)
    found = tx.execute(
        text(
            f"select p.id, {people}, f.id as affiliation_id, f.company_id, {theirs} from people p"  # noqa: S608 - constants
            " left join affiliations f on f.person_id = p.id and f.is_current"
            " where p.id = any(:ids) order by p.id for update of p"
        ),
        {"ids": list(ids)},
    )
    return {
        row.id: Person(
            row.id,
            {name: getattr(row, name) for name in CHANGEABLE["people"]},
            row.affiliation_id,
            row.company_id,
            {name: getattr(row, f"f_{name}") for name in own},
        )
        for row in found
    }


def add(tx: Connection, found: Sequence[NewPerson], *, batch_id: int, now: datetime) -> None:
    names = (
        "id", "family", "given", "full_name", "kana", "name_key", "tel", "tel_direct", "mobile", "fax", "address_id",
    )  # fmt: skip
    copy(
        tx,
        "people",
        (*names, "import_batch_id", "created_at"),
        ((*(getattr(p, name) for name in names), batch_id, now) for p in found),
    )


def add_further_addresses(tx: Connection, pairs: Sequence[tuple[int, int]], *, batch_id: int) -> None:
    """(person, address) beside the one that is written to."""
    tx.execute(
        text(
            "insert into person_addresses (person_id, address_id, origin_person_id, import_batch_id)"
            " select q.p, q.a, q.p, :batch from unnest(cast(:people as bigint[]), cast(:addresses as bigint[]))"
            " as q(p, a) join people p on p.id = q.p and p.address_id is distinct from q.a"
            " on conflict (person_id, address_id) do nothing"
        ),
        {"batch": batch_id, "people": [p for p, _ in pairs], "addresses": [a for _, a in pairs]},
    )


def add_affiliations(tx: Connection, found: Sequence[NewAffiliation], *, batch_id: int) -> None:
    copy(
        tx,
        "affiliations",
        (
            "person_id", "origin_person_id", "company_id", "site", "department", "title", "card_on",
            "is_current", "source", "import_batch_id",
        ),
        (
            (a.person_id, a.person_id, a.company_id, a.site, a.department, a.title, a.card_on, a.is_current,
             "import", batch_id)
            for a in found
        ),
    )  # fmt: skip


def change(tx: Connection, noun: str, name: str, values: Mapping[int, object]) -> None:
    """Set one field of many rows. Names come from CHANGEABLE alone."""
    kind = CHANGEABLE[noun][name]
    version = ", version = r.version + 1" if noun in VERSIONED else ""
    tx.execute(
        text(
            f"update {noun} r set {name} = q.value{version} from unnest(cast(:ids as bigint[]),"  # noqa: S608 - constants
            f" cast(:values as {kind}[])) as q(id, value) where r.id = q.id"
        ),
        {"ids": list(values), "values": list(values.values())},
    )


def add_consents(
    tx: Connection,
    found: Sequence[NewConsent],
    *,
    batch_id: int,
    event_id: int | None,
    user_id: int | None,
    now: datetime,
) -> None:
    copy(
        tx,
        "consents",
        (
            "address_id", "person_id", "origin_person_id", "basis", "obtained_at", "method", "wording",
            "evidence", "event_id", "import_batch_id", "recorded_by", "recorded_at",
        ),
        (
            (c.address_id, c.person_id, c.person_id, c.basis, c.obtained_at, c.method, c.wording,
             json_text(c.evidence), event_id, batch_id, user_id, now)
            for c in found
        ),
    )  # fmt: skip


def add_touches(
    tx: Connection,
    found: Sequence[NewTouch],
    *,
    batch_id: int,
    product_id: int | None,
    event_id: int | None,
    user_id: int | None,
    now: datetime,
) -> int:
    """Touches of a list; one that an earlier import brought already is left out. Returns how many are new."""
    done = tx.execute(
        text(
            "insert into touchpoints (source_key, person_id, origin_person_id, company_id, product_id, event_id,"
            " kind, channel, depth, at, note, actor_id, import_batch_id, created_at)"
            " select q.key, q.person, q.person, f.company_id, cast(:product as bigint), cast(:event as bigint), q.kind, q.channel, q.depth, q.at,"
            " q.note, cast(:user as bigint), :batch, :now from unnest(cast(:keys as text[]), cast(:people as bigint[]),"
            " cast(:kinds as text[]), cast(:channels as text[]), cast(:depths as int[]),"
            " cast(:ats as timestamptz[]), cast(:notes as text[]))"
            " as q(key, person, kind, channel, depth, at, note)"
            " left join affiliations f on f.person_id = q.person and f.is_current"
            " where not exists (select 1 from touchpoints t where t.person_id = q.person and t.at = q.at"
            "   and t.kind = q.kind and t.import_batch_id is not null and t.event_id is not distinct from cast(:event as bigint)"
            "   and t.product_id is not distinct from cast(:product as bigint))"
            " on conflict (source_key) do nothing returning id"
        ),
        {
            "batch": batch_id,
            "now": now,
            "product": product_id,
            "event": event_id,
            "user": user_id,
            "keys": [touch.source_key for touch in found],
            "people": [touch.person_id for touch in found],
            "kinds": [touch.kind for touch in found],
            "channels": [touch.channel for touch in found],
            "depths": [touch.depth for touch in found],
            "ats": [touch.at for touch in found],
            "notes": [touch.note for touch in found],
        },
    )
    return len(done.all())


def add_leads(
    tx: Connection, found: Mapping[int, datetime], *, product_id: int, batch_id: int, now: datetime
) -> None:
    """A lead for each person, acquired at the instant given; one that stands stays as it is."""
    tx.execute(
        text(
            "insert into product_leads (person_id, origin_person_id, product_id, state, acquired_at,"
            " import_batch_id, created_at) select q.p, q.p, :product, 'nurturing', q.at, :batch, :now"
            " from unnest(cast(:people as bigint[]), cast(:ats as timestamptz[])) as q(p, at)"
            " on conflict (person_id, product_id) do nothing"
        ),
        {
            "product": product_id,
            "batch": batch_id,
            "now": now,
            "people": list(found),
            "ats": list(found.values()),
        },
    )


def add_match_candidates(
    tx: Connection, pairs: Iterable[tuple[int, int]], *, reason: str, batch_id: int, now: datetime
) -> None:
    ordered = sorted({(min(pair), max(pair)) for pair in pairs if pair[0] != pair[1]})
    tx.execute(
        text(
            "insert into match_candidates (a_id, b_id, reason, import_batch_id, created_at)"
            " select q.a, q.b, :reason, :batch, :now from unnest(cast(:a as bigint[]), cast(:b as bigint[]))"
            " as q(a, b) on conflict (a_id, b_id) do nothing"
        ),
        {
            "reason": reason,
            "batch": batch_id,
            "now": now,
            "a": [a for a, _ in ordered],
            "b": [b for _, b in ordered],
        },
    )


def add_refusals(
    tx: Connection,
    found: Sequence[NewRefusal],
    *,
    scope: str,
    product_id: int | None,
    batch_id: int,
    user_id: int | None,
    now: datetime,
) -> int:
    """Refusals from a list; one that stands already stays. Returns how many are new."""
    done = tx.execute(
        text(
            "insert into suppressions (key_hash, address_id, person_id, origin_person_id, scope, product_id, reason,"
            " evidence, recorded_by, import_batch_id, at) select q.hash, q.address, q.person, q.person, :scope,"
            " cast(:product as bigint), 'import', q.evidence, cast(:user as bigint), :batch, :now"
            " from unnest(cast(:hashes as bytea[]), cast(:addresses as bigint[]), cast(:people as bigint[]),"
            " cast(:evidence as text[])) as q(hash, address, person, evidence)"
            " on conflict (key_hash, scope, (coalesce(product_id, 0))) where lifted_at is null do nothing returning id"
        ),
        {
            "scope": scope,
            "product": product_id,
            "batch": batch_id,
            "user": user_id,
            "now": now,
            "hashes": [refusal.key_hash for refusal in found],
            "addresses": [refusal.address_id for refusal in found],
            "people": [refusal.person_id for refusal in found],
            "evidence": [refusal.evidence for refusal in found],
        },
    )
    return len(done.all())


def sole_people(tx: Connection, address_ids: Sequence[int]) -> dict[int, int]:
    """The person of each mailbox that has exactly one."""
    found = tx.execute(
        text(
            "select address_id, min(id) as id from people where address_id = any(:ids) and merged_into is null"
            " group by address_id having count(*) = 1"
        ),
        {"ids": list(address_ids)},
    )
    return {row.address_id: row.id for row in found}
