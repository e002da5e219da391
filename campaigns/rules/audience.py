"""Whom a scenario is for, beyond class and event: industry, size, buying role, rank, a rank that moved. Nothing
chosen: everybody.

Source: S2-03, S2-05, S4-13; "rank up and rank down are triggers for scenarios".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

FIELDS = ("industries", "bands", "roles", "ranks", "rose", "fell", "within")
WITHIN = ("7", "30", "90", "365")
WITHIN_USUAL = "30"


@dataclass(frozen=True, slots=True)
class Audience:
    """Values of which one must hold, a field each; an empty field asks for nothing.

    rose, fell: ranks that people have risen or fallen to, and still have; one of both must hold. within: how many
    days ago that was at most, one number.
    """

    industries: tuple[str, ...] = ()
    bands: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    ranks: tuple[str, ...] = ()
    rose: tuple[str, ...] = ()
    fell: tuple[str, ...] = ()
    within: tuple[str, ...] = ()

    @property
    def is_everybody(self) -> bool:
        return not any(getattr(self, name) for name in FIELDS if name != "within")

    @property
    def asks_for_moves(self) -> bool:
        return bool(self.rose or self.fell)

    @property
    def days(self) -> str:
        return self.within[0] if self.within else WITHIN_USUAL


EVERYBODY = Audience()


def from_json(stored: Mapping[str, Sequence[str]] | None) -> Audience:
    """An audience as the scenario's row keeps it."""
    return Audience(**{name: tuple((stored or {}).get(name, ())) for name in FIELDS})


def to_json(audience: Audience) -> dict[str, list[str]]:
    """What the scenario's row keeps: fields that ask for something."""
    return {name: list(values) for name, values in asdict(audience).items() if values}
