"""Take in what a mail provider posts: bounces, complaints, unsubscriptions, deliveries.

Who speaks is proved before anything is read or asked of the database. An event finds its mail by our
Message-ID or signed return address, never by the recipient's address alone; what finds none is kept as it
came and changes nothing. Each event counts once, however often and by however many ways it is told.
Source: design 7; spec 45 B1 to B6.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog

from campaigns.parts import Parts
from campaigns.services import fetch, take_bounce, trace
from campaigns.services.arrival import clean
from campaigns.services.take_bounce import Fact
from campaigns.settings import Settings
from campaigns.storage import inbound as store
from campaigns.storage import tracking
from campaigns.storage.inbound import Answered, Told
from mailer.bounces import Side, mailgun, postmark, sendgrid, ses, signed
from mailer.bounces.events import BadSignature, Event, EventKind, Headers

log = structlog.get_logger()

__all__ = ["BadSignature", "Call", "TryAgain", "Unknown", "receive"]

# Kept while the process lives: SNS signs with the same certificate for months.
_certificates = ses.Certificates()
# Where the outside is asked; tests put another one here.
ask: ses.Fetch = fetch.https


class Unknown(LookupError):
    """No such provider, or none that this installation listens to."""


class TryAgain(RuntimeError):
    """It could not be proved now who speaks: the provider keeps the event and posts it again."""


@dataclass(frozen=True, slots=True)
class Call:
    """A POST. headers: names in lower case. in_path: what followed the provider's name in the address.

    at: when it came, by the real clock: signatures age by it, also while a practice installation is ahead.
    """

    payload: bytes
    headers: Headers
    at: datetime
    in_path: str = ""


def receive(parts: Parts, provider: str, call: Call, *, now: datetime) -> Mapping[str, int]:
    """Prove, read and apply; returns how often each result came up.

    Raises Unknown, BadSignature, TryAgain, and the database's errors when it is away.
    """
    if not is_known(parts.settings, provider):
        raise Unknown(provider)
    return take(parts, provider, PROVIDERS[provider](parts.settings, call), now=now)


def is_known(settings: Settings, provider: str) -> bool:
    """Whether there is such a provider, and its secret is set."""
    secrets = {
        "ses": settings.ses_topics,
        "sendgrid": settings.sendgrid_key,
        "postmark": settings.postmark_secret,
        "mailgun": settings.mailgun_key,
        "signed": settings.hook_secret,
    }
    return bool(secrets.get(provider))


def _ses(settings: Settings, call: Call) -> list[Event]:
    topics = settings.ses_topics.replace(",", " ").split()
    try:
        message = ses.verify(call.payload, topics=topics, certificates=_certificates, fetch=ask, now=call.at)
        confirm = ses.subscribe_url(message)
        if confirm is not None:
            ask(confirm)
            log.info("subscription to a topic confirmed")
    except OSError as error:
        log.warning("SNS could not be asked", error=type(error).__name__)
        raise TryAgain from error
    return ses.parse(call.payload, call.headers)


def _sendgrid(settings: Settings, call: Call) -> list[Event]:
    sendgrid.verify(call.payload, call.headers, key=settings.sendgrid_key, now=call.at)
    return sendgrid.parse(call.payload, call.headers)


def _postmark(settings: Settings, call: Call) -> list[Event]:
    postmark.verify(call.headers, secret=settings.postmark_secret, in_path=call.in_path)
    return postmark.parse(call.payload, call.headers)


def _mailgun(settings: Settings, call: Call) -> list[Event]:
    mailgun.verify(call.payload, key=settings.mailgun_key, now=call.at)
    return mailgun.parse(call.payload, call.headers)


def _signed(settings: Settings, call: Call) -> list[Event]:
    signed.verify(call.payload, call.headers, secret=settings.hook_secret, now=call.at)
    return signed.parse(call.payload, call.headers)


PROVIDERS: Mapping[str, Callable[[Settings, Call], list[Event]]] = {
    "ses": _ses,
    "sendgrid": _sendgrid,
    "postmark": _postmark,
    "mailgun": _mailgun,
    "signed": _signed,
}


def take(parts: Parts, source: str, events: Sequence[Event], *, now: datetime) -> Mapping[str, int]:
    """Apply events that are proved to be the provider's. What was applied before is passed over."""
    counts: Counter[str] = Counter()
    unique = list({event.key: event for event in events}.values())
    if not unique:
        return counts
    ids = trace.deliveries(parts, [event.traces for event in unique])
    with parts.engine.connect() as tx:
        known = store.known_events(tx, [event.key for event in unique])
        mails = store.answered(tx, sorted({id for id in ids if id is not None}))
    fresh = [
        (event, mails.get(id) if id is not None else None)
        for event, id in zip(unique, ids, strict=True)
        if event.key not in known
    ]
    counts["known"] += len(unique) - len(fresh)
    plain = [pair for pair in fresh if pair[1] is None or pair[0].kind not in _APPLIED]
    counts.update(_keep(parts, source, plain, now=now))
    # Each in a transaction of its own, as if it had come by mail: these are few.
    for event, mail in fresh:
        if mail is not None and event.kind in _APPLIED:
            counts[_apply(parts, source, event, mail, now=now)] += 1
    return +counts


_APPLIED = frozenset({EventKind.BOUNCE, EventKind.COMPLAINT, EventKind.UNSUBSCRIBE})


def _keep(
    parts: Parts, source: str, pairs: Iterable[tuple[Event, Answered | None]], *, now: datetime
) -> Counter[str]:
    """What changes no mailbox: delays, deliveries, unknown words, and whatever names no mail of ours.

    A delivery settles what was in doubt. It leaves no row: there is one for every mail, and it says no more.
    """
    counts: Counter[str] = Counter()
    arrived = [mail.delivery_id for event, mail in pairs if mail and event.kind is EventKind.DELIVERED]
    rows = [
        _told(source, event, mail, _plain_result(event, mail))
        for event, mail in pairs
        if event.kind is not EventKind.DELIVERED
    ]
    with parts.engine.begin() as tx:
        if arrived:
            counts["resolved"] += tracking.arrived(tx, sorted(set(arrived)), now=now)
            counts["delivered"] += len(arrived)
        new = store.add_events(tx, rows, now=now)
    for row in rows:
        counts[row.result if row.key in new else "known"] += 1
    return counts


def _plain_result(event: Event, mail: Answered | None) -> str:
    if event.kind is EventKind.DELAYED:
        return "delayed"
    if event.kind is EventKind.OTHER:
        return "ignored"
    return "no_delivery" if mail is None else "ignored"


def _told(source: str, event: Event, mail: Answered | None, result: str) -> Told:
    reason = Fact(event.side or Side.SOFT, event.reason, event.status, event.words).text
    return Told(
        source=source,
        key=event.key,
        kind=event.kind.value,
        result=result,
        delivery_id=mail.delivery_id if mail else None,
        address=clean(event.recipient)[:320],
        reason=reason if event.kind is EventKind.BOUNCE else clean(event.words),
        raw=clean(event.raw),
    )


def _apply(parts: Parts, source: str, event: Event, mail: Answered, *, now: datetime) -> str:
    fact = Fact(event.side or Side.SOFT, event.reason, event.status, event.words)
    results = {EventKind.COMPLAINT: "complaint", EventKind.UNSUBSCRIBE: "unsubscribed"}
    told = _told(source, event, mail, results.get(event.kind, fact.result))
    if event.kind is not EventKind.BOUNCE:
        # Binds before the row is written: after a crash it is only bound again.
        reason = "complaint" if event.kind is EventKind.COMPLAINT else "provider"
        take_bounce.refuse_all(parts, mail, reason=reason, evidence=f"{source}: {told.reason}", now=now)
    with parts.engine.begin() as tx:
        if not store.add_events(tx, [told], now=now):
            return "known"
        if event.kind is EventKind.BOUNCE:
            take_bounce.bounce(tx, parts, mail, fact, now=now)
        elif event.kind is EventKind.COMPLAINT:
            take_bounce.complaint(tx, parts, mail, now=now)
    return told.result
