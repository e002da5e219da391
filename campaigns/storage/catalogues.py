"""Tracking catalogues: one, its fields with who changed them, the list."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection, text

from campaigns.rules.tracking import FIELDS


@dataclass(frozen=True, slots=True)
class Mark:
    """Who changed a field last, and how often it was changed: its version. at None: nobody yet."""

    version: int = 0
    by: str = ""
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Catalogue:
    """A company's catalogue. Money in yen; expected_month: year * 12 + month - 1; marks: by field."""

    id: int
    company_id: int
    company: str
    company_class: str
    hojin_no: str
    owner_user_id: int | None
    owner: str
    owner_mode: str
    profile: str
    expected_month: int | None
    certainty: str
    budget_min_yen: int | None
    budget_max_yen: int | None
    decider_id: int | None
    contact_id: int | None
    culture: str
    competitors: str
    rival_risk: str
    equipment: str
    ringi_state: str
    ringi_on: date | None
    ringi_route: str
    is_draft: bool
    touched_at: datetime
    created_at: datetime
    marks: Mapping[str, Mark]

    def mark(self, field: str) -> Mark:
        return self.marks.get(field, Mark())


ONE = """
select k.id, k.company_id, co.name as company, co.class as company_class, coalesce(co.hojin_no, '') as hojin_no,
       k.owner_user_id, coalesce(u.name, '') as owner, k.owner_mode, k.profile, k.expected_month, k.certainty,
       k.budget_min_yen, k.budget_max_yen, k.decider_id, k.contact_id, k.culture, k.competitors, k.rival_risk,
       k.equipment, k.ringi_state, k.ringi_on, k.ringi_route, k.is_draft, k.touched_at, k.created_at,
       (select coalesce(jsonb_object_agg(m.key, m.value || jsonb_build_object('name', coalesce(e.name, ''))), '{}')
          from jsonb_each(k.marks) m left join users e on e.id = cast(m.value->>'by' as bigint)) as marks
  from catalogues k
  join companies co on co.id = k.company_id
  left join users u on u.id = k.owner_user_id and u.is_active
"""


def get(tx: Connection, catalogue_id: int, *, lock: bool = False) -> Catalogue | None:
    """lock: nobody else writes on it until the transaction ends."""
    return _one(tx, f" where k.id = :id{' for update of k' if lock else ''}", catalogue_id)


def of_company(tx: Connection, company_id: int) -> Catalogue | None:
    return _one(tx, " where k.company_id = :id", company_id)


def _one(tx: Connection, where: str, id: int) -> Catalogue | None:
    row = tx.execute(text(ONE + where), {"id": id}).one_or_none()
    if row is None:
        return None
    marks = {
        field: Mark(int(told["v"]), told["name"], datetime.fromisoformat(told["at"]))
        for field, told in row.marks.items()
    }
    return Catalogue(**{**row._mapping, "marks": marks})


def save(
    tx: Connection,
    catalogue_id: int,
    field: str,
    values: Mapping[str, object],
    *,
    version: int,
    user_id: int | None,
    now: datetime,
) -> bool:
    """Write one field's columns; False when somebody changed that field since the version."""
    columns = FIELDS[field]
    sets = ", ".join(f"{name} = :{name}" for name in columns)
    mark = json.dumps({field: {"v": version + 1, "by": user_id, "at": now.isoformat()}})
    done = tx.execute(
        text(
            f"update catalogues set {sets}, marks = marks || cast(:mark as jsonb), is_draft = false,"  # noqa: S608 - of FIELDS
            " touched_at = :now where id = :id and coalesce(cast(marks->:field->>'v' as int), 0) = :version"
        ),
        {
            **{name: values[name] for name in columns},
            "mark": mark,
            "field": field,
            "id": catalogue_id,
            "version": version,
            "now": now,
        },
    )
    return done.rowcount == 1


def touch(tx: Connection, company_ids: Sequence[int], *, now: datetime) -> None:
    """Somebody wrote on these companies' catalogues."""
    tx.execute(
        text("update catalogues set touched_at = :now, is_draft = false where company_id = any(:ids)"),
        {"ids": list(company_ids), "now": now},
    )


@dataclass(frozen=True, slots=True)
class Extra:
    """A field that the house added by itself."""

    id: int
    label: str
    value: str
    by: str
    at: datetime
    version: int


def extras(tx: Connection, catalogue_id: int) -> list[Extra]:
    rows = tx.execute(
        text(
            "select x.id, x.label, x.value, coalesce(u.name, '') as by, x.edited_at as at, x.version"
            " from catalogue_extras x left join users u on u.id = x.edited_by"
            " where x.catalogue_id = :id order by x.id"
        ),
        {"id": catalogue_id},
    )
    return [Extra(**row._mapping) for row in rows]


def add_extra(
    tx: Connection, catalogue_id: int, *, label: str, value: str, user_id: int | None, now: datetime
) -> int:
    return int(
        tx.execute(
            text(
                "insert into catalogue_extras (catalogue_id, label, value, edited_by, edited_at)"
                " values (:id, :label, :value, :user, :now) returning id"
            ),
            {"id": catalogue_id, "label": label, "value": value, "user": user_id, "now": now},
        ).scalar_one()
    )


CHANGE_EXTRA = """
update catalogue_extras
   set label = :label, value = :value, edited_by = :user, edited_at = :now, version = version + 1
 where id = :extra and catalogue_id = :id and version = :version
"""


def save_extra(
    tx: Connection,
    catalogue_id: int,
    extra_id: int,
    *,
    label: str,
    value: str,
    version: int,
    user_id: int | None,
    now: datetime,
) -> bool:
    """False when somebody changed it since the version, or took it away."""
    values = {
        "extra": extra_id,
        "id": catalogue_id,
        "version": version,
        "label": label,
        "value": value,
        "user": user_id,
        "now": now,
    }
    return tx.execute(text(CHANGE_EXTRA), values).rowcount == 1


def drop_extra(tx: Connection, catalogue_id: int, extra_id: int, *, version: int) -> tuple[str, str] | None:
    """Take a field away; its label and value, None when somebody changed it since the version."""
    row = tx.execute(
        text(
            "delete from catalogue_extras where id = :extra and catalogue_id = :id and version = :version"
            " returning label, value"
        ),
        {"extra": extra_id, "id": catalogue_id, "version": version},
    ).one_or_none()
    return None if row is None else (row.label, row.value)


def gone_extra(tx: Connection, catalogue_id: int, audit_id: int) -> tuple[str, str] | None:
    """Label and value of a field that was taken away, as the audit log has them."""
    row = tx.execute(
        text(
            "select v.field as label, v.old as value from audit_log g join audit_values v on v.audit_id = g.id"
            " where g.id = :audit and g.noun = 'catalogue' and g.noun_id = :id and g.action = 'extra_gone'"
        ),
        {"audit": audit_id, "id": catalogue_id},
    ).one_or_none()
    return None if row is None else (row.label, row.value)


@dataclass(frozen=True, slots=True)
class RingiStep:
    """A state that the customer's approval was told to be in. on: the day told with it."""

    state: str
    on: date | None
    route: str
    by: str
    at: datetime


def log_ringi(
    tx: Connection, catalogue_id: int, values: Mapping[str, object], *, user_id: int | None, now: datetime
) -> None:
    tx.execute(
        text(
            "insert into ringi_log (catalogue_id, state, ringi_on, route, user_id, at)"
            " values (:id, :ringi_state, :ringi_on, :ringi_route, :user, :now)"
        ),
        {**values, "id": catalogue_id, "user": user_id, "now": now},
    )


def ringi_log(tx: Connection, catalogue_id: int) -> list[RingiStep]:
    """Newest first."""
    rows = tx.execute(
        text(
            "select r.state, r.ringi_on as on, r.route, coalesce(u.name, '') as by, r.at from ringi_log r"
            " left join users u on u.id = r.user_id where r.catalogue_id = :id order by r.at desc, r.id desc"
        ),
        {"id": catalogue_id},
    )
    return [RingiStep(**row._mapping) for row in rows]
