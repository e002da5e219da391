"""Inheritance: what a product takes from its family and from the company, and what is its own.

A field's value is the nearest one that somebody set: the product's own, else its family's, else the company's,
else the shipped one. A family has no family; the company has neither. Values are plain JSON, as stored.
Source: S2-16, S2-20.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from campaigns.rules.ranks import EDGES, GATE, PRIORS
from campaigns.rules.tones import TONE_EVERY

Values = Mapping[str, Any]


class Level(StrEnum):
    PRODUCT = "product"
    FAMILY = "family"
    HOUSE = "house"
    SHIPPED = "shipped"


# What every field is before anybody says anything. Empty: the shipped matrix, points, hours, everybody.
SHIPPED: Values = MappingProxyType(
    {
        "target_profile": {},
        "price_band": "",
        "expected_amount_yen": 0,
        "priority": 5,
        "windows": [],
        "tone_every": TONE_EVERY,
        "gate": GATE,
        "hot_rules": {},
        "band_edges": list(EDGES),
        "prior_rates": list(PRIORS),
        "action_matrix": {},
        "purchase_cycle_days": 365,
        "sender_profile_id": None,
    }
)
FIELDS = tuple(SHIPPED)


@dataclass(frozen=True, slots=True)
class Held:
    """One field of a product, a family or the company.

    value: in force. source: who set it. without, without_source: what it would be if this level said nothing.
    """

    value: Any
    source: Level
    without: Any
    without_source: Level
    is_own: bool


def resolve(own: Values, *above: tuple[Level, Values], level: Level) -> dict[str, Held]:
    """Every field in force. own: what this level set itself; above: the levels it inherits from, nearest first."""
    found = {}
    for field in FIELDS:
        source = next((name for name, values in above if field in values), Level.SHIPPED)
        without = next((values[field] for _, values in above if field in values), SHIPPED[field])
        if field in own:
            found[field] = Held(own[field], level, without, source, is_own=True)
        else:
            found[field] = Held(without, source, without, source, is_own=False)
    return found


def set_apart(held: Mapping[str, Held], typed: Values) -> dict[str, Any]:
    """What becomes this level's own when a form is saved: what it held already, and what differs from above.

    A value that was typed as it stands above stays inherited, so that saving a form pins nothing by accident.
    """
    return {
        field: value for field, value in typed.items() if held[field].is_own or value != held[field].without
    }
