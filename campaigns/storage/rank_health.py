"""Ranks as they spread and moved: day counts, the people behind a move, refusals, calls that measure again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, text

from campaigns.rules.rank_health import NEW_RANK, Move, Spread
from campaigns.storage.calibrations import Calibration

_DAY = "cast({0} at time zone :zone as date)"


def last_day(tx: Connection) -> date | None:
    """The last day that is counted."""
    found: date | None = tx.execute(text("select max(day) from rank_days")).scalar()
    return found


NOW = """
select l.product_id, l.rank, count(*) as n
  from product_leads l join people p on p.id = l.person_id and p.merged_into is null group by 1, 2
"""


def now_by_rank(tx: Connection) -> dict[tuple[int, str], int]:
    """(product, rank) -> people, of this moment."""
    return {(row.product_id, row.rank): row.n for row in tx.execute(text(NOW))}


# Indexes ix_rank_changes_at; new leads are few, but no index leads to them: one pass over the leads a night.
MOVES = f"""
select l.product_id, {_DAY.format("c.at")} as day, c.old, c.new, count(*) as leads
  from rank_changes c join product_leads l on l.id = c.lead_id
  join people p on p.id = l.person_id and p.merged_into is null
 where c.at >= :since and c.old <> c.new group by 1, 2, 3, 4
 union all
select l.product_id, {_DAY.format("l.created_at")}, '', :new_rank, count(*)
  from product_leads l join people p on p.id = l.person_id and p.merged_into is null
 where l.created_at >= :since group by 1, 2
"""  # noqa: S608 - constants of this module


def moves(tx: Connection, *, since: datetime, zone: str) -> list[Move]:
    """Every change of rank since an instant, and the leads that came, by local day."""
    values = {"since": since, "zone": zone, "new_rank": NEW_RANK}
    return [Move(**row._mapping) for row in tx.execute(text(MOVES), values)]


def put_days(tx: Connection, found: Mapping[date, Mapping[tuple[int, str], int]]) -> None:
    """Write day counts; a day counted before is counted anew."""
    rows = [(product, day, rank, n) for day, of in found.items() for (product, rank), n in of.items()]
    if rows:
        tx.execute(
            text(
                "insert into rank_days (product_id, day, rank, leads) select * from unnest("
                "cast(:products as bigint[]), cast(:days as date[]), cast(:ranks as text[]), cast(:ns as int[]))"
                " on conflict (product_id, day, rank) do update set leads = excluded.leads"
            ),
            dict(zip(("products", "days", "ranks", "ns"), map(list, zip(*rows, strict=True)), strict=True)),
        )


def put_moves(tx: Connection, found: Iterable[Move]) -> None:
    """Write the moves between ranks of whole days."""
    rows = [(one.product_id, one.day, one.old, one.new, one.leads) for one in found if one.old]
    if rows:
        names = ("products", "days", "olds", "news", "ns")
        tx.execute(
            text(
                "insert into rank_moves (product_id, day, old, new, leads) select * from unnest("
                "cast(:products as bigint[]), cast(:days as date[]), cast(:olds as text[]), cast(:news as text[]),"
                " cast(:ns as int[])) on conflict (product_id, day, old, new) do update set leads = excluded.leads"
            ),
            dict(zip(names, map(list, zip(*rows, strict=True)), strict=True)),
        )


def spreads(
    tx: Connection, days: Sequence[date], *, product_id: int | None = None
) -> dict[int, list[Spread]]:
    """The spread on each of these days that is counted, oldest first, by product."""
    rows = tx.execute(
        text(
            "select product_id, day, jsonb_object_agg(rank, leads) as counts from rank_days"
            " where day = any(cast(:days as date[]))"
            " and (cast(:product as bigint) is null or product_id = :product)"
            " group by 1, 2 order by 1, 2"
        ),
        {"days": list(days), "product": product_id},
    )
    found: dict[int, list[Spread]] = {}
    for row in rows:
        found.setdefault(row.product_id, []).append(Spread(row.day, row.counts))
    return found


def flows(tx: Connection, product_id: int, *, since: date) -> dict[tuple[str, str], int]:
    """(old, new) -> how many moved since a day."""
    rows = tx.execute(
        text(
            "select old, new, sum(leads)::int as n from rank_moves"
            " where product_id = :product and day >= :since group by 1, 2"
        ),
        {"product": product_id, "since": since},
    )
    return {(row.old, row.new): row.n for row in rows}


@dataclass(frozen=True, slots=True)
class Mover:
    """Somebody whose rank moved. reasons: as stored; rank: today's."""

    id: int
    at: datetime
    person_id: int
    name: str
    company: str
    rank: str
    reasons: tuple[Mapping[str, Any], ...]


# Index ix_rank_changes_at.
MOVERS = """
select c.id, c.at, p.id as person_id, p.full_name as name, coalesce(co.name, '') as company, l.rank, c.reasons
  from rank_changes c
  join product_leads l on l.id = c.lead_id and l.product_id = :product
  join people p on p.id = l.person_id and p.merged_into is null
  left join affiliations f on f.person_id = p.id and f.is_current
  left join companies co on co.id = f.company_id
 where c.at >= :since and c.at < :until and c.old = :old and c.new = :new
   and (cast(:before as timestamptz) is null or (c.at, c.id) < (:before, :id))
 order by c.at desc, c.id desc limit :n
"""


def movers(
    tx: Connection,
    product_id: int,
    *,
    old: str,
    new: str,
    since: datetime,
    until: datetime,
    before: tuple[datetime, int] | None = None,
    limit: int,
) -> list[Mover]:
    """The people behind a flow, the latest first. before: (instant, id) of the last line seen."""
    values = {
        "product": product_id,
        "old": old,
        "new": new,
        "since": since,
        "until": until,
        "before": before[0] if before else None,
        "id": before[1] if before else 0,
        "n": limit,
    }
    rows = tx.execute(text(MOVERS), values)
    return [Mover(**{**row._mapping, "reasons": tuple(row.reasons)}) for row in rows]


@dataclass(frozen=True, slots=True)
class Refused:
    """A declined lead without a record of the refusal."""

    person_id: int
    name: str
    company: str
    until: datetime | None


# The evidence of a refusal is the call that ended with it: its date, its caller and what was said.
PROOF = """
exists (select 1 from tasks t where t.lead_id = l.id and t.outcome in ('refused', 'dnc') and t.done_at is not null)
"""
DECLINED = f"""
select count(*) as declined, count(*) filter (where {PROOF}) as proven
  from product_leads l join people p on p.id = l.person_id and p.merged_into is null
 where l.product_id = :product and l.rank = 'declined'
"""  # noqa: S608 - constants of this module
UNPROVEN = f"""
select p.id as person_id, p.full_name as name, coalesce(co.name, '') as company, l.refused_until as until
  from product_leads l join people p on p.id = l.person_id and p.merged_into is null
  left join affiliations f on f.person_id = p.id and f.is_current
  left join companies co on co.id = f.company_id
 where l.product_id = :product and l.rank = 'declined' and not {PROOF} order by l.id limit :n
"""  # noqa: S608 - constants of this module


def declined(tx: Connection, product_id: int, *, limit: int) -> tuple[int, int, list[Refused]]:
    """Declined leads, those with evidence, and some without. Index ix_product_leads_product_id_rank."""
    row = tx.execute(text(DECLINED), {"product": product_id}).one()
    if row.declined == row.proven:
        return row.declined, row.proven, []
    found = tx.execute(text(UNPROVEN), {"product": product_id, "n": limit})
    return row.declined, row.proven, [Refused(**one._mapping) for one in found]


@dataclass(frozen=True, slots=True)
class Remeasured:
    """Calls of the day's quota to silent leads. made: of all products; called: of this one, and how they ended.

    talked: somebody answered; moved: their rank is another since.
    """

    made: int
    called: int
    open: int
    talked: int
    moved: int


REMEASURED = """
select count(*) as made, count(*) filter (where own) as called,
       count(*) filter (where own and state in ('open', 'snoozed')) as open,
       count(*) filter (where own and outcome in ('talked', 'interest', 'appointment', 'material', 'callback',
                                                  'not_now', 'refused', 'dnc')) as talked,
       count(*) filter (where own and exists (select 1 from rank_changes c where c.lead_id = q.lead_id
                                                 and c.old = 'unobserved' and c.at >= q.created_at)) as moved
  from (select t.lead_id, t.state, t.outcome, t.created_at, t.product_id = :product as own from tasks t
         where t.kind = 'call' and t.cause = 'silent' and t.created_at >= :since) q
"""


def remeasured(tx: Connection, product_id: int, *, since: datetime) -> Remeasured:
    row = tx.execute(text(REMEASURED), {"product": product_id, "since": since}).one()
    return Remeasured(**row._mapping)


def calibration(tx: Connection, product_id: int) -> tuple[datetime, Calibration] | None:
    """What is in force, and since when. Index ix_calibrations_product_id_at."""
    row = tx.execute(
        text(
            "select at, rates, resolved, won, warm_cut from calibrations"
            " where product_id = :product and state = 'accepted' order by at desc, id desc limit 1"
        ),
        {"product": product_id},
    ).one_or_none()
    if row is None:
        return None
    return row.at, Calibration(tuple(row.rates), tuple(row.won), tuple(row.resolved), row.warm_cut)


CUTS = f"""
select distinct on (date_trunc('month', {_DAY.format("at")})) {_DAY.format("at")} as day, warm_cut
  from calibrations where product_id = :product and state = 'accepted' and at >= :since
 order by date_trunc('month', {_DAY.format("at")}), at desc, id desc
"""  # noqa: S608 - constants of this module


def cuts(tx: Connection, product_id: int, *, since: datetime, zone: str) -> list[tuple[date, float | None]]:
    """The last warm cut of each month, with its day. Index ix_calibrations_product_id_at."""
    rows = tx.execute(text(CUTS), {"product": product_id, "since": since, "zone": zone})
    return [(row.day, row.warm_cut) for row in rows]


# Index ix_alerts_kind_at: told this month already?
TELL = """
insert into alerts (at, kind, product_id, user_id, args)
select :now, 'rank_alarm', pr.id, coalesce(pr.owner_user_id, (select owner_user_id from house)),
       jsonb_build_object('name', pr.name, 'product', pr.id, 'month', cast(:month as int), 'codes', cast(:codes as jsonb))
  from products pr
 where pr.id = :product and pr.is_active
   and not exists (select 1 from alerts a where a.kind = 'rank_alarm' and a.product_id = pr.id
                      and a.args->'month' = to_jsonb(cast(:month as int)))
"""


def tell(tx: Connection, product_id: int, *, codes: str, month: int, now: datetime) -> bool:
    """An alarm for the product's owner, once a month; codes: a JSON list. Whether it is new."""
    values = {"product": product_id, "codes": codes, "month": month, "now": now}
    return bool(tx.execute(text(TELL), values).rowcount)


def names(tx: Connection, product_ids: Sequence[int]) -> dict[int, str]:
    """Active products among these."""
    rows = tx.execute(
        text("select id, name from products where id = any(:ids) and is_active order by priority, id"),
        {"ids": list(product_ids)},
    )
    return {row.id: row.name for row in rows}


def products(tx: Connection) -> list[tuple[int, str]]:
    """Active products: (id, name)."""
    rows = tx.execute(text("select id, name from products where is_active order by priority, id"))
    return [(row.id, row.name) for row in rows]
