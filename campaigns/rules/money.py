"""Money as people write it: 12,345,678円, ￥１２００, 1,234万円, 1.5億円, -300, △300.

Whole yen. Beyond what a company can earn, a figure is a slip of the hand, and no column holds it either.
"""

from __future__ import annotations

import re
import unicodedata
from decimal import Decimal

YEN_MAX = 10**13
_UNITS = {"": 1, "千": 1_000, "万": 10_000, "百万": 1_000_000, "億": 100_000_000, "兆": 1_000_000_000_000}
_YEN = re.compile(r"([-△▲])?[¥]?([-△▲])?(\d+(?:\.\d+)?|\.\d+)(千|万|百万|億|兆)?円?")
_GROUPED = re.compile(r"\d{1,3}(,\d{3})+")


class MoneyError(ValueError):
    """code: odd (no amount), broken (part of a yen), negative, too_big."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def read_yen(text: str, *, may_be_negative: bool = False) -> int:
    """The amount that a person wrote. Raises MoneyError."""
    flat = "".join(unicodedata.normalize("NFKC", text).split()).replace("−", "-").replace("円也", "円")
    found = _YEN.fullmatch(_without_commas(flat))
    if found is None or (found[1] and found[2]):
        raise MoneyError("odd")
    amount = Decimal(found[3]) * _UNITS[found[4] or ""]
    if amount != int(amount):
        raise MoneyError("broken")
    value = -int(amount) if found[1] or found[2] else int(amount)
    if value < 0 and not may_be_negative:
        raise MoneyError("negative")
    if abs(value) > YEN_MAX:
        raise MoneyError("too_big")
    return value


def _without_commas(text: str) -> str:
    """Commas that part thousands go; one in another place is left, and makes the figure odd."""
    return _GROUPED.sub(lambda found: found[0].replace(",", ""), text)
