"""What the database knows about a list: its people, companies, refusals and consents; and what the wizard offers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from sqlalchemy import Connection, select, text

from campaigns.rules.imports import Facts, Known
from campaigns.storage import tables as t


@dataclass(frozen=True, slots=True)
class Keys:
    """What a list asks about: mailboxes with their hashes, and names with the cores of their companies."""

    mailboxes: Mapping[str, bytes] = field(default_factory=dict)
    names: Sequence[tuple[str, str]] = ()


# Indexes: addresses (email_key), people (address_id), person_addresses (address_id).
AT_MAILBOXES = """
with box as (select id, email_key from addresses where email_key = any(:keys)),
     hit as (select p.id as person_id, b.email_key from box b join people p on p.address_id = b.id
             union
             select pa.person_id, b.email_key from box b join person_addresses pa on pa.address_id = b.id)
select p.id, p.name_key, array_agg(hit.email_key) as keys, max(coalesce(co.core_key, '')) as core
  from hit join people p on p.id = hit.person_id and p.merged_into is null
  left join affiliations f on f.person_id = p.id and f.is_current
  left join companies co on co.id = f.company_id
 group by p.id, p.name_key
"""

# Index: people (name_key).
NAMESAKES = """
select p.id, p.name_key, co.core_key as core, p.address_id is not null as has_mail
  from (select distinct n, c from unnest(cast(:names as text[]), cast(:cores as text[])) as q(n, c)) q
  join people p on p.name_key = q.n and p.merged_into is null
  join affiliations f on f.person_id = p.id and f.is_current
  join companies co on co.id = f.company_id and co.core_key = q.c
"""

# Index: suppressions (key_hash); the person's own refusals reach the mailbox by its people.
REFUSED = """
select s.key_hash, bool_or(s.scope in ('global', 'new_products')
                           or s.product_id = cast(:product as bigint)) as binds
  from suppressions s where s.key_hash = any(:hashes) and s.lifted_at is null
 group by s.key_hash
"""

REFUSED_PEOPLE = """
select a.email_key, bool_or(s.scope in ('global', 'new_products')
                            or s.product_id = cast(:product as bigint)) as binds
  from addresses a join people p on p.address_id = a.id
  join suppressions s on s.person_id = p.id and s.lifted_at is null
 where a.email_key = any(:keys)
 group by a.email_key
"""

CONSENTED = """
select a.email_key from addresses a
 where a.email_key = any(:keys)
   and exists (select 1 from consents c where c.address_id = a.id and c.withdrawn_at is null
                 and (c.product_id is null or c.product_id = cast(:product as bigint)))
"""


def facts(tx: Connection, keys: Keys, *, product_id: int | None) -> Facts:
    """Everything that decides about a list, in five questions whatever its length."""
    boxes = {"keys": list(keys.mailboxes)}
    product = {"product": product_id}
    people = {
        row.id: Known(row.id, row.name_key, frozenset(row.keys), row.core)
        for row in tx.execute(text(AT_MAILBOXES), boxes)
    }
    names = {"names": [name for name, _ in keys.names], "cores": [core for _, core in keys.names]}
    for row in tx.execute(text(NAMESAKES), names):
        # A key that no list contains: the namesake has a mailbox, only not one of this list.
        known = Known(row.id, row.name_key, frozenset({"?"} if row.has_mail else ()), row.core)
        people.setdefault(row.id, known)
    key_of = {digest: key for key, digest in keys.mailboxes.items()}
    refused, barred = set(), set()
    for row in tx.execute(text(REFUSED), {"hashes": list(key_of), **product}):
        key = key_of[bytes(row.key_hash)]
        barred.add(key)
        if row.binds:
            refused.add(key)
    for row in tx.execute(text(REFUSED_PEOPLE), {**boxes, **product}):
        barred.add(row.email_key)
        if row.binds:
            refused.add(row.email_key)
    consented = frozenset(row.email_key for row in tx.execute(text(CONSENTED), {**boxes, **product}))
    return Facts(
        people=[*people.values()],
        refused=frozenset(refused),
        barred=frozenset(barred),
        consented=consented,
        mailboxes=mailboxes(tx, list(keys.mailboxes)),
    )


def mailboxes(tx: Connection, keys: Sequence[str]) -> frozenset[str]:
    found = tx.execute(
        text("select email_key from addresses where email_key = any(:keys)"), {"keys": list(keys)}
    )
    return frozenset(row.email_key for row in found)


def live_refusals(
    tx: Connection, hashes: Sequence[bytes], *, scope: str, product_id: int | None
) -> frozenset[bytes]:
    """Hashes whose refusal of this scope (or of everything) stands already."""
    found = tx.execute(
        text(
            "select distinct key_hash from suppressions where key_hash = any(:hashes) and lifted_at is null"
            " and (scope = 'global' or (scope = :scope and product_id = cast(:product as bigint)))"
        ),
        {"hashes": list(hashes), "scope": scope, "product": product_id},
    )
    return frozenset(bytes(row.key_hash) for row in found)


@dataclass(frozen=True, slots=True)
class Choice:
    """What may be chosen. first_on, last_on: of an event."""

    id: int
    name: str
    first_on: date | None = None
    last_on: date | None = None


def events(tx: Connection) -> list[Choice]:
    """Events, the newest first."""
    e = t.events.c
    found = tx.execute(
        select(e.id, e.name, e.starts_on, e.ends_on).order_by(e.starts_on.desc().nulls_last(), e.id)
    )
    return [Choice(row.id, str(row.name), row.starts_on, row.ends_on) for row in found]


def event_day(tx: Connection, event_id: int | None) -> date | None:
    """The day an event began (date or None)."""
    if event_id is None:
        return None
    return tx.execute(select(t.events.c.starts_on).where(t.events.c.id == event_id)).scalar()


def company_name(tx: Connection, company_id: int | None) -> str:
    found = tx.execute(select(t.companies.c.name).where(t.companies.c.id == company_id)).scalar()
    return str(found or "")


def products(tx: Connection) -> list[Choice]:
    """Products that are sold."""
    p = t.products.c
    found = tx.execute(select(p.id, p.name).where(p.is_active).order_by(p.id))
    return [Choice(row.id, row.name) for row in found]
