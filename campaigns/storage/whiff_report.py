"""Hand-offs that ended, and how: won, or a whiff (returned, lost, no deal, run out), with the reason (S2-22).

An order counts by the hand-off, or by the opportunity that it became, whichever was closed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

from campaigns.storage.report_rows import Cell, Facts, binds, counted, month

FACTS = f"""
select l.person_id, h.resolved_at as at, null::bigint as delivery_id, h.product_id, h.team,
       {month("h.resolved_at")} as month, h.state,
       coalesce(nullif(h.returned_code, ''), h.state) as code,
       coalesce(nullif(h.returned_reason, ''), nullif(o.reason, ''), '') as what,
       h.state = 'won' as is_won
  from hand_offs h
  join product_leads l on l.id = h.lead_id
  left join opportunities o on o.hand_off_id = h.id
 where h.state in ('won', 'returned', 'lost', 'no_deal', 'timeout')
   and h.resolved_at >= :since and h.resolved_at < :until
   and (:product = 0 or h.product_id = :product)
"""  # noqa: S608 - constants
MEASURES: Mapping[str, str] = {
    "ended": "true",
    "won": "f.is_won",
    "whiff": "not f.is_won",
    **{state: f"f.state = '{state}'" for state in ("returned", "lost", "no_deal", "timeout")},
}
DIMS: Mapping[str, str] = {"team": "f.team = :team", "code": "f.code = :code"}
ROWS = Facts(FACTS, MEASURES, DIMS)


@dataclass(frozen=True, slots=True)
class Ended:
    """Hand-offs of one product and team that ended in one month for one reason."""

    team: str
    code: str
    month: int
    product_id: int
    figures: Mapping[str, int]


COUNT = (
    f"select f.team, f.code, f.month, f.product_id, {counted(MEASURES)} from ({FACTS}) f group by 1, 2, 3, 4"  # noqa: S608 - constants
)


def count(tx: Connection, *, since: datetime, until: datetime, zone: str) -> list[Ended]:
    values = binds(Cell("whiffs", "ended", since, until), zone)
    return [
        Ended(row.team, row.code, row.month, row.product_id, {name: row._mapping[name] for name in MEASURES})
        for row in tx.execute(text(COUNT), values)
    ]
