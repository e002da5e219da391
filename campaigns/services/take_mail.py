"""Take one mail in: by its address a reply, a bounce or an unsubscription, by its make a complaint or rubbish.

Whatever arrives, however broken, becomes one row with a result; nothing raises but the database's own
absence. Source: spec 3.4; spec 45, B1 to B6, U11.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime

from campaigns.parts import Parts
from campaigns.services import take_bounce, take_reply, trace
from campaigns.services.arrival import SUBJECT_MAX, Arrival, clean, keep
from campaigns.storage import inbound as store
from campaigns.storage.inbound import Answered
from mailer import bounces, parsing
from mailer.bounces import ReturnedKind
from mailer.inbound import InboundKind, parse
from tracking_pixel.tokens import TokenKind

# Origins of the mails that we send to our own people.
TO_STAFF = ("tx:reply:", "tx:hot:")
# Results of mails that are nobody's: where mail is deleted after reading, these are left alone.
NOT_OURS = frozenset({"bad_token", "no_delivery"})
# How much of a report is looked through for what names the mail it is about.
_SEARCHED = 200_000
_RETURN_PATH = re.compile(r"(?<![A-Za-z0-9])bounce\+[A-Za-z0-9]{20,100}@", re.IGNORECASE)


def run(parts: Parts, raw: bytes, recipients: Iterable[str], *, now: datetime) -> str:
    """Take in one raw mail; returns the result: the code that its row carries, or `known`."""
    mail = _read(parts, raw, recipients)
    if mail.delivery_id is None:
        return keep(parts, mail, None, "bad_token", now=now)
    with parts.engine.connect() as tx:
        answered = store.answered(tx, [mail.delivery_id]).get(mail.delivery_id)
        if store.known(tx, [mail.key(answered)]):
            return "known"
    if answered is None:
        return keep(parts, mail, None, "no_delivery", now=now)
    return _sort(parts, mail, answered, now=now)


def _read(parts: Parts, raw: bytes, recipients: Iterable[str]) -> Arrival:
    parsed, returned = parse(raw), bounces.read(raw)
    found = next(filter(None, (trace.token(parts, one) for one in recipients)), None)
    if found is not None:
        return Arrival(raw, parsed, returned, *found)
    marks: list[str] = []
    if returned.kind in (ReturnedKind.BOUNCE, ReturnedKind.COMPLAINT):
        marks.append(returned.original_message_id)
    if returned.kind is ReturnedKind.COMPLAINT:
        # Feedback loops write to one address for all, and may hide the Message-ID. Only the return path is
        # looked for: a reply address may stand in a mail of somebody else's that quotes ours.
        marks += _RETURN_PATH.findall(raw[:_SEARCHED].decode("ascii", "replace"))
    return Arrival(raw, parsed, returned, None, trace.deliveries(parts, [marks])[0])


def _sort(parts: Parts, mail: Arrival, answered: Answered, *, now: datetime) -> str:
    if mail.token is TokenKind.STOP:
        if is_machine(mail.raw):
            return keep(parts, mail, answered, "ignored", now=now)
        return take_reply.stop(parts, mail, answered, now=now)
    kind = mail.parsed.kind
    if mail.token is TokenKind.REPLY and kind in (InboundKind.REPLY, InboundKind.UNKNOWN):
        # Written by a person, whatever it quotes. An answer to a forwarded reply or a notice is forwarded to
        # nobody: two autoresponders would never end.
        if answered.origin.startswith(TO_STAFF):
            return keep(parts, mail, answered, "ignored", now=now)
        return take_reply.reply(parts, mail, answered, now=now)
    if mail.returned.kind is ReturnedKind.COMPLAINT:
        return _complaint(parts, mail, answered, now=now)
    if mail.returned.kind is ReturnedKind.BOUNCE:
        return _bounce(parts, mail, answered, now=now)
    # People do not write to the return path; what comes there and is no bounce is some machine's note.
    result = "delayed" if mail.returned.kind is ReturnedKind.DELAYED else "ignored"
    return keep(parts, mail, answered, result, now=now)


def is_machine(raw: bytes) -> bool:
    """Whether a mail says by its structure that no person asked for it: an automatic answer or a report."""
    message = parsing.mail(raw)
    automatic = parsing.header(message, "Auto-Submitted").strip().lower()
    sender = parsing.header(message, "From").lower()
    return (
        (automatic != "" and not automatic.startswith("no"))
        or parsing.header(message, "Precedence").strip().lower() in ("auto_reply", "auto-reply", "autoreply")
        or bool(parsing.header(message, "X-Autoreply") or parsing.header(message, "X-Autorespond"))
        or parsing.content_type(message) == "multipart/report"
        or parsing.header(message, "Return-Path").strip() == "<>"
        or "mailer-daemon@" in sender
        or "postmaster@" in sender
    )


def _bounce(parts: Parts, mail: Arrival, answered: Answered, *, now: datetime) -> str:
    fact = take_bounce.fact_of(mail.returned.recipients, answered.email)
    with parts.engine.begin() as tx:
        if store.add(tx, mail.received(answered, fact.result), now=now) is None:
            return "known"
        return take_bounce.bounce(tx, parts, answered, fact, now=now)


def _complaint(parts: Parts, mail: Arrival, answered: Answered, *, now: datetime) -> str:
    """Called spam: everything stops for this mailbox, and somebody is told."""
    evidence = clean(mail.parsed.subject)[:SUBJECT_MAX]
    take_bounce.refuse_all(parts, answered, reason="complaint", evidence=evidence, now=now)
    with parts.engine.begin() as tx:
        if store.add(tx, mail.received(answered, "complaint"), now=now) is None:
            return "known"
        return take_bounce.complaint(tx, parts, answered, now=now)
