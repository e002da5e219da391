"""Replan: mails whose day went by unsent are planned anew, with today's date, instead of leaving all at once.

What stood still for weeks (a machine that was off, a mail server that was away, a pause) comes back with its
old dates. Handed over as it stands it would leave in one burst, at whatever hour, perhaps on a holiday. So a
mail is handed over on its own day or not at all: from the next midnight on it is put back, and the planner gives
it a day by the wanted one, the business days, the windows, the gap and the cap. Answers to a person's own act are
not held up. Source: issue "Scenarios a marketer trusts", part 3; spec 3.1.7, 3.1.10.
"""

from __future__ import annotations

from datetime import UTC, datetime

from campaigns.parts import Parts
from campaigns.storage import overdue

BATCH = 5_000


def since(parts: Parts, *, now: datetime) -> datetime | None:
    """The first instant of today in the installation's zone: mails of before it do not leave any more.

    None under a practice clock, which jumps over days on which nobody was down.
    """
    if parts.clock.travels:
        return None
    local = now.astimezone(parts.settings.tz)
    return local.replace(hour=0, minute=0, second=0, microsecond=0).astimezone(UTC)


def run(parts: Parts, *, now: datetime) -> int:
    """Put back every mail whose day has passed; how many. A batch a transaction."""
    before = since(parts, now=now)
    return 0 if before is None else put_back(parts, reason="day_passed", before=before, now=now)


def put_back(
    parts: Parts, *, reason: str, before: datetime, now: datetime, kind: str = "all", id: int | None = None
) -> int:
    """Put back what was planned for before that instant. kind, id: of everything, a product or a scenario."""
    today, count = now.astimezone(parts.settings.tz).date(), 0
    while True:
        with parts.engine.begin() as tx:
            ids = overdue.late(tx, before=before, limit=BATCH, kind=kind, id=id)
            done = overdue.put_back(tx, ids, reason=reason, now=now, today=today, zone=parts.settings.zone)
        count += done
        if len(ids) < BATCH or not done:
            return count
