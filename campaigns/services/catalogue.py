"""Catalogue: products, the senders behind their mails, and how much sales take of each.

What is wrong with a form comes back as {field: code}: missing, taken, not_a_number, out_of_range, odd,
unknown. A stale save raises Stale with the row as it stands now, so that the page can show both values.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from sqlalchemy import Connection

from campaigns.parts import Parts
from campaigns.rules import warmup
from campaigns.rules.handoff import Appetite, TeamState, appetite_now, bar, trust
from campaigns.rules.inheritance import FIELDS, Level, resolve, set_apart
from campaigns.storage import (
    audience,
    audit,
    gate,
    inheritance,
    products,
    ranks,
    refusal_list,
    sender_days,
    users,
    waiting,
)
from campaigns.storage.products import Course, Fitting, Listed, Product, Sender, TeamWord
from campaigns.storage.users import User

_EMAIL = re.compile(r"[^@\s<>,;]+@[^@\s<>,;]+\.[^@\s<>,;]+")
_DOMAIN = re.compile(
    r"(?=.{1,253}\Z)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{1,62}", re.IGNORECASE
)
_LIST_KEY = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?")
# field -> (least, most)
NUMBERS: dict[str, tuple[int, int]] = {
    "purchase_cycle_days": (30, 1095),
    "gate_percent": (1, 90),
    "expected_amount_yen": (0, 10**12),
    "priority": (1, 99),
    "colour_no": (1, 3),
}
SENDER_NUMBERS: dict[str, tuple[int, int]] = {"warmup_first": (10, warmup.FIRST_MAX)}
TEXTS = ("name", "family", "unsubscribe_label")
SENDER_TEXTS = (
    "name", "legal_name", "postal_address", "inquiry", "from_name", "from_address", "reply_to",
    "return_path_domain", "privacy_url",
)  # fmt: skip
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
class Gate:
    """The hand-off gate of a product as the panel shows it (spec 3.5). trust, bar: rates from 0 to 1."""

    team: TeamState
    appetite: Appetite
    is_stale: bool
    trust: float
    bar: float
    history: tuple[TeamWord, ...]

    @property
    def left(self) -> int:
        return max(0, self.team.capacity_per_week - self.team.handed_this_week)


@dataclass(frozen=True, slots=True)
class Choices:
    """What a product's form offers."""

    senders: tuple[Sender, ...]
    users: tuple[User, ...]


def listed(parts: Parts) -> list[Listed]:
    with parts.engine.connect() as tx:
        return products.listed(tx)


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


def fitting(parts: Parts, product_id: int, profile: Mapping[str, Sequence[str]]) -> list[Fitting]:
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


def gate_of(parts: Parts, product_id: int, *, now: datetime) -> Gate:
    """Where the bar stands for a product, and why."""
    local = now.astimezone(parts.settings.tz)
    week = _week_start(local)
    # The gate's own reading locks; this transaction only reads, and ends here.
    with parts.engine.begin() as tx:
        team = gate.teams(tx, [product_id], week=week, now=now)[product_id]
        history = tuple(products.team_words(tx, product_id))
    appetite = appetite_now(team, now=now)
    return Gate(
        team=team,
        appetite=appetite,
        is_stale=team.set_at is not None and appetite != team.appetite,
        trust=trust(team.wins, team.resolved),
        bar=bar(team, now=now),
        history=history,
    )


def set_team(
    parts: Parts, product_id: int, *, appetite: str, capacity: str, user_id: int, now: datetime
) -> None:
    """What sales say today about a product. Raises Invalid."""
    errors: dict[str, str] = {}
    if appetite not in set(Appetite):
        errors["appetite"] = "unknown"
    count = _number(capacity, 0, 999, "capacity_per_week", errors)
    if errors:
        raise Invalid(errors)
    with parts.engine.begin() as tx:
        if products.find(tx, product_id) is None:
            raise Invalid({"appetite": "unknown"})
        products.add_team_word(
            tx, product_id, appetite=appetite, capacity_per_week=count, user_id=user_id, now=now
        )
        audit.note(
            tx,
            noun="product",
            noun_id=product_id,
            action="appetite",
            user_id=user_id,
            now=now,
            changes={"appetite": (None, appetite), "capacity_per_week": (None, count)},
        )


def senders(parts: Parts) -> list[tuple[Sender, list[str]]]:
    """Each profile with the names of its products."""
    with parts.engine.connect() as tx:
        use = products.sender_use(tx)
        return [(sender, use.get(sender.id, [])) for sender in products.senders(tx)]


def sender(parts: Parts, sender_id: int) -> Sender | None:
    with parts.engine.connect() as tx:
        return products.sender(tx, sender_id)


def accounts(parts: Parts) -> tuple[str, ...]:
    """Names of the SMTP accounts that a profile may ask for."""
    return tuple(account.name for account in parts.settings.accounts())


def let_out(parts: Parts, sender_id: int, *, today: date) -> int:
    """Mails of a profile in warm-up that were let out today."""
    with parts.engine.connect() as tx:
        return sender_days.taken(tx, day=today).get(sender_id, 0)


def disclosed_senders(parts: Parts) -> list[Sender]:
    """The complete profiles, each legal sender once, for the privacy page."""
    with parts.engine.connect() as tx:
        found = {s.legal_name: s for s in products.senders(tx) if not s.missing}
    return list(found.values())


def add_sender(parts: Parts, form: Mapping[str, str], *, user_id: int, now: datetime) -> int:
    """A new profile; it may be incomplete, but then nothing is sent with it. Raises Invalid."""
    values = _sender(form, accounts(parts))
    with parts.engine.begin() as tx:
        sender_id = products.add_sender(tx, values)
        audit.note(tx, noun="sender_profile", noun_id=sender_id, action="add", user_id=user_id, now=now)
    return sender_id


def save_sender(
    parts: Parts, sender_id: int, form: Mapping[str, str], *, version: int, user_id: int, now: datetime
) -> None:
    """Raises Invalid, Stale."""
    with parts.engine.begin() as tx:
        before = products.sender(tx, sender_id)
        if before is None:
            raise Invalid({"name": "unknown"})
        # An account that is no longer in the settings may stay named: its mails wait until it is back.
        values = _sender(form, (*accounts(parts), before.smtp_account))
        if not products.save_sender(tx, sender_id, values, version=version):
            raise Stale(products.sender(tx, sender_id) or before)
        changes = {field: (getattr(before, field), value) for field, value in values.items()}
        audit.note(
            tx,
            noun="sender_profile",
            noun_id=sender_id,
            action="change",
            user_id=user_id,
            now=now,
            changes=changes,
        )


def _week_start(local: datetime) -> datetime:
    """Monday's midnight of this week, in the same zone."""
    return datetime.combine(local.date() - timedelta(days=local.weekday()), time(0), tzinfo=local.tzinfo)


def _text(form: Mapping[str, str], field: str) -> str:
    value = unicodedata.normalize("NFC", form.get(field, ""))
    # One line each: a line break in a name would be one in a mail's header.
    return " ".join(value.split())[:TEXT_MAX]


def _number(value: str, least: int, most: int, field: str, errors: dict[str, str]) -> int:
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
    values: dict[str, object] = {field: _text(form, field) for field in TEXTS}
    if not values["name"]:
        errors["name"] = "missing"
    least, most = NUMBERS["colour_no"]
    values["colour_no"] = _number(form.get("colour_no", ""), least, most, "colour_no", errors)
    values["unsubscribe_label"] = values["unsubscribe_label"] or values["name"]
    values["owner_user_id"] = _ref(form, "owner_user_id")
    return values


def _first_values(form: Mapping[str, str], errors: dict[str, str]) -> dict[str, object]:
    """What a new product's form asks besides: fields that it could also inherit."""
    values: dict[str, object] = {"price_band": _text(form, "price_band")}
    for field in ("purchase_cycle_days", "gate_percent", "expected_amount_yen", "priority"):
        values[field] = _number(form.get(field, ""), *NUMBERS[field], field, errors)
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


def _sender(form: Mapping[str, str], accounts: Sequence[str]) -> dict[str, object]:
    errors: dict[str, str] = {}
    values: dict[str, object] = {field: _text(form, field) for field in SENDER_TEXTS}
    if not values["name"]:
        errors["name"] = "missing"
    for field in ("from_address", "reply_to"):
        if values[field] and not _EMAIL.fullmatch(str(values[field])):
            errors[field] = "odd"
    if values["return_path_domain"] and not _DOMAIN.fullmatch(str(values["return_path_domain"])):
        errors["return_path_domain"] = "odd"
    if values["privacy_url"] and not str(values["privacy_url"]).startswith(("https://", "http://")):
        errors["privacy_url"] = "odd"
    values["smtp_account"] = _text(form, "smtp_account")
    if values["smtp_account"] and values["smtp_account"] not in accounts:
        errors["smtp_account"] = "unknown"
    values["warmup_from"] = _day(form.get("warmup_from", ""), "warmup_from", errors)
    least, most = SENDER_NUMBERS["warmup_first"]
    first = form.get("warmup_first", "").strip() or str(warmup.FIRST)
    values["warmup_first"] = _number(first, least, most, "warmup_first", errors)
    if errors:
        raise Invalid(errors)
    return values


def _day(value: str, field: str, errors: dict[str, str]) -> date | None:
    plain = unicodedata.normalize("NFKC", value).strip().replace("/", "-")
    if not plain:
        return None
    try:
        return date.fromisoformat(plain)
    except ValueError:
        errors[field] = "odd"
        return None
