"""The tracker on its own: pixel, clicks and page beats, without the pages of the application.

`ikusei tracker` runs it on a host or port of its own (IKUSEI_TRACKER), several processes that share the port;
`ikusei up` does so as well where the setting is given. It needs Redis and the signing keys, never the database:
its clock is the wall clock, except in practice mode.
"""

from __future__ import annotations

import gc
import signal
import sys

from campaigns import embedded, logs, parts, settings
from campaigns.settings import Settings
from tracking_pixel.app import Tracker
from tracking_pixel.rsgi import LoopTracker

PROCESSES = 2
# Requests that may wait at once, in a process; those beyond wait in the socket.
WAITING = 1024


def create() -> LoopTracker:
    """The tracker of one process, from the environment.

    Granian serves in a child of its own; it ends with its parent, so that a killed one leaves nobody behind.
    """
    embedded.end_with_parent(signal.SIGKILL)
    chosen = settings.read()
    logs.configure(chosen.log_level)
    built = parts.build(chosen)
    # What was loaded stays for good. Looked through again and again, it cost a tenth of each click.
    gc.freeze()
    gc.set_threshold(50_000)
    writer = built.stream.writer()
    tracker = Tracker(
        signer=built.signer,
        stream=writer,
        now=built.clock.now,
        sites=chosen.origins(),
        trusted_hops=chosen.trusted_hops,
        counts=writer.counts,
    )
    return LoopTracker(tracker, writer)


def commands(chosen: Settings) -> list[tuple[str, list[str]]]:
    """Name and command of each process; none without IKUSEI_TRACKER.

    One granian for each instead of one with several workers: who restarts is our supervisor, since granian's own
    respawn gives up after a few.
    """
    if not chosen.tracker:
        return []
    host, _, port = chosen.tracker.rpartition(":")
    command = [
        sys.executable,
        "-m",
        "granian",
        "--interface",
        "rsgi",
        "--factory",
        "campaigns.tracker:create",
    ]
    command += ["--host", host, "--port", port, "--workers", "1", "--loop", "uvloop"]
    command += ["--backpressure", str(WAITING), "--no-ws", "--log-level", "error"]
    # One that a broken connection holds open would outlive a supervisor that was killed.
    command += ["--workers-kill-timeout", "5"]
    return [(f"tracker-{n}", command) for n in range(1, PROCESSES + 1)]
