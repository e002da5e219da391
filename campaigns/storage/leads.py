"""Product leads for people: counts by rank, lists, the sales stage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

from campaigns.rules.recycling import Recycle
from campaigns.storage import products
from campaigns.storage.products import Leads

RANKS = ("hot", "warm", "nurture", "unobserved", "declined")


@dataclass(frozen=True, slots=True)
class Board:
    """A product with its people by rank."""

    product_id: int
    product: str
    colour_no: int
    cycle_days: int
    gate: float
    counts: dict[str, int]

    @property
    def total(self) -> int:
        return sum(self.counts.values())


def board(tx: Connection, counted: Sequence[Leads] | None = None) -> list[Board]:
    """Every active product with the number of its people in each rank. counted: by a job, where it takes too long."""
    found = {
        (one.product_id, one.rank): one.n for one in (products.leads(tx) if counted is None else counted)
    }
    rows = tx.execute(
        text(
            "select id, name, colour_no, purchase_cycle_days, gate from products where is_active order by priority, id"
        )
    )
    return [
        Board(
            row.id,
            row.name,
            row.colour_no,
            row.purchase_cycle_days,
            row.gate,
            {rank: found.get((row.id, rank), 0) for rank in RANKS},
        )
        for row in rows
    ]


@dataclass(frozen=True, slots=True)
class LeadLine:
    """A person for a product, in a list. reasons: as stored ({"code", "args"}). surge_at: when the last surge of the
    person's company (of the person, where none is known) was told; surge_people: who stirred then."""

    id: int
    person_id: int
    name: str
    company_id: int | None
    company: str
    company_class: str
    department: str
    title: str
    rank: str
    score: float
    p_win: float
    state: str
    reasons: tuple[Mapping[str, Any], ...]
    last_touch_at: datetime | None
    ranked_at: datetime | None
    created_at: datetime
    industry: str
    surge_at: datetime | None
    surge_people: int | None


# At most one row joins each: the unique indexes of surges.
SURGES = """
  left join surges sc on sc.company_id = f.company_id and sc.product_id = l.product_id and sc.at > :surges_since
  left join surges sl on sl.lead_id = l.id and sl.company_id is null and sl.at > :surges_since
"""
# The leads of a product that stand in a surge: from the few surges, not from the many leads.
STIRRED = """
select l.id from surges s
  join affiliations f on f.company_id = s.company_id and f.is_current
  join people p on p.id = f.person_id and p.merged_into is null
  join product_leads l on l.person_id = f.person_id and l.product_id = s.product_id
 where s.product_id = :product and s.at > :surges_since
union all
select s.lead_id from surges s where s.product_id = :product and s.company_id is null and s.at > :surges_since
"""
PAGE = f"""
select l.id, l.person_id, p.full_name as name, co.id as company_id, coalesce(co.name, '') as company,
       coalesce(co.class, '-') as company_class, coalesce(f.department, '') as department,
       coalesce(f.title, '') as title, l.rank, l.score, l.p_win, l.state, l.reasons, l.last_touch_at, l.ranked_at,
       l.created_at, coalesce(co.industry, '') as industry, coalesce(sc.at, sl.at) as surge_at,
       coalesce(sc.people, sl.people) as surge_people
  from unnest(cast(:ranks as text[])) r(rank)
 cross join lateral (
       select l.* from {{leads}} l join people x on x.id = l.person_id and x.merged_into is null
        where l.product_id = :product and l.rank = r.rank
          and (cast(:score as float) is null or (l.score, l.id) < (:score, :id))
        order by l.score desc, l.id desc limit :n) l
  join people p on p.id = l.person_id
  left join affiliations f on f.person_id = p.id and f.is_current
  left join companies co on co.id = f.company_id
  {SURGES}
 order by l.score desc, l.id desc limit :n
"""  # noqa: S608 - a constant of this module
OF_SURGES = f"(select * from product_leads where id in ({STIRRED}))"  # noqa: S608 - a constant of this module


def page(
    tx: Connection,
    product_id: int,
    *,
    rank: str = "",
    surges_since: datetime,
    only_surges: bool = False,
    after: tuple[float, int] | None = None,
    limit: int = 50,
) -> list[LeadLine]:
    """People of a product, highest score first; after: (score, lead id) of the last line seen.

    Each rank's best come from ix_product_leads_product_id_rank; of 1,000,000 leads 1 s when all were sorted.
    """
    rows = tx.execute(
        text(PAGE.format(leads=OF_SURGES if only_surges else "product_leads")),
        {
            "product": product_id,
            "ranks": [rank] if rank else list(RANKS),
            "surges_since": surges_since,
            "score": after[0] if after else None,
            "id": after[1] if after else 0,
            "n": limit,
        },
    )
    return [LeadLine(**{**row._mapping, "reasons": tuple(row.reasons)}) for row in rows]


def stirred(tx: Connection, product_id: int, *, since: datetime) -> int:
    """People of a product who stand in a surge told since then."""
    query = f"select count(*) as n from ({STIRRED}) q"  # noqa: S608 - a constant of this module
    return int(tx.execute(text(query), {"product": product_id, "surges_since": since}).scalar_one())


def settle(
    tx: Connection,
    lead_id: int,
    *,
    state: str | None = None,
    refused_until: datetime | None = None,
    no_call_before: datetime | None = None,
    no_hand_off_before: datetime | None = None,
    timeframe: str | None = None,
    recycle: Recycle | None = None,
) -> None:
    """What a result does to a lead; None leaves a field. A new stage ends a pause. recycle: it came back, and how often
    in vain."""
    tx.execute(
        text(
            "update product_leads set state = coalesce(:state, state),"
            " paused_until = case when cast(:state as text) is null then paused_until end,"
            " pause_reason = case when cast(:state as text) is null then pause_reason else '' end,"
            " refused_until = coalesce(:refused_until, refused_until),"
            " no_call_before = coalesce(:no_call_before, no_call_before),"
            " no_hand_off_before = coalesce(:no_hand_off_before, no_hand_off_before),"
            " timeframe = coalesce(:timeframe, timeframe), recycles = recycles + :recycled,"
            " shallow_recycles = coalesce(:shallow, shallow_recycles),"
            " recycle_depth = coalesce(:depth, recycle_depth), version = version + 1 where id = :id"
        ),
        {
            "id": lead_id,
            "state": state,
            "refused_until": refused_until,
            "no_call_before": no_call_before,
            "no_hand_off_before": no_hand_off_before,
            "timeframe": timeframe,
            "recycled": int(recycle is not None),
            "shallow": recycle.shallow if recycle else None,
            "depth": recycle.depth if recycle else None,
        },
    )


def lock(tx: Connection, person_id: int) -> None:
    """A person's leads until the transaction ends, as ranks lock them."""
    tx.execute(
        text("select id from product_leads where person_id = :id order by id for update"), {"id": person_id}
    )


def is_hot(tx: Connection, person_id: int, *, product_id: int | None) -> bool:
    """Whether somebody is a hot lead for a product; None: for any."""
    found = tx.execute(
        text(
            "select exists (select 1 from product_leads where person_id = :person and rank = 'hot'"
            " and (cast(:product as bigint) is null or product_id = :product))"
        ),
        {"person": person_id, "product": product_id},
    )
    return bool(found.scalar())


def withdraw(tx: Connection, lead_ids: Sequence[int], *, reason: str, now: datetime) -> list[int]:
    """Take back hand-offs that have lost their ground before sales answered: no whiff of theirs, and no use of their
    room. What was held only never was with them, and leaves no row. Returns the leads."""
    rows = tx.execute(
        text(
            "with gone as (delete from hand_offs where lead_id = any(:ids) and state in ('proposed', 'held')"
            " returning lead_id),"
            " taken as (update hand_offs set state = 'withdrawn', returned_code = :reason, resolved_at = :now"
            " where lead_id = any(:ids) and state = 'offered' returning lead_id)"
            " select lead_id from gone union select lead_id from taken"
        ),
        {"ids": list(lead_ids), "reason": reason, "now": now},
    )
    return sorted({row.lead_id for row in rows})


def wake(tx: Connection, lead_ids: Sequence[int], *, outcome: str, now: datetime) -> None:
    """A pause or a wait is over: its end and its reminder go. The stage is set by who asks."""
    tx.execute(
        text(
            "with woken as (update product_leads set paused_until = null, pause_reason = '' where id = any(:ids))"
            " update tasks set state = 'cancelled', outcome = :outcome, done_at = :now, version = version + 1"
            " where lead_id = any(:ids) and kind = 'reply' and state in ('open', 'snoozed')"
        ),
        {"ids": list(lead_ids), "outcome": outcome, "now": now},
    )


def hasten_replies(tx: Connection, lead_ids: Sequence[int], *, due_at: datetime) -> None:
    """The reply that a rep waits for has come in another way: the reminder is due now, and says why. uq_tasks_open."""
    tx.execute(
        text(
            "update tasks set due_at = least(due_at, :due_at), not_before = null, priority = 1,"
            " cause = 'customer_asked', reminded_at = null, escalated_at = null, version = version + 1"
            " where lead_id = any(:ids) and kind = 'reply' and state in ('open', 'snoozed')"
        ),
        {"ids": list(lead_ids), "due_at": due_at},
    )


def cancel_unplanned_visits(tx: Connection, lead_id: int, *, outcome: str, now: datetime) -> None:
    """Visits that nobody has agreed on with them are made no more."""
    tx.execute(
        text(
            "update tasks t set state = 'cancelled', outcome = :outcome, done_at = :now, version = version + 1"
            " where t.lead_id = :id and t.state in ('open', 'snoozed') and t.kind = 'visit'"
            " and not exists (select 1 from appointments a where a.task_id = t.id and a.state = 'planned')"
        ),
        {"id": lead_id, "outcome": outcome, "now": now},
    )


def pause(tx: Connection, lead_id: int, *, until: datetime, reason: str) -> None:
    """Nobody acts on it until then."""
    tx.execute(
        text(
            "update product_leads set state = 'paused', paused_until = :until, pause_reason = :reason,"
            " version = version + 1 where id = :id"
        ),
        {"id": lead_id, "until": until, "reason": reason},
    )


def paused_until(tx: Connection, *, now: datetime, limit: int) -> list[int]:
    """Leads whose pause is over. Index ix_product_leads_paused_until."""
    rows = tx.execute(
        text("select id from product_leads where paused_until <= :now order by paused_until, id limit :n"),
        {"now": now, "n": limit},
    )
    return [row.id for row in rows]
