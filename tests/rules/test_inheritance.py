"""Inheritance: the nearest value holds, and what it would be without stays visible."""

from __future__ import annotations

from typing import Any

import pytest

from campaigns.rules.inheritance import FIELDS, SHIPPED, Level, resolve, set_apart


def held(own: dict[str, Any], family: dict[str, Any], house: dict[str, Any]) -> Any:
    above = ((Level.FAMILY, family), (Level.HOUSE, house))
    return resolve(own, *above, level=Level.PRODUCT)["priority"]


@pytest.mark.parametrize(
    ("own", "family", "house", "value", "source", "without", "without_source"),
    [
        ({}, {}, {}, 5, "shipped", 5, "shipped"),
        ({}, {}, {"priority": 4}, 4, "house", 4, "house"),
        ({}, {"priority": 3}, {"priority": 4}, 3, "family", 3, "family"),
        ({"priority": 2}, {"priority": 3}, {"priority": 4}, 2, "product", 3, "family"),
        ({"priority": 2}, {}, {"priority": 4}, 2, "product", 4, "house"),
        ({"priority": 2}, {}, {}, 2, "product", 5, "shipped"),
    ],
)
def test_the_nearest_value_holds_and_the_next_one_stays_visible(
    own: dict[str, Any], family: dict[str, Any], house: dict[str, Any],
    value: int, source: str, without: int, without_source: str,
) -> None:  # fmt: skip
    found = held(own, family, house)
    assert (found.value, found.source, found.without, found.without_source) == (
        value, source, without, without_source,
    )  # fmt: skip
    assert found.is_own is ("priority" in own)


def test_every_field_has_a_shipped_value() -> None:
    assert {field: one.value for field, one in resolve({}, level=Level.HOUSE).items()} == dict(SHIPPED)
    assert len(FIELDS) == 13


def test_a_value_typed_as_it_is_inherited_stays_inherited_and_an_own_one_stays_own() -> None:
    fields = resolve({"gate": 0.2}, (Level.HOUSE, {"priority": 4}), level=Level.PRODUCT)
    typed = {"gate": 0.2, "priority": 4, "tone_every": 6}
    assert set_apart(fields, typed) == {"gate": 0.2, "tone_every": 6}
