"""People, their mailboxes, companies and affiliations, as a list brings them: read and written by set.

Rows of one import carry its batch id, so that it can be taken back; what a form brings has none.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from sqlalchemy import Connection, text

from campaigns.storage.bulk import copy

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


def add_companies(tx: Connection, found: Sequence[Company], *, batch_id: int | None, now: datetime) -> None:
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
    tx: Connection, boxes: Mapping[str, tuple[str, bytes, bool]], *, batch_id: int | None, now: datetime
) -> dict[str, int]:
    """Ids of these mailboxes, old and new. boxes: key -> (as written, hash, rfc_invalid)."""
    keys = list(boxes)
    tx.execute(
        text(
            "insert into addresses (email, email_key, key_hash, rfc_invalid, import_batch_id, created_at)"
            " select q.email, q.key, q.hash, q.odd, cast(:batch as bigint), :now from unnest(cast(:emails as text[]),"
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


def add(tx: Connection, found: Sequence[NewPerson], *, batch_id: int | None, now: datetime) -> None:
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


def add_affiliations(
    tx: Connection, found: Sequence[NewAffiliation], *, batch_id: int | None, source: str = "import"
) -> None:
    copy(
        tx,
        "affiliations",
        (
            "person_id", "origin_person_id", "company_id", "site", "department", "title", "card_on",
            "is_current", "source", "import_batch_id",
        ),
        (
            (a.person_id, a.person_id, a.company_id, a.site, a.department, a.title, a.card_on, a.is_current,
             source, batch_id)
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
