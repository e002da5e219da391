"""Mails a second through real workers into Postfix's smtp-sink, against `smtp-source -d -s 10` into the same.

`python -m tests.bench.send --count 20000 --workers 1 --dkim none --runs 5 --json`

Everything is as in real use: worker processes started by their command, jobs from the queue, a durable
PostgreSQL (embedded, or a fresh database on the server of --database-url), journals, tracked links, signed
addresses. Limit and measurement take turns; each figure is the median of the runs. In one more run, not
timed, the sink counts what it takes.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from contextlib import nullcontext
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from sqlalchemy import text

from campaigns import jobs
from campaigns.parts import Parts
from campaigns.services import render
from tests.bench import processes, senders
from tests.bench.crash import own_database
from tests.bench.installation import installation
from tests.bench.sink import limit, sink

PATIENCE_S = 600.0


@dataclass(frozen=True, slots=True)
class Run:
    """One measured run. cpu_s: of all workers, user and system."""

    mails_per_s: float
    limit_mails_per_s: float
    cpu_s_per_1000: float
    peak_rss_mb: float
    lost: int


def main(argv: list[str] | None = None) -> None:
    given = _options(argv)
    say = (lambda *_: None) if given.json else print
    url = own_database(given.database_url) if given.database_url else nullcontext("")
    with url as database_url:
        changed = {"database_url": database_url} if database_url else {}
        with installation(base_url="https://mail.minori.example", **changed) as base:
            runs, octets, duplicates = _measure(base, given, say)
    figures = {
        "mails_per_s": round(statistics.median(run.mails_per_s for run in runs)),
        "limit_mails_per_s": round(statistics.median(run.limit_mails_per_s for run in runs)),
        "ratio": round(statistics.median(run.mails_per_s / run.limit_mails_per_s for run in runs), 3),
        "cpu_s_per_1000": round(statistics.median(run.cpu_s_per_1000 for run in runs), 3),
        "peak_rss_mb": round(max(run.peak_rss_mb for run in runs)),
        "duplicates": duplicates,
        "lost": sum(run.lost for run in runs),
        "octets": octets,
        "count": given.count,
        "workers": given.workers,
        "dkim": given.dkim,
        "runs": len(runs),
    }
    if given.json:
        print(json.dumps(figures))
    else:
        print(
            "send: {mails_per_s}/s = {ratio} of the limit {limit_mails_per_s}/s, {octets} octets a mail,"
            " {workers} worker(s), dkim {dkim}; {cpu_s_per_1000} s CPU per 1,000 (worker), peak {peak_rss_mb} MB,"
            " {duplicates} duplicates, {lost} lost, median of {runs}".format(**figures)
        )


def _options(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="tests.bench.send", description=__doc__)
    parser.add_argument("--count", type=int, default=20_000)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--dkim", choices=("none", "rsa2048", "ed25519"), default="none")
    parser.add_argument("--database-url", default="")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args([] if argv is None else argv)


def _measure(base: Parts, given: argparse.Namespace, say) -> tuple[list[Run], int, int]:  # type: ignore[no-untyped-def]
    house = senders.build(base, people=given.count)
    if given.dkim != "none":
        senders.sign(base, given.dkim)
    first = senders.plan(base, house)[0]
    with base.engine.connect() as tx:
        (item,) = render.items(tx, base, [first], now=datetime.now(UTC)).values()
    octets = len(item.body() if callable(item.body) else item.body)
    runs = []
    with sink() as way:
        parts = _to(base, way.port)
        with processes.workers(parts.settings, given.workers) as pids:
            for number in range(given.runs + 1):  # the first one warms up and is not counted
                top = limit(way.port, count=given.count, octets=octets)
                run = _run(parts, house, given.count, pids, top)
                if number:
                    runs.append(run)
                    say(
                        f"  run {number}: {run.mails_per_s:.0f}/s of {top:.0f}/s, {run.cpu_s_per_1000:.3f} s CPU"
                    )
    return runs, octets, _count(base, house, given)


def _to(base: Parts, port: int) -> Parts:
    return replace(base, settings=replace(base.settings, smtp_url=f"smtp://127.0.0.1:{port}?starttls=none"))


def _run(parts: Parts, house: senders.House, count: int, pids: list[int], top: float) -> Run:
    senders.plan(parts, house)
    cpu = sum(map(processes.cpu_s, pids))
    began = time.monotonic()
    jobs.ask(parts, "deliver")
    _wait(parts, count)
    took = time.monotonic() - began
    return Run(
        mails_per_s=count / took,
        limit_mails_per_s=top,
        cpu_s_per_1000=1000 * (sum(map(processes.cpu_s, pids)) - cpu) / count,
        peak_rss_mb=max(map(processes.peak_mb, pids)),
        lost=count - senders.sent(parts),
    )


def _wait(parts: Parts, count: int) -> None:
    """Until nothing is left to be sent; the last settling counts."""
    end = time.monotonic() + PATIENCE_S
    with parts.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as tx:
        # Indexes ix_deliveries_due and ix_deliveries_handing: looking must not cost what it measures.
        left = text(
            "select exists (select 1 from deliveries where state in ('planned', 'retry'))"
            " or exists (select 1 from deliveries where state = 'handing')"
        )
        while tx.execute(left).scalar():
            if time.monotonic() > end:
                raise SystemExit("mails are left over after ten minutes")
            time.sleep(0.01)


def _count(base: Parts, house: senders.House, given: argparse.Namespace) -> int:
    """Mails that a counting sink took beyond those that were sent."""
    with sink(counting=True) as way:
        parts = _to(base, way.port)
        with processes.workers(parts.settings, given.workers):
            senders.plan(parts, house)
            jobs.ask(parts, "deliver")
            _wait(parts, given.count)
        return way.taken() - given.count


if __name__ == "__main__":
    main(sys.argv[1:])
