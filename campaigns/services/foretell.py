"""Foretell what a change of the action matrix does to the people of today, before it is saved."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta

from sqlalchemy import Connection

from campaigns.parts import Parts
from campaigns.rules import actions, effects
from campaigns.rules.actions import MOVES, Action, Row
from campaigns.rules.inheritance import Level
from campaigns.rules.ranks import Rank
from campaigns.services import follow_rank
from campaigns.services.inherit import Holder
from campaigns.storage import closed_days, inheritance, lead_facts, matrix_people, next_actions, ranks
from campaigns.storage.matrix_people import Placed

# Beyond so many leads one in n is asked, and the page says so: 33,000 took 8 s on a busy machine.
SAMPLE = 10_000
CHUNK = 5_000
NAMED = 50
MOVES_DAYS = 30


@dataclass(frozen=True, slots=True)
class Who:
    """One person behind a number, with the day that the action would be due."""

    person_id: int
    name: str
    company: str
    product_id: int
    rank: str
    due_on: date


@dataclass(slots=True)
class Change:
    """How many, and the first NAMED of them. today: of these, due today."""

    n: int = 0
    today: int = 0
    people: list[Who] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class KindEffect:
    """One kind of action. silent: of leads that are asked within the day's quota alone."""

    kind: str
    silent: bool
    added: Change
    removed: Change
    moved: Change


@dataclass(frozen=True, slots=True)
class Effect:
    """kinds: what changes, by kind. leads: whom the matrix decides about; asked: how many of them were looked at.
    one_in: 1 for everybody. quota: calls a day to silent leads. moves: cell -> how often in MOVES_DAYS, where its rows
    change. products: how many follow it."""

    kinds: tuple[KindEffect, ...]
    leads: int
    asked: int
    one_in: int
    quota: int
    moves: dict[str, int]
    products: int


def run(parts: Parts, holder: Holder, new: Sequence[Row], *, now: datetime, sample: int = SAMPLE) -> Effect:
    """What holds now, and what would with these rows. Nothing is written."""
    with parts.engine.connect() as tx:
        ids = _products(tx, holder)
        old = ranks.products(tx, ids, now=now)
        wanted = _ranks([row for product in old.values() for row in product.matrix], new)
        total = matrix_people.count(tx, ids, wanted)
        one_in = -(-total // sample) if total > sample else 1
        found = matrix_people.placed(tx, ids, wanted, one_in=one_in)
        counted = _count(tx, parts, found, old, new, now=now)
        changed = {row.cause for product in old.values() for row in set(product.matrix) ^ set(new)}
        is_moved = changed & set(MOVES)
        moves = matrix_people.moves(tx, ids, since=now - timedelta(days=MOVES_DAYS)) if is_moved else {}
        quota = actions.remeasure_quota(next_actions.call_capacity(tx))
    return Effect(
        kinds=counted,
        leads=total,
        asked=len(found),
        one_in=one_in,
        quota=quota,
        moves={cell: moves.get(cell, 0) for cell in MOVES if cell in is_moved},
        products=len(ids),
    )


def _products(tx: Connection, holder: Holder) -> list[int]:
    """Those that follow the holder's matrix."""
    if holder.level is Level.PRODUCT:
        return [holder.id]
    family = holder.name if holder.level is Level.FAMILY else None
    return inheritance.followers(tx, "action_matrix", family=family)


def _ranks(old: Collection[Row], new: Collection[Row]) -> tuple[Rank, ...]:
    """Ranks whose rows differ; the others come out as they are."""
    before: dict[Rank, set[Row]] = defaultdict(set)
    after: dict[Rank, set[Row]] = defaultdict(set)
    for rows, found in ((old, before), (new, after)):
        for row in rows:
            if row.cause not in MOVES:
                found[row.rank].add(row)
    return tuple(rank for rank in Rank if before[rank] != after[rank])


def _count(
    tx: Connection,
    parts: Parts,
    found: Sequence[Placed],
    products: dict[int, ranks.Product],
    new: Sequence[Row],
    *,
    now: datetime,
) -> tuple[KindEffect, ...]:
    zone, calendar = parts.settings.tz, closed_days.load(tx)
    today = now.astimezone(zone).date()
    changes: dict[tuple[str, bool, str], Change] = defaultdict(Change)
    for start in range(0, len(found), CHUNK):
        part = found[start : start + CHUNK]
        facts = lead_facts.of(tx, [one.id for one in part])
        rows = [(one.id, one.ranked.rank, (*products[one.product_id].matrix, *new)) for one in part]
        invitable = follow_rank.may_invite(tx, rows, today=today)
        for one in part:
            product, rank = products[one.product_id], one.ranked.rank
            known = follow_rank.facts_of(
                facts[one.id], state=one.state, rank=rank, today=today, zone=zone, calendar=calendar
            )
            difference = effects.differ(
                one.ranked,
                replace(known, may_invite=one.id in invitable),
                old=product.matrix,
                new=new,
                triggers=product.rules_for(one.industry).triggers,
            )
            silent = rank is Rank.UNOBSERVED
            for how in ("added", "removed", "moved"):
                for action in getattr(difference, how):
                    _note(changes[action.kind.value, silent, how], one, action, today)
    keys = sorted({(silent, kind) for kind, silent, _how in changes})
    return tuple(
        KindEffect(
            kind,
            silent,
            *(changes.get((kind, silent, how), Change()) for how in ("added", "removed", "moved")),
        )
        for silent, kind in keys
    )


def _note(change: Change, one: Placed, action: Action, today: date) -> None:
    change.n += 1
    change.today += action.due_on <= today
    if len(change.people) < NAMED:
        change.people.append(
            Who(one.person_id, one.name, one.company, one.product_id, one.ranked.rank.value, action.due_on)
        )
