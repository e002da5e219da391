"""Simulating a year for everybody of a scenario who competes with two further products, nothing written.

The audience is filled as for the planning benchmark; reactions are drawn with the products' own rates, in one
process. python -m tests.bench.simulate [--people 100000] [--months 12] [--database-url URL] --json
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import time
from dataclasses import asdict, dataclass, replace

from campaigns.parts import Parts
from campaigns.services import simulate
from tests.bench import plan
from tests.bench.installation import installation

SCENARIO = 1  # the first of the three that the people are enrolled in
SEED = 20261124


@dataclass(frozen=True, slots=True)
class Report:
    """seconds: reading, living through and adding up. mails: of the simulated product.

    peak_mb: of this process; load: one minute's of the machine, before.
    """

    people: int
    months: int
    seconds: float
    cpu_s: float
    people_per_s: int
    mails: int
    peak_mb: float
    load: float


def measure(*, people: int, months: int, database_url: str = "") -> Report:
    with installation(database_url=database_url) as parts:
        plan.fill(parts, people)
        return _measured(parts, months)


def _measured(parts: Parts, months: int) -> Report:
    load, cpu, began = os.getloadavg()[0], time.process_time(), time.monotonic()
    with parts.engine.connect() as tx:
        wanted = simulate.setting(tx, SCENARIO, seed=SEED)
    assert wanted is not None
    wanted = replace(wanted, months=months)
    result = simulate.total(parts, wanted, now=plan.MORNING).result()
    seconds = time.monotonic() - began
    return Report(
        people=result["people"],
        months=months,
        seconds=round(seconds, 2),
        cpu_s=round(time.process_time() - cpu, 2),
        people_per_s=round(result["people"] / seconds),
        mails=sum(result["sent"]),
        peak_mb=round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
        load=round(load, 2),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=100_000)
    parser.add_argument("--months", type=int, default=simulate.MONTHS)
    parser.add_argument(
        "--database-url", default="", help="an empty database; without it an embedded one is made"
    )
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    report = measure(people=options.people, months=options.months, database_url=options.database_url)
    if options.json:
        print(json.dumps(asdict(report)))
        return
    for name, value in asdict(report).items():
        print(f"{name}: {value}")


if __name__ == "__main__":
    main()
