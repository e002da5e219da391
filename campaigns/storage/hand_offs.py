"""Hand-offs for people: lists, one answer, what is due. The gate itself is `gate`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

from campaigns.storage.gate import OUT_OF_REACH


@dataclass(frozen=True, slots=True)
class HandOff:
    """A lead at the gate or with sales. p_win, bar 0..1. reasons: as stored. rep: whom it is offered to, or who has it.

    returned_code: of a list, or the call's result that took it back; returned_reason: the rep's own words about its end.
    waits_until: of a reply that is awaited. opportunity_id: what came of it. by_name, by_words: who handed it over by
    hand, and why; "" for the gate. is_at_risk: a rival may get the order (catalogue, or an open opportunity).
    """

    id: int
    lead_id: int
    product_id: int
    product: str
    colour_no: int
    state: str
    held_reason: str
    returned_code: str
    returned_reason: str
    p_win: float
    bar: float
    asked_by_customer: bool
    reasons: tuple[Mapping[str, Any], ...]
    rep_user_id: int | None
    rep: str
    due_at: datetime | None
    escalated_at: datetime | None
    accepted_at: datetime | None
    created_at: datetime
    resolved_at: datetime | None
    person_id: int
    name: str
    department: str
    title: str
    excluded_reason: str
    is_merged: bool
    refused_until: datetime | None
    is_out_of_reach: bool
    company_id: int | None
    company: str
    company_class: str
    rank: str
    score: float
    depth_max: int
    lead_state: str
    recycles: int
    shallow_recycles: int
    recycle_depth: int
    cycle_days: int
    expected_amount_yen: int
    opportunity_id: int | None
    amount_yen: int | None
    waits_until: datetime | None
    by_name: str
    by_words: str
    is_at_risk: bool


SELECT = f"""
select h.id, h.lead_id, h.product_id, pr.name as product, pr.colour_no, h.state, h.held_reason, h.returned_code,
       coalesce(nullif(concat_ws(' ', nullif(o.lost_to, ''), nullif(o.reason, '')), ''), h.returned_reason)
         as returned_reason, h.p_win, h.bar, h.asked_by_customer, h.reasons, h.rep_user_id, coalesce(u.name, '') as rep,
       h.due_at, h.escalated_at, h.accepted_at, h.created_at, h.resolved_at, p.id as person_id, p.full_name as name,
       coalesce(f.department, '') as department, coalesce(f.title, '') as title, p.excluded_reason,
       p.merged_into is not null as is_merged, l.refused_until,
       {OUT_OF_REACH} as is_out_of_reach,
       co.id as company_id, coalesce(co.name, '') as company, coalesce(co.class, '-') as company_class,
       l.rank, l.score, l.depth_max, l.state as lead_state, l.recycles, l.shallow_recycles, l.recycle_depth,
       pr.purchase_cycle_days as cycle_days, pr.expected_amount_yen, o.id as opportunity_id, o.amount_yen,
       case when l.state = 'waiting' then (select min(t.due_at) from tasks t
              where t.lead_id = l.id and t.kind = 'reply' and t.state in ('open', 'snoozed')) end as waits_until,
       coalesce(b.name, '') as by_name, h.by_words,
       exists (select 1 from opportunities x where x.lead_id = l.id and x.result = '' and x.rival_risk)
         or exists (select 1 from catalogues k where k.company_id = co.id and k.rival_risk in ('mid', 'high'))
         as is_at_risk
  from hand_offs h
  join product_leads l on l.id = h.lead_id
  join people p on p.id = l.person_id
  join products pr on pr.id = h.product_id
  left join addresses a on a.id = p.address_id
  left join users u on u.id = h.rep_user_id
  left join users b on b.id = h.by_user_id
  left join affiliations f on f.person_id = p.id and f.is_current
  left join companies co on co.id = f.company_id
  left join opportunities o on o.hand_off_id = h.id
"""  # noqa: S608 - a constant
# What is first in a list: the offer due soonest, the held one nearest to the bar, then the newest.
ORDER = """
 order by case when h.state = 'offered' then h.due_at end nulls last,
          case when h.state = 'held' then -h.p_win end nulls last,
          coalesce(h.resolved_at, h.accepted_at, h.created_at) desc, h.id desc
"""


def _hand_off(row: Any) -> HandOff:
    return HandOff(**{**row._mapping, "reasons": tuple(row.reasons)})


def page(
    tx: Connection,
    *,
    states: Sequence[str],
    product_id: int | None = None,
    rep_user_id: int | None = None,
    limit: int = 50,
    offset: int = 0,
) -> list[HandOff]:
    """Hand-offs in these states. rep_user_id: this rep's, and those that nobody has been named for."""
    rows = tx.execute(
        text(
            SELECT
            + " where h.state = any(:states) and (cast(:product as bigint) is null or h.product_id = :product)"
            " and (cast(:rep as bigint) is null or h.rep_user_id is null or h.rep_user_id = :rep)"
            + ORDER
            + " limit :n offset :skip"
        ),
        {"states": list(states), "product": product_id, "rep": rep_user_id, "n": limit, "skip": offset},
    )
    return [_hand_off(row) for row in rows]


def get(tx: Connection, hand_off_id: int, *, lock: bool = False) -> HandOff | None:
    """One hand-off; lock: its person's leads first, then itself, as ranks do."""
    if lock:
        tx.execute(
            text(
                "select id from product_leads where person_id = (select l.person_id from hand_offs h"
                " join product_leads l on l.id = h.lead_id where h.id = :id) order by id for update"
            ),
            {"id": hand_off_id},
        )
    row = tx.execute(
        text(SELECT + " where h.id = :id" + (" for update of h" if lock else "")), {"id": hand_off_id}
    ).first()
    return _hand_off(row) if row else None


def standing(tx: Connection, lead_id: int) -> str:
    """The state of the hand-off of a lead that sales are offered or have; "" for none."""
    found = tx.execute(
        text(
            "select state from hand_offs where lead_id = :id and state in ('offered', 'accepted')"
            " order by id desc limit 1"
        ),
        {"id": lead_id},
    ).scalar()
    return str(found or "")


def rep_of(tx: Connection, lead_id: int) -> int | None:
    """Who of sales looks after a lead: of its open opportunity, else of the hand-off that was accepted."""
    found = tx.execute(
        text(
            "select u.id from (select o.owner_user_id as id, 1 as place, o.id as at from opportunities o"
            "   where o.lead_id = :id and o.result = ''"
            " union all select h.rep_user_id, 2, h.id from hand_offs h"
            "   where h.lead_id = :id and h.state = 'accepted') q"
            " join users u on u.id = q.id and u.is_active order by q.place, q.at desc limit 1"
        ),
        {"id": lead_id},
    ).scalar()
    return None if found is None else int(found)


def counts(tx: Connection) -> dict[str, int]:
    rows = tx.execute(text("select state, count(*) as n from hand_offs group by state"))
    return {row.state: int(row.n) for row in rows}


def people_of(tx: Connection, hand_off_ids: Sequence[int]) -> dict[int, tuple[int, int]]:
    """(person, product) of each hand-off."""
    if not hand_off_ids:
        return {}
    rows = tx.execute(
        text(
            "select h.id, l.person_id, h.product_id from hand_offs h join product_leads l on l.id = h.lead_id"
            " where h.id = any(:ids) order by h.id"
        ),
        {"ids": list(hand_off_ids)},
    )
    return {row.id: (row.person_id, row.product_id) for row in rows}


def accept(tx: Connection, hand_off_id: int, *, rep_user_id: int | None, now: datetime) -> None:
    """A rep takes it; who was named before stays unless somebody else is."""
    tx.execute(
        text(
            "update hand_offs set state = 'accepted', accepted_at = :now, rep_user_id = coalesce(:rep, rep_user_id)"
            " where id = :id"
        ),
        {"id": hand_off_id, "rep": rep_user_id, "now": now},
    )


def resolve(
    tx: Connection, hand_off_id: int, *, state: str, code: str = "", reason: str = "", now: datetime
) -> None:
    """It is over: returned, won, lost, no_deal or timeout."""
    tx.execute(
        text(
            "update hand_offs set state = :state, returned_code = :code, returned_reason = :reason,"
            " resolved_at = :now where id = :id"
        ),
        {"id": hand_off_id, "state": state, "code": code, "reason": reason, "now": now},
    )


def reopen(tx: Connection, hand_off_id: int) -> None:
    """A result given by mistake: sales have it again."""
    tx.execute(
        text("update hand_offs set state = 'accepted', resolved_at = null where id = :id"),
        {"id": hand_off_id},
    )


def name_rep(tx: Connection, hand_off_id: int, *, rep_user_id: int) -> None:
    """Somebody is named for it, and is told anew."""
    tx.execute(
        text("update hand_offs set rep_user_id = :rep, told_at = null, reminded_at = null where id = :id"),
        {"id": hand_off_id, "rep": rep_user_id},
    )


@dataclass(frozen=True, slots=True)
class Waiting:
    """An offer that waits for an answer, for a notice."""

    id: int
    lead_id: int
    person_id: int
    name: str
    company: str
    product_id: int
    product: str
    rep_user_id: int | None
    rep: str
    due_at: datetime


WAITING = """
select h.id, h.lead_id, p.id as person_id, p.full_name as name, coalesce(co.name, '') as company, h.product_id,
       pr.name as product, h.rep_user_id, coalesce(u.name, '') as rep, h.due_at
  from hand_offs h
  join product_leads l on l.id = h.lead_id
  join people p on p.id = l.person_id
  join products pr on pr.id = h.product_id
  left join users u on u.id = h.rep_user_id
  left join affiliations f on f.person_id = p.id and f.is_current
  left join companies co on co.id = f.company_id
"""
# A step is told once: whoever sets its time tells it. Index ix_hand_offs_due_at.
CLAIM = """
with q as (update hand_offs set {column} = :now
            where state = 'offered' and {column} is null and due_at is not null and due_at <= :due
            returning id)
{waiting} where h.id in (select id from q) order by h.due_at, h.id
"""
COLUMNS = ("told_at", "reminded_at", "escalated_at")


def claim(tx: Connection, column: str, *, due: datetime, now: datetime) -> list[Waiting]:
    """Offers due by then of which this (told_at, reminded_at, escalated_at) has not been told; it is now."""
    assert column in COLUMNS
    rows = tx.execute(text(CLAIM.format(column=column, waiting=WAITING)), {"now": now, "due": due})
    return [Waiting(**row._mapping) for row in rows]


def forgotten(tx: Connection, *, now: datetime, limit: int = 500) -> list[int]:
    """Hand-offs that sales have had for a whole cycle, and of which nothing came: no opportunity is open."""
    rows = tx.execute(
        text(
            "select h.id from hand_offs h join products pr on pr.id = h.product_id"
            " where h.state = 'accepted'"
            " and coalesce(h.accepted_at, h.created_at) + pr.purchase_cycle_days * interval '1 day' <= :now"
            " and not exists (select 1 from opportunities o where o.hand_off_id = h.id and o.result = '')"
            " order by h.id limit :n"
        ),
        {"now": now, "n": limit},
    )
    return [row.id for row in rows]


@dataclass(frozen=True, slots=True)
class Ended:
    """One of the hand-offs that trust is counted from, or one that came back."""

    id: int
    state: str
    code: str
    reason: str
    person_id: int
    name: str
    company: str
    p_win: float
    rep: str
    resolved_at: datetime


ENDED = """
select h.id, h.state, h.returned_code as code, coalesce(nullif(concat_ws(' ', nullif(o.lost_to, ''), nullif(o.reason, '')), ''), h.returned_reason) as reason,
       p.id as person_id, p.full_name as name, coalesce(co.name, '') as company, h.p_win,
       coalesce(u.name, '') as rep, h.resolved_at
  from (select * from hand_offs h
         where h.product_id = :product and h.state = any(:states) and h.resolved_at is not null
         order by h.resolved_at desc, h.id desc limit :n) h
  join product_leads l on l.id = h.lead_id
  join people p on p.id = l.person_id
  left join users u on u.id = h.rep_user_id
  left join affiliations f on f.person_id = p.id and f.is_current
  left join companies co on co.id = f.company_id
  left join opportunities o on o.hand_off_id = h.id
 order by h.resolved_at desc, h.id desc
"""


def ended(tx: Connection, product_id: int, *, states: Sequence[str], limit: int) -> list[Ended]:
    """The last ones of a product in these states, the newest first."""
    rows = tx.execute(text(ENDED), {"product": product_id, "states": list(states), "n": limit})
    return [Ended(**row._mapping) for row in rows]


def whiffs(tx: Connection, product_id: int, *, since: datetime) -> dict[str, int]:
    """How often sales sent a lead back, by the reason they gave."""
    rows = tx.execute(
        text(
            "select returned_code, count(*) as n from hand_offs where product_id = :product and state = 'returned'"
            " and resolved_at >= :since group by returned_code order by n desc, returned_code"
        ),
        {"product": product_id, "since": since},
    )
    return {row.returned_code: int(row.n) for row in rows}


def reps(tx: Connection) -> list[tuple[int, str]]:
    """Who may be offered a lead: (id, name)."""
    rows = tx.execute(
        text(
            "select id, name from users where is_active and role in ('field_sales', 'sales_manager')"
            " order by role, name, id"
        )
    )
    return [(row.id, row.name) for row in rows]


def managers(tx: Connection) -> list[int]:
    """Who is told when sales do not answer; admins where there is no sales manager."""
    rows = tx.execute(
        text(
            "select id from users u where is_active and role = case when exists (select 1 from users m"
            " where m.is_active and m.role = 'sales_manager') then 'sales_manager' else 'admin' end order by id"
        )
    )
    return [row.id for row in rows]
