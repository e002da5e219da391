"""Feedback reports (ARF, RFC 5965): who complained, or which authentication failed."""

from __future__ import annotations

from mailer.bounces.own_mail import OwnMail, addresses
from mailer.bounces.returned import ReturnedKind

# auth-failure and dmarc are about our own set-up, not-spam is praise: none may refuse for the recipient.
_NO_COMPLAINT = frozenset({"auth-failure", "dmarc", "not-spam"})
_NAMES = ("original-rcpt-to", "removal-recipient", "x-original-rcpt-to", "redacted-address")


def kind_of(feedback_type: str) -> ReturnedKind:
    """An unknown type is a complaint: a report is not sent for nothing."""
    return ReturnedKind.OTHER if feedback_type in _NO_COMPLAINT else ReturnedKind.COMPLAINT


def type_of(report: dict[str, list[str]]) -> str:
    """`abuse`, `opt-out`, `auth-failure` ...; "abuse" when the report does not say."""
    said = (report.get("feedback-type") or [""])[0].split("(")[0].strip().lower()
    return said[:60] or "abuse"


def recipients_of(report: dict[str, list[str]], own: OwnMail) -> tuple[str, ...]:
    """The addresses the report is about; from our mail's headers where it does not name them."""
    named = [
        a
        for name in _NAMES
        for value in report.get(name, ())
        for a in addresses(value.replace("rfc822;", ""))
    ]
    return tuple(dict.fromkeys(named or own.recipients or own.envelope))[:100]
