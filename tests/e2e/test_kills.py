from __future__ import annotations

import signal
import time
from collections.abc import Iterator

import pytest
from sqlalchemy import text

from campaigns.services import self_audit
from tests import world
from tests.bench import crash
from tests.bench.installation import House, house
from tests.e2e import kills
from tests.e2e.kills import Kind

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]

STOP_LIMIT_S = 10


@pytest.fixture
def own() -> Iterator[House]:
    """Servers of the test's own: they are killed."""
    with house() as made:
        yield made


def test_killed_processes_never_double_or_lose_a_mail(own: House) -> None:
    """The issue's 200 kills at a smaller size; the full size is `python -m tests.bench.crash`."""
    report = kills.run(own, mails=600, kills=8)
    assert report.kills == 8
    assert set(report.by_kind) == set(Kind), report
    assert report.duplicates == 0, report
    assert report.lost == 0, report
    # A killed connection had one mail under way at the most, and of that alone nobody can know.
    assert report.in_doubt <= report.connections <= 2 * report.by_kind[Kind.WORKER], report
    assert report.states == {"sent": 600 - report.in_doubt} | (
        {"in_doubt": report.in_doubt} if report.in_doubt else {}
    )
    assert report.longest_pause_s < crash.PAUSE_LIMIT_S, report
    assert self_audit.run(own.parts, now=own.parts.clock.now()).is_sound


def test_a_worker_told_to_end_finishes_the_mails_in_flight_and_leaves_the_rest(own: House) -> None:
    """Each answer takes half a second here, so mails are certainly under way when the signal comes."""
    kills.due(own.parts, 120)
    with kills.sink_for(own, rate=4.0) as sink, kills.crew(own.parts, workers=1) as crew:
        assert kills.wait_for(lambda: len(sink.arrivals) >= 6, 60)
        worker = crew.workers[0]
        assert kills.ports_of(worker.pid, sink.port)
        worker.send_signal(signal.SIGTERM)
        began = time.monotonic()
        assert worker.wait(STOP_LIMIT_S) == 0
        took = time.monotonic() - began
        states = world.states(own.parts)
        assert states.get("in_doubt", 0) == states.get("handing", 0) == 0, (states, took)
        assert states["sent"] == len({arrival.delivery for arrival in sink.arrivals}) == sink.bodies
        assert 0 < states["planned"] < 120
        with own.parts.engine.connect() as tx:
            verdicts = tx.execute(text("select verdict from claims")).scalars().all()
        assert set(verdicts) == {"handed"}, "its claims are its own to close, not the sweep's"
        # The next worker takes the rest, and nobody gets a second mail.
        sink.rate = 0.0
        crew.workers.append(kills.start(own.parts, "worker"))
        assert kills.wait_for(lambda: world.states(own.parts) == {"sent": 120}, 60)
        assert len(sink.arrivals) == sink.bodies == 120
