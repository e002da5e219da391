"""A scenario's audience in SQL, once, for enrolling, counting and trying out.

Expects the aliases f (current affiliation), co (its company) and l (the product's lead).
"""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection, text

_VALUES = {
    "industries": "coalesce(co.industry, '')",
    "bands": "coalesce(co.employees_band, '')",
    "roles": "coalesce(f.buying_role, '')",
    "ranks": "l.rank",
}


def fits(conditions: str) -> str:
    """SQL of whether a person fits the conditions. conditions: an SQL expression of the scenario's JSON."""
    return " and ".join(fits_each(conditions).values())


def fits_each(conditions: str) -> dict[str, str]:
    """The same condition by condition."""
    return {
        name: f"(jsonb_array_length(coalesce({conditions}->'{name}', '[]')) = 0"
        f" or {conditions}->'{name}' ? {value})"
        for name, value in _VALUES.items()
    }


# Both lists come from a part of the companies: they propose, and a value that is not in them can be typed.
SEEN = """
select distinct industry, employees_band from (
  select industry, employees_band from companies where industry <> '' or employees_band <> '' limit 5000) c
"""


def seen(tx: Connection) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Industries and sizes that companies have, to choose from."""
    rows = tx.execute(text(SEEN)).all()
    return _sorted(row.industry for row in rows), _sorted(row.employees_band for row in rows)


def _sorted(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted({value for value in values if value}, key=lambda value: (_number(value), value)))


def _number(value: str) -> int:
    """Sizes stand by their first number: 30-99 before 300."""
    digits = ""
    for letter in value:
        if letter.isdigit():
            digits += letter
        elif digits and letter != ",":
            break
    return int(digits[:12] or 0)
