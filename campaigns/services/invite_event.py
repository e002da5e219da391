"""Invite to an event, and thank those who came: broadcasts that are drafted here and sent like every other.

An invitation is a counted mail under the one law of the month; its row invites, so that it is not sent after the
event, and its links bring the answers. A thank-you mail is the month's courtesy mail, one an event and product:
pressed twice it is found again, and who has been thanked for the event already is left out. Source: S0-04, S0-01.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from sqlalchemy import Connection

from campaigns.parts import Parts
from campaigns.rules import planning, recurring
from campaigns.rules.audience import EVERYBODY, Audience
from campaigns.rules.broadcasts import Plan
from campaigns.rules.events import Plan as EventPlan
from campaigns.rules.scenarios import CLASSES, DEFAULT_CLASSES
from campaigns.rules.schedule import month_of
from campaigns.rules.workdays import Calendar
from campaigns.services import author, event_lines
from campaigns.services.author import Gone
from campaigns.storage import (
    audit,
    broadcasts,
    closed_days,
    contents,
    enrollments,
    event_mailings,
    events,
    reach,
    scenarios,
)
from campaigns.storage.events import Event

INVITE, THANK = "event_invite", "exhibition_thanks"
INVITE_DAYS = 21
# What the shipped texts leave open, and an event knows.
NAME, DAY, VENUE, UNTIL, FAIR = (
    "【記入：催しの名前】", "【記入：開催日】", "【記入：会場】", "【記入：回答の締切】", "【記入：展示会の名前】",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Wanted:
    """Whom to invite. met_event_id: people met there, None for all. content_id: the mail that is copied, None for the
    shipped one. days: the invitation goes so many days before."""

    product_id: int
    classes: tuple[str, ...] = DEFAULT_CLASSES
    audience: Audience = EVERYBODY
    met_event_id: int | None = None
    content_id: int | None = None
    days: int = INVITE_DAYS


class InviteError(ValueError):
    """code: product_missing, too_late, nobody_met."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def run(parts: Parts, event_id: int, product_id: int, *, user_id: int | None, now: datetime) -> int:
    """Draft an invitation; the broadcast's id. Raises Gone, InviteError."""
    with parts.engine.begin() as tx:
        event = _event(tx, event_id)
        if product_id not in dict(scenarios.choices(tx)[0]):
            raise InviteError("product_missing")
        return draft(tx, parts, event, Wanted(product_id), user_id=user_id, now=now)


def draft(
    tx: Connection, parts: Parts, event: Event, wanted: Wanted, *, user_id: int | None, now: datetime
) -> int:
    """An invitation to an event as a broadcast's draft, with a mail of its own. Raises InviteError."""
    calendar, plan = closed_days.load(tx), event.plan
    earliest = planning.first_day(now, zone=parts.settings.tz)
    send_on = None
    if plan.answer_by is not None:
        send_on = recurring.invite_on(
            plan.answer_by + timedelta(days=1), wanted.days, earliest=earliest, calendar=calendar
        )
        if send_on is None:
            raise InviteError("too_late")
    told = Plan(
        name=f"{plan.name} ご案内",
        product_id=wanted.product_id,
        theme=plan.name,
        classes=wanted.classes,
        event_id=wanted.met_event_id,
        invites_to=event.id,
        audience=wanted.audience,
        content_id=_mail(tx, parts, event.plan, wanted, user_id=user_id, now=now),
        send_on=send_on or calendar.next_business_day(earliest),
        valid_until=plan.answer_by,
    )
    return _broadcast(tx, told, event.id, "invitation", user_id=user_id, now=now)


def thank(parts: Parts, event_id: int, product_id: int, *, user_id: int | None, now: datetime) -> int:
    """Draft the thank-you mail of an event and product, or find it; the broadcast's id. Raises Gone, InviteError."""
    with parts.engine.begin() as tx:
        event = _event(tx, event_id, lock=True)
        found = event_mailings.thanks(tx, event_id, product_id)
        if found is not None:
            return found
        if product_id not in {id for id, _name, _n in event_mailings.products_met(tx, event_id)}:
            raise InviteError("nobody_met")
        earliest = planning.first_day(now, zone=parts.settings.tz)
        told = Plan(
            name=f"{event.plan.name} お礼",
            product_id=product_id,
            theme=event.plan.name,
            classes=tuple(CLASSES),
            event_id=event_id,
            content_id=_starter(
                tx, parts, THANK, event.plan, product_id=product_id, user_id=user_id, now=now
            ),
            send_on=_thank_on(event.plan, earliest, closed_days.load(tx)),
        )
        return _broadcast(tx, told, event_id, "thanks", user_id=user_id, now=now)


def thank_late(parts: Parts, scenario_id: int, *, user_id: int | None, now: datetime) -> int:
    """Take those into a thank-you mail that runs who were entered after it began; how many. Raises Gone."""
    with parts.engine.begin() as tx:
        found = broadcasts.get(tx, scenario_id, lock=True)
        event_id = event_mailings.thanks_for(tx, scenario_id)
        if found is None or event_id is None or found.plan.product_id is None:
            raise Gone
        people = event_mailings.late(tx, scenario_id, event_id=event_id, product_id=found.plan.product_id)
        zone = parts.settings.tz
        today, month = now.astimezone(zone).date(), month_of(now, zone)
        new = enrollments.enrol(tx, now=now, today=today, month=month, scenario=scenario_id, people=people)
        left_out = event_mailings.leave_out_thanked(tx, scenario_id, event_id=event_id, now=now)
        joined = sorted(set(new) - set(left_out))
        enrollments.pace(tx, joined, today=today)
        changes: dict[str, tuple[object, object]] = {"people": (None, len(joined))}
        audit.note(
            tx,
            noun="broadcast",
            noun_id=scenario_id,
            action="thank_late",
            user_id=user_id,
            now=now,
            changes=changes,
        )
    return len(joined)


def _event(tx: Connection, event_id: int, *, lock: bool = False) -> Event:
    found = events.get(tx, event_id, lock=lock)
    if found is None:
        raise Gone
    return found


def _thank_on(event: EventPlan, earliest: date, calendar: Calendar) -> date:
    """The first business day after the event, or the first on which mail can go."""
    after = event.last_day + timedelta(days=1) if event.last_day else earliest
    return calendar.next_business_day(max(after, earliest))


def _broadcast(
    tx: Connection, plan: Plan, event_id: int, purpose: str, *, user_id: int | None, now: datetime
) -> int:
    tone = contents.get(tx, plan.content_id or 0)
    plan = replace(plan, content_tone=tone.tone if tone else plan.content_tone)
    id = broadcasts.create(tx, plan, user_id=user_id, now=now)
    audit.note(tx, noun="broadcast", noun_id=id, action="create", user_id=user_id, now=now)
    event_mailings.add(tx, id, event_id=event_id, product_id=plan.product_id or 0, purpose=purpose)
    head = scenarios.get(tx, id)
    assert head is not None
    people = reach.everybody(tx, head)
    broadcasts.set_counts(tx, id, people=people, everybody=broadcasts.everybody(tx))
    return id


def _mail(
    tx: Connection, parts: Parts, event: EventPlan, wanted: Wanted, *, user_id: int | None, now: datetime
) -> int:
    """A mail of its own for each event: nobody gets the same content twice."""
    if wanted.content_id is None:
        return _starter(tx, parts, INVITE, event, product_id=wanted.product_id, user_id=user_id, now=now)
    content_id = author.copy(tx, wanted.content_id, user_id=user_id, now=now)
    _fill(tx, content_id, event)
    return content_id


def _starter(
    tx: Connection,
    parts: Parts,
    starter: str,
    event: EventPlan,
    *,
    product_id: int,
    user_id: int | None,
    now: datetime,
) -> int:
    content_id = author.add_starter(
        tx, starter, product_id=product_id, user_id=user_id, now=now, base_url=parts.settings.base_url
    )
    _fill(tx, content_id, event)
    return content_id


def _fill(tx: Connection, content_id: int, event: EventPlan) -> None:
    """Put what the event knows into the mail's open places, and its name into the title."""
    head = contents.get(tx, content_id)
    if head is not None:
        title = f"{head.title.removesuffix(' (2)')}（{event.name}）"
        contents.save(tx, content_id, version=head.version, title=title)
    for variant in contents.variants(tx, content_id):
        words = {name: getattr(variant, name) for name in author.WORDS}
        filled = {name: _filled(text, event, variant.lang) for name, text in words.items()}
        if filled != words:
            contents.save_variant(tx, variant.id, version=variant.version, words=filled)


def _filled(text: str, event: EventPlan, lang: str) -> str:
    known: Mapping[str, str] = {
        NAME: event.name,
        FAIR: event.name,
        DAY: event_lines.days(event, lang),
        VENUE: event.venue,
        UNTIL: event_lines.day(event.answer_by, lang) if event.answer_by else "",
    }
    for mark, said in known.items():
        if said:
            text = text.replace(mark, said)
    return text
