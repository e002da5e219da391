"""Show a call: everything said and read, so that the first sentence on the phone is the right one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from campaigns.parts import Parts
from campaigns.rules import call_hours, interests
from campaigns.rules.call_hours import HourRate
from campaigns.rules.interests import Read
from campaigns.rules.touchpoints import VIEWS, Kind
from campaigns.rules.touchpoints import Touch as Counted
from campaigns.services import call_desk
from campaigns.services.call_desk import Line
from campaigns.storage import attempts as made
from campaigns.storage import companies, timeline
from campaigns.storage.attempts import Attempt, Called, Today
from campaigns.storage.companies import Member
from campaigns.storage.timeline import Touch

READ = frozenset({*VIEWS, Kind.DOC_REQUEST, Kind.MAIL_CLICK})
SHOWN = range(9, 18)
WANTED_ROLES = ("決裁", "経理")


@dataclass(frozen=True, slots=True)
class Card:
    """One call on the desk. missing_roles: buying roles of which nobody at the company is known.

    themes: what the person reads about most. last_called: those that this user has called today, newest first.
    """

    line: Line
    words: tuple[Touch, ...]
    reads: tuple[Touch, ...]
    themes: tuple[str, ...]
    colleagues: tuple[Member, ...]
    missing_roles: tuple[str, ...]
    attempts: tuple[Attempt, ...]
    hours: Hours
    last_called: tuple[Called, ...]
    today: Today


@dataclass(frozen=True, slots=True)
class Hours:
    """When the phone is answered. of: company, class or all, whichever has enough calls; best: its best hour, or None.

    bars: of the hours in which calls are made.
    """

    of: str
    best: HourRate | None
    bars: tuple[HourRate, ...]


def run(parts: Parts, task_id: int, *, now: datetime, user_id: int | None) -> Card | None:
    """The card of an open call; None when it is open no more, or its result waits for its effects."""
    line = call_desk.one(parts, task_id)
    if line is None:
        return None
    call, day = line.call, call_desk.start_of_day(parts, now)
    with parts.engine.connect() as tx:
        if made.is_waiting(tx, task_id):
            return None
        touches = timeline.touches(tx, call.person_id)
        members = companies.members(tx, call.company_id, limit=12) if call.company_id else []
        attempts = made.attempts(tx, call.person_id, limit=4)
        hours = _hours(tx, parts, call.company_id, call.company_class)
        today = made.today(tx, user_id=user_id, day=day)
        called = made.called_today(tx, user_id=user_id, day=day, limit=2)
    roles = {member.buying_role for member in members}
    return Card(
        line=line,
        words=tuple(touch for touch in touches if touch.note and touch.validity > 0)[:3],
        reads=tuple(t for t in touches if t.kind in READ and t.validity > 0 and (t.title or t.mail))[:3],
        themes=_themes(touches, now=now),
        colleagues=tuple(member for member in members if member.person_id != call.person_id)[:3],
        missing_roles=tuple(role for role in WANTED_ROLES if role not in roles) if members else (),
        attempts=tuple(attempts),
        hours=hours,
        last_called=tuple(called),
        today=today,
    )


def _hours(tx: Connection, parts: Parts, company_id: int | None, company_class: str) -> Hours:
    """The company's own rates, else those of its class, else all."""
    looked: tuple[tuple[str, list[HourRate]], ...] = (
        ("company", made.hours_of_company(tx, company_id, zone=parts.settings.zone) if company_id else []),
        ("class", made.hours_of_class(tx, company_class)),
        ("all", made.hours(tx)),
    )
    of, found = next((one for one in looked if call_hours.best(one[1]) is not None), looked[-1])
    by_hour = {rate.hour: rate for rate in found}
    bars = tuple(by_hour.get(hour, HourRate(hour, 0, 0)) for hour in SHOWN)
    return Hours(of, call_hours.best(found), bars)


def _themes(touches: list[Touch], *, now: datetime) -> tuple[str, ...]:
    known = {kind.value: kind for kind in Kind}
    reads = (
        Read(Counted(kind=known[t.kind], at=t.at, validity=t.validity, active_s=t.active_s, id=t.id), t.tags)
        for t in touches
        if t.kind in known and t.tags
    )
    return tuple(one.tag for one in interests.profile(reads, now=now))
