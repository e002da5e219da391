"""Customer classes A to E by yearly profit.

Source: spec 2.6, S4-01 to S4-10. A word of warning: the class is the company's 管理区分, not a lead's rank.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

CUTS = (0.80, 0.95)


class Class(StrEnum):
    A = "A"
    B = "B"
    C1 = "C1"
    C2 = "C2"
    D = "D"
    E = "E"
    NONE = "-"


FIELD_CLASSES = frozenset({Class.A, Class.B, Class.C2})


class Basis(StrEnum):
    PROFIT = "profit"
    SALES = "sales"


@dataclass(frozen=True, slots=True)
class Customer:
    """A company as the classes see it. Money in yen over the last 12 months.

    has_rep: a sales rep is assigned. is_field: field sales follow it (C2 instead of C1). is_contact: we
    have exchanged cards or talked.
    """

    id: int
    last_deal_on: date | None = None
    profit_12m: int = 0
    sales_12m: int = 0
    has_rep: bool = False
    is_field: bool = False
    is_contact: bool = False


@dataclass(frozen=True, slots=True)
class Classed:
    """loss_making: a current customer without profit; it is C, and does not count in the total."""

    cls: Class
    loss_making: bool = False


def year_before(today: date) -> date:
    """The first day of the year that ends today, inclusive: 12 calendar months back."""
    try:
        return today.replace(year=today.year - 1)
    except ValueError:  # 29 February
        return today.replace(year=today.year - 1, day=28)


def classify(
    customers: Iterable[Customer],
    *,
    today: date,
    cuts: Sequence[float] = CUTS,
    basis: Basis = Basis.PROFIT,
) -> dict[int, Classed]:
    """Class of every customer.

    Current customers (a deal within the year, or an assigned rep) are sorted by profit; the one that
    crosses the first cut is still A, the one that crosses the second is still B. Shares are compared in
    whole yen, so that a customer exactly at a cut falls on the right side.
    """
    since = year_before(today)
    found: dict[int, Classed] = {}
    current: list[tuple[int, Customer]] = []
    for customer in customers:
        if customer.has_rep or (customer.last_deal_on is not None and customer.last_deal_on >= since):
            gain = customer.profit_12m if basis == Basis.PROFIT else customer.sales_12m
            current.append((gain, customer))
        else:
            found[customer.id] = Classed(_without_deals(customer))
    current.sort(key=lambda pair: (-pair[0], pair[1].id))
    total = sum(gain for gain, _ in current if gain > 0)
    first, second = (round(cut * 10_000) * total for cut in cuts)
    before = 0
    for gain, customer in current:
        c = Class.C2 if customer.is_field else Class.C1
        if gain <= 0:
            found[customer.id] = Classed(c, loss_making=True)
            continue
        share = before * 10_000
        found[customer.id] = Classed(Class.A if share < first else Class.B if share < second else c)
        before += gain
    return found


def _without_deals(customer: Customer) -> Class:
    if customer.last_deal_on is not None:
        return Class.D
    return Class.E if customer.is_contact else Class.NONE
