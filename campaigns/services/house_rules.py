"""House rules: how many mails a person may get a month, and how many calls inside sales can make a day.

An admin may raise the monthly cap to at most three, with a reason that is kept; mails of a person are then at least
seven days apart instead of 21. Source: spec 3.1.1, 3.1.13.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from campaigns.parts import Parts
from campaigns.rules.schedule import month_of
from campaigns.storage import audit, house
from campaigns.storage.house import House

CAP_MOST = 3
CALLS_MOST = 100_000
DAYS_MOST = 365
REASON_MAX = 500


class HouseError(ValueError):
    """code: cap_odd, reason_missing, calls_odd, days_odd, stale, cap_in_use (n: people with more mails this month)."""

    def __init__(self, code: str, n: int = 0) -> None:
        super().__init__(code)
        self.code = code
        self.n = n


def read(parts: Parts) -> House:
    with parts.engine.connect() as tx:
        return house.get(tx)


def save(parts: Parts, new: House, *, user_id: int, now: datetime) -> None:
    """Write the rules; decisions from now on follow them. Raises HouseError."""
    if not 1 <= new.cap_max <= CAP_MOST:
        raise HouseError("cap_odd")
    if not 0 <= new.calls <= CALLS_MOST:
        raise HouseError("calls_odd")
    if not 1 <= new.stale_days <= DAYS_MOST:
        raise HouseError("days_odd")
    new = replace(new, cap_reason=new.cap_reason.strip()[:REASON_MAX] if new.cap_max > 1 else "")
    if new.cap_max > 1 and not new.cap_reason:
        raise HouseError("reason_missing")
    with parts.engine.begin() as tx:
        old = house.get(tx)
        # Else the months already promised would stand above the cap, and the self-audit would cry.
        if new.cap_max < old.cap_max:
            held = house.above(tx, new.cap_max, month=month_of(now, parts.settings.tz))
            if held:
                raise HouseError("cap_in_use", held)
        if not house.save(tx, new):
            raise HouseError("stale")
        changes = {
            name: (getattr(old, name), getattr(new, name))
            for name in ("cap_max", "cap_reason", "calls", "stale_days")
        }
        audit.note(tx, noun="house", noun_id=1, action="edit", user_id=user_id, now=now, changes=changes)
