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
    due_at: until when an offer is answered. by_user_id, by_words: who hands it over by hand, and why."""

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
    by_user_id: int | None = None
    by_words: str = ""


# Neither by phone nor by mail. p: people, a: its address.
OUT_OF_REACH = """p.do_not_call and (a.id is null or exists (
         select 1 from suppressions s where s.key_hash = a.key_hash and s.scope = 'global' and s.lifted_at is null))"""


@dataclass(frozen=True, slots=True)
class Candidate:
    """Somebody whom a person means to hand over. lead_id: None where nothing is known of them for the product.

    hand_off: the state of the one that stands: held, offered, accepted; "" for none. rep_user_id: the rep who leads
    the company. has_opportunity: one is open.
    """

    lead_id: int | None
    person_id: int
    name: str
    company_id: int | None
    company: str
    product_id: int
    product: str
    colour_no: int
    state: str
    rank: str
    score: float
    p_win: float
    reasons: tuple[Reason, ...]
    excluded_reason: str
    is_merged: bool
    refused_until: datetime | None
    is_out_of_reach: bool
    no_hand_off_before: datetime | None
    band_edges: tuple[float, ...]
    rep_user_id: int | None
    hand_off: str
    has_opportunity: bool
    is_product_active: bool


CANDIDATE = f"""
select l.id as lead_id, p.id as person_id, p.full_name as name, co.id as company_id, coalesce(co.name, '') as company,
       pr.id as product_id, pr.name as product, pr.colour_no, coalesce(l.state, 'new') as state,
       coalesce(l.rank, 'unobserved') as rank, coalesce(l.score, 0) as score, coalesce(l.p_win, 0) as p_win,
       coalesce(l.reasons, '[]') as reasons, p.excluded_reason, p.merged_into is not null as is_merged,
       l.refused_until, {OUT_OF_REACH} as is_out_of_reach, l.no_hand_off_before, pr.band_edges, u.id as rep_user_id,
       coalesce((select h.state from hand_offs h where h.lead_id = l.id and h.state in ('held', 'offered', 'accepted')
                  order by h.id desc limit 1), '') as hand_off,
       exists (select 1 from opportunities o where o.lead_id = l.id and o.result = '') as has_opportunity,
       pr.is_active as is_product_active
  from people p
  join products pr on pr.id = :product
  left join product_leads l on l.person_id = p.id and l.product_id = pr.id
  left join addresses a on a.id = p.address_id
  left join affiliations f on f.person_id = p.id and f.is_current
  left join companies co on co.id = f.company_id
  left join users u on u.id = co.owner_user_id and u.is_active and u.role in ('field_sales', 'sales_manager')
 where p.id = :person
"""  # noqa: S608 - a constant


def candidate(tx: Connection, person_id: int, product_id: int) -> Candidate | None:
    """Who would be handed over; None for nobody we have. Whoever writes has locked the person's leads."""
    row = tx.execute(statement(CANDIDATE), {"person": person_id, "product": product_id}).first()
    if row is None:
        return None
    reasons = tuple(Reason.from_json(stored) for stored in row.reasons)
    return Candidate(**{**row._mapping, "reasons": reasons, "band_edges": tuple(row.band_edges)})


TEAMS = """
select q.id as product_id, s.appetite, s.capacity_per_week, s.set_at, coalesce(w.n, 0) as handed,
       coalesce(r.wins, 0) as wins, coalesce(r.resolved, 0) as resolved
  from unnest(cast(:ids as bigint[])) as q(id)
  left join lateral (select appetite, capacity_per_week, set_at from sales_team_states t
                      where t.product_id = q.id and t.team = :team and t.set_at <= :now
                      order by t.set_at desc, t.id desc limit 1) s on true
  left join lateral (select count(*) as n from hand_offs h
                      where h.product_id = q.id and h.team = :team and h.created_at >= :week
                        and h.state not in ('proposed', 'held', 'withdrawn') and not h.asked_by_customer) w on true
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
            "by_user_id",
            "by_words",
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
                       cast(:rep_user_id as bigint[]), cast(:due_at as timestamptz[]), cast(:by_user_id as bigint[]),
                       cast(:by_words as text[]))
                as q(lead_id, product_id, state, held_reason, p_win, bar, asked, reasons, rep_user_id, due_at,
                     by_user_id, by_words)),
            moved as (
              update hand_offs h set state = q.state, held_reason = q.held_reason, p_win = q.p_win, bar = q.bar,
                     asked_by_customer = q.asked, reasons = cast(q.reasons as jsonb),
                     rep_user_id = q.rep_user_id, due_at = q.due_at, by_user_id = q.by_user_id,
                     by_words = q.by_words,
                     created_at = case when q.state = 'offered' then :now else h.created_at end
                from q where h.lead_id = q.lead_id and h.state = 'held'
              returning h.id, h.lead_id, h.state),
            made as (
              insert into hand_offs (lead_id, product_id, team, state, held_reason, p_win, bar, asked_by_customer,
                     reasons, rep_user_id, due_at, by_user_id, by_words, created_at)
              select q.lead_id, q.product_id, :team, q.state, q.held_reason, q.p_win, q.bar, q.asked,
                     cast(q.reasons as jsonb), q.rep_user_id, q.due_at, q.by_user_id, q.by_words, :now
                from q where q.lead_id not in (select lead_id from moved)
              returning id, lead_id, state)
            select id, lead_id from moved where state = 'offered'
            union all select id, lead_id from made where state = 'offered' order by id
            """
        ),
        {**values, "team": team, "now": now},
    )
    return [(row.id, row.lead_id) for row in done]


def release(tx: Connection, lead_ids: Sequence[int]) -> None:
    """Leads held at the gate that ask for no rep any more: their judgement stands no longer."""
    if lead_ids:
        tx.execute(
            statement("delete from hand_offs where lead_id = any(:ids) and state = 'held'"),
            {"ids": list(lead_ids)},
        )


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
