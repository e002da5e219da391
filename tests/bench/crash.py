"""200 processes killed with SIGKILL while mails flow through a slow sink.

Killed at random: workers, the scheduler, Valkey, PostgreSQL (a session, or the server as a whole). Workers
run their jobs in their own process, so there is no work-horse of its own to kill. With --database-url the
database belongs to somebody else and is left alive; a database of the run's own is made there and removed.

Limits: 0 duplicates, 0 lost, in doubt at most one a killed connection, work going on within 5 s of a kill.
"""

from __future__ import annotations

import argparse
import json
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import asdict

from sqlalchemy import create_engine, make_url, text

from tests.bench.installation import house
from tests.e2e import kills

PAUSE_LIMIT_S = 5.0


@contextmanager
def own_database(url: str) -> Iterator[str]:
    """A fresh database on that server; its URL."""
    name = f"ikusei_crash_{secrets.token_hex(4)}"
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as tx:
        tx.execute(text(f"create database {name}"))
    try:
        yield make_url(url).set(database=name).render_as_string(hide_password=False)
    finally:
        with engine.connect() as tx:
            tx.execute(text(f"drop database {name} with (force)"))
        engine.dispose()


def measure(
    *, mails: int, count: int, workers: int = 2, database_url: str = "", loud: bool = False
) -> kills.Report:
    """The run of the command."""
    with own_database(database_url) if database_url else nullcontext("") as url:
        changed = {"database_url": url} if url else {}
        with house(**changed) as made:
            return kills.run(
                made,
                mails=mails,
                kills=count,
                workers=workers,
                kinds=[kind for kind in kills.Kind if not url or kind in kills.OURS],
                say=(lambda line: print(line, file=sys.stderr, flush=True)) if loud else lambda line: None,
            )


def is_good(report: kills.Report) -> bool:
    """Whether the limits are kept."""
    return (
        report.duplicates == 0
        and report.lost == 0
        and report.in_doubt <= report.connections
        and report.longest_pause_s <= PAUSE_LIMIT_S
    )


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.crash", description=__doc__)
    parser.add_argument("--mails", type=int, default=20_000)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--database-url", default="")
    parser.add_argument("--json", action="store_true", help="nothing but one JSON object on stdout")
    chosen = parser.parse_args(arguments)
    report = measure(
        mails=chosen.mails,
        count=chosen.kills,
        workers=chosen.workers,
        database_url=chosen.database_url,
        loud=True,
    )
    if chosen.json:
        limits = {"limit_pause_s": PAUSE_LIMIT_S, "limit_in_doubt": report.connections}
        print(json.dumps(asdict(report) | limits, ensure_ascii=False))
    else:
        print(
            f"crash: {report.kills} kills over {report.mails} mails in {report.seconds:.0f} s:"
            f" {report.duplicates} duplicates (limit 0), {report.lost} lost (limit 0),"
            f" {report.in_doubt} in doubt (limit {report.connections}, one a killed connection),"
            f" longest pause {report.longest_pause_s:.1f} s"
            f" ({report.longest_pause_s / PAUSE_LIMIT_S:.2f} of the limit) {report.pauses_s}"
        )
    if not is_good(report):
        sys.exit(1)


if __name__ == "__main__":
    main()
