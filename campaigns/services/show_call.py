"""Show a call: everything said and read, so that the first sentence on the phone is the right one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from campaigns.parts import Parts
from campaigns.rules import interests
from campaigns.rules.interests import Read
from campaigns.rules.touchpoints import VIEWS, Kind
from campaigns.rules.touchpoints import Touch as Counted
from campaigns.services import call_desk
from campaigns.services.call_desk import Line
from campaigns.storage import attempts as made
from campaigns.storage import companies, tasks, timeline
from campaigns.storage.attempts import Attempt, HourRate, Today
from campaigns.storage.companies import Member
from campaigns.storage.tasks import Task
from campaigns.storage.timeline import Touch

READ = frozenset({*VIEWS, Kind.DOC_REQUEST, Kind.MAIL_CLICK})
# With fewer calls an hour's rate is an accident.
CALLS_FOR_A_RATE = 5
WANTED_ROLES = ("決裁", "経理")


@dataclass(frozen=True, slots=True)
class Card:
    """One call on the desk. best_hour: when the phone is answered most often, or None.

    missing_roles: buying roles of which nobody at the company is known. themes: what the person reads about most.
    """

    line: Line
    words: tuple[Touch, ...]
    reads: tuple[Touch, ...]
    themes: tuple[str, ...]
    colleagues: tuple[Member, ...]
    missing_roles: tuple[str, ...]
    attempts: tuple[Attempt, ...]
    best_hour: HourRate | None
    done: tuple[Task, ...]
    today: Today


def run(parts: Parts, task_id: int, *, now: datetime, user_id: int | None) -> Card | None:
    """The card of an open call; None when it is open no more."""
    line = call_desk.one(parts, task_id, now=now, user_id=user_id)
    if line is None:
        return None
    call, day = line.call, call_desk.start_of_day(parts, now)
    with parts.engine.connect() as tx:
        touches = timeline.touches(tx, call.person_id)
        members = companies.members(tx, call.company_id, limit=12) if call.company_id else []
        attempts = made.attempts(tx, call.person_id, limit=4)
        rates = made.hour_rates(tx, zone=parts.settings.zone)
        today = made.today(tx, user_id=user_id, day=day)
        done = tasks.done_today(tx, kind="call", user_id=user_id, day=day, limit=2)
    roles = {member.buying_role for member in members}
    return Card(
        line=line,
        words=tuple(touch for touch in touches if touch.note and touch.validity > 0)[:3],
        reads=tuple(t for t in touches if t.kind in READ and t.validity > 0 and (t.title or t.mail))[:3],
        themes=_themes(touches, now=now),
        colleagues=tuple(member for member in members if member.person_id != call.person_id)[:3],
        missing_roles=tuple(role for role in WANTED_ROLES if role not in roles) if members else (),
        attempts=tuple(attempts),
        best_hour=best_hour(rates),
        done=tuple(done),
        today=today,
    )


def _themes(touches: list[Touch], *, now: datetime) -> tuple[str, ...]:
    known = {kind.value: kind for kind in Kind}
    reads = (
        Read(Counted(kind=known[t.kind], at=t.at, validity=t.validity, active_s=t.active_s, id=t.id), t.tags)
        for t in touches
        if t.kind in known and t.tags
    )
    return tuple(one.tag for one in interests.profile(reads, now=now))


def best_hour(rates: list[HourRate]) -> HourRate | None:
    """The hour with the best rate of answered calls, among those with enough calls. Source: S1-06."""
    enough = [rate for rate in rates if rate.calls >= CALLS_FOR_A_RATE and rate.connected]
    return max(enough, key=lambda rate: (rate.connected / rate.calls, rate.calls), default=None)
