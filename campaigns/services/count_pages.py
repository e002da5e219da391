"""Count views of our own sites, by page and by site. Few are counted when their page is shown, many by a job."""

from __future__ import annotations

from dataclasses import astuple, dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from campaigns.parts import Parts
from campaigns.services import kept
from campaigns.storage import page_rules, sites, sizes
from campaigns.storage.page_rules import SeenPage
from campaigns.storage.sites import Seen

NAME = "pages"
EVERY = timedelta(minutes=10)
PAGES = timedelta(days=30)
WEEK = timedelta(days=7)
# Views that are counted while a page waits.
MANY = 20_000


@dataclass(frozen=True, slots=True)
class Viewed:
    """pages: of the last 30 days, the most viewed first. sites: figures of seven days, for those seen in 30.

    at: when it was counted, None for this moment. is_known: False while a big installation has not counted yet.
    """

    pages: tuple[SeenPage, ...] = ()
    sites: tuple[Seen, ...] = ()
    at: datetime | None = None
    is_known: bool = True


def read(parts: Parts, *, now: datetime) -> Viewed:
    """The figures for a page."""
    with parts.engine.connect() as tx:
        if not _is_big(tx, now=now):
            return Viewed(*_count(tx, now=now))
    found = kept.read(parts, NAME)
    if found is None:
        return Viewed(is_known=False)
    pages = [
        SeenPage(url, title, n, visitors, datetime.fromisoformat(at))
        for url, title, n, visitors, at in found.told["pages"]
    ]
    seen = [Seen(site, datetime.fromisoformat(at), *rest) for site, at, *rest in found.told["sites"]]
    return Viewed(tuple(pages), tuple(seen), found.at)


def run(parts: Parts, *, now: datetime) -> bool:
    """Count anew when a big installation's figures are old; for a job. Whether it counted."""
    with parts.engine.connect() as tx:
        if not _is_big(tx, now=now):
            return False
    return kept.renew(parts, NAME, lambda: _told(parts, now=now), now=now, every=EVERY)


def _is_big(tx: Connection, *, now: datetime) -> bool:
    """A small house may have a busy site."""
    return sizes.is_big(tx) or page_rules.is_many(tx, since=now - PAGES, many=MANY)


def _count(tx: Connection, *, now: datetime) -> tuple[tuple[SeenPage, ...], tuple[Seen, ...]]:
    since = now - PAGES
    return tuple(page_rules.seen(tx, since=since)), tuple(sites.seen(tx, since=since, week=now - WEEK))


def _told(parts: Parts, *, now: datetime) -> dict[str, Any]:
    with parts.engine.connect() as tx:
        pages, seen = _count(tx, now=now)
    return {
        "pages": [[*astuple(page)[:-1], page.last_at.isoformat()] for page in pages],
        "sites": [[one.site, one.last_at.isoformat(), one.views, one.visitors, one.known] for one in seen],
    }
