"""The word of sales about a product: how much they take today, the trust they have in us, and the bar that follows.

Marketing and sales see the same panel. Source: spec 3.5, S2-11, S2-12, S2-22.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta

from sqlalchemy import Connection

from campaigns.parts import Parts
from campaigns.rules.handoff import LAST_RESOLVED, Appetite, TeamState, appetite_now, bar, trust
from campaigns.services.catalogue import Invalid, number
from campaigns.storage import audit, gate, hand_offs, products
from campaigns.storage.hand_offs import Ended
from campaigns.storage.products import TeamWord

RESOLVED = ("won", "lost", "no_deal", "timeout")
WHIFFS_SHOWN = 10
WHIFFS_FOR = timedelta(days=365)


@dataclass(frozen=True, slots=True)
class Gate:
    """The hand-off gate of a product. trust, bar: rates from 0 to 1. history: what sales said, the newest first."""

    team: TeamState
    appetite: Appetite
    is_stale: bool
    trust: float
    bar: float
    history: tuple[TeamWord, ...] = ()

    @property
    def left(self) -> int:
        return max(0, self.team.capacity_per_week - self.team.handed_this_week)


@dataclass(frozen=True, slots=True)
class Record:
    """What the trust is made of: the last results, the last returns, and a year's returns by their reason."""

    results: tuple[Ended, ...]
    returns: tuple[Ended, ...]
    whiffs: Mapping[str, int]


def gates(parts: Parts, product_ids: Sequence[int], *, now: datetime) -> dict[int, Gate]:
    """Where the bar stands for each product."""
    with parts.engine.connect() as tx:
        teams = gate.states(tx, product_ids, week=week_start(parts, now), now=now)
    return {product_id: _gate(team, now=now) for product_id, team in teams.items()}


def gate_of(parts: Parts, product_id: int, *, now: datetime) -> Gate:
    """Where the bar stands for a product, and what sales said about it."""
    with parts.engine.connect() as tx:
        team = gate.states(tx, [product_id], week=week_start(parts, now), now=now)[product_id]
        history = tuple(products.team_words(tx, product_id))
    return _gate(team, now=now, history=history)


def read(tx: Connection, parts: Parts, product_id: int, *, now: datetime) -> Gate:
    """Where the bar stands for a product, within the caller's transaction."""
    team = gate.states(tx, [product_id], week=week_start(parts, now), now=now)[product_id]
    return _gate(team, now=now)


def record(parts: Parts, product_id: int, *, now: datetime) -> Record:
    """The results and returns behind the trust."""
    with parts.engine.connect() as tx:
        return Record(
            results=tuple(hand_offs.ended(tx, product_id, states=RESOLVED, limit=LAST_RESOLVED)),
            returns=tuple(hand_offs.ended(tx, product_id, states=("returned",), limit=WHIFFS_SHOWN)),
            whiffs=hand_offs.whiffs(tx, product_id, since=now - WHIFFS_FOR),
        )


def _gate(team: TeamState, *, now: datetime, history: tuple[TeamWord, ...] = ()) -> Gate:
    appetite = appetite_now(team, now=now)
    return Gate(
        team=team,
        appetite=appetite,
        is_stale=team.set_at is not None and appetite != team.appetite,
        trust=trust(team.wins, team.resolved),
        bar=bar(team, now=now),
        history=history,
    )


def set_team(
    parts: Parts, product_id: int, *, appetite: str, capacity: str, user_id: int, now: datetime
) -> None:
    """What sales say today about a product. Raises Invalid."""
    errors: dict[str, str] = {}
    if appetite not in set(Appetite):
        errors["appetite"] = "unknown"
    count = number(capacity, 0, 999, "capacity_per_week", errors)
    if errors:
        raise Invalid(errors)
    with parts.engine.begin() as tx:
        if products.find(tx, product_id) is None:
            raise Invalid({"appetite": "unknown"})
        products.add_team_word(
            tx, product_id, appetite=appetite, capacity_per_week=count, user_id=user_id, now=now
        )
        audit.note(
            tx,
            noun="product",
            noun_id=product_id,
            action="appetite",
            user_id=user_id,
            now=now,
            changes={"appetite": (None, appetite), "capacity_per_week": (None, count)},
        )


def week_start(parts: Parts, now: datetime) -> datetime:
    """Monday's midnight of this week, in the installation's zone."""
    local = now.astimezone(parts.settings.tz)
    return datetime.combine(local.date() - timedelta(days=local.weekday()), time(0), tzinfo=local.tzinfo)
