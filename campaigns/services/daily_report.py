"""The daily report: what somebody did on a day, from the diary, the calls and the visits; the days of a month, the
empty ones among them; on paper and as a list. Source: S0-24.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta

from sqlalchemy import Connection

from campaigns.parts import Parts
from campaigns.services import export_lines, pdf
from campaigns.storage import closed_days, comments, companies, diary, timeline
from campaigns.storage.comments import Comment
from campaigns.storage.diary import Item, Wanted

PAGE = 50
DAY_MAX = 1000  # things somebody can do in a day
MONTH_MAX = 20_000  # things somebody can do in a month
COLUMNS_MM = (16, 22, 46, 90)


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
    """user_id None: everybody's. day None: the latest. days: of the month of the day, of one user only."""

    items: Sequence[Item]
    more: bool
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
    before: datetime | None = None,
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
        items = diary.feed(tx, wanted, limit=limit + 1)
        products, _ = timeline.choices(tx)
        return Report(
            items=items[:limit],
            more=len(items) > limit,
            said=comments.on(tx, [(one.on_kind, one.on_id) for one in items]),
            days=() if user_id is None else _days(tx, parts, user_id, month, now=now),
            users=diary.users(tx),
            products=products,
            company=companies.get(tx, company_id) if company_id is not None else None,
        )


def _days(tx: Connection, parts: Parts, user_id: int, month: date, *, now: datetime) -> list[Day]:
    first, last = month_of(month)
    since, until = _bounds(parts, first, last + timedelta(days=1))
    counts = diary.days(tx, since=since, until=until, zone=parts.settings.zone, user_id=user_id)
    calendar, today = closed_days.load(tx), now.astimezone(parts.settings.tz).date()
    listed = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    return [
        Day(day, counts.get((user_id, day), 0), calendar.is_business_day(day), day < today)
        for day in listed
        if day <= today
    ]


def month_of(day: date) -> tuple[date, date]:
    """First and last day of a day's month."""
    first = day.replace(day=1)
    return first, (first + timedelta(days=32)).replace(day=1) - timedelta(days=1)


def month_items(parts: Parts, *, user_id: int | None, month: date) -> list[Item]:
    """A month's report, oldest first."""
    first, last = month_of(month)
    since, until = _bounds(parts, first, last + timedelta(days=1))
    with parts.engine.connect() as tx:
        wanted = Wanted(user_id=user_id, since=since, until=until)
        return diary.feed(tx, wanted, limit=MONTH_MAX)[::-1]


@dataclass(frozen=True, slots=True)
class Line:
    """A thing done, for the list; person_id: the first of the people."""

    item: Item
    person_id: int | None


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
    lines = [
        Line(item, item.people[0]["id"] if item.people else None)
        for item in month_items(parts, user_id=user_id, month=month)
    ]
    with parts.engine.begin() as tx:
        return export_lines.run(
            tx,
            lines,
            kind="daily_report",
            wanted={"user": user_id, "month": month.isoformat()[:7]},
            head=head,
            cells=lambda line: cells(line.item),
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
