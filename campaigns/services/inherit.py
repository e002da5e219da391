"""Inherit: values of a product, of its family and of the company, changed so that what is below follows.

A form's mistakes come back as Invalid {field: code}; a stale save raises Stale with what holds now.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import pairwise
from typing import Any

from sqlalchemy import Connection

from campaigns.parts import Parts
from campaigns.rules import hot_rules, inheritance, matrix
from campaigns.rules.inheritance import FIELDS, Held, Level, Values
from campaigns.rules.tones import TONE_EVERY_RANGE
from campaigns.services.catalogue import NUMBERS, Invalid
from campaigns.storage import audit, products, ranks
from campaigns.storage import inheritance as stored
from campaigns.storage.inheritance import Change, Stored

# A change of these makes ranks old: the people of the product are ranked again.
RANKING = frozenset({"purchase_cycle_days", "gate", "band_edges", "prior_rates", "hot_rules"})
NOUNS = {Level.PRODUCT: "product", Level.FAMILY: "product_family", Level.HOUSE: "product_defaults"}
WINDOWS_MAX = 4
DAY_MINUTES = 24 * 60


class Stale(Exception):
    """Somebody saved first. now: what holds."""

    def __init__(self, now: Holder) -> None:
        super().__init__("saved by somebody else first")
        self.now = now


@dataclass(frozen=True, slots=True)
class Holder:
    """A product, a family or the company with every field in force. id: 0 for the company."""

    level: Level
    id: int
    name: str
    version: int
    family: str
    fields: Mapping[str, Held]

    @property
    def own(self) -> dict[str, object]:
        return {field: held.value for field, held in self.fields.items() if held.is_own}

    def value(self, field: str) -> Any:
        return self.fields[field].value

    def fields_of(self, names: Collection[str]) -> dict[str, Any]:
        return {field: self.fields[field].value for field in names}


@dataclass(frozen=True, slots=True)
class Undoable:
    """The last change of a product's values, and the product as it would be without it."""

    change: Change
    was: Holder


def load(parts: Parts, level: Level, id: int) -> Holder | None:
    with parts.engine.connect() as tx:
        return _load(tx, level, id)


def _load(tx: Connection, level: Level, id: int) -> Holder | None:
    house = stored.house(tx)
    if level is Level.HOUSE:
        return _holder(level, house, inheritance.resolve(house.own, level=level))
    found = stored.family(tx, id) if level is Level.FAMILY else stored.product(tx, id)
    if found is None:
        return None
    above = _above_product(tx, found.family) if level is Level.PRODUCT else [(Level.HOUSE, house.own)]
    return _holder(level, found, inheritance.resolve(found.own, *above, level=level))


def _above_product(tx: Connection, family: str) -> list[tuple[Level, Values]]:
    """What a product inherits from, nearest first."""
    above = [(Level.HOUSE, stored.house(tx).own)]
    if found := stored.family_named(tx, family):
        above.insert(0, (Level.FAMILY, found.own))
    return above


def _holder(level: Level, row: Stored, fields: Mapping[str, Held]) -> Holder:
    return Holder(level, row.id, row.name, row.version, row.family, fields)


def save(
    parts: Parts, level: Level, id: int, typed: Values, *, version: int, user_id: int, now: datetime
) -> int:
    """What a form brought; what differs from above becomes own. Returns how many products changed by it."""
    errors = problems(typed)
    if errors:
        raise Invalid(errors)
    with parts.engine.begin() as tx:
        before = _found(tx, level, id)
        sender = typed.get("sender_profile_id")
        if sender is not None and products.sender(tx, sender) is None:
            raise Invalid({"sender_profile_id": "unknown"})
        rest = {field: value for field, value in before.own.items() if field not in typed}
        own = rest | inheritance.set_apart(before.fields, typed)
        return _write(tx, before, own, version=version, user_id=user_id, now=now)


def keep(
    parts: Parts,
    level: Level,
    id: int,
    field: str,
    *,
    as_own: bool,
    version: int,
    user_id: int,
    now: datetime,
) -> int:
    """One press: hold the value of today as one's own, or inherit again."""
    with parts.engine.begin() as tx:
        before = _found(tx, level, id)
        if field not in FIELDS:
            raise Invalid({field: "unknown"})
        own = {name: value for name, value in before.own.items() if name != field}
        if as_own:
            own[field] = before.value(field)
        return _write(tx, before, own, version=version, user_id=user_id, now=now)


def copy(
    parts: Parts,
    product_id: int,
    source_id: int,
    fields: Collection[str],
    *,
    version: int,
    user_id: int,
    now: datetime,
) -> int:
    """Take fields from another product; what the other one inherits from where we do too stays inherited."""
    with parts.engine.begin() as tx:
        before, source = _found(tx, Level.PRODUCT, product_id), _found(tx, Level.PRODUCT, source_id)
        rest = {field: value for field, value in before.own.items() if field not in fields}
        taken = {
            field: source.value(field)
            for field in fields
            if source.value(field) != before.fields[field].without
        }
        return _write(
            tx,
            before,
            rest | taken,
            version=version,
            user_id=user_id,
            now=now,
            action="copy",
            notes={"from": (None, source.name)},
        )


def undoable(parts: Parts, product_id: int) -> Undoable | None:
    """What one press would take back; None when nothing changed, or when it was taken back already."""
    with parts.engine.connect() as tx:
        return _undoable(tx, product_id)


def undo(parts: Parts, product_id: int, *, version: int, user_id: int, now: datetime) -> bool:
    """Take the last change of a product's values back; False when there is none. Raises Stale."""
    with parts.engine.begin() as tx:
        found = _undoable(tx, product_id)
        if found is None:
            return False
        before = _found(tx, Level.PRODUCT, product_id)
        _write(tx, before, found.was.own, version=version, user_id=user_id, now=now, action="undo")
        return True


def _undoable(tx: Connection, product_id: int) -> Undoable | None:
    last, holder = stored.last_change(tx, product_id), _load(tx, Level.PRODUCT, product_id)
    # What somebody else wrote since, by whatever way, is not to be lost with it.
    if last is None or holder is None or last.action == "undo" or dict(last.after) != holder.own:
        return None
    above = _above_product(tx, holder.family)
    was = replace(holder, fields=inheritance.resolve(last.before, *above, level=Level.PRODUCT))
    return Undoable(last, was)


def families(parts: Parts) -> list[tuple[int, str, int, int]]:
    with parts.engine.connect() as tx:
        return stored.families(tx)


def heirs(parts: Parts, holder: Holder) -> dict[str, int]:
    """How many products take each field from this level; empty for a product."""
    if holder.level is Level.PRODUCT:
        return {}
    family = holder.name if holder.level is Level.FAMILY else None
    with parts.engine.connect() as tx:
        return stored.heirs(tx, family=family)


def _found(tx: Connection, level: Level, id: int) -> Holder:
    found = _load(tx, level, id)
    if found is None:
        raise Invalid({"name": "unknown"})
    return found


def _write(
    tx: Connection,
    before: Holder,
    own: Values,
    *,
    version: int,
    user_id: int,
    now: datetime,
    action: str = "change",
    notes: Mapping[str, tuple[object, object]] | None = None,
) -> int:
    """Write what a level says itself, and what follows below. notes: further lines of the log's entry."""
    if before.level is Level.PRODUCT:
        done = stored.save_product(tx, before.id, own, version=version)
    elif before.level is Level.FAMILY:
        done = stored.save_family(tx, before.id, own, version=version)
    else:
        done = stored.save_house(tx, own, version=version)
    if not done:
        raise Stale(before)
    product_id = before.id if before.level is Level.PRODUCT else None
    changed = set(
        stored.settle(tx, product_id=product_id, family=before.name if before.level is Level.FAMILY else None)
    )
    after = _found(tx, before.level, before.id)
    moved = {f for f in FIELDS if after.value(f) != before.value(f)}
    if moved and before.level is Level.PRODUCT:
        changed.add(before.id)
    if moved & RANKING:
        ranks.ask_products_again(tx, sorted(changed), at=now)
    audit.note(
        tx,
        noun=NOUNS[before.level],
        noun_id=before.id or None,
        action=action,
        user_id=user_id,
        now=now,
        changes={
            **{field: (_said(before.fields[field]), _said(after.fields[field])) for field in FIELDS},
            "own": (_packed(before.own), _packed(after.own)),
            **(notes or {}),
        },
    )
    return len(changed)


def _packed(own: Values) -> str:
    """The values that a level says itself, as undo reads them again."""
    return json.dumps(own, ensure_ascii=False, sort_keys=True)


def _said(held: Held) -> object:
    return held.value if held.is_own else f"({held.source}) {held.value}"


def problems(typed: Values) -> dict[str, str]:
    """{field or row: code} of what may not be saved."""
    errors: dict[str, str] = {}
    for field in ("purchase_cycle_days", "expected_amount_yen", "priority"):
        least, most = NUMBERS[field]
        if field in typed and not least <= typed[field] <= most:
            errors[field] = "out_of_range"
    if "gate" in typed and not 0.01 <= typed["gate"] <= 0.9:
        errors["gate"] = "out_of_range"
    if "tone_every" in typed and not TONE_EVERY_RANGE[0] <= typed["tone_every"] <= TONE_EVERY_RANGE[1]:
        errors["tone_every"] = "out_of_range"
    if not _is_day(typed.get("windows", [])):
        errors["windows"] = "odd"
    edges, rates = typed.get("band_edges"), typed.get("prior_rates")
    if edges is not None and (edges[0] != 0 or edges != sorted(set(edges)) or edges[-1] > 222):
        errors["band_edges"] = "not_rising"
    if rates is not None and (rates != sorted(rates) or not 0 < rates[0] <= rates[-1] < 1):
        errors["prior_rates"] = "not_rising"
    for bad in matrix.check(matrix.rows(typed.get("action_matrix", {}))):
        errors.setdefault("action_matrix" if bad.line is None else f"row-{bad.line}", bad.code)
    for wrong in hot_rules.check(typed.get("hot_rules", {})):
        prefix = "k" if wrong.variant is None else f"v{wrong.variant}"
        errors.setdefault(f"{prefix}-{wrong.kind}" if wrong.kind else prefix, wrong.code)
    return errors


def _is_day(windows: list[list[int]]) -> bool:
    """Whether the hours follow each other within a day."""
    edges = [minute for window in windows for minute in window]
    rising = all(a < b for a, b in pairwise(edges))
    return rising and len(windows) <= WINDOWS_MAX and all(0 <= minute <= DAY_MINUTES for minute in edges)
