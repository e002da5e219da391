"""Chances: how people react to a product's mails, from its own past, and the draws a simulation makes with them.

A rate is the mean of a Beta distribution: past mails and reactions, and a prior that speaks where there is little
history. A draw depends on seed, person, product, month and question alone, so no order of people changes it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

REACTIONS = ("open", "click", "reply", "unsubscribe")
# Of a Beta prior: reactions, mails without one. Openings as they are usual among businesses; weight of 50 mails.
PRIORS: Mapping[str, tuple[float, float]] = {
    "open": (10.0, 40.0),
    "click": (1.5, 48.5),
    "reply": (0.25, 49.75),
    "unsubscribe": (0.1, 49.9),
}
_MASK = 0xFFFFFFFFFFFFFFFF
_HALF = 2.0**32  # a draw is half of a 64-bit number


@dataclass(frozen=True, slots=True)
class Rates:
    """Shares of a product's mails, 0..1. mails: how many past ones they rest on."""

    open: float
    click: float
    reply: float
    unsubscribe: float
    mails: int = 0


class Drawn(NamedTuple):
    """How a person reacts to the mail of a month."""

    opens: bool = False
    clicks: bool = False
    replies: bool = False
    unsubscribes: bool = False


NOTHING = Drawn()


def rates(mails: int, counts: Mapping[str, int]) -> Rates:
    """Rates of a product from its past mails and the reactions to them (each counted once a mail)."""
    shares = {
        name: (min(counts.get(name, 0), mails) + a) / (mails + a + b) for name, (a, b) in PRIORS.items()
    }
    return Rates(**shares, mails=mails)


def mix(values: Iterable[int], *, z: int = 0) -> int:
    """A well spread 64-bit number from ints (splitmix64 chained); the same on every host and run."""
    for value in values:
        z = (z + value + 0x9E3779B97F4A7C15) & _MASK
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _MASK
        z ^= z >> 31
    return z


@lru_cache(maxsize=64)
def _of_person(seed: int, person: int) -> int:
    """Where a person's draws begin; kept, since a year's come one after the other."""
    return mix((seed, person))


def draw(given: Rates, *, seed: int, person: int, product: int, month: int) -> Drawn:
    """The reactions to one mail. Whoever clicks or answers has opened it."""
    first = mix((product, month), z=_of_person(seed, person))
    second = mix((first,))
    opens = first >> 32 < given.open * _HALF
    clicks = first & 0xFFFFFFFF < given.click * _HALF
    replies = second >> 32 < given.reply * _HALF
    unsubscribes = second & 0xFFFFFFFF < given.unsubscribe * _HALF
    if not (opens or clicks or replies or unsubscribes):
        return NOTHING
    return Drawn(opens or clicks or replies, clicks, replies, unsubscribes)
