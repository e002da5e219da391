"""Rounding: parts that are shown must add up to the total that is shown beside them."""

from __future__ import annotations

from collections.abc import Sequence
from math import floor


def shares(values: Sequence[float], *, places: int) -> tuple[float, ...]:
    """These values with so many decimals, so that they add up to their rounded sum (largest remainder)."""
    unit = 10**places
    scaled = [value * unit for value in values]
    floors = [floor(one) for one in scaled]
    lacking = round(sum(scaled)) - sum(floors)
    first = sorted(range(len(values)), key=lambda place: (floors[place] - scaled[place], place))[:lacking]
    return tuple((whole + (place in first)) / unit for place, whole in enumerate(floors))
