"""Show a report: its numbers for a period and a product, and the rows behind each of them."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, TypeVar

from campaigns.parts import Parts
from campaigns.rules import reports, schedule
from campaigns.rules.reports import Months, Period
from campaigns.services import count_reports
from campaigns.services.count_reports import FORGOTTEN_DAYS, Told
from campaigns.storage import (
    action_report,
    activity_report,
    cohort_report,
    funnel_report,
    interest_report,
    mail_report,
    report_rows,
    scenario_report,
    send_time_report,
    whiff_report,
)
from campaigns.storage.report_rows import Cell, Facts, Line

K = TypeVar("K", bound=Hashable)
# Dimensions that are numbers; the others are words.
NUMBERS = frozenset({"scenario", "content", "event", "weekday", "hour", "days"})
# An event is followed for two years and shown whole, and who is forgotten is so today: whatever the period.
TIMELESS = frozenset({"events", "forgotten"})


@dataclass(frozen=True, slots=True)
class Asked:
    """What a reader wants to see. product_id: 0 for all. month: that month alone, in the place of the period."""

    period: Period = Period.LAST_12
    product_id: int = 0
    month: int | None = None

    def months(self, *, this: int) -> Months:
        if self.month is not None:
            return Months(self.month, self.month + 1)
        return reports.months(self.period, this=this)


@dataclass(frozen=True, slots=True)
class Number:
    """Which number somebody pressed. dims: what it is of, by the names of the report's facts."""

    report: str
    measure: str
    asked: Asked
    dims: Mapping[str, str | int] = field(default_factory=dict)


def facts(report: str) -> Facts | None:
    """The facts of a report whose rows can be listed; None for a word that is none."""
    return _FACTS.get(report)


_FACTS: Mapping[str, Facts] = {
    "mails": mail_report.ROWS,
    "links": mail_report.LINKS,
    "times": send_time_report.ROWS,
    "scenarios": scenario_report.ROWS,
    "events": cohort_report.ROWS,
    "funnel": funnel_report.ROWS,
    "interest": interest_report.ROWS,
    "actions": action_report.ROWS,
    "whiffs": whiff_report.ROWS,
    "forgotten": activity_report.FORGOTTEN_ROWS,
    **{f"overview_{name}": rows for name, rows in activity_report.ROWS.items()},
}


def read(parts: Parts, name: str, asked: Asked, *, now: datetime) -> Told:
    """The counted rows of a report that fall into the period and are about the product."""
    told = count_reports.read(parts, name, now=now)
    span = asked.months(this=schedule.month_of(now, parts.settings.tz))
    return replace(told, rows=[row for row in told.rows if _is_asked(row, asked, span)])


def _is_asked(row: Any, asked: Asked, span: Months) -> bool:
    if isinstance(row, cohort_report.Cohort):
        return row.product_id == asked.product_id
    if isinstance(row, interest_report.Interest):
        return row.product_id == asked.product_id and row.period == asked.period
    if isinstance(row, funnel_report.Reached | funnel_report.Entered):
        return row.product_id == asked.product_id and span.holds(row.month)
    if isinstance(row, count_reports.Forgotten):
        return True
    return span.holds(row.month) and asked.product_id in (0, row.product_id)


def add_up(rows: Iterable[Any], key: Callable[[Any], K]) -> dict[K, Counter[str]]:
    """Figures added up by a key of their rows."""
    found: dict[K, Counter[str]] = defaultdict(Counter)
    for row in rows:
        found[key(row)].update(row.figures)
    return dict(found)


def lines(
    parts: Parts, number: Number, *, now: datetime, limit: int, offset: int
) -> tuple[list[Line], int | None]:
    """One page of the rows behind a number, and how many there are; None in a big installation, where the number
    itself was counted."""
    found, cell, zone = _FACTS[number.report], _cell(parts, number, now=now), str(parts.settings.tz)
    with parts.engine.connect() as tx:
        page = report_rows.page(tx, found, cell, zone=zone, limit=limit, offset=offset)
        if count_reports.is_big(parts):
            return page, None
        return page, report_rows.total(tx, found, cell, zone=zone)


def every(parts: Parts, tx: Any, number: Number, *, now: datetime, most: int) -> list[Line]:
    """The rows behind a number for a file, the newest `most`."""
    cell = _cell(parts, number, now=now)
    return report_rows.page(
        tx, _FACTS[number.report], cell, zone=str(parts.settings.tz), limit=most, offset=0
    )


def _cell(parts: Parts, number: Number, *, now: datetime) -> Cell:
    zone = parts.settings.tz
    asked = number.asked if number.report not in TIMELESS else Asked(Period.ALL)
    span = asked.months(this=schedule.month_of(now, zone))
    since, until = schedule.month_start(span.since, zone), schedule.month_start(span.until, zone)
    if number.report == "forgotten":
        until = now - timedelta(days=FORGOTTEN_DAYS)
    return Cell(number.report, number.measure, since, until, number.asked.product_id, number.dims)
