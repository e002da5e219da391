"""Schedule: months, days and hours of mails, and how often somebody may get one.

Months are ints, year * 12 + (month - 1), of the installation's zone. Source: spec 3.1.
"""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from campaigns.rules.workdays import BusinessTable, Calendar, clamp_day

TOKYO = ZoneInfo("Asia/Tokyo")
# Minutes after midnight: 09:30-11:30 and 13:00-16:30.
WINDOWS: tuple[tuple[int, int], ...] = ((570, 690), (780, 990))
GAP_DAYS = 21
GAP_DAYS_MANY = 7
REP_DAYS = 7  # a mail that a rep wrote to a person keeps the next one of ours away for so long (3.1.2)
DECISION_LEAD = 3
# Counted mails without a human sign -> months between mails, and what such a rest is called.
FATIGUE: tuple[tuple[int, int, str], ...] = ((12, 6, "resting"), (6, 2, "tired"))
ASK_AFTER = 12  # counted mails without a human sign, then the person is asked whether to go on (3.1.12)


def month_of(instant: datetime, zone: ZoneInfo = TOKYO) -> int:
    """The month of an aware instant in a zone: 31 Jan 15:00 UTC is February in Tokyo."""
    if instant.tzinfo is None:
        raise ValueError("an instant needs its zone")
    local = instant.astimezone(zone)
    return local.year * 12 + local.month - 1


def month_of_day(day: date) -> int:
    return day.year * 12 + day.month - 1


def month_label(month: int) -> str:
    """2026-11."""
    return f"{month // 12:04d}-{month % 12 + 1:02d}"


def parse_month(label: str) -> int:
    """The month of a label "2026-11"."""
    return month_of_day(date.fromisoformat(f"{label}-01"))


def first_day(month: int) -> date:
    return date(month // 12, month % 12 + 1, 1)


def last_day(month: int) -> date:
    return first_day(month + 1) - timedelta(days=1)


def month_start(month: int, zone: ZoneInfo = TOKYO) -> datetime:
    """The month's first instant, UTC."""
    return datetime.combine(first_day(month), time(0), tzinfo=zone).astimezone(UTC)


def month_end(month: int, zone: ZoneInfo = TOKYO) -> datetime:
    """The first instant after the month, UTC."""
    return month_start(month + 1, zone)


def wanted_day(month: int, want_day: int, calendar: Calendar) -> date:
    """The step's wanted day in a month: clamped to its end, then modified following. Source: spec 3.1.8."""
    return calendar.modified_following(clamp_day(month // 12, month % 12 + 1, want_day))


def decision_day(wanted: date, calendar: Calendar) -> date:
    """The day, at 06:00, on which the month's mail is chosen: three business days before the wanted one."""
    return calendar.add_business_days(wanted, -DECISION_LEAD)


def gap_days(cap_max: int) -> int:
    """Days between two counted mails: 21, or 7 where an admin allowed more than one a month."""
    return GAP_DAYS if cap_max <= 1 else GAP_DAYS_MANY


def rhythm(preference: int, silent_mails: int) -> tuple[int, str]:
    """Months between two mails, and why: less_often (asked for; 2), tired or resting (by fatigue).

    silent_mails: counted mails since the last valid human sign. Source: spec 3.1.12, 3.4.
    """
    slow, why = next(((months, why) for mails, months, why in FATIGUE if silent_mails >= mails), (1, ""))
    return (slow, why) if slow > preference else (max(preference, 1), "less_often")


def _mix(key: int, day: int) -> int:
    """A well spread 64-bit number from two ints (splitmix64); the same on every host and run."""
    z = (key * 0x9E3779B97F4A7C15 + day * 0xBF58476D1CE4E5B9 + 0x94D049BB133111EB) & 0xFFFFFFFFFFFFFFFF
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & 0xFFFFFFFFFFFFFFFF
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & 0xFFFFFFFFFFFFFFFF
    return z ^ (z >> 31)


@lru_cache(maxsize=1024)
def _open_spans(
    day: int, zone: ZoneInfo, windows: tuple[tuple[int, int], ...]
) -> tuple[tuple[int, int], ...]:
    """A day's hours for mail as seconds since 1970; by the wall clock, so a clock change keeps its hours."""
    midnight = datetime.combine(date.fromordinal(day), time(0), tzinfo=zone)
    return tuple(
        (
            int((midnight + timedelta(minutes=start)).timestamp()),
            int((midnight + timedelta(minutes=end)).timestamp()),
        )
        for start, end in windows
    )


def send_second(
    day: int, *, key: int, zone: ZoneInfo, windows: tuple[tuple[int, int], ...] = WINDOWS, not_before: int = 0
) -> int:
    """Second since 1970 at which a day's (an ordinal) mail goes out, spread evenly over the windows by its key.

    not_before narrows the windows to what is left of them; when nothing is left, it is the answer itself.
    """
    spans = _open_spans(day, zone, windows or WINDOWS)
    if not_before >= spans[0][0]:
        spans = tuple((max(start, not_before + 1), end) for start, end in spans if end > not_before)
        if not spans:
            return not_before
    place = _mix(key, day) % sum(end - start for start, end in spans)
    for start, end in spans:
        if place < end - start:
            break
        place -= end - start
    return start + place


def send_at(
    day: date,
    *,
    key: int,
    zone: ZoneInfo = TOKYO,
    windows: tuple[tuple[int, int], ...] = WINDOWS,
    not_before: datetime | None = None,
) -> datetime:
    """The instant of `send_second`, aware, UTC."""
    floor = 0 if not_before is None else int(not_before.timestamp())
    second = send_second(day.toordinal(), key=key, zone=zone, windows=windows, not_before=floor)
    return datetime.fromtimestamp(second, UTC)


@dataclass(frozen=True, slots=True)
class MonthPlan:
    """One month as ordinals. wanted[d], decide[d]: the day to send and to decide for want_day d (1..31)."""

    month: int
    first: int
    last: int
    wanted: tuple[int, ...]
    decide: tuple[int, ...]
    table: BusinessTable = field(repr=False)


@lru_cache(maxsize=64)
def month_plan(month: int, calendar: Calendar) -> MonthPlan:
    """The month's ordinals and tables, made once."""
    first, last = first_day(month), last_day(month)
    days = [wanted_day(month, d, calendar) for d in range(1, 32)]
    return MonthPlan(
        month=month,
        first=first.toordinal(),
        last=last.toordinal(),
        wanted=(0, *(d.toordinal() for d in days)),
        decide=(0, *(decision_day(d, calendar).toordinal() for d in days)),
        table=calendar.table(first, last),
    )


def company_day(day: int, *, place: int, people: int, table: BusinessTable) -> int:
    """Day of the place-th (from 0) person of a company who gets the same mail.

    More than five people are spread over three business days, inside the month. Source: spec 3.1.11.
    """
    if people <= 5 or place % 3 == 0:
        return day
    later = day
    for _ in range(place % 3):
        after = table.next_open(later + 1) if later < table.last else 0
        later = after or later
    return later
