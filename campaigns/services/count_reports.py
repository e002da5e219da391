"""Count what the reports show: of a small installation when a page asks, of a big one by a job.

Everything is counted by month, so that a page adds up what its period and product ask for. At 1,000,000 people a
pass takes many seconds; figures are then an hour old at most and say of when they are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, text

from campaigns.parts import Parts
from campaigns.rules import reports, schedule
from campaigns.rules.reports import Period
from campaigns.services import kept
from campaigns.storage import (
    action_report,
    activity_report,
    cohort_report,
    funnel_report,
    interest_report,
    mail_report,
    products,
    scenario_report,
    send_time_report,
    sizes,
    whiff_report,
)

EVERY = timedelta(hours=1)
FORGOTTEN_DAYS = 60  # S1-07


@dataclass(frozen=True, slots=True)
class Span:
    """When a count is made, and in which zone its months are."""

    now: datetime
    zone: ZoneInfo

    @property
    def this(self) -> int:
        return schedule.month_of(self.now, self.zone)

    def instants(self, period: Period) -> tuple[datetime, datetime]:
        found = reports.months(period, this=self.this)
        return schedule.month_start(found.since, self.zone), schedule.month_start(found.until, self.zone)

    @property
    def everything(self) -> dict[str, Any]:
        since, until = self.instants(Period.ALL)
        return {"since": since, "until": until, "zone": str(self.zone)}


@dataclass(frozen=True, slots=True)
class Told:
    """rows: of the report's own kind. at: when they were counted, None for this moment. is_known: False while a big
    installation has not counted this month yet."""

    rows: Sequence[Any]
    at: datetime | None = None
    is_known: bool = True


@dataclass(frozen=True, slots=True)
class _Report:
    """row: what a kept one is read back as."""

    row: Callable[..., Any]
    count: Callable[[Connection, Span], Sequence[Any]]


@dataclass(frozen=True, slots=True)
class Forgotten:
    """People who may be written to, and of whom nobody has thought for so many days."""

    figures: Mapping[str, int]


def _events(tx: Connection, span: Span) -> list[Any]:
    every = cohort_report.count(tx, **span.everything)
    return [*every, *cohort_report.by_product(tx, every, _products(tx), **span.everything)]


def _funnel(tx: Connection, span: Span) -> list[Any]:
    every = funnel_report.count(tx, **span.everything)
    return [*every, *funnel_report.by_product(tx, every, _products(tx), **span.everything)]


def _products(tx: Connection) -> list[int]:
    return [product_id for product_id, _name in products.names(tx, only_active=False)]


def _forgotten(tx: Connection, span: Span) -> Sequence[Forgotten]:
    since, zone = span.everything["since"], str(span.zone)
    until = span.now - timedelta(days=FORGOTTEN_DAYS)
    return [Forgotten({"all": activity_report.forgotten(tx, since=since, until=until, zone=zone)})]


REPORTS: Mapping[str, _Report] = {
    "mails": _Report(mail_report.Mails, lambda tx, span: mail_report.count(tx, **span.everything)),
    "links": _Report(mail_report.Link, lambda tx, span: mail_report.links(tx, **span.everything)),
    "times": _Report(send_time_report.Hours, lambda tx, span: send_time_report.count(tx, **span.everything)),
    "scenarios": _Report(
        scenario_report.Enrolled, lambda tx, span: scenario_report.count(tx, **span.everything)
    ),
    "events": _Report(cohort_report.Cohort, _events),
    "funnel": _Report(funnel_report.Reached, _funnel),
    "interest": _Report(
        interest_report.Interest,
        lambda tx, span: interest_report.count(
            tx, [(period.value, *span.instants(period)) for period in Period], zone=str(span.zone)
        ),
    ),
    "entered": _Report(funnel_report.Entered, lambda tx, span: funnel_report.entered(tx, **span.everything)),
    "actions": _Report(action_report.Acted, lambda tx, span: action_report.count(tx, **span.everything)),
    "whiffs": _Report(whiff_report.Ended, lambda tx, span: whiff_report.count(tx, **span.everything)),
    "overview": _Report(
        activity_report.Happened,
        lambda tx, span: activity_report.count(
            tx, days=span.now.astimezone(span.zone).day, **span.everything
        ),
    ),
    "forgotten": _Report(Forgotten, _forgotten),
}


def read(parts: Parts, name: str, *, now: datetime) -> Told:
    """All months of a report, for a page."""
    with parts.engine.connect() as tx:
        if not sizes.is_big(tx):
            return Told(REPORTS[name].count(tx, _span(parts, now)))
    found = kept.read(parts, _name(name))
    if found is None or found.told["month"] != schedule.month_of(now, parts.settings.tz):
        return Told((), is_known=False)
    return Told([REPORTS[name].row(**one) for one in found.told["rows"]], found.at)


def is_big(parts: Parts) -> bool:
    with parts.engine.connect() as tx:
        return sizes.is_big(tx)


def run(parts: Parts, *, now: datetime, until: Callable[[], bool] = lambda: False) -> int:
    """Count anew what is old in a big installation; for a job of its own. How many reports were counted."""
    if not is_big(parts):
        return 0
    counted = 0
    for name in REPORTS:
        if until():
            break
        count = partial(_count, parts, name, now=now)
        counted += kept.renew(parts, _name(name), count, now=now, every=EVERY)
    return counted


def _count(parts: Parts, name: str, *, now: datetime) -> dict[str, Any]:
    span = _span(parts, now)
    with parts.engine.connect() as tx:
        # These passes hash millions of rows; with the usual memory of a statement they would go through files.
        tx.execute(text("set local work_mem = '128MB'"))
        rows = REPORTS[name].count(tx, span)
    return {"month": span.this, "rows": [asdict(row) for row in rows]}


def _span(parts: Parts, now: datetime) -> Span:
    return Span(now, parts.settings.tz)


def _name(name: str) -> str:
    return f"report:{name}"
