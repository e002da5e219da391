"""Count ranks: each night the people of every rank as the day ended, their moves, and the alarms of a month's end.

Days are counted back from this moment by the changes since, so a night late, a week without power or two years before
the first count give the same numbers. Source: S0-31, spec 2.5.5 (5).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from sqlalchemy import Connection

from campaigns.parts import Parts
from campaigns.rules import rank_health as rule
from campaigns.rules.rank_health import Spread
from campaigns.rules.schedule import month_of
from campaigns.storage import rank_health


@dataclass(frozen=True, slots=True)
class Counted:
    """What a run did. days: counted; alarms: products of which somebody was newly told."""

    days: int = 0
    alarms: int = 0


def run(parts: Parts, *, now: datetime) -> Counted:
    """Count the days that have ended since the last run, the first time those of two years."""
    zone = parts.settings.tz
    today = now.astimezone(zone).date()
    with parts.engine.begin() as tx:
        days = _days(rank_health.last_day(tx), today)
        if days:
            _count(tx, days, today, parts)
        told = [
            rank_health.tell(tx, product, codes=json.dumps(codes), month=month_of(now, zone), now=now)
            for product, codes in alarms(tx, today).items()
        ]
    return Counted(len(days), sum(told))


def alarms(tx: Connection, today: date) -> Mapping[int, tuple[str, ...]]:
    """What is wrong by the last three month-ends, by product; only those of which something is."""
    ends = rule.month_ends(today, months=rule.IN_A_ROW)
    found = rank_health.spreads(tx, ends)
    codes = {product: rule.alarms(_on(spreads, ends)) for product, spreads in found.items()}
    return {product: of for product, of in codes.items() if of}


def _on(spreads: list[Spread], days: tuple[date, ...]) -> list[Spread | None]:
    by_day = {one.day: one for one in spreads}
    return [by_day.get(day) for day in days]


def _days(last: date | None, today: date) -> list[date]:
    """The days to count: all that ended since the last one; at first each day of the last 30 and 24 month-ends."""
    yesterday = today - timedelta(days=1)
    if last is None:
        first = today - timedelta(days=rule.FLOW_DAYS)
        recent = {first + timedelta(days=n) for n in range(rule.FLOW_DAYS)}
        return sorted({*rule.month_ends(today), *recent})
    return [last + timedelta(days=n) for n in range(1, (yesterday - last).days + 1)]


def _count(tx: Connection, days: list[date], today: date, parts: Parts) -> None:
    zone = parts.settings.tz
    since = datetime.combine(days[0], time(), tzinfo=zone).astimezone(UTC)
    moves = rank_health.moves(tx, since=since, zone=parts.settings.zone)
    now = rank_health.now_by_rank(tx)
    rank_health.put_days(tx, rule.stocks(now, moves, days))
    rank_health.put_moves(tx, [move for move in moves if move.day < today])
