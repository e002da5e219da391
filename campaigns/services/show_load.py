"""Show what each of sales has to do, did, and can do a day. Source: S1-20."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from campaigns.parts import Parts
from campaigns.rules import reports, schedule
from campaigns.services.show_report import Asked
from campaigns.storage import closed_days, workload


@dataclass(frozen=True, slots=True)
class Load:
    """open, late: now. done: in the period; calls_a_day: a business day of it until today. away_until: the first day
    back, None for who is there. per_day: what they can do a day."""

    id: int
    name: str
    role: str
    open: int
    late: int
    done: int
    calls_a_day: float
    per_day: int
    away_until: date | None

    @property
    def days_of_work(self) -> float | None:
        """How many of their days the open tasks take; None for who is given none."""
        return self.open / self.per_day if self.per_day else None


def run(parts: Parts, asked: Asked, *, now: datetime) -> Sequence[Load]:
    """Everybody of sales, the fullest first."""
    zone = parts.settings.tz
    today = now.astimezone(zone).date()
    span = asked.months(this=schedule.month_of(now, zone))
    first = max(span.since, reports.MONTH_FIRST)
    since, until = schedule.month_start(first, zone), min(schedule.month_start(span.until, zone), now)
    with parts.engine.connect() as tx:
        calendar = closed_days.load(tx)
        midnight = datetime.combine(today, time(), tzinfo=zone)
        people = workload.every(tx, today=midnight, since=since, until=until)
        calls, began = workload.calls(tx, since=since, until=until)
    begun = max(since, began or until).astimezone(zone).date()
    days = (begun + timedelta(days=n) for n in range((until.astimezone(zone).date() - begun).days + 1))
    worked = max(1, sum(1 for day in days if calendar.is_business_day(day)))
    found = [
        Load(
            id=one.id,
            name=one.name,
            role=one.role,
            open=one.open,
            late=one.late,
            done=one.done,
            calls_a_day=calls.get(one.id, 0) / worked,
            per_day=one.per_day,
            away_until=one.away_until if one.away_until and one.away_until > today else None,
        )
        for one in people
    ]
    return sorted(found, key=lambda one: (-(one.days_of_work or 0), one.name, one.id))
