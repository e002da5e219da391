"""Customer classes A to E by yearly profit.

Source: spec 2.6, S4-01 to S4-10. A word of warning: the class is the company's 管理区分, not a lead's rank.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
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
# Whose account a company is when they own it; a caller who looks after a contact makes it no customer (S4-10).
REP_ROLES = ("field_sales", "sales_manager")


class Basis(StrEnum):
    PROFIT = "profit"
    SALES = "sales"


@dataclass(frozen=True, slots=True)
class Customer:
    """A company as the classes see it. Money in yen over the last 12 months.

    has_rep: field sales follow it, or its owner sells (REP_ROLES). is_field: field sales follow it (C2
    instead of C1). is_contact: we have exchanged cards or talked.
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


CURRENT = frozenset({Class.A, Class.B, Class.C1, Class.C2})
BY_OWNER = frozenset({Class.C1, Class.C2})


def moves_at_once(now: Class, found: Class) -> bool:
    """Whether a company moves without being asked about.

    Whether it is a current, a past or no customer is a fact of its last deal, and whether field sales follow a C is
    somebody's decision: both hold at once. Who moves between A, B and C changes hands: that waits for the monthly
    review. Source: S4-01 "derived daily", S4-03 "monthly, accept or keep".
    """
    if now is Class.NONE or now not in CURRENT or found not in CURRENT:
        return True
    return now in BY_OWNER and found in BY_OWNER


def of_owner(now: Class, *, is_field: bool) -> Class:
    """A C by who follows it; every other class as it is."""
    if now not in BY_OWNER:
        return now
    return Class.C2 if is_field else Class.C1


def goes_to_field(role: str | None, *, was: bool) -> bool:
    """Whether field sales follow a company whose new owner has this role (None: nobody).

    A manager may lead accounts of either team: nothing changes then.
    """
    return was if role == "sales_manager" else role == "field_sales"


class RulesError(ValueError):
    """errors: field -> code (odd, order)."""

    def __init__(self, errors: Mapping[str, str]) -> None:
        super().__init__(str(dict(errors)))
        self.errors = dict(errors)


@dataclass(frozen=True, slots=True)
class Rules:
    """How the house classes its customers. cuts: shares of the total, 0..1, rising."""

    basis: Basis = Basis.PROFIT
    cuts: tuple[float, float] = CUTS

    @classmethod
    def read(cls, form: Mapping[str, str]) -> "Rules":
        """From a form: basis, cut_a and cut_b in per cent. Raises RulesError."""
        errors: dict[str, str] = {}
        cuts = [_share(form.get(name, ""), name, errors) for name in ("cut_a", "cut_b")]
        if form.get("basis") not in set(Basis):
            errors["basis"] = "odd"
        if not errors and cuts[0] >= cuts[1]:
            errors["cut_b"] = "order"
        if errors:
            raise RulesError(errors)
        return cls(Basis(form["basis"]), (cuts[0], cuts[1]))


def _share(text: str, name: str, errors: dict[str, str]) -> float:
    """A share in per cent with at most two digits after the point, above 0 and at most 100."""
    flat = unicodedata.normalize("NFKC", text).strip().removesuffix("%").strip()
    if not re.fullmatch(r"\d{1,3}(\.\d{1,2})?", flat) or not 0 < float(flat) <= 100:
        errors[name] = "odd"
        return 0.0
    return float(flat) / 100
