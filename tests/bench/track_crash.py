"""1,000,000 hits on the tracker while Redis is killed ten times, trackers and observers are killed, and the database
is away for a minute.

Acknowledged is a click that was answered with a redirect: its row must be in the database in the end, exactly once.
An open is acknowledged by the reply to the push of its group, which nobody outside sees; missing may be only those
that a killed tracker held (gathered for 50 ms at most). python -m tests.bench.track_crash [--hits 1000000] --json
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict

from tests.bench.installation import house
from tests.bench.track import free_port
from tests.e2e import hits
from tests.e2e.hits import Plan, Report


def measure(plan: Plan, *, loud: bool = False) -> Report:
    with (
        house(
            tracker=f"127.0.0.1:{free_port()}",
            smtp_url="smtp://127.0.0.1:1",  # as in real use, where the tracker never asks the database for the time
            base_url="https://m.example.co.jp",
        ) as own
    ):
        return hits.run(
            own,
            plan,
            say=(lambda line: print(line, file=sys.stderr, flush=True)) if loud else lambda line: None,
        )


def is_good(report: Report) -> bool:
    return report.lost == 0 and report.doubled == 0 and report.other == 0 and report.late == 0


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.track_crash", description=__doc__)
    parser.add_argument("--hits", type=int, default=1_000_000)
    parser.add_argument("--redis-kills", type=int, default=10)
    parser.add_argument("--tracker-kills", type=int, default=3)
    parser.add_argument("--observer-kills", type=int, default=1)
    parser.add_argument("--database-away", type=float, default=60.0, help="seconds")
    parser.add_argument("--json", action="store_true", help="nothing but one JSON object on stdout")
    chosen = parser.parse_args()
    plan = Plan(
        hits=chosen.hits,
        redis_kills=chosen.redis_kills,
        tracker_kills=chosen.tracker_kills,
        observer_kills=chosen.observer_kills,
        database_away_s=chosen.database_away,
    )
    report = measure(plan, loud=True)
    if chosen.json:
        print(json.dumps(asdict(report)))
    else:
        print(
            f"{report.acknowledged} clicks answered with a redirect, that is acknowledged: {report.lost} lost (limit 0),"
            f" {report.doubled} counted twice (limit 0); {report.late} answered before they were stored (limit 0).\n"
            f"{report.opens_answered} pictures given, {report.opens_missing} opens missing: an open is acknowledged by"
            f" the push of its group, so these were in the hands of {report.tracker_kills} killed trackers.\n"
            f"{report.unanswered} hits broke off without an answer. {report.spooled} events went over the disk."
            f" {report.hits} hits in {report.hits_s:.0f} s, all stored {report.settled_s:.0f} s later."
        )
    if not is_good(report):
        sys.exit(1)


if __name__ == "__main__":
    main()
