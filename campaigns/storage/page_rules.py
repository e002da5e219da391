"""Rules about the pages of our sites, and the pages that were seen."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

from campaigns.rules.page_rules import PageRule, PageRules

# More different pages than any marketer looks through; the least viewed are left out.
PAGES_MAX = 5000

ALL = """
select id, site, pattern, product_id, tags, is_key, version from page_rules order by site, pattern
"""


def every(tx: Connection) -> list[PageRule]:
    rows = tx.execute(text(ALL))
    return [PageRule(**{**row._mapping, "tags": tuple(row.tags)}) for row in rows]


def load(tx: Connection) -> PageRules:
    """The rules, ready to be asked what a page is about."""
    return PageRules(every(tx))


def add(tx: Connection, rule: PageRule, *, user_id: int | None, now: datetime) -> int | None:
    """The new rule's id; None when there is one for that pattern already."""
    row = tx.execute(
        text(
            "insert into page_rules (site, pattern, product_id, tags, is_key, created_by, created_at)"
            " values (:site, :pattern, :product_id, :tags, :is_key, :user, :now)"
            " on conflict (site, pattern) do nothing returning id"
        ),
        {**_values(rule), "user": user_id, "now": now},
    ).first()
    return None if row is None else int(row.id)


def number(tx: Connection, site: str) -> int:
    """How many rules a site has; those for any site stand under ""."""
    found = tx.execute(text("select count(*) from page_rules where site = :site"), {"site": site})
    return int(found.scalar_one())


def change(tx: Connection, rule: PageRule) -> bool:
    """False when somebody else changed or deleted it since `version`."""
    done = tx.execute(
        text(
            "update page_rules set site = :site, pattern = :pattern, product_id = :product_id, tags = :tags,"
            " is_key = :is_key, version = version + 1 where id = :id and version = :version"
        ),
        {**_values(rule), "id": rule.id, "version": rule.version},
    )
    return bool(done.rowcount)


def twin(tx: Connection, rule: PageRule) -> bool:
    """Is there another rule for this site and pattern?"""
    row = tx.execute(
        text("select 1 from page_rules where site = :site and pattern = :pattern and id <> :id"),
        {"site": rule.site, "pattern": rule.pattern, "id": rule.id},
    ).first()
    return row is not None


def delete(tx: Connection, id: int) -> bool:
    return bool(tx.execute(text("delete from page_rules where id = :id"), {"id": id}).rowcount)


def _values(rule: PageRule) -> dict[str, object]:
    return {
        "site": rule.site,
        "pattern": rule.pattern,
        "product_id": rule.product_id,
        "tags": list(rule.tags),
        "is_key": rule.is_key,
    }


@dataclass(frozen=True, slots=True)
class SeenPage:
    """A page as visitors saw it. n: views; visitors: different browsers and mails that led there."""

    url: str
    title: str
    n: int
    visitors: int
    last_at: datetime


# Index ix_tracking_events_views. Counted by browser first: one hash for all instead of a sort a page. The newest title
# wins, found as the greatest of "milliseconds, title". 100,000 views take a second on a busy machine: see count_pages.
SEEN = """
select url, coalesce(substr(max(q.told), 15), '') as title, sum(q.n)::bigint as n, count(*) as visitors,
       max(q.at) as last_at
  from (select url, case when visitor <> '' then visitor else delivery_id::text end as who, count(*) as n,
               max(at) as at,
               max((lpad((extract(epoch from at) * 1000)::bigint::text, 14, '0') || title) collate "C")
                 filter (where title <> '') as told
          from tracking_events where kind = 'view' and at >= :since and url <> '' group by 1, 2) q
 group by url order by n desc, url limit :most
"""
MANY = """
select count(*) > :many from (
       select 1 from tracking_events where kind = 'view' and at >= :since limit cast(:many as bigint) + 1) q
"""


def is_many(tx: Connection, *, since: datetime, many: int) -> bool:
    """Are there more views since then than that? Stops at the first beyond."""
    return bool(tx.execute(text(MANY), {"since": since, "many": many}).scalar_one())


def seen(tx: Connection, *, since: datetime) -> list[SeenPage]:
    """Pages viewed since, the most viewed first."""
    rows = tx.execute(text(SEEN), {"since": since, "most": PAGES_MAX})
    return [SeenPage(*row) for row in rows]
