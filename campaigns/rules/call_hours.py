"""When the phone is answered: the rate of each hour, and the hour to try again. Source: S1-06."""

from collections.abc import Iterable
from dataclasses import dataclass

# With fewer calls an hour's rate is an accident.
CALLS_FOR_A_RATE = 5
MORNING = range(9, 12)
AFTERNOON = range(13, 18)


@dataclass(frozen=True, slots=True)
class HourRate:
    """Calls of an hour of the day, in the installation's zone, and in how many the person who was wanted was reached."""

    hour: int
    calls: int
    connected: int

    @property
    def rate(self) -> float:
        """0..1."""
        return self.connected / self.calls if self.calls else 0.0


def best(rates: Iterable[HourRate], *, within: range = range(24)) -> HourRate | None:
    """The hour with the best rate among those with enough calls, or None."""
    enough = [one for one in rates if one.calls >= CALLS_FOR_A_RATE and one.connected and one.hour in within]
    return max(enough, key=lambda one: (one.rate, one.calls, -one.hour), default=None)
