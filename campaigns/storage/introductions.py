"""Who introduced us to whom. Source: S0-12."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection, text


@dataclass(frozen=True, slots=True)
class Introduction:
    """other: the person at the far end of it; is_from: they introduced this one to us, else this one them."""

    id: int
    other_id: int
    other: str
    other_title: str
    is_from: bool
    day: date
    note: str


def add(
    tx: Connection, *, from_id: int, to_id: int, day: date, note: str = "", user_id: int | None, now: datetime
) -> bool:
    """False when it is known, or is somebody's introduction of themselves."""
    if from_id == to_id:
        return False
    done = tx.execute(
        text(
            "insert into introductions (from_person_id, to_person_id, day, note, user_id, created_at)"
            " values (:from, :to, :day, :note, :user, :now) on conflict do nothing"
        ),
        {"from": from_id, "to": to_id, "day": day, "note": note, "user": user_id, "now": now},
    )
    return bool(done.rowcount)


def of_person(tx: Connection, person_id: int) -> list[Introduction]:
    """Both ways: who brought us to them, first, then whom they brought us to."""
    rows = tx.execute(
        text(
            "select i.id, p.id as other_id, p.full_name as other, coalesce(f.title, '') as other_title,"
            " i.to_person_id = :id as is_from, i.day, i.note from introductions i"
            " join people p on p.id = case when i.to_person_id = :id then i.from_person_id else i.to_person_id end"
            " left join affiliations f on f.person_id = p.id and f.is_current"
            " where i.to_person_id = :id or i.from_person_id = :id order by 5 desc, i.day, i.id"
        ),
        {"id": person_id},
    )
    return [Introduction(**row._mapping) for row in rows]


def colleagues(tx: Connection, person_id: int, *, limit: int = 50) -> list[tuple[int, str]]:
    """Who of the same company may have introduced them: id and name, with the title where there is one."""
    rows = tx.execute(
        text(
            "select p.id, p.full_name || case when f.title = '' then '' else '（' || f.title || '）' end as name"
            " from affiliations mine join affiliations f on f.company_id = mine.company_id and f.is_current"
            " join people p on p.id = f.person_id where mine.person_id = :id and mine.is_current"
            " and p.id <> :id and p.merged_into is null order by p.id limit :n"
        ),
        {"id": person_id, "n": limit},
    )
    return [(int(row.id), str(row.name)) for row in rows]


def role_of(tx: Connection, person_id: int) -> str:
    """The part a person has in buying; "" where nobody knows."""
    query = "select buying_role from affiliations where person_id = :id and is_current"
    return str(tx.execute(text(query), {"id": person_id}).scalar() or "")


def lacks_decider(tx: Connection, person_id: int) -> bool:
    """Whether nobody at the person's company is known to decide; False where no company is known."""
    return bool(
        tx.execute(
            text(
                "select coalesce(bool_and(f.buying_role <> '決裁'), false) from affiliations mine"
                " join affiliations f on f.company_id = mine.company_id and f.is_current"
                " where mine.person_id = :id and mine.is_current"
            ),
            {"id": person_id},
        ).scalar_one()
    )
