"""Assign tasks: by the rule when they are made, and by the minute those that came another way."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from sqlalchemy import Connection

from campaigns.parts import Parts
from campaigns.rules import assigning
from campaigns.rules.assigning import Waiting
from campaigns.storage import assigning as stored

CHUNK = 2000


def new(tx: Connection, task_ids: Sequence[int], *, today: date) -> int:
    """Give tasks of this transaction to somebody; how many were. today: in the installation's zone.

    Two that do so at the same moment may both choose whoever had most room then, which the next tasks even out; no
    lock is held that could cross those of the leads.
    """
    if not task_ids:
        return 0
    return _give(tx, stored.of(tx, task_ids), today=today)


def run(parts: Parts, *, now: datetime) -> int:
    """Give everything that is nobody's to somebody, in short transactions; who finds nobody is asked again later."""
    today = now.astimezone(parts.settings.tz).date()
    done, last = 0, 0
    with parts.engine.connect() as tx:
        if not stored.has_team(tx):
            return 0
    while True:
        with parts.engine.begin() as tx:
            waiting = stored.after(tx, last, limit=CHUNK)
            done += _give(tx, waiting, today=today)
        if len(waiting) < CHUNK:
            return done
        last = waiting[-1].id


def _give(tx: Connection, waiting: Sequence[Waiting], *, today: date) -> int:
    if not waiting:
        return 0
    owners = {task.owner_id for task in waiting if task.owner_id is not None}
    given = assigning.share(waiting, stored.members(tx, sorted(owners)), today=today)
    return stored.give(tx, {task_id: one.user_id for task_id, one in given.items()})
