"""What was ignored, spooled or lost, counted. Each process keeps its own sums and hands them on now and then."""

from __future__ import annotations

import threading
from collections import Counter
from enum import StrEnum


class Count(StrEnum):
    """What is counted, as it is spelled in Redis and at /metrics."""

    BAD_TOKEN = "bad_token"  # noqa: S105 - forged, cut, or of a version or key that we do not know
    BAD_TARGET = "bad_target"
    BAD_METHOD = "bad_method"
    FOREIGN_SITE = "foreign_site"  # a page beat from a site that is not ours
    BAD_BEAT = "bad_beat"
    LONG_BODY = "long_body"
    BEAT_FLOOD = "beat_flood"  # more than one network, or the readers of one mail, may send
    SPOOLED = "spooled"  # events that went to the disk, since Redis was away
    LATE = "late"  # clicks that were answered before anything had stored them
    AHEAD = "ahead"  # events dated later than now, which count as of now
    UNKNOWN_DELIVERY = "unknown_delivery"  # events of a mail that nobody got
    LOST = "lost"  # events that neither Redis nor the disk took


def key(stream: str) -> str:
    """The hash in Redis that holds the sums of all processes of a stream."""
    return f"{stream}:counts"


class Counts:
    """Sums since they were last taken away. Safe to share between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sums: Counter[str] = Counter()

    def add(self, what: Count, number: int = 1) -> None:
        with self._lock:
            self._sums[what.value] += number

    def taken(self) -> dict[str, int]:
        """All sums, which begin again at nothing."""
        with self._lock:
            sums, self._sums = self._sums, Counter()
        return dict(sums)

    def put_back(self, sums: dict[str, int]) -> None:
        """Sums that could not be handed on."""
        with self._lock:
            self._sums.update(sums)

    def of(self, what: Count) -> int:
        return self._sums[what.value]
