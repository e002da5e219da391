"""What products, families and the company say, and the values in force that follow from it.

The columns of `products` hold what is in force, so that nothing else has to know of inheritance; a change above
is written down to every product that did not override it, in one statement.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select, text, update
from sqlalchemy.dialects.postgresql import insert as upsert

from campaigns.rules.inheritance import FIELDS, SHIPPED, Values
from campaigns.storage import tables as t

_p, _f, _h = t.products.c, t.product_families.c, t.house.c
_FLOATS = (
    "array(select e.v::float from jsonb_array_elements_text(q.d->'{0}') with ordinality e(v, n) order by e.n)"
)
_READ: Mapping[str, str] = {
    "target_profile": "q.d->'{0}'",
    "price_band": "q.d->>'{0}'",
    "expected_amount_yen": "(q.d->>'{0}')::bigint",
    "priority": "(q.d->>'{0}')::int",
    "windows": "q.d->'{0}'",
    "tone_every": "(q.d->>'{0}')::int",
    "gate": "(q.d->>'{0}')::float",
    "hot_rules": "q.d->'{0}'",
    "band_edges": _FLOATS,
    "prior_rates": _FLOATS,
    "action_matrix": "q.d->'{0}'",
    "purchase_cycle_days": "(q.d->>'{0}')::int",
    "sender_profile_id": "(q.d->>'{0}')::bigint",
}


def _inherited(field: str) -> str:
    return f"case when '{field}' = any(p.own) then p.{field} else {_READ[field].format(field)} end"


# jsonb || lets the later value win: shipped, then the company's, then the family's.
SETTLE = f"""
update products p
   set {", ".join(f"{field} = {_inherited(field)}" for field in FIELDS)}, version = p.version + 1
  from (select pr.id, cast(:shipped as jsonb) || h.product_defaults || coalesce(f.defaults, '{{}}') as d
          from products pr cross join house h left join product_families f on f.name = pr.family) q
 where q.id = p.id
   and (cast(:product as bigint) is null or p.id = :product) and (cast(:family as text) is null or p.family = :family)
   and ({" or ".join(f"p.{field} is distinct from {_inherited(field)}" for field in FIELDS)})
returning p.id
"""  # noqa: S608 - the parts are constants


def settle(tx: Connection, *, product_id: int | None = None, family: str | None = None) -> list[int]:
    """Bring columns in line with what is inherited: of one product, of a family, or of all.

    Returns the products that changed.
    """
    values = {"shipped": json.dumps(dict(SHIPPED)), "product": product_id, "family": family}
    rows = tx.execute(text(SETTLE), values)
    return [row.id for row in rows]


def followers(tx: Connection, field: str, *, family: str | None) -> list[int]:
    """Active products that take a field from a family, or without one from the company."""
    rows = tx.execute(
        text(
            "select p.id from products p left join product_families f on f.name = p.family"
            " where p.is_active and not :field = any(p.own)"
            " and case when cast(:family as text) is null then not coalesce(f.defaults, '{}') ? :field"
            " else p.family = :family end order by p.id"
        ),
        {"field": field, "family": family},
    )
    return list(rows.scalars())


@dataclass(frozen=True, slots=True)
class Stored:
    """What one product, family or the company says itself."""

    id: int
    name: str
    version: int
    own: Values
    family: str = ""


def house(tx: Connection) -> Stored:
    row = tx.execute(select(_h.product_defaults, _h.version).where(_h.id == 1)).one()
    return Stored(0, "", row.version, row.product_defaults)


def family(tx: Connection, family_id: int) -> Stored | None:
    return _family(tx, _f.id == family_id)


def family_named(tx: Connection, name: str) -> Stored | None:
    return _family(tx, _f.name == name) if name else None


def _family(tx: Connection, condition: Any) -> Stored | None:
    row = tx.execute(select(_f.id, _f.name, _f.version, _f.defaults).where(condition)).first()
    return None if row is None else Stored(row.id, row.name, row.version, row.defaults, family=row.name)


def product(tx: Connection, product_id: int) -> Stored | None:
    columns = (_p.id, _p.name, _p.version, _p.family, _p.own, *(_p[field] for field in FIELDS))
    row = tx.execute(select(*columns).where(_p.id == product_id)).first()
    if row is None:
        return None
    own = {field: getattr(row, field) for field in FIELDS if field in row.own}
    return Stored(row.id, row.name, row.version, own, family=row.family)


def families(tx: Connection) -> list[tuple[int, str, int, int]]:
    """(id, name, products, values of its own) of each family, by name."""
    rows = tx.execute(
        text(
            "select f.id, f.name, (select count(*) from products p where p.family = f.name) as products,"
            " (select count(*) from jsonb_object_keys(f.defaults)) as own from product_families f order by f.name"
        )
    )
    return [(row.id, row.name, row.products, row.own) for row in rows]


def ensure_family(tx: Connection, name: str) -> None:
    """A family exists as soon as a product names it."""
    if name:
        tx.execute(upsert(t.product_families).values(name=name).on_conflict_do_nothing())


def save_house(tx: Connection, own: Values, *, version: int) -> bool:
    """False when somebody saved since this version was read; so the two below."""
    done = tx.execute(
        update(t.house)
        .where(_h.id == 1, _h.version == version)
        .values(product_defaults=dict(own), version=_h.version + 1)
    )
    return done.rowcount == 1


def save_family(tx: Connection, family_id: int, own: Values, *, version: int) -> bool:
    done = tx.execute(
        update(t.product_families)
        .where(_f.id == family_id, _f.version == version)
        .values(defaults=dict(own), version=_f.version + 1)
    )
    return done.rowcount == 1


def save_product(tx: Connection, product_id: int, own: Values, *, version: int) -> bool:
    """settle() must follow: what is no longer own still holds the old value."""
    done = tx.execute(
        update(t.products)
        .where(_p.id == product_id, _p.version == version)
        .values(**own, own=sorted(own), version=_p.version + 1)
    )
    return done.rowcount == 1


@dataclass(frozen=True, slots=True)
class Change:
    """The newest change of a product's own values. action: change, copy, undo. source: the product copied from."""

    action: str
    before: Values
    after: Values
    source: str
    at: datetime
    by: str


def last_change(tx: Connection, product_id: int) -> Change | None:
    """As the audit log has it. Index ix_audit_log_noun_noun_id."""
    row = tx.execute(
        text(
            "select g.action, v.old, v.new, coalesce(s.new, '') as source, g.at, coalesce(u.name, '') as by"
            "  from audit_log g join audit_values v on v.audit_id = g.id and v.field = 'own'"
            "  left join audit_values s on s.audit_id = g.id and s.field = 'from'"
            "  left join users u on u.id = g.user_id"
            " where g.noun = 'product' and g.noun_id = :id order by g.id desc limit 1"
        ),
        {"id": product_id},
    ).one_or_none()
    if row is None:
        return None
    return Change(row.action, json.loads(row.old), json.loads(row.new), row.source, row.at, row.by)


def heirs(tx: Connection, *, family: str | None) -> dict[str, int]:
    """How many products take each field from above. family None: of the whole company."""
    rows = tx.execute(
        text(
            "select q.field, count(p.id) as n from unnest(cast(:fields as text[])) as q(field)"
            " left join products p on not (q.field = any(p.own))"
            " and (cast(:family as text) is null or p.family = :family) group by q.field"
        ),
        {"fields": list(FIELDS), "family": family},
    )
    return {row.field: row.n for row in rows}
