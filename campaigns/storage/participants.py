"""Who takes part in appointments, ours and theirs, and who could."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, text


@dataclass(frozen=True, slots=True)
class Guest:
    """One of theirs. email: "" where nobody may write. is_invited: the .ics goes there, too."""

    id: int
    name: str
    honorific: str
    title: str
    email: str
    is_invited: bool


@dataclass(frozen=True, slots=True)
class Staff:
    """One of ours."""

    id: int
    name: str
    email: str
    locale: str


def staff(tx: Connection, appointment_id: int) -> list[Staff]:
    rows = tx.execute(
        text(
            "select u.id, u.name, u.email, u.locale from appointment_staff s join users u on u.id = s.user_id"
            " where s.appointment_id = :id order by u.name, u.id"
        ),
        {"id": appointment_id},
    )
    return [Staff(**row._mapping) for row in rows]


def guests(tx: Connection, appointment_id: int) -> list[Guest]:
    rows = tx.execute(
        text(
            "select p.id, p.full_name as name, p.honorific, coalesce(f.title, '') as title, coalesce(a.email, '') as email,"
            " g.is_invited from appointment_guests g join people p on p.id = g.person_id"
            " left join affiliations f on f.person_id = p.id and f.is_current"
            " left join addresses a on a.id = p.address_id and a.status <> 'hard'"
            " where g.appointment_id = :id order by p.id"
        ),
        {"id": appointment_id},
    )
    return [Guest(**row._mapping) for row in rows]


def mailboxes(tx: Connection, readers: Iterable[tuple[str, int]]) -> list[tuple[str, int, str, str]]:
    """kind (user, person), id, address and language of those who can be written to."""
    wanted = sorted(readers)
    rows = tx.execute(
        text(
            "select 'user' as kind, id, email, locale from users where id = any(:users) union all"
            " select 'person', p.id, a.email, p.preferred_lang from people p join addresses a on a.id = p.address_id"
            " where p.id = any(:people) and a.status <> 'hard' order by 1, 2"
        ),
        {
            "users": [id for kind, id in wanted if kind == "user"],
            "people": [id for kind, id in wanted if kind == "person"],
        },
    )
    return [(str(row.kind), int(row.id), str(row.email), str(row.locale)) for row in rows]


def set_people(
    tx: Connection, appointment_id: int, *, staff: Sequence[int], guests: Mapping[int, bool]
) -> None:
    """Who takes part, as it is now. guests: person -> whether the .ics goes to them."""
    for table in ("appointment_staff", "appointment_guests"):
        tx.execute(
            text(f"delete from {table} where appointment_id = :id"),  # noqa: S608 - of these two
            {"id": appointment_id},
        )
    tx.execute(
        text(
            "insert into appointment_staff (appointment_id, user_id)"
            " select :id, unnest(cast(:users as bigint[])) on conflict do nothing"
        ),
        {"id": appointment_id, "users": list(staff)},
    )
    tx.execute(
        text(
            "insert into appointment_guests (appointment_id, person_id, origin_person_id, is_invited)"
            " select :id, q.person, q.person, q.invited"
            " from unnest(cast(:people as bigint[]), cast(:invited as bool[])) as q(person, invited)"
            " on conflict do nothing"
        ),
        {"id": appointment_id, "people": list(guests), "invited": list(guests.values())},
    )


@dataclass(frozen=True, slots=True)
class Meant:
    """Whom an appointment is with, as it is at this moment."""

    person_id: int
    person: str
    company_id: int | None
    company: str
    address: str
    lead_id: int | None


def meant(tx: Connection, person_id: int, product_id: int | None) -> Meant | None:
    row = tx.execute(
        text(
            "select p.id as person_id, p.full_name as person, f.company_id, coalesce(co.name, '') as company,"
            " coalesce(co.address, '') as address, l.id as lead_id from people p"
            " left join affiliations f on f.person_id = p.id and f.is_current"
            " left join companies co on co.id = f.company_id"
            " left join product_leads l on l.person_id = p.id and l.product_id = cast(:product as bigint)"
            " where p.id = :id and p.merged_into is null"
        ),
        {"id": person_id, "product": product_id},
    ).one_or_none()
    return None if row is None else Meant(**row._mapping)


def people_of(tx: Connection, company_id: int, *, limit: int = 50) -> list[Guest]:
    """Who works there now, for choosing who takes part."""
    rows = tx.execute(
        text(
            "select p.id, p.full_name as name, p.honorific, f.title, coalesce(a.email, '') as email, false as is_invited"
            " from affiliations f join people p on p.id = f.person_id"
            " left join addresses a on a.id = p.address_id and a.status <> 'hard'"
            " where f.company_id = :id and f.is_current and p.merged_into is null and p.excluded_reason = ''"
            " order by p.id limit :n"
        ),
        {"id": company_id, "n": limit},
    )
    return [Guest(**row._mapping) for row in rows]


def known_of(tx: Connection, person_ids: Sequence[int]) -> list[int]:
    rows = tx.execute(
        text("select id from people where id = any(:ids) and merged_into is null"), {"ids": list(person_ids)}
    )
    return [int(row.id) for row in rows]


def by_address(tx: Connection, email_keys: Sequence[str]) -> int | None:
    """The first of these mailboxes' people that we know."""
    found = tx.execute(
        text(
            "select p.id from addresses a join people p on p.address_id = a.id"
            " where a.email_key = any(:keys) and p.merged_into is null order by p.id limit 1"
        ),
        {"keys": list(email_keys)},
    ).scalar()
    return None if found is None else int(found)
