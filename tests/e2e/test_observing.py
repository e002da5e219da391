"""Two workers take in and judge the same crowd's events at once."""

from __future__ import annotations

import pytest

from tests.bench import observe

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]


def test_two_workers_lose_no_event_judge_every_mail_and_rank_by_all_touches() -> None:
    """At a smaller size; the full one is `python -m tests.bench.observe`."""
    report = observe.measure(people=1500, alone=200)
    assert (report.lost, report.wrong) == (0, 0)
    assert report.checked > 100
    assert report.ranks_moved > 10
