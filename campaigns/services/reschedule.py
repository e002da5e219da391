"""Reschedule: planned mails go on another day of their month, one or a whole group; and what a closed day moves.

The law they were planned by holds on the new day as well; who cannot move stays on the old one, and is counted by
reason. Source: spec 3.1; rules/rescheduling.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from sqlalchemy import Connection

from campaigns.parts import Parts
from campaigns.rules import planning, schedule
from campaigns.rules import rescheduling as rule
from campaigns.rules.rescheduling import Closed
from campaigns.rules.schedule import month_of_day
from campaigns.rules.workdays import Calendar
from campaigns.services.show_calendar import instants
from campaigns.storage import audit, closed_days
from campaigns.storage import rescheduling as stored
from campaigns.storage.rescheduling import Group, Movable

HURRIED_DAYS = 14  # decisions come three business days before a mail; the New Year's days lie within


@dataclass(frozen=True, slots=True)
class Moved:
    """n: mails that go on another day now. stayed: reason -> mails that could not. days: where they went."""

    n: int = 0
    stayed: Mapping[str, int] = field(default_factory=dict)
    days: Mapping[date, int] = field(default_factory=dict)


def move(
    parts: Parts,
    from_: date,
    to: date,
    *,
    ids: Sequence[int] | None = None,
    scenario_id: int | None = None,
    step_key: str = "",
    user_id: int | None,
    now: datetime,
) -> Moved | Closed:
    """Put planned mails of a day on another one: some by id, or all of a scenario's step."""
    begin, end = instants(from_, from_, parts.settings.tz)
    group = Group(begin, end, tuple(ids) if ids is not None else None, scenario_id, step_key)
    with parts.engine.begin() as tx:
        business = closed_days.load(tx)
        earliest = planning.first_day(now, zone=parts.settings.tz)
        refused = rule.day_refused(from_, to, earliest=earliest, calendar=business)
        if refused is not None:
            return refused
        done = _move(tx, parts, group, (to,), business=business, now=now)
        audit.note(
            tx,
            noun="calendar",
            noun_id=scenario_id,
            action="move",
            user_id=user_id,
            now=now,
            changes={
                "day": (from_, to),
                "mails": (None, done.n),
                "stayed": (None, sum(done.stayed.values())),
            },
        )
    return done


def close(parts: Parts, day: date, *, kind: str, note: str, user_id: int | None, now: datetime) -> Moved:
    """Write an own day. kind: closed or open. What is planned on a day that closes moves by the rule: to the next
    business day, or back where that leaves the month. Raises rescheduling.ClosedTooLong; then nothing is written."""
    zone = parts.settings.tz
    with parts.engine.begin() as tx:
        closed_days.put(tx, day, kind=kind, note=note, user_id=user_id, now=now)
        business = closed_days.load(tx)
        pause = business.pause_around(day)
        if kind == "closed" and pause > rule.PAUSE_MAX_DAYS:
            raise rule.ClosedTooLong(pause)
        changes: dict[str, tuple[object, object]] = {"day": (None, day), "note": (None, note)}
        done = Moved()
        if not business.is_business_day(day) and day >= now.astimezone(zone).date():
            done = _leave(tx, parts, day, business=business, now=now)
            changes["mails"] = (None, done.n)
        audit.note(tx, noun="calendar", noun_id=None, action=kind, user_id=user_id, now=now, changes=changes)
    return done


def reopen(parts: Parts, day: date, *, user_id: int | None, now: datetime) -> bool:
    """Forget an own day; mails stay where they are. False when there was none."""
    with parts.engine.begin() as tx:
        was = closed_days.remove(tx, day)
        if was is None:
            return False
        changes: dict[str, tuple[object, object]] = {"day": (day, None), "note": (was.note, None)}
        audit.note(
            tx, noun="calendar", noun_id=None, action="forget", user_id=user_id, now=now, changes=changes
        )
    return True


def _leave(tx: Connection, parts: Parts, day: date, *, business: Calendar, now: datetime) -> Moved:
    local = now.astimezone(parts.settings.tz)
    earliest = planning.first_day(now, zone=parts.settings.tz)
    after, before = business.modified_following(day), business.previous_business_day(day)
    days = [d for d in (after, before) if d >= earliest and d.month == day.month]
    begin, end = instants(day, day, parts.settings.tz)
    done = _move(tx, parts, Group(begin, end), days, business=business, now=now)
    # Decisions that counted on this day fall a business day earlier now.
    asked = [day - timedelta(days=n) for n in range(HURRIED_DAYS)]
    today = local.date()
    earlier = [
        (d, max(business.previous_business_day(d - timedelta(days=1)), today)) for d in asked if d > today
    ]
    stored.hurry_decisions(tx, earlier)
    return done


def _move(
    tx: Connection,
    parts: Parts,
    group: Group,
    days: Sequence[date],
    *,
    business: Calendar,
    now: datetime,
) -> Moved:
    """Each mail on the first of its days that the law allows; the same mail to one company spread over three."""
    zone = parts.settings.tz
    mails = stored.movable(tx, group, zone=parts.settings.zone)
    gap, today = schedule.gap_days(stored.cap_max(tx)), now.astimezone(zone).date()
    stayed: Counter[str] = Counter()
    places: dict[tuple[int | None, date], list[tuple[Movable, rule.Mail]]] = defaultdict(list)
    for mail in mails:
        asked = _asked(mail)
        to = rule.first_fit(asked, days, today=today, calendar=business, gap_days=gap)
        if to is not None:
            places[mail.company_id, to].append((mail, asked))
        else:
            why = days and rule.refused(asked, days[0], today=today, calendar=business, gap_days=gap)
            stayed[why or "no_day"] += 1
    rows: list[tuple[int, datetime]] = []
    went: Counter[date] = Counter()
    for (company, to), there in places.items():
        table = schedule.month_plan(month_of_day(to), business).table
        for place, (mail, asked) in enumerate(there):
            day = to
            if company is not None:
                ordinal = schedule.company_day(to.toordinal(), place=place, people=len(there), table=table)
                later = date.fromordinal(ordinal)
                if rule.refused(asked, later, today=today, calendar=business, gap_days=gap) is None:
                    day = later
            went[day] += 1
            windows = tuple((start, end) for start, end in mail.windows) or schedule.WINDOWS
            at = schedule.send_at(day, key=mail.person_id, zone=zone, windows=windows, not_before=now)
            rows.append((mail.id, at))
    stored.move(tx, rows, zone=parts.settings.zone)
    return Moved(len(rows), dict(stayed), dict(went))


def _asked(mail: Movable) -> rule.Mail:
    return rule.Mail(
        id=mail.id,
        day=mail.day,
        company_class=mail.company_class,
        is_courtesy=mail.klass == "courtesy",
        valid_until=mail.valid_until,
        before=mail.before,
        after=mail.after,
    )
