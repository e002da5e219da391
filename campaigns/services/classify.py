"""Classify: A to E of every company, computed nightly, after an import and after an edit.

What the last deal decides holds at once; who moves between A, B and C waits for the monthly review. Locked classes
stay as people set them. Source: spec 2.6, S4-01, S4-03.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection

from campaigns.parts import Parts
from campaigns.rules import classes as rules
from campaigns.rules.classes import Class, Classed, Rules
from campaigns.rules.schedule import month_of
from campaigns.storage import audit, classes
from campaigns.storage.classes import Set, Standing


@dataclass(frozen=True, slots=True)
class Classified:
    """companies: of the house; moved: ids of those with a new class; waiting: suggestions for the review."""

    companies: int
    moved: tuple[int, ...]
    waiting: int = 0


def run(parts: Parts, *, now: datetime, user_id: int | None = None) -> Classified:
    """One load, the rule, one UPDATE. Twice changes nothing. The day is the installation's."""
    with parts.engine.begin() as tx:
        return within(tx, parts, now=now, user_id=user_id)


def within(
    tx: Connection, parts: Parts, *, now: datetime, user_id: int | None, at_once: bool = False
) -> Classified:
    """The same inside the caller's transaction, which takes classes.lock before it writes a company. at_once: nothing
    waits for the review, since somebody has seen it."""
    classes.lock(tx)
    today = now.astimezone(parts.settings.tz).date()
    standings = classes.standings(tx, since=rules.year_before(today))
    found = _found(standings, classes.rules(tx).rules, today=today)
    rows, moved = [], []
    waiting = 0
    for one in standings:
        row = _set(one, found[one.customer.id], at_once=at_once)
        waiting += bool(row.suggested)
        if row.cls is not one.cls:
            moved.append(row.company_id)
        if (row.cls, row.suggested, row.loss_making) != (one.cls, one.suggested, one.loss_making):
            rows.append(row)
    classes.put(tx, rows)
    month = month_of(now, parts.settings.tz)
    if any(one.cls in rules.CURRENT for one in standings):
        classes.open_review(tx, month=month, differing=waiting, now=now)
    if moved:
        audit.note(
            tx,
            noun="companies",
            noun_id=None,
            action="classify",
            user_id=user_id,
            now=now,
            changes={"moved": (None, len(moved))},
        )
    return Classified(classes.count(tx), tuple(moved), waiting)


def _found(standings: Sequence[Standing], by: Rules, *, today: date) -> dict[int, Classed]:
    customers = (one.customer for one in standings)
    return rules.classify(customers, today=today, cuts=by.cuts, basis=by.basis)


def _set(one: Standing, found: Classed, *, at_once: bool) -> Set:
    id = one.customer.id
    if one.is_locked or found.cls is one.cls:
        return Set(id, one.cls, "", found.loss_making)
    if at_once or rules.moves_at_once(one.cls, found.cls):
        return Set(id, found.cls, "", found.loss_making)
    # Whether field sales follow it was somebody's decision, whatever the figures suggest.
    return Set(
        id, rules.of_owner(one.cls, is_field=one.customer.is_field), found.cls.value, found.loss_making
    )


def preview(parts: Parts, by: Rules, *, now: datetime) -> Mapping[tuple[Class, Class], int]:
    """How many companies other rules would move: (from, to) -> n. Locked ones stay; writes nothing."""
    today = now.astimezone(parts.settings.tz).date()
    with parts.engine.connect() as tx:
        standings = classes.standings(tx, since=rules.year_before(today))
    found = _found(standings, by, today=today)
    return Counter(
        (one.cls, found[one.customer.id].cls)
        for one in standings
        if not one.is_locked and found[one.customer.id].cls is not one.cls
    )
