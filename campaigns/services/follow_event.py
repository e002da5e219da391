"""Follow an event: nobody who talked with us is left without an owner or a next action, and then it is closed.

What is asked of many is done at once, by sets. Source: S0-01.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time

from sqlalchemy import Connection

from campaigns.parts import Parts
from campaigns.rules import events as rule
from campaigns.rules.tracking import LEADERS, Mode
from campaigns.services import assign, draft_catalogues, rerank, tell_staff
from campaigns.services.author import Gone
from campaigns.services.follow_rank import DUE_TIME
from campaigns.storage import (
    audit,
    closed_days,
    event_follow,
    event_mailings,
    event_people,
    events,
    task_lists,
    touchpoints,
    users,
)
from campaigns.storage import (
    draft_catalogues as drafted,
)
from campaigns.storage.events import Event
from campaigns.storage.touchpoints import NewTouch
from campaigns.storage.users import User

KINDS = ("call", "visit", "mail", "fax")
DUE_DAYS = 3  # business days: what was said at an event is soon forgotten
CAUSES = {"gaps": "event_gap", "no_show": "no_show"}
AT_ONCE = 1000
LAST_HOUR = time(23, 59)


class FollowError(ValueError):
    """code: nobody, kind_unknown, owner_unknown, not_yours, gaps (n), not_over, closed."""

    def __init__(self, code: str, n: int = 0) -> None:
        super().__init__(code)
        self.code = code
        self.n = n


@dataclass(frozen=True, slots=True)
class Done:
    """asked: people it was meant for; done: whom it reached (people; companies for owners). cautioned: of these, whom a
    call or a visit may drive away (rules.actions.caution)."""

    asked: int
    done: int
    cautioned: int = 0


def own(
    parts: Parts,
    event_id: int,
    person_ids: Sequence[int] | None,
    *,
    owner_id: int,
    by: User,
    now: datetime,
) -> Done:
    """Give the companies of these gaps to somebody; person_ids None: of all. Oneself, or whom a manager names.

    Raises Gone, FollowError.
    """
    with parts.engine.begin() as tx:
        event = _event(tx, event_id)
        owner = users.find(tx, owner_id)
        if owner is None or not owner.is_active:
            raise FollowError("owner_unknown")
        if owner_id != by.id and by.role not in LEADERS:
            raise FollowError("not_yours")
        people = _people(tx, event_id, "gaps", person_ids)
        companies = drafted.companies_of(tx, people)
        draft_catalogues.for_companies(tx, companies, now=now)
        mode = Mode.SELF if owner_id == by.id else Mode.MANAGER
        given = event_follow.own(tx, companies, user_id=owner_id, mode=mode.value, by=by.id, now=now)
        _note(tx, event_id, "owners", by.id, now, n=len(given), owner=owner_id)
        if given and owner_id != by.id:
            tell_staff.run(
                tx,
                "event_given",
                [owner_id],
                args={"event": event_id, "name": event.plan.name, "n": len(given), "by": by.name},
                key=str(given[0]),
                page=f"/events/{event_id}",
                base_url=parts.settings.base_url,
                now=now,
            )
    return Done(len(people), len(given))


def act(
    parts: Parts,
    event_id: int,
    show: str,
    person_ids: Sequence[int] | None,
    *,
    kind: str,
    user_id: int,
    now: datetime,
) -> Done:
    """A task each for people of a list (gaps, no_show), due within three business days; None: for all of it.

    Who has no number, or is not to be called, gets no call. Raises Gone, FollowError.
    """
    if kind not in KINDS:
        raise FollowError("kind_unknown")
    zone = parts.settings.tz
    today = now.astimezone(zone).date()
    with parts.engine.begin() as tx:
        _event(tx, event_id)
        people = _people(tx, event_id, show, person_ids)
        due_on = closed_days.load(tx).add_business_days(today, DUE_DAYS)
        made = event_follow.add_tasks(
            tx,
            event_id,
            people,
            kind=kind,
            cause=CAUSES[show],
            due_at=datetime.combine(due_on, DUE_TIME, tzinfo=zone),
            user_id=user_id,
            now=now,
        )
        assign.new(tx, made, today=today)
        _note(tx, event_id, "tasks", user_id, now, n=len(made), kind=kind)
        cautioned = task_lists.cautioned(tx, made)
    return Done(len(people), len(made), cautioned)


def came(parts: Parts, event_id: int, person_ids: Sequence[int], *, user_id: int, now: datetime) -> Done:
    """Write down that people came whose pass was not scanned; the same touch as a scan leaves. Raises Gone.

    It is often written down the days after: the touch lies on the event's last day at the latest.
    """
    chosen = sorted(set(person_ids))[:AT_ONCE]
    with parts.engine.begin() as tx:
        event = _event(tx, event_id)
        product_id = event_mailings.product_of(tx, event_id)
        at = _end(parts, event, now)
        met = set(event_people.ids(tx, event_id, "met", chosen=chosen))
        known = event_people.known(tx, [id for id in chosen if id not in met])
        touches = [
            NewTouch(
                source_key=f"check-in:{event_id}:{person_id}",
                person_id=person_id,
                kind=rule.scanned(event.plan.kind),
                at=at,
                product_id=product_id,
                event_id=event_id,
                actor_id=user_id,
            )
            for person_id in known
        ]
        touchpoints.put(tx, touches, now=now)
        rerank.for_people(tx, known, now=now, zone=parts.settings.tz, base_url=parts.settings.base_url)
        _note(tx, event_id, "came", user_id, now, n=len(known))
    return Done(len(chosen), len(known))


def close(parts: Parts, event_id: int, *, user_id: int, now: datetime) -> None:
    """Close an event that is over, once nobody is left without owner and next action. Raises Gone, FollowError."""
    with parts.engine.begin() as tx:
        event = _event(tx, event_id, lock=True)
        if event.closed_at is not None:
            return
        today = now.astimezone(parts.settings.tz).date()
        if event.plan.starts_on is not None and not rule.is_over(event.plan, today=today):
            raise FollowError("not_over")
        gaps = event_people.counts(tx, event_id, ["gaps"])["gaps"]
        if gaps:
            raise FollowError("gaps", gaps)
        events.set_closed(tx, event_id, at=now, user_id=user_id)
        _note(tx, event_id, "close", user_id, now)


def reopen(parts: Parts, event_id: int, *, user_id: int, now: datetime) -> None:
    """Open it again. Raises Gone."""
    with parts.engine.begin() as tx:
        if _event(tx, event_id, lock=True).closed_at is None:
            return
        events.set_closed(tx, event_id, at=None, user_id=user_id)
        _note(tx, event_id, "reopen", user_id, now)


def _end(parts: Parts, event: Event, now: datetime) -> datetime:
    """Now, or the end of its last day, if that is over."""
    day = event.plan.last_day
    return now if day is None else min(now, datetime.combine(day, LAST_HOUR, tzinfo=parts.settings.tz))


def _event(tx: Connection, event_id: int, *, lock: bool = False) -> Event:
    found = events.get(tx, event_id, lock=lock)
    if found is None:
        raise Gone
    return found


def _people(tx: Connection, event_id: int, show: str, person_ids: Sequence[int] | None) -> list[int]:
    """Those of the list among the chosen; who has left it meanwhile needs nothing any more."""
    found = event_people.ids(tx, event_id, show, chosen=person_ids)
    if not found:
        raise FollowError("nobody")
    return found


def _note(tx: Connection, event_id: int, action: str, user_id: int, now: datetime, **told: object) -> None:
    changes = {name: (None, value) for name, value in told.items()}
    audit.note(tx, noun="event", noun_id=event_id, action=action, user_id=user_id, now=now, changes=changes)


def members(parts: Parts) -> tuple[User, ...]:
    """Who may be named."""
    with parts.engine.connect() as tx:
        return tuple(user for user in users.every(tx) if user.is_active)
