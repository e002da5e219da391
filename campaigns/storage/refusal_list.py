"""Refusals to be read: by the recipient on the page behind the link, by staff in a list."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

# --- the recipient's page --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Offered:
    """A product the mailbox hears about, and whether it still does."""

    id: int
    label: str
    is_stopped: bool


@dataclass(frozen=True, slots=True)
class Settings:
    """What a mailbox gets now, and who writes to it. every_months: at most one mail in so many."""

    email: str
    product_id: int | None
    product: str
    every_months: int
    is_all_stopped: bool
    legal_name: str
    postal_address: str
    inquiry: str
    privacy_url: str
    is_measured: bool
    products: tuple[Offered, ...]


SETTINGS = """
select a.email, a.every_months, d.product_id, coalesce(nullif(pr.unsubscribe_label, ''), pr.name, '') as product,
       exists (select 1 from suppressions s where s.key_hash = a.key_hash and s.lifted_at is null
                 and s.scope = 'global') as is_all_stopped,
       coalesce(sp.legal_name, '') as legal_name, coalesce(sp.postal_address, '') as postal_address,
       coalesce(sp.inquiry, '') as inquiry, coalesce(sp.privacy_url, '') as privacy_url, a.key_hash,
       a.id as address_id, not coalesce(pe.do_not_track, false) as is_measured
  from deliveries d join addresses a on a.id = d.address_id left join people pe on pe.id = d.person_id
  left join products pr on pr.id = d.product_id left join sender_profiles sp on sp.id = pr.sender_profile_id
 where d.id = :id
"""
OFFERED = """
select pr.id, coalesce(nullif(pr.unsubscribe_label, ''), pr.name) as label,
       exists (select 1 from suppressions s where s.key_hash = :key_hash and s.lifted_at is null
                 and s.scope = 'product' and s.product_id = pr.id) as is_stopped
  from products pr
 where pr.id = :product_id
    or (pr.is_active and exists (select 1 from product_leads l join people p on p.id = l.person_id
                                  where p.address_id = :address_id and l.product_id = pr.id))
 order by pr.id <> coalesce(:product_id, 0), pr.priority, pr.id
"""


def settings(tx: Connection, delivery_id: int) -> Settings | None:
    """What the recipient of a mail gets now; None when there is no such mail."""
    row = tx.execute(text(SETTINGS), {"id": delivery_id}).first()
    if row is None:
        return None
    values = dict(row._mapping)
    key_hash, address_id = values.pop("key_hash"), values.pop("address_id")
    offered = tx.execute(
        text(OFFERED), {"key_hash": key_hash, "address_id": address_id, "product_id": row.product_id}
    )
    return Settings(**values, products=tuple(Offered(**found._mapping) for found in offered))


# --- the staff's list ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Line:
    """One refusal as staff see it. email is None for a mailbox that nobody here knows any more."""

    id: int
    at: datetime
    email: str | None
    person_id: int | None
    person: str | None
    company: str | None
    scope: str
    product: str | None
    colour_no: int
    reason: str
    evidence: str
    recorded_by: str | None
    lifted_at: datetime | None
    lifted_reason: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which refusals. q: part of an address; key_hash: exactly this mailbox, also an unknown one."""

    q: str = ""
    key_hash: bytes = b""
    product_id: int | None = None
    only_global: bool = False
    with_lifted: bool = False


_WANTED = """
  from suppressions s
  left join addresses a on a.id = s.address_id
 where (:with_lifted or s.lifted_at is null)
   and (cast(:product_id as bigint) is null or s.product_id = :product_id)
   and (not :only_global or s.scope = 'global')
   and (:q = '' or strpos(lower(a.email), :q) > 0 or s.key_hash = :key_hash)
"""


def _values(wanted: Wanted) -> dict[str, object]:
    return {
        "q": wanted.q.strip().lower(),
        "key_hash": wanted.key_hash,
        "product_id": wanted.product_id,
        "only_global": wanted.only_global,
        "with_lifted": wanted.with_lifted,
    }


def count(tx: Connection, wanted: Wanted) -> int:
    return int(tx.execute(text(f"select count(*) {_WANTED}"), _values(wanted)).scalar_one())


def lines(tx: Connection, wanted: Wanted, *, limit: int | None = None, offset: int = 0) -> Iterator[Line]:
    """Newest first. limit None: all of them, for the export."""
    rows = tx.execute(
        text(
            f"""
            select s.id, s.at, s.email, s.person_id, p.full_name as person, co.name as company, s.scope,
                   pr.name as product, coalesce(pr.colour_no, 1) as colour_no, s.reason, s.evidence,
                   u.name as recorded_by, s.lifted_at, s.lifted_reason
              from (select s.*, a.email {_WANTED} order by s.at desc, s.id desc limit :limit offset :offset) s
              left join people p on p.id = s.person_id
              left join affiliations f on f.person_id = p.id and f.is_current
              left join companies co on co.id = f.company_id
              left join products pr on pr.id = s.product_id
              left join users u on u.id = s.recorded_by
             order by s.at desc, s.id desc
            """  # noqa: S608 - a constant of this module
        ),
        {**_values(wanted), "limit": limit, "offset": offset},
    )
    return (Line(**row._mapping) for row in rows)


def by_product(tx: Connection) -> list[tuple[int | None, str | None, int]]:
    """(product id, name, live refusals) of each product that has some; None: everything stopped."""
    rows = tx.execute(
        text(
            """
            select s.product_id, pr.name, count(*) from suppressions s left join products pr on pr.id = s.product_id
             where s.lifted_at is null and s.scope in ('product', 'global')
             group by s.product_id, pr.name, pr.priority
             order by s.product_id is not null, pr.priority, s.product_id
            """
        )
    )
    return [(row[0], row[1], int(row[2])) for row in rows]
