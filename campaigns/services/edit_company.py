"""Edit a company: its facts and its class, with who, when, old and new; the classes that follow from them change in
the same transaction.

Source: S3-03, S3-04, S4-01 to S4-04.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Connection

from campaigns.parts import Parts
from campaigns.rules.classes import Class, goes_to_field
from campaigns.services import classify
from campaigns.storage import audit, classes, companies, users
from campaigns.storage.companies import Company

# Who looks after it, and what its class follows from: not for everybody who may correct a telephone number.
GUARDED = (
    "class", "class_locked", "has_field_rep", "owner_user_id", "last_deal_on", "profit_12m_yen", "sales_12m_yen",
)  # fmt: skip


class OwnerError(ValueError):
    """Nobody who works here."""


class Stale(RuntimeError):
    """Somebody else saved first. current: what stands now."""

    def __init__(self, current: Company) -> None:
        super().__init__(f"company {current.id} has moved")
        self.current = current


def save(
    parts: Parts,
    company_id: int,
    values: Mapping[str, object],
    *,
    version: int,
    user_id: int | None,
    now: datetime,
) -> Company:
    """Save the fields given (companies.EDITABLE); returns the company as saved.

    Whether field sales follow it goes with a new owner, unless the same form says so itself. Raises Stale, LookupError,
    OwnerError.
    """
    with parts.engine.begin() as tx:
        old = companies.get(tx, company_id)
        if old is None:
            raise LookupError(company_id)
        if "class" in values:
            Class(str(values["class"]))
        changes = {name: (_of(old, name), new) for name, new in values.items() if _of(old, name) != new}
        if "owner_user_id" in changes and "has_field_rep" not in changes:
            is_field = goes_to_field(_role(tx, values["owner_user_id"]), was=old.has_field_rep)
            if is_field is not old.has_field_rep:
                changes["has_field_rep"] = (old.has_field_rep, is_field)
        is_classed = not changes.keys().isdisjoint(GUARDED)
        if is_classed:
            classes.lock(tx)
        if not companies.save(
            tx, company_id, {name: new for name, (_, new) in changes.items()}, version=version
        ):
            raise Stale(old)
        audit.note(
            tx, noun="company", noun_id=company_id, action="edit", user_id=user_id, now=now, changes=changes
        )
        if is_classed:
            classify.within(tx, parts, now=now, user_id=user_id)
        saved = companies.get(tx, company_id)
    assert saved is not None
    return saved


def _role(tx: Connection, user_id: object) -> str | None:
    """The role of who is named; None for nobody. Raises OwnerError."""
    if user_id is None:
        return None
    owner = users.find(tx, int(str(user_id)))
    if owner is None or not owner.is_active:
        raise OwnerError
    return owner.role


def _of(company: Company, name: str) -> object:
    return getattr(company, "company_class" if name == "class" else name)
