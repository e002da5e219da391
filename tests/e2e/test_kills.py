from __future__ import annotations

import pytest

from campaigns.parts import Parts
from campaigns.services import self_audit
from tests.e2e import kills


@pytest.mark.e2e
def test_killed_workers_never_double_or_lose_a_mail(parts: Parts) -> None:
    """The issue's 5,000 mails and 20 kills at a smaller size; the full size is tests/bench."""
    report = kills.run(parts, mails=400, kills=4, rate=60)
    assert report.kills == 4
    assert report.duplicates == 0, report
    assert report.lost == 0, report
    # Two connections a worker: at most one mail in doubt a connection and kill.
    assert report.in_doubt <= 2 * report.kills, report
    assert report.states.get("sent", 0) + report.in_doubt == 400, report
    assert report.longest_pause_s < 5, report
    assert self_audit.run(parts, now=parts.clock.now()).is_sound
