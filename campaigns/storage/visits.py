"""Visits of browsers that our page script has named: whose they are, and what they read."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from types import MappingProxyType

from sqlalchemy import Connection, text

from campaigns.rules.visits import Tie

# A merged person's ties are those of whom they were merged into; who is not to be measured is nobody.
TIES = """
select t.visitor, t.source, t.at,
       case when coalesce(m.do_not_track, p.do_not_track) then null else coalesce(m.id, p.id) end as person_id
  from visitor_ties t
  join people p on p.id = t.person_id
  left join people m on m.id = p.merged_into
 where t.visitor = any(:visitors)
 order by t.visitor, t.at, t.id
"""


@dataclass(frozen=True, slots=True)
class Ties:
    """The ties of one browser, oldest first. by_source: what tied it, and to whom."""

    ties: tuple[Tie, ...] = ()
    by_source: Mapping[str, int | None] = field(default_factory=lambda: MappingProxyType({}))


def ties(tx: Connection, visitors: Collection[str]) -> dict[str, Ties]:
    """Of those browsers that have any."""
    if not visitors:
        return {}
    rows = tx.execute(text(TIES), {"visitors": sorted(visitors)})
    found: dict[str, list[tuple[Tie, str]]] = {}
    for row in rows:
        found.setdefault(row.visitor, []).append((Tie(row.at, row.person_id), row.source))
    return {
        visitor: Ties(tuple(tie for tie, _ in pairs), {source: tie.person_id for tie, source in pairs})
        for visitor, pairs in found.items()
    }


@dataclass(frozen=True, slots=True)
class NewTie:
    """how: click or form. source: what ties, once for ever."""

    visitor: str
    person_id: int
    how: str
    source: str
    at: datetime


def tie(tx: Connection, rows: Iterable[NewTie]) -> set[str]:
    """Tie browsers to people; the visitors for whom that is new."""
    new = sorted(rows, key=lambda row: (row.visitor, row.source))
    if not new:
        return set()
    done = tx.execute(
        text(
            """
            insert into visitor_ties (visitor, person_id, origin_person_id, how, source, at)
            select q.visitor, q.person_id, q.person_id, q.how, q.source, q.at
              from unnest(cast(:visitor as text[]), cast(:person_id as bigint[]), cast(:how as text[]),
                          cast(:source as text[]), cast(:at as timestamptz[]))
                as q(visitor, person_id, how, source, at)
            on conflict (visitor, source) do nothing returning visitor
            """
        ),
        {
            "visitor": [row.visitor for row in new],
            "person_id": [row.person_id for row in new],
            "how": [row.how for row in new],
            "source": [row.source for row in new],
            "at": [row.at for row in new],
        },
    )
    return {row.visitor for row in done}


def tied_since(tx: Connection, since: datetime) -> set[str]:
    """Browsers that somebody made theirs since then. Of a day; no index, since the night may take a second."""
    rows = tx.execute(text("select distinct visitor from visitor_ties where at >= :since"), {"since": since})
    return {row.visitor for row in rows}


def hold(tx: Connection, visitor: str) -> None:
    """Whoever else ties this browser waits until the transaction ends."""
    tx.execute(text("select pg_advisory_xact_lock(hashtextextended(:v, 11))"), {"v": visitor})


def may_measure(tx: Connection, person_id: int) -> tuple[int, bool] | None:
    """Whom the visits of this person belong to (merged: the other one) and whether they may be measured."""
    row = tx.execute(
        text(
            "select coalesce(m.id, p.id) as id, coalesce(m.do_not_track, p.do_not_track) as refuses"
            " from people p left join people m on m.id = p.merged_into where p.id = :id"
        ),
        {"id": person_id},
    ).first()
    return None if row is None else (int(row.id), not row.refuses)


def counted(tx: Connection, visitors: Collection[str], *, since: datetime) -> dict[str, tuple[int, int]]:
    """Views, and views and beats, of these browsers since then. Index ix_tracking_events_visitor."""
    rows = tx.execute(
        text(
            "select visitor, count(*) filter (where kind = 'view') as views, count(*) as n from tracking_events"
            " where visitor <> '' and visitor = any(:visitors) and at >= :since group by visitor"
        ),
        {"visitors": sorted(visitors), "since": since},
    )
    return {row.visitor: (row.views, row.n) for row in rows}


def flooded(tx: Connection, counts: Mapping[str, int], *, day: date) -> None:
    """What was not stored, by site."""
    rows = sorted(counts.items())
    if rows:
        tx.execute(
            text(
                "insert into visit_floods (day, site, n) select :day, q.site, q.n"
                " from unnest(cast(:site as text[]), cast(:n as bigint[])) as q(site, n)"
                " on conflict (day, site) do update set n = visit_floods.n + excluded.n"
            ),
            {"day": day, "site": [site for site, _ in rows], "n": [n for _, n in rows]},
        )


def forget_floods(tx: Connection, *, before: date) -> None:
    tx.execute(text("delete from visit_floods where day < :before"), {"before": before})


@dataclass(frozen=True, slots=True)
class Read:
    """A page as one browser read it, without a mail that led there. touched: hands were at it."""

    visitor: str
    visit: str
    at: datetime
    touched: bool
    active_s: float
    url: str
    title: str
    ua: str


# Index ix_tracking_events_visitor. A page of our own router may get its title after its view: the last one is right.
READS = """
select visitor, visit, min(at) as at, bool_or(has_input and kind = 'beat') as touched,
       coalesce(sum(active_s) filter (where kind = 'beat'), 0) as active_s,
       (array_agg(url order by at, id))[1] as url,
       coalesce((array_agg(title order by at desc, id desc) filter (where title <> ''))[1], '') as title,
       max(ua) as ua
  from tracking_events
 where visitor <> '' and visitor = any(:visitors) and delivery_id is null and at >= :since
   and (cast(:visits as text[]) is null or visit = any(:visits))
 group by visitor, visit
"""


def reads(
    tx: Connection, visitors: Collection[str], *, since: datetime, visits: Collection[str] | None = None
) -> list[Read]:
    """Pages that these browsers opened since then, oldest first. visits: these alone, each whole."""
    if not visitors:
        return []
    values = {
        "visitors": sorted(visitors),
        "since": since,
        "visits": None if visits is None else sorted(visits),
    }
    rows = tx.execute(text(READS), values)
    return sorted((Read(*row) for row in rows), key=lambda read: (read.at, read.visit))


@dataclass(frozen=True, slots=True)
class PageRead:
    """A page as one person read it, all visits together. n: views by hand, not a machine's."""

    url: str
    title: str
    n: int
    last_at: datetime
    active_s: float
    tags: tuple[str, ...]


# Index ix_touchpoints_person_id_at.
PAGES = """
select url, coalesce((array_agg(title order by at desc) filter (where title <> ''))[1], '') as title,
       count(*) as n, max(at) as last_at, sum(active_s) as active_s,
       (array_agg(array_to_string(tags, ',') order by at desc))[1] as tags
  from touchpoints
 where person_id = :person and kind in ('web_view', 'web_view_key') and validity > 0 and url <> ''
 group by url order by n desc, last_at desc, url limit :most
"""


def pages_of(tx: Connection, person_id: int, *, limit: int) -> Sequence[PageRead]:
    """Pages that this person read, the most read first. Source: S3-15."""
    rows = tx.execute(text(PAGES), {"person": person_id, "most": limit})
    return [
        PageRead(
            row.url, row.title, row.n, row.last_at, row.active_s, tuple(filter(None, row.tags.split(",")))
        )
        for row in rows
    ]
