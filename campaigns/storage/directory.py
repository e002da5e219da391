"""The directory of people: search, filters with counts, pages by keyset, and what people edit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

from campaigns.storage.companies import like

# What people may change on the page; names are columns, checked here and nowhere spelled by a request.
EDITABLE = (
    "family", "given", "full_name", "name_key", "kana", "honorific", "tel", "tel_direct", "mobile", "fax",
    "phone_invalid", "fax_invalid", "do_not_call", "do_not_fax", "do_not_track", "preferred_lang", "note", "excluded_reason",
    "address_id",
)  # fmt: skip
EDITABLE_AFFILIATION = ("site", "department", "title", "buying_role")


@dataclass(frozen=True, slots=True)
class Filter:
    """What the list shows. reach: "", "unreachable" (no mailbox that takes mail), "no_phone"."""

    q: str = ""
    rank: str = ""
    product_id: int | None = None
    reach: str = ""
    company_id: int | None = None
    event_id: int | None = None


@dataclass(frozen=True, slots=True)
class PersonLine:
    """A person in a list. leads: [{"product", "colour_no", "rank", "score"}], highest first."""

    id: int
    name: str
    kana: str
    company_id: int | None
    company: str
    company_class: str
    department: str
    title: str
    email: str
    email_status: str
    has_phone: bool
    excluded_reason: str
    leads: tuple[Mapping[str, Any], ...]
    last_touch_at: datetime | None


FROM = """
  from people p
  left join addresses a on a.id = p.address_id
  left join affiliations f on f.person_id = p.id and f.is_current
  left join companies co on co.id = f.company_id
 where p.merged_into is null
   and (:q = '' or replace(replace(p.full_name, ' ', ''), '　', '') ilike :like
        or replace(replace(p.kana, ' ', ''), '　', '') ilike :like
        or a.email_key ilike :like or replace(replace(co.name, ' ', ''), '　', '') ilike :like
        or (:digits <> '' and translate(p.tel || ' ' || p.tel_direct || ' ' || p.mobile, '-()', '') like :digits))
   and (cast(:company as bigint) is null or co.id = :company)
   and (cast(:product as bigint) is null or exists (
        select 1 from product_leads l where l.person_id = p.id and l.product_id = :product))
   and (cast(:event as bigint) is null or exists (
        select 1 from touchpoints t where t.person_id = p.id and t.event_id = :event))
"""
RANKED = """
   and (:rank = '' or exists (select 1 from product_leads l where l.person_id = p.id and l.rank = :rank
        and (cast(:product as bigint) is null or l.product_id = :product)))
"""
REACHED = """
   and (:reach <> 'unreachable' or a.id is null or a.status in ('hard', 'complaint'))
   and (:reach <> 'no_phone' or p.phone_invalid or p.do_not_call
        or p.tel || p.tel_direct || p.mobile || coalesce(co.tel, '') = '')
"""
LIST = f"""
select p.id, p.full_name as name, p.kana, co.id as company_id, coalesce(co.name, '') as company,
       coalesce(co.class, '-') as company_class, coalesce(f.department, '') as department,
       coalesce(f.title, '') as title, coalesce(a.email, '') as email, coalesce(a.status, '') as email_status,
       not p.phone_invalid and p.tel || p.tel_direct || p.mobile || coalesce(co.tel, '') <> '' as has_phone,
       p.excluded_reason, coalesce(q.leads, '[]') as leads, q.last_touch_at
  from (select p.id {FROM} {RANKED} {REACHED}
           and (cast(:after as bigint) is null or p.id < :after) order by p.id desc limit :n) page
  join people p on p.id = page.id
  left join addresses a on a.id = p.address_id
  left join affiliations f on f.person_id = p.id and f.is_current
  left join companies co on co.id = f.company_id
  left join lateral (
    select jsonb_agg(jsonb_build_object('product_id', pr.id, 'product', pr.name, 'colour_no', pr.colour_no,
             'rank', l.rank, 'score', l.score) order by l.score desc) as leads,
           max(l.last_touch_at) as last_touch_at
      from product_leads l join products pr on pr.id = l.product_id where l.person_id = p.id) q on true
 order by p.id desc
"""  # noqa: S608 - the parts are constants
COUNTS = f"""
select count(*) as everybody,
       count(*) filter (where a.id is null or a.status in ('hard', 'complaint')) as unreachable,
       count(*) filter (where p.phone_invalid or p.do_not_call
         or p.tel || p.tel_direct || p.mobile || coalesce(co.tel, '') = '') as no_phone
{FROM}
"""
RANKS = f"""
select l.rank, count(distinct p.id) as n from product_leads l, lateral (select p.id {FROM} and p.id = l.person_id) p
 where cast(:product as bigint) is null or l.product_id = :product
 group by l.rank
"""  # noqa: S608


def _values(wanted: Filter) -> dict[str, object]:
    digits = "".join(sign for sign in wanted.q if sign.isdecimal())
    return {
        "q": wanted.q,
        "like": like(wanted.q),
        "digits": f"%{digits}%" if len(digits) >= 4 else "",
        "rank": wanted.rank,
        "product": wanted.product_id,
        "reach": wanted.reach,
        "company": wanted.company_id,
        "event": wanted.event_id,
    }


def page(tx: Connection, wanted: Filter, *, after: int | None = None, limit: int = 50) -> list[PersonLine]:
    """People, the newest first; after: id of the last line seen."""
    rows = tx.execute(text(LIST), {**_values(wanted), "after": after, "n": limit})
    return [PersonLine(**{**row._mapping, "leads": tuple(row.leads)}) for row in rows]


@dataclass(frozen=True, slots=True)
class Counts:
    """People of the search and product, whatever rank or reach is chosen. shown: with all choices."""

    everybody: int
    unreachable: int
    no_phone: int
    by_rank: dict[str, int]


def counts(tx: Connection, wanted: Filter) -> Counts:
    """Figures beside the filters. A person with two products may stand in two ranks."""
    values = _values(wanted)
    row = tx.execute(text(COUNTS), values).one()
    ranks = {found.rank: int(found.n) for found in tx.execute(text(RANKS), values)}
    return Counts(row.everybody, row.unreachable, row.no_phone, ranks)


def shown(tx: Connection, wanted: Filter) -> int:
    """How many people all choices together leave."""
    return int(tx.execute(text(f"select count(*) {FROM} {RANKED} {REACHED}"), _values(wanted)).scalar_one())


def save(tx: Connection, person_id: int, values: Mapping[str, object], *, version: int) -> bool:
    """Write changed fields; False when somebody else saved since that version."""
    names = [name for name in EDITABLE if name in values]
    sets = "".join(f"{name} = :{name}, " for name in names)
    done = tx.execute(
        text(f"update people set {sets} version = version + 1 where id = :id and version = :version"),  # noqa: S608
        {**{name: values[name] for name in names}, "id": person_id, "version": version},
    )
    return done.rowcount == 1


def save_affiliation(tx: Connection, person_id: int, values: Mapping[str, object]) -> None:
    """Write changed fields of where the person works now."""
    names = [name for name in EDITABLE_AFFILIATION if name in values]
    if names:
        sets = ", ".join(f"{name} = :{name}" for name in names)
        tx.execute(
            text(f"update affiliations set {sets} where person_id = :id and is_current"),  # noqa: S608
            {**{name: values[name] for name in names}, "id": person_id},
        )


def mailbox(tx: Connection, *, email: str, key: str, key_hash: bytes, now: datetime) -> int:
    """The mailbox with this key, made if it is new; a refusal of it stands whoever enters it."""
    found: int = tx.execute(
        text(
            "insert into addresses (email, email_key, key_hash, created_at) values (:email, :key, :hash, :now)"
            " on conflict (email_key) do update set email_key = excluded.email_key returning id"
        ),
        {"email": email, "key": key, "hash": key_hash, "now": now},
    ).scalar_one()
    return found


def company_of(tx: Connection, person_id: int) -> str:
    """The name of the company where a person works now, or nothing."""
    found = tx.execute(
        text(
            "select co.name from affiliations f join companies co on co.id = f.company_id"
            " where f.person_id = :id and f.is_current"
        ),
        {"id": person_id},
    )
    return str(found.scalar() or "")
