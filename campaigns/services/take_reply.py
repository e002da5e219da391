"""Take in what a person wrote to us: an answer to a mail, or a mail to its unsubscribe address.

An answer is a touch, reaches the owner's mailbox and leaves a task; one that says stop stops everything. A
mail to unsubscribe+TOKEN@ says by its address alone what it wants. Source: spec 3.4; RFC 8058; spec 45 U11.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from campaigns.parts import Parts
from campaigns.rules.subscriptions import parse_reply
from campaigns.rules.touchpoints import Kind
from campaigns.services import post, refuse, rerank, take_bounce
from campaigns.services.arrival import SUBJECT_MAX, TEXT_MAX, Arrival, clean, keep
from campaigns.storage import inbound as store
from campaigns.storage import next_actions, returned, touchpoints
from campaigns.storage.inbound import Answered
from campaigns.storage.next_actions import Alert
from campaigns.storage.touchpoints import NewTouch

EVIDENCE_MAX = 1000


def stop(parts: Parts, mail: Arrival, answered: Answered, *, now: datetime) -> str:
    """Unsubscribe from the mail's product, whatever subject and text say. The refusal binds before its row."""
    if answered.address_id is None:
        return keep(parts, mail, answered, "ignored", now=now)
    refuse.record(
        parts,
        delivery_id=answered.delivery_id,
        scope="product",
        reason="mailto",
        evidence=clean(mail.parsed.subject)[:SUBJECT_MAX],
        now=now,
    )
    return keep(parts, mail, answered, "unsubscribed", now=now)


def reply(parts: Parts, mail: Arrival, answered: Answered, *, now: datetime) -> str:
    """A person answered. A refusal binds before the row is written: after a crash it is only bound again."""
    subject, words = clean(mail.parsed.subject)[:SUBJECT_MAX], clean(mail.parsed.text)
    intent = parse_reply(words, subject=subject)
    if intent.auto:
        return keep(parts, mail, answered, "ignored", now=now)
    result = "refused" if intent.refusal else "reply"
    if intent.refusal:
        evidence = f"{subject}\n{words[:EVIDENCE_MAX]}"
        take_bounce.refuse_all(parts, answered, reason="reply", evidence=evidence, now=now)
    with parts.engine.begin() as tx:
        id = store.add(tx, mail.received(answered, result), now=now)
        if id is None:
            return "known"
        _forward(tx, id, mail, answered, now=now)
        returned.alive(tx, [answered.delivery_id])
        if answered.person_id is None:
            return result
        cause = "refused_by_reply" if intent.refusal else "reply"
        next_actions.add_alerts(tx, [_alert(cause, answered)], now=now)
        touchpoints.put(tx, [_touch(id, answered, is_refusal=intent.refusal, now=now)], now=now)
        due_at = take_bounce.next_due(tx, parts.settings.tz, now=now)
        store.add_check(tx, answered, cause=cause, note=words[:EVIDENCE_MAX], due_at=due_at, now=now)
    rerank.people(parts, [answered.person_id], now=now)
    return result


def _touch(id: int, answered: Answered, *, is_refusal: bool, now: datetime) -> NewTouch:
    """A reply is a conversation; one that only says stop is no interest."""
    return NewTouch(
        source_key=f"reply:{id}",
        person_id=answered.person_id or 0,
        kind=Kind.MAIL_REPLY,
        at=now,
        product_id=answered.product_id,
        delivery_id=answered.delivery_id,
        validity=0.0 if is_refusal else 1.0,
        validity_reason="refusal" if is_refusal else "",
    )


def _alert(kind: str, answered: Answered) -> Alert:
    return Alert(
        kind=kind,
        person_id=answered.person_id,
        product_id=answered.product_id,
        lead_id=None,
        user_id=answered.owner_user_id,
        args={"delivery": answered.delivery_id},
    )


def _forward(tx: Connection, id: int, mail: Arrival, answered: Answered, *, now: datetime) -> None:
    """The owner gets the reply as it was read. Its subject names it, so that answering it is natural."""
    if not answered.owner:
        return
    subject = clean(mail.parsed.subject)[:SUBJECT_MAX]
    head = f"From: {clean(mail.parsed.from_address)}\nSubject: {subject}\n"
    post.queue(
        tx,
        origin=f"tx:reply:{id}",
        to=answered.owner,
        subject=subject or f"Re: {answered.subject}",
        text=f"{head}\n{clean(mail.parsed.text)[:TEXT_MAX]}\n",
        now=now,
        product_id=answered.product_id,
    )
