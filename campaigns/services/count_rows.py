"""Count the rows of big scenarios, so that their pages need not: for the job of every minute."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime

from campaigns.parts import Parts
from campaigns.storage import reach, scenarios, step_counts


def run(parts: Parts, *, now: datetime, until: Callable[[], bool] = lambda: False) -> int:
    """Count what is old, a transaction a scenario; how many were counted."""
    with parts.engine.connect() as tx:
        due = step_counts.due(tx, now=now)
    done = 0
    for one in due:
        if until():
            break
        began = time.monotonic()
        with parts.engine.begin() as tx:
            scenario = scenarios.get(tx, one.scenario_id)
            if scenario is None:
                continue
            figures, reached = step_counts.count(tx, scenario.id), reach.count(tx, scenario)
            took_s = time.monotonic() - began
            step_counts.keep(tx, scenario, figures, reached, took_s=took_s, now=now)
        done += 1
    return done
