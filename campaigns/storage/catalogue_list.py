"""The list of catalogues with its filters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

from campaigns.storage import companies
from campaigns.storage.users import NO_OWNER


@dataclass(frozen=True, slots=True)
class Filter:
    """What the list shows. owner_id: whose; stale_since: last touched before; stage: of a sheet; month: expected."""

    owner_id: int | None = None
    unowned: bool = False
    stale_since: datetime | None = None
    stage: str = ""
    product_id: int | None = None
    month: int | None = None
    risky: bool = False
    q: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """A catalogue in the list. sheets: [{"product", "colour_no", "stage"}]."""

    id: int
    company_id: int
    company: str
    company_class: str
    owner: str
    expected_month: int | None
    certainty: str
    budget_min_yen: int | None
    budget_max_yen: int | None
    ringi_state: str
    rival_risk: str
    decider: str
    is_draft: bool
    touched_at: datetime
    sheets: tuple[Mapping[str, Any], ...]


LIST = """
select k.id, k.company_id, co.name as company, co.class as company_class, coalesce(u.name, '') as owner,
       k.expected_month, k.certainty, k.budget_min_yen, k.budget_max_yen, k.ringi_state, k.rival_risk,
       coalesce(p.full_name, '') as decider, k.is_draft, k.touched_at,
       (select coalesce(jsonb_agg(jsonb_build_object('product', pr.name, 'colour_no', pr.colour_no,
                                   'stage', s.stage) order by pr.priority, pr.id), '[]')
          from asica_sheets s join products pr on pr.id = s.product_id where s.catalogue_id = k.id) as sheets
  from catalogues k
  join companies co on co.id = k.company_id
  left join users u on u.id = k.owner_user_id and u.is_active
  left join people p on p.id = k.decider_id
 where {where}
 order by k.touched_at desc, k.id desc limit :n offset :skip
"""


def page(tx: Connection, wanted: Filter, *, limit: int, offset: int = 0) -> list[Line]:
    """The last touched first. Indexes ix_catalogues_touched_at, ix_catalogues_owner_user_id."""
    where, values = _where(wanted)
    rows = tx.execute(text(LIST.format(where=where)), {**values, "n": limit, "skip": offset})
    return [Line(**{**row._mapping, "sheets": tuple(row.sheets)}) for row in rows]


def count(tx: Connection, wanted: Filter) -> int:
    where, values = _where(wanted)
    named = " join companies co on co.id = k.company_id" if wanted.q else ""
    query = f"select count(*) from catalogues k{named} where {where}"  # noqa: S608 - of this module
    return int(tx.execute(text(query), values).scalar_one())


def _where(wanted: Filter) -> tuple[str, dict[str, object]]:
    """Only what is asked for, so that each list has the plan of its own index."""
    parts, values = ["true"], dict[str, object]()
    if wanted.owner_id is not None:
        parts.append("k.owner_user_id = :owner")
        values["owner"] = wanted.owner_id
    if wanted.unowned:
        parts.append(NO_OWNER.format(column="k.owner_user_id"))
    if wanted.stale_since is not None:
        parts.append("k.touched_at < :stale")
        values["stale"] = wanted.stale_since
    if wanted.month is not None:
        parts.append("k.expected_month = :month")
        values["month"] = wanted.month
    if wanted.risky:
        parts.append("k.rival_risk in ('mid', 'high')")
    if wanted.q:
        parts.append("replace(replace(co.name, ' ', ''), '　', '') ilike :like")
        values["like"] = companies.like(wanted.q)
    sheet = []
    if wanted.stage:
        sheet.append("s.stage = :stage")
        values["stage"] = wanted.stage
    if wanted.product_id is not None:
        sheet.append("s.product_id = :product")
        values["product"] = wanted.product_id
    if sheet:
        parts.append(
            f"exists (select 1 from asica_sheets s where s.catalogue_id = k.id and {' and '.join(sheet)})"  # noqa: S608 - of this module
        )
    return " and ".join(parts), values


def months(tx: Connection) -> list[int]:
    """Months in which somebody expects an adoption, the next first."""
    rows = tx.execute(
        text(
            "select distinct expected_month from catalogues where expected_month is not null order by 1 limit 60"
        )
    )
    return [row.expected_month for row in rows]
