"""Show the calendar: a month of mails by day and product, and a day with the mails behind its figures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from campaigns.parts import Parts
from campaigns.rules import planning, rescheduling
from campaigns.rules.schedule import first_day, last_day, month_of, month_of_day
from campaigns.rules.workdays import YEAR_END, Calendar
from campaigns.storage import calendar, closed_days
from campaigns.storage.calendar import Entry, Mail, Mark, Product
from campaigns.storage.closed_days import OwnDay

KEPT = timedelta(minutes=5)
AHEAD_MONTHS = 15  # how far ahead planned mails are counted for the kept figures


@dataclass(frozen=True, slots=True)
class Day:
    """One day. closed_by: "", weekend, holiday, year_end, own: why nothing goes; own: what the house wrote."""

    day: date
    closed_by: str
    own: OwnDay | None
    entries: tuple[Entry, ...]
    marks: tuple[Mark, ...]

    @property
    def is_open(self) -> bool:
        return not self.closed_by

    def total(self, kind: str) -> int:
        return sum(entry.n for entry in self.entries if entry.kind == kind)


@dataclass(frozen=True, slots=True)
class Month:
    """All of the month's page. counted_at: of figures that are kept, None for figures as they stand."""

    month: int
    today: date
    days: tuple[Day, ...]
    own_days: tuple[OwnDay, ...]
    products: tuple[Product, ...]
    counted_at: datetime | None

    def total(self, kind: str) -> int:
        return sum(day.total(kind) for day in self.days)

    def total_of(self, product_id: int) -> int:
        return sum(e.n for day in self.days for e in day.entries if e.product_id == product_id)


def month(parts: Parts, month: int, *, now: datetime) -> Month:
    """A month of mails: what was sent, what is planned, what is expected."""
    zone = parts.settings.tz
    today, first, last = now.astimezone(zone).date(), first_day(month), last_day(month)
    with parts.engine.connect() as tx:
        business = closed_days.load(tx)
        entries = _entries(tx, first, last, month=month, now=now, zone=zone, business=business)
        marks = calendar.marks(tx, first=first, last=last)
        own = closed_days.listed(tx, first=first, last=last)
        days = tuple(
            _day(day, business, own, entries, marks)
            for day in (first + timedelta(days=n) for n in range((last - first).days + 1))
        )
        seen = {entry.product_id for entry in entries} | {mark.product_id for mark in marks}
        return Month(
            month=month,
            today=today,
            days=days,
            own_days=tuple(
                closed_days.listed(tx, first=today, last=today.replace(year=today.year + 2, day=1))
            ),
            products=tuple(p for p in calendar.products(tx) if p.id in seen or p.windows),
            counted_at=calendar.counted_at(tx),
        )


@dataclass(frozen=True, slots=True)
class OneDay:
    """All of a day's page. mails: of the chosen kind, one page; total: how many there are of it.

    instead: business days on which what is planned here could go as well.
    """

    day: Day
    today: date
    kind: str
    chosen: Entry | None
    mails: tuple[Mail, ...]
    total: int
    instead: tuple[date, ...]


def day(
    parts: Parts,
    day: date,
    *,
    kind: str,
    scenario_id: int | None,
    step_key: str,
    offset: int,
    size: int,
    now: datetime,
) -> OneDay:
    """A day with its groups and the mails behind one of them. kind: "" for what the day has."""
    zone = parts.settings.tz
    local = now.astimezone(zone)
    with parts.engine.connect() as tx:
        business = closed_days.load(tx)
        entries = _entries(tx, day, day, month=month_of_day(day), now=now, zone=zone, business=business)
        one = _day(
            day,
            business,
            closed_days.listed(tx, first=day, last=day),
            entries,
            calendar.marks(tx, first=day, last=day),
        )
        if kind not in ("sent", "planned"):
            kind = "planned" if one.total("planned") else "sent"
        fits = [e for e in one.entries if e.kind == kind and _is(e, scenario_id, step_key)]
        begin, end = instants(day, day, zone)
        mails: Sequence[Mail] = ()
        if fits:
            mails = calendar.mails(
                tx, kind=kind, begin=begin, end=end, scenario_id=scenario_id, step_key=step_key,
                offset=offset, limit=size,
            )  # fmt: skip
        earliest = planning.first_day(now, zone=zone)
        return OneDay(
            day=one,
            today=local.date(),
            kind=kind,
            chosen=fits[0] if scenario_id is not None and len(fits) == 1 else None,
            mails=tuple(mails),
            total=sum(entry.n for entry in fits),
            instead=rescheduling.nearby(day, day, earliest=earliest, calendar=business, besides=day),
        )


def expected(parts: Parts, day: date, *, now: datetime) -> int:
    """Mails that are expected on a day, and have no date yet."""
    zone = parts.settings.tz
    earliest = planning.first_day(now, zone=zone)
    with parts.engine.connect() as tx:
        business = closed_days.load(tx)
        entries = calendar.expected(tx, month=month_of_day(day), this=month_of(now, zone))
    return sum(entry.n for entry in entries if _expected_day(entry.day, earliest, business) == day)


def _is(entry: Entry, scenario_id: int | None, step_key: str) -> bool:
    if scenario_id is not None and entry.scenario_id != scenario_id:
        return False
    return not step_key or entry.step_key == step_key


def refresh(parts: Parts, *, now: datetime) -> bool:
    """Count anew what is too much for a page, every five minutes; False when nothing had to be counted."""
    zone, this = parts.settings.tz, month_of(now, parts.settings.tz)
    with parts.engine.connect() as tx:
        last = calendar.counted_at(tx)
        many = any(calendar.are_many(tx, kind) for kind in ("planned", "expected"))
    if (last is None and not many) or (last is not None and timedelta() <= now - last < KEPT):
        return False
    begin, end = instants(first_day(this), last_day(this + AHEAD_MONTHS), zone)
    with parts.engine.begin() as tx:
        calendar.keep(tx, this=this, now=now, zone=parts.settings.zone, begin=begin, end=end)
    return True


def instants(first: date, last: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """The first instant of a day and the first one after another, UTC."""
    begin = datetime.combine(first, time(), tzinfo=zone).astimezone(UTC)
    return begin, datetime.combine(last + timedelta(days=1), time(), tzinfo=zone).astimezone(UTC)


def _entries(
    tx: Connection, first: date, last: date, *, month: int, now: datetime, zone: ZoneInfo, business: Calendar
) -> list[Entry]:
    """Of each day what was sent, what is planned, and what is expected where nothing is decided yet."""
    begin, end = instants(first, last, zone)
    earliest = planning.first_day(now, zone=zone)
    found = calendar.sent(tx, first=first, last=last)
    found += calendar.planned(tx, first=first, last=last, begin=begin, end=end, zone=str(zone))
    for entry in calendar.expected(tx, month=month, this=month_of(now, zone)):
        day = _expected_day(entry.day, earliest, business)
        if day is not None and first <= day <= last:
            found.append(replace(entry, day=day))
    return found


def _expected_day(wanted: date, earliest: date, business: Calendar) -> date | None:
    """The day on which a mail with this wanted day goes; None when its month holds none any more."""
    day = business.modified_following(wanted)
    if day < earliest:
        day = business.next_business_day(earliest)
    return day if (day.year, day.month) == (wanted.year, wanted.month) else None


def _day(
    day: date, business: Calendar, own: Sequence[OwnDay], entries: Sequence[Entry], marks: Sequence[Mark]
) -> Day:
    return Day(
        day=day,
        closed_by=closed_by(day, business),
        own=next((one for one in own if one.day == day), None),
        entries=tuple(entry for entry in entries if entry.day == day),
        marks=tuple(mark for mark in marks if mark.day == day),
    )


def closed_by(day: date, business: Calendar) -> str:
    """Why nothing goes on a day: own, holiday, year_end, weekend; "" for a business day."""
    if business.is_business_day(day):
        return ""
    if day in business.closed and Calendar().is_business_day(day):
        return "own"
    if (day.month, day.day) in YEAR_END and day.weekday() < 5:
        return "year_end"
    return "weekend" if day.weekday() >= 5 else "holiday"
