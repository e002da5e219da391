"""Intake: replies, bounces and complaints come in, and become touches, refusals and facts.

A reply to reply+TOKEN@ is a touch of the person it was written to, reaches the owner's mailbox, and stops
all mail if it says so. A bounce to bounce+TOKEN@ is a fact about its delivery. Whatever arrives, however
broken, becomes one row with a result; nothing raises but the database's own absence.
Source: spec 3.4; spec 45, B1 to B6.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime, time, timedelta

import structlog
from sqlalchemy import Connection

from campaigns.parts import Parts
from campaigns.rules.subscriptions import parse_reply
from campaigns.rules.touchpoints import Kind
from campaigns.rules.workdays import Calendar
from campaigns.services import mailbox, post, refuse, rerank
from campaigns.services.mailbox import Arrived, MailboxError
from campaigns.storage import inbound as store
from campaigns.storage import next_actions, touchpoints
from campaigns.storage.inbound import Answered, Received
from campaigns.storage.next_actions import Alert
from campaigns.storage.touchpoints import NewTouch
from mailer.bounces.dsn import Report
from mailer.inbound import Inbound, InboundKind, parse
from tracking_pixel import BadToken
from tracking_pixel.tokens import TokenKind

log = structlog.get_logger()

TEXT_MAX = 20_000
SUBJECT_MAX = 300
DUE_TIME = time(17, 30)
# Origins of the mails that we send to our own people.
TO_STAFF = ("tx:reply:", "tx:hot:")
_TOKEN = re.compile(r"^(reply|bounce)\+([A-Za-z2-7]{20,100})@", re.IGNORECASE)
# The mailbox does not exist: never again. Everything else that is final may pass. Source: spec 45, B3.
HARD = ("5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10", "5.2.1")
# Feedback reports of other types (auth-failure, not-spam) tell about servers, not about what people want.
_FEEDBACK = re.compile(
    rb"^Feedback-Type:[ \t]*(abuse|fraud|opt-out|opt-out-list)[ \t]*\r?$", re.IGNORECASE | re.MULTILINE
)
# The receiver's policy or our reputation: the sender's matter, not the address's.
POLICY = "5.7."


def run(parts: Parts, *, now: datetime) -> Mapping[str, int]:
    """Take in what has arrived; returns how often each result came up."""
    counts: Counter[str] = Counter()
    try:
        for mail in _arrived(parts):
            counts[take(parts, mail.raw, mail.recipients, now=now)] += 1
            mail.done()
    except MailboxError as error:
        log.warning("mailbox unreachable", error=str(error))
    return counts


def _arrived(parts: Parts) -> Iterable[Arrived]:
    if parts.settings.imap_url:
        return mailbox.imap(parts.settings.imap_url)
    if not parts.settings.practice:
        return ()
    position = parts.settings.folder / "intake.position"
    return mailbox.caught(parts.catcher_folder, position, wanted=lambda to: bool(_TOKEN.match(to)))


def take(parts: Parts, raw: bytes, recipients: Iterable[str], *, now: datetime) -> str:
    """Take in one raw mail; returns the result: the code that its row carries, or `known`."""
    mail = parse(raw)
    token = _token(parts, recipients)
    if token is None:
        return _keep(parts, mail, raw, None, "bad_token", now=now)
    kind, delivery_id = token
    with parts.engine.connect() as tx:
        answered = store.answered(tx, delivery_id)
        if store.known(tx, [_key(mail, raw, answered)]):
            return "known"
    if answered is None:
        return _keep(parts, mail, raw, None, "no_delivery", now=now)
    if mail.kind is InboundKind.COMPLAINT:
        if not _is_complaint(raw):
            return _keep(parts, mail, raw, answered, "ignored", now=now)
        return _complaint(parts, mail, raw, answered, now=now)
    if mail.kind is InboundKind.BOUNCE:
        return _bounce(parts, mail, raw, answered, now=now)
    if answered.origin.startswith(TO_STAFF):
        # An answer to a forwarded reply or a notice: forwarded again, two autoresponders would never end.
        return _keep(parts, mail, raw, answered, "ignored", now=now)
    if mail.kind is InboundKind.AUTO_REPLY or kind is TokenKind.BOUNCE:
        # People do not write to the return path; what comes there and is no bounce is some machine's note.
        return _keep(parts, mail, raw, answered, "ignored", now=now)
    return _reply(parts, mail, raw, answered, now=now)


def _token(parts: Parts, recipients: Iterable[str]) -> tuple[TokenKind, int] | None:
    """The first genuine token among the recipients: what it is for, and its delivery."""
    for recipient in recipients:
        found = _TOKEN.match(recipient.strip())
        if found:
            kind = TokenKind(found[1].lower())
            try:
                return kind, parts.signer.read(found[2], kind).ids[0]
            except BadToken:
                continue
    return None


def _key(mail: Inbound, raw: bytes, answered: Answered | None) -> str:
    """Message-ID and delivery: a stranger who guesses a Message-ID can hide only mail to his own token."""
    name = mail.message_id or hashlib.blake2b(raw, digest_size=16).hexdigest()
    return f"{answered.delivery_id if answered else 0}:{name[:300]}"


def _received(mail: Inbound, raw: bytes, answered: Answered | None, result: str) -> Received:
    # Of a mail that belongs to nobody we know, only the fact is kept.
    is_ours = answered is not None
    return Received(
        key=_key(mail, raw, answered),
        kind=mail.kind.value,
        result=result,
        person_id=answered.person_id if answered else None,
        delivery_id=answered.delivery_id if answered else None,
        from_address=_clean(mail.from_address)[:320] if is_ours else "",
        subject=_clean(mail.subject)[:SUBJECT_MAX] if is_ours else "",
        text=_clean(mail.text)[:TEXT_MAX] if is_ours else "",
    )


def _clean(text: str) -> str:
    """What PostgreSQL can store: no NUL, no half of a character."""
    return text.replace("\x00", "").encode("utf-8", "replace").decode("utf-8")


def _keep(
    parts: Parts, mail: Inbound, raw: bytes, answered: Answered | None, result: str, *, now: datetime
) -> str:
    with parts.engine.begin() as tx:
        return result if store.add(tx, _received(mail, raw, answered, result), now=now) else "known"


def _reply(parts: Parts, mail: Inbound, raw: bytes, answered: Answered, *, now: datetime) -> str:
    """A person answered. A refusal binds before the row is written: after a crash it is only bound again."""
    intent = parse_reply(mail.text, subject=mail.subject)
    if intent.auto:
        return _keep(parts, mail, raw, answered, "ignored", now=now)
    result = "refused" if intent.refusal else "reply"
    if intent.refusal:
        evidence = f"{_clean(mail.subject)[:SUBJECT_MAX]}\n{_clean(mail.text)[:1000]}"
        refuse.record(
            parts,
            delivery_id=answered.delivery_id,
            scope="global",
            reason="reply",
            evidence=evidence,
            now=now,
        )
    with parts.engine.begin() as tx:
        id = store.add(tx, _received(mail, raw, answered, result), now=now)
        if id is None:
            return "known"
        _forward(tx, id, mail, answered, now=now)
        if answered.person_id is None:
            return result
        alert = "refused_by_reply" if intent.refusal else "reply"
        next_actions.add_alerts(tx, [_alert(alert, mail, answered)], now=now)
        touchpoints.put(tx, [_touch(id, answered, is_refusal=intent.refusal, now=now)], now=now)
        if intent.refusal:
            _check(tx, parts, answered, "refused_by_reply", _clean(mail.text)[:1000], now=now)
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


def _alert(kind: str, mail: Inbound, answered: Answered) -> Alert:
    return Alert(
        kind=kind,
        person_id=answered.person_id,
        product_id=answered.product_id,
        lead_id=None,
        user_id=answered.owner_user_id,
        args={"delivery": answered.delivery_id},
    )


def _forward(tx: Connection, id: int, mail: Inbound, answered: Answered, *, now: datetime) -> None:
    """The owner gets the reply as it was read. Its subject names it, so that answering it is natural."""
    if not answered.owner:
        return
    head = f"From: {_clean(mail.from_address)}\nSubject: {_clean(mail.subject)[:SUBJECT_MAX]}\n"
    post.queue(
        tx,
        origin=f"tx:reply:{id}",
        to=answered.owner,
        subject=_clean(mail.subject)[:SUBJECT_MAX] or f"Re: {answered.subject}",
        text=f"{head}\n{_clean(mail.text)[:TEXT_MAX]}\n",
        now=now,
        product_id=answered.product_id,
    )


def _check(tx: Connection, parts: Parts, answered: Answered, cause: str, note: str, *, now: datetime) -> None:
    today = now.astimezone(parts.settings.tz).date()
    due_on = Calendar().next_business_day(today + timedelta(days=1))
    due_at = datetime.combine(due_on, DUE_TIME, tzinfo=parts.settings.tz)
    store.add_check(tx, answered, cause=cause, note=note, due_at=due_at, now=now)


def _bounce(parts: Parts, mail: Inbound, raw: bytes, answered: Answered, *, now: datetime) -> str:
    hardness, status, words = read_bounce(mail.report)
    result = {"hard": "hard_bounce", "soft": "soft_bounce"}.get(hardness, hardness)
    with parts.engine.begin() as tx:
        if store.add(tx, _received(mail, raw, answered, result), now=now) is None:
            return "known"
        if hardness in ("hard", "soft"):
            reason = _clean(f"{status} {words}".strip())[:300]
            store.bounced(tx, answered.delivery_id, hardness=hardness, status=status, reason=reason, now=now)
        if hardness == "hard" and answered.person_id is not None:
            _check(tx, parts, answered, "address_dead", "", now=now)
    return result


def read_bounce(report: Report | None) -> tuple[str, str, str]:
    """(hard | soft | delayed | policy | unclear, status, the server's words). Source: spec 45, B3."""
    final = [one for one in report.recipients if one.is_final] if report else []
    if not final:
        is_delay = report is not None and any(one.action == "delayed" for one in report.recipients)
        return ("delayed" if is_delay else "unclear"), "", ""
    one = final[0]
    if one.status in HARD:
        return "hard", one.status, one.diagnostic
    if one.status.startswith(POLICY):
        return "policy", one.status, one.diagnostic
    return "soft", one.status, one.diagnostic


def _is_complaint(raw: bytes) -> bool:
    """Whether a feedback report says that the recipient wants no more of this. Source: spec 45, B5."""
    return bool(_FEEDBACK.search(raw))


def _complaint(parts: Parts, mail: Inbound, raw: bytes, answered: Answered, *, now: datetime) -> str:
    """Called spam: everything stops for this mailbox, and somebody is told."""
    refuse.record(
        parts,
        delivery_id=answered.delivery_id,
        scope="global",
        reason="complaint",
        evidence=_clean(mail.subject)[:SUBJECT_MAX],
        now=now,
    )
    with parts.engine.begin() as tx:
        if store.add(tx, _received(mail, raw, answered, "complaint"), now=now) is None:
            return "known"
        store.complained(tx, answered.delivery_id, now=now)
        next_actions.add_alerts(tx, [_alert("complaint", mail, answered)], now=now)
    return "complaint"
