"""Catalogues that nobody has written on for long, and who is told of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

KIND = "catalogues_stale"

# Somebody there was talked to since: that is news as well. Index ix_touchpoints_company_signals.
REFRESH = """
update catalogues k set touched_at = q.at
  from (select s.id, max(t.at) as at from catalogues s
          join touchpoints t on t.company_id = s.company_id and t.depth >= 2 and t.validity > 0
                            and t.channel = 'offline' and t.at > s.touched_at
         where s.touched_at < :before group by s.id) q
 where k.id = q.id
"""


def refresh(tx: Connection, *, before: datetime, now: datetime) -> None:
    """Bring what looks stale up to date with what was talked."""
    tx.execute(text(REFRESH), {"before": before, "now": now})


@dataclass(frozen=True, slots=True)
class Stale:
    """An owner's stale catalogues; oldest: the company that waits longest. owner_id None: nobody's, or of somebody
    who has left."""

    owner_id: int | None
    n: int
    oldest: str
    oldest_at: datetime


BY_OWNER = """
select distinct on (u.id) u.id as owner_id, count(*) over (partition by u.id)::int as n, co.name as oldest,
       k.touched_at as oldest_at
  from catalogues k join companies co on co.id = k.company_id
  left join users u on u.id = k.owner_user_id and u.is_active
 where k.touched_at < :before
 order by u.id, k.touched_at, k.id
"""


def by_owner(tx: Connection, *, before: datetime) -> list[Stale]:
    """Index ix_catalogues_touched_at."""
    return [Stale(**row._mapping) for row in tx.execute(text(BY_OWNER), {"before": before})]


def told(tx: Connection, user_ids: Sequence[int], *, since: datetime) -> set[int]:
    """Who of these was told since. Index ix_alerts_kind_at."""
    rows = tx.execute(
        text(
            "select distinct user_id from alerts where kind = :kind and at > :since and user_id = any(:ids)"
        ),
        {"kind": KIND, "since": since, "ids": list(user_ids)},
    )
    return {row.user_id for row in rows}
