from __future__ import annotations

import pytest

from tests.bench import track_crash
from tests.e2e.hits import Plan

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]


def test_killed_servers_and_trackers_never_lose_or_double_an_acknowledged_click() -> None:
    """The issue's million at a smaller size; the full size is `python -m tests.bench.track_crash`."""
    report = track_crash.measure(Plan(hits=6_000, redis_kills=2, observers=0))
    assert report.acknowledged > 5_000, report
    assert (report.lost, report.doubled, report.late, report.other) == (0, 0, 0, 0), report
    assert report.spooled > 0, report
    # What a killed tracker had gathered: opens wait 50 ms for company.
    assert report.opens_missing <= 60, report
