"""Numbers that want no faxes, whosever they are. A number is its digits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text


@dataclass(frozen=True, slots=True)
class Refusal:
    """A number that wants no faxes. companies: whose it is, as we know it."""

    id: int
    number: str
    evidence: str
    by: str
    at: datetime


def of(tx: Connection, numbers: Sequence[str]) -> set[str]:
    rows = tx.execute(
        text("select number from fax_refusals where number = any(:numbers)"), {"numbers": list(numbers)}
    )
    return {str(row.number) for row in rows}


def listed(tx: Connection, *, q: str = "", limit: int = 200) -> list[Refusal]:
    rows = tx.execute(
        text(
            "select r.id, r.number, r.evidence, coalesce(u.name, '') as by, r.at from fax_refusals r"
            " left join users u on u.id = r.user_id where :q = '' or r.number like '%' || :q || '%'"
            " order by r.at desc, r.id desc limit :n"
        ),
        {"q": q, "n": limit},
    )
    return [Refusal(**row._mapping) for row in rows]


def add(tx: Connection, number: str, *, evidence: str, user_id: int | None, now: datetime) -> bool:
    """False when it stands already; the first wish is kept."""
    done = tx.execute(
        text(
            "insert into fax_refusals (number, evidence, user_id, at) values (:number, :evidence, :user, :now)"
            " on conflict (number) do nothing"
        ),
        {"number": number, "evidence": evidence, "user": user_id, "now": now},
    )
    return bool(done.rowcount)


def lift(tx: Connection, refusal_id: int) -> str:
    """The number may be faxed again; "" when there is no such refusal."""
    found = tx.execute(
        text("delete from fax_refusals where id = :id returning number"), {"id": refusal_id}
    ).scalar()
    return "" if found is None else str(found)


def tasks_of_number(tx: Connection, number: str) -> list[int]:
    """Open fax tasks whose number it is, compared by its digits."""
    rows = tx.execute(
        text(
            "select k.id from tasks k join people p on p.id = k.person_id"
            " left join affiliations f on f.person_id = p.id and f.is_current"
            " left join companies co on co.id = f.company_id"
            " where k.kind = 'fax' and k.state in ('open', 'snoozed')"
            " and regexp_replace(coalesce(nullif(p.fax, ''), co.fax, ''), '[^0-9]', '', 'g') = :number"
        ),
        {"number": number},
    )
    return [int(row.id) for row in rows]
