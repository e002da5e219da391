"""The watch over the stop counter: fresh or nothing, and never a long wait for each mail of a batch."""

from __future__ import annotations

import threading
import time

import pytest
from sqlalchemy.exc import OperationalError

from campaigns.parts import Parts
from campaigns.services import stops
from campaigns.services.stops import Watch
from campaigns.storage import outbox


def test_a_database_that_does_not_answer_is_waited_for_once(
    parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate, whole = threading.Event(), outbox.stops
    gate.set()

    def frozen(tx):  # type: ignore[no-untyped-def]
        gate.wait(10)
        return whole(tx)

    monkeypatch.setattr(outbox, "stops", frozen)
    monkeypatch.setattr(stops, "PATIENCE_S", 0.5)
    with Watch(parts) as watch:
        known = watch.now()
        assert known is not None
        gate.clear()
        time.sleep(0.3)
        began = time.monotonic()
        assert [watch.now() for _ in range(20)] == [None] * 20
        assert time.monotonic() - began < 2, "once for all of them, not for each"
        gate.set()
        time.sleep(0.3)
        assert watch.now() == known


def test_a_database_that_fails_forbids_and_then_allows_again(
    parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, is_away = outbox.stops, threading.Event()

    def failing(tx):  # type: ignore[no-untyped-def]
        if is_away.is_set():
            raise OperationalError("select", {}, Exception("gone"))
        return whole(tx)

    monkeypatch.setattr(outbox, "stops", failing)
    with Watch(parts) as watch:
        known = watch.now()
        is_away.set()
        time.sleep(0.3)
        assert watch.now() is None
        is_away.clear()
        time.sleep(0.3)
        assert watch.now() == known
