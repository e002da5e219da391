"""What is put by is counted anew when it is old, and its absence is no error."""

from __future__ import annotations

from datetime import timedelta

import pytest
import redis

from campaigns.parts import Parts
from campaigns.services import kept
from tests.world import START

EVERY = timedelta(minutes=5)


class Counter:
    """Counts how often it counted."""

    def __init__(self) -> None:
        self.n = 0

    def __call__(self) -> int:
        self.n += 1
        return self.n


@pytest.fixture
def counter(parts: Parts) -> Counter:
    parts.redis.delete("ikusei:kept:test")
    return Counter()


@pytest.mark.parametrize(
    ("later", "counts"),
    [
        (timedelta(), 1),
        (EVERY - timedelta(seconds=1), 1),
        (EVERY, 2),
        (timedelta(seconds=-1), 2),  # a practice clock that was moved back
    ],
)
def test_what_is_old_is_counted_anew(parts: Parts, counter: Counter, later: timedelta, counts: int) -> None:
    assert kept.renew(parts, "test", counter, now=START, every=EVERY)
    assert kept.renew(parts, "test", counter, now=START + later, every=EVERY) == (counts == 2)
    found = kept.read(parts, "test")
    assert found is not None
    assert found.told == counts


def test_what_takes_long_is_counted_the_less_often() -> None:
    slow = kept.Kept(None, START, took_s=60)
    assert not slow.is_old(now=START + timedelta(minutes=49), every=EVERY)
    assert slow.is_old(now=START + timedelta(minutes=50), every=EVERY)


def test_nothing_is_known_while_redis_is_away(
    parts: Parts, counter: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept.renew(parts, "test", counter, now=START, every=EVERY)

    def away(*args: object, **more: object) -> None:
        raise redis.ConnectionError

    monkeypatch.setattr(parts.redis, "get", away)
    monkeypatch.setattr(parts.redis, "set", away)
    assert kept.read(parts, "test") is None
    assert kept.renew(parts, "test", counter, now=START, every=EVERY)
