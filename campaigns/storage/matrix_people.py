"""The people about whom an action matrix decides, with their ranks as they stand: for showing what a change does."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

from campaigns.rules.actions import HANDS_OFF, moved
from campaigns.rules.ranks import Rank, Ranked
from campaigns.rules.reasons import Reason


@dataclass(frozen=True, slots=True)
class Placed:
    """A lead as it was ranked last."""

    id: int
    person_id: int
    name: str
    company: str
    product_id: int
    state: str
    industry: str
    ranked: Ranked


# ix_product_leads_product_id_rank finds them.
_LEADS = """
  from product_leads l
 where l.product_id = any(:products) and l.rank = any(:ranks) and l.state <> all(:hands_off)
"""
PLACED = f"""
select l.id, l.person_id, p.full_name as name, coalesce(co.name, '') as company, l.product_id, l.state,
       coalesce(co.industry, '') as industry, l.rank, l.score, l.p_win, l.depth_max, l.reasons
  from (select l.* {_LEADS} and hashint8(l.id) % :one_in = 0) l
  join people p on p.id = l.person_id and p.merged_into is null
  left join affiliations f on f.person_id = p.id and f.is_current
  left join companies co on co.id = f.company_id
 order by array_position(array['hot', 'warm', 'nurture', 'unobserved'], l.rank), l.score desc, l.id
"""  # noqa: S608 - texts of this module


def count(tx: Connection, product_ids: Collection[int], ranks: Collection[Rank]) -> int:
    """Leads of these ranks that nobody else has in hand."""
    query = f"select count(*) {_LEADS}"
    return int(tx.execute(text(query), _binds(product_ids, ranks)).scalar_one())


def placed(
    tx: Connection, product_ids: Collection[int], ranks: Collection[Rank], *, one_in: int
) -> list[Placed]:
    """One lead in so many, the most pressing first. Drawn by a hash of its id: ids come in the rhythm of imports."""
    rows = tx.execute(text(PLACED), {**_binds(product_ids, ranks), "one_in": one_in})
    return [
        Placed(
            row.id,
            row.person_id,
            row.name,
            row.company,
            row.product_id,
            row.state,
            row.industry,
            Ranked(
                rank=Rank(row.rank),
                score=row.score,
                p_win=row.p_win,
                depth_max=row.depth_max,
                reasons=tuple(Reason.from_json(one) for one in row.reasons),
            ),
        )
        for row in rows
    ]


def _binds(product_ids: Collection[int], ranks: Collection[Rank]) -> dict[str, object]:
    return {
        "products": sorted(product_ids),
        "ranks": [rank.value for rank in ranks],
        "hands_off": sorted(HANDS_OFF),
    }


def moves(tx: Connection, product_ids: Sequence[int], *, since: datetime) -> dict[str, int]:
    """How often leads moved through each cell of a move since then: rose_hot, fell_warm and so on. ix_rank_changes_at."""
    rows = tx.execute(
        text(
            "select c.old, c.new, count(*) as n from rank_changes c join product_leads l on l.id = c.lead_id"
            " where c.at >= :since and l.product_id = any(:products) group by 1, 2"
        ),
        {"since": since, "products": list(product_ids)},
    )
    found: dict[str, int] = {}
    for row in rows:
        if cell := moved(row.old, Rank(row.new)):
            found[cell] = found.get(cell, 0) + row.n
    return found
