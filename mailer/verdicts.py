"""The words for what a server's reply means; `replies.read` finds them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from mailer.receipts import Outcome, Stage

__all__ = ["GONE", "OWN_FAULT", "Reason", "Scope", "Stage", "Verdict"]


class Scope(StrEnum):
    """Whom the reply concerns: this mail, every mail to its domain, or everything of the SMTP account."""

    MAIL = "mail"
    DOMAIN = "domain"
    ACCOUNT = "account"


class Reason(StrEnum):
    """Why, out of a closed list. The pages word these."""

    ACCEPTED = "accepted"
    # the mailbox
    NO_SUCH_USER = "no_such_user"
    NO_SUCH_DOMAIN = "no_such_domain"
    BAD_ADDRESS = "bad_address"
    MAILBOX_FULL = "mailbox_full"
    MAILBOX_DISABLED = "mailbox_disabled"
    MAILBOX_BUSY = "mailbox_busy"
    GREYLISTED = "greylisted"
    FILTERED = "filtered"  # the recipient's own setting refuses us, or, said the same way, there is none
    # the mail
    TOO_LARGE = "too_large"
    BAD_CONTENT = "bad_content"
    SPAM = "spam"
    # the receiving domain, now
    THROTTLED = "throttled"
    REPUTATION = "reputation"
    SERVER_BUSY = "server_busy"
    NETWORK = "network"
    CLOSING = "closing"
    # the sender's own fault
    AUTHENTICATION = "authentication"
    BLOCKLISTED = "blocklisted"
    SENDER_REFUSED = "sender_refused"
    POLICY = "policy"
    # our SMTP account and its server
    LOGIN_FAILED = "login_failed"
    LOGIN_AWAY = "login_away"
    ACCOUNT_LIMIT = "account_limit"
    SERVER_STORAGE = "server_storage"
    RELAY_DENIED = "relay_denied"
    TLS = "tls"
    AWAY = "away"
    # the rest
    PROTOCOL = "protocol"
    LATER = "later"
    REFUSED = "refused"
    ODD_ANSWER = "odd_answer"
    NO_ANSWER = "no_answer"


# The mailbox does not exist: the address is dead. A policy refusal never is.
GONE = frozenset({Reason.NO_SUCH_USER, Reason.NO_SUCH_DOMAIN, Reason.BAD_ADDRESS})
# To mend on our side (DNS, content, reputation, login); the address is not to blame.
OWN_FAULT = frozenset(
    {
        Reason.SPAM, Reason.REPUTATION, Reason.AUTHENTICATION, Reason.BLOCKLISTED, Reason.SENDER_REFUSED,
        Reason.POLICY, Reason.LOGIN_FAILED, Reason.RELAY_DENIED, Reason.TLS,
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Verdict:
    """One reply, understood. status: enhanced code such as 4.7.28, "" without one.

    wait_s: how long to let scope rest; None leaves it to the ordinary back-off.
    """

    outcome: Outcome
    scope: Scope
    status: str
    reason: Reason
    wait_s: float | None = None

    @property
    def is_gone(self) -> bool:
        """The server said for good that there is no such mailbox."""
        return self.reason in GONE and self.outcome is Outcome.PERMANENT
