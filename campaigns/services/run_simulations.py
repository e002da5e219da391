"""Run simulations: asked for on a page, done by a worker, looked at afterwards."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from datetime import date, datetime, timedelta

from campaigns.parts import Parts
from campaigns.rules.chances import Rates
from campaigns.rules.schedule import first_day, last_day
from campaigns.services import foresee_cuts, gather, simulate, spread, wake
from campaigns.services.simulate import Cancelled
from campaigns.storage import next_actions, simulations

TELL_S = 1.0  # how often the page is told, and asked whether somebody cancelled
TURN_S = (
    240.0  # no further one is begun after it: a job has ten minutes, and what it would cut off has failed
)


def ask(
    parts: Parts,
    scenario_id: int,
    *,
    seed: int,
    rates: Mapping[int, Rates] | None,
    user_id: int | None,
    now: datetime,
) -> int | None:
    """Note down a simulation for a worker; its id, None without such a scenario. rates: None for the past's own.

    It takes the place of one that this user asked of the same scenario and that has not begun: however often the
    button is pressed, nobody else waits for more than one.
    """
    with parts.engine.begin() as tx:
        wanted = simulate.setting(tx, scenario_id, seed=seed)
        if wanted is None or wanted.version is None:
            return None
        if rates is None:
            rates = simulate.past_rates(tx, parts, now=now)
        noted = {str(id): asdict(one) for id, one in rates.items()}
        simulations.end_waiting(tx, scenario_id, user_id=user_id, now=now)
        added = simulations.add(
            tx, scenario_id, version_id=wanted.version, user_id=user_id, seed=seed, rates=noted, now=now
        )
    wake.ask(parts, "simulate")
    return added


def cancel(parts: Parts, id: int, *, now: datetime) -> bool:
    """False if it had ended before."""
    with parts.engine.begin() as tx:
        return simulations.end(tx, id, "cancelled", now=now)


def work(parts: Parts, *, now: datetime, until: Callable[[], bool] = lambda: False) -> int:
    """Do the simulations that wait; how many. One whose worker went away is begun anew."""
    count, began = 0, time.monotonic()
    while not until() and (not count or time.monotonic() - began < TURN_S):
        with parts.engine.begin() as tx:
            one = simulations.take(tx, now=parts.clock.now())
        if one is None:
            break
        count += 1
        try:
            result = _whole(parts, one, now=now, until=until)
        except Exception as error:
            with parts.engine.begin() as tx:
                if until():
                    simulations.put_back(tx, one.id)
                    break
                simulations.end(tx, one.id, "failed", now=parts.clock.now(), error=type(error).__name__)
            if isinstance(error, Cancelled):
                continue
            raise
        with parts.engine.begin() as tx:
            simulations.end(tx, one.id, "done", now=parts.clock.now(), result=result)
    return count


def _whole(
    parts: Parts, one: simulations.Simulation, *, now: datetime, until: Callable[[], bool]
) -> dict[str, object]:
    """The result with the callers' capacity of each month."""
    began, told, said = time.monotonic(), 0.0, -1

    def step(done: int, total: int) -> None:
        nonlocal told, said
        if until():
            raise Cancelled
        is_news = done != said and done in (0, total)
        if not is_news and time.monotonic() - told < TELL_S:
            return
        told, said = time.monotonic(), done
        with parts.engine.begin() as tx:
            if not simulations.tell(tx, one.id, done=done, total=total):
                raise Cancelled

    with parts.engine.connect() as tx:
        wanted = simulate.setting(tx, one.scenario_id, seed=one.seed)
        room = next_actions.call_capacity(tx)
        calendar = gather.known(tx, parts, now=now).clock.calendar
    if wanted is None:
        raise Cancelled
    wanted = foresee_cuts.add(parts, wanted, now=now, rates=one.rates, step=step)
    result = spread.total(parts, wanted, now=now, rates=one.rates, step=step).result()
    result["cuts"] = {str(product): cut for product, cut in wanted.cuts.items()}
    today = now.astimezone(parts.settings.tz).date()
    result["capacity"] = [
        room * sum(calendar.is_business_day(day) for day in _days(month, today)) for month in result["months"]
    ]
    result["calls_per_day"] = room
    result["seconds"] = round(time.monotonic() - began, 1)
    return result


def _days(month: int, today: date) -> Iterator[date]:
    """The days of a month that are not over."""
    day = max(first_day(month), today)
    while day <= last_day(month):
        yield day
        day += timedelta(days=1)


def find(parts: Parts, one: simulations.Simulation, query: str, *, limit: int) -> list[simulations.Named]:
    """People to choose from, by a part of a name."""
    with parts.engine.connect() as tx:
        return simulations.find(tx, one.product_id, query=query, limit=limit)


def who(parts: Parts, one: simulations.Simulation, id: int | None) -> simulations.Named | None:
    """The chosen person, else the first there is."""
    with parts.engine.connect() as tx:
        return next(iter(simulations.find(tx, one.product_id, id=id)), None)


def under_way(parts: Parts) -> list[simulations.Simulation]:
    """Those that wait or run, for today's work."""
    with parts.engine.connect() as tx:
        return simulations.under_way(tx)
