"""When a late task is told: to whoever has it, and a business day later to the manager. Source: issue "inside sales"."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from campaigns.rules.workdays import Calendar

# Business days late of a hot lead, who has asked; of others it is the house's own number.
HOT_DAYS = 1
DAYS_MOST = 20
MANAGER_AFTER = 1  # business days between the two


def late_before(today: date, calendar: Calendar, days: int, zone: ZoneInfo) -> datetime:
    """What was due before this instant is late by so many business days or more.

    Due on Friday it is late by one on Monday, whatever the hour: the day that was promised counts as a whole.
    """
    last = calendar.add_business_days(today, -days)
    return datetime.combine(last + timedelta(days=1), time(), tzinfo=zone)


def is_told_today(today: date, calendar: Calendar) -> bool:
    """Nobody is told on a day on which nobody works."""
    return calendar.is_business_day(today)
