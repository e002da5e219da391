"""A worker: takes RQ jobs, each of which carries hundreds of rows. `python worker.py` or `ikusei worker`.

The worker runs jobs in its own process (a fork a job costs more than most of these jobs). It may be
killed at any moment: what it had claimed is settled by the sweep from the hand-over journal.
"""

from __future__ import annotations

import os
import signal
import socket
import time
import uuid

import structlog
from redis.exceptions import RedisError
from rq import Queue, SimpleWorker
from rq.timeouts import TimerDeathPenalty

from campaigns import jobs, logs, parts, settings

log = structlog.get_logger()

AGAIN_S = 1.0


class Worker(SimpleWorker):
    """SimpleWorker whose time limit needs no signal, so it may run in any thread."""

    death_penalty_class = TimerDeathPenalty


def main() -> None:
    """Run until told to stop."""
    chosen = settings.read()
    logs.configure(chosen.log_level)
    built = parts.build(chosen)
    jobs.use(built)
    while not _work(built):
        # RQ gives up when Redis goes away during a job. The handlers it leaves would swallow the signal to end.
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        time.sleep(AGAIN_S)


def _work(built: parts.Parts) -> bool:
    """Take jobs; True when told to stop, False when RQ gave up."""
    worker = Worker(
        [Queue(parts.QUEUE, connection=built.redis)],
        connection=built.redis,
        name=f"{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex[:6]}",
        # After a kill the next job must not wait for a dead worker's registration (design 5).
        worker_ttl=30,
        maintenance_interval=30,
    )
    try:
        worker.work(with_scheduler=False, logging_level="WARNING")
    except RedisError as error:
        log.warning("worker waits for Redis", error=type(error).__name__)
    return worker._shutdown_requested_date is not None


if __name__ == "__main__":
    main()
