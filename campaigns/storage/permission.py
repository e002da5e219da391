"""May this mailbox be written to about this product: the SQL of spec 3.4, once, for planner, sender, preview.

A refusal is found by the hash of the mailbox (it outlives erasure and re-import) or by the person. A
refusal of new products binds only enrolments made after it, and a later opt-in by the person lifts it.
Both sides use an index: suppressions (key_hash), (person_id); consents (address_id).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Connection, text

from campaigns.storage.bulk import json_text

# Expects the aliases p (people), a (addresses) and the SQL names given; yields a reason code or null.
REFUSAL = """
    (select case s.scope when 'global' then 'refused_global' when 'product' then 'refused_product'
            else 'refused_new_products' end
       from (select scope, product_id, at from suppressions where key_hash = a.key_hash and lifted_at is null
             union all
             select scope, product_id, at from suppressions where person_id = p.id and lifted_at is null) s
      where s.scope = 'global'
         or (s.scope = 'product' and s.product_id = {product})
         or (s.scope = 'new_products' and {enrolled} > s.at
             and not exists (select 1 from consents c where c.address_id = a.id and c.withdrawn_at is null
                               and c.basis = 'opt_in' and c.obtained_at > s.at
                               and (c.product_id is null or c.product_id = {product})))
      order by case s.scope when 'global' then 0 when 'product' then 1 else 2 end
      limit 1)
"""

CONSENT = """
    exists (select 1 from consents c where c.address_id = a.id and c.withdrawn_at is null
              and (c.product_id is null or c.product_id = {product}))
"""


def refusal(*, product: str, enrolled: str) -> str:
    """SQL of the reason code why aliases p, a must not be mailed about a product, or null."""
    return REFUSAL.format(product=product, enrolled=enrolled)


def consent(*, product: str) -> str:
    """SQL of whether a consent covers the product for alias a."""
    return CONSENT.format(product=product)


def record(
    tx: Connection,
    *,
    address_id: int,
    person_id: int,
    basis: str,
    product_id: int | None,
    obtained_at: datetime,
    method: str,
    wording: str,
    evidence: Mapping[str, object],
    event_id: int | None,
    now: datetime,
) -> int:
    """One consent that a person gave, with what proves it; its id. product_id None: all products."""
    return int(
        tx.execute(
            text(
                "insert into consents (address_id, person_id, origin_person_id, basis, product_id, obtained_at, method,"
                " wording, evidence, event_id, recorded_at) values (:address, :person, :person, :basis, :product,"
                " :obtained, :method, :wording, cast(:evidence as jsonb), :event, :now) returning id"
            ),
            {
                "address": address_id,
                "person": person_id,
                "basis": basis,
                "product": product_id,
                "obtained": obtained_at,
                "method": method,
                "wording": wording,
                "evidence": json_text(evidence),
                "event": event_id,
                "now": now,
            },
        ).scalar_one()
    )
