"""Answer an invitation: by the personal link in its mail, or by staff who were told on the phone.

Looking at the link changes nothing, since scanners follow links; a press answers, and may be changed until the last
day. Seats are those of the event's form where it has one, else the event's own; the last one is given once. An
answer leaves a touch, and what it takes back counts for nothing any more. A seat that is given back goes to the first who
waits, with a mail. Source: S0-04.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from campaigns.parts import Parts
from campaigns.rules import events as rule
from campaigns.rules.events import Answer, Plan
from campaigns.rules.forms import Door
from campaigns.rules.subscriptions import mask
from campaigns.rules.touchpoints import Kind
from campaigns.services import answer_mails, form_mails, rerank, wake
from campaigns.services.author import Gone
from campaigns.storage import (
    audit,
    event_answers,
    event_mailings,
    events,
    next_actions,
    products,
    refusals,
    touchpoints,
)
from campaigns.storage.event_answers import Asked, Given
from campaigns.storage.events import Event
from campaigns.storage.next_actions import Alert
from campaigns.storage.products import Sender
from campaigns.storage.touchpoints import NewTouch
from tracking_pixel import BadToken
from tracking_pixel.tokens import TokenKind

WITHDRAWN = "answer_changed"


@dataclass(frozen=True, slots=True)
class Invitation:
    """What a link shows. masked: the mailbox that was written to. door: whether a yes is taken now. pass_url: of who
    has a seat. refused: why the press just now changed nothing: closed, full; else ''."""

    event_id: int
    event: Plan
    masked: str
    given: Given | None
    door: Door
    lang: str
    sender: Sender | None
    pass_url: str = ""
    refused: str = ""


class AnswerError(ValueError):
    """code: closed, full."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def look(parts: Parts, token: str, *, now: datetime) -> Invitation | None:
    """What the link is about; None for one that is not ours. Changes nothing."""
    with parts.engine.connect() as tx:
        asked = _asked(tx, parts, token)
        return None if asked is None else _shown(tx, parts, asked, now=now)


def run(parts: Parts, token: str, answer: Answer, *, now: datetime) -> Invitation | None:
    """Answer, or change the answer; the same once more changes nothing. None for a link that is not ours."""
    refused = ""
    with parts.engine.begin() as tx:
        asked = _asked(tx, parts, token)
        if asked is None:
            return None
        try:
            is_new = _give(tx, parts, asked, answer, user_id=None, now=now)
        except AnswerError as error:
            is_new, refused = False, error.code
        shown = _shown(tx, parts, asked, refused=refused, now=now)
        if is_new and shown is not None and answer is Answer.YES:
            answer_mails.confirm(tx, parts, asked, shown.event, shown.given, now=now)
    wake.ask(parts, "deliver")
    return shown


def by_staff(
    parts: Parts, event_id: int, person_id: int, answer: Answer, *, user_id: int, now: datetime
) -> None:
    """Write down what somebody said. Raises Gone, AnswerError."""
    with parts.engine.begin() as tx:
        if events.get(tx, event_id) is None or refusals.of_person(tx, person_id) is None:
            raise Gone
        product_id = event_mailings.product_of(tx, event_id)
        asked = Asked(event_id, person_id, product_id)
        _give(tx, parts, asked, answer, user_id=user_id, now=now)
        _note(tx, asked, answer.value, user_id=user_id, now=now)
    wake.ask(parts, "deliver")


def seat(parts: Parts, event_id: int, person_id: int, *, user_id: int, now: datetime) -> bool:
    """Give somebody who waits a seat, beyond the number where need be, and tell them; False when they do not wait."""
    with parts.engine.begin() as tx:
        event_answers.hold(tx, event_id)
        event = events.get(tx, event_id)
        given = event_answers.of_person(tx, event_id, person_id)
        if event is None:
            raise Gone
        if given is None or not given.is_waiting:
            return False
        asked = event_answers.invited(tx, event_id, person_id)
        _seat(tx, parts, event, person_id, asked, user_id=user_id, now=now)
    wake.ask(parts, "deliver")
    return True


def _seat(
    tx: Connection,
    parts: Parts,
    event: Event,
    person_id: int,
    asked: Asked | None,
    *,
    user_id: int | None,
    now: datetime,
) -> None:
    """Somebody who waited has a seat, and a mail about it where one reaches them."""
    _put(tx, event.id, person_id, Answer.YES, is_waiting=False, user_id=user_id, now=now)
    if asked is not None:
        seated = event_answers.of_person(tx, event.id, person_id)
        answer_mails.confirm(tx, parts, asked, event.plan, seated, has_waited=True, now=now)
    _note(tx, Asked(event.id, person_id), "seat", user_id=user_id, now=now)


def _asked(tx: Connection, parts: Parts, token: str) -> Asked | None:
    try:
        (delivery_id,) = parts.signer.read(token, TokenKind.RSVP).ids
    except (BadToken, ValueError):
        return None
    return event_answers.asked(tx, delivery_id)


def _shown(
    tx: Connection, parts: Parts, asked: Asked, *, refused: str = "", now: datetime
) -> Invitation | None:
    event = events.get(tx, asked.event_id)
    if event is None:
        return None
    given = event_answers.of_person(tx, asked.event_id, asked.person_id)
    is_seated = given is not None and given.answer == Answer.YES and not given.is_waiting
    return Invitation(
        event_id=event.id,
        event=event.plan,
        masked=mask(asked.email) if asked.email else "",
        given=given,
        door=_door(tx, parts, event, asked.person_id, now=now),
        lang=asked.lang,
        sender=products.sender_of(tx, asked.product_id),
        pass_url=form_mails.pass_url(parts, asked.person_id, event.id) if is_seated else "",
        refused=refused,
    )


def _door(tx: Connection, parts: Parts, event: Event, person_id: int, *, now: datetime) -> Door:
    return rule.door(
        event.plan,
        is_closed=event.closed_at is not None,
        capacity=event_answers.capacity(tx, event.id),
        taken=event_answers.seats(tx, event.id, but=person_id),
        today=now.astimezone(parts.settings.tz).date(),
    )


def _give(
    tx: Connection, parts: Parts, asked: Asked, answer: Answer, *, user_id: int | None, now: datetime
) -> bool:
    """Write the answer with its touch, and rank anew; False when it stands already. Raises AnswerError."""
    event_answers.hold(tx, asked.event_id)
    event = events.get(tx, asked.event_id)
    if event is None:
        raise Gone
    before = event_answers.of_person(tx, event.id, asked.person_id)
    if before is not None and before.answer == answer:
        return False
    door = _door(tx, parts, event, asked.person_id, now=now)
    if door is Door.CLOSED:
        raise AnswerError("closed")
    if answer is Answer.YES and door is Door.FULL:
        raise AnswerError("full")
    is_waiting = answer is Answer.YES and door is Door.WAITING
    _put(
        tx,
        event.id,
        asked.person_id,
        answer,
        is_waiting=is_waiting,
        delivery_id=asked.delivery_id,
        user_id=user_id,
        now=now,
    )
    touchpoints.put(tx, _touches(event, asked, answer, before, user_id=user_id, now=now), now=now)
    rerank.for_people(
        tx, [asked.person_id], now=now, zone=parts.settings.tz, base_url=parts.settings.base_url
    )
    if before is not None and before.answer == Answer.YES and not before.is_waiting:
        _pass_on(tx, parts, event, now=now)
    return True


def _pass_on(tx: Connection, parts: Parts, event: Event, *, now: datetime) -> None:
    """Seats that are free go to who has waited longest, as far as a mail tells them; else whoever is in charge decides.

    The event's row is held: nobody gets a seat twice, however many give theirs back at once.
    """
    capacity = event_answers.capacity(tx, event.id)
    while capacity is None or event_answers.seats(tx, event.id) < capacity:
        person_id = event_answers.first_waiting(tx, event.id)
        asked = event_answers.invited(tx, event.id, person_id) if person_id is not None else None
        if person_id is None or asked is None or not asked.has_mailbox:
            _tell_of_seat(tx, event, now=now)
            return
        _seat(tx, parts, event, person_id, asked, user_id=None, now=now)


def _put(
    tx: Connection,
    event_id: int,
    person_id: int,
    answer: Answer,
    *,
    is_waiting: bool,
    delivery_id: int | None = None,
    user_id: int | None,
    now: datetime,
) -> None:
    event_answers.put(
        tx,
        event_id,
        person_id,
        answer=answer.value,
        is_waiting=is_waiting,
        delivery_id=delivery_id,
        user_id=user_id,
        now=now,
    )


def _touches(
    event: Event, asked: Asked, answer: Answer, before: Given | None, *, user_id: int | None, now: datetime
) -> list[NewTouch]:
    """The touch of the answer, and the one it takes back."""

    def touch(of: Answer, at: datetime, *, stands: bool) -> NewTouch:
        kind = rule.touch_of(event.plan.kind, of)
        return NewTouch(
            source_key=f"rsvp:{event.id}:{asked.person_id}:{kind.value}",
            person_id=asked.person_id,
            kind=kind,
            at=at,
            product_id=asked.product_id,
            delivery_id=asked.delivery_id,
            # Of who only answers nobody says that we met: they belong to the event once they sign up.
            event_id=event.id if kind is Kind.SEMINAR_APPLY else None,
            title="" if kind is Kind.SEMINAR_APPLY else event.plan.name,
            validity=1.0 if stands else 0.0,
            validity_reason="" if stands else WITHDRAWN,
            actor_id=user_id,
        )

    found = [touch(answer, now, stands=True)]
    if before is not None:
        found.append(touch(Answer(before.answer), before.at, stands=False))
    return found


def _tell_of_seat(tx: Connection, event: Event, *, now: datetime) -> None:
    """A seat is free while others wait for one: whoever is in charge decides who gets it."""
    waiting = event_answers.waiting(tx, event.id)
    if waiting:
        args: dict[str, object] = {"event": event.id, "name": event.plan.name, "n": waiting}
        next_actions.add_alerts(
            tx, [Alert("seat_free", None, None, None, event.plan.owner_user_id, args)], now=now
        )


def _note(tx: Connection, asked: Asked, answer: str, *, user_id: int | None, now: datetime) -> None:
    changes: dict[str, tuple[object, object]] = {"event": (None, asked.event_id), "answer": (None, answer)}
    audit.note(
        tx,
        noun="person",
        noun_id=asked.person_id,
        action="rsvp",
        user_id=user_id,
        now=now,
        changes=changes,
    )
