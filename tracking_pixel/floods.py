"""How many views and beats are stored: of a network whose browsers no mail led here, and of the readers of one mail.

Kept by each process for itself, since the tracker asks neither database nor Redis on its way. What is above is
answered like the rest and counted, not stored.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

# A /24 of an office with 150 people reading at once sends ten beats a second; a day of it is 20,000 views and beats.
PER_S, BURST = 10.0, 300.0
PER_DAY = 20_000.0
DAY_S = 86_400.0
# Whoever got a mail holds a signed token, and may be a machine. Seven hours of reading; a forwarded mail included.
MAIL_PER_DAY = 2_000.0
# All networks together, so that a thousand of them cannot fill the stream.
ALL_PER_S, ALL_BURST = 500.0, 5_000.0
NETS_MAX = 20_000


@dataclass(slots=True)
class _Bucket:
    """What is left for now and for the day, and when that was reckoned (seconds)."""

    now: float
    day: float
    at: float


class Floods:
    """allows(name, at) takes one; at: seconds of any clock that goes forward.

    name: of a network, or of a mail. shares: whether all names together have a limit.
    """

    def __init__(self, *, per_day: float = PER_DAY, shares: bool = True) -> None:
        self._nets: OrderedDict[str, _Bucket] = OrderedDict()
        self._all = _Bucket(ALL_BURST, 0.0, 0.0)
        self._per_day = per_day
        self._shares = shares

    def allows(self, name: str, at: float) -> bool:
        bucket = self._nets.pop(name, None) or _Bucket(BURST, self._per_day, at)
        self._nets[name] = bucket
        if len(self._nets) > NETS_MAX:
            self._nets.popitem(last=False)
        _refill(bucket, at, PER_S, BURST, self._per_day)
        _refill(self._all, at, ALL_PER_S, ALL_BURST, 0.0)
        if bucket.now < 1 or bucket.day < 1 or (self._shares and self._all.now < 1):
            return False
        bucket.now -= 1
        bucket.day -= 1
        self._all.now -= 1
        return True


def _refill(bucket: _Bucket, at: float, per_s: float, burst: float, per_day: float) -> None:
    passed = max(at - bucket.at, 0.0)
    bucket.now = min(bucket.now + passed * per_s, burst)
    bucket.day = min(bucket.day + passed * per_day / DAY_S, per_day)
    bucket.at = at
