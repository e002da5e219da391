"""The action matrix of a product, as it is stored and edited.

Stored as {"rows": [{"cause", "kind", "due_in", "priority", "classes", "bands", "industries",
"has_material"}]}; {} is the shipped matrix. Source: spec 3.6, S2-05, S1-19.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from campaigns.rules.actions import MATRIX, MOVES, Kind, Row
from campaigns.rules.classes import Class
from campaigns.rules.ranks import Rank

# The cells, in the order of the ranks: what a person's rank and depth make of them; then the moves of a rank.
CELLS: Mapping[str, Rank] = {
    "hot_deep": Rank.HOT,
    "warm_over_gate": Rank.WARM,
    "warm_deep": Rank.WARM,
    "warm_shallow": Rank.WARM,
    "nurture": Rank.NURTURE,
    "silent": Rank.UNOBSERVED,
    **MOVES,
}
KINDS = (Kind.HANDOFF, Kind.CALL, Kind.VISIT, Kind.FAX, Kind.MAIL, Kind.INVITE, Kind.CHECK)
CLASSES = tuple(one.value for one in Class)
DUE_MAX = 60
PRIORITY_MAX = 9
ROWS_MAX = 40
# Calling or visiting somebody who only reads loses them (S1-19); silent ones are measured again by a call.
BARRED: Mapping[str, frozenset[Kind]] = {
    "nurture": frozenset({Kind.CALL, Kind.VISIT}),
    "silent": frozenset({Kind.VISIT, Kind.MAIL}),
}


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a row. line: from 1; None for the whole matrix."""

    code: str
    line: int | None


def rows(stored: Mapping[str, Any]) -> tuple[Row, ...]:
    """The matrix in force."""
    return tuple(_row(one) for one in stored["rows"]) if "rows" in stored else MATRIX


def _row(one: Mapping[str, Any]) -> Row:
    kind = Kind(one["kind"])
    return Row(
        one["cause"],
        CELLS[one["cause"]],
        kind,
        int(one["due_in"]),
        int(one["priority"]),
        classes=frozenset(one["classes"]),
        bands=frozenset(one["bands"]),
        industries=frozenset(one["industries"]),
        needs=_needs(one["cause"], kind),
        has_material=bool(one["has_material"]),
    )


def _needs(cause: str, kind: Kind) -> str:
    """A visit follows the hand-off; a silent person is called within the day's quota only, and asked for an address
    where none takes mail; a fall asks for a word where there was none."""
    if cause.startswith("fell_"):
        return "no_talk"
    if cause == "silent" and kind is Kind.CHECK:
        return "no_mail"
    if cause == "silent" and kind is Kind.CALL:
        return "remeasure"
    return "offered" if cause == "hot_deep" and kind is Kind.VISIT else ""


def stored(matrix: Sequence[Row]) -> dict[str, Any]:
    """What the product's row keeps; {} for the shipped matrix, so that it follows a newer one."""
    if tuple(matrix) == MATRIX:
        return {}
    return {
        "rows": [
            {
                "cause": row.cause,
                "kind": row.kind.value,
                "due_in": row.due_in,
                "priority": row.priority,
                "classes": sorted(row.classes),
                "bands": sorted(row.bands),
                "industries": sorted(row.industries),
                "has_material": row.has_material,
            }
            for row in matrix
        ]
    }


def made(
    cause: str,
    kind: str,
    due_in: int,
    priority: int,
    *,
    classes: Sequence[str] = (),
    bands: Sequence[str] = (),
    industries: Sequence[str] = (),
    has_material: bool = False,
) -> Row:
    """A row as somebody typed it. Raises ValueError for a cell or a kind that is none."""
    if cause not in CELLS:
        raise ValueError(f"no cell {cause}")
    return _row(
        {
            "cause": cause, "kind": kind, "due_in": due_in, "priority": priority, "classes": classes,
            "bands": bands, "industries": industries, "has_material": has_material,
        }
    )  # fmt: skip


def check(matrix: Sequence[Row]) -> tuple[Problem, ...]:
    """What stands against a matrix, by row; the page words it."""
    found, seen = [], set()
    for line, row in enumerate(matrix, start=1):
        if row.kind in BARRED.get(row.cause, frozenset()):
            found.append(Problem(f"{row.cause}_{row.kind}", line))
        if row.kind is Kind.HANDOFF and row.cause != "hot_deep":
            found.append(Problem("handoff_not_hot", line))
        if not 0 <= row.due_in <= DUE_MAX:
            found.append(Problem("due_out_of_range", line))
        if not 1 <= row.priority <= PRIORITY_MAX:
            found.append(Problem("priority_out_of_range", line))
        key = (row.cause, row.kind, row.classes, row.bands, row.industries)
        if key in seen:
            found.append(Problem("row_twice", line))
        seen.add(key)
    # Somebody who asks must be called, whoever they are (S1-01): one call without conditions stays.
    if not any(row.cause == "hot_deep" and row.kind is Kind.CALL and row.is_for_all for row in matrix):
        found.append(Problem("hot_without_call", None))
    if len(matrix) > ROWS_MAX:
        found.append(Problem("too_many_rows", None))
    return tuple(found)
