"""Many people at once, by a statement a table: `world.people` in bulk."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import Connection, text

from campaigns.parts import Parts
from tests import world

STATEMENTS = (
    "insert into addresses (email, email_key, key_hash, status, created_at)"
    " select key, key, mark, 'ok', :now from unnest(cast(:keys as text[]), cast(:marks as bytea[])) q(key, mark)",
    "insert into people (family, given, full_name, name_key, address_id, created_at)"
    " select '若林', '拓也' || id, '若林 拓也' || id, '若林拓也' || id, id, :now from addresses"
    " where email_key = any(:keys) order by id",
    "insert into affiliations (person_id, company_id, department, title)"
    " select p.id, :company, '生産技術部', '課長' from people p join addresses a on a.id = p.address_id"
    " where a.email_key = any(:keys)",
    "insert into consents (address_id, person_id, basis, obtained_at, recorded_at)"
    " select a.id, p.id, 'card_written', :met, :met from people p join addresses a on a.id = p.address_id"
    " where a.email_key = any(:keys)",
    "insert into product_leads (person_id, product_id, state, created_at)"
    " select p.id, :product, 'nurturing', :now from people p join addresses a on a.id = p.address_id"
    " where a.email_key = any(:keys)",
)


def crowd(tx: Connection, parts: Parts, count: int, *, product: int) -> tuple[int, ...]:
    """People with an address, a company, a consent and a lead; their ids."""
    now = parts.clock.now()
    company = world.insert(
        tx, "companies", name="浜名テクノ工業株式会社", core_key="ハマナテクノ工業", created_at=now
    )
    tx.execute(text("update companies set class = 'E' where id = :id"), {"id": company})
    keys = [f"c{n}@hamana-techno.example" for n in range(1, count + 1)]
    values = {
        "keys": keys,
        "marks": [parts.key_hash(key) for key in keys],
        "now": now,
        "met": now - timedelta(days=30),
        "company": company,
        "product": product,
    }
    for statement in STATEMENTS:
        tx.execute(text(statement), values)
    rows = tx.execute(
        text(
            "select p.id from people p join addresses a on a.id = p.address_id"
            " where a.email_key = any(:keys) order by p.id"
        ),
        {"keys": keys},
    )
    return tuple(row.id for row in rows)
