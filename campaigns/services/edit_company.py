"""Edit a company: its facts and its class, with who, when, old and new; classes follow at once.

Source: S3-03, S3-04, S4-01 to S4-04.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from campaigns.parts import Parts
from campaigns.rules.classes import Class
from campaigns.services import classify
from campaigns.storage import audit, companies
from campaigns.storage.companies import Company


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
    """Save the fields given (companies.EDITABLE); returns the company as saved. Raises Stale, LookupError."""
    with parts.engine.begin() as tx:
        old = companies.get(tx, company_id)
        if old is None:
            raise LookupError(company_id)
        if "class" in values:
            Class(str(values["class"]))
        changes = {name: (_of(old, name), new) for name, new in values.items() if _of(old, name) != new}
        if not companies.save(
            tx, company_id, {name: new for name, (_, new) in changes.items()}, version=version
        ):
            raise Stale(old)
        audit.note(
            tx, noun="company", noun_id=company_id, action="edit", user_id=user_id, now=now, changes=changes
        )
    classify.run(parts, now=now, user_id=user_id)
    with parts.engine.connect() as tx:
        saved = companies.get(tx, company_id)
    assert saved is not None
    return saved


def _of(company: Company, name: str) -> object:
    return getattr(company, "company_class" if name == "class" else name)
