"""Our own sites: how each of them measures, what visitors are told, and whether its pages carry the script."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection, text


@dataclass(frozen=True, slots=True)
class Seen:
    """What came from a site in seven days. visitors: browsers; known: of them tied to a person."""

    site: str
    last_at: datetime
    views: int
    visitors: int
    known: int


# Index ix_tracking_events_views. A browser without a name came by a mail's link, so it is known.
SEEN = """
select q.site, max(q.at) as last_at, sum(q.views)::bigint as views, count(*) filter (where q.views > 0) as visitors,
       count(*) filter (where q.views > 0 and (q.visitor = '' or t.visitor is not null)) as known
  from (select split_part(url, '/', 1) || '//' || split_part(url, '/', 3) as site, visitor,
               case when visitor = '' then delivery_id end as mail, max(at) as at,
               count(*) filter (where at >= :week) as views
          from tracking_events where kind = 'view' and at >= :since group by 1, 2, 3) q
  left join (select distinct visitor from visitor_ties) t on t.visitor = q.visitor
 group by q.site order by q.site
"""


def seen(tx: Connection, *, since: datetime, week: datetime) -> list[Seen]:
    """Sites that were viewed since `since`; their figures since `week`."""
    return [Seen(*row) for row in tx.execute(text(SEEN), {"since": since, "week": week})]


def modes(tx: Connection) -> dict[str, str]:
    """How each site measures that does not do so at once: origin -> notice or ask."""
    return {row.origin: row.mode for row in tx.execute(text("select origin, mode from sites"))}


def choose(tx: Connection, origin: str, mode: str, *, user_id: int | None, now: datetime) -> None:
    tx.execute(
        text(
            "insert into sites (origin, mode, changed_by, changed_at) values (:origin, :mode, :user, :now)"
            " on conflict (origin) do update set mode = excluded.mode, changed_by = excluded.changed_by,"
            " changed_at = excluded.changed_at"
        ),
        {"origin": origin, "mode": mode, "user": user_id, "now": now},
    )


def flooded(tx: Connection, *, since: date) -> int:
    """Views and beats since that day that were counted and not stored."""
    row = tx.execute(
        text("select coalesce(sum(n), 0) as n from visit_floods where day >= :since"), {"since": since}
    )
    return int(row.scalar_one())


@dataclass(frozen=True, slots=True)
class Told:
    """What visitors are told (ja, en), or asked on sites that ask first. id 0: never changed. by: who wrote it."""

    id: int
    ja: str
    en: str
    ask_ja: str
    ask_en: str
    at: datetime | None = None
    by: str = ""


TOLD = """
select c.id, c.ja, c.en, c.ask_ja, c.ask_en, c.created_at as at, coalesce(u.name, '') as by
  from consent_texts c left join users u on u.id = c.created_by order by c.id desc limit :most
"""


def told(tx: Connection, *, limit: int) -> list[Told]:
    """The texts there have been, the newest first."""
    return [Told(*row) for row in tx.execute(text(TOLD), {"most": limit})]


def tell(tx: Connection, said: Mapping[str, str], *, user_id: int | None, now: datetime) -> int:
    """said: ja, en, ask_ja, ask_en."""
    row = tx.execute(
        text(
            "insert into consent_texts (ja, en, ask_ja, ask_en, created_by, created_at)"
            " values (:ja, :en, :ask_ja, :ask_en, :user, :now) returning id"
        ),
        {**said, "user": user_id, "now": now},
    )
    return int(row.scalar_one())
