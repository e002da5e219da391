"""Refusals committed while their mails are on their way: how long after the commit does a body still start?

Real workers send through a slow sink; meanwhile people who have not had their mail yet refuse, one after the
other, those in a claimed batch first. Limit: no body to a refused address starts more than 1 s after the commit.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from dataclasses import asdict, dataclass

from sqlalchemy import text

from campaigns.parts import Parts
from campaigns.services import refuse
from tests import world
from tests.bench.installation import house
from tests.e2e import kills
from tests.e2e.slow_sink import SlowSink

LIMIT_S = 1.0
EVERY_S = 0.05


@dataclass(frozen=True, slots=True)
class Report:
    """refused: people who refused before their mail began. late: bodies that began after the commit all the
    same; longest_s: the longest time after it. limit_s and ratio: what it is measured against."""

    mails: int
    refused: int
    in_a_batch: int
    late: int
    longest_s: float
    limit_s: float
    ratio: float
    states: dict[str, int]


def measure(*, mails: int, rate: float, workers: int) -> Report:
    """One run: people refuse until no mail is left."""
    with house() as made:
        parts = made.parts
        kills.due(parts, mails)
        with kills.sink_for(made, rate=rate) as sink, kills.crew(parts, workers):
            kills.wait_for(lambda: len(sink.begun) > 0, 60)
            committed, in_a_batch = _refuse_all_along(parts, sink, random.Random(1))
            sink.rate = 0.0
            kills.wait_for(lambda: not _waiting(parts, set()), 60)
            begun = dict(sink.begun)
        late = [begun[id] - at for id, at in committed.items() if id in begun and begun[id] > at]
        longest = max(late, default=0.0)
        return Report(
            mails=mails,
            refused=len(committed),
            in_a_batch=in_a_batch,
            late=len(late),
            longest_s=round(longest, 3),
            limit_s=LIMIT_S,
            ratio=round(longest / LIMIT_S, 3),
            states=world.states(parts),
        )


def _refuse_all_along(parts: Parts, sink: SlowSink, dice: random.Random) -> tuple[dict[int, float], int]:
    """Delivery -> when its refusal was committed, while mails flow."""
    committed: dict[int, float] = {}
    in_a_batch = 0
    while waiting := _waiting(parts, committed.keys()):
        claimed = [id for id, state in waiting if state == "handing"]
        begun = dict(sink.begun)
        choice = [id for id in claimed if id not in begun] or [id for id, _ in waiting]
        id = dice.choice(choice)
        refuse.record(parts, delivery_id=id, scope="global", reason="unsubscribe", now=parts.clock.now())
        at = time.monotonic()
        if dict(sink.begun).get(id, at) >= at:  # its body had not begun before
            committed[id] = at
            in_a_batch += id in claimed
        time.sleep(EVERY_S)
    return committed, in_a_batch


def _waiting(parts: Parts, but: object) -> list[tuple[int, str]]:
    with parts.engine.connect() as tx:
        found = tx.execute(
            text("select id, state from deliveries where state in ('planned', 'handing', 'retry')")
        )
        return [(row.id, row.state) for row in found if row.id not in but]  # type: ignore[operator]


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.refuse", description=__doc__)
    parser.add_argument("--mails", type=int, default=3000)
    parser.add_argument("--rate", type=float, default=100.0, help="mails a second that the sink takes")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--json", action="store_true", help="nothing but one JSON object on stdout")
    chosen = parser.parse_args([] if arguments is None else arguments)
    report = measure(mails=chosen.mails, rate=chosen.rate, workers=chosen.workers)
    if chosen.json:
        print(json.dumps(asdict(report)))
    else:
        print(
            f"refuse: {report.refused} refusals while {report.mails} mails flowed, {report.in_a_batch} of them of"
            f" a batch under way: {report.late} bodies began after the commit, the latest {report.longest_s} s"
            f" after it ({report.ratio} of the limit)"
        )
    if report.longest_s > LIMIT_S or not report.refused:
        sys.exit(1)


if __name__ == "__main__":
    main(sys.argv[1:])
