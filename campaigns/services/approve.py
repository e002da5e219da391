"""Approve: what a company's owner sees before mails go, and says yes or no to.

People at companies of class A, B and C2 join a scenario only with their owner's yes, and the owner sees each of
their mails two business days ahead and may veto it. A veto ends that one mail: its month is free for other
products, and the scenario goes on with its next row. Source: spec 3.1.12, 3.1.14.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from sqlalchemy import Connection

from campaigns.parts import Parts
from campaigns.rules.planning import VETO_DAYS
from campaigns.services import count_approvals, enrol
from campaigns.storage import approvals, audit, closed_days, holds, settling
from campaigns.storage.approvals import Asked, Counts, Group, Mail

SHOWN = 50  # people and mails a page lists
AHEAD_DAYS = VETO_DAYS + 1  # business days of mails on the page: those decided today stand there as well
REASON_MAX = 200


@dataclass(frozen=True, slots=True)
class Page:
    """All of the page. groups: scenarios with people who wait; asked: some of them; mails: some of the next ones.

    people_from, mails_from: how many come before those shown. last: the last day whose mails are shown.
    """

    counts: Counts
    groups: tuple[Group, ...]
    asked: tuple[Asked, ...]
    mails: tuple[Mail, ...]
    people_from: int
    mails_from: int
    last: date


def counts(parts: Parts, *, owner_id: int | None, now: datetime) -> Counts:
    """What waits for this owner; None: for anybody."""
    with parts.engine.connect() as tx:
        return count_approvals.read(tx, parts, owner_id=owner_id, before=_until(tx, parts, now))


def recount(parts: Parts, *, now: datetime) -> bool:
    """Renew what a big installation keeps of these counts; for a job. Whether it counted."""
    with parts.engine.connect() as tx:
        until = _until(tx, parts, now)
    return count_approvals.run(parts, before=until, now=now)


def page(
    parts: Parts, *, owner_id: int | None, now: datetime, people_from: int = 0, mails_from: int = 0
) -> Page:
    """Who waits for a yes, and the planned mails of the next days."""
    with parts.engine.connect() as tx:
        until = _until(tx, parts, now)
        return Page(
            count_approvals.read(tx, parts, owner_id=owner_id, before=until),
            approvals.groups(tx, owner_id=owner_id),
            approvals.asked(tx, owner_id=owner_id, limit=SHOWN, offset=people_from),
            approvals.mails(tx, owner_id=owner_id, before=until, limit=SHOWN, offset=mails_from),
            people_from,
            mails_from,
            (until - timedelta(seconds=1)).date(),
        )


def answer(
    parts: Parts,
    *,
    yes: bool,
    ids: Sequence[int] | None = None,
    scenario_id: int | None = None,
    owner_id: int | None,
    user_id: int,
    now: datetime,
) -> int:
    """Say yes or no for these enrolments, or for all of a scenario; how many were answered.

    Those of other owners, and those answered meanwhile, are left out.
    """
    with parts.engine.connect() as tx:
        own = approvals.own_asked(tx, owner_id=owner_id, ids=ids, scenario_id=scenario_id)
    return enrol.answer(parts, own, yes=yes, user_id=user_id, now=now) if own else 0


def veto(
    parts: Parts, delivery_id: int, *, reason: str, owner_id: int | None, user_id: int, now: datetime
) -> bool:
    """Stop one planned mail; False when it has left meanwhile or is nothing of this owner's."""
    today = now.astimezone(parts.settings.tz).date()
    with parts.engine.begin() as tx:
        until = _until(tx, parts, now)
        if not approvals.mails(tx, owner_id=owner_id, before=until, limit=1, id=delivery_id):
            return False
        # Before the delivery itself: the planner and the sender take their locks in this order.
        holds.lock_people(tx, [delivery_id])
        if not approvals.veto(tx, delivery_id, now=now):
            return False
        settling.free_slots(tx, [delivery_id], today=today, zone=parts.settings.zone)
        audit.note(
            tx,
            noun="delivery",
            noun_id=delivery_id,
            action="veto",
            user_id=user_id,
            now=now,
            changes={"reason": (None, reason.strip()[:REASON_MAX] or None)},
        )
    return True


def _until(tx: Connection, parts: Parts, now: datetime) -> datetime:
    """The end of the last day whose mails are shown."""
    calendar = closed_days.load(tx)
    last = calendar.add_business_days(now.astimezone(parts.settings.tz).date(), AHEAD_DAYS)
    return datetime.combine(last + timedelta(days=1), time(0), tzinfo=parts.settings.tz)
