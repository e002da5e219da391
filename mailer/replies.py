"""What a server's reply means: the outcome, whom it concerns, why, and how long to wait.

Servers agree on the first digit alone (RFC 5321 section 4.2.1); the rest is read from the enhanced status
(RFC 2034, 3463, 5248 and the IANA registry) and, where that is missing or too general, from the words.
The words are those published by the receivers or seen in their replies; the tests name the source of each.

`read` answers for every reply there is, also for none at all, and never raises.
"""

from __future__ import annotations

import re

from mailer.receipts import Outcome, outcome_of
from mailer.reply_rules import RULES
from mailer.verdicts import GONE, OWN_FAULT, Reason, Scope, Stage, Verdict

__all__ = ["GONE", "OWN_FAULT", "Reason", "Scope", "Stage", "Verdict", "enhanced", "read"]

_MINUTE = 60.0
_HOUR = 3600.0
# reason -> (scope, wait). The wait is for the first time; a breaker makes it longer each time after.
_MEANS: dict[Reason, tuple[Scope, float | None]] = {
    # Greylisting lets the same envelope pass after 1 to 15 minutes (RFC 6647 section 2.3).
    Reason.GREYLISTED: (Scope.MAIL, 5 * _MINUTE),
    Reason.MAILBOX_BUSY: (Scope.MAIL, 15 * _MINUTE),
    Reason.MAILBOX_FULL: (Scope.MAIL, 12 * _HOUR),
    Reason.THROTTLED: (Scope.DOMAIN, _MINUTE),
    Reason.SERVER_BUSY: (Scope.DOMAIN, _MINUTE),
    Reason.NETWORK: (Scope.DOMAIN, _MINUTE),
    Reason.CLOSING: (Scope.DOMAIN, _MINUTE),
    # Receivers take complaints and reputation back within hours, not within minutes (Yahoo: 4 hours).
    Reason.REPUTATION: (Scope.DOMAIN, 15 * _MINUTE),
    # One mail refused for these means that all would be: the domain rests, so that a list is not burnt.
    Reason.AUTHENTICATION: (Scope.DOMAIN, 15 * _MINUTE),
    Reason.BLOCKLISTED: (Scope.DOMAIN, 15 * _MINUTE),
    Reason.LOGIN_FAILED: (Scope.ACCOUNT, 30 * _MINUTE),
    Reason.LOGIN_AWAY: (Scope.ACCOUNT, 5 * _MINUTE),
    Reason.ACCOUNT_LIMIT: (Scope.ACCOUNT, 10 * _MINUTE),
    Reason.SERVER_STORAGE: (Scope.ACCOUNT, 5 * _MINUTE),
    # Of one recipient these may be about his domain's routing alone; one such must not stop everybody.
    Reason.RELAY_DENIED: (Scope.DOMAIN, 30 * _MINUTE),
    Reason.TLS: (Scope.DOMAIN, 30 * _MINUTE),
    Reason.AWAY: (Scope.ACCOUNT, _MINUTE),
}
# A 5xx that speaks of our account says nothing about the mail: it goes again when the account is well.
_NOT_THE_MAIL = frozenset(
    {
        Reason.LOGIN_FAILED, Reason.LOGIN_AWAY, Reason.ACCOUNT_LIMIT, Reason.SERVER_STORAGE,
        Reason.RELAY_DENIED, Reason.TLS,
    }
)  # fmt: skip
# Said at MAIL, before any recipient is known to the server, these are about us.
_AT_MAIL_OURS = frozenset(
    {
        Reason.THROTTLED, Reason.SERVER_BUSY, Reason.NETWORK, Reason.CLOSING, Reason.BLOCKLISTED,
        Reason.RELAY_DENIED, Reason.TLS,
    }
)  # fmt: skip

_STATUS = re.compile(r"(?:^|[\s#(])([245])\.(\d{1,3})\.(\d{1,3})(?![.\d])")
_AFTER = re.compile(
    r"(?:again|retry|come back|wait|for)\W+(?:after |in |at least |for |another )*(\d{1,5})\s*(s|sec|m|min|h|hour)",
    re.I,
)
_UNIT_S = {"s": 1.0, "m": _MINUTE, "h": _HOUR}
_TEXT_MAX = 1000
_WAIT_MAX_S = 24 * _HOUR

_ACCEPTED = Verdict(Outcome.ACCEPTED, Scope.MAIL, "", Reason.ACCEPTED)


def read(code: int, text: str, *, stage: Stage) -> Verdict:
    """What this reply means at this stage. code: three digits, anything else is no reply; text: its words.

    ACCEPTED before the body means that the step may go on. IN_DOUBT is possible after the body alone:
    before it nothing can have been delivered, so the strangest answer there is temporary.
    """
    if 200 <= code < 300 and stage is not Stage.DATA:
        return _ACCEPTED
    if stage is Stage.DATA and code == 354:
        return _ACCEPTED
    words = text[:_TEXT_MAX]
    status = enhanced(words)
    if code // 100 not in (4, 5) or code > 599:
        return _no_answer(code, status, stage)
    reason = _reason(code, status, words, stage)
    scope, wait_s = _MEANS.get(reason, (Scope.MAIL, None))
    if stage is Stage.CONNECT or (stage is Stage.MAIL and reason in _AT_MAIL_OURS):
        scope, wait_s = Scope.ACCOUNT, wait_s or 5 * _MINUTE
    outcome = outcome_of(code)
    if stage is Stage.CONNECT or reason in _NOT_THE_MAIL:
        outcome = Outcome.TEMPORARY
    if code // 100 == 4 or scope is not Scope.MAIL:
        wait_s = _said(words) or wait_s
    return Verdict(outcome, scope, status, reason, wait_s)


def enhanced(text: str) -> str:
    """The enhanced status in a reply's words: `5.1.1`, also as `#5.1.0` or `(#5.7.1)`; "" without one."""
    found = _STATUS.search(text[:200])
    return ".".join(str(int(part)) for part in found.groups()) if found else ""


def _reason(code: int, status: str, text: str, stage: Stage) -> Reason:
    detail = status.partition(".")[2]
    for rule in RULES:
        if rule.holds(code, detail, text, stage):
            return rule.reason
    if stage is Stage.CONNECT:
        return Reason.AWAY
    return Reason.LATER if code // 100 == 4 else Reason.REFUSED


def _no_answer(code: int, status: str, stage: Stage) -> Verdict:
    """No reply, or one that no mail server gives here."""
    reason = Reason.ODD_ANSWER if code > 0 else Reason.NO_ANSWER
    if stage is Stage.BODY:
        return Verdict(Outcome.IN_DOUBT, Scope.MAIL, status, reason)
    if stage is Stage.CONNECT:
        return Verdict(Outcome.TEMPORARY, Scope.ACCOUNT, status, Reason.AWAY, _MINUTE)
    return Verdict(Outcome.TEMPORARY, Scope.MAIL, status, reason)


def _said(text: str) -> float | None:
    """The wait that the server itself names ("try again in 300 seconds"), at most a day."""
    found = _AFTER.search(text)
    if found is None:
        return None
    return max(1.0, min(_WAIT_MAX_S, float(found[1]) * _UNIT_S[found[2][0].lower()]))
