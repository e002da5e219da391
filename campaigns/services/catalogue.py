"""Catalogue: products, the senders behind their mails, and how much sales take of each.

What is wrong with a form comes back as {field: code}: missing, taken, not_a_number, out_of_range, odd,
unknown. A stale save raises Stale with the row as it stands now, so that the page can show both values.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from campaigns.parts import Parts
from campaigns.rules.inheritance import FIELDS, Level, resolve, set_apart
from campaigns.services import count_leads
from campaigns.storage import (
    audience,
    audit,
    inheritance,
    products,
    ranks,
    refusal_list,
    users,
    waiting,
)
from campaigns.storage.products import Course, Fitting, Listed, Product, Sender
from campaigns.storage.users import User

_LIST_KEY = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?")
# field -> (least, most)
NUMBERS: dict[str, tuple[int, int]] = {
    "purchase_cycle_days": (30, 1095),
    "gate_percent": (1, 90),
    "expected_amount_yen": (0, 10**12),
    "priority": (1, 99),
    "colour_no": (1, 3),
}
TEXTS = ("name", "family", "unsubscribe_label")
TEXT_MAX = 300
REFUSED_SHOWN = 5


class Invalid(ValueError):
    """errors: {field: code}."""

    def __init__(self, errors: Mapping[str, str]) -> None:
        super().__init__(", ".join(f"{field}: {code}" for field, code in errors.items()))
        self.errors = dict(errors)


class Stale(Exception):
    """Somebody saved first. now: the row as it stands."""

    def __init__(self, now: Product | Sender) -> None:
        super().__init__("saved by somebody else first")
        self.now = now


@dataclass(frozen=True, slots=True)
class Choices:
    """What a product's form offers."""

    senders: tuple[Sender, ...]
    users: tuple[User, ...]


def listed(parts: Parts) -> list[Listed]:
    leads = count_leads.read(parts)
    with parts.engine.connect() as tx:
        return products.listed(tx, leads)


def gave_way(parts: Parts) -> dict[int, int]:
    """How many mails of each product wait because another product went first."""
    found: dict[int, int] = {}
    with parts.engine.connect() as tx:
        for one in waiting.counts(tx):
            if one.by_product_id is not None:
                found[one.product_id] = found.get(one.product_id, 0) + one.n
    return found


@dataclass(frozen=True, slots=True)
class Around:
    """What hangs on one product: its scenarios, and who refuses it."""

    courses: tuple[Course, ...]
    refusals: int
    refused: tuple[refusal_list.Line, ...]


def around(parts: Parts, product_id: int) -> Around:
    wanted = refusal_list.Wanted(product_id=product_id)
    with parts.engine.connect() as tx:
        return Around(
            courses=tuple(products.courses(tx, product_id)),
            refusals=refusal_list.count(tx, wanted),
            refused=tuple(refusal_list.lines(tx, wanted, limit=REFUSED_SHOWN)),
        )


def fitting(
    parts: Parts, product_id: int, profile: Mapping[str, Sequence[str]]
) -> tuple[list[Fitting], bool]:
    """Who fits, by class, and whether that is an estimate."""
    with parts.engine.connect() as tx:
        return products.fitting(tx, product_id, profile)


def values_seen(parts: Parts) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Industries and sizes that companies have, to choose from."""
    with parts.engine.connect() as tx:
        return audience.seen(tx)


def names(parts: Parts, *, only_active: bool = True) -> list[tuple[int, str]]:
    with parts.engine.connect() as tx:
        return products.names(tx, only_active=only_active)


def find(parts: Parts, product_id: int) -> Product | None:
    with parts.engine.connect() as tx:
        return products.find(tx, product_id)


def choices(parts: Parts) -> Choices:
    with parts.engine.connect() as tx:
        return Choices(tuple(products.senders(tx)), tuple(user for user in users.every(tx) if user.is_active))


def free_colour(parts: Parts) -> int:
    """The colour and pattern that the fewest products in use have, the first of several."""
    least, most = NUMBERS["colour_no"]
    with parts.engine.connect() as tx:
        used = products.colours(tx)
    return min(range(least, most + 1), key=lambda no: used.get(no, 0))


def add(parts: Parts, form: Mapping[str, str], *, user_id: int, now: datetime) -> int:
    """A new product; returns its id. Raises Invalid."""
    errors: dict[str, str] = {}
    values = _basics(form, errors) | _first_values(form, errors)
    list_key = form.get("list_key", "").strip().lower()
    if not _LIST_KEY.fullmatch(list_key):
        errors["list_key"] = "odd" if list_key else "missing"
    with parts.engine.begin() as tx:
        errors |= _unknown_refs(tx, values)
        if not errors and products.is_name_taken(tx, str(values["name"])):
            errors["name"] = "taken"
        if "list_key" not in errors and products.is_list_key_taken(tx, list_key):
            errors["list_key"] = "taken"
        if errors:
            raise Invalid(errors)
        inheritance.ensure_family(tx, str(values["family"]))
        own = _own(tx, values)
        product_id = products.add(tx, {**values, "list_key": list_key, "own": own}, now=now)
        inheritance.settle(tx, product_id=product_id)
        audit.note(tx, noun="product", noun_id=product_id, action="add", user_id=user_id, now=now)
    return product_id


def save(
    parts: Parts, product_id: int, form: Mapping[str, str], *, version: int, user_id: int, now: datetime
) -> None:
    """Change what a product is called and who cares for it. Raises Invalid, Stale.

    Its list key never changes, mailboxes know it. A new family changes what the product inherits.
    """
    errors: dict[str, str] = {}
    values = _basics(form, errors)
    values["is_active"] = bool(form.get("is_active"))
    with parts.engine.begin() as tx:
        before = products.find(tx, product_id)
        if before is None:
            raise Invalid({"name": "unknown"})
        errors |= _unknown_refs(tx, values)
        if not errors and products.is_name_taken(tx, str(values["name"]), besides=product_id):
            errors["name"] = "taken"
        if errors:
            raise Invalid(errors)
        if not products.save(tx, product_id, values, version=version):
            raise Stale(products.find(tx, product_id) or before)
        inheritance.ensure_family(tx, str(values["family"]))
        if inheritance.settle(tx, product_id=product_id):
            ranks.ask_products_again(tx, [product_id], at=now)
        changes = {field: (getattr(before, field), value) for field, value in values.items()}
        audit.note(
            tx,
            noun="product",
            noun_id=product_id,
            action="change",
            user_id=user_id,
            now=now,
            changes=changes,
        )


def text(form: Mapping[str, str], field: str) -> str:
    """A field as one line of at most TEXT_MAX letters."""
    value = unicodedata.normalize("NFC", form.get(field, ""))
    # One line each: a line break in a name would be one in a mail's header.
    return " ".join(value.split())[:TEXT_MAX]


def number(value: str, least: int, most: int, field: str, errors: dict[str, str]) -> int:
    """A whole number as people type it; what is wrong with it goes into errors, and least comes back."""
    plain = unicodedata.normalize("NFKC", value).strip().replace(",", "")
    if not re.fullmatch(r"\d{1,15}", plain):
        errors[field] = "not_a_number" if plain else "missing"
        return least
    if not least <= int(plain) <= most:
        errors[field] = "out_of_range"
    return int(plain)


def _ref(form: Mapping[str, str], field: str) -> int | None:
    value = form.get(field, "")
    return int(value) if value.isdecimal() and len(value) < 19 else None


def _basics(form: Mapping[str, str], errors: dict[str, str]) -> dict[str, object]:
    values: dict[str, object] = {field: text(form, field) for field in TEXTS}
    if not values["name"]:
        errors["name"] = "missing"
    least, most = NUMBERS["colour_no"]
    values["colour_no"] = number(form.get("colour_no", ""), least, most, "colour_no", errors)
    values["unsubscribe_label"] = values["unsubscribe_label"] or values["name"]
    values["owner_user_id"] = _ref(form, "owner_user_id")
    return values


def _first_values(form: Mapping[str, str], errors: dict[str, str]) -> dict[str, object]:
    """What a new product's form asks besides: fields that it could also inherit."""
    values: dict[str, object] = {"price_band": text(form, "price_band")}
    for field in ("purchase_cycle_days", "gate_percent", "expected_amount_yen", "priority"):
        values[field] = number(form.get(field, ""), *NUMBERS[field], field, errors)
    percent = values.pop("gate_percent")
    assert isinstance(percent, int)
    values["gate"] = percent / 100
    values["sender_profile_id"] = _ref(form, "sender_profile_id")
    return values


def _own(tx: Connection, values: Mapping[str, object]) -> list[str]:
    """Which values of a new product are its own: those that differ from what it would inherit."""
    above = [(Level.HOUSE, inheritance.house(tx).own)]
    if family := inheritance.family_named(tx, str(values["family"])):
        above.insert(0, (Level.FAMILY, family.own))
    held = resolve({}, *above, level=Level.PRODUCT)
    typed = {field: value for field, value in values.items() if field in FIELDS}
    return sorted(set_apart(held, typed))


def _unknown_refs(tx: Connection, values: Mapping[str, object]) -> dict[str, str]:
    """References to rows that are not there, as errors."""
    errors = {}
    sender_id, owner_id = values.get("sender_profile_id"), values["owner_user_id"]
    if isinstance(sender_id, int) and products.sender(tx, sender_id) is None:
        errors["sender_profile_id"] = "unknown"
    if isinstance(owner_id, int) and users.find(tx, owner_id) is None:
        errors["owner_user_id"] = "unknown"
    return errors
