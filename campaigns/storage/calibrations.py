"""Calibrations: what was known of a product's win rates, dated; and those that wait for a yes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

from campaigns.rules.calibrating import moves

# What of a product decides its ranks beside the rates, as it was at that instant: a replay asks for it.
RULES = """
jsonb_build_object('cycle_days', pr.purchase_cycle_days, 'gate', pr.gate, 'edges', to_jsonb(pr.band_edges),
                   'hot_rules', pr.hot_rules)
"""


@dataclass(frozen=True, slots=True)
class Calibration:
    """Rates of each band from so many won of resolved leads. warm_cut: None before any lead."""

    rates: tuple[float, ...]
    won: tuple[int, ...]
    resolved: tuple[int, ...]
    warm_cut: float | None


@dataclass(frozen=True, slots=True)
class Proposal:
    """A calibration that waits for a yes. in_force: the rates until then. moves: band edges it would move the gate."""

    id: int
    product_id: int
    product: str
    at: datetime
    rates: tuple[float, ...]
    in_force: tuple[float, ...]
    won: tuple[int, ...]
    resolved: tuple[int, ...]
    priors: tuple[float, ...]
    edges: tuple[float, ...]
    gate: float

    @property
    def moves(self) -> int:
        return moves(self.rates, [self.in_force], gate=self.gate)


def add(
    tx: Connection, product_id: int, found: Calibration, *, state: str = "accepted", now: datetime
) -> None:
    """A dated calibration with the product's rules: a replay asks what was known on a day."""
    tx.execute(
        text(
            "insert into calibrations (product_id, at, rates, resolved, won, warm_cut, state, rules)"  # noqa: S608
            f" select :id, :now, :rates, :resolved, :won, :cut, :state, {RULES} from products pr where pr.id = :id"
        ),
        {
            "id": product_id,
            "now": now,
            "rates": list(found.rates),
            "resolved": list(found.resolved),
            "won": list(found.won),
            "cut": found.warm_cut,
            "state": state,
        },
    )


def note_rules(tx: Connection, product_ids: Sequence[int], *, now: datetime) -> None:
    """The rules of these products changed: the same rates from now on, with the new rules."""
    tx.execute(
        text(
            f"""
            insert into calibrations (product_id, at, rates, resolved, won, warm_cut, rules)
            select pr.id, :now, coalesce(c.rates, pr.prior_rates), coalesce(c.resolved, array_fill(0, array[n])),
                   coalesce(c.won, array_fill(0, array[n])), c.warm_cut, {RULES}
              from products pr cross join lateral cardinality(pr.prior_rates) as n
              left join lateral (select * from calibrations c where c.product_id = pr.id and c.state = 'accepted'
                                    and c.at <= :now order by c.at desc, c.id desc limit 1) c on true
             where pr.id = any(:ids)
            """  # noqa: S608 - a constant of this module
        ),
        {"ids": list(product_ids), "now": now},
    )


def in_force(tx: Connection, product_id: int, *, since: datetime, now: datetime) -> list[tuple[float, ...]]:
    """Rates that were in force at some time since then, the latest first; somebody's yes begins the time anew.
    Before the first calibration the product's prior rates were.

    Index ix_calibrations_product_id_at.
    """
    rows = tx.execute(
        text(
            """
            with known as (
              select id, at, rates, decided_at from calibrations
               where product_id = :id and state = 'accepted' and at <= :now
               union all select 0, '-infinity', prior_rates, null from products where id = :id),
            start as (select greatest(max(at) filter (where at <= :since), max(decided_at)) as at from known)
            select rates from known where at >= (select at from start) order by at desc, id desc
            """
        ),
        {"id": product_id, "since": since, "now": now},
    )
    return [tuple(row.rates) for row in rows]


def dismissed(tx: Connection, product_id: int, *, since: datetime) -> list[tuple[float, ...]]:
    """Rates that somebody has declined since then."""
    rows = tx.execute(
        text(
            "select rates from calibrations where product_id = :id and state = 'dismissed' and decided_at >= :since"
        ),
        {"id": product_id, "since": since},
    )
    return [tuple(row.rates) for row in rows]


def withdraw(tx: Connection, product_id: int) -> None:
    """Take back what was proposed and not answered: the next night knows better."""
    tx.execute(
        text("delete from calibrations where product_id = :id and state = 'proposed'"), {"id": product_id}
    )


def waiting(tx: Connection) -> list[Proposal]:
    """What waits for a yes, at most one a product."""
    rows = tx.execute(
        text(
            """
            select c.id, c.product_id, pr.name as product, c.at, c.rates, coalesce(f.rates, pr.prior_rates) as in_force,
                   c.won, c.resolved, pr.prior_rates as priors, pr.band_edges as edges, pr.gate
              from calibrations c join products pr on pr.id = c.product_id and pr.is_active
              left join lateral (select rates from calibrations f where f.product_id = c.product_id
                                    and f.state = 'accepted' order by f.at desc, f.id desc limit 1) f on true
             where c.state = 'proposed' order by pr.name
            """
        )
    )
    return [Proposal(**{name: _tuple(value) for name, value in row._mapping.items()}) for row in rows]


def _tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def decide(
    tx: Connection, id: int, *, state: str, user_id: int | None, now: datetime
) -> tuple[int, Calibration] | None:
    """Answer a proposal: (product, calibration), or None when it is gone or answered."""
    row = tx.execute(
        text(
            "update calibrations set state = :state, decided_by = :user, decided_at = :now, at = case"
            " when :state = 'accepted' then :now else at end, warm_cut = (select f.warm_cut from calibrations f"
            " where f.product_id = calibrations.product_id and f.state = 'accepted' order by f.at desc, f.id desc"
            " limit 1) where id = :id and state = 'proposed' returning product_id, rates, won, resolved, warm_cut"
        ),
        {"id": id, "state": state, "user": user_id, "now": now},
    ).one_or_none()
    if row is None:
        return None
    return row.product_id, Calibration(tuple(row.rates), tuple(row.won), tuple(row.resolved), row.warm_cut)


def of_products(tx: Connection, product_ids: Sequence[int]) -> dict[int, list[Mapping[str, Any]]]:
    """Everything ever in force, oldest first: at, rates, warm_cut, rules."""
    rows = tx.execute(
        text(
            "select product_id, at, rates, warm_cut, rules from calibrations"
            " where product_id = any(:ids) and state = 'accepted' order by product_id, at, id"
        ),
        {"ids": list(product_ids)},
    )
    found: dict[int, list[Mapping[str, Any]]] = {}
    for row in rows:
        found.setdefault(row.product_id, []).append(dict(row._mapping))
    return found
