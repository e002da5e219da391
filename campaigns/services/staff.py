"""Who of sales takes what: territory, tasks a day, absence; and after how many late days somebody is told.

StaffError carries a code: territory_unknown, per_day_odd, away_past, away_far, days_odd, not_yours, stale.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from campaigns.parts import Parts
from campaigns.rules import lateness
from campaigns.rules.assigning import PER_DAY_MOST, PREFECTURES
from campaigns.services import assign
from campaigns.services.edit_task import LEADERS
from campaigns.storage import assigning, audit, workload
from campaigns.storage.users import User
from campaigns.storage.workload import Workload

AWAY_MOST = timedelta(days=730)
DONE_DAYS = 30


class StaffError(ValueError):
    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class Share:
    """What somebody takes. away_until: the first day they are back. hands_over: what falls due until then becomes
    somebody else's; promises stay."""

    territory: tuple[str, ...]
    per_day: int
    away_until: date | None
    hands_over: bool = False


def every(parts: Parts, *, now: datetime) -> tuple[Sequence[Workload], int]:
    """All of sales with what they have, and the house's late days."""
    start = datetime.combine(now.astimezone(parts.settings.tz).date(), time(), tzinfo=parts.settings.tz)
    with parts.engine.connect() as tx:
        found = workload.every(tx, today=start, since=now - timedelta(days=DONE_DAYS))
        return found, workload.late_days(tx)


def save(parts: Parts, user_id: int, share: Share, *, version: int, by: User, now: datetime) -> int:
    """Returns how many tasks were given to others. Raises StaffError, LookupError."""
    today = now.astimezone(parts.settings.tz).date()
    _check(share, today)
    if by.role not in LEADERS and by.id != user_id:
        raise StaffError("not_yours")
    with parts.engine.begin() as tx:
        before = workload.get(tx, user_id)
        if before is None:
            raise LookupError(user_id)
        if not workload.save(
            tx,
            user_id,
            territory=share.territory,
            per_day=share.per_day,
            away_until=share.away_until,
            version=version,
        ):
            raise StaffError("stale")
        moved = 0
        if share.hands_over and share.away_until is not None:
            zone = str(parts.settings.tz)
            ids = assigning.take_back(tx, user_id, before=share.away_until, zone=zone)
            moved = assign.new(tx, ids, today=today)
        after = (share.territory, share.per_day, share.away_until)
        names = ("territory", "tasks_per_day", "away_until")
        changes: dict[str, tuple[object, object]] = {
            name: (old, new) for name, old, new in zip(names, before, after, strict=True)
        }
        audit.note(tx, noun="user", noun_id=user_id, action="share", user_id=by.id, now=now, changes=changes)
    return moved


def set_late_days(parts: Parts, days: int, *, by: User, now: datetime) -> None:
    """Raises StaffError."""
    if not 1 <= days <= lateness.DAYS_MOST:
        raise StaffError("days_odd")
    with parts.engine.begin() as tx:
        old = workload.late_days(tx)
        workload.set_late_days(tx, days)
        audit.note(
            tx, noun="house", noun_id=1, action="edit", user_id=by.id, now=now,
            changes={"escalate_after_days": (old, days)},
        )  # fmt: skip


def _check(share: Share, today: date) -> None:
    if not set(share.territory) <= set(PREFECTURES):
        raise StaffError("territory_unknown")
    if not 0 <= share.per_day <= PER_DAY_MOST:
        raise StaffError("per_day_odd")
    if share.away_until is not None and share.away_until <= today:
        raise StaffError("away_past")
    if share.away_until is not None and share.away_until > today + AWAY_MOST:
        raise StaffError("away_far")
