"""Raw octets in, a `Returned` out: structure first, then codes, then words."""

from __future__ import annotations

from dataclasses import replace

from mailer import parsing
from mailer.bounces import automatic, feedback, narrative, own_mail, signs, status_report, verdict, voices
from mailer.bounces.anatomy import Anatomy, take_apart
from mailer.bounces.own_mail import OwnMail
from mailer.bounces.returned import Recipient, Returned, ReturnedKind, Side
from mailer.bounces.verdict import Evidence

_MANY = 100
_ADDRESS_MAX = 320
_SMALL = 100_000
_KINDS = {
    "failed": ReturnedKind.BOUNCE,
    "delayed": ReturnedKind.DELAYED,
    "delivered": ReturnedKind.OTHER,
}


def read(raw: bytes) -> Returned:
    """What a mail that came back says. Never raises, whatever it is fed."""
    try:
        return _read(raw)
    except Exception:
        # Anything may stand in a mail; what cannot be read at all is kept as it is and is no bounce.
        return Returned(kind=ReturnedKind.OTHER)


def _read(raw: bytes) -> Returned:
    found = take_apart(raw)
    own = own_mail.look_into(found.original)
    if found.feedback is not None:
        return _complaint(found, own)
    if reported := status_report.recipients(found.groups):
        return _reported(found, own, reported)
    return _told(found, own)


def _complaint(found: Anatomy, own: OwnMail) -> Returned:
    said = feedback.type_of(found.feedback or {})
    kind = feedback.kind_of(said)
    side = Side.SENDER if kind is ReturnedKind.OTHER else Side.SOFT
    to = feedback.recipients_of(found.feedback or {}, own) or _hidden(found)
    return _returned(kind, found, own, [_objecting(a, side, f"feedback report: {said}") for a in to], said)


def _reported(found: Anatomy, own: OwnMail, reported: list[Evidence]) -> Returned:
    """A mail with report fields. A mixed one is about its failures: the rest has arrived or is under way."""
    actions = {evidence.action for evidence in reported}
    action = next(one for one in _KINDS if one in actions)
    chosen = [evidence for evidence in reported if evidence.action == action][:_MANY]
    _name_the_nameless(chosen, found, own)
    for evidence in chosen:
        told = narrative.about(found.notice, evidence.address)
        evidence.context += told.words + (told.context if len(chosen) == 1 else [])
    return _returned(_KINDS[action], found, own, [_judged(e, action) for e in chosen if e.address])


def _name_the_nameless(chosen: list[Evidence], found: Anatomy, own: OwnMail) -> None:
    """Some reports leave the address out, or give a bare name or a path: the rest of the mail may tell it."""
    nameless = [evidence for evidence in chosen if not evidence.address]
    if not nameless:
        return
    taken = {evidence.address for evidence in chosen}
    told = (evidence.address for evidence in _named(found, own))
    known = dict.fromkeys([*told, *(own.envelope or own.recipients), *_hidden(found)])
    for evidence, address in zip(nameless, (one for one in known if one not in taken), strict=False):
        evidence.address = address


def _named(found: Anatomy, own: OwnMail) -> list[Evidence]:
    """Who failed: by X-Failed-Recipients (Exim, Gmail), else by the notice."""
    failed = own_mail.addresses(parsing.header(found.outer, "X-Failed-Recipients"))
    if failed:
        return [narrative.about(found.notice, address) for address in list(dict.fromkeys(failed))[:_MANY]]
    addressed = own.recipients + own.envelope
    return narrative.recipients(found.notice, senders=_senders(found, own), addressed=addressed)


def _told(found: Anatomy, own: OwnMail) -> Returned:
    """A mail without report fields."""
    subject = parsing.header(found.outer, "Subject")
    failed = parsing.header(found.outer, "X-Failed-Recipients")
    if not failed and not signs.is_bounce(found.outer, subject, found.notice):
        return _no_bounce(found, own, subject)
    evidences = _named(found, own)
    if not evidences:
        rest = own.recipients[:1] or own.envelope[:1] or _hidden(found) or _heard(found)
        evidences = [Evidence(address, context=narrative.told(found.notice)) for address in rest]
    for evidence in evidences:
        evidence.context = [*evidence.context, subject]
    action = "delayed" if signs.is_delay(subject, found.notice) else "failed"
    return _returned(_KINDS[action], found, own, [_judged(evidence, action) for evidence in evidences])


def _heard(found: Anatomy) -> tuple[str, ...]:
    """What others make of it. They take a second for a megabyte, so only small mails are shown to them."""
    return tuple(voices.flufl(found.outer))[:_MANY] if found.size <= _SMALL else ()


def _no_bounce(found: Anatomy, own: OwnMail, subject: str) -> Returned:
    if found.original is not None and signs.is_objection(subject):
        to = own.recipients or own.envelope
        about = [_objecting(address, Side.SOFT, subject) for address in to]
        return _returned(ReturnedKind.COMPLAINT, found, own, about, "abuse")
    if signs.is_unsubscribe(subject):
        # No complaint, though it tells about an address: whoever reads the mailbox decides by the token.
        who = own_mail.addresses(parsing.header(found.outer, "From"))[:1]
        about = [_objecting(address, Side.SOFT, subject) for address in who]
        return _returned(ReturnedKind.OTHER, found, own, about, "opt-out")
    automatically = automatic.is_automatic(found.outer, subject)
    return _returned(ReturnedKind.AUTOREPLY if automatically else ReturnedKind.OTHER, found, own, [])


def _objecting(address: str, side: Side, words: str) -> Recipient:
    return Recipient(address, side, status="", reply="", reason="feedback", words=words[:300])


def _judged(evidence: Evidence, action: str) -> Recipient:
    judged = verdict.judge(evidence)
    if action == "failed":
        return judged
    if action == "delivered":
        return replace(judged, side=Side.SOFT, reason="delivered")
    return replace(judged, side=Side.SOFT if judged.hard else judged.side)


def _senders(found: Anatomy, own: OwnMail) -> frozenset[str]:
    names = ("To", "Delivered-To", "From")
    outer = (a for name in names for a in own_mail.addresses(parsing.header(found.outer, name)))
    return own.senders | frozenset(outer)


def _hidden(found: Anatomy) -> tuple[str, ...]:
    """The recipient inside a return path of ours (VERP)."""
    to = parsing.header(found.outer, "To") or parsing.header(found.outer, "Delivered-To")
    hidden = own_mail.from_return_path(to)
    return (hidden,) if hidden else ()


def _clean(recipient: Recipient) -> Recipient:
    """Fit for a terminal and a database: no control signs, no halves of surrogate pairs."""
    return replace(
        recipient,
        address=_line(recipient.address).replace(" ", ""),
        original=_line(recipient.original)[:_ADDRESS_MAX],
        words=_line(recipient.words),
    )


def _line(text: str) -> str:
    if text.isascii() and text.isprintable():
        return text
    shown = "".join(sign if sign.isprintable() else " " for sign in text)
    return " ".join(shown.encode("utf-8", "replace").decode("utf-8").split())


def _returned(
    kind: ReturnedKind, found: Anatomy, own: OwnMail, recipients: list[Recipient], feedback_type: str = ""
) -> Returned:
    once = {one.address: one for one in reversed([_clean(recipient) for recipient in recipients])}
    reporting = next((group["reporting-mta"] for group in found.groups if "reporting-mta" in group), "")
    return Returned(
        kind=kind,
        recipients=tuple(one for one in reversed(once.values()) if 3 <= len(one.address) <= _ADDRESS_MAX),
        original_message_id=_line(own.message_id),
        original_to=_line(own.to),
        original_recipients=own.recipients,
        feedback_type=_line(feedback_type),
        reporting_mta=_line(status_report.typed(reporting))[:255],
    )
