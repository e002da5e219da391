"""Returned mails: what a bounce, a complaint or a delay says about which address.

`read(raw)` takes the octets of any mail and never raises. `REASONS` is the closed list of reasons.
"""

from mailer.bounces.read import read
from mailer.bounces.reasons import REASONS, Reason
from mailer.bounces.returned import Recipient, Returned, ReturnedKind, Side

__all__ = ["REASONS", "Reason", "Recipient", "Returned", "ReturnedKind", "Side", "read"]
