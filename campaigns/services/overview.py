"""Overview: what the home page and every page's frame show."""

from __future__ import annotations

import threading
import time as real_time
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from redis.exceptions import RedisError

from campaigns.parts import Parts
from campaigns.rules import schedule
from campaigns.rules.workdays import Calendar
from campaigns.services import count_home, refuse
from campaigns.storage import alerts as stored_alerts
from campaigns.storage import closed_days, reports
from campaigns.storage.alerts import Request
from campaigns.storage.reports import Alert, AwaitingReply, Slots, Task, Tiles, Waiting

OVERDUE = timedelta(minutes=10)
# A page must not wait a second for an absent Redis each time: what was found is believed for a moment.
PING_KEPT_S = 5.0
TODAY_ON_HOME = 6
REQUESTS_SHOWN = 5

_ping_lock = threading.Lock()
_pings: dict[int, tuple[float, bool]] = {}


@dataclass(frozen=True, slots=True)
class Home:
    """All of the home page. counted_at: when tiles and slots were counted, None for this moment; is_counted: False
    while a big installation has not counted them yet. own_tasks: the reader's; free_tasks: nobody's; overdue_tasks:
    of both."""

    month: int
    today: date
    business_days_left: int
    tiles: Tiles
    slots: tuple[Slots, ...]
    counted_at: datetime | None
    is_counted: bool
    tasks: tuple[Task, ...]
    own_tasks: int
    free_tasks: int
    overdue_tasks: int
    alerts: tuple[Alert, ...]
    awaiting: tuple[AwaitingReply, ...]

    @property
    def slot_total(self) -> int:
        return sum(slot.n for slot in self.slots)


@dataclass(frozen=True, slots=True)
class Problem:
    """A part that fails or rests. code: paused, mail_waits, redis_away, spooled."""

    code: str
    n: int = 0
    since: datetime | None = None
    text: str = ""


def waiting(parts: Parts, *, user_id: int, owner_id: int | None = None, now: datetime) -> Waiting:
    """Counts for the menu and the bell. owner_id: whose yes is waited for, None for anybody's."""
    tomorrow = _tomorrow(now, parts.settings.tz)
    with parts.engine.connect() as tx:
        return reports.waiting(tx, user_id=user_id, owner_id=owner_id, now=now, tomorrow=tomorrow)


def requests(parts: Parts, *, user_id: int) -> tuple[Request, ...]:
    """Broadcasts that wait for this user's yes."""
    with parts.engine.connect() as tx:
        return stored_alerts.requests(tx, user_id=user_id, limit=REQUESTS_SHOWN)


def home(parts: Parts, *, user_id: int, now: datetime) -> Home:
    """The six processes, today's work, the month's slots, what has come up."""
    zone = parts.settings.tz
    month, day = schedule.month_of(now, zone), now.astimezone(zone).date()
    tomorrow = _tomorrow(now, zone)
    counted = count_home.read(parts, now=now)
    with parts.engine.connect() as tx:
        tasks = reports.today(tx, user_id=user_id, now=now, tomorrow=tomorrow, limit=200)
        due = reports.waiting(tx, user_id=user_id, owner_id=None, now=now, tomorrow=tomorrow)
        return Home(
            month=month,
            today=day,
            business_days_left=_business_days_left(day, closed_days.load(tx)),
            tiles=counted.tiles,
            slots=counted.slots,
            counted_at=counted.at,
            is_counted=counted.is_known,
            tasks=tuple(tasks[:TODAY_ON_HOME]),
            own_tasks=due.mine,
            free_tasks=due.free,
            overdue_tasks=sum(1 for task in tasks if _is_late(task, day, zone)),
            alerts=tuple(reports.alerts(tx, user_id=user_id, only_unseen=True, limit=3)),
            awaiting=tuple(reports.awaiting_reply(tx, limit=3)),
        )


def alerts(parts: Parts, *, user_id: int) -> list[Alert]:
    with parts.engine.connect() as tx:
        return reports.alerts(tx, user_id=user_id, only_unseen=False, limit=100)


def see_alerts(parts: Parts, *, user_id: int, up_to: int, now: datetime) -> int:
    with parts.engine.begin() as tx:
        return reports.see_alerts(tx, user_id=user_id, up_to=up_to, now=now)


def health(parts: Parts, *, now: datetime) -> tuple[Problem, ...]:
    """What fails or rests right now, worst first; empty when all is well."""
    found = []
    with parts.engine.connect() as tx:
        late = reports.overdue(tx, before=now - OVERDUE)
    if late.is_paused:
        found.append(Problem("paused", text=late.paused_reason))
    elif late.n:
        found.append(Problem("mail_waits", n=late.n, since=late.since))
    if not _redis_answers(parts):
        found.append(Problem("redis_away"))
    spooled = refuse.spooled(parts)
    if spooled:
        found.append(Problem("spooled", n=spooled))
    return tuple(found)


def _redis_answers(parts: Parts) -> bool:
    key, at = id(parts), real_time.monotonic()
    kept = _pings.get(key)
    if kept and at - kept[0] < PING_KEPT_S:
        return kept[1]
    if not _ping_lock.acquire(blocking=False):
        return kept[1] if kept else True
    try:
        answers = bool(parts.redis.ping())
    except RedisError:
        answers = False
    finally:
        _ping_lock.release()
    _pings.clear()
    _pings[key] = (at, answers)
    return answers


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(0), tzinfo=zone).astimezone(UTC)


def _tomorrow(now: datetime, zone: ZoneInfo) -> datetime:
    return _midnight(now.astimezone(zone).date() + timedelta(days=1), zone)


def _business_days_left(day: date, calendar: Calendar) -> int:
    """Business days of the month after today."""
    last = schedule.last_day(day.year * 12 + day.month - 1)
    return sum(
        1 for n in range(1, (last - day).days + 1) if calendar.is_business_day(day + timedelta(days=n))
    )


def _is_late(task: Task, day: date, zone: ZoneInfo) -> bool:
    return task.due_at.astimezone(zone).date() < day
