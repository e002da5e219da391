"""Show a call: everything said and read, so that the first sentence on the phone is the right one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from campaigns.parts import Parts
from campaigns.rules import call_hours, interests
from campaigns.rules.call_hours import HourRate
from campaigns.rules.interests import Read
from campaigns.rules.outcomes import REACHED
from campaigns.rules.touchpoints import ANSWERS, KINDS, VIEWS, Group, Kind
from campaigns.rules.touchpoints import Touch as Counted
from campaigns.services import call_desk
from campaigns.services.call_desk import Line
from campaigns.storage import attempts as made
from campaigns.storage import companies, timeline
from campaigns.storage.attempts import Called, Draft, Today
from campaigns.storage.companies import Member
from campaigns.storage.timeline import Touch

READ = frozenset({*VIEWS, Kind.DOC_REQUEST, Kind.MAIL_CLICK})
SHOWN = range(9, 18)
WANTED_ROLES = ("決裁", "経理")
# Touches of these groups are a talk, an event or a form: a note with one is what the person said or wrote.
SPOKEN = frozenset({Group.TALK, Group.EVENT, Group.FORM})
WORDS_SHOWN, COLLEAGUES_SHOWN = 4, 5
CALLS_KNOWN = 50


@dataclass(frozen=True, slots=True)
class Note:
    """A note on the timeline. result: of the call it was written with, or "". is_theirs: the person's own words, so
    that a talk may begin with them; else a note of ours, which nobody should read out."""

    touch: Touch
    result: str
    is_theirs: bool


@dataclass(frozen=True, slots=True)
class Card:
    """One call on the desk. missing_roles: buying roles of which nobody at the company is known.

    words: the last notes; hint: the last of the person's own, or None. themes: what the person reads about most.
    more_colleagues: how many are known beside those shown. last_called: those that this user has called today, newest
    first. draft: what this user typed before taking the result back.
    """

    line: Line
    words: tuple[Note, ...]
    hint: Note | None
    reads: tuple[Touch, ...]
    themes: tuple[str, ...]
    colleagues: tuple[Member, ...]
    more_colleagues: int
    missing_roles: tuple[str, ...]
    hours: Hours
    last_called: tuple[Called, ...]
    today: Today
    draft: Draft | None


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
        members = companies.members(tx, call.company_id) if call.company_id else []
        attempts = made.attempts(tx, call.person_id, limit=CALLS_KNOWN)
        draft = made.draft(tx, task_id, user_id=user_id)
        hours = _hours(tx, parts, call.company_id, call.company_class)
        today = made.today(tx, user_id=user_id, day=day)
        called = made.called_today(tx, user_id=user_id, day=day, limit=2)
    roles = {member.buying_role for member in members}
    colleagues = [member for member in members if member.person_id != call.person_id]
    notes = _notes(touches, {one.at: one.result for one in attempts})
    return Card(
        line=line,
        words=tuple(notes[:WORDS_SHOWN]),
        hint=next((note for note in notes if note.is_theirs), None),
        reads=tuple(t for t in touches if t.kind in READ and t.validity > 0 and (t.title or t.mail))[:3],
        themes=_themes(touches, now=now),
        colleagues=tuple(colleagues[:COLLEAGUES_SHOWN]),
        more_colleagues=max(0, len(colleagues) - COLLEAGUES_SHOWN),
        missing_roles=tuple(role for role in WANTED_ROLES if role not in roles) if members else (),
        hours=hours,
        last_called=tuple(called),
        today=today,
        draft=draft,
    )


def _notes(touches: list[Touch], results: Mapping[datetime, str]) -> list[Note]:
    """What stands on the timeline in words, newest first. results: of the person's calls, by their instant."""
    notes = []
    for touch in touches:
        if touch.note and touch.validity > 0:
            result = results.get(touch.at, "") if touch.kind.startswith("call_") else ""
            notes.append(Note(touch, result, _is_theirs(touch.kind, result)))
    return notes


def _is_theirs(kind: str, result: str) -> bool:
    """A try in vain, our own fax or what sales wrote of a deal is nothing that the person said."""
    row = KINDS.get(Kind(kind)) if kind in KINDS else None
    if row is None:
        return False
    return result in REACHED or kind in ANSWERS or (row.is_sign and row.group in SPOKEN)


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
