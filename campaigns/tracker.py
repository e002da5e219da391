"""The tracker on its own: pixel, clicks and page beats, without the pages of the application.

`ikusei tracker` runs it on a host or port of its own (IKUSEI_TRACKER), several processes that share the port;
`ikusei up` does so as well where the setting is given. It needs Redis and the signing keys, never the database:
its clock is the wall clock, except in practice mode.
"""

from __future__ import annotations

import signal
import sys
from typing import TYPE_CHECKING

from campaigns import embedded, logs, parts, settings
from campaigns.settings import Settings
from tracking_pixel.app import Tracker

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

PROCESSES = 2
# Clicks wait for the fsync of their group, so many must be able to wait at once.
THREADS = 48


def create() -> WSGIApplication:
    """The tracker of one process, from the environment.

    Granian serves in a child of its own; it ends with its parent, so that a killed one leaves nobody behind.
    """
    embedded.end_with_parent(signal.SIGKILL)
    chosen = settings.read()
    logs.configure(chosen.log_level)
    built = parts.build(chosen)
    return Tracker(
        signer=built.signer,
        stream=built.stream,
        now=built.clock.now,
        sites=chosen.origins(),
        trusted_hops=chosen.trusted_hops,
    )


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
        "wsgi",
        "--factory",
        "campaigns.tracker:create",
    ]
    command += ["--host", host, "--port", port, "--workers", "1", "--blocking-threads", str(THREADS)]
    command += ["--backpressure", str(THREADS), "--no-ws", "--log-level", "error"]
    return [(f"tracker-{n}", command) for n in range(1, PROCESSES + 1)]
