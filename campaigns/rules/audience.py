"""Whom a scenario is for, beyond class and event: industry, size, buying role, rank. Nothing chosen: everybody.

Source: S2-03, S2-05, S4-13.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

FIELDS = ("industries", "bands", "roles", "ranks")


@dataclass(frozen=True, slots=True)
class Audience:
    """Values of which one must hold, a field each; an empty field asks for nothing."""

    industries: tuple[str, ...] = ()
    bands: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    ranks: tuple[str, ...] = ()

    @property
    def is_everybody(self) -> bool:
        return not any(getattr(self, name) for name in FIELDS)


EVERYBODY = Audience()


def from_json(stored: Mapping[str, Sequence[str]] | None) -> Audience:
    """An audience as the scenario's row keeps it."""
    return Audience(**{name: tuple((stored or {}).get(name, ())) for name in FIELDS})


def to_json(audience: Audience) -> dict[str, list[str]]:
    """What the scenario's row keeps: fields that ask for something."""
    return {name: list(values) for name, values in asdict(audience).items() if values}
