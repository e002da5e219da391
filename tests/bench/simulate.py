"""Simulating a year for everybody of a scenario who competes with two further products, nothing written.

The audience is filled as for the planning benchmark; reactions are drawn with the products' own rates.
python -m tests.bench.simulate [--people 100000] [--months 12] [--processes N] [--database-url URL] --json
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import time
from dataclasses import asdict, dataclass, replace

from campaigns.parts import Parts
from campaigns.services import foresee_cuts, simulate, spread
from tests.bench import plan
from tests.bench.installation import installation

SCENARIO = 1  # the first of the three that the people are enrolled in
SEED = 20261124
WHO = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)


@dataclass(frozen=True, slots=True)
class Report:
    """seconds: reading, living through and adding up. mails: of the simulated scenario.

    cpu_s: of all processes but the database's; peak_mb: of the largest one; processes: 0 for as many as there are
    cores; load: one minute's of the machine, before.
    """

    people: int
    months: int
    processes: int
    seconds: float
    cpu_s: float
    people_per_s: int
    mails: int
    peak_mb: float
    load: float


def measure(*, people: int, months: int, processes: int = 0, database_url: str = "") -> Report:
    with installation(database_url=database_url) as parts:
        plan.fill(parts, people)
        return _measured(parts, months, processes)


def _measured(parts: Parts, months: int, processes: int) -> Report:
    load, cpu, began = os.getloadavg()[0], _cpu_s(), time.monotonic()
    with parts.engine.connect() as tx:
        wanted = simulate.setting(tx, SCENARIO, seed=SEED)
        rates = simulate.past_rates(tx, parts, now=plan.MORNING)
    assert wanted is not None
    wanted = foresee_cuts.add(parts, replace(wanted, months=months), now=plan.MORNING, rates=rates)
    result = spread.total(parts, wanted, now=plan.MORNING, rates=rates, processes=processes or None).result()
    seconds = time.monotonic() - began
    return Report(
        people=result["people"],
        months=months,
        processes=processes,
        seconds=round(seconds, 2),
        cpu_s=round(_cpu_s() - cpu, 2),
        people_per_s=round(result["people"] / seconds),
        mails=sum(result["sent"]),
        peak_mb=round(max(resource.getrusage(who).ru_maxrss for who in WHO) / 1024, 1),
        load=round(load, 2),
    )


def _cpu_s() -> float:
    """Of this process and of its children that have ended."""
    return sum(one.ru_utime + one.ru_stime for one in map(resource.getrusage, WHO))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=100_000)
    parser.add_argument("--months", type=int, default=simulate.MONTHS)
    parser.add_argument("--processes", type=int, default=0, help="0: as many as there are cores")
    parser.add_argument(
        "--database-url", default="", help="an empty database; without it an embedded one is made"
    )
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    report = measure(
        people=options.people,
        months=options.months,
        processes=options.processes,
        database_url=options.database_url,
    )
    if options.json:
        print(json.dumps(asdict(report)))
        return
    for name, value in asdict(report).items():
        print(f"{name}: {value}")


if __name__ == "__main__":
    main()
