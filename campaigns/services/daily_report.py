"""The daily report: what somebody did on a day, from the diary, the ASICA sheets, the calls and the visits; the days
of a month, the empty ones among them; on paper and as a list. Source: S0-22, S0-24.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta

from sqlalchemy import Connection

from campaigns.parts import Parts
from campaigns.services import export_lines, pdf
from campaigns.storage import closed_days, comments, companies, diary, diary_feed, timeline, users
from campaigns.storage.comments import Comment
from campaigns.storage.diary_feed import Item, Place, Wanted

PAGE = 50
DAY_MAX = 1000  # things somebody can do in a day
CHUNK = 5000  # lines of a list read at once
COLUMNS_MM = (16, 27, 41, 90)


@dataclass(frozen=True, slots=True)
class Day:
    """n: things done. is_open: a business day; one that is over and empty is a gap."""

    day: date
    n: int
    is_open: bool
    is_over: bool

    @property
    def is_gap(self) -> bool:
        return self.is_open and self.is_over and not self.n


@dataclass(frozen=True, slots=True)
class Report:
    """user_id None: everybody's. day None: the latest. days: of the month of the day, of one user only. rest: where
    older items begin, None where there are none. name: of the user."""

    items: Sequence[Item]
    rest: Place | None
    name: str
    said: Mapping[tuple[str, int], Sequence[Comment]]
    days: Sequence[Day]
    users: Sequence[tuple[int, str]]
    products: Sequence[tuple[int, str]]
    company: companies.Company | None


def show(
    parts: Parts,
    *,
    user_id: int | None,
    day: date | None,
    company_id: int | None = None,
    product_id: int | None = None,
    before: Place | None = None,
    month: date,
    limit: int = PAGE,
    now: datetime,
) -> Report:
    """month: any day of the month whose days are listed."""
    wanted = Wanted(company_id=company_id, user_id=user_id, product_id=product_id, before=before)
    if day is not None:
        since, until = _bounds(parts, day, day + timedelta(days=1))
        wanted = replace(wanted, since=since, until=until)
    with parts.engine.connect() as tx:
        feed = diary_feed.page(tx, wanted, limit=limit, zone=parts.settings.tz)
        products, _ = timeline.choices(tx)
        user = users.find(tx, user_id) if user_id is not None else None
        return Report(
            items=feed.items,
            rest=feed.rest,
            name=user.name if user else "",
            said=comments.on(tx, [thing for one in feed.items for thing in one.things]),
            days=() if user is None else _days(tx, parts, user.id, month, now=now),
            users=diary.users(tx),
            products=products,
            company=companies.get(tx, company_id) if company_id is not None else None,
        )


def _days(tx: Connection, parts: Parts, user_id: int, month: date, *, now: datetime) -> list[Day]:
    first, last = month_of(month)
    since, until = _bounds(parts, first, last + timedelta(days=1))
    counts = diary.days(tx, since=since, until=until, zone=parts.settings.zone, user_id=user_id)
    calendar, today = closed_days.load(tx), now.astimezone(parts.settings.tz).date()
    came_at = users.came_at(tx, user_id)
    came_on = came_at.astimezone(parts.settings.tz).date() if came_at else first
    listed = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    found = [
        Day(day, counts.get((user_id, day), 0), calendar.is_business_day(day), day < today)
        for day in listed
        if day <= today
    ]
    # Nobody owes a report of days before they came; what was entered of one later shows all the same.
    return [one for one in found if one.day >= came_on or one.n]


def month_of(day: date) -> tuple[date, date]:
    """First and last day of a day's month."""
    first = day.replace(day=1)
    return first, (first + timedelta(days=32)).replace(day=1) - timedelta(days=1)


def month_items(tx: Connection, parts: Parts, *, user_id: int | None, month: date) -> Iterator[Item]:
    """A month's report, oldest first, read day by day: everybody's is more than one reading holds."""
    first, last = month_of(month)
    for n in range((last - first).days + 1):
        day = first + timedelta(days=n)
        since, until = _bounds(parts, day, day + timedelta(days=1))
        yield from reversed(_all_of(tx, parts, Wanted(user_id=user_id, since=since, until=until)))


def _all_of(tx: Connection, parts: Parts, wanted: Wanted) -> list[Item]:
    feed = diary_feed.page(tx, wanted, limit=CHUNK, zone=parts.settings.tz)
    found = list(feed.items)
    while feed.rest is not None:
        feed = diary_feed.page(tx, replace(wanted, before=feed.rest), limit=CHUNK, zone=parts.settings.tz)
        found += feed.items
    return found


def export(
    parts: Parts,
    *,
    user_id: int | None,
    month: date,
    head: Sequence[str],
    cells: Callable[[Item], Sequence[object]],
    by: int,
    now: datetime,
) -> bytes:
    """A month as CSV, a line a thing done. head, cells: in the reader's language. The export is logged with the
    people in it."""
    with parts.engine.begin() as tx:
        return export_lines.of_several(
            tx,
            month_items(tx, parts, user_id=user_id, month=month),
            people=lambda item: [one["id"] for one in item.people],
            kind="daily_report",
            wanted={"user": user_id, "month": month.isoformat()[:7]},
            head=head,
            cells=cells,
            user_id=by,
            now=now,
        )


def paper(
    title: str, facts: str, head: Sequence[str], rows: Sequence[Sequence[str]], *, foot: str, empty: str
) -> bytes:
    """A day's report as PDF, in the words given: when, what, with whom, what was said and comes next."""
    story = [pdf.title(title), pdf.paragraph(facts)]
    if rows:
        story.append(pdf.table([head, *rows], widths_mm=COLUMNS_MM, boxed=False))
    else:
        story.append(pdf.paragraph(empty))
    return pdf.render(story, name=title, foot=foot)


def _bounds(parts: Parts, first: date, after: date) -> tuple[datetime, datetime]:
    zone = parts.settings.tz
    return datetime.combine(first, time(), tzinfo=zone), datetime.combine(after, time(), tzinfo=zone)
