"""Deliver: round after round of claiming, handing over and settling, the database's part beside the wire's.

While one batch is on the wire, a second thread settles the one before and claims the one after: the worker
never waits for a statement. At most once, never silently lost: see `carry`. Source: design 3, 4.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime
from functools import partial

import structlog

from campaigns.parts import Parts
from campaigns.services import carry, replan
from campaigns.services.carry import Round
from campaigns.services.stops import Watch
from campaigns.storage import outbox
from campaigns.storage.outbox import Lane
from mailer.accounts import Account
from mailer.receipts import Transport
from mailer.transports import transport_for

__all__ = ["Lane", "batch", "close", "is_due", "run"]

log = structlog.get_logger()

LONGEST_S = 20.0  # then other jobs have their turn
# A batch is claimed ahead only where the last one took less than this: mails that a slow server would keep
# waiting here are better left to another worker.
QUICK_S = 2.0

_transports: dict[tuple[int, str], Transport] = {}


def is_due(parts: Parts, *, now: datetime, lane: Lane = Lane.ALL) -> bool:
    """Whether a delivery waits that may be handed over."""
    if not parts.settings.may_send:
        return False
    with parts.engine.connect() as tx:
        return outbox.is_due(tx, now=now, lane=lane)


def run(
    parts: Parts,
    *,
    lane: Lane = Lane.ALL,
    until: Callable[[], bool] = lambda: False,
    longest_s: float = LONGEST_S,
    transport: Transport | None = None,
) -> int:
    """Hand over what is due, for `longest_s` at the most or until told to stop; returns how many were claimed.

    Without an https base URL nothing leaves for the outside: everything stays planned, and the page says so.
    """
    way = _way(parts, transport)
    if way is None or not is_due(parts, now=parts.clock.now(), lane=lane):
        return 0
    replan.run(parts, now=parts.clock.now())
    end = time.monotonic() + longest_s

    def is_over() -> bool:
        return until() or time.monotonic() > end

    with Watch(parts) as watch, ThreadPoolExecutor(1, thread_name_prefix="deliver") as database:
        claim = partial(database.submit, partial(_claim, parts, watch, lane, until))
        ahead: Future[Round | None] | None = claim()
        behind: Future[None] | None = None
        claimed = 0
        is_quick = False
        try:
            while ahead is not None and (current := ahead.result()) is not None:
                claimed += len(current.ids)
                ahead = claim() if is_quick and not is_over() else None
                began = time.monotonic()
                _hand_over(current, way)
                is_quick = time.monotonic() - began < QUICK_S
                # Handed in before the one before it is asked for: if that failed, this one is settled all the same.
                before, behind = behind, database.submit(current.settle)
                if before is not None:
                    before.result()
                if ahead is None and not is_over():
                    ahead = claim()
        finally:
            if ahead is not None:
                database.submit(_give_back, ahead)
        if behind is not None:
            behind.result()
    return claimed


def batch(parts: Parts, *, now: datetime, transport: Transport | None = None) -> int:
    """Claim, hand over and settle one batch; returns how many deliveries were claimed."""
    way = _way(parts, transport)
    if way is None:
        return 0
    with Watch(parts) as watch:
        current = carry.claim(parts, watch, now=now)
        if current is None:
            return 0
        _hand_over(current, way)
        current.settle()
    return len(current.ids)


def _claim(parts: Parts, watch: Watch, lane: Lane, until: Callable[[], bool]) -> Round | None:
    if until():
        return None
    try:
        return carry.claim(parts, watch, now=parts.clock.now(), lane=lane, until=until)
    except OSError as error:
        # No room for a journal: nothing is claimed, everything stays as it is.
        log.error("nothing can be handed over", error=str(error))
        return None


def _hand_over(current: Round, way: Callable[[str], Transport]) -> None:
    try:
        current.hand_over(way)
    except BaseException:
        # The lock is given up with the process or here; the sweep settles from what stands written.
        current.leave()
        raise


def _give_back(ahead: Future[Round | None]) -> None:
    """A batch that was claimed and not begun is planned again, as its empty journal says."""
    with suppress(Exception):
        left = ahead.result()
        if left is not None:
            left.settle()


def _way(parts: Parts, given: Transport | None) -> Callable[[str], Transport] | None:
    """The way out by an account's name; None when nothing can leave now."""
    if not parts.settings.may_send:
        return None
    if given is not None:
        return lambda _: given
    if parts.settings.practice:
        try:
            url = (parts.settings.folder / "catcher.url").read_text().strip()
        except OSError as error:
            log.error("nothing can be handed over", error=str(error))  # no catcher yet
            return None
        return lambda _: _kept(url, lambda: transport_for(url, ehlo_name=parts.settings.host))
    accounts = {account.name: account for account in parts.settings.accounts()}
    return lambda name: _kept(accounts[name].url, lambda: _open(accounts[name], parts.settings.host))


def _open(account: Account, host: str) -> Transport:
    return transport_for(
        account.url,
        ehlo_name=account.helo or host,
        lanes=account.lanes,
        max_per_connection=account.per_connection,
    )


def _kept(url: str, make: Callable[[], Transport]) -> Transport:
    """This thread's connections to that server, kept open between batches."""
    key = threading.get_ident(), url
    if key not in _transports:
        _transports[key] = make()
    return _transports[key]


def close() -> None:
    """End the kept connections of this process."""
    for transport in _transports.values():
        with suppress(OSError):
            transport.close()
    _transports.clear()
