"""Balance: online and offline touches of the last purchase cycle, and what to do where one side is missing.

Only signs of the person count: our own fax, an unanswered call and an opening, which machines do as well, show
nothing. Source: S3-12, S3-22.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from campaigns.rules.touchpoints import KINDS, Channel, Kind, Touch


@dataclass(frozen=True, slots=True)
class Balance:
    """Signs of the last days by channel. visits: face to face at the customer's."""

    online: int
    offline: int
    visits: int
    days: int

    @property
    def lacks(self) -> str:
        """offline (call or invite), online (a mail with something to read), both, or ''."""
        if self.online and self.offline:
            return ""
        if not self.online and not self.offline:
            return "both"
        return Channel.ONLINE if not self.online else Channel.OFFLINE


def of(touches: Iterable[Touch], *, days: int, now: datetime) -> Balance:
    since = now - timedelta(days=days)
    signs = [
        touch
        for touch in touches
        if since < touch.at <= now and touch.validity > 0 and KINDS[touch.kind].is_sign
    ]
    return Balance(
        online=sum(KINDS[touch.kind].channel is Channel.ONLINE for touch in signs),
        offline=sum(KINDS[touch.kind].channel is Channel.OFFLINE for touch in signs),
        visits=sum(touch.kind is Kind.VISIT for touch in signs),
        days=days,
    )
