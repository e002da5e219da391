"""A scenario's audience in SQL, once, for enrolling, counting and trying out.

Expects the aliases f (current affiliation), co (its company) and l (the product's lead, its id and rank).
"""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection, text

from campaigns.rules.audience import WITHIN_USUAL
from campaigns.rules.ranks import ORDER

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
    each = {
        name: f"({_is_empty(conditions, name)} or {conditions}->'{name}' ? {value})"
        for name, value in _VALUES.items()
    }
    return {**each, "moves": _moved(conditions)}


def _is_empty(conditions: str, name: str) -> str:
    return f"jsonb_array_length(coalesce({conditions}->'{name}', '[]')) = 0"


# The last move of the rank, by which the person stands where they stand. "Within" is counted from the last night,
# the one instant of the installation's own clock that stands in the database. Index ix_rank_changes_lead_id.
_LAST_MOVE = """
exists (select 1 from (select c.old, c.new, c.at from rank_changes c where c.lead_id = l.id and c.old <> c.new
                        order by c.at desc, c.id desc limit 1) m
         where m.new = l.rank and {way}
           and m.at >= coalesce((select last_nightly_at from house), '-infinity') - make_interval(days => {days}))"""
_ORDER = "array[" + ", ".join(f"'{rank}'" for rank in ORDER) + "]"
_RISES = f"(array_position({_ORDER}, m.new) < array_position({_ORDER}, m.old))"


def _moved(conditions: str) -> str:
    """Whether the rank rose or fell to one of the ranks asked for, and stands there."""
    asked = f"coalesce({conditions}->'within'->>0, '{WITHIN_USUAL}')"
    days = (
        f"case when {asked} ~ '^[0-9][0-9]?[0-9]?[0-9]?$' then cast({asked} as int) else {WITHIN_USUAL} end"
    )
    return (
        f"({_is_empty(conditions, 'rose')} and {_is_empty(conditions, 'fell')}"
        f" or {_way(conditions, 'rose', days, '')} or {_way(conditions, 'fell', days, 'not ')})"
    )


def _way(conditions: str, name: str, days: str, sign: str) -> str:
    last = _LAST_MOVE.format(days=days, way=f"{sign}{_RISES}")
    return f"coalesce({conditions}->'{name}', '[]') ? l.rank and {last}"


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
