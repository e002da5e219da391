"""Hold a call: whoever has a company on the phone keeps everybody else off it.

A page that opens holds it for LEASE_PAGE, which suffices without a script; the script's beats shorten that to LEASE_BEAT
and renew it, so a browser that is closed in the middle keeps nobody waiting.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import Connection

from campaigns.parts import Parts
from campaigns.rules.callorder import Desk
from campaigns.services import call_desk, line_calls
from campaigns.storage import call_locks, closed_days
from campaigns.storage.call_locks import Lock

LEASE_PAGE = timedelta(minutes=10)
LEASE_BEAT = timedelta(minutes=2)
# So many lines are tried before the list is read anew.
LOOK = 20


def next(
    parts: Parts,
    *,
    user_id: int,
    token: str,
    now: datetime,
    product_id: int | None = None,
    skip: tuple[int, ...] = (),
    hours_only: bool = True,
    everybodys: bool = False,
) -> int | None:
    """Take the first call that is free, in one transaction, and hold it; None when there is none.

    skip: calls left for later. everybodys: those that are a colleague's as well.
    """
    with parts.engine.begin() as tx:
        line_calls.add_new(tx, now=now)
        desk = Desk(zone=parts.settings.tz, calendar=closed_days.load(tx), hours_only=hours_only)
        wanted = call_desk.scope(tx, parts, desk, user_id=user_id, now=now)
        wanted = replace(
            wanted, product_id=product_id, skip=skip, user_id=None if everybodys else wanted.user_id
        )
        turn = call_desk.turn(tx, parts, user_id=user_id, now=now)
        while True:
            placed = call_desk.ordered(tx, wanted, n=LOOK, turn=turn)
            for one in placed:
                if _take(tx, parts, one.task_id, user_id=user_id, token=token, now=now):
                    return one.task_id
            if len(placed) < LOOK:
                return None
            wanted = replace(wanted, skip=(*wanted.skip, *(one.task_id for one in placed)))


def _take(tx: Connection, parts: Parts, task_id: int, *, user_id: int, token: str, now: datetime) -> bool:
    """Hold one call, unless somebody else does, or it is none any more."""
    if not call_locks.is_first(tx, task_id):
        return False
    if not call_locks.take(tx, task_id, user_id=user_id, token=token, now=now, until=now + LEASE_PAGE):
        return False
    # Looked at once more under the lock: a colleague may have called there since the list was read.
    day = call_desk.start_of_day(parts, now)
    if call_locks.is_free(tx, task_id, user_id=user_id, now=now, day=day):
        return True
    call_locks.free(tx, task_id, user_id=user_id)
    return False


def open(parts: Parts, task_id: int, *, user_id: int, token: str, now: datetime) -> Lock | None:
    """Hold the call of a page that opens; returns who holds it now, and None when it is no call any more."""
    with parts.engine.begin() as tx:
        call_locks.take(tx, task_id, user_id=user_id, token=token, now=now, until=now + LEASE_PAGE)
        return call_locks.of(tx, task_id, now=now)


def beat(parts: Parts, task_id: int, *, token: str, now: datetime) -> bool:
    """The page is still open; False when the call is not its own any more."""
    with parts.engine.begin() as tx:
        return call_locks.renew(tx, task_id, token=token, until=now + LEASE_BEAT)


def leave(parts: Parts, task_id: int, *, user_id: int, token: str | None = None) -> None:
    """Give the call back: the page is left, or the person put off. token None: whichever page of this user holds it."""
    with parts.engine.begin() as tx:
        call_locks.free(tx, task_id, user_id=user_id, token=token)
