"""Calibrating: from results to the win rate of each band, and from scores to the warm cut.

Source: spec 2.5.3, 2.5.5. Nothing is read or stored here.
"""

from collections.abc import Iterable, Sequence
from datetime import timedelta

from campaigns.rules.ranks import PRIORS, TOP_SHARE

PRIOR_STRENGTH = 10
# Anti-convergence (7): within this time the win rates may move the gate's band edge by MOVES_MAX at most; what
# goes further waits for a person's yes.
MOVES_WITHIN = timedelta(days=30)
MOVES_MAX = 1


def calibrate(won_resolved: Sequence[tuple[int, int]], priors: Sequence[float] = PRIORS) -> tuple[float, ...]:
    """Win rate of each band from (won, resolved) counts; a higher band is never worse.

    The prior counts as ten leads; pooling of adjacent violators is weighted by resolved + 10.
    Source: spec 2.5.3.
    """
    pools: list[tuple[float, int, int]] = []  # (rate, weight, bands)
    for (won, resolved), prior in zip(won_resolved, priors, strict=True):
        weight = resolved + PRIOR_STRENGTH
        rate, bands = (won + PRIOR_STRENGTH * prior) / weight, 1
        while pools and pools[-1][0] > rate:
            below, below_weight, below_bands = pools.pop()
            rate = (rate * weight + below * below_weight) / (weight + below_weight)
            weight, bands = weight + below_weight, bands + below_bands
        pools.append((rate, weight, bands))
    return tuple(rate for rate, _, bands in pools for _ in range(bands))


def gate_edge(rates: Sequence[float], *, gate: float) -> int:
    """The band in whose lower edge p_win passes the gate; the number of bands where none does."""
    return next((band for band, rate in enumerate(rates) if rate >= gate), len(rates))


def moves(rates: Sequence[float], before: Iterable[Sequence[float]], *, gate: float) -> int:
    """By how many band edges these rates move the gate, against each calibration of the time before: the most.

    Not against the last alone: a step a night would walk through all bands within a week.
    """
    edge = gate_edge(rates, gate=gate)
    return max((abs(edge - gate_edge(one, gate=gate)) for one in before), default=0)


def cut_place(leads: int, *, share: float = TOP_SHARE) -> int:
    """Which of so many scores, highest first and counted from 0, is the cut of the top share."""
    return min(int(leads * share), leads - 1)


def cut_of(scores: Sequence[float], *, share: float = TOP_SHARE) -> float | None:
    """The score that a lead must exceed to stand in the top share; ties at the cut stay below it."""
    if not scores:
        return None
    return sorted(scores, reverse=True)[cut_place(len(scores), share=share)]
