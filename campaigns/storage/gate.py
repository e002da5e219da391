"""The hand-off gate in the database: teams, hand-offs, and the results that calibrate the bands."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from campaigns.rules.handoff import LAST_RESOLVED, Appetite, TeamState
from campaigns.rules.reasons import Reason
from campaigns.storage.bulk import statement

LOCK = 7_203_114  # with the product's id: two gates of one product never count the same slot


@dataclass(frozen=True, slots=True)
class HandOff:
    """A lead at the gate. state: offered or held. rep_user_id: whom it is offered to, None for who is free.
    due_at: until when an offer is answered."""

    lead_id: int
    product_id: int
    state: str
    held_reason: str
    p_win: float
    bar: float
    asked_by_customer: bool
    reasons: tuple[Reason, ...]
    rep_user_id: int | None = None
    due_at: datetime | None = None


TEAMS = """
select q.id as product_id, s.appetite, s.capacity_per_week, s.set_at, coalesce(w.n, 0) as handed,
       coalesce(r.wins, 0) as wins, coalesce(r.resolved, 0) as resolved
  from unnest(cast(:ids as bigint[])) as q(id)
  left join lateral (select appetite, capacity_per_week, set_at from sales_team_states t
                      where t.product_id = q.id and t.team = :team and t.set_at <= :now
                      order by t.set_at desc, t.id desc limit 1) s on true
  left join lateral (select count(*) as n from hand_offs h
                      where h.product_id = q.id and h.team = :team and h.created_at >= :week
                        and h.state not in ('proposed', 'held') and not h.asked_by_customer) w on true
  left join lateral (select count(*) filter (where x.state = 'won') as wins, count(*) as resolved
                       from (select h.state from hand_offs h
                              where h.product_id = q.id and h.team = :team
                                and h.state in ('won', 'lost', 'no_deal', 'timeout')
                              order by h.resolved_at desc nulls last, h.id desc limit :last) x) r on true
"""


def teams(
    tx: Connection, product_ids: Sequence[int], *, week: datetime, now: datetime, team: str = "field"
) -> dict[int, TeamState]:
    """The team's state for each product, the products locked until the transaction ends.

    week: the start of this week; what was handed over since then has used its capacity.
    """
    ids = sorted(set(product_ids))
    tx.execute(
        statement(
            "select pg_advisory_xact_lock(:lock, cast(q.id as int)) from unnest(cast(:ids as bigint[])) as q(id)"
        ),
        {"lock": LOCK, "ids": ids},
    )
    return states(tx, ids, week=week, now=now, team=team)


def states(
    tx: Connection, product_ids: Sequence[int], *, week: datetime, now: datetime, team: str = "field"
) -> dict[int, TeamState]:
    """The same for who only looks: nothing is locked."""
    values = {"ids": list(product_ids), "team": team, "week": week, "now": now, "last": LAST_RESOLVED}
    rows = tx.execute(statement(TEAMS), values)
    default = TeamState()
    return {
        row.product_id: TeamState(
            appetite=Appetite(row.appetite) if row.appetite else default.appetite,
            set_at=row.set_at,
            capacity_per_week=default.capacity_per_week
            if row.capacity_per_week is None
            else row.capacity_per_week,
            handed_this_week=row.handed,
            wins=row.wins,
            resolved=row.resolved,
        )
        for row in rows
    }


def put(
    tx: Connection, rows: Sequence[HandOff], *, now: datetime, team: str = "field"
) -> list[tuple[int, int]]:
    """Write what the gate said; returns (hand-off id, lead id) of each offer. A lead held before keeps its one held row,
    which may become the offer."""
    if not rows:
        return []
    values: dict[str, object] = {
        name: [getattr(row, name) for row in rows]
        for name in (
            "lead_id",
            "product_id",
            "state",
            "held_reason",
            "p_win",
            "bar",
            "asked_by_customer",
            "rep_user_id",
            "due_at",
        )
    }
    values["p_win"] = [float(row.p_win) for row in rows]
    values["bar"] = [float(row.bar) for row in rows]
    values["reasons"] = [json.dumps([reason.as_json() for reason in row.reasons]) for row in rows]
    done = tx.execute(
        statement(
            """
            with q as (
              select * from unnest(cast(:lead_id as bigint[]), cast(:product_id as bigint[]),
                       cast(:state as text[]), cast(:held_reason as text[]), cast(:p_win as float[]),
                       cast(:bar as float[]), cast(:asked_by_customer as bool[]), cast(:reasons as text[]),
                       cast(:rep_user_id as bigint[]), cast(:due_at as timestamptz[]))
                as q(lead_id, product_id, state, held_reason, p_win, bar, asked, reasons, rep_user_id, due_at)),
            moved as (
              update hand_offs h set state = q.state, held_reason = q.held_reason, p_win = q.p_win, bar = q.bar,
                     asked_by_customer = q.asked, reasons = cast(q.reasons as jsonb),
                     rep_user_id = q.rep_user_id, due_at = q.due_at,
                     created_at = case when q.state = 'offered' then :now else h.created_at end
                from q where h.lead_id = q.lead_id and h.state = 'held'
              returning h.id, h.lead_id, h.state),
            made as (
              insert into hand_offs (lead_id, product_id, team, state, held_reason, p_win, bar, asked_by_customer,
                     reasons, rep_user_id, due_at, created_at)
              select q.lead_id, q.product_id, :team, q.state, q.held_reason, q.p_win, q.bar, q.asked,
                     cast(q.reasons as jsonb), q.rep_user_id, q.due_at, :now
                from q where q.lead_id not in (select lead_id from moved)
              returning id, lead_id, state)
            select id, lead_id from moved where state = 'offered'
            union all select id, lead_id from made where state = 'offered' order by id
            """
        ),
        {**values, "team": team, "now": now},
    )
    return [(row.id, row.lead_id) for row in done]


def results(tx: Connection, product_id: int, *, bands: int) -> list[tuple[int, int]]:
    """(won, resolved) of each band, by the band that the lead had at its hand-off."""
    rows = tx.execute(
        statement(
            """
            select cast(r->'args'->>'band' as int) as band, count(*) filter (where h.state = 'won') as won,
                   count(*) as resolved
              from hand_offs h cross join lateral jsonb_array_elements(h.reasons) as r
             where h.product_id = :product_id and h.state in ('won', 'lost', 'no_deal', 'timeout')
               and r->>'code' = 'at_hand_off'
             group by 1
            """
        ),
        {"product_id": product_id},
    )
    found = {row.band: (row.won, row.resolved) for row in rows}
    return [found.get(band, (0, 0)) for band in range(bands)]


@dataclass(frozen=True, slots=True)
class Silent:
    """A product of which sales have not said lately how much they take. set_at: when they last did."""

    product_id: int
    product: str
    set_at: datetime | None


def silent(tx: Connection, *, since: datetime, now: datetime, team: str = "field") -> list[Silent]:
    """Active products that sales are offered leads of, and of which they said nothing since then."""
    rows = tx.execute(
        statement(
            "select p.id as product_id, p.name as product,"
            " (select max(s.set_at) from sales_team_states s"
            "   where s.product_id = p.id and s.team = :team and s.set_at <= :now) as set_at"
            " from products p where p.is_active"
            " and exists (select 1 from hand_offs h where h.product_id = p.id)"
            " and not exists (select 1 from sales_team_states s"
            "   where s.product_id = p.id and s.team = :team and s.set_at > :since and s.set_at <= :now)"
            " order by p.priority, p.id"
        ),
        {"since": since, "now": now, "team": team},
    )
    return [Silent(**row._mapping) for row in rows]


def asked_lately(tx: Connection, *, since: datetime) -> set[int]:
    """Who has been asked since then. Index ix_alerts_kind_at."""
    rows = tx.execute(
        statement("select distinct user_id from alerts where kind = 'appetite_asked' and at > :since"),
        {"since": since},
    )
    return {row.user_id for row in rows}
