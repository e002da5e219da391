"""The worker's express lane: what trips it over once does not end it."""

from __future__ import annotations

import threading

import pytest

import worker
from campaigns import jobs
from campaigns.parts import Parts


@pytest.mark.parametrize("error", [KeyError("a bug"), UnicodeError("a name"), OSError("a disk")])
def test_the_express_lane_outlives_a_bug(
    parts: Parts, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    calls: list[int] = []
    stopping = threading.Event()

    def run(*args: object, **values: object) -> int:
        calls.append(1)
        if len(calls) == 1:
            raise error
        stopping.set()
        return 0

    monkeypatch.setattr(jobs, "stopping", stopping)
    monkeypatch.setattr(worker, "AGAIN_S", 0.0)
    monkeypatch.setattr(worker.deliver, "run", run)
    worker._express(parts)
    assert len(calls) == 2
