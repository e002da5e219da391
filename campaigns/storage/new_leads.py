"""People who are no leads of a product yet: who fits its target profile, or was met at an event.

Whoever refused, was excluded or was merged stays out; somebody without a mailbox may still be called.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

from campaigns.storage import audience, permission, samples

LOOKED_AT = 2_048  # people of a sample, where there are too many to look at all

CHOSEN = f"""
  left join addresses a on a.id = p.address_id
  left join affiliations f on f.person_id = p.id and f.is_current
  left join companies co on co.id = f.company_id
  -- A rank is of a lead: a profile that asks for one finds nobody who is none yet.
 cross join (select cast(null as bigint) as id, 'unobserved' as rank) l
 where p.merged_into is null and p.excluded_reason = ''
   and (cast(:event as bigint) is null or exists (
        select 1 from touchpoints t where t.person_id = p.id and t.event_id = :event))
   and (cardinality(cast(:classes as text[])) = 0 or coalesce(co.class, '-') = any(:classes))
   and {audience.fits("cast(:profile as jsonb)")}
   and not exists (select 1 from product_leads x where x.person_id = p.id and x.product_id = :product)
   and {permission.refusal(product=":product", enrolled="'infinity'")} is null
"""  # noqa: S608 - the parts are constants


@dataclass(frozen=True, slots=True)
class Chosen:
    """Whose profile is asked for: fields of the product's target profile, or nothing but an event."""

    product_id: int
    profile: Mapping[str, Sequence[str]]
    event_id: int | None = None

    def values(self) -> dict[str, object]:
        fields = {name: list(v) for name, v in self.profile.items() if name != "classes"}
        return {
            "product": self.product_id,
            "event": self.event_id,
            "classes": list(self.profile.get("classes", ())),
            "profile": json.dumps(fields),
        }


def count(tx: Connection, chosen: Chosen) -> tuple[int, bool]:
    """How many would become leads, and whether that is an estimate."""
    sample = samples.draw(tx, product_id=None, most=LOOKED_AT)
    # Who was met at an event is found by the event, however many people there are.
    if sample is None or chosen.event_id is not None:
        query = f"select count(*) from people p {CHOSEN}"  # noqa: S608 - constants
        return int(tx.execute(text(query), chosen.values()).scalar_one()), False
    query = f"select count(*) from unnest(cast(:ids as bigint[])) u(id) join people p on p.id = u.id {CHOSEN}"  # noqa: S608
    return sample.whole(
        tx.execute(text(query), {**chosen.values(), "ids": list(sample.ids)}).scalar_one()
    ), True


def add(tx: Connection, chosen: Chosen, *, most: int, now: datetime) -> list[int]:
    """Make them leads, the first ones by their id; who they are. Twice is harmless."""
    query = (
        "insert into product_leads (person_id, origin_person_id, product_id, state, acquired_at, created_at)"  # noqa: S608
        f" select p.id, p.id, :product, 'nurturing', :now, :now from people p {CHOSEN}"
        " order by p.id limit :most on conflict (person_id, product_id) do nothing returning person_id"
    )
    return list(tx.execute(text(query), {**chosen.values(), "most": most, "now": now}).scalars())


def add_these(tx: Connection, product_id: int, person_ids: Sequence[int], *, now: datetime) -> list[int]:
    """Make these people leads; who of them was none. Who has left or was merged is left out."""
    rows = tx.execute(
        text(
            "insert into product_leads (person_id, origin_person_id, product_id, state, acquired_at, created_at)"
            " select p.id, p.id, :product, 'nurturing', :now, :now from people p"
            " where p.id = any(:ids) and p.merged_into is null and p.excluded_reason = '' order by p.id"
            " on conflict (person_id, product_id) do nothing returning person_id"
        ),
        {"product": product_id, "ids": list(person_ids), "now": now},
    )
    return list(rows.scalars())
