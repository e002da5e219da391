"""A worker: takes RQ jobs, each of which carries hundreds of rows. `python worker.py` or `ikusei worker`.

The worker runs jobs in its own process (a fork a job costs more than most of these jobs). A second thread
sends answers and notices, which never wait behind a campaign. Told to stop (SIGTERM), it begins no further
mail, waits for the answers to those under way and ends. It may be killed at any moment: what it had claimed
is settled by the sweep from the hand-over journal.
"""

from __future__ import annotations

import gc
import os
import signal
import socket
import threading
import uuid
from types import FrameType

import structlog
from redis.exceptions import RedisError
from rq import Queue, SimpleWorker
from rq.timeouts import TimerDeathPenalty
from sqlalchemy.exc import SQLAlchemyError

from campaigns import jobs, logs, parts, settings
from campaigns.services import deliver

log = structlog.get_logger()

AGAIN_S = 1.0
EXPRESS_S = 0.5  # how often the express lane looks for mail


class Worker(SimpleWorker):
    """SimpleWorker whose time limit needs no signal, so it may run in any thread."""

    death_penalty_class = TimerDeathPenalty

    def request_stop(self, signum: int, frame: FrameType | None) -> None:
        jobs.stopping.set()
        super().request_stop(signum, frame)  # type: ignore[no-untyped-call]


def main() -> None:
    """Run until told to stop."""
    chosen = settings.read()
    logs.configure(chosen.log_level)
    built = parts.build(chosen)
    jobs.use(built)
    # What is loaded by now stays. Looking through it again for garbage cost a quarter of the time of every batch.
    gc.freeze()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _stop)
    express = threading.Thread(target=_express, args=(built,), name="express")
    express.start()
    while not jobs.stopping.is_set():
        _work(built)
        # RQ gives up when Redis goes away during a job, and leaves handlers that would swallow the signal.
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, _stop)
        jobs.stopping.wait(AGAIN_S)
    express.join()
    deliver.close()


def _stop(signum: int, frame: FrameType | None) -> None:
    jobs.stopping.set()


def _work(built: parts.Parts) -> None:
    """Take jobs until told to stop, or until RQ gives up."""
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


def _express(built: parts.Parts) -> None:
    """Answers and notices, from their own lane."""
    while not jobs.stopping.is_set():
        try:
            if deliver.run(built, lane=deliver.Lane.EXPRESS, until=jobs.stopping.is_set):
                continue
        except (SQLAlchemyError, OSError) as error:
            log.warning("express lane waits", error=type(error).__name__)
            jobs.stopping.wait(AGAIN_S)
        except Exception as error:
            # A bug that one mail has found must not end the lane for all others; the sweep settles its batch.
            log.error("express lane tripped", error=type(error).__name__, exc_info=True)
            jobs.stopping.wait(AGAIN_S)
        jobs.stopping.wait(EXPRESS_S)


if __name__ == "__main__":
    main()
