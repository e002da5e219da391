"""Count what the home page shows of everybody: of a small installation while it waits, of a big one by a job."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from campaigns.parts import Parts
from campaigns.rules import schedule
from campaigns.services import kept
from campaigns.storage import reports, sizes
from campaigns.storage.reports import Slots, Tiles

NAME = "home"
EVERY = timedelta(minutes=5)
FISCAL_START_MONTH = 4


@dataclass(frozen=True, slots=True)
class Told:
    """tiles: the six processes; slots: the month's mails. at: when they were counted, None for this moment.
    is_known: False while a big installation has not counted this month yet."""

    tiles: Tiles
    slots: tuple[Slots, ...]
    at: datetime | None = None
    is_known: bool = True


def read(parts: Parts, *, now: datetime) -> Told:
    """The figures for the page."""
    with parts.engine.connect() as tx:
        if not sizes.is_big(tx):
            return _made(_count(parts, now=now))
    found = kept.read(parts, NAME)
    if found is None or found.told["month"] != schedule.month_of(now, parts.settings.tz):
        return Told(NONE, (), is_known=False)
    return _made(found.told, at=found.at)


def run(parts: Parts, *, now: datetime) -> bool:
    """Count anew when a big installation's figures are old; for a job. Whether it counted."""
    with parts.engine.connect() as tx:
        if not sizes.is_big(tx):
            return False
    return kept.renew(parts, NAME, lambda: _count(parts, now=now), now=now, every=EVERY)


NONE = Tiles(**{name: None if name == "event_name" else 0 for name in Tiles.__dataclass_fields__})  # type: ignore[arg-type]


def _made(told: Mapping[str, Any], *, at: datetime | None = None) -> Told:
    slots = (
        Slots(**{**one, "until": date.fromisoformat(one["until"]) if one["until"] else None})
        for one in told["slots"]
    )
    return Told(Tiles(**told["tiles"]), tuple(slots), at)


def _count(parts: Parts, *, now: datetime) -> dict[str, Any]:
    zone = parts.settings.tz
    month, day = schedule.month_of(now, zone), now.astimezone(zone).date()

    def midnight(day: date) -> datetime:
        return datetime.combine(day, time(0), tzinfo=zone).astimezone(UTC)

    with parts.engine.connect() as tx:
        tiles = reports.tiles(
            tx,
            month=month,
            month_start=midnight(day.replace(day=1)),
            week_start=midnight(day - timedelta(days=day.weekday())),
            term_start=midnight(_term_start(day)),
        )
        slots = reports.slots(tx, month=month)
    return {
        "month": month,
        "tiles": asdict(tiles),
        "slots": [{**asdict(one), "until": one.until and one.until.isoformat()} for one in slots],
    }


def _term_start(day: date) -> date:
    year = day.year if day.month >= FISCAL_START_MONTH else day.year - 1
    return date(year, FISCAL_START_MONTH, 1)
