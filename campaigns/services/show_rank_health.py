"""Show rank health: whether a product's ranks still tell people apart, with the numbers behind the answer.

Read from the night's counts; the sums of a million leads are not made while a page waits. Source: S0-31, spec 2.5.5.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from campaigns.parts import Parts
from campaigns.rules import actions
from campaigns.rules import rank_health as rule
from campaigns.rules.rank_health import Spread
from campaigns.rules.ranks import Rank
from campaigns.services import count_ranks
from campaigns.storage import audit, calibrations, closed_days, next_actions, rank_health, ranks
from campaigns.storage.calibrations import Calibration, Proposal
from campaigns.storage.rank_health import Mover, Refused, Remeasured

UNPROVEN_SHOWN = 50


@dataclass(frozen=True, slots=True)
class Band:
    """A band of scores. below: its upper edge, None for the last; prior: the rate before any result."""

    from_score: float
    below: float | None
    resolved: int
    won: int
    rate: float
    prior: float


@dataclass(frozen=True, slots=True)
class Quota:
    """Calls to silent leads in the last 30 days. room: what the quota allowed over these business days."""

    per_day: int
    room: int
    done: Remeasured


@dataclass(frozen=True, slots=True)
class Health:
    """All of a product's page. ends: each month that is over with its spread, None where nothing was counted;
    latest: the last day counted; flows: (old, new) -> people since `since`."""

    product_id: int
    product: str
    ends: tuple[tuple[date, Spread | None], ...]
    latest: Spread | None
    alarms: tuple[str, ...]
    since: date
    flows: Mapping[tuple[str, str], int]
    declined: int
    proven: int
    unproven: tuple[Refused, ...]
    quota: Quota
    bands: tuple[Band, ...]
    gate: float
    calibrated_at: datetime | None
    cuts: tuple[tuple[date, float | None], ...]
    proposals: tuple[Proposal, ...]

    @property
    def is_counted(self) -> bool:
        return self.latest is not None


def products(parts: Parts) -> list[tuple[int, str]]:
    """Active products: (id, name)."""
    with parts.engine.connect() as tx:
        return rank_health.products(tx)


def run(parts: Parts, product_id: int, *, now: datetime) -> Health:
    """The page of an active product."""
    zone, today = parts.settings.tz, now.astimezone(parts.settings.tz).date()
    ends = rule.month_ends(today)
    since = today - timedelta(days=rule.FLOW_DAYS)
    with parts.engine.connect() as tx:
        last = rank_health.last_day(tx)
        days = [*ends, *([last] if last else [])]
        by_day = {
            one.day: one for one in rank_health.spreads(tx, days, product_id=product_id).get(product_id, [])
        }
        product = ranks.products(tx, [product_id], now=now)[product_id]
        found = rank_health.calibration(tx, product_id)
        declined, proven, unproven = rank_health.declined(tx, product_id, limit=UNPROVEN_SHOWN)
        per_day = actions.remeasure_quota(next_actions.call_capacity(tx))
        calendar = closed_days.load(tx)
        return Health(
            product_id=product_id,
            product=product.name,
            ends=tuple((day, by_day.get(day)) for day in ends),
            latest=by_day.get(last) if last else None,
            alarms=rule.alarms([by_day.get(day) for day in ends]),
            since=since,
            flows=rank_health.flows(tx, product_id, since=since),
            declined=declined,
            proven=proven,
            unproven=tuple(unproven),
            quota=Quota(
                per_day,
                per_day
                * sum(calendar.is_business_day(since + timedelta(days=n)) for n in range(rule.FLOW_DAYS)),
                rank_health.remeasured(tx, product_id, since=_midnight(since, parts)),
            ),
            bands=_bands(
                product.rules.edges, product.rules.rates, product.priors, found[1] if found else None
            ),
            gate=product.rules.gate,
            calibrated_at=found[0] if found else None,
            cuts=tuple(rank_health.cuts(tx, product_id, since=_midnight(ends[0], parts), zone=zone.key)),
            proposals=tuple(one for one in calibrations.waiting(tx) if one.product_id == product_id),
        )


def _bands(
    edges: Sequence[float], rates: Sequence[float], priors: Sequence[float], found: Calibration | None
) -> tuple[Band, ...]:
    none = (0,) * len(edges)
    resolved, won = (found.resolved, found.won) if found and len(found.won) == len(edges) else (none, none)
    above = (*edges[1:], None)
    return tuple(Band(*one) for one in zip(edges, above, resolved, won, rates, priors, strict=True))


def movers(
    parts: Parts,
    product_id: int,
    *,
    old: Rank,
    new: Rank,
    now: datetime,
    before: tuple[datetime, int] | None = None,
    limit: int,
) -> list[Mover]:
    """The people behind a flow of the page, the latest first."""
    today = now.astimezone(parts.settings.tz).date()
    since = _midnight(today - timedelta(days=rule.FLOW_DAYS), parts)
    with parts.engine.connect() as tx:
        return rank_health.movers(
            tx,
            product_id,
            old=old.value,
            new=new.value,
            since=since,
            until=_midnight(today, parts),
            before=before,
            limit=limit,
        )


def alarms(parts: Parts, *, now: datetime) -> list[tuple[int, str, tuple[str, ...]]]:
    """Products of which an alarm rings: (id, name, codes)."""
    with parts.engine.connect() as tx:
        found = count_ranks.alarms(tx, now.astimezone(parts.settings.tz).date())
        names = rank_health.names(tx, sorted(found)) if found else {}
    return [(id, name, found[id]) for id, name in names.items()]


def _midnight(day: date, parts: Parts) -> datetime:
    return datetime.combine(day, time(), tzinfo=parts.settings.tz).astimezone(UTC)


def note_export(parts: Parts, product_id: int, *, rows: int, user_id: int | None, now: datetime) -> None:
    """The numbers were taken out; they name nobody (LAW-23)."""
    with parts.engine.begin() as tx:
        audit.note_export(
            tx,
            kind="rank_health",
            wanted={"product": product_id},
            rows=rows,
            person_ids=(),
            user_id=user_id,
            now=now,
        )
