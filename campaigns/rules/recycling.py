"""Recycling: when a lead that did not buy is approached again, and when it is left to information mails alone.

Source: spec 3.7.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

HALF_YEAR_MONTHS = 6
FISCAL_MONTH = 4
BUDGET_MONTHS = 3
# So many times in a row without a deeper touch: the evergreen pool.
POOL_AFTER = 3


@dataclass(frozen=True, slots=True)
class Recycle:
    """shallow: times in a row that it came back no deeper than before; depth: reached when it last came back."""

    shallow: int = 0
    depth: int = 0

    @property
    def is_in_pool(self) -> bool:
        return self.shallow >= POOL_AFTER


def again(before: Recycle, *, depth: int) -> Recycle:
    """It comes back once more, having reached that depth (0..5)."""
    return Recycle(1 if depth > before.depth else before.shallow + 1, depth)


def wake_on(
    result: str,
    *,
    today: date,
    cycle_days: int,
    contract_ends_on: date | None = None,
    fiscal_month: int = FISCAL_MONTH,
) -> date | None:
    """When somebody calls again; None: when a touch asks for it.

    lost, rival: six months before what they bought elsewhere runs out, else after half a cycle. no_deal: three
    months before their fiscal year begins. A day that has passed already is none.
    """
    if result in ("lost", "rival"):
        wake = months_earlier(contract_ends_on, HALF_YEAR_MONTHS) if contract_ends_on else None
        return wake if wake and wake > today else date.fromordinal(today.toordinal() + cycle_days // 2)
    if result == "no_deal":
        starts = (date(year, fiscal_month, 1) for year in range(today.year, today.year + 3))
        return next(wake for start in starts if (wake := months_earlier(start, BUDGET_MONTHS)) > today)
    return None


def months_earlier(day: date, n: int) -> date:
    """The same day n months before, or that month's last one."""
    number = day.year * 12 + day.month - 1 - n
    year, month = divmod(number, 12)
    for last in (day.day, 30, 29, 28):
        try:
            return date(year, month + 1, min(day.day, last))
        except ValueError:
            continue
    raise AssertionError("unreachable")
