"""Companies for people: list, page, editable facts, classes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, text

# What people may change on the page; names are columns, checked here and nowhere spelled by a request.
EDITABLE = (
    "tel", "fax", "zip", "address", "url", "industry", "employees_band", "has_field_rep",
    "owner_user_id", "class_locked", "class", "last_deal_on", "profit_12m_yen", "sales_12m_yen",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class CompanyLine:
    """A company in a list. people: how many we know there; hot: leads that are hot."""

    id: int
    name: str
    company_class: str
    loss_making: bool
    class_locked: bool
    owner: str
    industry: str
    last_deal_on: date | None
    profit_12m_yen: int
    people: int
    hot: int
    last_touch_at: datetime | None


LIST = """
select co.id, co.name, co.class as company_class, co.loss_making, co.class_locked,
       coalesce(u.name, '') as owner, co.industry, co.last_deal_on, co.profit_12m_yen,
       (select count(*) from affiliations f join people p on p.id = f.person_id and p.merged_into is null
         where f.company_id = co.id and f.is_current) as people,
       (select count(*) from affiliations f join product_leads l on l.person_id = f.person_id
         where f.company_id = co.id and f.is_current and l.rank = 'hot') as hot,
       (select max(t.at) from touchpoints t where t.company_id = co.id and t.validity > 0) as last_touch_at
  from companies co left join users u on u.id = co.owner_user_id
 where (:class = '' or co.class = :class)
   and (:q = '' or replace(replace(co.name, ' ', ''), '　', '') ilike :like)
   and (cast(:after_name as text) is null or (co.name, co.id) > (:after_name, :after_id))
 order by co.name, co.id limit :n
"""


def page(
    tx: Connection, *, q: str = "", cls: str = "", after: tuple[str, int] | None = None, limit: int = 50
) -> list[CompanyLine]:
    """Companies by name; after: (name, id) of the last line seen."""
    rows = tx.execute(
        text(LIST),
        {
            "q": q,
            "like": like(q),
            "class": cls,
            "after_name": after[0] if after else None,
            "after_id": after[1] if after else 0,
            "n": limit,
        },
    )
    return [CompanyLine(**row._mapping) for row in rows]


def like(q: str) -> str:
    """A search word as a pattern: blanks do not count, wildcards are letters."""
    plain = "".join(q.split())
    for sign in ("\\", "%", "_"):
        plain = plain.replace(sign, "\\" + sign)
    return f"%{plain}%"


def class_counts(tx: Connection, *, q: str = "") -> dict[str, int]:
    """Companies by class."""
    rows = tx.execute(
        text(
            "select class, count(*) as n from companies"
            " where :q = '' or replace(replace(name, ' ', ''), '　', '') ilike :like group by class"
        ),
        {"q": q, "like": like(q)},
    )
    return {row._mapping["class"]: int(row.n) for row in rows}


@dataclass(frozen=True, slots=True)
class Company:
    """One company with everything its page shows."""

    id: int
    version: int
    name: str
    hojin_no: str
    domains: tuple[str, ...]
    company_class: str
    class_locked: bool
    loss_making: bool
    has_field_rep: bool
    owner_user_id: int | None
    owner: str
    zip: str
    address: str
    tel: str
    fax: str
    url: str
    industry: str
    employees_band: str
    last_deal_on: date | None
    profit_12m_yen: int
    sales_12m_yen: int


def get(tx: Connection, company_id: int) -> Company | None:
    row = tx.execute(
        text(
            "select co.id, co.version, co.name, coalesce(co.hojin_no, '') as hojin_no, co.domains,"
            " co.class as company_class, co.class_locked, co.loss_making, co.has_field_rep, co.owner_user_id,"
            " coalesce(u.name, '') as owner, co.zip, co.address, co.tel, co.fax, co.url, co.industry,"
            " co.employees_band, co.last_deal_on, co.profit_12m_yen, co.sales_12m_yen"
            " from companies co left join users u on u.id = co.owner_user_id where co.id = :id"
        ),
        {"id": company_id},
    ).first()
    return Company(**{**row._mapping, "domains": tuple(row.domains)}) if row else None


@dataclass(frozen=True, slots=True)
class Member:
    """A person at a company. leads: [{"product", "colour_no", "rank", "score"}], highest first."""

    person_id: int
    name: str
    department: str
    title: str
    buying_role: str
    excluded_reason: str
    has_mail: bool
    has_phone: bool
    leads: tuple[Mapping[str, Any], ...]
    last_touch_at: datetime | None


MEMBERS = """
select p.id as person_id, p.full_name as name, f.department, f.title, f.buying_role, p.excluded_reason,
       coalesce(a.status not in ('hard', 'complaint'), false) as has_mail,
       p.tel || p.tel_direct || p.mobile <> '' and not p.phone_invalid as has_phone,
       coalesce(q.leads, '[]') as leads, q.last_touch_at
  from affiliations f
  join people p on p.id = f.person_id and p.merged_into is null
  left join addresses a on a.id = p.address_id
  left join lateral (
    select jsonb_agg(jsonb_build_object('product', pr.name, 'colour_no', pr.colour_no, 'rank', l.rank,
             'score', l.score, 'product_id', pr.id) order by l.score desc) as leads,
           max(l.last_touch_at) as last_touch_at
      from product_leads l join products pr on pr.id = l.product_id where l.person_id = p.id) q on true
 where f.company_id = :id and f.is_current
 order by q.last_touch_at desc nulls last, p.id limit :n
"""


def members(tx: Connection, company_id: int, *, limit: int = 200) -> list[Member]:
    """People who work there now, the most recently active first."""
    rows = tx.execute(text(MEMBERS), {"id": company_id, "n": limit})
    return [Member(**{**row._mapping, "leads": tuple(row.leads)}) for row in rows]


def save(tx: Connection, company_id: int, values: Mapping[str, object], *, version: int) -> bool:
    """Write changed fields; False when somebody else saved since that version."""
    names = [name for name in EDITABLE if name in values]
    sets = "".join(f"{name} = :{name}, " for name in names)
    done = tx.execute(
        text(f"update companies set {sets} version = version + 1 where id = :id and version = :version"),  # noqa: S608
        {**{name: values[name] for name in names}, "id": company_id, "version": version},
    )
    return done.rowcount == 1


def deciders(tx: Connection, company_ids: Sequence[int]) -> dict[int, list[Member]]:
    """People known to decide (決裁) at these companies."""
    rows = tx.execute(
        text(
            "select f.company_id, p.id as person_id, p.full_name as name, f.department, f.title, f.buying_role,"
            " p.excluded_reason from affiliations f join people p on p.id = f.person_id and p.merged_into is null"
            " where f.company_id = any(:ids) and f.is_current and f.buying_role = '決裁' order by p.id"
        ),
        {"ids": sorted(set(company_ids))},
    )
    found: dict[int, list[Member]] = {}
    for row in rows:
        values = {**row._mapping}
        company_id = values.pop("company_id")
        member = Member(**values, has_mail=False, has_phone=False, leads=(), last_touch_at=None)
        found.setdefault(company_id, []).append(member)
    return found
