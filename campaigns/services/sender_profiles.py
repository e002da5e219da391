"""Sender profiles: who stands behind a product's mails, and with which account they leave.

What is wrong with a form comes back as Invalid {field: code}; a stale save raises Stale with the row as it stands.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from datetime import date, datetime

from campaigns.parts import Parts
from campaigns.rules import warmup
from campaigns.services.catalogue import Invalid, Stale, number, text
from campaigns.storage import audit, products, sender_days
from campaigns.storage.products import Sender

_EMAIL = re.compile(r"[^@\s<>,;]+@[^@\s<>,;]+\.[^@\s<>,;]+")
_DOMAIN = re.compile(
    r"(?=.{1,253}\Z)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{1,62}", re.IGNORECASE
)
# field -> (least, most)
NUMBERS: dict[str, tuple[int, int]] = {"warmup_first": (10, warmup.FIRST_MAX)}
TEXTS = (
    "name", "legal_name", "postal_address", "inquiry", "from_name", "from_address", "reply_to",
    "return_path_domain", "privacy_url",
)  # fmt: skip


def listed(parts: Parts) -> list[tuple[Sender, list[str]]]:
    """Each profile with the names of its products."""
    with parts.engine.connect() as tx:
        use = products.sender_use(tx)
        return [(sender, use.get(sender.id, [])) for sender in products.senders(tx)]


def find(parts: Parts, sender_id: int) -> Sender | None:
    with parts.engine.connect() as tx:
        return products.sender(tx, sender_id)


def of_product(parts: Parts, product_id: int | None) -> Sender | None:
    """Who stands behind a product's pages and mails; without a product, the first profile of the house."""
    with parts.engine.connect() as tx:
        return products.sender_of(tx, product_id)


def accounts(parts: Parts) -> tuple[str, ...]:
    """Names of the SMTP accounts that a profile may ask for."""
    return tuple(account.name for account in parts.settings.accounts())


def let_out(parts: Parts, sender_id: int, *, today: date) -> int:
    """Mails of a profile in warm-up that were let out today."""
    with parts.engine.connect() as tx:
        return sender_days.taken(tx, day=today).get(sender_id, 0)


def disclosed(parts: Parts) -> list[Sender]:
    """The complete profiles, each legal sender once, for the privacy page."""
    with parts.engine.connect() as tx:
        found = {s.legal_name: s for s in products.senders(tx) if not s.missing}
    return list(found.values())


def add(parts: Parts, form: Mapping[str, str], *, user_id: int, now: datetime) -> int:
    """A new profile; it may be incomplete, but then nothing is sent with it. Raises Invalid."""
    values = _sender(form, accounts(parts))
    with parts.engine.begin() as tx:
        sender_id = products.add_sender(tx, values)
        audit.note(tx, noun="sender_profile", noun_id=sender_id, action="add", user_id=user_id, now=now)
    return sender_id


def save(
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


def _sender(form: Mapping[str, str], accounts: Sequence[str]) -> dict[str, object]:
    errors: dict[str, str] = {}
    values: dict[str, object] = {field: text(form, field) for field in TEXTS}
    if not values["name"]:
        errors["name"] = "missing"
    for field in ("from_address", "reply_to"):
        if values[field] and not _EMAIL.fullmatch(str(values[field])):
            errors[field] = "odd"
    if values["return_path_domain"] and not _DOMAIN.fullmatch(str(values["return_path_domain"])):
        errors["return_path_domain"] = "odd"
    if values["privacy_url"] and not str(values["privacy_url"]).startswith(("https://", "http://")):
        errors["privacy_url"] = "odd"
    values["smtp_account"] = text(form, "smtp_account")
    if values["smtp_account"] and values["smtp_account"] not in accounts:
        errors["smtp_account"] = "unknown"
    values["warmup_from"] = _day(form.get("warmup_from", ""), "warmup_from", errors)
    least, most = NUMBERS["warmup_first"]
    first = form.get("warmup_first", "").strip() or str(warmup.FIRST)
    values["warmup_first"] = number(first, least, most, "warmup_first", errors)
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
