"""Hot criteria of a product: what its touches are worth, and which of them make a person hot at once.

Stored as {"kinds": {kind: {"points": n, "depth": n, "days": n}}, "variants": [{"industries": [...],
"kinds": {...}}]}; what is not named keeps the shipped value. days: how long the touch keeps somebody hot, 0 for
not at all. The first variant that names the person's industry comes on top of the product's own.
Source: S2-19, S1-01; spec 2.5.1, 2.5.5.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from types import MappingProxyType
from typing import Any

from campaigns.rules.ranks import DEEP, TRIGGERS
from campaigns.rules.touchpoints import KINDS, Group, Kind, KindRow

# Our own acts and what image proxies do are no criteria: only what a person showed can be given another weight.
EDITABLE = tuple(kind for kind, row in KINDS.items() if row.is_sign)
# A click or a glance never makes anybody hot by itself (S0-02): scanners click, and reading is no request.
ONLINE_GROUPS = frozenset({Group.MAIL, Group.WEB})
POINTS_MAX = 100
DEPTH_MAX = 5
DAYS_MAX = 365
VARIANTS_MAX = 6


@dataclass(frozen=True, slots=True)
class Criteria:
    """The touch table and the hot triggers of one product or one of its industries."""

    table: Mapping[Kind, KindRow]
    triggers: Mapping[Kind, timedelta]


SHIPPED = Criteria(KINDS, TRIGGERS)


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a kind's row. variant: its place, None for the product's own table."""

    code: str
    kind: str
    variant: int | None = None


def criteria(stored: Mapping[str, Any]) -> Criteria:
    """What holds for everybody."""
    return _over(SHIPPED, stored.get("kinds", {}))


def variants(stored: Mapping[str, Any]) -> tuple[tuple[frozenset[str], Criteria], ...]:
    """(industries, criteria) of each variant, in their order."""
    base = criteria(stored)
    return tuple(
        (frozenset(one["industries"]), _over(base, one["kinds"])) for one in stored.get("variants", [])
    )


def _over(base: Criteria, kinds: Mapping[str, Mapping[str, Any]]) -> Criteria:
    if not kinds:
        return base
    table, triggers = dict(base.table), dict(base.triggers)
    for name, said in kinds.items():
        kind = Kind(name)
        table[kind] = replace(
            table[kind],
            points=float(said.get("points", table[kind].points)),
            depth=int(said.get("depth", table[kind].depth)),
        )
        if "days" in said:
            triggers.pop(kind, None)
            if said["days"]:
                triggers[kind] = timedelta(days=said["days"])
    return Criteria(MappingProxyType(table), MappingProxyType(triggers))


def check(stored: Mapping[str, Any]) -> tuple[Problem, ...]:
    """Everything wrong with what somebody typed, in the order of the form."""
    found = list(_check_kinds(stored.get("kinds", {}), None))
    for place, one in enumerate(stored.get("variants", [])):
        if not one["industries"]:
            found.append(Problem("industry_missing", "", place))
        found += _check_kinds(one["kinds"], place)
    return tuple(found)


def _check_kinds(kinds: Mapping[str, Mapping[str, Any]], variant: int | None) -> Iterable[Problem]:
    for name, said in kinds.items():
        if name not in EDITABLE:
            yield Problem("not_editable", name, variant)
            continue
        is_online = KINDS[Kind(name)].group in ONLINE_GROUPS
        if not 1 <= said.get("points", 1) <= POINTS_MAX:
            yield Problem("points_out_of_range", name, variant)
        if not 1 <= said.get("depth", 1) <= DEPTH_MAX:
            yield Problem("depth_out_of_range", name, variant)
        elif is_online and said.get("depth", 1) >= DEEP:
            yield Problem("online_too_deep", name, variant)
        if not 0 <= said.get("days", 0) <= DAYS_MAX:
            yield Problem("days_out_of_range", name, variant)
        elif is_online and said.get("days", 0):
            yield Problem("online_trigger", name, variant)


def differing(typed: Mapping[str, Mapping[str, float]], base: Criteria) -> dict[str, dict[str, float]]:
    """What of a whole typed table differs from a base: only that is stored."""
    kinds: dict[str, dict[str, float]] = {}
    for name, said in typed.items():
        kind = Kind(name)
        known = {
            "points": base.table[kind].points,
            "depth": base.table[kind].depth,
            "days": base.triggers.get(kind, timedelta()).days,
        }
        changed = {part: value for part, value in said.items() if value != known[part]}
        if changed:
            kinds[name] = changed
    return kinds
