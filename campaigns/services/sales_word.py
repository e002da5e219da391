"""The word of sales about a product: how much they take today, and the bar that follows from it (spec 3.5)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta

from campaigns.parts import Parts
from campaigns.rules.handoff import Appetite, TeamState, appetite_now, bar, trust
from campaigns.services.catalogue import Invalid, number
from campaigns.storage import audit, gate, products
from campaigns.storage.products import TeamWord


@dataclass(frozen=True, slots=True)
class Gate:
    """The hand-off gate of a product as the panel shows it (spec 3.5). trust, bar: rates from 0 to 1."""

    team: TeamState
    appetite: Appetite
    is_stale: bool
    trust: float
    bar: float
    history: tuple[TeamWord, ...]

    @property
    def left(self) -> int:
        return max(0, self.team.capacity_per_week - self.team.handed_this_week)


def gate_of(parts: Parts, product_id: int, *, now: datetime) -> Gate:
    """Where the bar stands for a product, and why."""
    local = now.astimezone(parts.settings.tz)
    week = _week_start(local)
    # The gate's own reading locks; this transaction only reads, and ends here.
    with parts.engine.begin() as tx:
        team = gate.teams(tx, [product_id], week=week, now=now)[product_id]
        history = tuple(products.team_words(tx, product_id))
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


def _week_start(local: datetime) -> datetime:
    """Monday's midnight of this week, in the same zone."""
    return datetime.combine(local.date() - timedelta(days=local.weekday()), time(0), tzinfo=local.tzinfo)
