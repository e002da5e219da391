"""Write fax documents: a new one, a change, one that is used no more."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from campaigns.parts import Parts
from campaigns.storage import audit, fax_documents


def add(parts: Parts, values: Mapping[str, object], *, user_id: int | None, now: datetime) -> int:
    """Returns the new document's id."""
    with parts.engine.begin() as tx:
        id = fax_documents.add(tx, {**values, "created_by": user_id, "created_at": now})
        audit.note(tx, noun="fax_document", noun_id=id, action="add", user_id=user_id, now=now)
    return id


def save(
    parts: Parts,
    document_id: int,
    values: Mapping[str, object],
    *,
    version: int,
    user_id: int | None,
    now: datetime,
) -> bool:
    """False where somebody else saved first: nothing is written."""
    with parts.engine.begin() as tx:
        saved = fax_documents.save(tx, document_id, values, version=version)
        if saved:
            audit.note(tx, noun="fax_document", noun_id=document_id, action="edit", user_id=user_id, now=now)
    return saved
